//! The filter: what is said of a key without a look at its circuit, while another one holds the
//! gate up.

use breakerbox::__loom::{share_a_stripe, summary_counts};
use breakerbox::CircuitState;
use breakerbox_loom_tests::{KEY, Store, model, store};

use crate::counts::{a_success_across_an_opening, a_success_beside_a_failure};
use crate::removal::{a_check_beside_a_recovery, a_check_beside_the_end_of_an_opening};
use crate::trip::a_check_beside_a_trip;

/// In the other slot.
const ELSEWHERE: u64 = 3;

fn store_of_two() -> Store {
    let store = store();
    assert!(!share_a_stripe(&store, [&KEY, &ELSEWHERE]));
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

/// No check that begins after a trip has returned is admitted, though the filter answers.
#[test]
fn a_trip_is_seen_past_the_filter() {
    model("a_trip_is_seen_past_the_filter", 3, || {
        let store = held_up();
        a_check_beside_a_trip(&store);
        assert_eq!(summary_counts(&store), (2, 0));
    });
}

/// An open circuit admits nobody, so who is admitted came after it was closed: not stale.
#[test]
fn a_check_past_the_filter_is_of_one_moment() {
    model("a_check_past_the_filter_is_of_one_moment", 3, || {
        a_check_beside_the_end_of_an_opening(&held_up(), |store| {
            store.transition(&KEY, CircuitState::Closed);
        });
    });
}

/// A permit given while a circuit trips is its own, older than the trip, or a probe's.
#[test]
fn a_permit_of_the_filter_does_not_decide_a_recovery() {
    let name = "a_permit_of_the_filter_does_not_decide_a_recovery";
    model(name, 3, || {
        let admitted = a_check_beside_a_recovery(&held_up());
        assert!(admitted, "closed or half-open, it has room");
    });
}

/// What failures another circuit has doesn't matter to a success that is skipped, nor to one that
/// isn't.
#[test]
fn a_success_skipped_by_the_filter_had_nothing_to_forget() {
    let name = "a_success_skipped_by_the_filter_had_nothing_to_forget";
    model(name, 3, || {
        let store = soiled();
        let left = a_success_beside_a_failure(&store);
        assert_eq!(summary_counts(&store), (0, 1 + left));
    });
}

/// Between the looks of a success that skips its circuit, that circuit opens and closes.
#[test]
fn a_success_skipped_by_the_filter_is_of_one_moment() {
    let name = "a_success_skipped_by_the_filter_is_of_one_moment";
    model(name, 3, || a_success_across_an_opening(&soiled()));
}
