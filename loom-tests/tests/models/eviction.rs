//! Eviction against use: a circuit in use is not lost, and nothing is left behind.

use breakerbox::__loom::{entries, summary_counts};
use breakerbox::{CircuitState, InMemoryCircuitBreakerStore, Outcome, Reported};
use breakerbox_loom_tests::{Hasher, KEY, Store, TickingClock, model, policy};
use loom::thread;

const OTHER: u64 = KEY + 1;

/// Returns a store that holds one circuit, so that a second one makes it sweep.
fn store_of_one() -> Store {
    InMemoryCircuitBreakerStore::keyed_builder()
        .hasher(Hasher::default())
        .clock(TickingClock::new(1_000))
        .max_circuits(1)
        .build()
}

/// A circuit that is clean when the sweep looks and trips before its eviction stays.
#[test]
fn a_trip_is_not_evicted() {
    model("a_trip_is_not_evicted", 2, || {
        let store = store_of_one();
        let policy = policy(1, 1, 1);
        store.get_state(&KEY);
        let permit = store.acquire(&KEY, &policy).unwrap();
        let sweeper = {
            let store = store.clone();
            thread::spawn(move || store.get_state(&OTHER))
        };
        let reported = store.report(&KEY, permit, Outcome::Failure, &policy);
        sweeper.join().unwrap();
        let (here, there) = (store.peek(&KEY), store.peek(&OTHER));
        assert!(here.is_some() || there.is_some());
        if reported == Reported::Recorded && there.is_none() {
            assert_eq!(here.unwrap().state, CircuitState::Open);
        }
        let open = u64::from(here.is_some_and(|circuit| circuit.state == CircuitState::Open));
        assert_eq!(summary_counts(&store), (open, 0));
        assert_eq!(store.len(), entries(&store));
    });
}

/// A circuit that a handle holds stays in the map, whenever the handle was made.
#[test]
fn a_pin_against_an_eviction() {
    model("a_pin_against_an_eviction", 2, || {
        let store = store_of_one();
        store.get_state(&KEY);
        let sweeper = {
            let store = store.clone();
            thread::spawn(move || {
                store.get_state(&OTHER);
            })
        };
        let handle = store.circuit(&KEY);
        let counted = handle.as_ref().ok().map(|handle| handle.record_failure());
        sweeper.join().unwrap();
        if let Some(counted) = counted {
            assert_eq!(counted.failure_count, 1);
            assert_eq!(store.peek(&KEY).unwrap().failure_count, 1);
        }
        assert_eq!(summary_counts(&store), (0, u64::from(counted.is_some())));
        assert_eq!(store.len(), entries(&store));
    });
}

/// A clean circuit that is evicted while a handle pins it is gone for good or was never gone: its
/// counts don't come back after it was unknown.
#[test]
fn an_eviction_that_meets_a_pin_never_was() {
    model("an_eviction_that_meets_a_pin_never_was", 2, || {
        let store = store_of_one();
        store.record_success(&KEY);
        let sweeper = {
            let store = store.clone();
            thread::spawn(move || {
                store.get_state(&OTHER);
            })
        };
        let was_unknown = store.peek(&KEY).is_none();
        if let Ok(handle) = store.circuit(&KEY) {
            let first = handle.get_state().success_count;
            let second = handle.peek().unwrap().success_count;
            assert_eq!(first, second);
            assert!(!was_unknown || first == 0, "it was unknown");
        }
        sweeper.join().unwrap();
        assert_eq!(summary_counts(&store), (0, 0));
        assert_eq!(store.len(), entries(&store));
    });
}
