//! The crate `breaker`: a state, counts and a ring of outcomes behind a lock.

use super::super::rules::Rules;
use super::Peer;
use breaker::{CircuitBreaker, CircuitBreakerConfig, CircuitBreakerError};
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

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
        let called = pin!(
            self.0
                .call(|| async { if FAILS { Err(()) } else { Ok(()) } })
        );
        // Nothing in it waits.
        let Poll::Ready(called) = called.poll(&mut Context::from_waker(Waker::noop())) else {
            unreachable!("the call is ready at once")
        };
        !matches!(called, Err(CircuitBreakerError::CircuitOpen))
    }
}
