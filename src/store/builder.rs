//! How a store is made.

use super::InMemoryCircuitBreakerStore;
use super::keyed::Inner;
use crate::cell::Shared;
use crate::clock::{Clock, SystemClock};
use crate::events::{Listeners, StateChange};
use crate::stats::Counter;
use crate::sync::{Map, PlainAtomicU64};
use std::fmt;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::Arc;

/// Builds an [`InMemoryCircuitBreakerStore`].
///
/// ```
/// use breakerbox::{CircuitState, InMemoryCircuitBreakerStore, ManualClock};
/// use std::hash::{BuildHasherDefault, DefaultHasher};
///
/// let clock = ManualClock::new(1_000);
/// let store = InMemoryCircuitBreakerStore::<String>::builder()
///     .clock(clock.clone()) // default: the system's, monotonic
///     .hasher(BuildHasherDefault::<DefaultHasher>::default()) // default: randomly seeded
///     .capacity(10_000) // circuits that fit before the map grows; default: 0
///     .on_state_change(|change| println!("{}: {} to {}", change.key, change.from, change.to))
///     .build();
/// assert_eq!(store.transition("api", CircuitState::Open).last_state_change, 1_000);
/// ```
pub struct InMemoryStoreBuilder<K = String, S = RandomState, C = SystemClock> {
    hasher: S,
    clock: C,
    capacity: usize,
    listeners: Listeners<K>,
}

impl<K> InMemoryStoreBuilder<K> {
    pub(crate) fn new() -> Self {
        Self {
            hasher: RandomState::new(),
            clock: SystemClock::new(),
            capacity: 0,
            listeners: Listeners::new(),
        }
    }
}

impl<K, S, C> InMemoryStoreBuilder<K, S, C> {
    /// How keys are hashed. Where clients choose keys, keep to a hasher that they can't predict,
    /// as the default is: keys that collide cost time, and memory too, since the map's table doubles
    /// for every few of them.
    pub fn hasher<S2: BuildHasher>(self, hasher: S2) -> InMemoryStoreBuilder<K, S2, C> {
        let Self {
            clock,
            capacity,
            listeners,
            ..
        } = self;
        InMemoryStoreBuilder {
            hasher,
            clock,
            capacity,
            listeners,
        }
    }

    /// Where the time comes from.
    pub fn clock<C2: Clock>(self, clock: C2) -> InMemoryStoreBuilder<K, S, C2> {
        let Self {
            hasher,
            capacity,
            listeners,
            ..
        } = self;
        InMemoryStoreBuilder {
            hasher,
            clock,
            capacity,
            listeners,
        }
    }

    /// How many circuits fit before the map's table grows.
    pub fn capacity(mut self, circuits: usize) -> Self {
        self.capacity = circuits;
        self
    }

    /// Calls `listener` after each state change, on the thread that made it. May be given more
    /// than once.
    ///
    /// Nothing is held meanwhile: a listener may use the store, the same circuit too. A panic in
    /// it is caught and goes no further.
    pub fn on_state_change(
        mut self,
        listener: impl Fn(&StateChange<K>) + Send + Sync + 'static,
    ) -> Self {
        self.listeners.add(listener);
        self
    }
}

impl<K: Hash + Eq, S: BuildHasher + Clone, C: Clock> InMemoryStoreBuilder<K, S, C> {
    /// The store, empty.
    pub fn build(self) -> InMemoryCircuitBreakerStore<K, S, C> {
        let limit = InMemoryCircuitBreakerStore::<K, S, C>::MAX_CIRCUITS;
        self.build_limited(limit)
    }

    pub(super) fn build_limited(self, max_circuits: usize) -> InMemoryCircuitBreakerStore<K, S, C> {
        let Self {
            hasher,
            clock,
            capacity,
            listeners,
        } = self;
        InMemoryCircuitBreakerStore {
            inner: Arc::new(Inner {
                shared: Shared::new(clock, hasher.hash_one("jitter")),
                map: Map::new(capacity.min(max_circuits), hasher),
                listeners,
                max_circuits,
                untracked: PlainAtomicU64::new(0),
                rejections: Counter::new(),
            }),
        }
    }
}

impl<K, S, C> fmt::Debug for InMemoryStoreBuilder<K, S, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InMemoryStoreBuilder")
            .field("capacity", &self.capacity)
            .field("listeners", &self.listeners)
            .finish_non_exhaustive()
    }
}
