//! Circuits that are known by hash, under rules over the last calls: what is known of a circuit
//! doesn't outlive what it says.

use breakerbox::__loom::{share_a_stripe, take_mark};
use breakerbox::{
    CircuitState, InMemoryCircuitBreakerStore, Outcome, Policy, Report, Reported, SlidingWindow,
};
use breakerbox_loom_tests::{Hasher, KEY, Store, TickingClock, model_in_total_order, store};
use loom::thread::{self, JoinHandle};
use std::time::Duration;

use crate::quiet::{of_last, state};

/// A key whose circuit has the same two entries.
pub(crate) const NEIGHBOUR: u64 = KEY + 3;

/// Reports a success on the key.
pub(crate) fn succeed_on(store: &Store, key: u64, policy: &Policy) {
    let permit = store.acquire(&key, policy).unwrap();
    let reported = store.report(&key, permit, Outcome::Success, policy);
    assert_eq!(reported, Reported::Recorded);
}

pub(crate) fn succeed(store: &Store, policy: &Policy) {
    succeed_on(store, KEY, policy);
}

pub(crate) fn fail(store: &Store, policy: &Policy) {
    let permit = store.acquire(&KEY, policy).unwrap();
    let _ = store.report(&KEY, permit, Outcome::Failure, policy);
}

/// Does `f` in a thread of its own.
pub(crate) fn beside(store: &Store, f: impl FnOnce(&Store) + 'static) -> JoinHandle<()> {
    let store = store.clone();
    thread::spawn(move || f(&store))
}

/// Fills the window of `calls`, so that the next success claims an entry.
fn nearly_known(store: &Store, calls: u32, policy: &Policy) {
    // The last one makes the table.
    (0..=calls).for_each(|_| succeed(store, policy));
}

/// Makes the circuit known.
fn known(store: &Store, calls: u32, policy: &Policy) {
    nearly_known(store, calls, policy);
    succeed(store, policy);
}

/// Returns a policy that opens once both of the last two calls were slow.
fn of_two_slow() -> Policy {
    let settings = Policy::builder().sliding_window(SlidingWindow::Calls(2));
    let settings = settings.minimum_calls(2).slow_call_rate_threshold(100);
    let settings = settings.slow_call_duration(Duration::from_secs(1));
    settings.build().unwrap()
}

fn succeed_slowly(store: &Store, policy: &Policy) {
    let permit = store.acquire(&KEY, policy).unwrap();
    let slow = Report::from(Outcome::Success).took(Duration::from_secs(2));
    let _ = store.report(&KEY, permit, slow, policy);
}

/// A success after the failure that ends an entry is in the window, and one beside it comes before
/// or after.
#[test]
fn a_failure_ends_an_entry() {
    model_in_total_order("a_failure_ends_an_entry", 2, || {
        let store = store();
        let policy = of_last(3, 66);
        known(&store, 3, &policy);
        let other = beside(&store, move |store| succeed(store, &policy));
        fail(&store, &policy);
        succeed(&store, &policy);
        succeed(&store, &policy);
        fail(&store, &policy);
        other.join().unwrap();
        assert_eq!(state(&store), CircuitState::Closed, "two came between");
    });
}

/// A slow call changes the window alone: a success that claims an entry beside it leaves none that
/// outlives it.
#[test]
fn a_claim_beside_a_slow_call_fails() {
    model_in_total_order("a_claim_beside_a_slow_call_fails", 3, || {
        let store = store();
        let policy = of_two_slow();
        nearly_known(&store, 2, &policy);
        let other = beside(&store, move |store| succeed(store, &policy));
        succeed_slowly(&store, &policy);
        other.join().unwrap();
        succeed(&store, &policy);
        succeed_slowly(&store, &policy);
        assert_eq!(state(&store), CircuitState::Closed, "one came between");
    });
}

/// A success that claims an entry beside a failure which changes the control word alone leaves none
/// that outlives it: the next success forgets the failure.
#[test]
fn a_claim_beside_a_failure_fails() {
    model_in_total_order("a_claim_beside_a_failure_fails", 3, || {
        let store = store();
        let policy = of_last(2, 50);
        nearly_known(&store, 2, &policy);
        let other = beside(&store, move |store| succeed(store, &policy));
        store.record_failure(&KEY);
        other.join().unwrap();
        succeed(&store, &policy);
        assert_eq!(store.peek(&KEY).unwrap().failure_count, 0);
    });
}

