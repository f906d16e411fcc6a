//! Values in thread-locals, which are dropped while their thread ends.
//!
//! The thread-local is made before the breaker is used in its thread, so it is dropped after those
//! of papaya.

use std::any::Any;
use std::cell::RefCell;
use std::process::Command;
use std::time::Duration;

use breakerbox::{CircuitBreaker, InMemoryCircuitBreakerStore, ManualClock, Policy};

thread_local! {
    static KEPT: RefCell<Vec<Box<dyn Any>>> = const { RefCell::new(Vec::new()) };
}

fn keep(value: impl Any) {
    KEPT.with_borrow_mut(|kept| kept.push(Box::new(value)));
}

fn alone(name: &str) {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--ignored", "--nocapture"])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {text}", output.status);
}

fn at_the_end_of_a_thread(f: impl FnOnce() + Send + 'static) {
    std::thread::spawn(move || {
        KEPT.with_borrow_mut(|kept| kept.reserve(1));
        f();
    })
    .join()
    .unwrap();
}

macro_rules! ending {
    ($($child:ident $parent:ident $f:expr;)+) => {$(
        #[test]
        #[ignore = "run by its parent, in a process of its own"]
        fn $child() {
            at_the_end_of_a_thread($f);
        }

        #[test]
        fn $parent() {
            alone(stringify!($child));
        }
    )+};
}

ending! {
    child_probe a_probe_is_given_back || {
        let clock = ManualClock::new(1_000_000);
        let breaker = CircuitBreaker::builder()
            .clock(clock.clone())
            .failure_threshold(1)
            .build()
            .unwrap();
        let _ = breaker.acquire("a").unwrap().failure();
        clock.advance_ms(30_000);
        let probe = breaker.acquire_owned("a").unwrap();
        assert!(probe.is_probe());
        keep(probe);
    };
    child_slot a_slot_is_given_back || {
        let policy = Policy::builder().hung_calls(1).hung_call_duration(Duration::from_secs(1));
        let breaker = CircuitBreaker::builder().policy(policy.build().unwrap()).build().unwrap();
        keep(breaker.acquire_owned("a").unwrap());
    };
    child_plain a_plain_permit_is_dropped || {
        let breaker = CircuitBreaker::new();
        let _ = breaker.acquire("a").unwrap().failure();
        keep(breaker.acquire_owned("a").unwrap());
    };
    child_handle a_handle_is_dropped || {
        let breaker = CircuitBreaker::new();
        keep(breaker.circuit("a").unwrap());
    };
    child_breaker a_breaker_is_dropped || {
        let breaker = CircuitBreaker::new();
        let _ = breaker.acquire("a").unwrap().failure();
        keep(breaker);
    };
    child_breaker_of_a_store a_breaker_whose_store_lives_on_is_dropped || {
        let breaker = CircuitBreaker::new();
        let _ = breaker.acquire("a").unwrap().failure();
        let store: InMemoryCircuitBreakerStore = breaker.store().clone();
        keep(breaker);
        std::mem::forget(store);
    };
}
