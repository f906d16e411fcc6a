//! Memory: bounded whatever keys clients invent, nothing for healthy keys, and counted bytes per
//! circuit.
//!
//! One test, since the allocator counts the whole process.

#[path = "support/allocation.rs"]
mod allocation;

use std::sync::Arc;
use std::time::Duration;

use breakerbox::{
    Cause, CircuitBreaker, CircuitBreakerBuilder, CircuitState, ManualClock, Policy, SlidingWindow,
};

use allocation::bytes;

type Breaker = CircuitBreaker<u64, std::hash::RandomState, ManualClock>;
type Builder = CircuitBreakerBuilder<u64, std::hash::RandomState, ManualClock>;

const MAX: usize = 10_000;
const INVENTED: u64 = if cfg!(debug_assertions) {
    100_000
} else {
    1_000_000
};
/// The ten upstreams that are configured.
const UPSTREAMS: std::ops::Range<u64> = u64::MAX - 10..u64::MAX;

fn breaker(with: impl FnOnce(Builder) -> Builder) -> (Breaker, ManualClock) {
    let clock = ManualClock::new(1_000_000);
    let builder = CircuitBreaker::keyed_builder().clock(clock.clone());
    (with(builder).build().unwrap(), clock)
}

fn state(breaker: &Breaker, key: u64) -> Option<CircuitState> {
    breaker.peek(&key).map(|circuit| circuit.state)
}

/// Checks that the upstreams trip and reject as ever, whatever other keys there are.
fn upstreams_work(breaker: &Breaker, failures: u32) {
    for key in UPSTREAMS {
        for _ in 0..failures {
            let _ = breaker.acquire(&key).unwrap().failure();
        }
        assert_eq!(state(breaker, key), Some(CircuitState::Open));
        assert!(breaker.acquire(&key).is_err());
    }
}

/// Calls each of a million unconfigured keys `failures` times, and returns the most memory that was
/// seen meanwhile.
fn flood(breaker: &Breaker, clock: &ManualClock, failures: u32) -> i64 {
    let before = bytes();
    let mut most = 0;
    for key in 0..INVENTED {
        for _ in 0..failures {
            if let Ok(permit) = breaker.acquire(&key) {
                let _ = permit.failure();
            }
        }
        if key.is_multiple_of(1_000) {
            clock.advance_ms(1);
            most = most.max(bytes() - before);
            assert!(breaker.len() <= MAX);
        }
    }
    most
}

#[test]
fn memory_is_bounded_and_small() {
    healthy_keys_take_none();

    bytes_per_circuit();

    keys_that_fail_once();

    keys_that_trip();

    a_used_circuit_stays();
    a_recovered_circuit_stays_for_a_while();

    open_circuits_leave_after_their_ttl();
}

fn healthy_keys_take_none() {
    let (breaker, _) = breaker(|b| b);
    let before = bytes();
    for key in 0..10_000 {
        let _ = breaker.acquire(&key).unwrap().success();
    }
    assert_eq!(bytes() - before, 0);
    assert!(breaker.is_empty());
}

fn bytes_per_circuit() {
    let count = SlidingWindow::Calls(100);
    let time = SlidingWindow::Time(Duration::from_secs(10));
    let windowed = |window| {
        let policy = Policy::builder()
            .sliding_window(window)
            .failure_rate_threshold(50);
        move |b: Builder| b.policy(policy.build().unwrap())
    };
    let per_circuit = |(breaker, _): (Breaker, ManualClock)| {
        let circuits = 50_000;
        let before = bytes();
        for key in 0..circuits {
            let _ = breaker.acquire(&key).unwrap().failure();
        }
        assert_eq!(breaker.len() as u64, circuits);
        (bytes() - before) / circuits as i64
    };
    let plain = per_circuit(breaker(|b| b));
    let counted = per_circuit(breaker(windowed(count)));
    let timed = per_circuit(breaker(windowed(time)));
    println!("bytes per circuit, key of 8 bytes included: {plain}; with a window of 100 calls");
    println!("{counted}; with a window of time {timed}");
    assert!(plain <= 192 + 8, "{plain}");
    assert!(counted <= 400, "{counted}");
    assert!(timed <= 600, "{timed}");
}

fn keys_that_fail_once() {
    let (breaker, clock) = breaker(|b| b.max_circuits(MAX));
    let _handles: Vec<_> = UPSTREAMS
        .map(|key| breaker.circuit(&key).unwrap())
        .collect();
    let most = flood(&breaker, &clock, 1);
    assert!(most < 300 * MAX as i64, "{most}");
    assert_eq!(breaker.store().untracked(), 0, "there was always room");
    assert!(breaker.store().evicted() >= INVENTED - MAX as u64);
    upstreams_work(&breaker, 5);
}

