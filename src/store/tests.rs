//! Tests of what can't be seen from outside: the bound, the counts at rest, the entries of the map.

use super::handle::StoreHandle;
use super::in_memory::InMemoryCircuitBreakerStore;
use super::steer::Steering;
use crate::clock::{Clock, ManualClock};
use crate::rules::{Policy, SlidingWindow};
use crate::snapshot::{CircuitBreakerSnapshot, CircuitState};
use crate::sync::atomic::Ordering;
use crate::word::{Outcome, Reported};
use std::hash::RandomState;
use std::time::Duration;

type Store = InMemoryCircuitBreakerStore<u64, RandomState, ManualClock>;

fn limited(max_circuits: usize) -> Store {
    InMemoryCircuitBreakerStore::keyed_builder()
        .clock(ManualClock::new(7))
        .build_limited(max_circuits)
}

#[test]
fn a_full_store_answers_and_stores_nothing() {
    let store = limited(2);
    let policy = Policy::builder().failure_threshold(1).build().unwrap();
    store.record_failure(&1);
    store.transition(&2, CircuitState::Open);

    let fresh = CircuitBreakerSnapshot {
        last_state_change: 7,
        ..Default::default()
    };
    assert_eq!(store.get_state(&3), fresh);
    assert_eq!(
        store.record_success(&3),
        CircuitBreakerSnapshot {
            success_count: 1,
            ..fresh
        }
    );
    let failed = CircuitBreakerSnapshot {
        failure_count: 1,
        last_failure_time: 7,
        ..fresh
    };
    assert_eq!(store.record_failure(&3), failed);
    assert_eq!(
        store.transition(&3, CircuitState::Open).state,
        CircuitState::Open
    );
    assert!(store.circuit(&3).is_err());
    assert_eq!(store.untracked(), 5);
    assert_eq!((store.len(), store.peek(&3)), (2, None));

    // Further keys are admitted, and the failures that can't be counted don't trip.
    let permit = store.acquire(&3, &policy).unwrap();
    assert_eq!(
        store.report(&3, permit, Outcome::Failure, &policy),
        Reported::Recorded
    );
    assert!(store.acquire(&3, &policy).is_ok());
    assert_eq!(store.untracked(), 6);

    // Those that are there still count and reject.
    assert_eq!(store.record_failure(&1).failure_count, 2);
    assert!(store.acquire(&2, &policy).is_err());
    store.reset(&1);
    assert_eq!(store.record_failure(&3).failure_count, 1);
}

#[test]
fn nothing_is_left_behind() {
    let store = limited(10);
    let policy = Policy::builder().failure_threshold(1).build().unwrap();
    let handle = store.circuit(&1).unwrap();
    for key in 1..4 {
        let permit = store.acquire(&key, &policy).unwrap();
        let _ = store.report(&key, permit, Outcome::Failure, &policy);
    }
    assert_eq!(
        (store.summary_counts(), store.entries(), store.len()),
        ((3, 0), 3, 3)
    );
    store.clear();
    assert_eq!(
        (store.summary_counts(), store.entries(), store.len()),
        ((0, 0), 1, 0)
    );
    drop(handle);
    store.reset(&1);
    assert_eq!(
        store.entries(),
        0,
        "a reset takes a vacant cell away that no handle holds"
    );
}

/// A failure that is stale creates nothing, whether or not its key is in the map.
#[test]
fn a_stale_failure_creates_nothing() {
    let store = limited(10);
    let policy = Policy::default();
    store.record_failure(&1);
    let permit = store.acquire(&1, &policy).unwrap();
    store.reset(&1);
    assert_eq!(
        store.report(&1, permit, Outcome::Failure, &policy),
        Reported::Stale
    );
    assert_eq!(store.entries(), 0);
}

/// A breaker's needs are released with its last clone, though the store lives on.
#[test]
fn a_breaker_that_goes_releases_the_summary() {
    let hung = Policy::builder()
        .hung_calls(1)
        .hung_call_duration(std::time::Duration::from_secs(1));
    let policy = hung.build().unwrap();
    let breaker = crate::CircuitBreaker::<u64>::keyed_builder()
        .policy(crate::PolicySet::new(policy))
        .build()
        .unwrap();
    let store = breaker.store().clone();
    let clone = breaker.clone();
    drop(breaker);
    assert_eq!(store.summary_counts(), (1, 1));
    drop(clone);
    assert_eq!(store.summary_counts(), (0, 0));
}

