//! tower-resilience-circuitbreaker: a tower service, whose circuit is behind tokio's mutex.
//!
//! A shared service is cloned for each call, as tower requires. Its future is polled in place,
//! which is cheaper than a runtime: it only ever waits for the mutex.

use super::super::rules::Rules;
use super::Peer;
use breakerbox::SlidingWindow;
use std::future::{Future, Ready, ready};
use std::pin::pin;
use std::sync::LazyLock;
use std::task::{Context, Poll, Waker};
use std::thread;
use tokio::runtime::{Builder, Runtime};
use tower_resilience_circuitbreaker::{
    CircuitBreaker, CircuitBreakerError, CircuitBreakerLayer, DefaultClassifier, SlidingWindowType,
};
use tower_service::Service;

pub struct TowerResilience(CircuitBreaker<Upstream, DefaultClassifier>);

/// A service that fails if it is told to.
#[derive(Clone)]
pub(super) struct Upstream;

impl Service<bool> for Upstream {
    type Response = ();
    type Error = ();
    type Future = Ready<Result<(), ()>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, fails: bool) -> Self::Future {
        ready(if fails { Err(()) } else { Ok(()) })
    }
}

impl Peer for TowerResilience {
    fn new(rules: Rules) -> Self {
        let builder = CircuitBreakerLayer::builder().wait_duration_in_open(rules.reset_timeout);
        let builder = match rules.window {
            None => builder.consecutive_failures(rules.failure_threshold as usize),
            Some(window) => match window {
                SlidingWindow::Time(time) => builder
                    .sliding_window_type(SlidingWindowType::TimeBased)
                    .sliding_window_duration(time),
                _ => builder.sliding_window_size(Rules::CALLS as usize),
            }
            .minimum_number_of_calls(Rules::MINIMUM_CALLS as usize)
            .failure_rate_threshold(f64::from(Rules::PERCENT) / 100.0),
        };
        Self(builder.build().unwrap().layer_fn(Upstream))
    }

    fn open(rules: Rules) -> Self {
        let circuit = Self::new(rules);
        wait_for(circuit.0.force_open());
        circuit
    }

    #[inline]
    fn call<const FAILS: bool>(&self) -> bool {
        let mut service = self.0.clone();
        while service.poll_ready(&mut context()).is_pending() {
            thread::yield_now();
            service = self.0.clone();
        }
        let called = wait_for(service.call(FAILS));
        !matches!(called, Err(CircuitBreakerError::OpenCircuit))
    }
}

/// Returns timers for services that are polled here. They must exist where a circuit that isn't
/// closed is busy, but no call waits for one: a service that is asked anew is ready sooner.
pub fn timers() -> &'static Runtime {
    static TIMERS: LazyLock<Runtime> =
        LazyLock::new(|| Builder::new_current_thread().enable_time().build().unwrap());
    &TIMERS
}

pub(super) fn wait_for<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut context()) {
            Poll::Ready(output) => return output,
            // Another thread has the mutex, and may need the core to release it.
            Poll::Pending => thread::yield_now(),
        }
    }
}

fn context() -> Context<'static> {
    Context::from_waker(Waker::noop())
}
