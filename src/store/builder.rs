//! The builder of a store.

use super::bound::Bound;
use super::by_hand::ByHand;
use super::ids::Ids;
use super::in_memory::InMemoryCircuitBreakerStore;
use super::inner::Inner;
use crate::cell::{Shared, Sizes};
use crate::clock::{Clock, SystemClock};
use crate::events::{Listeners, StateChange};
use crate::stats::Counters;
use crate::sync::{Map, PlainAtomicU64};
use crate::word::Millis;
use std::fmt;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::Arc;
use std::time::Duration;

/// The most circuits that a store is made for if no capacity is set: its bound may be far above
/// what it will hold.
const EXPECTED: usize = 16_384;

/// A builder of an [`InMemoryCircuitBreakerStore`]. A setting that isn't set keeps its default.
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
    /// The text of an owned key.
    text_of: Option<fn(&K) -> &str>,
}

/// The source of the clock. The system's is made in `build`, since some platforms have none.
enum Source<C> {
    Given(C),
    Made(fn() -> C),
}

/// The bound on circuits, and the way to keep it.
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
            text_of: None,
        }
    }
}

impl<K, S, C> InMemoryStoreBuilder<K, S, C> {
    /// Sets the hasher of keys; default: randomly seeded. If clients choose keys, use a hasher that
    /// they can't predict, such as the default. Keys that collide cost time and memory, since the
    /// map's table doubles for every few of them.
    pub fn hasher<S2: BuildHasher>(self, hasher: S2) -> InMemoryStoreBuilder<K, S2, C> {
        let Self {
            clock,
            capacity,
            listeners,
            evicts,
            text_of,
            ..
        } = self;
        InMemoryStoreBuilder {
            hasher,
            clock,
            capacity,
            listeners,
            evicts,
            text_of,
        }
    }

    /// Sets the source of the time; default: [`SystemClock`].
    pub fn clock<C2: Clock>(self, clock: C2) -> InMemoryStoreBuilder<K, S, C2> {
        let Self {
            hasher,
            capacity,
            listeners,
            evicts,
            text_of,
            ..
        } = self;
        InMemoryStoreBuilder {
            hasher,
            clock: Source::Given(clock),
            capacity,
            listeners,
            evicts,
            text_of,
        }
    }

    /// Sets the number of circuits that fit before the map's table grows; default 0. The table is
    /// allocated when the store is built. A capacity above [`max_circuits`](Self::max_circuits) is
    /// lowered to that.
    pub fn capacity(mut self, circuits: usize) -> Self {
        self.capacity = circuits;
        self
    }

    /// Sets the number of circuits that the store may hold: 1 to 2^23, clamped; default: 2^23, and
    /// none is ever evicted. While several threads create circuits, each may add one beyond the
    /// bound.
    ///
    /// A store that is nearly full (15/16) evicts an eighth of the bound: first circuits that are
    /// closed and without failures; then closed ones that had no report for a while, and open and
    /// half-open ones that no call has asked for in [`open_ttl`](Self::open_ttl). A closed one
    /// without failures whose next opening would back off must also have been closed for that time.
    /// A circuit that a handle holds is never evicted, nor one that is forced open or disabled. If
    /// nothing can be evicted, calls for new keys are admitted untracked, and
    /// [counted](InMemoryCircuitBreakerStore::untracked). A sweep is O(circuits), and the next one
    /// comes after an eighth as many insertions.
    pub fn max_circuits(mut self, circuits: usize) -> Self
    where
        K: Clone,
    {
        self.evicts.max_circuits = circuits;
        self.evicts.key = Some(K::clone);
        self
    }

    /// Sets the time for which an open circuit that no call asks for is kept after its open time,
    /// and a half-open one after its last probe was admitted, when there are [too many
    /// circuits](Self::max_circuits): rounded up to whole milliseconds. By default, or if 0: the
    /// longer of 5 minutes and 10 times its open time; for a half-open one, 10 times the longest
    /// open time that any rule has set in this store.
    pub fn open_ttl(mut self, ttl: Duration) -> Self {
        self.evicts.open_ttl = Some(Millis::from(ttl)).filter(|ttl| !ttl.is_zero());
        self
    }

    /// Adds a listener, which is called after each state change, on the thread that made it.
    /// Listeners are called in the order in which they were added.
    ///
    /// Nothing is held meanwhile: a listener may use the store, even the same circuit. A panic in
    /// it, or in the clone of the key that it is given, is caught.
    pub fn on_state_change(
        mut self,
        listener: impl Fn(&StateChange<K>) + Send + Sync + 'static,
    ) -> Self {
        self.listeners.add(listener);
        self
    }
}

impl<K: Hash + Eq, S: BuildHasher, C: Clock> InMemoryStoreBuilder<K, S, C> {
    /// Builds a store that has a bound and evicts nothing.
    #[cfg(test)]
    pub(super) fn build_limited(
        mut self,
        max_circuits: usize,
    ) -> InMemoryCircuitBreakerStore<K, S, C> {
        self.evicts.max_circuits = max_circuits;
        self.build()
    }

    /// Builds the store, which is empty.
    pub fn build(self) -> InMemoryCircuitBreakerStore<K, S, C> {
        let Self {
            hasher,
            clock,
            capacity,
            listeners,
            evicts,
            text_of,
        } = self;
        let limit = InMemoryCircuitBreakerStore::<K, S, C>::MAX_CIRCUITS;
        let max = evicts.max_circuits.clamp(1, limit);
        let capacity = capacity.min(max);
        let sizes = Sizes {
            bound: match evicts.max_circuits {
                usize::MAX => capacity,
                _ => max,
            },
            expected: match capacity {
                0 => max.min(EXPECTED),
                capacity => capacity,
            },
        };
        let seed = hasher.hash_one("jitter");
        let clock = match clock {
            Source::Given(clock) => clock,
            Source::Made(make) => make(),
        };
        InMemoryCircuitBreakerStore {
            inner: Arc::new(Inner {
                shared: Shared::new(clock, seed, sizes, evicts.key.is_some()),
                map: Map::new(capacity, hasher),
                listeners,
                by_hand: ByHand::new(),
                bound: Bound::new(max, evicts.open_ttl, evicts.key),
                untracked: PlainAtomicU64::new(0),
                counters: Counters::new(),
                ids: Ids::new(text_of),
            }),
        }
    }
}

impl InMemoryCircuitBreakerStore {
    /// Makes an empty store for `String` keys, with a randomly seeded hasher and [`SystemClock`].
    ///
    /// [`keyed`](InMemoryCircuitBreakerStore::keyed) makes one for keys of another type.
    pub fn new() -> Self {
        Self::builder().build()
    }

    /// Begins a store for `String` keys with other settings.
    pub fn builder() -> InMemoryStoreBuilder {
        InMemoryStoreBuilder {
            text_of: Some(String::as_str),
            ..Self::keyed_builder()
        }
    }
}

impl<K: Hash + Eq> InMemoryCircuitBreakerStore<K> {
    /// Makes an empty store as [`new`](InMemoryCircuitBreakerStore::new) does, for keys of any
    /// type, which is inferred from the calls.
    pub fn keyed() -> Self {
        Self::keyed_builder().build()
    }

    /// Begins a store as [`builder`](InMemoryCircuitBreakerStore::builder) does, for keys of any
    /// type.
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