/// Rules by hand and policies need every check of the summary, once each, and release it.
#[test]
fn forced_states_release_the_summary() {
    use crate::{Forced, Policy, PolicySet};
    use Steering::{Disable, Enable, ForceOpen, Reset};
    let breaker = crate::CircuitBreaker::builder().build().unwrap();
    let store = breaker.store();
    let handle = breaker.circuit("/a/kept").unwrap();
    for (prefix, steering, needing) in [
        ("/a/", Enable, 0),
        ("/b/", ForceOpen, 1),
        ("/b/c/", Disable, 1),
        ("/b/c/", Enable, 1),
        ("/b/", Reset, 0),
        ("/b/", Reset, 0),
    ] {
        let _ = store.steer_prefix(prefix, steering);
        assert_eq!(store.summary_counts().0, needing, "{prefix} {steering:?}");
    }
    breaker.set_policies(PolicySet::new(
        Policy::default().with_forced(Some(Forced::Open)),
    ));
    assert_eq!(
        store.summary_counts(),
        (1, 1),
        "and the handle's circuit is watched"
    );
    breaker.set_policies(PolicySet::default());
    assert_eq!(store.summary_counts(), (0, 0));
    let _ = store.steer_all(ForceOpen);
    let panics = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let _ = store.steer_where(Enable, |_| panic!("the caller's"));
    }));
    assert!(panics.is_err());
    store.clear();
    assert_eq!(store.summary_counts(), (0, 0));
    assert!(handle.acquire().is_ok());
}

/// A sweep looks at how long a circuit has been open, and leaves it to a check to fix the open
/// time.
#[test]
fn a_sweep_does_not_decide_how_long_a_circuit_is_open() {
    let store: Store = InMemoryCircuitBreakerStore::keyed_builder()
        .clock(ManualClock::new(7))
        .max_circuits(2)
        .build();
    store.transition(&1, CircuitState::Open);
    for other in 2..20 {
        store.record_failure(&other);
    }
    let policy = Policy::builder().reset_timeout(std::time::Duration::from_millis(10));
    let rejected = store.acquire(&1, &policy.build().unwrap()).unwrap_err();
    assert_eq!(rejected.retry_after().as_millis(), 10);
}

/// A check of an unknown circuit that is overtaken at each look has a permit that is too old, and
/// never one with a number that was taken after its last look began.
#[test]
fn a_permit_of_an_unknown_circuit_is_never_too_new() {
    let store = limited(10);
    let latest = || store.inner.shared.summary.load().generation().bits();
    let (mut looks, mut before) = (0, 0);
    let admitted = store.inner.answer_from(|| {
        (looks, before) = (looks + 1, latest());
        store.transition(&2, CircuitState::Closed);
        crate::cell::Acquired::Unknown
    });
    assert_eq!(admitted.unwrap().generation(), before);
    assert!(looks > 1 && before < latest());
}

/// The rules go with the last clone of their breaker, and unwatch the circuits that they had
/// watched.
#[test]
fn a_breaker_that_goes_leaves_nothing_watched() {
    let window = Policy::builder()
        .sliding_window(crate::SlidingWindow::Calls(10))
        .failure_rate_threshold(50);
    let breaker = crate::CircuitBreaker::<u64>::keyed_builder()
        .policy(crate::PolicySet::new(window.build().unwrap()))
        .build()
        .unwrap();
    let store = breaker.store().clone();
    let circuit = store.circuit(&1).unwrap();
    let _ = breaker.acquire(&1).unwrap().success();
    let _ = breaker.acquire(&2).unwrap().success();
    assert_eq!(
        store.summary_counts(),
        (0, 3),
        "two circuits, and the rules"
    );
    drop(breaker);
    assert_eq!(store.summary_counts(), (0, 0));
    assert!(!circuit.is_watched_by_policy());
}

/// A rule by hand holds the circuit of a handle; when the rule is lifted, nothing holds it, though
/// the handle is gone.
#[test]
fn a_rule_that_is_lifted_after_its_handle_holds_nothing() {
    for lifts in [Steering::Enable, Steering::ForceClose, Steering::Reset] {
        for forces in [Steering::ForceOpen, Steering::Disable] {
            for prefix in ["/b/", "/b/1"] {
                let store = InMemoryCircuitBreakerStore::new();
                let handle = store.circuit("/b/1").unwrap();
                let _ = store.steer_all(forces);
                drop(handle);
                let _ = store.steer_prefix(prefix, lifts);
                let _ = store.steer_all(lifts);
                let counts = store.summary_counts();
                assert_eq!(counts, (0, 0), "{lifts:?} after {forces:?}");
            }
        }
    }
}

type ReplacedBreaker = crate::CircuitBreaker<u64, RandomState, Replacing>;

/// Replaces the policies of a breaker in the middle of a check, by a set whose classifier panics.
#[derive(Clone, Default)]
struct Replacing {
    time: ManualClock,
    armed: std::sync::Arc<crate::sync::PlainAtomicU64>,
    /// Taken out at the end: it holds the clock.
    breaker: std::sync::Arc<std::sync::Mutex<Option<ReplacedBreaker>>>,
}

impl Clock for Replacing {
    fn now_ms(&self) -> u64 {
        if self.armed.swap(0, Ordering::SeqCst) == 1 {
            let panicking = crate::PolicySet::new(hung())
                .class("x", crate::Policy::default())
                .classify(|_: &u64| panic!("a classifier's"));
            let breaker = self.breaker.lock().unwrap().clone();
            breaker.unwrap().put_policies(panicking);
        }
        self.time.now_ms()
    }
}

