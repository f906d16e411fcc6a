//! The filter: answers for a key without a look at its circuit, while another circuit keeps the
//! summary busy.

use breakerbox::__loom::{share_a_stripe, summary_counts};
use breakerbox::CircuitState;
use breakerbox_loom_tests::{KEY, Store, model, store};

use crate::counts::{a_success_across_an_opening, a_success_beside_a_failure};
use crate::removal::{a_check_beside_a_half_open, a_check_beside_the_end_of_an_opening};
use crate::trip::a_check_beside_a_trip;

/// A key of the other stripe.
const ELSEWHERE: u64 = 5;

fn store_of_two() -> Store {
    let store = store();
    assert!(!share_a_stripe(&store, [&KEY, &ELSEWHERE]));
    store
}

/// Returns a store whose summary another circuit keeps busy.
fn held_up() -> Store {
    let store = store_of_two();
    store.transition(&ELSEWHERE, CircuitState::ForcedOpen);
    store
}

/// Returns a store in which another circuit has a failure to forget.
fn soiled() -> Store {
    let store = store_of_two();
    store.record_failure(&ELSEWHERE);
    store
}

/// No check that begins after a trip has returned is admitted, even if the filter answers.
#[test]
fn a_trip_is_seen_past_the_filter() {
    model("a_trip_is_seen_past_the_filter", 3, || {
        let store = held_up();
        a_check_beside_a_trip(&store);
        assert_eq!(summary_counts(&store), (2, 0));
    });
}

/// An open circuit admits no call, so an admitted one came after the close and isn't stale.
#[test]
fn a_check_past_the_filter_is_of_one_moment() {
    model("a_check_past_the_filter_is_of_one_moment", 3, || {
        a_check_beside_the_end_of_an_opening(&held_up(), |store| {
            store.transition(&KEY, CircuitState::Closed);
        });
    });
}

/// A permit given while a circuit trips is older than the trip, or a probe's.
#[test]
fn a_permit_of_the_filter_does_not_decide_a_half_open() {
    let name = "a_permit_of_the_filter_does_not_decide_a_half_open";
    model(name, 3, || {
        let admitted = a_check_beside_a_half_open(&held_up());
        assert!(admitted, "closed or half-open, it has room");
    });
}

/// The failures of another circuit make no difference to a success, skipped or not.
#[test]
fn a_success_skipped_by_the_filter_had_nothing_to_forget() {
    let name = "a_success_skipped_by_the_filter_had_nothing_to_forget";
    model(name, 3, || {
        let store = soiled();
        let left = a_success_beside_a_failure(&store);
        assert_eq!(summary_counts(&store), (0, 1 + left));
    });
}

/// A circuit opens and closes between the two looks of a success that skips it: the report came
/// before the opening, or it is stale.
#[test]
fn a_success_skipped_by_the_filter_is_of_one_moment() {
    let name = "a_success_skipped_by_the_filter_is_of_one_moment";
    model(name, 3, || a_success_across_an_opening(&soiled()));
}
