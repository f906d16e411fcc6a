//! A panic of the user's code while another one unwinds: it doesn't abort the process, and what the
//! permit holds is given back.

use std::cell::Cell;
use std::hash::{Hash, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use breakerbox::{
    CircuitBreaker, CircuitHandle, CircuitState, Clock, DroppedPermit, OwnedPermit, Policy,
    PolicyBuilder, PolicySet,
};

thread_local! {
    /// The number of calls of the user's code before the first one that panics; from there on all do
    /// if it is broken, otherwise that one alone.
    static FUSE: Cell<Option<u64>> = const { Cell::new(None) };
    static IS_BROKEN: Cell<bool> = const { Cell::new(false) };
    static NOW: Cell<u64> = const { Cell::new(1_000_000) };
}

/// Counts a call of the user's code, and panics in the chosen ones.
fn burn() {
    if let Some(left) = FUSE.get() {
        let next = left.checked_sub(1);
        FUSE.set(if IS_BROKEN.get() {
            next.or(Some(0))
        } else {
            next
        });
        if left == 0 {
            std::panic::resume_unwind(Box::new("planted"));
        }
    }
}

#[derive(Clone, PartialEq, Eq, Debug)]
struct Key;

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        burn();
        1.hash(state);
    }
}

struct Panicky;

impl Clock for Panicky {
    fn now_ms(&self) -> u64 {
        burn();
        NOW.get()
    }
}

type Breaker = CircuitBreaker<Key, std::hash::RandomState, Panicky>;
type Handle = CircuitHandle<Key, std::hash::RandomState, Panicky>;
type Owned = OwnedPermit<Key, std::hash::RandomState, Panicky>;

const SECOND: Duration = Duration::from_secs(1);

fn breaker(policy: PolicyBuilder) -> Breaker {
    let policy = policy
        .dropped_permit(DroppedPermit::FailureIfOlder(Duration::from_secs(3_600)))
        .build()
        .unwrap();
    let classed = |_: &Key| {
        burn();
        Some("all")
    };
    let policies = PolicySet::new(policy)
        .key(Key, policy)
        .class("all", policy)
        .classify(classed);
    CircuitBreaker::keyed_builder()
        .clock(Panicky)
        .policy(policies)
        .build()
        .unwrap()
}

fn probing() -> Breaker {
    let breaker = breaker(
        Policy::builder()
            .failure_threshold(1)
            .reset_timeout(SECOND)
            .success_threshold(2)
            .probe_lease(Duration::from_secs(3_600)),
    );
    breaker.store().transition(&Key, CircuitState::HalfOpen);
    breaker
}

fn counting_hung() -> Breaker {
    let breaker = breaker(Policy::builder().hung_calls(1).hung_call_duration(SECOND));
    breaker.get_state(&Key);
    breaker
}

/// Panics with `code` and plants further panics in the destructors that run then. Returns whether
/// there were any.
fn unwinds(nth: u64, code: impl FnOnce(&dyn Fn())) -> bool {
    let light = || FUSE.set(Some(nth));
    let panic = catch_unwind(AssertUnwindSafe(|| code(&light))).unwrap_err();
    assert_eq!(panic.downcast_ref(), Some(&"the call"));
    let is_burnt = IS_BROKEN.get() || FUSE.get().is_none();
    FUSE.set(None);
    is_burnt
}

/// Returns whether the breaker admits a call after that. The lost call may have opened the circuit.
fn admits(breaker: &Breaker) -> bool {
    NOW.set(NOW.get() + 1_000);
    let is_admitted = breaker.acquire(&Key).is_ok();
    let is_open = || breaker.retry_after(&Key).is_some();
    let is_recovering = breaker.policy(&Key).hung_calls().is_none() && is_open();
    if is_recovering {
        NOW.set(NOW.get() + 1_000);
    }
    is_admitted || is_recovering && breaker.acquire(&Key).is_ok()
}

type Way = fn(&Breaker, &Handle, &dyn Fn());

/// The ways to lose a permit by a panic: guarded calls, and permits that are dropped.
const WAYS: [Way; 5] = [
    |breaker, _, light| drop(breaker.call(&Key, || fails(light))),
    |_, handle, light| drop(handle.call(|| fails(light))),
    |breaker, _, light| {
        let _permit = breaker.acquire(&Key).unwrap();
        let _ = fails(light);
    },
    |_, handle, light| {
        let _permit = handle.acquire().unwrap();
        let _ = fails(light);
    },
    |_, handle, light| {
        let _permit: Owned = handle.acquire_owned().unwrap();
        let _ = fails(light);
    },
];

fn fails(light: &dyn Fn()) -> Result<(), ()> {
    light();
    panic!("the call");
}

#[test]
fn one_more_panic_in_a_destructor_keeps_nothing() {
    for make in [probing, counting_hung] {
        for (number, way) in WAYS.into_iter().enumerate() {
            let mut panicked = 0;
            for nth in 0.. {
                let breaker = make();
                let handle = breaker.circuit(&Key).unwrap();
                let is_burnt = unwinds(nth, |light| way(&breaker, &handle, light));
                assert!(admits(&breaker), "way {number}, {nth}");
                if !is_burnt {
                    break;
                }
                panicked += 1;
            }
            assert!(panicked > 1, "way {number}: {panicked}");
        }
    }
}

/// A permit by key can't be given back then, that of a handle can.
#[test]
fn code_that_breaks_for_good_during_a_call_does_not_abort() {
    IS_BROKEN.set(true);
    for make in [probing, counting_hung] {
        for (number, way) in WAYS.into_iter().enumerate() {
            for nth in 0..8 {
                let breaker = make();
                let handle = breaker.circuit(&Key).unwrap();
                unwinds(nth, |light| way(&breaker, &handle, light));
                let is_by_handle = [1, 3].contains(&number);
                assert!(admits(&breaker) || !is_by_handle, "way {number}, {nth}");
            }
        }
    }
}

/// A permit is dropped, and its hasher breaks in the search for its policy and again in the search
/// for its circuit.
#[test]
fn a_hasher_that_breaks_while_a_permit_is_out_does_not_abort() {
    IS_BROKEN.set(true);
    for make in [probing, counting_hung] {
        let breaker = make();
        let permit = breaker.acquire(&Key).unwrap();
        FUSE.set(Some(0));
        assert!(catch_unwind(AssertUnwindSafe(|| drop(permit))).is_err());
        FUSE.set(None);
    }
}
