//! circuitbreaker-rs: an atomic state, atomic counts, and mutexes around the times.

use super::super::rules::Rules;
use super::Peer;
use circuitbreaker_rs::{BreakerError, CircuitBreaker, DefaultPolicy};
use std::fmt;

pub struct CircuitBreakerRs(CircuitBreaker<DefaultPolicy, Failed>);

#[derive(Debug)]
pub(super) struct Failed;

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("failed")
    }
}

impl std::error::Error for Failed {}

impl Peer for CircuitBreakerRs {
    fn new(rules: Rules) -> Self {
        let breaker = CircuitBreaker::<DefaultPolicy, Failed>::builder()
            .consecutive_failures(rules.failure_threshold.into())
            // No rate is above 1, so only consecutive failures open it.
            .failure_threshold(2.0)
            .cooldown(rules.reset_timeout);
        Self(breaker.build())
    }

    fn open(rules: Rules) -> Self {
        let circuit = Self::new(rules);
        circuit.0.force_open();
        circuit
    }

    #[inline]
    fn call<const FAILS: bool>(&self) -> bool {
        let called = self.0.call(|| if FAILS { Err(Failed) } else { Ok(()) });
        !matches!(called, Err(BreakerError::Open))
    }
}
