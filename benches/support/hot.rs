//! The hot operations one by one, each in a loop that does the same every time it is run: fixed
//! hashes, a clock that stands still, and nothing that waits for anybody.
//!
//! For counting what an operation does, not for timing it.

use super::locked::MutexStore;
use super::rules::Rules;
use super::store::{Circuits, Store as _};
use super::world::{Gate, Line};
use breakerbox::{
    CircuitBreaker, CircuitHandle, CircuitState, Forced, InMemoryCircuitBreakerStore, ManualClock,
    Outcome, Policy, PolicySet, Steering, StoreHandle,
};
use std::hash::{BuildHasherDefault, DefaultHasher};
use std::hint::black_box;
use std::mem::forget;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};

/// SipHash as by default, under a key that is always the same.
type Hasher = BuildHasherDefault<DefaultHasher>;
type Store = InMemoryCircuitBreakerStore<String, Hasher, ManualClock>;

/// Does its operation so many times.
pub type Loop = Box<dyn Fn(usize)>;

/// One operation.
pub struct Operation {
    pub name: &'static str,
    /// Makes what it works on, healthy, and its loop.
    pub prepare: fn() -> Loop,
}

/// The loop alone: what every other operation's loop costs beside the operation.
pub const NOTHING: &str = "nothing";

/// A handle's check that was made one load slower, which whoever compares counts has to notice.
pub const PLANTED: &str = "planted slowdown";

