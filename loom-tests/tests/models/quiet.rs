//! Quiet windows: what is full of successes stays what it is when one more comes.

use breakerbox::{CircuitState, Outcome, Policy, SlidingWindow};
use breakerbox_loom_tests::{KEY, Store, model, store};
use loom::thread::{self, JoinHandle};

/// Returns a policy that opens if this share of the last `calls` has failed, once there are two.
pub(crate) fn of_last(calls: u32, percent: u32) -> Policy {
    let settings = Policy::builder().sliding_window(SlidingWindow::Calls(calls));
    let settings = settings.minimum_calls(2).failure_rate_threshold(percent);
    settings.build().unwrap()
}

fn call(store: &Store, policy: &Policy, outcome: Outcome) {
    let permit = store.acquire(&KEY, policy).unwrap();
    let _ = store.report(&KEY, permit, outcome, policy);
}

/// Makes a call in a thread of its own.
fn call_beside(store: &Store, policy: Policy, outcome: Outcome) -> JoinHandle<()> {
    let store = store.clone();
    thread::spawn(move || call(&store, &policy, outcome))
}

pub(crate) fn state(store: &Store) -> CircuitState {
    store.peek(&KEY).unwrap().state
}

/// A success fills the window while a failure is counted: whichever comes first, the next success
/// is in the window after both.
#[test]
fn a_mark_does_not_outlive_a_failure() {
    model("a_mark_does_not_outlive_a_failure", 3, || {
        let store = store();
        let policy = of_last(2, 100);
        call(&store, &policy, Outcome::Success);
        let other = call_beside(&store, policy, Outcome::Failure);
        call(&store, &policy, Outcome::Success);
        other.join().unwrap();
        call(&store, &policy, Outcome::Success);
        call(&store, &policy, Outcome::Failure);
        assert_eq!(state(&store), CircuitState::Closed, "one of the last two");
        call(&store, &policy, Outcome::Failure);
        assert_eq!(state(&store), CircuitState::Open, "both of the last two");
    });
}

/// A success after the failure that ends a mark is in the window, and one beside it comes before or
/// after.
#[test]
fn a_failure_ends_a_mark() {
    model("a_failure_ends_a_mark", 1, || {
        let store = store();
        let policy = of_last(3, 66);
        (0..3).for_each(|_| call(&store, &policy, Outcome::Success));
        let other = call_beside(&store, policy, Outcome::Success);
        call(&store, &policy, Outcome::Failure);
        call(&store, &policy, Outcome::Success);
        call(&store, &policy, Outcome::Success);
        call(&store, &policy, Outcome::Failure);
        other.join().unwrap();
        assert_eq!(state(&store), CircuitState::Closed, "two came between");
    });
}

/// A circuit that closes anew has no mark of the generation before: its first success is in its
/// window.
#[test]
fn a_mark_is_of_one_generation() {
    model("a_mark_is_of_one_generation", 2, || {
        let store = store();
        let policy = of_last(2, 50);
        call(&store, &policy, Outcome::Success);
        call(&store, &policy, Outcome::Success);
        let other = {
            let store = store.clone();
            thread::spawn(move || store.transition(&KEY, CircuitState::Closed))
        };
        call(&store, &policy, Outcome::Success);
        other.join().unwrap();
        call(&store, &policy, Outcome::Success);
        call(&store, &policy, Outcome::Failure);
        assert_eq!(state(&store), CircuitState::Open, "one of two");
    });
}

/// A rule over another number of calls has a new window, which no mark speaks for, even if a success
/// under the rule before sets its mark meanwhile.
#[test]
fn a_mark_is_of_one_window() {
    model("a_mark_is_of_one_window", 2, || {
        let store = store();
        let policy = of_last(2, 50);
        let of_three = of_last(3, 50);
        call(&store, &policy, Outcome::Success);
        let other = call_beside(&store, policy, Outcome::Success);
        call(&store, &of_three, Outcome::Success);
        other.join().unwrap();
        // Back to the first rule, with another new window.
        call(&store, &of_three, Outcome::Success);
        call(&store, &policy, Outcome::Success);
        call(&store, &policy, Outcome::Failure);
        assert_eq!(state(&store), CircuitState::Open, "one of two");
    });
}

/// A mark of a shorter window doesn't speak for a longer one: the success that asks by it is in a
/// window of its own.
#[test]
fn a_mark_is_of_one_length() {
    model("a_mark_is_of_one_length", 2, || {
        let store = store();
        let policy = of_last(2, 50);
        let of_three = of_last(3, 50);
        call(&store, &policy, Outcome::Success);
        let other = call_beside(&store, policy, Outcome::Success);
        call(&store, &policy, Outcome::Success);
        other.join().unwrap();
        call(&store, &of_three, Outcome::Success);
        call(&store, &of_three, Outcome::Failure);
        assert_eq!(state(&store), CircuitState::Open, "one of two");
    });
}
