//! Calls in flight, and circuits that have to be watched from a certain moment on.

use breakerbox::__loom::summary_counts;
use breakerbox::{
    CircuitBreaker, CircuitState, Outcome, Policy, PolicySet, Reported, SlidingWindow,
};
use breakerbox_loom_tests::{
    Hasher, KEY, Store, TickingClock, handle, model, model_in_total_order, policy, store_with_clock,
};
use loom::thread;
use std::time::Duration;

type Breaker = CircuitBreaker<u64, Hasher, TickingClock>;

const HUNG_MS: u64 = 10_000;

/// Returns a policy by which `calls` hung calls open the circuit.
fn hung(calls: u32) -> Policy {
    let settings = Policy::builder().hung_calls(calls);
    let duration = Duration::from_millis(HUNG_MS);
    settings.hung_call_duration(duration).build().unwrap()
}

fn store() -> (Store, TickingClock) {
    let clock = TickingClock::new(1_000);
    let store = store_with_clock(clock.clone());
    store.get_state(&KEY);
    (store, clock)
}

/// Two calls that begin at the same time take two slots.
#[test]
fn each_call_takes_its_own_slot() {
    model("each_call_takes_its_own_slot", 2, || {
        let (store, clock) = store();
        let policy = hung(2);
        let begin = {
            let store = store.clone();
            move || store.acquire(&KEY, &policy).unwrap()
        };
        let other = thread::spawn(begin.clone());
        let permits = [begin(), other.join().unwrap()];
        clock.advance(HUNG_MS);
        assert!(store.acquire(&KEY, &policy).is_err(), "two calls hang");
        for permit in permits {
            assert_eq!(store.release(&KEY, permit, &policy), Reported::Stale);
        }
    });
}

/// A call that ends after its circuit has closed anew frees no other call's slot.
#[test]
fn a_call_gives_back_its_own_slot() {
    model("a_call_gives_back_its_own_slot", 2, || {
        let (store, clock) = store();
        let policy = hung(1);
        let old = store.acquire(&KEY, &policy).unwrap();
        let ender = {
            let store = store.clone();
            thread::spawn(move || store.release(&KEY, old, &policy))
        };
        store.transition(&KEY, CircuitState::Closed);
        let hangs = store.acquire(&KEY, &policy).unwrap();
        let _ = ender.join().unwrap();
        clock.advance(HUNG_MS);
        assert!(store.acquire(&KEY, &policy).is_err(), "one call hangs");
        assert_eq!(store.release(&KEY, hangs, &policy), Reported::Stale);
    });
}

/// A circuit that closes while rules over a window are put in place is watched from then on: one of
/// the two threads sees to it.
#[test]
fn a_circuit_that_closes_meanwhile_is_watched() {
    // Each of the two threads writes one word and then looks at the other: one of them sees both.
    model_in_total_order("a_circuit_that_closes_meanwhile_is_watched", 2, || {
        let breaker = breaker_of(plain());
        let circuit = breaker.circuit(&KEY).unwrap();
        breaker.store().transition(&KEY, CircuitState::Open);
        let closer = handle(breaker.store());
        let closer = thread::spawn(move || {
            closer.transition(CircuitState::Closed);
        });
        breaker.set_policies(PolicySet::new(windowed()));
        closer.join().unwrap();
        assert_eq!(circuit.acquire().unwrap().success(), Reported::Recorded);
        assert_eq!(circuit.acquire().unwrap().failure(), Reported::Recorded);
        let state = breaker.peek(&KEY).unwrap().state;
        assert_eq!(state, CircuitState::Open, "one of two calls failed");
    });
}

/// Returns a policy that opens once half of the last two calls have failed.
fn windowed() -> Policy {
    let half_of_two = Policy::builder()
        .sliding_window(SlidingWindow::Calls(2))
        .minimum_calls(2)
        .failure_rate_threshold(50);
    half_of_two.build().unwrap()
}

/// Returns policies that count consecutive failures, and so watch no circuit.
fn plain() -> PolicySet<u64> {
    PolicySet::new(policy(9, 1, 1))
}

fn breaker_of(policies: PolicySet<u64>) -> Breaker {
    CircuitBreaker::<u64>::keyed_builder()
        .hasher(Hasher::default())
        .clock(TickingClock::new(1_000))
        .policy(policies)
        .build()
        .unwrap()
}

/// Asserts that nothing is watched, and that the rules need no checks and no reports any more.
fn assert_unwatched(breaker: &Breaker) {
    assert_eq!(
        summary_counts(breaker.store()),
        (0, 0),
        "nothing is watched"
    );
}

