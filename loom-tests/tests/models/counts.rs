//! Counts: none is lost, none is mixed with another, and all threads see one order.

use breakerbox::{CircuitBreakerSnapshot, CircuitState, Outcome, Reported};
use breakerbox_loom_tests::{
    KEY, Store, TickingClock, handle, model, model_in_total_order, policy, store, store_with_clock,
};
use loom::sync::atomic::{AtomicBool, Ordering};
use loom::thread;
use std::sync::Arc;

fn counts(snapshot: &CircuitBreakerSnapshot) -> (u64, u64) {
    (snapshot.failure_count, snapshot.success_count)
}

#[test]
fn no_lost_counts() {
    model("no_lost_counts", 1, || {
        let circuit = handle(&store());
        let threads = [true, false].map(|failure| {
            let circuit = circuit.clone();
            thread::spawn(move || match failure {
                true => circuit.record_failure(),
                false => circuit.record_success(),
            })
        });
        let failure = circuit.record_failure();
        assert!(failure.failure_count >= 1);
        let success = circuit.record_success();
        assert!(success.failure_count >= 1 && success.success_count >= 1);
        for thread in threads {
            thread.join().unwrap();
        }
        assert_eq!(counts(&circuit.get_state()), (2, 2));
    });
}

/// A snapshot's counts, state and time of the last change belong to one generation.
#[test]
fn a_snapshot_is_of_one_generation() {
    model("a_snapshot_is_of_one_generation", 2, || {
        let circuit = handle(&store());
        circuit.record_success();
        circuit.record_failure();
        let began = circuit.get_state().last_state_change;
        let writer = {
            let circuit = circuit.clone();
            thread::spawn(move || {
                // Zeroes the successes, keeps the failures.
                circuit.transition(CircuitState::HalfOpen);
                circuit.record_success();
                circuit.record_success();
                // Keeps both.
                circuit.transition(CircuitState::Open);
            })
        };
        let seen = circuit.get_state();
        match seen.state {
            CircuitState::Closed => {
                assert_eq!((counts(&seen), seen.last_state_change), ((1, 1), began));
            }
            CircuitState::HalfOpen => {
                assert!(
                    seen.success_count <= 2 && seen.failure_count == 1,
                    "{seen:?}"
                );
                assert!(seen.last_state_change > began);
            }
            CircuitState::Open => assert_eq!(counts(&seen), (1, 2)),
            state => unreachable!("{state}"),
        }
        writer.join().unwrap();
        assert_eq!(counts(&circuit.get_state()), (1, 2));
    });
}

/// A success that a late thread records in a generation whose counts were zeroed since doesn't come
/// back in a later one that keeps successes.
#[test]
fn zeroed_successes_stay_zeroed() {
    model("zeroed_successes_stay_zeroed", 2, || {
        let circuit = handle(&store());
        circuit.record_success();
        let late = {
            let circuit = circuit.clone();
            thread::spawn(move || circuit.record_success())
        };
        circuit.transition(CircuitState::HalfOpen);
        circuit.transition(CircuitState::Open);
        late.join().unwrap();
        assert!(circuit.get_state().success_count <= 1);
    });
}

/// Two readers never see a failure and a success in opposite orders.
#[test]
fn readers_agree_on_the_order_of_counts() {
    model_in_total_order("readers_agree_on_the_order_of_counts", 2, || {
        let circuit = handle(&store());
        let failing = {
            let circuit = circuit.clone();
            thread::spawn(move || circuit.record_failure())
        };
        let succeeding = {
            let circuit = circuit.clone();
            thread::spawn(move || circuit.record_success())
        };
        let reader = {
            let circuit = circuit.clone();
            thread::spawn(move || counts(&circuit.get_state()))
        };
        let here = counts(&circuit.get_state());
        let there = reader.join().unwrap();
        failing.join().unwrap();
        succeeding.join().unwrap();
        assert!([here, there] != [(1, 0), (0, 1)] && [here, there] != [(0, 1), (1, 0)]);
    });
}

