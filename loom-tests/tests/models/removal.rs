//! Resets, re-creation and handles: nothing is lost, comes back or is left behind.

use breakerbox::__loom::{entries, share_a_stripe, summary_counts};
use breakerbox::{CircuitState, InMemoryCircuitBreakerStore, Outcome, Reported};
use breakerbox_loom_tests::{Hasher, KEY, Store, TickingClock, handle, model, policy, store};
use loom::thread;
use std::sync::{Arc, Mutex};

#[test]
fn a_reset_loses_no_later_record() {
    model("a_reset_loses_no_later_record", 3, || {
        let store = store();
        store.record_failure(&KEY);
        let other = {
            let store = store.clone();
            thread::spawn(move || store.reset(&KEY))
        };
        let counted = store.record_failure(&KEY).failure_count;
        other.join().unwrap();
        let left = store
            .peek(&KEY)
            .map_or(0, |snapshot| snapshot.failure_count);
        // If the failure came before the reset, it is gone with the first; otherwise it is the
        // first.
        assert!(
            matches!((counted, left), (2, 0) | (1, 1) | (1, 0)),
            "{counted}, {left}"
        );
        assert!(
            counted != 1 || left == 1,
            "counted in a new circuit, which is lost"
        );
        assert_eq!(
            (store.len(), entries(&store)),
            (left as usize, left as usize)
        );
        assert_eq!(summary_counts(&store), (0, left));
    });
}

/// Two creators and a reset race: the failures that were counted last are there, once.
#[test]
fn creators_and_a_reset() {
    model("creators_and_a_reset", 1, || {
        let store = store();
        let creator = {
            let store = store.clone();
            thread::spawn(move || store.record_failure(&KEY).failure_count)
        };
        let resetter = {
            let store = store.clone();
            thread::spawn(move || store.reset(&KEY))
        };
        let here = store.record_failure(&KEY).failure_count;
        let there = creator.join().unwrap();
        resetter.join().unwrap();
        assert!(
            matches!((here, there), (1, 1) | (1, 2) | (2, 1) | (2, 2)),
            "{here}, {there}"
        );
        let left = store
            .peek(&KEY)
            .map_or(0, |snapshot| snapshot.failure_count);
        assert!(left <= 2 && entries(&store) == usize::from(left > 0));
        assert_eq!(summary_counts(&store), (0, u64::from(left > 0)));
    });
}

/// Two resets race: neither removes the circuit that was created after the other.
#[test]
fn two_resets_and_a_record() {
    model("two_resets_and_a_record", 2, || {
        let store = store();
        store.record_failure(&KEY);
        let other = {
            let store = store.clone();
            thread::spawn(move || store.reset(&KEY))
        };
        store.reset(&KEY);
        let success = store.record_success(&KEY);
        assert_eq!(success.failure_count, 0);
        other.join().unwrap();
        let left = store
            .peek(&KEY)
            .map_or(0, |snapshot| snapshot.success_count);
        assert_eq!(
            (store.len(), entries(&store)),
            (left as usize, left as usize)
        );
        assert_eq!(summary_counts(&store), (0, 0));
    });
}

/// A report from before a reset is stale, even if the key has been created again.
#[test]
fn a_report_does_not_cross_a_reset() {
    model("a_report_does_not_cross_a_reset", 3, || {
        let store = store();
        let policy = policy(5, 1, 1);
        store.record_failure(&KEY);
        let permit = store.acquire(&KEY, &policy).unwrap();
        let other = {
            let store = store.clone();
            thread::spawn(move || {
                store.reset(&KEY);
                store.record_failure(&KEY)
            })
        };
        let reported = store.report(&KEY, permit, Outcome::Failure, &policy);
        let revived = other.join().unwrap();
        assert_eq!(revived.failure_count, 1, "the report was {reported:?}");
        assert_eq!(store.get_state(&KEY).failure_count, 1);
    });
}

/// An open circuit admits no call, so an admitted one came after the reset and isn't stale.
#[test]
fn a_permit_after_a_reset_is_not_stale() {
    model("a_permit_after_a_reset_is_not_stale", 2, || {
        a_check_beside_the_end_of_an_opening(&store(), |store| store.reset(&KEY));
    });
}

/// Checks a circuit while its opening ends. If the call is admitted, its report counts.
pub(crate) fn a_check_beside_the_end_of_an_opening(
    store: &Store,
    end: impl FnOnce(&Store) + Send + 'static,
) {
    let policy = policy(5, 1, 1);
    store.transition(&KEY, CircuitState::Open);
    let other = {
        let store = store.clone();
        thread::spawn(move || end(&store))
    };
    let permit = store.acquire(&KEY, &policy);
    other.join().unwrap();
    if let Ok(permit) = permit {
        let reported = store.report(&KEY, permit, Outcome::Failure, &policy);
        let failures = store.get_state(&KEY).failure_count;
        assert_eq!((reported, failures), (Reported::Recorded, 1));
    }
}

