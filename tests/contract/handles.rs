//! Handles: they create circuits, keep them, and stay usable whatever happens to the circuit.

use breakerbox::{
    CircuitBreaker, CircuitState, InMemoryCircuitBreakerStore, Outcome, Policy, Reported,
};

use crate::scenario::{START, circuit};
use crate::support::clock::LaggingClock;
use crate::support::model::{Snapshot, State};
use crate::support::system::Store;

fn store() -> (Store, LaggingClock) {
    let clock = LaggingClock::new(START, 0);
    let store = InMemoryCircuitBreakerStore::builder()
        .clock(clock.clone())
        .build();
    (store, clock)
}

fn look(store: &Store) -> Option<Snapshot> {
    store.peek("upstream").map(Snapshot::from)
}

#[test]
fn a_handle_creates_its_circuit() {
    let (store, _) = store();
    let handle = store.circuit("upstream").unwrap();
    assert_eq!(handle.key(), "upstream");
    assert_eq!(look(&store), Some(circuit(State::Closed, START)));
    assert_eq!(store.len(), 1);

    drop(handle);
    assert_eq!(store.len(), 1, "and it stays when the handle goes");
}

#[test]
fn handles_and_keys_are_the_same_circuit() {
    let (store, _) = store();
    let one = store.circuit("upstream").unwrap();
    let two = store.circuit("upstream").unwrap();
    let copy = one.clone();
    one.record_failure();
    two.record_failure();
    copy.record_failure();
    store.record_failure("upstream");
    assert_eq!(copy.get_state().failure_count, 4);

    store.transition("upstream", CircuitState::ForcedOpen);
    for handle in [&one, &two, &copy] {
        assert!(handle.acquire(&Policy::default()).is_err());
    }
    assert_eq!(store.len(), 1);
}

#[test]
fn a_permit_of_one_may_be_reported_to_the_other() {
    let (store, _) = store();
    let policy = Policy::builder().failure_threshold(3).build().unwrap();
    let by_key = store.acquire("upstream", &policy).unwrap();
    let handle = store.circuit("upstream").unwrap();
    let by_handle = handle.acquire(&policy).unwrap();
    assert_eq!(
        handle.report(by_key, Outcome::Failure, &policy),
        Reported::Recorded
    );
    assert_eq!(
        store.report("upstream", by_handle, Outcome::Failure, &policy),
        Reported::Recorded
    );
    assert_eq!(handle.get_state().failure_count, 2);
}

/// The ways to remove a circuit under a live handle.
const REMOVALS: [fn(&Store); 4] = [
    |store| store.reset("upstream"),
    |store| store.circuit("upstream").unwrap().reset(),
    |store| store.clear(),
    |store| store.destroy(),
];

#[test]
fn a_removed_circuit_reads_as_unknown_under_its_handle() {
    for remove in REMOVALS {
        let (store, clock) = store();
        let handle = store.circuit("upstream").unwrap();
        handle.record_failure();
        handle.record_success();
        remove(&store);
        assert_eq!(handle.peek(), None);
        assert_eq!(look(&store), None);
        assert_eq!((store.len(), store.is_empty()), (0, true));
        assert_eq!(store.snapshots(), []);

        // The call is admitted without a circuit.
        assert!(handle.acquire(&Policy::default()).is_ok());
        assert_eq!(handle.peek(), None);

        clock.set(5_000);
        let renewed = circuit(State::Closed, 5_000);
        assert_eq!(
            Snapshot::from(handle.get_state()),
            renewed,
            "no old state is left"
        );
        assert_eq!(look(&store), Some(renewed), "by key and by handle");
        assert_eq!(store.len(), 1);
    }
}

#[test]
fn a_handle_and_its_key_share_one_circuit() {
    for remove in REMOVALS {
        let (store, _) = store();
        let handle = store.circuit("upstream").unwrap();
        for round in 1..=3 {
            remove(&store);
            store.record_failure("upstream");
            handle.record_failure();
            assert_eq!(
                store.get_state("upstream").failure_count,
                2,
                "round {round}"
            );
            assert_eq!(handle.get_state().failure_count, 2, "round {round}");
        }
        // Without the handle a removal leaves no circuit, and the next one is new.
        drop(handle);
        remove(&store);
        assert_eq!(store.record_failure("upstream").failure_count, 1);
    }
}

#[test]
fn a_reset_of_an_open_circuit_admits_by_handle_and_key() {
    for remove in REMOVALS {
        let (store, _) = store();
        let policy = Policy::default();
        let handle = store.circuit("upstream").unwrap();
        handle.transition(CircuitState::Open);
        assert!(handle.acquire(&policy).is_err());
        remove(&store);
        assert!(handle.acquire(&policy).is_ok());
        assert!(store.acquire("upstream", &policy).is_ok());
    }
}

#[test]
fn a_removal_makes_permits_of_the_handle_stale() {
    for remove in REMOVALS {
        let (store, _) = store();
        let policy = Policy::default();
        let handle = store.circuit("upstream").unwrap();
        let before = handle.acquire(&policy).unwrap();
        remove(&store);
        let after = handle.acquire(&policy).unwrap();
        assert_eq!(
            handle.report(before, Outcome::Failure, &policy),
            Reported::Stale
        );
        assert_eq!(handle.peek(), None, "a stale report creates nothing");
        assert_eq!(
            handle.report(after, Outcome::Failure, &policy),
            Reported::Recorded
        );
        assert_eq!(handle.get_state().failure_count, 1);
    }
}

#[test]
fn a_handle_outlives_its_store() {
    let (store, _) = store();
    let handle = store.circuit("upstream").unwrap();
    drop(store);
    assert_eq!(handle.record_failure().failure_count, 1);
    let elsewhere = std::thread::spawn(move || handle.record_failure().failure_count);
    assert_eq!(elsewhere.join().unwrap(), 2);
}

#[test]
fn a_handle_of_a_breaker_looks_at_its_circuit_and_resets_it() {
    let breaker = CircuitBreaker::builder()
        .failure_threshold(1)
        .build()
        .unwrap();
    let handle = breaker.circuit("upstream").unwrap();
    assert_eq!(handle.key(), "upstream");
    let stale = handle.acquire().unwrap();
    let _ = handle.acquire().unwrap().failure();
    assert_eq!(handle.get_state(), breaker.get_state("upstream"));
    assert_eq!(handle.get_state().state, CircuitState::Open);

    handle.reset();
    assert_eq!((handle.peek(), breaker.peek("upstream")), (None, None));
    assert_eq!(stale.failure(), Reported::Stale);
    assert_eq!(handle.acquire().unwrap().failure(), Reported::Recorded);
    assert_eq!(handle.peek(), breaker.peek("upstream"));
    assert!(handle.acquire().is_err());
}
