//! Support for the models in `tests/`: how one is run, and what most of them start from.
//!
//! Without `--cfg breakerbox_loom` there are no models, and this crate is empty.
#![cfg(breakerbox_loom)]

use breakerbox::{Clock, InMemoryCircuitBreakerStore, Policy, StoreHandle};
use std::hash::{BuildHasherDefault, DefaultHasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Explores `f` as [`explore`] does; more than one execution, or the model shows nothing.
pub fn model(name: &str, bound: usize, f: impl Fn() + Sync + Send + 'static) {
    let executions = explore(name, bound, f);
    assert!(
        executions > 1,
        "{name} explored one execution: it shows nothing"
    );
}

/// A [`model`] of what rests on the one order of all `SeqCst` accesses.
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

/// Explores `f` under loom, prints and returns in how many executions.
///
/// `bound` policy preemptions per execution, unless `LOOM_MAX_PREEMPTIONS` says otherwise: 3
/// suits two threads (a bug of an earlier design was found at 3 and not at 2), 2 three, and 1 is
/// what the largest models of three threads can afford in every run.
pub fn explore(name: &str, bound: usize, f: impl Fn() + Sync + Send + 'static) -> u64 {
    let executions = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&executions);
    let mut builder = loom::model::Builder::new();
    builder.max_branches = 100_000;
    // From the environment they would end the exploration early, and well.
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

/// A clock of the model: each look is a millisecond later than the one before, so that a time
/// read too early is an older one. It is no atomic of loom's and costs no interleavings.
#[derive(Clone, Debug)]
pub struct TickingClock(Arc<AtomicU64>);

impl TickingClock {
    /// A clock that shows `ms` next.
    pub fn new(ms: u64) -> Self {
        Self(Arc::new(AtomicU64::new(ms)))
    }

    /// What it will show next, without a tick.
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

/// Fixed hashes: a model must do the same each time.
pub type Hasher = BuildHasherDefault<DefaultHasher>;
/// The store of the models.
pub type Store = InMemoryCircuitBreakerStore<u64, Hasher, TickingClock>;
/// Its handles.
pub type Handle = StoreHandle<u64, Hasher, TickingClock>;

/// A store whose clock begins at 1,000.
pub fn store() -> Store {
    store_with_clock(TickingClock::new(1_000))
}

/// A store with this clock.
pub fn store_with_clock(clock: TickingClock) -> Store {
    InMemoryCircuitBreakerStore::builder()
        .hasher(Hasher::default())
        .clock(clock)
        .build()
}

/// The key that models use.
pub const KEY: u64 = 1;

/// A handle of [`KEY`]'s circuit.
pub fn handle(store: &Store) -> Handle {
    store.circuit(&KEY).expect("a model's store is never full")
}

/// `failures` open, for 100,000 ms; `probes` at a time, `successes` close.
pub fn policy(failures: u32, probes: u32, successes: u32) -> Policy {
    Policy::builder()
        .failure_threshold(failures)
        .reset_timeout(Duration::from_secs(100))
        .half_open_max(probes)
        .success_threshold(successes)
        .build()
        .expect("the policy of the models are valid")
}
