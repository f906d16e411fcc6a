//! Rules that need to know of each call: windows, and replacements of policies.

use breakerbox::__loom::summary_counts;
use breakerbox::{
    CircuitBreaker, CircuitState, Outcome, Policy, PolicySet, Reported, SlidingWindow,
};
use breakerbox_loom_tests::{
    Hasher, KEY, TickingClock, handle, model, model_in_total_order, policy, store, store_with_clock,
};
use loom::thread;
use std::time::Duration;

/// Returns a policy that opens once both of the last two calls have failed.
fn of_two(window: SlidingWindow) -> Policy {
    let settings = Policy::builder().sliding_window(window).minimum_calls(2);
    settings.failure_rate_threshold(100).build().unwrap()
}

/// Reports two calls at the same time: both are in the window, and the circuit opens once.
fn both_count(name: &str, bound: usize, window: SlidingWindow) {
    model(name, bound, move || {
        let store = store();
        let policy = of_two(window);
        store.get_state(&KEY);
        let report = {
            let (store, permit) = (store.clone(), store.acquire(&KEY, &policy).unwrap());
            move || store.report(&KEY, permit, Outcome::Failure, &policy)
        };
        let other = thread::spawn(report.clone());
        assert_eq!(report(), Reported::Recorded);
        assert_eq!(other.join().unwrap(), Reported::Recorded);
        let circuit = store.peek(&KEY).unwrap();
        assert_eq!(circuit.state, CircuitState::Open);
        assert_eq!(summary_counts(&store), (1, 0));
    });
}

#[test]
fn racing_calls_are_both_in_the_window() {
    let window = SlidingWindow::Calls(2);
    both_count("racing_calls_are_both_in_the_window", 2, window);
}

#[test]
fn racing_calls_are_both_in_the_bucket() {
    let window = SlidingWindow::Time(Duration::from_secs(100));
    both_count("racing_calls_are_both_in_the_bucket", 1, window);
}

/// A success that is the second call of two and the failure that is the other one: whichever comes
/// last opens the circuit.
#[test]
fn a_success_beside_the_first_failure_is_seen() {
    let window = SlidingWindow::Time(Duration::from_secs(100));
    sees_the_first_failure("a_success_beside_the_first_failure_is_seen", window);
}

/// The same where the last call that comes makes the window full.
#[test]
fn a_success_beside_a_failure_fills_the_window() {
    let window = SlidingWindow::Calls(2);
    sees_the_first_failure("a_success_beside_a_failure_fills_the_window", window);
}

fn sees_the_first_failure(name: &str, window: SlidingWindow) {
    model_in_total_order(name, 2, move || {
        let store = store();
        let half = of_two(window).to_builder().failure_rate_threshold(50);
        let policy = half.build().unwrap();
        let circuit = handle(&store);
        // Watched from here on, with an empty window.
        let first = circuit.acquire(&policy).unwrap();
        let _ = circuit.report(first, Outcome::Success, &policy);
        circuit.transition(CircuitState::Closed);
        let permits = [(); 2].map(|()| circuit.acquire(&policy).unwrap());
        let other = {
            let (store, [permit, _]) = (store.clone(), permits);
            thread::spawn(move || store.report(&KEY, permit, Outcome::Failure, &policy))
        };
        let _ = circuit.report(permits[1], Outcome::Success, &policy);
        let _ = other.join().unwrap();
        assert_eq!(store.peek(&KEY).unwrap().state, CircuitState::Open);
        assert_eq!(summary_counts(&store), (1, 0));
    });
}

/// A failure whose thread has read the clock before a tick ends, and a success in the next tick:
/// whichever comes last opens the circuit.
#[test]
fn a_success_in_the_next_tick_is_seen() {
    model_in_total_order("a_success_in_the_next_tick_is_seen", 2, || {
        let clock = TickingClock::new(1_000);
        let store = store_with_clock(clock.clone());
        let window = SlidingWindow::Time(Duration::from_secs(100));
        let policy = of_two(window).to_builder().failure_rate_threshold(50);
        let policy = policy.build().unwrap();
        // Watched from here on, with an empty window.
        store.record_success(&KEY);
        let permit = store.acquire(&KEY, &policy).unwrap();
        let _ = store.report(&KEY, permit, Outcome::Success, &policy);
        store.transition(&KEY, CircuitState::Closed);
        let permit = store.acquire(&KEY, &policy).unwrap();
        let other = {
            let store = store.clone();
            thread::spawn(move || store.report(&KEY, permit, Outcome::Failure, &policy))
        };
        // loom doesn't see the clock, but does see this look, which the other thread may come before.
        let _ = store.peek(&KEY);
        clock.advance(10_000);
        let _ = store.report(&KEY, permit, Outcome::Success, &policy);
        let _ = other.join().unwrap();
        assert_eq!(store.peek(&KEY).unwrap().state, CircuitState::Open);
    });
}

