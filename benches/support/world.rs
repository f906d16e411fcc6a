//! The subjects, all with the same keys, known to each of them (but one) and healthy.

use super::locked::{MutexStore, RwLockStore};
use super::rules::Rules;
use super::store::Circuits;
use breakerbox::{
    Circuit, CircuitBreaker, CircuitState, GuardedCircuit, InMemoryCircuitBreakerStore, Limits,
};
use std::sync::atomic::AtomicU64;

/// Operations between two looks at anything but the subject. Lists of targets are filled up to a
/// multiple of it.
pub const SEGMENT: usize = 256;

/// One, which every thread hammers, and enough for the cache to matter.
pub const KEYS: [usize; 2] = [1, 10_000];

/// Out of reach: what trips measures something else. The highest that breakerbox has.
pub const FAILURE_THRESHOLD: u32 = 1_000_000;

/// The key of no target.
const ELSEWHERE: &str = "elsewhere.internal:443";

/// Whether some other circuit rejects: then a check by key has to look at its own.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Gate {
    Down,
    Up,
}

impl Gate {
    pub fn label(self) -> &'static str {
        match self {
            Gate::Down => "gate down",
            Gate::Up => "gate up",
        }
    }
}

/// A floor's word, in a cache line of its own as a circuit is.
#[repr(align(64))]
#[derive(Default)]
pub struct Line(pub(crate) AtomicU64);

/// Every subject. Each has circuits of its own, so that none soils another's.
pub struct World {
    pub keys: Vec<String>,
    /// For each thread, its own order of the keys.
    orders: Vec<Vec<usize>>,
    pub limits: Limits,
    pub lines: Vec<Line>,
    pub store: InMemoryCircuitBreakerStore,
    /// Knows none of the keys, as where none has ever failed: a check creates nothing.
    pub empty: InMemoryCircuitBreakerStore,
    pub handles: Vec<Circuit>,
    pub breaker: CircuitBreaker,
    pub guarded: Vec<GuardedCircuit>,
    pub mutex: MutexStore,
    pub rwlock: RwLockStore,
    pub papaya: papaya::HashMap<String, u64>,
}

impl World {
    pub fn new(keys: usize, threads: usize, gate: Gate) -> Self {
        let keys: Vec<_> = (0..keys)
            .map(|i| format!("api-{i:05}.internal:443"))
            .collect();
        let breaker = || {
            let builder = CircuitBreaker::builder().failure_threshold(FAILURE_THRESHOLD);
            builder.capacity(keys.len() + 1).build().unwrap()
        };
        let store = || breaker().store().clone();
        let rules = Rules::OUT_OF_REACH;

        let (handled, guarded) = (store(), breaker());
        let world = Self {
            orders: (0..threads)
                .map(|thread| order(keys.len(), thread))
                .collect(),
            limits: breaker().limits(""),
            lines: keys.iter().map(|_| Line::default()).collect(),
            store: store(),
            empty: store(),
            handles: keys
                .iter()
                .map(|key| handled.circuit(&**key).unwrap())
                .collect(),
            breaker: breaker(),
            guarded: keys
                .iter()
                .map(|key| guarded.circuit(&**key).unwrap())
                .collect(),
            mutex: MutexStore::new(rules, &keys),
            rwlock: RwLockStore::new(rules, &keys),
            papaya: keys.iter().map(|key| (key.clone(), 0)).collect(),
            keys,
        };
        for store in [&world.store, world.breaker.store()] {
            close(store, &world.keys);
        }
        if gate == Gate::Up {
            for store in [
                &world.store,
                &world.empty,
                &handled,
                world.breaker.store(),
                guarded.store(),
            ] {
                store.transition(ELSEWHERE, CircuitState::ForcedOpen);
            }
            world.mutex.open(ELSEWHERE);
            world.rwlock.open(ELSEWHERE);
        }
        world
    }

    /// For each thread, what `pick` says of the keys in that thread's order.
    pub fn lists<T>(&self, pick: impl Fn(usize) -> T) -> Vec<Vec<T>> {
        let list = |order: &Vec<usize>| order.iter().map(|&i| pick(i)).collect();
        self.orders.iter().map(list).collect()
    }
}

/// Makes all circuits of `keys` closed with nothing counted.
pub fn close(store: &InMemoryCircuitBreakerStore, keys: &[String]) {
    for key in keys {
        store.transition(&**key, CircuitState::Closed);
    }
}

/// Each key equally often, but for filling up, shuffled.
fn order(keys: usize, thread: usize) -> Vec<usize> {
    let mut order: Vec<_> = (0..keys).collect();
    let mut random = thread as u64 + 1;
    for i in (1..keys).rev() {
        // Knuth's MMIX generator: its high bits are good enough to shuffle by.
        random = random
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        order.swap(i, (random >> 33) as usize % (i + 1));
    }
    let full = keys.next_multiple_of(SEGMENT);
    order.into_iter().cycle().take(full).collect()
}