/// A snapshot shows a single moment, even if failures go up and back to 0 meanwhile.
#[test]
fn forgotten_failures_do_not_confuse_a_snapshot() {
    model("forgotten_failures_do_not_confuse_a_snapshot", 3, || {
        let store = store();
        let circuit = handle(&store);
        let policy = policy(5, 1, 1);
        let writer = {
            let circuit = circuit.clone();
            thread::spawn(move || {
                let permits = [(); 2].map(|()| circuit.acquire(&policy).unwrap());
                let _ = circuit.report(permits[0], Outcome::Failure, &policy);
                circuit.record_success();
                circuit.record_success();
                let _ = circuit.report(permits[1], Outcome::Success, &policy);
            })
        };
        let seen = counts(&circuit.get_state());
        let happened = [(0, 0), (1, 0), (1, 1), (1, 2), (0, 2)];
        assert!(happened.contains(&seen), "{seen:?} never was");
        writer.join().unwrap();
        assert_eq!(counts(&circuit.get_state()), (0, 2));
    });
}

/// The time of the last failure is never older than a failure that the snapshot counts.
#[test]
fn the_last_failure_covers_what_is_counted() {
    model("the_last_failure_covers_what_is_counted", 3, || {
        let clock = TickingClock::new(1_000);
        let store = store_with_clock(clock.clone());
        let circuit = handle(&store);
        circuit.record_failure();
        clock.advance(1_000);
        let second = clock.ahead();
        let writer = {
            let circuit = circuit.clone();
            thread::spawn(move || circuit.record_failure())
        };
        let seen = circuit.get_state();
        assert!(
            seen.failure_count < 2 || seen.last_failure_time >= second,
            "{seen:?}"
        );
        writer.join().unwrap();
    });
}

/// A transition keeps the time of the last failure; a reset drops it, even beside a reader.
#[test]
fn a_new_life_has_no_last_failure() {
    model("a_new_life_has_no_last_failure", 3, || {
        let store = store();
        let circuit = handle(&store);
        let failed = circuit.record_failure().last_failure_time;
        let looker = {
            let circuit = circuit.clone();
            thread::spawn(move || circuit.peek())
        };
        circuit.reset();
        let revived = circuit.record_success();
        assert_eq!((counts(&revived), revived.last_failure_time), ((0, 1), 0));
        if let Some(seen) = looker.join().unwrap() {
            let expected = if seen.failure_count == 1 { failed } else { 0 };
            assert_eq!(seen.last_failure_time, expected, "{seen:?}");
        }
        assert_eq!(store.get_state(&KEY).last_failure_time, 0);
    });
}

/// A failure that a reset forces to be counted again, in a new life, has its time there too.
#[test]
fn a_failure_beside_a_reset_has_its_time() {
    model("a_failure_beside_a_reset_has_its_time", 3, || {
        let store = store();
        let circuit = handle(&store);
        let writer = {
            let circuit = circuit.clone();
            thread::spawn(move || circuit.record_failure())
        };
        circuit.reset();
        let left = writer.join().unwrap();
        assert!(left.last_failure_time > 0, "{left:?}");
        let seen = circuit.get_state();
        assert_eq!(
            seen.failure_count == 1,
            seen.last_failure_time > 0,
            "{seen:?}"
        );
    });
}

/// A success is skipped only where there is no failure to forget: the next failure then counts as
/// the first, and a success that begins after a failure was reported forgets that failure.
#[test]
fn a_skipped_success_had_nothing_to_forget() {
    model("a_skipped_success_had_nothing_to_forget", 3, || {
        a_success_beside_a_failure(&store());
    });
}