pub const OPERATIONS: &[Operation] = &{
    use Gate::{Down, Up};
    [
        op(NOTHING, || on(Down, |_| ())),
        op(PLANTED, || {
            on(Down, |f| {
                black_box(f.line.0.load(SeqCst));
                f.handle.acquire(&f.limits).is_ok()
            })
        }),
        op("atomic load", || on(Down, |f| f.line.0.load(Relaxed))),
        op("atomic fetch_add", || {
            on(Down, |f| f.line.0.fetch_add(1, Relaxed))
        }),
        op("handle: check", || {
            on(Down, |f| f.handle.acquire(&f.limits).is_ok())
        }),
        op("handle: check, success", || on(Down, by_handle::<false>)),
        op("handle: check, failure", || on(Down, by_handle::<true>)),
        op("handle: rejection", || {
            rejecting(|f| f.handle.acquire(&f.limits).is_err())
        }),
        op("handle: record_success", || {
            on(Down, |f| f.handle.record_success())
        }),
        op("handle: record_failure", || {
            on(Down, |f| f.handle.record_failure())
        }),
        op("handle: peek", || on(Down, |f| f.handle.peek())),
        op("key: check, gate down", || {
            on(Down, |f| f.store.acquire(&*f.key, &f.limits).is_ok())
        }),
        op("key: check, gate up", || {
            on(Up, |f| f.store.acquire(&*f.key, &f.limits).is_ok())
        }),
        op("key: check, gate up, unknown", || {
            on(Up, |f| f.store.acquire(&*f.unknown, &f.limits).is_ok())
        }),
        op("key: check, success, gate down", || {
            on(Down, |f| by_key::<false>(f, &f.key))
        }),
        op("key: check, success, gate up", || {
            on(Up, |f| by_key::<false>(f, &f.key))
        }),
        op("key: check, success, gate up, unknown", || {
            on(Up, |f| by_key::<false>(f, &f.unknown))
        }),
        op("key: check, success, another unclean", || {
            soiled(|f| by_key::<false>(f, &f.key))
        }),
        op("key: check, failure", || {
            on(Down, |f| by_key::<true>(f, &f.key))
        }),
        op("key: rejection", || {
            rejecting(|f| f.store.acquire(&*f.key, &f.limits).is_err())
        }),
        op("key: record_success", || {
            on(Down, |f| f.store.record_success(&*f.key))
        }),
        op("key: record_failure", || {
            on(Down, |f| f.store.record_failure(&*f.key))
        }),
        op("key: peek", || on(Down, |f| f.store.peek(&*f.key))),
        op("breaker: check, gate down", || {
            on(Down, |f| f.breaker.acquire(&*f.key).map(forget).is_ok())
        }),
        op("breaker: check, gate up", || {
            on(Up, |f| f.breaker.acquire(&*f.key).map(forget).is_ok())
        }),
        op("breaker: check, permit dropped", || {
            on(Down, |f| f.breaker.acquire(&*f.key).is_ok())
        }),
        op("breaker: check, success, gate down", || {
            on(Down, by_breaker::<false>)
        }),
        op("breaker: check, success, gate up", || {
            on(Up, by_breaker::<false>)
        }),
        op("breaker: check, success, another unclean", || {
            soiled(by_breaker::<false>)
        }),
        op("breaker: check, failure", || on(Down, by_breaker::<true>)),
        op("breaker: rejection", || {
            rejecting(|f| f.breaker.acquire(&*f.key).is_err())
        }),
        op("breaker's handle: check", || {
            on(Down, |f| f.guarded.acquire().map(forget).is_ok())
        }),
        op("breaker's handle: check, success", || {
            on(Down, by_guarded::<false>)
        }),
        op("breaker's handle: check, failure", || {
            on(Down, by_guarded::<true>)
        }),
        op("breaker's handle: rejection", || {
            rejecting(|f| f.guarded.acquire().is_err())
        }),
        op("key: check, another prefix forced", || {
            forcing(|f| f.store.acquire(&*f.key, &f.limits).is_ok())
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
        op("mutex store: check", || on(Down, |f| f.mutex.check(&f.key))),
        op("mutex store: check, success", || {
            on(Down, |f| f.mutex.call::<false>(&f.key))
        }),
    ]
};

const fn op(name: &'static str, prepare: fn() -> Loop) -> Operation {
    Operation { name, prepare }
}

/// The subjects, each with circuits of its own.
struct Fixture {
    line: Line,
    key: String,
    /// No store knows it.
    unknown: String,
    limits: Policy,
    store: Store,
    handle: StoreHandle<String, Hasher, ManualClock>,
    breaker: CircuitBreaker<String, Hasher, ManualClock>,
    guarded: CircuitHandle<String, Hasher, ManualClock>,
    mutex: MutexStore<Hasher>,
}

impl Fixture {
    fn new(gate: Gate) -> Self {
        let key = "api-00001.internal:443".to_owned();
        let breaker = || {
            let builder = CircuitBreaker::builder()
                .failure_threshold(Rules::OUT_OF_REACH.failure_threshold)
                .hasher(Hasher::default())
                .clock(ManualClock::new(1_700_000_000_000));
            let breaker = builder.build().expect("the settings are valid");
            breaker.store().transition(&*key, CircuitState::Closed);
            if gate == Gate::Up {
                let elsewhere = "elsewhere.internal:443";
                breaker.store().transition(elsewhere, CircuitState::Open);
            }
            breaker
        };
        let keyed = breaker();
        let rules = Rules::OUT_OF_REACH;
        Self {
            line: Line::default(),
            unknown: "api-00002.internal:443".to_owned(),
            limits: keyed.policy(&*key),
            store: breaker().store().clone(),
            handle: breaker().store().circuit(&*key).expect("there is room"),
            guarded: breaker().circuit(&*key).expect("there is room"),
            breaker: keyed,
            mutex: Circuits::new(rules, std::slice::from_ref(&key)),
            key,
        }
    }
}

/// The loop of `op` in a healthy world.
///
/// Its result is used, and the compiler doesn't know what it works on.
fn on<R>(gate: Gate, op: impl Fn(&Fixture) -> R + 'static) -> Loop {
    repeat(Fixture::new(gate), op)
}

/// The loop of `op` while another circuit is open, and has failures that a success would forget.
fn soiled<R>(op: impl Fn(&Fixture) -> R + 'static) -> Loop {
    const FAILING: &str = "failing.internal:443";
    let fixture = Fixture::new(Gate::Up);
    // Not by `record_failure`, which a second caller would make another function of.
    by_key::<true>(&fixture, FAILING);
    if let Ok(permit) = fixture.breaker.acquire(FAILING) {
        let _ = permit.report(Outcome::Failure);
    }
    repeat(fixture, op)
}

/// What is forced where the key isn't concerned.
const OTHER_PREFIX: &str = "batch-";

/// The loop of `op` while another prefix is forced open by hand.
fn forcing<R>(op: impl Fn(&Fixture) -> R + 'static) -> Loop {
    let fixture = Fixture::new(Gate::Down);
    for store in [
        &fixture.store,
        fixture.breaker.store(),
        &fixture.guarded.store(),
    ] {
        store.steer_prefix(OTHER_PREFIX, Steering::ForceOpen);
    }
    repeat(fixture, op)
}

/// The same by a policy, where there is one.
fn forcing_by_policy<R>(op: impl Fn(&Fixture) -> R + 'static) -> Loop {
    let fixture = Fixture::new(Gate::Down);
    let policy = fixture.breaker.policy(&*fixture.key);
    let forced = policy.to_builder().forced(Forced::Open).build().unwrap();
    let set = PolicySet::new(policy).prefix(OTHER_PREFIX, forced);
    fixture.breaker.set_policies(set);
    repeat(fixture, op)
}

/// The loop of `op` where the circuit is open everywhere.
fn rejecting(op: impl Fn(&Fixture) -> bool + 'static) -> Loop {
    let fixture = Fixture::new(Gate::Down);
    fixture.handle.transition(CircuitState::Open);
    fixture.guarded.transition(CircuitState::Open);
    for store in [&fixture.store, fixture.breaker.store()] {
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

/// A constant in the closures, as it is where people call `success()` or `failure()`.
const fn outcome<const FAILS: bool>() -> Outcome {
    match FAILS {
        true => Outcome::Failure,
        false => Outcome::Success,
    }
}

#[inline(always)]
fn by_handle<const FAILS: bool>(f: &Fixture) -> bool {
    let Ok(permit) = f.handle.acquire(&f.limits) else {
        return false;
    };
    // The guarded call: anybody may have written to memory meanwhile.
    black_box(());
    let _ = f.handle.report(permit, outcome::<FAILS>(), &f.limits);
    true
}

#[inline(always)]
fn by_key<const FAILS: bool>(f: &Fixture, key: &str) -> bool {
    let Ok(permit) = f.store.acquire(key, &f.limits) else {
        return false;
    };
    black_box(());
    let _ = f.store.report(key, permit, outcome::<FAILS>(), &f.limits);
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