/// Two calls race for a bucket whose tick has left the window: both are counted in it, and its old
/// calls aren't.
#[test]
fn racing_calls_take_an_old_bucket() {
    model("racing_calls_take_an_old_bucket", 1, || {
        let clock = TickingClock::new(1_000);
        let store = store_with_clock(clock.clone());
        let window = Duration::from_secs(10);
        let all_of_three = Policy::builder()
            .sliding_window(SlidingWindow::Time(window))
            .minimum_calls(3)
            .failure_rate_threshold(100);
        let policy = all_of_three.build().unwrap();
        store.get_state(&KEY);
        let permit = store.acquire(&KEY, &policy).unwrap();
        let fail = {
            let store = store.clone();
            move || store.report(&KEY, permit, Outcome::Failure, &policy)
        };
        let _ = fail();
        clock.advance(10_000);
        let other = thread::spawn(fail.clone());
        assert_eq!(fail(), Reported::Recorded);
        assert_eq!(other.join().unwrap(), Reported::Recorded);
        let state = || store.peek(&KEY).unwrap().state;
        assert_eq!(state(), CircuitState::Closed, "two calls of three");
        assert_eq!(fail(), Reported::Recorded);
        assert_eq!(state(), CircuitState::Open, "three calls");
    });
}

/// A call that is counted while its circuit closes anew isn't in the window that follows.
#[test]
fn a_window_is_of_one_generation() {
    model("a_window_is_of_one_generation", 2, || {
        let store = store();
        let policy = of_two(SlidingWindow::Calls(2));
        store.get_state(&KEY);
        let permit = store.acquire(&KEY, &policy).unwrap();
        let other = {
            let store = store.clone();
            thread::spawn(move || store.report(&KEY, permit, Outcome::Failure, &policy))
        };
        store.transition(&KEY, CircuitState::Closed);
        let _ = other.join().unwrap();
        let permit = store.acquire(&KEY, &policy).unwrap();
        let reported = store.report(&KEY, permit, Outcome::Failure, &policy);
        assert_eq!(reported, Reported::Recorded);
        let circuit = store.peek(&KEY).unwrap();
        assert_eq!(circuit.state, CircuitState::Closed, "one call of two");
    });
}

/// Once rules over a window are in place, the window counts every call that begins. Once they are
/// gone, they need no checks and no reports.
#[test]
fn policies_are_replaced_between_decisions() {
    model("policies_are_replaced_between_decisions", 2, || {
        let breaker = CircuitBreaker::<u64>::keyed_builder()
            .hasher(Hasher::default())
            .clock(TickingClock::new(1_000))
            .policy(PolicySet::new(policy(2, 1, 1)))
            .build()
            .unwrap();
        let windowed = PolicySet::new(of_two(SlidingWindow::Calls(2)));
        let other = {
            let breaker = breaker.clone();
            thread::spawn(move || breaker.set_policies(windowed))
        };
        assert_eq!(breaker.acquire(&KEY).unwrap().success(), Reported::Recorded);
        other.join().unwrap();
        for _ in 0..2 {
            assert_eq!(breaker.acquire(&KEY).unwrap().failure(), Reported::Recorded);
        }
        let circuit = breaker.peek(&KEY).unwrap();
        assert_eq!(circuit.state, CircuitState::Open, "the last two of two");

        breaker.set_policies(PolicySet::new(policy(2, 1, 1)));
        breaker.store().reset(&KEY);
        assert_eq!(summary_counts(breaker.store()), (0, 0));
    });
}

/// A success on a handle goes by new rules once any look has shown them, though the handle knows
/// that the window of the old ones was quiet.
#[test]
fn a_quiet_window_of_rules_that_went_is_not_known() {
    let name = "a_quiet_window_of_rules_that_went_is_not_known";
    model_in_total_order(name, 2, || {
        let rules = |calls| {
            let settings = Policy::builder().sliding_window(SlidingWindow::Calls(calls));
            let settings = settings.minimum_calls(calls).failure_rate_threshold(50);
            PolicySet::new(settings.build().unwrap())
        };
        let breaker = CircuitBreaker::<u64>::keyed_builder()
            .hasher(Hasher::default())
            .clock(TickingClock::new(1_000))
            .policy(rules(1))
            .build()
            .unwrap();
        let circuit = breaker.circuit(&KEY).unwrap();
        let succeed = || circuit.acquire().unwrap().success();
        assert_eq!(succeed(), Reported::Recorded);
        let other = {
            let breaker = breaker.clone();
            thread::spawn(move || breaker.set_policies(rules(2)))
        };
        let is_new = breaker.policy(&KEY).minimum_calls() == Some(2);
        assert_eq!(succeed(), Reported::Recorded);
        other.join().unwrap();
        let _ = circuit.acquire().unwrap().failure();
        let is_open = circuit.peek().unwrap().state == CircuitState::Open;
        assert!(is_open || !is_new, "one of the last two failed");
    });
}