/// A permit given by the summary alone, while its circuit moves on, never counts as a probe's.
#[test]
fn a_permit_of_the_summary_does_not_decide_a_half_open() {
    model(
        "a_permit_of_the_summary_does_not_decide_a_half_open",
        3,
        || {
            a_check_beside_a_half_open(&store());
        },
    );
}

/// Reports a call that asked while its circuit became half-open: the report decides if and only if
/// the call is a probe. Returns whether it was admitted.
pub(crate) fn a_check_beside_a_half_open(store: &Store) -> bool {
    let policy = policy(5, 2, 1);
    let other = {
        let store = store.clone();
        thread::spawn(move || store.transition(&KEY, CircuitState::HalfOpen))
    };
    let permit = store.acquire(&KEY, &policy);
    other.join().unwrap();
    let Ok(permit) = permit else {
        return false;
    };
    let reported = store.report(&KEY, permit, Outcome::Success, &policy);
    let expected = match permit.is_probe() {
        true => (Reported::Recorded, CircuitState::Closed),
        false => (Reported::Stale, CircuitState::HalfOpen),
    };
    assert_eq!((reported, store.get_state(&KEY).state), expected);
    true
}

/// Calls that are admitted together while their circuit doesn't exist all count, even if circuits
/// of other keys come and go.
#[test]
fn calls_admitted_together_all_count() {
    model("calls_admitted_together_all_count", 2, || {
        let store = store();
        assert!(!share_a_stripe(&store, [&KEY, &OTHER]));
        let policy = policy(5, 1, 1);
        let noise = {
            let store = store.clone();
            thread::spawn(move || store.transition(&OTHER, CircuitState::Open))
        };
        let callers = [(); 2].map(|()| {
            let store = store.clone();
            thread::spawn(move || {
                let permit = store.acquire(&KEY, &policy).unwrap();
                store.report(&KEY, permit, Outcome::Failure, &policy)
            })
        });
        for caller in callers {
            assert_eq!(caller.join().unwrap(), Reported::Recorded);
        }
        noise.join().unwrap();
        assert_eq!(store.get_state(&KEY).failure_count, 2);
    });
}

const OTHER: u64 = 5;

/// A pinned cell never leaves the map: the store sees what its handle counts.
#[test]
fn a_pin_against_a_reset() {
    model("a_pin_against_a_reset", 2, || {
        let store = store();
        store.record_success(&KEY);
        let other = {
            let store = store.clone();
            thread::spawn(move || store.reset(&KEY))
        };
        let circuit = handle(&store);
        other.join().unwrap();
        circuit.record_failure();
        let seen = store
            .peek(&KEY)
            .expect("the handle's circuit is in the map");
        assert_eq!(seen.failure_count, 1);
        assert_eq!((store.len(), entries(&store)), (1, 1));
    });
}

/// The same, if the handle counts during the reset and is then dropped.
#[test]
fn a_short_pin_against_a_reset() {
    model("a_short_pin_against_a_reset", 2, || {
        let store = store();
        store.record_success(&KEY);
        let other = {
            let store = store.clone();
            thread::spawn(move || store.reset(&KEY))
        };
        let counted = {
            let circuit = handle(&store);
            circuit.record_failure();
            circuit.record_failure().failure_count
        };
        other.join().unwrap();
        let left = store
            .peek(&KEY)
            .map_or(0, |snapshot| snapshot.failure_count);
        assert!(left <= counted && counted <= 2);
        assert_eq!(summary_counts(&store), (0, u64::from(left > 0)));
        store.record_failure(&KEY);
        assert_eq!(store.get_state(&KEY).failure_count, left + 1);
        assert_eq!(entries(&store), 1);
    });
}

/// A retired cell that a handle has brought back, and that a second reset retires again, is not
/// sealed by a thread that saw it retired before.
#[test]
fn two_resets_and_a_handle() {
    model("two_resets_and_a_handle", 2, || {
        let store = store();
        store.record_success(&KEY);
        let resetter = {
            let store = store.clone();
            thread::spawn(move || store.reset(&KEY))
        };
        let circuit = handle(&store);
        circuit.record_failure();
        drop(circuit);
        store.reset(&KEY);
        resetter.join().unwrap();
        let left = store
            .peek(&KEY)
            .map_or(0, |snapshot| snapshot.failure_count);
        // A cell that left the map without being retired would still be counted here.
        assert_eq!(summary_counts(&store), (0, u64::from(left > 0)));
        assert_eq!(store.record_failure(&KEY).failure_count, left + 1);
        assert_eq!(entries(&store), 1);
    });
}

/// A trip races with a reset and a clear: at rest only open circuits keep the summary busy.
#[test]
fn the_summary_is_quiet_again() {
    model("the_summary_is_quiet_again", 1, || {
        let store = store();
        let policy = policy(1, 1, 1);
        let permit = store.acquire(&KEY, &policy).unwrap();
        let remover = {
            let store = store.clone();
            thread::spawn(move || {
                store.reset(&KEY);
                store.clear();
            })
        };
        let _ = store.report(&KEY, permit, Outcome::Failure, &policy);
        remover.join().unwrap();
        let open = store
            .peek(&KEY)
            .is_some_and(|seen| seen.state == CircuitState::Open);
        assert_eq!(summary_counts(&store), (u64::from(open), 0));
        store.reset(&KEY);
        assert_eq!(summary_counts(&store), (0, 0));
        assert_eq!((store.len(), entries(&store)), (0, 0));
    });
}