fn keys_that_trip() {
    let (breaker, clock) = breaker(|b| b.max_circuits(MAX).failure_threshold(2));
    let _handles: Vec<_> = UPSTREAMS
        .map(|key| breaker.circuit(&key).unwrap())
        .collect();
    let most = flood(&breaker, &clock, 2);
    assert!(most < 300 * MAX as i64, "{most}");
    assert!(
        breaker.store().untracked() > 0,
        "a full store answers, and counts it"
    );
    upstreams_work(&breaker, 2);
    // They are removed when their time is over.
    clock.advance(Duration::from_secs(30 + 300));
    let _ = breaker.acquire(&INVENTED).unwrap().failure();
    for key in INVENTED..INVENTED + MAX as u64 {
        let _ = breaker.acquire(&key).unwrap().failure();
    }
    assert!(state(&breaker, INVENTED + MAX as u64 - 1).is_some());
    for key in UPSTREAMS {
        assert!(state(&breaker, key).is_some(), "held by a handle");
    }
}

/// A circuit that gets reports again and again survives a flood, with its failures.
fn a_used_circuit_stays() {
    let (breaker, _) = breaker(|b| {
        let policy = Policy::builder()
            .failure_threshold(1_000_000)
            .failure_counting(breakerbox::FailureCounting::TotalFailures);
        b.max_circuits(MAX).policy(policy.build().unwrap())
    });
    let real = u64::MAX;
    for key in 0..100_000 {
        let _ = breaker.acquire(&key).unwrap().failure();
        if key.is_multiple_of(100) {
            let _ = breaker.acquire(&real).unwrap().failure();
        }
    }
    assert_eq!(breaker.peek(&real).unwrap().failure_count, 1_000);
}

/// A circuit that has recovered remembers that it was open. Its successes leave no trace in it, so
/// a flood of other keys must not take it for an unused one.
fn a_recovered_circuit_stays_for_a_while() {
    let (breaker, clock) = breaker(|b| {
        let policy = Policy::builder()
            .failure_threshold(1)
            .reset_timeout(Duration::from_secs(1))
            .backoff_factor(2.0);
        b.max_circuits(64).policy(policy.build().unwrap())
    });
    let real = u64::MAX;
    let _ = breaker.acquire(&real).unwrap().failure();
    clock.advance_ms(1_000);
    let _ = breaker.acquire(&real).unwrap().success();
    assert_eq!(state(&breaker, real), Some(CircuitState::Closed));
    for key in 0..3_000 {
        let _ = breaker.acquire(&real).unwrap().success();
        breaker.store().record_failure(&key);
    }
    assert!(breaker.store().evicted() > 2_000);
    assert_eq!(state(&breaker, real), Some(CircuitState::Closed));
    let _ = breaker.acquire(&real).unwrap().failure();
    let left = breaker.retry_after(&real);
    assert_eq!(left, Some(Duration::from_secs(2)), "its back-off continues");
}

fn open_circuits_leave_after_their_ttl() {
    let heard = Arc::new(std::sync::Mutex::new(Vec::new()));
    let ear = Arc::clone(&heard);
    let (breaker, clock) = breaker(|b| {
        b.max_circuits(4)
            .failure_threshold(1)
            .open_ttl(Duration::from_secs(60))
            .on_state_change(move |change| {
                let of_interest = matches!(change.cause, Cause::Evicted);
                if of_interest {
                    ear.lock()
                        .unwrap()
                        .push((change.key, change.from, change.to));
                }
            })
    });
    let policies = breaker.policies();
    for key in 0..4 {
        let _ = breaker.acquire(&key).unwrap().failure();
    }
    breaker.store().transition(&3, CircuitState::ForcedOpen);
    clock.advance_ms(89_999);
    breaker.get_state(&9);
    assert_eq!(state(&breaker, 9), None, "no room yet");
    clock.advance_ms(1);
    breaker.get_state(&9);
    assert!(state(&breaker, 9).is_some());
    let heard = heard.lock().unwrap();
    assert!(!heard.is_empty());
    for (key, from, to) in &*heard {
        assert!((0..3).contains(key));
        assert_eq!((*from, *to), (CircuitState::Open, CircuitState::Closed));
    }
    assert_eq!(state(&breaker, 3), Some(CircuitState::ForcedOpen));
    assert_eq!(
        policies.policy(&1),
        Policy::builder().failure_threshold(1).build().unwrap()
    );
}
