//! How a store is made.

use super::bound::Bound;
use super::by_hand::ByHand;
use super::in_memory::InMemoryCircuitBreakerStore;
use super::inner::Inner;
use crate::cell::Shared;
use crate::clock::{Clock, SystemClock};
use crate::events::{Listeners, StateChange};
use crate::stats::Counters;
use crate::sync::{Map, PlainAtomicU64};
use crate::word::Millis;
use std::fmt;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::Arc;
use std::time::Duration;

/// Builds an [`InMemoryCircuitBreakerStore`].
///
/// ```
/// use breakerbox::{CircuitState, InMemoryCircuitBreakerStore, ManualClock};
/// use std::hash::{BuildHasherDefault, DefaultHasher};
///
/// let clock = ManualClock::new(1_000);
/// let store = InMemoryCircuitBreakerStore::builder()
///     .clock(clock.clone()) // default: the system's, monotonic
///     .hasher(BuildHasherDefault::<DefaultHasher>::default()) // default: randomly seeded
///     .capacity(10_000) // circuits that fit before the map grows; default: 0
///     .on_state_change(|change| println!("{}: {} to {}", change.key, change.from, change.to))
///     .build();
/// assert_eq!(store.transition("api", CircuitState::Open).last_state_change, 1_000);
/// ```
#[must_use]
pub struct InMemoryStoreBuilder<K = String, S = RandomState, C = SystemClock> {
    hasher: S,
    clock: Source<C>,
    capacity: usize,
    listeners: Listeners<K>,
    evicts: Evicts<K>,
}

/// Where the clock comes from. The system's is made last, since some platforms have none.
enum Source<C> {
    Given(C),
    Made(fn() -> C),
}

/// What makes room, and for how many.
struct Evicts<K> {
    max_circuits: usize,
    key: Option<fn(&K) -> K>,
    open_ttl: Option<Millis>,
}

impl<K> InMemoryStoreBuilder<K> {
    pub(crate) fn new() -> Self {
        Self {
            hasher: RandomState::new(),
            clock: Source::Made(SystemClock::new),
            capacity: 0,
            listeners: Listeners::new(),
            evicts: Evicts {
                max_circuits: usize::MAX,
                key: None,
                open_ttl: None,
            },
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
            evicts,
            ..
        } = self;
        InMemoryStoreBuilder {
            hasher,
            clock,
            capacity,
            listeners,
            evicts,
        }
    }

    /// Where the time comes from.
    pub fn clock<C2: Clock>(self, clock: C2) -> InMemoryStoreBuilder<K, S, C2> {
        let Self {
            hasher,
            capacity,
            listeners,
            evicts,
            ..
        } = self;
        InMemoryStoreBuilder {
            hasher,
            clock: Source::Given(clock),
            capacity,
            listeners,
            evicts,
        }
    }

    /// How many circuits fit before the map's table grows.
    pub fn capacity(mut self, circuits: usize) -> Self {
        self.capacity = circuits;
        self
    }

    /// The most circuits that the store holds: at least 1 and at most 2^23, else brought into that
    /// range; default: 2^23, and none is ever evicted. While several threads create circuits, it
    /// may hold one more for each of them.
    ///
    /// Nearly full, it evicts: first circuits that are closed and without failures, then closed
    /// ones that have not been reported to for a while (one that was open before: that has been
    /// closed for [`open_ttl`](Self::open_ttl)), and open ones that have not been asked for in that
    /// time; never one that a handle holds, and none that is forced open or disabled. What is full
    /// all the same answers further keys as unknown ones, and
    /// [counts](InMemoryCircuitBreakerStore::untracked) that. A sweep is O(circuits), after an
    /// eighth as many insertions.
    pub fn max_circuits(mut self, circuits: usize) -> Self
    where
        K: Clone,
    {
        self.evicts.max_circuits = circuits;
        self.evicts.key = Some(K::clone);
        self
    }

