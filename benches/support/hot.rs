//! The hot operations one by one, each in a loop that does the same in each run: fixed hashes, a
//! clock that stands still, and no waits.
//!
//! For counting what an operation does, not for timing it.

use super::fixture::{Condition, Line};
use super::locked::MutexStore;
use super::rules::Rules;
use super::store::{Circuits, Store as _};
use breakerbox::{
    CircuitBreaker, CircuitHandle, CircuitState, Clock, Forced, InMemoryCircuitBreakerStore,
    ManualClock, Outcome, Policy, PolicySet, Steering, StoreHandle, SystemClock,
};
use std::hash::{BuildHasherDefault, DefaultHasher};
use std::hint::black_box;
use std::mem::forget;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};

/// SipHash as by default, under a key that is always the same.
type Hasher = BuildHasherDefault<DefaultHasher>;
type Store = InMemoryCircuitBreakerStore<String, Hasher, ManualClock>;

/// Runs its operation N times.
pub type Loop = Box<dyn Fn(usize)>;

/// One operation.
pub struct Operation {
    pub name: &'static str,
    /// Makes its fixture, healthy, and its loop.
    pub prepare: fn() -> Loop,
}

/// The loop alone: the cost of every other operation's loop beside the operation.
pub const NOTHING: &str = "nothing";

/// A handle's check made slower by one load, which a comparison of counts has to notice.
pub const PLANTED: &str = "planted slowdown";

pub const OPERATIONS: &[Operation] = &{
    use Condition::{AllClosed, OneOpen};
    [
        op(NOTHING, || on(AllClosed, |_| ())),
        op(PLANTED, || {
            on(AllClosed, |f| {
                black_box(f.line.0.load(SeqCst));
                f.handle.acquire(&f.policy).is_ok()
            })
        }),
        op("atomic load", || on(AllClosed, |f| f.line.0.load(Relaxed))),
        op("atomic fetch_add", || {
            on(AllClosed, |f| f.line.0.fetch_add(1, Relaxed))
        }),
        op("system clock: rough time", || {
            on(AllClosed, |f| f.clock.roughly_ms())
        }),
        op("handle: check", || {
            on(AllClosed, |f| f.handle.acquire(&f.policy).is_ok())
        }),
        op("handle: check, success", || {
            on(AllClosed, by_handle::<false>)
        }),
        op("handle: check, failure", || {
            on(AllClosed, by_handle::<true>)
        }),
        op("handle: check, success, 100 calls", || {
            windowed(by_handle::<false>)
        }),
        op("handle: check, success, 10 s", || timed(by_handle::<false>)),
        op("handle: rejection", || {
            rejecting(|f| f.handle.acquire(&f.policy).is_err())
        }),
        op("handle: record_success", || {
            on(AllClosed, |f| f.handle.record_success())
        }),
        op("handle: record_failure", || {
            on(AllClosed, |f| f.handle.record_failure())
        }),
        op("handle: peek", || on(AllClosed, |f| f.handle.peek())),
        op("key: check, all closed", || {
            on(AllClosed, |f| f.store.acquire(&*f.key, &f.policy).is_ok())
        }),
        op("key: check, another open", || {
            on(OneOpen, |f| f.store.acquire(&*f.key, &f.policy).is_ok())
        }),
        op("key: check, another open, unknown", || {
            on(OneOpen, |f| f.store.acquire(&*f.unknown, &f.policy).is_ok())
        }),
        op("key: check, success, all closed", || {
            on(AllClosed, |f| by_key::<false>(f, &f.key))
        }),
        op("key: check, success, another open", || {
            on(OneOpen, |f| by_key::<false>(f, &f.key))
        }),
        op("key: check, success, another open, unknown", || {
            on(OneOpen, |f| by_key::<false>(f, &f.unknown))
        }),
        op("key: check, success, another unclean", || {
            unclean(|f| by_key::<false>(f, &f.key))
        }),
        op("key: check, success, 100 calls", || {
            windowed(|f| by_key::<false>(f, &f.key))
        }),
        op("key: check, success, 10 s", || {
            timed(|f| by_key::<false>(f, &f.key))
        }),
        op("key: check, failure", || {
            on(AllClosed, |f| by_key::<true>(f, &f.key))
        }),
        op("key: rejection", || {
            rejecting(|f| f.store.acquire(&*f.key, &f.policy).is_err())
        }),
        op("key: record_success", || {
            on(AllClosed, |f| f.store.record_success(&*f.key))
        }),
        op("key: record_failure", || {
            on(AllClosed, |f| f.store.record_failure(&*f.key))
        }),
        op("key: peek", || on(AllClosed, |f| f.store.peek(&*f.key))),
        op("breaker: check, all closed", || {
            on(AllClosed, |f| {
                f.breaker.acquire(&*f.key).map(forget).is_ok()
            })
        }),
        op("breaker: check, another open", || {
            on(OneOpen, |f| f.breaker.acquire(&*f.key).map(forget).is_ok())
        }),
        op("breaker: check, permit dropped", || {
            on(AllClosed, |f| f.breaker.acquire(&*f.key).is_ok())
        }),
        op("breaker: check, success, all closed", || {
            on(AllClosed, by_breaker::<false>)
        }),
        op("breaker: check, success, another open", || {
            on(OneOpen, by_breaker::<false>)
        }),
        op("breaker: check, success, another unclean", || {
            unclean(by_breaker::<false>)
        }),
        op("breaker: check, failure", || {
            on(AllClosed, by_breaker::<true>)
        }),
        op("breaker: rejection", || {
            rejecting(|f| f.breaker.acquire(&*f.key).is_err())
        }),
        op("breaker's handle: check", || {
            on(AllClosed, |f| f.guarded.acquire().map(forget).is_ok())
        }),
        op("breaker's handle: check, success", || {
            on(AllClosed, by_guarded::<false>)
        }),
        op("breaker's handle: check, success, 100 calls", || {
            windowed(by_guarded::<false>)
        }),
        op("breaker's handle: check, success, 10 s", || {
            timed(by_guarded::<false>)
        }),
        op("breaker's handle: check, failure", || {
            on(AllClosed, by_guarded::<true>)
        }),
        op("breaker's handle: rejection", || {
            rejecting(|f| f.guarded.acquire().is_err())
        }),
        op("key: check, another prefix forced", || {
            forcing(|f| f.store.acquire(&*f.key, &f.policy).is_ok())
        }),
        op("breaker: check, another prefix forced", || {
            forcing(|f| f.breaker.acquire(&*f.key).map(forget).is_ok())
        }),
        op("breaker: check, another prefix forced by policy", || {
            forcing_by_policy(|f| f.breaker.acquire(&*f.key).map(forget).is_ok())
        }),
        op("breaker's handle: check, another prefix forced", || {
            forcing(|f| f.guarded.acquire().map(forget).is_ok())
        }),
        op("mutex store: check", || {
            on(AllClosed, |f| f.mutex.check(&f.key))
        }),
        op("mutex store: check, success", || {
            on(AllClosed, |f| f.mutex.call::<false>(&f.key))
        }),
    ]
};

