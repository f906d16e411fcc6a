//! Support for the models in `tests/`: runs one, and builds the stores that most of them start
//! from.
//!
//! Without `--cfg breakerbox_loom` there are no models, and this crate is empty.
#![cfg(breakerbox_loom)]

use breakerbox::{Clock, InMemoryCircuitBreakerStore, Policy, StoreHandle};
use std::hash::{BuildHasherDefault, DefaultHasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Explores `f` as [`explore`] does. Panics after a single execution, which would show nothing.
pub fn model(name: &str, bound: usize, f: impl Fn() + Sync + Send + 'static) {
    let executions = explore(name, bound, f);
    assert!(
        executions > 1,
        "{name} explored one execution: it shows nothing"
    );
}

/// Explores a [`model`] of a claim that rests on the total order of all `SeqCst` accesses.
pub fn model_in_total_order(name: &str, bound: usize, f: impl Fn() + Sync + Send + 'static) {
    struct Back;
    impl Drop for Back {
        fn drop(&mut self) {
            breakerbox::__loom::in_total_order(false);
        }
    }
    breakerbox::__loom::in_total_order(true);
    let _back = Back;
    model(name, bound, f);
}

/// Explores `f` under loom. Prints and returns the number of executions.
///
/// `bound` limits the preemptions per execution, unless `LOOM_MAX_PREEMPTIONS` is set: 3 suits two
/// threads (a bug of an earlier design was found at 3 and not at 2), 2 suits three, and the largest
/// models of three threads can afford only 1 in every run.
pub fn explore(name: &str, bound: usize, f: impl Fn() + Sync + Send + 'static) -> u64 {
    let executions = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&executions);
    let mut builder = loom::model::Builder::new();
    builder.max_branches = 100_000;
    // Set from the environment, they would end the exploration early and let it pass.
    builder.max_permutations = None;
    builder.max_duration = None;
    if builder.preemption_bound.is_none() {
        builder.preemption_bound = Some(bound);
    }
    let start = Instant::now();
    builder.check(move || {
        count.fetch_add(1, Ordering::Relaxed);
        f();
    });
    let executions = executions.load(Ordering::Relaxed);
    println!(
        "model {name}: {executions} executions in {:.2?}",
        start.elapsed()
    );
    executions
}

/// A clock that advances by a millisecond with each look, so that a time read too early shows as an
/// older one. It isn't one of loom's atomics and costs no interleavings.
#[derive(Clone, Debug)]
pub struct TickingClock(Arc<AtomicU64>);

impl TickingClock {
    /// Returns a clock that shows `ms` next.
    pub fn new(ms: u64) -> Self {
        Self(Arc::new(AtomicU64::new(ms)))
    }

    /// Returns the time that it shows next, without advancing it.
    pub fn ahead(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }

    /// Jumps ahead.
    pub fn advance(&self, ms: u64) {
        self.0.fetch_add(ms, Ordering::SeqCst);
    }
}

impl Clock for TickingClock {
    fn now_ms(&self) -> u64 {
        self.0.fetch_add(1, Ordering::SeqCst)
    }
}

/// A hasher with fixed keys: a model must do the same in each execution.
pub type Hasher = BuildHasherDefault<DefaultHasher>;
/// The store of the models.
pub type Store = InMemoryCircuitBreakerStore<u64, Hasher, TickingClock>;
/// A handle of that store.
pub type Handle = StoreHandle<u64, Hasher, TickingClock>;

/// Returns a store whose clock begins at 1,000.
pub fn store() -> Store {
    store_with_clock(TickingClock::new(1_000))
}

/// Returns a store with this clock.
pub fn store_with_clock(clock: TickingClock) -> Store {
    InMemoryCircuitBreakerStore::keyed_builder()
        .hasher(Hasher::default())
        .clock(clock)
        .build()
}

/// The key that most models use.
pub const KEY: u64 = 1;

/// Returns a handle of [`KEY`]'s circuit.
pub fn handle(store: &Store) -> Handle {
    store.circuit(&KEY).expect("a model's store is never full")
}

/// Returns a policy: `failures` open the circuit for 100 s, `probes` may be out at a time, and
/// `successes` close it.
pub fn policy(failures: u32, probes: u32, successes: u32) -> Policy {
    Policy::builder()
        .failure_threshold(failures)
        .reset_timeout(Duration::from_secs(100))
        .half_open_max(probes)
        .success_threshold(successes)
        .build()
        .expect("the policy of the models are valid")
}