/// Two threads watch and unwatch a circuit at once: its watch and its word agree in the end.
#[test]
fn watch_and_word_agree_at_rest() {
    model_in_total_order("watch_and_word_agree_at_rest", 2, || {
        let (store, _) = store();
        let circuit = handle(&store);
        let other = circuit.clone();
        let other = thread::spawn(move || other.watch(&windowed()));
        circuit.watch(&policy(9, 1, 1));
        other.join().unwrap();
        let words = breakerbox::__loom::words(&store);
        let (_, words) = &words[0];
        let is_on = words.watch.as_ref().is_some_and(|calls| calls.on);
        assert_eq!(words.state == "Watched", is_on, "{words:?}");
    });
}

/// A report by rules that watch leaves nothing watched beside their replacement by rules that
/// don't.
#[test]
fn a_report_by_rules_that_go_leaves_nothing_watched() {
    let name = "a_report_by_rules_that_go_leaves_nothing_watched";
    model_in_total_order(name, 2, || {
        let breaker = breaker_of(PolicySet::new(windowed()));
        breaker.store().get_state(&KEY);
        let replacer = {
            let breaker = breaker.clone();
            thread::spawn(move || breaker.set_policies(plain()))
        };
        let _ = breaker.acquire(&KEY).unwrap().success();
        replacer.join().unwrap();
        assert_unwatched(&breaker);
    });
}

/// A check that takes an in-flight slot leaves nothing watched beside the replacement of its rules.
#[test]
fn a_check_by_rules_that_go_leaves_nothing_watched() {
    let name = "a_check_by_rules_that_go_leaves_nothing_watched";
    model_in_total_order(name, 2, || {
        let breaker = breaker_of(PolicySet::new(hung(1)));
        breaker.store().get_state(&KEY);
        let replacer = {
            let breaker = breaker.clone();
            thread::spawn(move || breaker.set_policies(plain()))
        };
        let permit = breaker.acquire(&KEY).unwrap();
        replacer.join().unwrap();
        assert_unwatched(&breaker);
        assert_eq!(permit.ignore(), Reported::Recorded);
    });
}

/// A circuit that closes while the rules that watch it are replaced isn't watched.
#[test]
fn a_circuit_that_closes_beside_rules_that_go_is_not_watched() {
    let name = "a_circuit_that_closes_beside_rules_that_go_is_not_watched";
    model_in_total_order(name, 2, || {
        let breaker = breaker_of(PolicySet::new(windowed()));
        let _circuit = breaker.circuit(&KEY).unwrap();
        breaker.store().transition(&KEY, CircuitState::Open);
        let closer = handle(breaker.store());
        let closer = thread::spawn(move || {
            closer.transition(CircuitState::Closed);
        });
        breaker.set_policies(plain());
        closer.join().unwrap();
        assert_unwatched(&breaker);
    });
}

/// A call by handle that finds its circuit closed is in the rules' window, however soon after the
/// close.
#[test]
fn a_call_right_after_a_close_is_in_the_window() {
    model_in_total_order("a_call_right_after_a_close_is_in_the_window", 2, || {
        let breaker = breaker_of(PolicySet::new(windowed()));
        let circuit = breaker.circuit(&KEY).unwrap();
        breaker.store().transition(&KEY, CircuitState::ForcedOpen);
        let closer = handle(breaker.store());
        let closer = thread::spawn(move || {
            closer.transition(CircuitState::Closed);
        });
        let first = circuit.acquire().map(|permit| permit.success()).is_ok();
        closer.join().unwrap();
        let _ = circuit.acquire().unwrap().failure();
        let open = circuit.peek().unwrap().state == CircuitState::Open;
        assert_eq!(open, first, "one of two failed, if there were two");
    });
}

/// Two replacements race: the counts hold what the set that stays needs, and never less than the
/// circuits need.
#[test]
fn two_replacements_at_once() {
    model_in_total_order("two_replacements_at_once", 2, || {
        let breaker = breaker_of(plain());
        breaker.store().transition(&KEY, CircuitState::ForcedOpen);
        let other = {
            let breaker = breaker.clone();
            thread::spawn(move || breaker.set_policies(PolicySet::new(hung(1))))
        };
        breaker.set_policies(plain());
        assert!(breaker.acquire(&KEY).is_err(), "it is forced open");
        other.join().unwrap();
        breaker.set_policies(plain());
        breaker.store().transition(&KEY, CircuitState::Closed);
        assert_unwatched(&breaker);
    });
}

/// Two replacements race: the circuit is watched if and only if the set that stays wants that.
#[test]
fn circuits_follow_the_last_of_two_replacements() {
    let name = "circuits_follow_the_last_of_two_replacements";
    model_in_total_order(name, 2, || {
        let breaker = breaker_of(plain());
        breaker.store().get_state(&KEY);
        let other = {
            let breaker = breaker.clone();
            thread::spawn(move || breaker.set_policies(PolicySet::new(windowed())))
        };
        breaker.set_policies(plain());
        other.join().unwrap();
        let watches = breaker.policy(&KEY).sliding_window().is_some();
        // One for the rules, one for the circuit.
        let unclean = if watches { 2 } else { 0 };
        assert_eq!(summary_counts(breaker.store()), (0, unclean));
    });
}