const fn op(name: &'static str, prepare: fn() -> Loop) -> Operation {
    Operation { name, prepare }
}

/// The contenders, each with circuits of its own.
struct Fixture {
    line: Line,
    clock: SystemClock,
    key: String,
    /// A key that no store knows.
    unknown: String,
    policy: Policy,
    store: Store,
    handle: StoreHandle<String, Hasher, ManualClock>,
    breaker: CircuitBreaker<String, Hasher, ManualClock>,
    guarded: CircuitHandle<String, Hasher, ManualClock>,
    mutex: MutexStore<Hasher>,
}

impl Fixture {
    fn new(condition: Condition) -> Self {
        Self::under(Rules::OUT_OF_REACH, condition)
    }

    fn under(rules: Rules, condition: Condition) -> Self {
        let key = "api-00001.internal:443".to_owned();
        let breaker = || {
            let builder = CircuitBreaker::builder()
                .policy(rules.policy())
                .hasher(Hasher::default())
                .clock(ManualClock::new(1_700_000_000_000));
            let breaker = builder.build().expect("the settings are valid");
            breaker.store().transition(&*key, CircuitState::Closed);
            if condition == Condition::OneOpen {
                let elsewhere = "elsewhere.internal:443";
                breaker.store().transition(elsewhere, CircuitState::Open);
            }
            breaker
        };
        let keyed = breaker();
        Self {
            line: Line::default(),
            clock: SystemClock::new(),
            unknown: "api-00002.internal:443".to_owned(),
            policy: keyed.policy(&*key),
            store: breaker().store().clone(),
            handle: breaker().store().circuit(&*key).expect("there is room"),
            guarded: breaker().circuit(&*key).expect("there is room"),
            breaker: keyed,
            mutex: Circuits::new(rules, std::slice::from_ref(&key)),
            key,
        }
    }
}

/// Returns the loop of `op` under a condition.
///
/// Its result is used, and the compiler doesn't know its target.
fn on<R>(condition: Condition, op: impl Fn(&Fixture) -> R + 'static) -> Loop {
    repeat(Fixture::new(condition), op)
}