    /// How long a circuit stays open after its open time, or half-open after its last probe was
    /// admitted, though no call asks for it, where there are [too many](Self::max_circuits): rounded
    /// up to whole milliseconds. Default, and if 0: the longer of 5 minutes and 10 times its open
    /// time; of a half-open one, 10 times the longest that a rule has opened a circuit for.
    pub fn open_ttl(mut self, ttl: Duration) -> Self {
        self.evicts.open_ttl = Some(Millis::from(ttl)).filter(|ttl| !ttl.is_zero());
        self
    }

    /// Calls `listener` after each state change, on the thread that made it. May be given more
    /// than once.
    ///
    /// Nothing is held meanwhile: a listener may use the store, the same circuit too. A panic in
    /// it, or in the clone of the key that it is given, is caught and goes no further.
    pub fn on_state_change(
        mut self,
        listener: impl Fn(&StateChange<K>) + Send + Sync + 'static,
    ) -> Self {
        self.listeners.add(listener);
        self
    }
}

impl<K: Hash + Eq, S: BuildHasher, C: Clock> InMemoryStoreBuilder<K, S, C> {
    /// With a bound, and nothing evicted.
    #[cfg(test)]
    pub(super) fn build_limited(
        mut self,
        max_circuits: usize,
    ) -> InMemoryCircuitBreakerStore<K, S, C> {
        self.evicts.max_circuits = max_circuits;
        self.build()
    }

    /// The store, empty.
    pub fn build(self) -> InMemoryCircuitBreakerStore<K, S, C> {
        let Self {
            hasher,
            clock,
            capacity,
            listeners,
            evicts,
        } = self;
        let limit = InMemoryCircuitBreakerStore::<K, S, C>::MAX_CIRCUITS;
        let max = evicts.max_circuits.clamp(1, limit);
        let seed = hasher.hash_one("jitter");
        let clock = match clock {
            Source::Given(clock) => clock,
            Source::Made(make) => make(),
        };
        InMemoryCircuitBreakerStore {
            inner: Arc::new(Inner {
                shared: Shared::new(clock, seed, evicts.key.is_some()),
                map: Map::new(capacity.min(max), hasher),
                listeners,
                by_hand: ByHand::new(),
                bound: Bound::new(max, evicts.open_ttl, evicts.key),
                untracked: PlainAtomicU64::new(0),
                counters: Counters::new(),
            }),
        }
    }
}

impl InMemoryCircuitBreakerStore {
    /// Makes an empty store for `String` keys, with a randomly seeded hasher and the system's clock.
    ///
    /// For keys of another type: [`keyed`](InMemoryCircuitBreakerStore::keyed).
    pub fn new() -> Self {
        Self::keyed()
    }

    /// Begins a store for `String` keys with other settings.
    pub fn builder() -> InMemoryStoreBuilder {
        Self::keyed_builder()
    }
}

impl<K: Hash + Eq> InMemoryCircuitBreakerStore<K> {
    /// As [`new`](InMemoryCircuitBreakerStore::new), for keys of any type, which the calls show.
    pub fn keyed() -> Self {
        Self::keyed_builder().build()
    }

    /// As [`builder`](InMemoryCircuitBreakerStore::builder), for keys of any type.
    pub fn keyed_builder() -> InMemoryStoreBuilder<K> {
        InMemoryStoreBuilder::new()
    }
}

impl<K, S, C> Default for InMemoryCircuitBreakerStore<K, S, C>
where
    K: Hash + Eq,
    S: BuildHasher + Default,
    C: Clock + Default,
{
    fn default() -> Self {
        InMemoryStoreBuilder::new()
            .hasher(S::default())
            .clock(C::default())
            .build()
    }
}

impl<K, S, C> fmt::Debug for InMemoryStoreBuilder<K, S, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InMemoryStoreBuilder")
            .field("capacity", &self.capacity)
            .field("max_circuits", &self.evicts.max_circuits)
            .field("open_ttl", &self.evicts.open_ttl)
            .field("listeners", &self.listeners)
            .finish_non_exhaustive()
    }
}