fn hung() -> Policy {
    let second = std::time::Duration::from_secs(1);
    let hung = Policy::builder().hung_calls(1).hung_call_duration(second);
    hung.build().unwrap()
}

/// A check whose policies are replaced in its midst asks the new classifier, which panics: it keeps
/// neither its probe nor its slot in flight.
#[test]
fn a_classifier_that_panics_after_a_check_keeps_nothing() {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    for by_handle in [false, true] {
        for state in [CircuitState::Closed, CircuitState::HalfOpen] {
            let clock = Replacing::default();
            let breaker = crate::CircuitBreaker::<u64>::keyed_builder()
                .clock(clock.clone())
                .policy(crate::PolicySet::new(hung()))
                .build()
                .unwrap();
            *clock.breaker.lock().unwrap() = Some(breaker.clone());
            let circuit = breaker.circuit(&1).unwrap();
            breaker.store().transition(&1, state);
            clock.armed.store(1, Ordering::SeqCst);
            let check = AssertUnwindSafe(|| match by_handle {
                false => drop(breaker.acquire(&1)),
                true => drop(circuit.acquire()),
            });
            assert!(catch_unwind(check).is_err(), "or it shows nothing");
            breaker.set_policies(crate::PolicySet::new(hung()));
            clock.time.advance_ms(1_000);
            assert!(breaker.acquire(&1).is_ok(), "{state:?}: no call is out");
            drop(clock.breaker.lock().unwrap().take());
        }
    }
}

/// Threads report by key and by handle while rules that watch are replaced by plain ones. What is
/// at rest is asked before anything is cleaned up: a reset would heal it.
#[test]
fn rules_that_go_leave_nothing_watched_however_threads_meet() {
    use crate::{CircuitBreaker, PolicySet, SlidingWindow};
    let window = Policy::builder()
        .sliding_window(SlidingWindow::Calls(10))
        .failure_rate_threshold(100);
    let watching = [window.build().unwrap(), hung()];
    let set = |policy: Policy| PolicySet::<u64>::new(policy);
    for round in 0..300 {
        let breaker = CircuitBreaker::<u64>::keyed_builder()
            .policy(set(watching[round % 2]))
            .build()
            .unwrap();
        let start = std::sync::Barrier::new(4);
        std::thread::scope(|scope| {
            for thread in 0..3 {
                let (breaker, start) = (&breaker, &start);
                scope.spawn(move || {
                    let circuit = (thread == 0).then(|| breaker.circuit(&1).unwrap());
                    start.wait();
                    for _ in 0..20 {
                        let _ = match &circuit {
                            Some(circuit) => circuit.acquire().map(|permit| permit.success()),
                            None => breaker.acquire(&1).map(|permit| permit.success()),
                        };
                    }
                    // By hand it closes anew, beside the replacement.
                    if round % 3 == 0 {
                        breaker.store().transition(&1, CircuitState::Closed);
                    }
                });
            }
            start.wait();
            breaker.set_policies(set(Policy::default()));
        });
        assert_eq!(breaker.store().summary_counts(), (0, 0), "round {round}");
        let circuit = breaker.store().circuit(&1).unwrap();
        assert!(!circuit.is_watched_by_policy());
    }
}

#[test]
fn types_are_send_and_sync() {
    fn check<T: Send + Sync>() {}
    check::<InMemoryCircuitBreakerStore>();
    check::<StoreHandle>();
    check::<crate::CircuitBreaker>();
    check::<crate::OwnedPermit>();
    check::<crate::CircuitHandle>();
    check::<crate::AsyncCircuitBreaker<str>>();
    check::<crate::AsyncPermit<str>>();
}

/// A circuit whose entry has kept a count that the window then forgot, since its next call came a
/// whole window later, becomes known again.
#[test]
fn a_circuit_becomes_known_again_after_an_idle_window() {
    let clock = ManualClock::new(0);
    let store = InMemoryCircuitBreakerStore::builder()
        .clock(clock.clone())
        .build();
    let span = Duration::from_secs(10);
    let window = SlidingWindow::Time(span);
    let half = Policy::builder().sliding_window(window);
    let half = half.minimum_calls(2).failure_rate_threshold(50);
    let policy = half.build().unwrap();
    let permit = store.acquire("a", &policy).unwrap();
    let is_known = || {
        let (inner, span) = (&store.inner, policy.trip.span.unwrap());
        let id = inner.ids.of(inner.map.hashed("a")).unwrap();
        inner.shared.count_by_hash(id, permit, span)
    };
    for _ in 0..3 {
        for _ in 0..32 {
            let _ = store.report("a", permit, Outcome::Success, &policy);
        }
        assert!(is_known());
        // The same bucket again.
        clock.advance(2 * span);
        assert!(!is_known());
    }
}
