//! Calls in flight, and circuits that have to be watched from some moment on.

use breakerbox::{CircuitBreaker, CircuitState, Limits, PolicySet, Reported, SlidingWindow};
use breakerbox_loom_tests::{
    Hasher, KEY, Store, TickingClock, handle, limits, model, model_in_total_order, store_with_clock,
};
use loom::thread;
use std::time::Duration;

const HUNG_MS: u64 = 10_000;

/// Calls that hang open.
fn hung(calls: u32) -> Limits {
    let settings = Limits::builder().hung_calls(calls);
    let duration = Duration::from_millis(HUNG_MS);
    settings.hung_call_duration(duration).build().unwrap()
}

fn store() -> (Store, TickingClock) {
    let clock = TickingClock::new(1_000);
    let store = store_with_clock(clock.clone());
    store.get_state(&KEY);
    (store, clock)
}

/// Two calls that begin at the same time are two.
#[test]
fn each_call_takes_a_seat_of_its_own() {
    model("each_call_takes_a_seat_of_its_own", 2, || {
        let (store, clock) = store();
        let limits = hung(2);
        let begin = {
            let store = store.clone();
            move || store.acquire(&KEY, &limits).unwrap()
        };
        let other = thread::spawn(begin.clone());
        let permits = [begin(), other.join().unwrap()];
        clock.advance(HUNG_MS);
        assert!(store.acquire(&KEY, &limits).is_err(), "two calls hang");
        for permit in permits {
            assert_eq!(store.release(&KEY, permit, &limits), Reported::Stale);
        }
    });
}

/// A call that ends after its circuit has closed anew takes nobody's seat along.
#[test]
fn a_seat_is_given_back_by_its_own_call() {
    model("a_seat_is_given_back_by_its_own_call", 2, || {
        let (store, clock) = store();
        let limits = hung(1);
        let old = store.acquire(&KEY, &limits).unwrap();
        let ender = {
            let store = store.clone();
            thread::spawn(move || store.release(&KEY, old, &limits))
        };
        store.transition(&KEY, CircuitState::Closed);
        let hangs = store.acquire(&KEY, &limits).unwrap();
        ender.join().unwrap();
        clock.advance(HUNG_MS);
        assert!(store.acquire(&KEY, &limits).is_err(), "one call hangs");
        assert_eq!(store.release(&KEY, hangs, &limits), Reported::Stale);
    });
}

/// A circuit that closes while rules over a window are put in place is watched from then on, by
/// the one or the other.
#[test]
fn a_circuit_that_closes_meanwhile_is_watched() {
    // Each of the two writes one word and then looks at the other's: one of them sees both.
    model_in_total_order("a_circuit_that_closes_meanwhile_is_watched", 2, || {
        let half_of_two = Limits::builder()
            .sliding_window(SlidingWindow::Calls(2))
            .minimum_calls(2)
            .failure_rate_threshold(50);
        let half_of_two = half_of_two.build().unwrap();
        let breaker = CircuitBreaker::<u64>::builder()
            .hasher(Hasher::default())
            .clock(TickingClock::new(1_000))
            .policies(PolicySet::new(limits(9, 1, 1).into()))
            .build()
            .unwrap();
        let circuit = breaker.circuit(&KEY).unwrap();
        breaker.store().transition(&KEY, CircuitState::Open);
        let closer = handle(breaker.store());
        let closer = thread::spawn(move || drop(closer.transition(CircuitState::Closed)));
        breaker.set_policies(PolicySet::new(half_of_two.into()));
        closer.join().unwrap();
        assert_eq!(circuit.acquire().unwrap().success(), Reported::Recorded);
        assert_eq!(circuit.acquire().unwrap().failure(), Reported::Recorded);
        let state = breaker.peek(&KEY).unwrap().state;
        assert_eq!(state, CircuitState::Open, "one of two calls failed");
    });
}

/// A circuit that is imported while it is used is as imported, and the use after it; or as it was
/// used, and the import skips it.
#[test]
fn an_import_against_a_use() {
    model("an_import_against_a_use", 3, || {
        let (before, _) = store();
        for _ in 0..3 {
            before.record_failure(&KEY);
        }
        before.transition(&KEY, CircuitState::Open);
        let export = before.export();

        let (store, _) = store();
        let user = {
            let store = store.clone();
            thread::spawn(move || store.record_failure(&KEY))
        };
        let imported = store.import(export).unwrap().imported == 1;
        user.join().unwrap();
        let circuit = store.peek(&KEY).unwrap();
        let expected = if imported {
            (CircuitState::Open, 4)
        } else {
            (CircuitState::Closed, 1)
        };
        assert_eq!((circuit.state, circuit.failure_count), expected);
        let (rejects, unclean) = breakerbox::__loom::gate_counts(&store);
        assert_eq!((rejects, unclean), (imported.into(), (!imported).into()));
    });
}
