//! The filter: what is said of a key without a look at its circuit, while another one holds the
//! gate up.

use breakerbox::__loom::{gate_counts, share_a_slot};
use breakerbox::{CircuitState, Outcome, Reported};
use breakerbox_loom_tests::{KEY, Store, limits, model, store};
use loom::sync::atomic::{AtomicBool, Ordering};
use loom::thread;
use std::sync::Arc;

/// In the other slot.
const ELSEWHERE: u64 = 3;

fn store_of_two() -> Store {
    let store = store();
    assert!(!share_a_slot(&store, [&KEY, &ELSEWHERE]));
    store
}

/// A store whose gate another circuit holds up.
fn held_up() -> Store {
    let store = store_of_two();
    store.transition(&ELSEWHERE, CircuitState::ForcedOpen);
    store
}

/// A store in which another circuit has a failure to forget.
fn soiled() -> Store {
    let store = store_of_two();
    store.record_failure(&ELSEWHERE);
    store
}

#[test]
fn a_trip_is_seen_past_the_filter() {
    model("a_trip_is_seen_past_the_filter", 3, || {
        let store = held_up();
        let limits = limits(1, 1, 1);
        let tripped = Arc::new(AtomicBool::new(false));
        let thread = {
            let (store, tripped) = (store.clone(), Arc::clone(&tripped));
            thread::spawn(move || {
                let permit = store.acquire(&KEY, &limits).unwrap();
                let reported = store.report(&KEY, permit, Outcome::Failure, &limits);
                assert_eq!(reported, Reported::Recorded);
                tripped.store(true, Ordering::Release);
            })
        };
        let before = tripped.load(Ordering::Acquire);
        let admitted = store.acquire(&KEY, &limits).is_ok();
        assert!(
            !(before && admitted),
            "admitted after the trip had returned"
        );
        thread.join().unwrap();
        assert!(store.acquire(&KEY, &limits).is_err());
        assert_eq!(gate_counts(&store), (2, 0));
    });
}

/// An open circuit admits nobody, so who is admitted came after it was closed: not stale.
#[test]
fn a_check_past_the_filter_is_of_one_moment() {
    model("a_check_past_the_filter_is_of_one_moment", 3, || {
        let store = held_up();
        let limits = limits(5, 1, 1);
        store.transition(&KEY, CircuitState::Open);
        let other = {
            let store = store.clone();
            thread::spawn(move || store.transition(&KEY, CircuitState::Closed))
        };
        let permit = store.acquire(&KEY, &limits);
        other.join().unwrap();
        if let Ok(permit) = permit {
            let reported = store.report(&KEY, permit, Outcome::Failure, &limits);
            let failures = store.get_state(&KEY).failure_count;
            assert_eq!((reported, failures), (Reported::Recorded, 1));
        }
    });
}

/// A permit given while a circuit trips is its own, older than the trip, or a probe's.
#[test]
fn a_permit_of_the_filter_does_not_decide_a_recovery() {
    model(
        "a_permit_of_the_filter_does_not_decide_a_recovery",
        3,
        || {
            let store = held_up();
            let limits = limits(5, 2, 1);
            let other = {
                let store = store.clone();
                thread::spawn(move || store.transition(&KEY, CircuitState::HalfOpen))
            };
            let permit = store.acquire(&KEY, &limits);
            other.join().unwrap();
            let permit = permit.expect("closed or half-open, it has room");
            let reported = store.report(&KEY, permit, Outcome::Success, &limits);
            let expected = match permit.is_probe() {
                true => (Reported::Recorded, CircuitState::Closed),
                false => (Reported::Stale, CircuitState::HalfOpen),
            };
            assert_eq!((reported, store.get_state(&KEY).state), expected);
        },
    );
}

#[test]
fn a_success_skipped_by_the_filter_had_nothing_to_forget() {
    let name = "a_success_skipped_by_the_filter_had_nothing_to_forget";
    model(name, 3, || {
        let store = soiled();
        let limits = limits(5, 1, 1);
        let failed = Arc::new(AtomicBool::new(false));
        let thread = {
            let (store, failed) = (store.clone(), Arc::clone(&failed));
            thread::spawn(move || {
                let permit = store.acquire(&KEY, &limits).unwrap();
                let _ = store.report(&KEY, permit, Outcome::Failure, &limits);
                failed.store(true, Ordering::Release);
            })
        };
        let permit = store.acquire(&KEY, &limits).unwrap();
        let after = failed.load(Ordering::Acquire);
        let reported = store.report(&KEY, permit, Outcome::Success, &limits);
        assert_eq!(reported, Reported::Recorded);
        if after {
            assert_eq!(store.get_state(&KEY).failure_count, 0);
        }
        thread.join().unwrap();
        let left = store.get_state(&KEY).failure_count;
        assert!(left <= 1);
        assert_eq!(gate_counts(&store), (0, 1 + left));
    });
}

/// Between the looks of a success that skips its circuit, that circuit opens and closes: the
/// report is of before the opening, and forgot the failure, or it is stale.
#[test]
fn a_success_skipped_by_the_filter_is_of_one_moment() {
    model(
        "a_success_skipped_by_the_filter_is_of_one_moment",
        3,
        || {
            let store = soiled();
            let limits = limits(5, 1, 1);
            store.record_failure(&KEY);
            let permit = store.acquire(&KEY, &limits).unwrap();
            let other = {
                let store = store.clone();
                thread::spawn(move || {
                    let opened = store.transition(&KEY, CircuitState::Open);
                    store.transition(&KEY, CircuitState::Closed);
                    opened.failure_count
                })
            };
            let reported = store.report(&KEY, permit, Outcome::Success, &limits);
            let failures = other.join().unwrap();
            assert!(
                reported == Reported::Stale || failures == 0,
                "recorded, and {failures} left"
            );
        },
    );
}
