//! failsafe: a state machine behind a mutex.

use super::super::rules::Rules;
use super::{Ask, Peer};
use failsafe::backoff::{self, Constant};
use failsafe::failure_policy::{ConsecutiveFailures, consecutive_failures};
use failsafe::{CircuitBreaker, Config, Error, StateMachine};

pub struct Failsafe(StateMachine<ConsecutiveFailures<Constant>, ()>);

impl Failsafe {
    fn with(rules: Rules, failures: u32) -> Self {
        let policy = consecutive_failures(failures, backoff::constant(rules.reset_timeout));
        Self(Config::new().failure_policy(policy).build())
    }
}

impl Peer for Failsafe {
    /// Only a moving average over time.
    const HAS_WINDOW: bool = false;

    fn new(rules: Rules) -> Self {
        Self::with(rules, rules.failure_threshold)
    }

    fn open(rules: Rules) -> Self {
        let circuit = Self::with(rules, 1);
        circuit.call::<true>();
        circuit
    }

    #[inline]
    fn call<const FAILS: bool>(&self) -> bool {
        let called = self.0.call(|| if FAILS { Err(()) } else { Ok(()) });
        !matches!(called, Err(Error::Rejected))
    }
}

impl Ask for Failsafe {
    #[inline]
    fn admits(&self) -> bool {
        self.0.is_call_permitted()
    }
}