/// A circuit that is imported closed while rules over a window are put in place is watched from
/// then on.
#[test]
fn an_import_beside_new_rules_is_watched() {
    model_in_total_order("an_import_beside_new_rules_is_watched", 2, || {
        // Closed, without failures, and backing off: successes by handle take the fast path.
        let (before, clock) = store();
        let backs_off = Policy::builder().failure_threshold(1).backoff_factor(2.0);
        let backs_off = backs_off.build().unwrap();
        for outcome in [Outcome::Failure, Outcome::Success] {
            let permit = before.acquire(&KEY, &backs_off).unwrap();
            let _ = before.report(&KEY, permit, outcome, &backs_off);
            clock.advance(30_000);
        }
        let export = before.export();
        assert_eq!(export.len(), 1);
        let breaker = breaker_of(plain());
        let circuit = breaker.circuit(&KEY).unwrap();
        let importer = {
            let store = breaker.store().clone();
            thread::spawn(move || drop(store.import(export)))
        };
        breaker.set_policies(PolicySet::new(windowed()));
        importer.join().unwrap();
        assert_eq!(circuit.acquire().unwrap().success(), Reported::Recorded);
        assert_eq!(circuit.acquire().unwrap().failure(), Reported::Recorded);
        let state = breaker.peek(&KEY).unwrap().state;
        assert_eq!(state, CircuitState::Open, "one of two calls failed");
    });
}

/// An export beside a close contains the open circuit, or none.
#[test]
fn an_export_is_of_one_generation() {
    model("an_export_is_of_one_generation", 2, || {
        let (store, _) = store();
        let policy = policy(1, 1, 1);
        let permit = store.acquire(&KEY, &policy).unwrap();
        let _ = store.report(&KEY, permit, Outcome::Failure, &policy);
        let other = {
            let store = store.clone();
            thread::spawn(move || {
                store.transition(&KEY, CircuitState::Closed);
            })
        };
        let export = store.export();
        other.join().unwrap();
        let (after, _) = self::store();
        after.reset(&KEY);
        let imported = after.import(export).unwrap().imported;
        let state = after.peek(&KEY).map(|circuit| circuit.state);
        let expected = (imported == 1).then_some(CircuitState::Open);
        assert_eq!(state, expected, "closed by hand, it is clean");
    });
}

/// An export never fixes for how long a circuit is open, whether a rule opens it or a command did.
#[test]
fn an_export_decides_nothing() {
    model("an_export_decides_nothing", 2, || {
        let (store, _) = store();
        let policy = policy(1, 1, 1);
        let permit = store.acquire(&KEY, &policy).unwrap();
        let other = {
            let store = store.clone();
            thread::spawn(move || store.export())
        };
        let reported = store.report(&KEY, permit, Outcome::Failure, &policy);
        assert_eq!(reported, Reported::Recorded);
        other.join().unwrap();
        let left = store.acquire(&KEY, &policy).unwrap_err().retry_after();
        assert!(left > Duration::from_secs(99), "{left:?} of 100 s");
    });
}

/// An imported circuit keeps the time that it had left, whatever rule a concurrent check has.
#[test]
fn an_import_decides_how_long_its_circuit_is_open() {
    model("an_import_decides_how_long_its_circuit_is_open", 3, || {
        let (before, clock) = store();
        let policy = policy(1, 1, 1);
        before.transition(&KEY, CircuitState::Open);
        assert!(before.acquire(&KEY, &policy).is_err());
        clock.advance(99_000);
        let export = before.export();

        let after = store_with_clock(clock);
        let other = {
            let store = after.clone();
            thread::spawn(move || {
                let _ = store.acquire(&KEY, &policy);
            })
        };
        assert_eq!(after.import(export).unwrap().imported, 1);
        other.join().unwrap();
        let left = after.acquire(&KEY, &policy).unwrap_err().retry_after();
        assert!(left <= Duration::from_secs(1), "{left:?} of 1 s");
    });
}

/// An import beside a use comes first and is then used, or finds the circuit used and skips it.
#[test]
fn an_import_against_a_use() {
    model("an_import_against_a_use", 2, || {
        let (before, _) = store();
        for _ in 0..3 {
            before.record_failure(&KEY);
        }
        before.transition(&KEY, CircuitState::Open);
        let export = before.export();

        let (store, _) = store();
        let user = {
            let store = store.clone();
            thread::spawn(move || store.record_failure(&KEY))
        };
        let imported = store.import(export).unwrap().imported == 1;
        user.join().unwrap();
        let circuit = store.peek(&KEY).unwrap();
        let expected = if imported {
            (CircuitState::Open, 4)
        } else {
            (CircuitState::Closed, 1)
        };
        assert_eq!((circuit.state, circuit.failure_count), expected);
        let (rejects, unclean) = breakerbox::__loom::summary_counts(&store);
        assert_eq!((rejects, unclean), (imported.into(), (!imported).into()));
    });
}
