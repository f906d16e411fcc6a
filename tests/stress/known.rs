//! Successes that are counted by hash, while others need the counts: none is lost, none counted
//! twice.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use breakerbox::{
    CircuitBreaker, InMemoryCircuitBreakerStore, ManualClock, Outcome, Policy, SlidingWindow,
};

use crate::{THREADS, together, until_they_collide};

const EACH: u32 = 2_000;

fn of_ten_seconds() -> Policy {
    let window = SlidingWindow::Time(Duration::from_secs(10));
    let settings = Policy::builder().sliding_window(window);
    let settings = settings
        .minimum_calls(1_000_000)
        .failure_rate_threshold(100);
    settings.build().unwrap()
}

/// Some threads report by key, one looks at the window, and one turns the ticks or reports by
/// handle: each takes counts back while others count.
#[test]
fn counts_by_hash_add_up() {
    let policy = of_ten_seconds();
    until_they_collide(20, |round| {
        let clock = ManualClock::new(1_000_000);
        let store = InMemoryCircuitBreakerStore::builder()
            .clock(clock.clone())
            .build();
        let report = |outcome| {
            let permit = store.acquire("search", &policy).unwrap();
            let _ = store.report("search", permit, outcome, &policy);
        };
        // The table is made, and the circuit known.
        (0..20).for_each(|_| report(Outcome::Success));
        let done = AtomicBool::new(false);
        let collisions = together(THREADS, |thread| match thread {
            0 => {
                let mut grown = 0;
                let mut last = 0;
                while !done.load(Relaxed) {
                    let window = store.stats("search").and_then(|stats| stats.window);
                    let calls = window.unwrap().calls;
                    assert!(calls >= last, "{calls} after {last}");
                    grown += usize::from(calls > last);
                    last = calls;
                }
                grown
            }
            1 => {
                for n in 0..EACH / 100 {
                    // 5 s in all, so that no call leaves the window.
                    clock.advance_ms(250 / u64::from(EACH / 2_000));
                    if n % 4 == 0 {
                        let handle = store.circuit("search").unwrap();
                        let permit = handle.acquire(&policy).unwrap();
                        let _ = handle.report(permit, Outcome::Success, &policy);
                    }
                    std::thread::yield_now();
                }
                0
            }
            _ => {
                for n in 0..EACH {
                    let fails = thread == 2 && round % 2 == 0 && n == EACH / 2;
                    report(match fails {
                        true => Outcome::Failure,
                        false => Outcome::Success,
                    });
                }
                done.store(true, Relaxed);
                0
            }
        });
        let window = store.stats("search").unwrap().window.unwrap();
        let by_handle = (EACH / 100).div_ceil(4);
        let by_key = (THREADS - 2) as u32 * EACH;
        assert_eq!(window.calls, 20 + by_handle + by_key);
        assert_eq!(window.failures, u32::from(round % 2 == 0));
        collisions.into_iter().sum()
    });
}

/// Keys that share stripes, more than have entries: each window has its own calls.
#[test]
fn counts_by_hash_are_of_their_own_circuit() {
    const KEYS: u32 = 3_000;
    let policy = of_ten_seconds();
    let breaker = CircuitBreaker::builder()
        .policy(policy)
        .max_circuits(2 * KEYS as usize)
        .build()
        .unwrap();
    let names: Vec<String> = (0..KEYS).map(|key| format!("service-{key}")).collect();
    together(THREADS, |thread| {
        for round in 0..10 {
            for (key, name) in names.iter().enumerate() {
                let permit = breaker.acquire(name.as_str()).unwrap();
                let _ = match (thread + key).is_multiple_of(97) && round == 5 {
                    true => permit.failure(),
                    false => permit.success(),
                };
            }
        }
    });
    for (key, name) in names.iter().enumerate() {
        let window = breaker.stats(name.as_str()).unwrap().window.unwrap();
        let failures = (0..THREADS).filter(|thread| (thread + key).is_multiple_of(97));
        assert_eq!(
            (window.calls, window.failures),
            (10 * THREADS as u32, failures.count() as u32),
            "{name}"
        );
    }
}
