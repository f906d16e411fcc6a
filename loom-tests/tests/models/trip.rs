//! Trips: one thread wins, all others see it, and its time is right.

use breakerbox::{CircuitState, InMemoryCircuitBreakerStore, Outcome, Reported};
use breakerbox_loom_tests::{Hasher, KEY, Store, TickingClock, handle, model, policy, store};
use loom::sync::atomic::{AtomicBool, Ordering};
use loom::thread;
use std::sync::{Arc, Mutex};

#[test]
fn one_wins_closed_to_open() {
    model("one_wins_closed_to_open", 3, || {
        let events = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&events);
        let store: Store = InMemoryCircuitBreakerStore::keyed_builder()
            .hasher(Hasher::default())
            .clock(TickingClock::new(1_000))
            .on_state_change(move |change| heard.lock().unwrap().push((change.from, change.to)))
            .build();
        let policy = policy(1, 1, 1);
        let fail = {
            let handle = handle(&store);
            move || {
                let permit = handle.acquire(&policy);
                permit.map(|permit| handle.report(permit, Outcome::Failure, &policy))
            }
        };
        let other = thread::spawn(fail.clone());
        let results = [fail(), other.join().unwrap()];

        let recorded = results
            .iter()
            .filter(|r| **r == Ok(Reported::Recorded))
            .count();
        assert_eq!(recorded, 1, "{results:?}");
        let snapshot = store.get_state(&KEY);
        assert_eq!(
            (snapshot.state, snapshot.failure_count),
            (CircuitState::Open, 1)
        );
        assert_eq!(
            *events.lock().unwrap(),
            [(CircuitState::Closed, CircuitState::Open)]
        );
    });
}

/// The failure that reaches the threshold trips, and no earlier one; none is lost.
#[test]
fn the_threshold_is_reached_once() {
    model("the_threshold_is_reached_once", 1, || {
        let store = store();
        let policy = policy(2, 1, 1);
        let permits = [KEY; 3].map(|key| store.acquire(&key, &policy).unwrap());
        let [first, second, third] = permits.map(|permit| {
            let store = store.clone();
            move || store.report(&KEY, permit, Outcome::Failure, &policy)
        });
        let threads = [thread::spawn(second), thread::spawn(third)];
        let mut recorded = usize::from(first() == Reported::Recorded);
        for thread in threads {
            recorded += usize::from(thread.join().unwrap() == Reported::Recorded);
        }
        let snapshot = store.get_state(&KEY);
        assert_eq!(
            (snapshot.state, snapshot.failure_count),
            (CircuitState::Open, 2)
        );
        assert_eq!(recorded, 2);
    });
}

/// No check that begins after a trip has returned is admitted, even if it reads only the summary.
#[test]
fn a_trip_is_seen_by_later_checks() {
    model("a_trip_is_seen_by_later_checks", 3, || {
        a_check_beside_a_trip(&store());
    });
}

/// Trips the circuit; a check that begins after the trip has returned is rejected.
pub(crate) fn a_check_beside_a_trip(store: &Store) {
    let policy = policy(1, 1, 1);
    let tripped = Arc::new(AtomicBool::new(false));
    let thread = {
        let (store, tripped) = (store.clone(), Arc::clone(&tripped));
        thread::spawn(move || {
            let permit = store.acquire(&KEY, &policy).unwrap();
            let reported = store.report(&KEY, permit, Outcome::Failure, &policy);
            assert_eq!(reported, Reported::Recorded);
            tripped.store(true, Ordering::Release);
        })
    };
    let before = tripped.load(Ordering::Acquire);
    let admitted = store.acquire(&KEY, &policy).is_ok();
    assert!(
        !(before && admitted),
        "admitted after the trip had returned"
    );
    thread.join().unwrap();
    assert!(store.acquire(&KEY, &policy).is_err());
}

/// A stalled helper doesn't stamp a new trip with an old time, and all threads agree on one time.
#[test]
fn a_stamp_never_precedes_its_trip() {
    model("a_stamp_never_precedes_its_trip", 3, || {
        let clock = TickingClock::new(1_000);
        let store = breakerbox_loom_tests::store_with_clock(clock.clone());
        let circuit = handle(&store);
        let reader = {
            let circuit = circuit.clone();
            thread::spawn(move || circuit.get_state())
        };
        let before = clock.ahead();
        let opened = circuit.transition(CircuitState::Open);
        let seen = reader.join().unwrap();
        assert!(
            opened.last_state_change >= before,
            "{opened:?} began at {before}"
        );
        if seen.state == CircuitState::Open {
            assert_eq!(seen.last_state_change, opened.last_state_change);
        }
        assert_eq!(
            circuit.get_state().last_state_change,
            opened.last_state_change
        );
    });
}

/// Two transitions race: each generation has one stamp, whichever thread writes it, and the stamp
/// of the one that ended never comes back.
#[test]
fn stamps_of_racing_transitions() {
    model("stamps_of_racing_transitions", 2, || {
        let clock = TickingClock::new(1_000);
        let store = breakerbox_loom_tests::store_with_clock(clock.clone());
        let circuit = handle(&store);
        let start = clock.ahead();
        let other = {
            let circuit = circuit.clone();
            thread::spawn(move || circuit.transition(CircuitState::HalfOpen))
        };
        let open = circuit.transition(CircuitState::Open);
        let half_open = other.join().unwrap();
        let last = circuit.get_state();
        for snapshot in [open, half_open] {
            assert!(snapshot.last_state_change >= start);
            if snapshot.state == last.state {
                assert_eq!(snapshot.last_state_change, last.last_state_change);
            } else {
                assert!(snapshot.last_state_change < last.last_state_change);
            }
        }
    });
}

/// A call that the summary admits while its circuit is closed by hand was admitted after the close:
/// its failure counts.
#[test]
fn a_failure_after_a_check_by_the_summary_counts() {
    model("a_failure_after_a_check_by_the_summary_counts", 2, || {
        let store = store();
        let policy = policy(2, 1, 1);
        store.transition(&KEY, CircuitState::Open);
        let closer = {
            let store = store.clone();
            thread::spawn(move || {
                store.transition(&KEY, CircuitState::Closed);
            })
        };
        if let Ok(permit) = store.acquire(&KEY, &policy)
            && !permit.is_probe()
        {
            let reported = store.report(&KEY, permit, Outcome::Failure, &policy);
            assert_eq!(reported, Reported::Recorded);
            assert_eq!(store.peek(&KEY).unwrap().failure_count, 1);
        }
        closer.join().unwrap();
    });
}

/// A check that the summary admits comes after the close that made it quiet, whatever its thread
/// looks at next.
#[test]
fn a_check_by_the_summary_sees_the_close() {
    model("a_check_by_the_summary_sees_the_close", 2, || {
        let store = store();
        let circuit = handle(&store);
        store.transition(&KEY, CircuitState::Open);
        let closer = {
            let store = store.clone();
            thread::spawn(move || {
                store.transition(&KEY, CircuitState::Closed);
            })
        };
        let policy = policy(1, 1, 1);
        if store.acquire(&KEY, &policy).is_ok() {
            assert_eq!(circuit.peek().unwrap().state, CircuitState::Closed);
        }
        closer.join().unwrap();
    });
}