/// A success that claims an entry while its circuit closes anew leaves none of the generation
/// before: the first success is in the window.
#[test]
fn a_claim_beside_a_transition_fails() {
    model_in_total_order("a_claim_beside_a_transition_fails", 3, || {
        let store = store();
        let policy = of_last(2, 50);
        nearly_known(&store, 2, &policy);
        let permit = store.acquire(&KEY, &policy).unwrap();
        let other = beside(&store, move |store| {
            let _ = store.report(&KEY, permit, Outcome::Success, &policy);
        });
        store.transition(&KEY, CircuitState::Closed);
        other.join().unwrap();
        succeed(&store, &policy);
        fail(&store, &policy);
        assert_eq!(state(&store), CircuitState::Open, "one of two");
    });
}

/// A success that claims an entry beside a rule over another number of calls leaves none for the
/// window before.
#[test]
fn a_claim_beside_a_new_window_fails() {
    model_in_total_order("a_claim_beside_a_new_window_fails", 3, || {
        let store = store();
        let (policy, of_three) = (of_last(2, 50), of_last(3, 50));
        nearly_known(&store, 2, &policy);
        let other = beside(&store, move |store| succeed(store, &policy));
        succeed(&store, &of_three);
        // Back to the first rule, with another new window.
        succeed(&store, &policy);
        other.join().unwrap();
        succeed(&store, &of_three);
        fail(&store, &of_three);
        assert_eq!(state(&store), CircuitState::Open, "one of two");
    });
}

/// A thread that has seen a failure forgets it with its next success, though the failure's own
/// thread hasn't ended the entry yet.
#[test]
fn a_failure_that_was_seen_is_forgotten() {
    model_in_total_order("a_failure_that_was_seen_is_forgotten", 3, || {
        let store = store();
        let policy = of_last(2, 100);
        known(&store, 2, &policy);
        let other = beside(&store, |store| _ = store.record_failure(&KEY));
        let is_seen = store.peek(&KEY).unwrap().failure_count == 1;
        succeed(&store, &policy);
        other.join().unwrap();
        let is_left = store.peek(&KEY).unwrap().failure_count == 1;
        assert!(!is_seen || !is_left);
    });
}

/// A thread that has seen its circuit open reports with an older permit: the report is stale, though
/// the transition's own thread hasn't ended the entry yet.
#[test]
fn a_transition_that_was_seen_makes_reports_stale() {
    let name = "a_transition_that_was_seen_makes_reports_stale";
    model_in_total_order(name, 3, || {
        let store = store();
        let policy = of_last(2, 100);
        known(&store, 2, &policy);
        let permit = store.acquire(&KEY, &policy).unwrap();
        let other = beside(&store, |store| {
            store.transition(&KEY, CircuitState::Open);
        });
        let is_seen = state(&store) == CircuitState::Open;
        let reported = store.report(&KEY, permit, Outcome::Success, &policy);
        assert!(!is_seen || reported == Reported::Stale);
        other.join().unwrap();
    });
}

/// An entry changes to another circuit and another window while a success reads it: the success
/// isn't taken for one in that window.
#[test]
fn an_entry_is_read_as_of_one_claim() {
    model_in_total_order("an_entry_is_read_as_of_one_claim", 3, || {
        let store = store();
        assert!(share_a_stripe(&store, [&KEY, &NEIGHBOUR]));
        let (policy, of_three) = (of_last(2, 50), of_last(3, 50));
        (0..3).for_each(|_| succeed_on(&store, NEIGHBOUR, &of_three));
        known(&store, 2, &policy);
        let other = beside(&store, move |store| succeed(store, &of_three));
        store.record_failure(&KEY);
        // Takes the entry that the failure has ended.
        succeed_on(&store, NEIGHBOUR, &of_three);
        other.join().unwrap();
        fail(&store, &of_three);
        assert_eq!(state(&store), CircuitState::Open, "one of two");
    });
}

/// A sweep takes the mark of use away beside a success: the next success leaves a mark, since no
/// entry speaks for the circuit without one.
fn a_sweep_beside_a_success(name: &str, made: fn(&Store, u32, &Policy)) {
    model_in_total_order(name, 3, move || {
        let store = InMemoryCircuitBreakerStore::keyed_builder()
            .hasher(Hasher::default())
            .clock(TickingClock::new(1_000))
            .max_circuits(1)
            .build();
        let policy = of_last(2, 50);
        made(&store, 2, &policy);
        let other = beside(&store, |store| _ = take_mark(store, &KEY));
        succeed(&store, &policy);
        other.join().unwrap();
        succeed(&store, &policy);
        assert!(take_mark(&store, &KEY), "in use");
        succeed(&store, &policy);
        assert!(take_mark(&store, &KEY), "in use again");
    });
}

#[test]
fn a_known_circuit_is_still_in_use() {
    a_sweep_beside_a_success("a_known_circuit_is_still_in_use", known);
}

#[test]
fn a_circuit_that_becomes_known_is_still_in_use() {
    let name = "a_circuit_that_becomes_known_is_still_in_use";
    a_sweep_beside_a_success(name, nearly_known);
}
