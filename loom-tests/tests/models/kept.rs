//! Counts that are kept by hash, under rules over a window of time: none is lost, and none counts
//! twice.

use breakerbox::__loom::share_a_stripe;
use breakerbox::{CircuitState, Outcome, Policy, Report, SlidingWindow};
use breakerbox_loom_tests::{
    KEY, Store, TickingClock, model_in_total_order, store, store_with_clock,
};
use std::time::Duration;

use crate::known::{NEIGHBOUR, beside, fail, succeed, succeed_on};
use crate::quiet::state;

/// A tick of the windows, in ms.
const TICK_MS: u64 = 10_000;

/// Returns a policy that opens once a tenth of at least `minimum` calls in a window of
/// this many `ticks` have failed or were slow.
fn of_ticks(ticks: u64, minimum: u32) -> Policy {
    let window = SlidingWindow::Time(Duration::from_millis(ticks * TICK_MS));
    let settings = Policy::builder().sliding_window(window);
    let settings = settings.minimum_calls(minimum).failure_rate_threshold(10);
    let settings = settings.slow_call_rate_threshold(10);
    let settings = settings.slow_call_duration(Duration::from_secs(1));
    settings.build().unwrap()
}

/// Returns a policy as [`of_ticks`] does, for a window of ten.
fn of_time(minimum: u32) -> Policy {
    of_ticks(10, minimum)
}

/// Makes two calls, so that the table is there.
fn with_table(store: &Store, policy: &Policy) {
    (0..2).for_each(|_| succeed(store, policy));
}

/// Gives the count of the circuit to an entry: 4 calls.
fn kept(store: &Store, policy: &Policy) {
    with_table(store, policy);
    (0..2).for_each(|_| succeed(store, policy));
}

/// Returns the calls in the window of the key.
fn calls_of(store: &Store, key: u64) -> u32 {
    store.stats(&key).unwrap().window.unwrap().calls
}

fn calls(store: &Store) -> u32 {
    calls_of(store, KEY)
}

/// A success by hash beside the failure that completes the minimum in the next tick: the failure's
/// counts have it.
#[test]
fn a_failure_counts_what_an_entry_keeps() {
    model_in_total_order("a_failure_counts_what_an_entry_keeps", 2, || {
        let clock = TickingClock::new(1_000);
        let store = store_with_clock(clock.clone());
        let policy = of_time(6);
        kept(&store, &policy);
        let other = beside(&store, move |store| succeed(store, &policy));
        next_tick(&store, &clock);
        fail(&store, &policy);
        other.join().unwrap();
        assert_eq!(state(&store), CircuitState::Open, "one of six");
    });
}

/// A success by hash beside a failure and another success: all are counted.
#[test]
fn calls_beside_an_entry_all_count() {
    model_in_total_order("calls_beside_an_entry_all_count", 1, || {
        let store = store();
        let policy = of_time(100);
        kept(&store, &policy);
        let other = beside(&store, move |store| succeed(store, &policy));
        fail(&store, &policy);
        succeed(&store, &policy);
        other.join().unwrap();
        assert_eq!(calls(&store), 7);
    });
}

/// A success gives the count to an entry beside another success: both are counted, and so are those
/// that follow.
#[test]
fn a_count_is_given_beside_a_success() {
    model_in_total_order("a_count_is_given_beside_a_success", 3, || {
        let store = store();
        let policy = of_time(100);
        with_table(&store, &policy);
        succeed(&store, &policy);
        let other = beside(&store, move |store| succeed(store, &policy));
        succeed(&store, &policy);
        other.join().unwrap();
        (0..2).for_each(|_| succeed(&store, &policy));
        assert_eq!(calls(&store), 7);
    });
}

/// A success gives the count to an entry beside the failure that completes the minimum: the failure
/// opens the circuit, or the success does.
#[test]
fn a_count_is_given_beside_a_failure() {
    model_in_total_order("a_count_is_given_beside_a_failure", 2, || {
        let store = store();
        let policy = of_time(5);
        with_table(&store, &policy);
        succeed(&store, &policy);
        let other = beside(&store, move |store| succeed(store, &policy));
        fail(&store, &policy);
        other.join().unwrap();
        assert_eq!(state(&store), CircuitState::Open, "one of five");
    });
}

/// A success gives the count to an entry beside a failure that changes the control word alone: the
/// next success forgets the failure.
#[test]
fn a_count_is_given_beside_a_recorded_failure() {
    let name = "a_count_is_given_beside_a_recorded_failure";
    model_in_total_order(name, 3, || {
        let store = store();
        let policy = of_time(100);
        with_table(&store, &policy);
        succeed(&store, &policy);
        let other = beside(&store, move |store| succeed(store, &policy));
        store.record_failure(&KEY);
        other.join().unwrap();
        succeed(&store, &policy);
        assert_eq!(store.peek(&KEY).unwrap().failure_count, 0);
        assert_eq!(calls(&store), 5);
    });
}