/// Each transition is one event, and in the order of generations they form a chain from closed.
#[test]
fn each_transition_is_one_event() {
    model("each_transition_is_one_event", 1, || {
        let events = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&events);
        let store: Store = InMemoryCircuitBreakerStore::keyed_builder()
            .hasher(Hasher::default())
            .clock(TickingClock::new(1_000))
            .on_state_change(move |change| {
                let mut heard = heard.lock().unwrap();
                heard.push((change.generation, change.from, change.to));
            })
            .build();
        let policy = policy(1, 1, 1);
        let permit = store.acquire(&KEY, &policy).unwrap();
        let other = {
            let store = store.clone();
            thread::spawn(move || {
                store.transition(&KEY, CircuitState::HalfOpen);
                store.reset(&KEY);
            })
        };
        let _ = store.report(&KEY, permit, Outcome::Failure, &policy);
        other.join().unwrap();
        let mut events = events.lock().unwrap().clone();
        events.sort_by_key(|&(generation, ..)| generation);
        let mut state = CircuitState::Closed;
        let mut last = 0;
        for &(generation, from, to) in &events {
            assert!(generation > last && from == state, "{events:?}");
            (last, state) = (generation, to);
        }
        let now = store
            .peek(&KEY)
            .map_or(CircuitState::Closed, |seen| seen.state);
        assert_eq!(state, now, "{events:?}");
    });
}

/// A record that a reset has undone isn't repeated.
#[test]
fn a_record_takes_place_once() {
    model("a_record_takes_place_once", 3, || {
        let store = store();
        let other = {
            let store = store.clone();
            thread::spawn(move || store.record_failure(&KEY))
        };
        let seen = store
            .peek(&KEY)
            .is_some_and(|snapshot| snapshot.failure_count == 1);
        store.reset(&KEY);
        other.join().unwrap();
        assert!(
            !seen || store.peek(&KEY).is_none(),
            "counted again after the reset"
        );
    });
}

/// A transition that a reset has undone isn't repeated.
#[test]
fn a_transition_takes_place_once() {
    model("a_transition_takes_place_once", 2, || {
        let store = store();
        let other = {
            let store = store.clone();
            thread::spawn(move || store.transition(&KEY, CircuitState::Open))
        };
        let seen = store
            .peek(&KEY)
            .is_some_and(|snapshot| snapshot.state == CircuitState::Open);
        store.reset(&KEY);
        other.join().unwrap();
        assert!(
            !seen || store.peek(&KEY).is_none(),
            "opened again after the reset"
        );
    });
}

/// A reset whose cell is gone doesn't forget the circuit that was created since.
#[test]
fn a_reset_takes_place_once() {
    model("a_reset_takes_place_once", 3, || {
        let store = store();
        store.record_failure(&KEY);
        let other = {
            let store = store.clone();
            thread::spawn(move || store.reset(&KEY))
        };
        let gone = store.peek(&KEY).is_none();
        if gone {
            store.transition(&KEY, CircuitState::ForcedOpen);
        }
        other.join().unwrap();
        let state = store.peek(&KEY).map(|snapshot| snapshot.state);
        assert!(
            !gone || state == Some(CircuitState::ForcedOpen),
            "{state:?}"
        );
    });
}

/// A ticket whose transition isn't in place yet doesn't get into a permit for an unknown circuit.
#[test]
fn a_permit_for_an_unknown_circuit_is_older_than_what_comes() {
    model(
        "a_permit_for_an_unknown_circuit_is_older_than_what_comes",
        3,
        || {
            let store = store();
            let policy = policy(5, 1, 1);
            let other = {
                let store = store.clone();
                thread::spawn(move || store.transition(&KEY, CircuitState::Closed))
            };
            let permit = store.acquire(&KEY, &policy).unwrap();
            let unknown = store.peek(&KEY).is_none();
            other.join().unwrap();
            let reported = store.report(&KEY, permit, Outcome::Failure, &policy);
            assert!(!unknown || reported == Reported::Stale, "{permit:?}");
        },
    );
}

/// A failure that was admitted before a reset leaves no circuit behind, whenever it looks.
#[test]
fn a_stale_report_leaves_nothing_behind() {
    model("a_stale_report_leaves_nothing_behind", 1, || {
        let store = store();
        let policy = policy(1, 1, 1);
        let permit = store.acquire(&KEY, &policy).unwrap();
        let other = {
            let store = store.clone();
            thread::spawn(move || {
                store.record_failure(&KEY);
                store.reset(&KEY);
            })
        };
        let reported = store.report(&KEY, permit, Outcome::Failure, &policy);
        other.join().unwrap();
        let left = usize::from(store.peek(&KEY).is_some());
        assert_eq!((store.len(), entries(&store)), (left, left), "{reported:?}");
    });
}
