//! A panic of the user's code keeps neither a probe slot nor an in-flight slot.

use std::cell::Cell;
use std::hash::{Hash, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use breakerbox::{
    CircuitBreaker, CircuitState, Clock, DroppedPermit, Outcome, Policy, PolicyBuilder, PolicySet,
    Reported, SlidingWindow, Steering, ToKey,
};

thread_local! {
    /// The number of calls of the user's code before the one that panics.
    static FUSE: Cell<Option<u64>> = const { Cell::new(None) };
}

/// Counts a call of the user's code, and panics in the chosen one.
fn burn() {
    let left = FUSE.get();
    FUSE.set(left.and_then(|left| left.checked_sub(1)));
    if left == Some(0) {
        std::panic::resume_unwind(Box::new("planted"));
    }
}

/// Runs `f` with a panic in its `nth` call of the user's code, and returns whether there was one.
fn panics(nth: u64, f: impl FnOnce()) -> bool {
    FUSE.set(Some(nth));
    let result = catch_unwind(AssertUnwindSafe(f));
    let burnt = FUSE.take().is_none();
    assert!(burnt || result.is_ok());
    burnt
}

#[derive(PartialEq, Eq, Debug)]
struct Key(&'static str);

impl Clone for Key {
    fn clone(&self) -> Self {
        burn();
        Self(self.0)
    }
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

#[derive(Clone, Default)]
struct Panicky(Arc<AtomicU64>);

impl Clock for Panicky {
    fn now_ms(&self) -> u64 {
        burn();
        self.0.load(SeqCst)
    }
}

type Breaker = CircuitBreaker<Key, std::hash::RandomState, Panicky>;

const KEY: Key = Key("upstream");
const SECOND: Duration = Duration::from_secs(1);

/// A breaker whose clock, keys and classifier panic when told to, and that has a listener.
fn breaker(policy: PolicyBuilder) -> (Breaker, Panicky) {
    let clock = Panicky(Arc::new(AtomicU64::new(1_000_000)));
    let policy = policy
        .dropped_permit(DroppedPermit::FailureIfOlder(Duration::from_secs(3_600)))
        .build()
        .unwrap();
    let classed = |_: &Key| {
        burn();
        Some("all")
    };
    let breaker = CircuitBreaker::keyed_builder()
        .clock(clock.clone())
        .policy(
            PolicySet::new(policy)
                .class("all", policy)
                .classify(classed),
        )
        .on_state_change(|_| ())
        .build()
        .unwrap();
    (breaker, clock)
}

fn recovering() -> PolicyBuilder {
    Policy::builder()
        .failure_threshold(1)
        .reset_timeout(SECOND)
        .success_threshold(2)
        .probe_lease(Duration::from_secs(3_600))
}

fn hung() -> PolicyBuilder {
    Policy::builder()
        .hung_calls(1)
        .hung_call_duration(SECOND)
        .sliding_window(SlidingWindow::Calls(100))
        .failure_rate_threshold(100)
}

/// The ways to make a call.
const WAYS: [fn(&Breaker, Outcome); 4] = [
    |breaker, outcome| {
        let _ = breaker.acquire(&KEY).map(|permit| permit.report(outcome));
    },
    |breaker, outcome| {
        let permit = breaker.acquire_owned(&KEY);
        let _ = permit.map(|permit| permit.report(outcome));
    },
    |breaker, outcome| {
        let circuit = breaker.circuit(&KEY).unwrap();
        let _ = circuit.acquire().map(|permit| permit.report(outcome));
    },
    |breaker, outcome| {
        let circuit = breaker.circuit(&KEY).unwrap();
        let permit = circuit.acquire_owned();
        match outcome {
            Outcome::Ignored => drop(permit),
            outcome => {
                let _ = permit.map(|permit| permit.report(outcome));
            }
        }
    },
];

/// Panics at each place where a probe's call runs the user's code. Afterwards the slot is free, or
/// the probe has decided.
#[test]
fn a_panic_keeps_no_probe() {
    let mut panicked = 0;
    for way in WAYS {
        for outcome in [Outcome::Success, Outcome::Failure, Outcome::Ignored] {
            for nth in 0.. {
                let (breaker, clock) = breaker(recovering());
                breaker.store().transition(&KEY, CircuitState::Open);
                assert!(breaker.acquire(&KEY).is_err());
                clock.0.fetch_add(1_000, SeqCst);
                if !panics(nth, || way(&breaker, outcome)) {
                    break;
                }
                panicked += 1;
                let state = breaker.peek(&KEY).unwrap().state;
                if state == CircuitState::Open {
                    clock.0.fetch_add(1_000, SeqCst);
                }
                let probe = breaker.acquire(&KEY);
                assert!(probe.is_ok(), "{outcome:?}, {nth}: {probe:?}, {state:?}");
            }
        }
    }
    assert!(panicked > 40, "{panicked}");
}

/// The same for in-flight slots: no finished call seems to hang.
#[test]
fn a_panic_keeps_no_in_flight_slot() {
    let mut panicked = 0;
    for way in WAYS {
        for outcome in [Outcome::Success, Outcome::Failure, Outcome::Ignored] {
            for nth in 0.. {
                let (breaker, clock) = breaker(hung());
                breaker.get_state(&KEY);
                if !panics(nth, || way(&breaker, outcome)) {
                    break;
                }
                panicked += 1;
                clock.0.fetch_add(1_000, SeqCst);
                let after = breaker.acquire(&KEY);
                assert!(after.is_ok(), "{outcome:?}, {nth}: {after:?}");
            }
        }
    }
    assert!(panicked > 40, "{panicked}");
}

/// A second panic, of the classifier in the drop of a permit, would abort the process.
#[test]
fn a_classifier_may_panic_while_a_permit_is_dropped_by_a_panic() {
    let (breaker, clock) = breaker(recovering());
    breaker.store().transition(&KEY, CircuitState::Open);
    assert!(breaker.acquire(&KEY).is_err());
    clock.0.fetch_add(1_000, SeqCst);
    let call = AssertUnwindSafe(|| {
        let _permit = breaker.acquire(&KEY).unwrap();
        FUSE.set(Some(0));
        panic!("the call");
    });
    let panic = catch_unwind(call).unwrap_err();
    assert_eq!(panic.downcast_ref(), Some(&"the call"));
    assert!(FUSE.take().is_none(), "the classifier ran");
    assert!(breaker.acquire(&KEY).is_ok(), "the slot is free");
}

/// A classifier that panics for one key doesn't keep other keys from their new rules.
#[test]
fn a_classifier_may_panic_while_policies_are_replaced() {
    let (breaker, _) = breaker(Policy::builder());
    let keys = ["a", "b", "c", "d"].map(Key);
    let circuits = keys.each_ref().map(|key| breaker.circuit(key).unwrap());
    let policy = hung().build().unwrap();
    static PANICS: AtomicI64 = AtomicI64::new(0);
    let classify = |_: &Key| {
        if PANICS.fetch_sub(1, SeqCst) == 1 {
            std::panic::resume_unwind(Box::new("planted"));
        }
        Some("all")
    };
    let set = PolicySet::new(policy)
        .class("all", policy)
        .classify(classify);
    PANICS.store(2, SeqCst);
    let replace = AssertUnwindSafe(|| breaker.set_policies(set));
    assert!(catch_unwind(replace).is_err());
    // Counted or not: a handle's check of a watched circuit runs the classifier.
    let watched = circuits.iter().filter(|circuit| {
        let before = PANICS.load(SeqCst);
        let admitted = circuit.acquire().unwrap();
        let asked = PANICS.load(SeqCst) != before;
        assert_eq!(admitted.ignore(), Reported::Recorded);
        asked
    });
    assert!(watched.count() >= 3);
}

/// A form of the key for look-ups, whose copy panics.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Form(String);

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Name(Form);

impl std::borrow::Borrow<Form> for Name {
    fn borrow(&self) -> &Form {
        &self.0
    }
}

impl AsRef<str> for Name {
    fn as_ref(&self) -> &str {
        &self.0.0
    }
}

impl ToKey<Name> for Form {
    fn to_key(&self) -> Name {
        burn();
        Name(self.clone())
    }
}

/// A copy of the key that panics in a report, made for a rule by hand that covers other keys.
#[test]
fn a_key_copy_that_panics_in_a_report_keeps_nothing() {
    for probe in [false, true] {
        let mut panicked = 0;
        for nth in 0.. {
            let clock = Panicky(Arc::new(AtomicU64::new(1_000_000)));
            let breaker = CircuitBreaker::<Name>::keyed_builder()
                .clock(clock.clone())
                .policy(PolicySet::new(hung().build().unwrap()))
                .build()
                .unwrap();
            let _ = breaker.steer_prefix("/other", Steering::ForceOpen);
            let key = Form("a".into());
            breaker.get_state(&key);
            if probe {
                breaker.store().transition(&key, CircuitState::HalfOpen);
            }
            let permit = breaker.acquire(&key).unwrap();
            assert_eq!(permit.is_probe(), probe);
            if !panics(nth, || {
                let _ = permit.ignore();
            }) {
                break;
            }
            panicked += 1;
            clock.0.fetch_add(1_000, SeqCst);
            assert!(
                breaker.acquire(&key).is_ok(),
                "{probe}, {nth}: no probe is in flight"
            );
        }
        assert!(panicked > 0);
    }
}
