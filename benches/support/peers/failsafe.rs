//! failsafe: a state machine behind a mutex.

use super::super::rules::Rules;
use super::Peer;
use breakerbox::SlidingWindow;
use failsafe::backoff::{self, Constant};
use failsafe::failure_policy::{
    ConsecutiveFailures, FailurePolicy, SuccessRateOverTimeWindow, consecutive_failures,
    success_rate_over_time_window,
};
use failsafe::{CircuitBreaker, Config, Error, StateMachine};

pub struct Machine<P>(StateMachine<P, ()>);

pub type Failsafe = Machine<ConsecutiveFailures<Constant>>;

/// The breaker with a rule over a window of time, which is a moving average.
pub type FailsafeRate = Machine<SuccessRateOverTimeWindow<Constant>>;

/// A policy that opens after `failures` in a row, or by the window of the rules.
pub trait Policy: FailurePolicy + Send + Sync + 'static {
    fn of(rules: Rules, failures: u32) -> Self;
}

impl Policy for ConsecutiveFailures<Constant> {
    fn of(rules: Rules, failures: u32) -> Self {
        consecutive_failures(failures, backoff::constant(rules.reset_timeout))
    }
}

impl Policy for SuccessRateOverTimeWindow<Constant> {
    fn of(rules: Rules, _: u32) -> Self {
        let Some(SlidingWindow::Time(window)) = rules.window else {
            unreachable!("it has rules over a window of time alone");
        };
        success_rate_over_time_window(
            f64::from(Rules::PERCENT) / 100.0,
            Rules::MINIMUM_CALLS,
            window,
            backoff::constant(rules.reset_timeout),
        )
    }
}

impl<P: Policy> Machine<P> {
    fn with(rules: Rules, failures: u32) -> Self {
        let policy = P::of(rules, failures);
        Self(Config::new().failure_policy(policy).build())
    }

    #[inline]
    pub fn admits(&self) -> bool {
        self.0.is_call_permitted()
    }
}

impl<P: Policy> Peer for Machine<P> {
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