/// Races a success with a failure of the circuit. Returns the failures that are left.
pub(crate) fn a_success_beside_a_failure(store: &Store) -> u64 {
    let policy = policy(5, 1, 1);
    let failed = Arc::new(AtomicBool::new(false));
    let thread = {
        let (store, failed) = (store.clone(), Arc::clone(&failed));
        thread::spawn(move || {
            let permit = store.acquire(&KEY, &policy).unwrap();
            let _ = store.report(&KEY, permit, Outcome::Failure, &policy);
            failed.store(true, Ordering::Release);
        })
    };
    let permit = store.acquire(&KEY, &policy).unwrap();
    let after = failed.load(Ordering::Acquire);
    let reported = store.report(&KEY, permit, Outcome::Success, &policy);
    assert_eq!(reported, Reported::Recorded);
    if after {
        assert_eq!(store.get_state(&KEY).failure_count, 0);
    }
    thread.join().unwrap();
    let left = store.get_state(&KEY).failure_count;
    assert!(left <= 1);
    left
}

/// A circuit opens and closes between the two looks of a success that skips it: the report came
/// before the opening and forgot the failure, or it is stale.
#[test]
fn a_skipped_success_is_of_one_moment() {
    model("a_skipped_success_is_of_one_moment", 3, || {
        a_success_across_an_opening(&store());
    });
}

/// Reports a success while its circuit, which has a failure, opens and closes.
pub(crate) fn a_success_across_an_opening(store: &Store) {
    let policy = policy(5, 1, 1);
    store.record_failure(&KEY);
    let permit = store.acquire(&KEY, &policy).unwrap();
    let other = {
        let store = store.clone();
        thread::spawn(move || {
            let opened = store.transition(&KEY, CircuitState::Open);
            store.transition(&KEY, CircuitState::Closed);
            opened.failure_count
        })
    };
    let reported = store.report(&KEY, permit, Outcome::Success, &policy);
    let failures = other.join().unwrap();
    assert!(
        reported == Reported::Stale || failures == 0,
        "recorded, and {failures} left"
    );
}

/// A record answers with the counts at the moment of its own, even while other threads count.
#[test]
fn a_record_answers_of_one_moment() {
    // Both threads see two words change in one order, which takes `SeqCst`.
    model_in_total_order("a_record_answers_of_one_moment", 3, || {
        let store = store();
        let circuit = handle(&store);
        let other = {
            let circuit = circuit.clone();
            thread::spawn(move || {
                circuit.record_failure();
                circuit.record_success()
            })
        };
        let first = circuit.record_failure();
        let last = other.join().unwrap();
        // The other thread's success follows its failure, so both are seen in this order.
        assert!(
            first.failure_count == 2 || first.success_count == 0,
            "{first:?}"
        );
        assert_eq!(last.success_count, 1);
        // The later of this failure and the other thread's success has seen the earlier.
        assert!(
            first.success_count == 1 || last.failure_count == 2,
            "{first:?}, {last:?}"
        );
        assert_eq!(circuit.get_state().failure_count, 2);
    });
}

/// A success and a failure bring the count back to its value while a failure is recorded: the
/// answer has the time of the later failure.
#[test]
fn a_record_answers_with_the_time_of_what_it_counts() {
    model(
        "a_record_answers_with_the_time_of_what_it_counts",
        3,
        || {
            let store = store();
            let policy = policy(9, 1, 1);
            let circuit = handle(&store);
            circuit.record_failure();
            let other = {
                let circuit = circuit.clone();
                thread::spawn(move || {
                    let permit = circuit.acquire(&policy).unwrap();
                    let _ = circuit.report(permit, Outcome::Success, &policy);
                    circuit.record_failure()
                })
            };
            let own = circuit.record_failure();
            let other = other.join().unwrap();
            // Two are left: neither was forgotten, so the second failure counts the first.
            let all = circuit.get_state().failure_count;
            if (other.failure_count, own.failure_count, all) == (1, 2, 2) {
                assert!(
                    own.last_failure_time >= other.last_failure_time,
                    "{own:?} counts {other:?}"
                );
            }
        },
    );
}