/// Returns the loop of `op` under a rule over the last hundred calls, which all have succeeded.
fn windowed<R>(op: impl Fn(&Fixture) -> R + 'static) -> Loop {
    used(Rules::WINDOWED, op)
}

/// Returns the loop of `op` under a rule over the last ten seconds, in which all have succeeded.
fn timed<R>(op: impl Fn(&Fixture) -> R + 'static) -> Loop {
    used(Rules::TIMED, op)
}

fn used<R>(rules: Rules, op: impl Fn(&Fixture) -> R + 'static) -> Loop {
    let fixture = Fixture::under(rules, Condition::AllClosed);
    (0..2 * Rules::CALLS).for_each(|_| drop(op(&fixture)));
    repeat(fixture, op)
}

/// Returns the loop of `op` while another circuit is open and has failures that a success would
/// forget.
fn unclean<R>(op: impl Fn(&Fixture) -> R + 'static) -> Loop {
    const FAILING: &str = "failing.internal:443";
    let fixture = Fixture::new(Condition::OneOpen);
    // Not by `record_failure`: a second caller would change how it is inlined.
    by_key::<true>(&fixture, FAILING);
    if let Ok(permit) = fixture.breaker.acquire(FAILING) {
        let _ = permit.report(Outcome::Failure);
    }
    repeat(fixture, op)
}

/// The prefix that is forced where the key isn't concerned.
const OTHER_PREFIX: &str = "batch-";

/// Returns the loop of `op` while another prefix is forced open by hand.
fn forcing<R>(op: impl Fn(&Fixture) -> R + 'static) -> Loop {
    let fixture = Fixture::new(Condition::AllClosed);
    for store in [
        &fixture.store,
        fixture.breaker.store(),
        fixture.guarded.breaker().store(),
    ] {
        let _ = store.steer_prefix(OTHER_PREFIX, Steering::ForceOpen);
    }
    repeat(fixture, op)
}

/// Returns the loop of `op` while a policy forces another prefix open.
fn forcing_by_policy<R>(op: impl Fn(&Fixture) -> R + 'static) -> Loop {
    let fixture = Fixture::new(Condition::AllClosed);
    let policy = fixture.breaker.policy(&*fixture.key);
    let forced = policy.to_builder().forced(Forced::Open).build().unwrap();
    let set = PolicySet::new(policy).prefix(OTHER_PREFIX, forced);
    fixture.breaker.set_policies(set);
    repeat(fixture, op)
}

/// Returns the loop of `op` where the circuit is open in every contender.
fn rejecting(op: impl Fn(&Fixture) -> bool + 'static) -> Loop {
    let fixture = Fixture::new(Condition::AllClosed);
    fixture.handle.transition(CircuitState::Open);
    for store in [
        &fixture.store,
        fixture.breaker.store(),
        fixture.guarded.breaker().store(),
    ] {
        store.transition(&*fixture.key, CircuitState::Open);
    }
    assert!(op(&fixture), "an open circuit rejects");
    repeat(fixture, op)
}

fn repeat<R>(fixture: Fixture, op: impl Fn(&Fixture) -> R + 'static) -> Loop {
    Box::new(move |times| {
        for _ in 0..times {
            black_box(op(black_box(&fixture)));
        }
    })
}

/// Returns a constant in the closures, as callers of `success()` or `failure()` have.
const fn outcome<const FAILS: bool>() -> Outcome {
    match FAILS {
        true => Outcome::Failure,
        false => Outcome::Success,
    }
}

#[inline(always)]
fn by_handle<const FAILS: bool>(f: &Fixture) -> bool {
    let Ok(permit) = f.handle.acquire(&f.policy) else {
        return false;
    };
    // The guarded call: any thread may have written to memory meanwhile.
    black_box(());
    let _ = f.handle.report(permit, outcome::<FAILS>(), &f.policy);
    true
}

#[inline(always)]
fn by_key<const FAILS: bool>(f: &Fixture, key: &str) -> bool {
    let Ok(permit) = f.store.acquire(key, &f.policy) else {
        return false;
    };
    black_box(());
    let _ = f.store.report(key, permit, outcome::<FAILS>(), &f.policy);
    true
}

#[inline(always)]
fn by_breaker<const FAILS: bool>(f: &Fixture) -> bool {
    let Ok(permit) = f.breaker.acquire(&*f.key) else {
        return false;
    };
    black_box(());
    let _ = permit.report(outcome::<FAILS>());
    true
}

#[inline(always)]
fn by_guarded<const FAILS: bool>(f: &Fixture) -> bool {
    let Ok(permit) = f.guarded.acquire() else {
        return false;
    };
    black_box(());
    let _ = permit.report(outcome::<FAILS>());
    true
}
