//! The crate `breaker`: a state, counts and a ring of outcomes behind a lock.

use super::super::rules::Rules;
use super::Peer;
use super::tower::wait_for;
use breaker::{CircuitBreaker, CircuitBreakerConfig, CircuitBreakerError};
use std::future::ready;

pub struct BreakerCrate(CircuitBreaker);

impl Peer for BreakerCrate {
    fn new(rules: Rules) -> Self {
        let config = CircuitBreakerConfig::builder()
            .consecutive_failures(u32::MAX)
            .sliding_window_size(Rules::CALLS)
            .minimum_calls(Rules::MINIMUM_CALLS)
            .failure_rate_threshold(Rules::PERCENT as f32 / 100.0)
            .wait_duration(rules.reset_timeout);
        Self(CircuitBreaker::new(config.build()))
    }

    fn open(rules: Rules) -> Self {
        let circuit = Self::new(rules);
        circuit.0.trip();
        circuit
    }

    #[inline]
    fn call<const FAILS: bool>(&self) -> bool {
        let outcome = || ready(if FAILS { Err(()) } else { Ok(()) });
        let called = wait_for(self.0.call(outcome));
        !matches!(called, Err(CircuitBreakerError::CircuitOpen))
    }
}
