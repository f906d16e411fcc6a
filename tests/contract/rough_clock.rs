//! A clock whose rough time is late by a time that changes with each look.

use std::time::Duration;

use breakerbox::{
    CircuitState, Clock, ClockedStore, InMemoryCircuitBreakerStore, ManualClock, Outcome, Policy,
    Rejected, SlidingWindow,
};

const START: u64 = 1_000_000;
/// The most by which the rough time is late.
const LAG: u64 = 10;
const KEY: &str = "upstream";

#[derive(Clone)]
struct Unsteady(ManualClock);

impl Clock for Unsteady {
    fn now_ms(&self) -> u64 {
        self.0.now_ms()
    }

    fn roughly_ms(&self) -> u64 {
        self.now_ms() - fastrand::u64(0..=LAG)
    }
}

fn store() -> (ClockedStore<Unsteady>, ManualClock) {
    let clock = ManualClock::new(START + fastrand::u64(0..1_000));
    let store = InMemoryCircuitBreakerStore::builder().clock(Unsteady(clock.clone()));
    (store.build(), clock)
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn left(rejected: &Rejected) -> u64 {
    rejected.retry_after().as_millis() as u64
}

#[test]
fn an_opening_ends_exactly_at_its_time() {
    for open_ms in [1, 50, 100, 101, 110, 111, 500] {
        let policy = Policy::builder()
            .reset_timeout(ms(open_ms))
            .build()
            .unwrap();
        let (store, clock) = store();
        let handle = store.circuit(KEY).unwrap();
        handle.transition(CircuitState::Open);
        for true_left in (1..=open_ms).rev() {
            for rejected in [store.acquire(KEY, &policy), handle.acquire(&policy)] {
                let told = left(&rejected.unwrap_err());
                let most = open_ms.min(true_left + LAG);
                assert!(
                    (true_left..=most).contains(&told),
                    "{told}, {true_left} left"
                );
                assert!(told == true_left || told > 100, "{told}, near the end");
            }
            clock.advance_ms(1);
        }
        assert!(handle.acquire(&policy).is_ok(), "after {open_ms} ms");
    }
}

#[test]
fn a_call_that_has_waited_as_it_was_told_is_admitted() {
    for waited in 0..300 {
        let policy = Policy::builder().reset_timeout(ms(300)).build().unwrap();
        let (store, clock) = store();
        store.transition(KEY, CircuitState::Open);
        clock.advance_ms(waited);
        let rejected = store.acquire(KEY, &policy).unwrap_err();
        clock.advance(rejected.retry_after());
        assert!(
            store.acquire(KEY, &policy).is_ok(),
            "{rejected:?} after {waited} ms"
        );
    }
}

/// Returns whether two failures that are `apart` open a circuit, as two in a window of `span` do.
fn opens(span: u64, apart: u64) -> bool {
    let policy = Policy::builder()
        .sliding_window(SlidingWindow::Time(ms(span)))
        .failures_in_window(2)
        .build()
        .unwrap();
    let (store, clock) = store();
    for wait in [apart, 0] {
        let permit = store.acquire(KEY, &policy).unwrap();
        let _ = store.report(KEY, permit, Outcome::Failure, &policy);
        clock.advance_ms(wait);
    }
    store.peek(KEY).unwrap().state == CircuitState::Open
}

#[test]
fn a_call_leaves_a_window_at_most_that_late_or_early() {
    for (span, lag) in [(390, 0), (400, LAG), (1_000, LAG), (10_000, LAG)] {
        for _ in 0..200 {
            assert!(opens(span, span * 9 / 10 - lag), "left {span} ms early");
            assert!(!opens(span, span + lag), "left {span} ms late");
        }
    }
}

#[test]
fn the_last_failure_is_at_most_that_early() {
    let (store, clock) = store();
    let policy = Policy::default();
    let mut last = 0;
    for _ in 0..100 {
        clock.advance_ms(fastrand::u64(0..3));
        let permit = store.acquire(KEY, &policy);
        match permit {
            Ok(permit) => drop(store.report(KEY, permit, Outcome::Failure, &policy)),
            Err(_) => drop(store.record_failure(KEY)),
        }
        let seen = store.peek(KEY).unwrap();
        let now = clock.now_ms();
        assert!((now - LAG..=now).contains(&seen.last_failure_time));
        assert!(seen.last_failure_time >= last, "it never steps back");
        last = seen.last_failure_time;
    }
}

/// The circuit's changes have precise times, which rough ones don't precede.
#[test]
fn a_change_is_stamped_precisely() {
    let (store, clock) = store();
    for to in [
        CircuitState::Open,
        CircuitState::Closed,
        CircuitState::Disabled,
    ] {
        clock.advance_ms(1);
        assert_eq!(store.transition(KEY, to).last_state_change, clock.now_ms());
    }
}