/// A success gives the count to an entry while its circuit closes anew: the calls that follow are in
/// the new window.
#[test]
fn a_count_is_given_beside_a_transition() {
    model_in_total_order("a_count_is_given_beside_a_transition", 3, || {
        let store = store();
        let policy = of_time(100);
        with_table(&store, &policy);
        succeed(&store, &policy);
        let permit = store.acquire(&KEY, &policy).unwrap();
        let other = beside(&store, move |store| {
            let _ = store.report(&KEY, permit, Outcome::Success, &policy);
        });
        store.transition(&KEY, CircuitState::Closed);
        other.join().unwrap();
        (0..2).for_each(|_| succeed(&store, &policy));
        assert_eq!(calls(&store), 2);
    });
}

/// A success gives the count to an entry beside rules over another window: the calls that follow are
/// in the new window.
#[test]
fn a_count_is_given_beside_a_new_window() {
    model_in_total_order("a_count_is_given_beside_a_new_window", 2, || {
        let store = store();
        let policy = of_time(100);
        with_table(&store, &policy);
        succeed(&store, &policy);
        let other = beside(&store, move |store| succeed(store, &policy));
        succeed(&store, &of_ticks(20, 100));
        // Back to the first rule, with another new window.
        succeed(&store, &policy);
        other.join().unwrap();
        succeed(&store, &policy);
        let calls = calls(&store);
        assert!(calls == 2 || calls == 3, "{calls} of two or three");
    });
}

/// Two threads take the same count back beside a success by hash: it counts once.
#[test]
fn two_threads_take_a_count_back() {
    model_in_total_order("two_threads_take_a_count_back", 2, || {
        let store = store();
        let policy = of_time(100);
        kept(&store, &policy);
        succeed(&store, &policy);
        let other = beside(&store, |store| _ = calls(store));
        assert_eq!(calls(&store), 5);
        other.join().unwrap();
        assert_eq!(calls(&store), 5);
    });
}

/// Two threads take the same count back, and the circuit becomes known again meanwhile: no call is
/// lost.
#[test]
fn a_late_helper_frees_no_later_entry() {
    model_in_total_order("a_late_helper_frees_no_later_entry", 2, || {
        let store = store();
        let policy = of_time(100);
        kept(&store, &policy);
        let other = beside(&store, |store| _ = calls(store));
        assert_eq!(calls(&store), 4);
        (0..3).for_each(|_| succeed(&store, &policy));
        other.join().unwrap();
        assert_eq!(calls(&store), 7);
    });
}

/// An entry changes to another circuit with the same count while a success counts itself there: it
/// counts for its own circuit.
#[test]
fn a_success_counts_for_its_own_circuit() {
    model_in_total_order("a_success_counts_for_its_own_circuit", 2, || {
        let store = store();
        assert!(share_a_stripe(&store, [&KEY, &NEIGHBOUR]));
        let policy = of_time(100);
        (0..3).for_each(|_| succeed_on(&store, NEIGHBOUR, &policy));
        (0..4).for_each(|_| succeed(&store, &policy));
        let other = beside(&store, move |store| succeed(store, &policy));
        let before = calls(&store);
        // Takes the entry that is free now.
        succeed_on(&store, NEIGHBOUR, &policy);
        other.join().unwrap();
        succeed_on(&store, NEIGHBOUR, &policy);
        assert!(before == 4 || before == 5);
        assert_eq!((calls(&store), calls_of(&store, NEIGHBOUR)), (5, 5));
    });
}

/// An entry that has ended keeps its count until that is taken back, whatever claims come meanwhile.
#[test]
fn an_ended_entry_keeps_its_count() {
    model_in_total_order("an_ended_entry_keeps_its_count", 3, || {
        let store = store();
        let policy = of_time(100);
        (0..3).for_each(|_| succeed_on(&store, NEIGHBOUR, &policy));
        kept(&store, &policy);
        succeed(&store, &policy);
        let other = beside(&store, |store| _ = store.record_failure(&KEY));
        succeed_on(&store, NEIGHBOUR, &policy);
        other.join().unwrap();
        assert_eq!((calls(&store), calls_of(&store, NEIGHBOUR)), (5, 4));
    });
}

