//! The peers that have a window of time, with one of 10 s: one object per key.

use crate::subjects::{State, growth};
use breakerbox_benches::rules::Rules;
use breakerbox_benches::store::Fast;
use failsafe::backoff;
use failsafe::failure_policy::success_rate_over_time_window;
use failsafe::{CircuitBreaker as _, Config};
use std::future::{Future, Ready, ready};
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tower_resilience_circuitbreaker::{CircuitBreakerLayer, SlidingWindowType};
use tower_service::Service;

const WINDOW: Duration = Duration::from_secs(10);

type ByKey<T> = papaya::HashMap<String, T, Fast>;

pub(crate) fn failsafe(keys: &[String], state: State) -> i64 {
    let open = backoff::constant(Rules::OUT_OF_REACH.reset_timeout);
    let new = || {
        let rate = f64::from(Rules::PERCENT) / 100.0;
        let policy =
            success_rate_over_time_window(rate, Rules::MINIMUM_CALLS, WINDOW, open.clone());
        Config::new().failure_policy(policy).build()
    };
    growth(ByKey::default(), keys, state, |breakers, key, fails| {
        let breakers = breakers.pin();
        let breaker = breakers.get_or_insert_with(key.to_owned(), new);
        let _ = breaker.call(|| if fails { Err(()) } else { Ok(()) });
    })
}

pub(crate) fn tower(keys: &[String], state: State) -> i64 {
    let new = || {
        let builder = CircuitBreakerLayer::builder()
            .sliding_window_type(SlidingWindowType::TimeBased)
            .sliding_window_duration(WINDOW)
            .minimum_number_of_calls(Rules::MINIMUM_CALLS as usize)
            .failure_rate_threshold(f64::from(Rules::PERCENT) / 100.0);
        builder.build().expect("valid").layer_fn(Upstream)
    };
    growth(ByKey::default(), keys, state, |breakers, key, fails| {
        let breakers = breakers.pin();
        let mut breaker = breakers.get_or_insert_with(key.to_owned(), new).clone();
        let mut context = Context::from_waker(Waker::noop());
        assert!(breaker.poll_ready(&mut context).is_ready());
        // Nobody else has its mutex.
        let called = pin!(breaker.call(fails)).poll(&mut context);
        assert!(called.is_ready());
    })
}

/// Fails if it is told to.
#[derive(Clone)]
struct Upstream;

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