/// A thread that finds an old mark in its window doesn't free the entry that another circuit has
/// claimed since.
#[test]
fn an_old_mark_frees_no_claim() {
    model_in_total_order("an_old_mark_frees_no_claim", 2, || {
        let clock = TickingClock::new(1_000);
        let store = store_with_clock(clock.clone());
        let policy = of_time(100);
        kept(&store, &policy);
        clock.advance(12 * TICK_MS);
        succeed(&store, &policy);
        succeed_on(&store, NEIGHBOUR, &policy);
        // Claims the entry.
        let other = beside(&store, move |store| succeed_on(store, NEIGHBOUR, &policy));
        // Takes the old count back first.
        succeed(&store, &policy);
        succeed_on(&store, NEIGHBOUR, &policy);
        other.join().unwrap();
        succeed_on(&store, NEIGHBOUR, &policy);
        assert_eq!((calls(&store), calls_of(&store, NEIGHBOUR)), (2, 4));
    });
}

/// A tick ends beside a success by hash: it is in the one tick or the other.
#[test]
fn a_tick_ends_beside_a_success_by_hash() {
    model_in_total_order("a_tick_ends_beside_a_success_by_hash", 2, || {
        let clock = TickingClock::new(1_000);
        let store = store_with_clock(clock.clone());
        let policy = of_time(100);
        kept(&store, &policy);
        let other = beside(&store, move |store| succeed(store, &policy));
        next_tick(&store, &clock);
        (0..2).for_each(|_| succeed(&store, &policy));
        other.join().unwrap();
        succeed(&store, &policy);
        assert_eq!(calls(&store), 8);
        // The window of the next tick.
        clock.advance(9 * TICK_MS);
        let left = calls(&store);
        assert!(left == 3 || left == 4, "{left} of three or four");
    });
}

/// A tick ends while a success gives its count to an entry: the entry keeps no other tick's.
#[test]
fn a_tick_ends_beside_a_count_that_is_given() {
    let name = "a_tick_ends_beside_a_count_that_is_given";
    model_in_total_order(name, 2, || {
        let clock = TickingClock::new(1_000);
        let store = store_with_clock(clock.clone());
        let policy = of_time(100);
        with_table(&store, &policy);
        succeed(&store, &policy);
        let other = beside(&store, move |store| succeed(store, &policy));
        next_tick(&store, &clock);
        succeed(&store, &policy);
        other.join().unwrap();
        (0..2).for_each(|_| succeed(&store, &policy));
        assert_eq!(calls(&store), 7);
    });
}

/// A slow call comes in the next tick while a success gives the count of its tick to an entry: a
/// success that counts itself there adds up, or is added up.
#[test]
fn no_entry_goes_on_beside_trouble_of_the_next_tick() {
    let name = "no_entry_goes_on_beside_trouble_of_the_next_tick";
    model_in_total_order(name, 1, || {
        let clock = TickingClock::new(1_000);
        let store = store_with_clock(clock.clone());
        let policy = of_time(8);
        kept(&store, &policy);
        assert_eq!(calls(&store), 4);
        succeed(&store, &policy);
        let permit = store.acquire(&KEY, &policy).unwrap();
        let gives = beside(&store, move |store| {
            let _ = store.report(&KEY, permit, Outcome::Success, &policy);
        });
        let slow = beside(&store, move |store| {
            next_tick(store, &clock);
            let slow = Report::from(Outcome::Success).took(Duration::from_secs(2));
            let _ = store.report(&KEY, permit, slow, &policy);
        });
        let _ = store.report(&KEY, permit, Outcome::Success, &policy);
        gives.join().unwrap();
        slow.join().unwrap();
        assert_eq!(state(&store), CircuitState::Open, "one of eight");
    });
}

/// A slow call comes while a success gives the count of their tick to an entry: a success that counts
/// itself there adds up, or is added up.
#[test]
fn no_entry_goes_on_beside_trouble() {
    model_in_total_order("no_entry_goes_on_beside_trouble", 2, || {
        let store = store();
        let policy = of_time(7);
        kept(&store, &policy);
        assert_eq!(calls(&store), 4);
        let permit = store.acquire(&KEY, &policy).unwrap();
        let other = beside(&store, move |store| {
            // Gives the count, if the slow call has counted.
            let _ = store.report(&KEY, permit, Outcome::Success, &policy);
            let _ = store.report(&KEY, permit, Outcome::Success, &policy);
        });
        let slow = Report::from(Outcome::Success).took(Duration::from_secs(2));
        let _ = store.report(&KEY, permit, slow, &policy);
        other.join().unwrap();
        assert_eq!(state(&store), CircuitState::Open, "one of seven");
    });
}

/// Goes on to the next tick. loom doesn't see the clock, but does see the look, which other threads
/// may come before.
fn next_tick(store: &Store, clock: &TickingClock) {
    let _ = store.peek(&KEY);
    clock.advance(TICK_MS);
}
