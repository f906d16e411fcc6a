//! The embedded store: circuits by key, in a lock-free map.

mod builder;
mod contract;
mod evict;
#[cfg(feature = "serde")]
mod export;
mod forced;
mod handle;
mod inspect;
mod keyed;
mod steer;
#[cfg(all(test, not(breakerbox_loom)))]
mod tests;

pub use builder::InMemoryStoreBuilder;
#[cfg(feature = "serde")]
pub use export::{Export, ImportError, Imported};
pub use handle::StoreHandle;
pub use inspect::{CircuitStats, Openings, Totals, WindowStats};
pub(crate) use keyed::Refused;
pub use steer::{Steered, Steering};

use crate::clock::{Clock, SystemClock};
use crate::error::{Rejected, StoreFull};
use crate::key::ToKey;
use crate::rules::{Forced, Policy};
use crate::snapshot::{CircuitBreakerSnapshot, CircuitState};
use crate::stats::Counted;
use crate::sync::Hashed;
use crate::sync::atomic::Ordering;
use crate::word::{Outcome, PermitToken, Report, Reported};
use keyed::Inner;
use std::borrow::Borrow;
use std::fmt;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::Arc;

/// Circuits in memory, one per key, without locks on any check or report.
///
/// Generic in the key, its hasher and the clock. Cloning is cheap and shares the circuits.
/// Look-ups take any borrowed form of the key (`&str` for `String`) and never allocate.
///
/// This is the store alone: it counts and moves circuits as it is told and decides by the
/// [`Policy`] that each call brings. [`CircuitBreaker`](crate::CircuitBreaker) is the store with
/// rules, permits that report themselves, and calls.
///
/// ```
/// use breakerbox::{CircuitState, InMemoryCircuitBreakerStore};
///
/// let store: InMemoryCircuitBreakerStore = InMemoryCircuitBreakerStore::new();
/// assert!(store.peek("search").is_none());
/// assert_eq!(store.record_failure("search").failure_count, 1);
/// assert_eq!(store.transition("search", CircuitState::Open).state, CircuitState::Open);
/// store.reset("search");
/// assert!(store.peek("search").is_none());
/// ```
///
/// # Concurrency
/// Operations on a key are linearizable with respect to state, both counts and
/// `last_state_change`; see [`CircuitBreakerSnapshot`] for `last_failure_time`. A record or
/// transition returns a snapshot taken after it; others may have been at work in between. Only
/// where the circuit is reset before it returns, its snapshot is what it saw last with its own
/// effect, in which what others did at the same time may be missing.
/// Checks, reports and handle operations are lock-free. Creating, iterating and clearing
/// circuits may wait briefly while the map's table is resized: give the expected number of
/// circuits as [`capacity`](InMemoryStoreBuilder::capacity).
pub struct InMemoryCircuitBreakerStore<K = String, S = RandomState, C = SystemClock> {
    pub(crate) inner: Arc<Inner<K, S, C>>,
}

impl<K: Hash + Eq> InMemoryCircuitBreakerStore<K> {
    /// An empty store with a randomly seeded hasher and the system's clock.
    pub fn new() -> Self {
        Self::builder().build()
    }

    /// A store with other settings.
    pub fn builder() -> InMemoryStoreBuilder<K> {
        InMemoryStoreBuilder::new()
    }
}

impl<K, S, C> InMemoryCircuitBreakerStore<K, S, C> {
    /// How many circuits a store can hold, unless it is told to hold
    /// [fewer](InMemoryStoreBuilder::max_circuits): what the gate's count leaves room for.
    ///
    /// A key beyond it is answered as if it were unknown, and nothing of it is stored; see
    /// [`untracked`](Self::untracked).
    pub const MAX_CIRCUITS: usize = 1 << 23;

    /// Returns whether a clone or a handle refers to the circuits too.
    pub(crate) fn is_shared(&self) -> bool {
        Arc::strong_count(&self.inner) > 1
    }
}

impl<K, S, C> InMemoryCircuitBreakerStore<K, S, C>
where
    K: Hash + Eq,
    S: BuildHasher,
    C: Clock,
{
    #[inline]
    pub(crate) fn hashed<'q, Q: Hash + ?Sized>(&self, key: &'q Q) -> Hashed<'q, Q> {
        self.inner.map.hashed(key)
    }

    /// Makes every circuit unwatched; an operation that needs it watched may make it so again.
    pub(crate) fn unwatch_all(&self) {
        let inner = &*self.inner;
        inner.map.for_each(|_, cell| cell.unwatch(&inner.shared));
    }

    /// The circuit of `key`, created if it was unknown: closed, nothing counted.
    pub fn get_state<Q>(&self, key: &Q) -> CircuitBreakerSnapshot
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToKey<K> + ?Sized,
    {
        self.inner
            .create(self.hashed(key), |cell| cell.get_state(&self.inner.shared))
            .unwrap_or_else(|StoreFull| self.inner.untracked(CircuitState::Closed))
    }

    /// Counts a success, in every state but disabled. Creates the circuit.
    pub fn record_success<Q>(&self, key: &Q) -> CircuitBreakerSnapshot
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToKey<K> + ?Sized,
    {
        self.inner
            .create(self.hashed(key), |cell| {
                cell.record_success(&self.inner.shared)
            })
            .unwrap_or_else(|StoreFull| CircuitBreakerSnapshot {
                success_count: 1,
                ..self.inner.untracked(CircuitState::Closed)
            })
    }

    /// Counts a failure and notes its time, in every state but disabled. Creates the circuit.
    /// Never opens it: rules belong to [`report`](Self::report) and the breaker.
    pub fn record_failure<Q>(&self, key: &Q) -> CircuitBreakerSnapshot
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToKey<K> + ?Sized,
    {
        self.inner
            .create(self.hashed(key), |cell| {
                cell.record_failure(&self.inner.shared)
            })
            .unwrap_or_else(|StoreFull| {
                let snapshot = self.inner.untracked(CircuitState::Closed);
                CircuitBreakerSnapshot {
                    failure_count: 1,
                    last_failure_time: snapshot.last_state_change,
                    ..snapshot
                }
            })
    }

    /// Moves the circuit to state `to`, whatever it was in; the state that it is in already
    /// counts as a transition. Creates the circuit.
    ///
    /// A move to closed or disabled zeroes both counts, one to half-open the successes; the time of
    /// the last failure is kept. A circuit that is closed by this counts as recovered: its next
    /// opening is the first of a row, whose open time doesn't back off. Permits given before are
    /// stale.
    pub fn transition<Q>(&self, key: &Q, to: CircuitState) -> CircuitBreakerSnapshot
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToKey<K> + ?Sized,
    {
        let mut changes = self.inner.listeners.changes();
        let done = self.inner.create(self.hashed(key), |cell| {
            cell.transition(&self.inner.shared, to, &mut changes)
        });
        self.inner.listeners.announce(changes, || key.to_key());
        done.unwrap_or_else(|StoreFull| self.inner.untracked(to))
    }

    /// Forgets the circuit of `key`, if there is one: it reads as unknown, and permits given while
    /// it was known are stale. If it wasn't closed, this is announced as a change to closed.
    pub fn reset<Q>(&self, key: &Q)
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToKey<K> + ?Sized,
    {
        let mut changes = self.inner.listeners.changes();
        self.reset_in(self.hashed(key), &mut changes);
        self.inner.listeners.announce(changes, || key.to_key());
    }

    /// Forgets every circuit, and lifts what was forced [by prefix](Self::steer_prefix) or on all.
    /// A circuit that is created meanwhile may or may not be forgotten. The store and live handles
    /// stay usable.
    pub fn clear(&self)
    where
        K: Clone,
    {
        let inner = &*self.inner;
        let _held = inner.by_hand.command(&inner.shared.summary, "", None);
        let mut announced = Vec::new();
        inner.map.for_each(|found, cell| {
            inner.follow_rules(found.key(), cell);
            let mut changes = inner.listeners.changes();
            cell.vacate(&inner.shared, &mut changes);
            if cell.retire(&inner.shared).is_err() {
                inner.map.remove_same(found, cell);
            }
            if !changes.is_empty() {
                announced.push((changes, found.key().clone()));
            }
        });
        // After the map is let go of.
        for (changes, key) in announced {
            inner.listeners.announce(changes, || key);
        }
    }

    /// The same as [`clear`](Self::clear): the in-memory store holds nothing else to give back.
    pub fn destroy(&self)
    where
        K: Clone,
    {
        self.clear();
    }

    /// Returns the state that is forced on `key` by hand: [by prefix](Self::steer_prefix), or on
    /// [all](Self::steer_all). What [`steer`](Self::steer) does to one circuit shows in its
    /// snapshot, and what a policy forces in
    /// [`CircuitBreaker::forced`](crate::CircuitBreaker::forced).
    pub fn forced<Q>(&self, key: &Q) -> Option<Forced>
    where
        Q: ToKey<K> + ?Sized,
    {
        self.inner.by_hand.of(key)
    }

    /// Returns the circuit of `key` if it is known, in its own state, whatever is forced on the
    /// key. Has no side effects: creates nothing, counts nothing, takes no probe slot.
    pub fn peek<Q>(&self, key: &Q) -> Option<CircuitBreakerSnapshot>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.inner
            .map
            .get(self.hashed(key), |cell| cell.peek(&self.inner.shared))
            .flatten()
    }

    /// Decides whether a call may go through now, by `policy`. While no circuit of the store is
    /// open, half-open or forced open, and no rule of a breaker over it needs every check, this is
    /// one atomic load, whatever the key.
    ///
    /// An open circuit whose time is over becomes half-open, and the call is its first probe. A
    /// half-open one admits while fewer than [`half_open_max`](Policy::half_open_max) probes are
    /// out, and as many again once the last of them was admitted a
    /// [`probe_lease`](Policy::probe_lease) ago. A [forced](Forced) state comes before all that: by
    /// hand, or by the policy.
    #[inline]
    pub fn acquire<Q>(&self, key: &Q, policy: &Policy) -> Result<PermitToken, Rejected>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToKey<K> + ?Sized,
    {
        let inner = &*self.inner;
        let summary = inner.shared.summary.load();
        if summary.is_quiet() && !policy.checks_closely() {
            // Nothing rejects, and no transition is half done: the gate speaks for every key.
            return Ok(PermitToken::new(summary.generation(), false));
        }
        let hash = self.hashed(key).only_hash();
        if !policy.checks_closely()
            && !inner.shared.summary.needs_checks()
            && let Some(permit) = inner.pass(summary, hash)
        {
            return Ok(permit);
        }
        inner.acquire(hash, key, policy)
    }

    /// Takes the outcome of an admitted call into account, by `policy`, unless the circuit has
    /// changed state since. Counting and the transition that follows are one step.
    ///
    /// Closed: a failure counts, and the one that reaches the threshold opens the circuit; a
    /// success forgets the failures under the consecutive rule. Half-open: gives the slot back;
    /// enough successes close, a failure counts and opens. An ignored outcome creates nothing, and
    /// a success only under rules with a window.
    ///
    /// A call is counted in its window first, and opens the circuit after: others may come in
    /// between. The call that brings the window to its limit opens the circuit before its report
    /// returns, unless another one has.
    #[inline]
    pub fn report<Q>(
        &self,
        key: &Q,
        permit: PermitToken,
        report: impl Into<Report>,
        policy: &Policy,
    ) -> Reported
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToKey<K> + ?Sized,
    {
        let report = report.into();
        let counts = report.outcome() == Outcome::Failure || policy.windows();
        if !counts && self.inner.nothing_to_do(permit) {
            return Reported::Recorded;
        }
        self.inner.report_unless_clean(key, permit, report, policy)
    }

    /// Gives a permit back without an outcome: reports [`Outcome::Ignored`].
    pub fn release<Q>(&self, key: &Q, permit: PermitToken, policy: &Policy) -> Reported
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToKey<K> + ?Sized,
    {
        self.report(key, permit, Outcome::Ignored, policy)
    }

    /// Circuits that are known. O(1); while others are created or removed, perhaps off by those.
    pub fn len(&self) -> usize {
        self.inner.shared.summary.circuits()
    }

    /// Whether no circuit is known.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Calls `f` with each circuit. One that is known throughout is visited exactly once; one
    /// that is created or reset meanwhile, perhaps. `f` may use the store.
    pub fn for_each(&self, mut f: impl FnMut(&K, CircuitBreakerSnapshot)) {
        self.inner.map.for_each(|found, cell| {
            if let Some(snapshot) = cell.peek(&self.inner.shared) {
                f(found.key(), snapshot);
            }
        });
    }

    /// All circuits, as by [`for_each`](Self::for_each), in no order.
    pub fn snapshots(&self) -> Vec<(K, CircuitBreakerSnapshot)>
    where
        K: Clone,
    {
        let mut all = Vec::with_capacity(self.len());
        self.for_each(|key, snapshot| all.push((key.clone(), snapshot)));
        all
    }

    /// Operations that were answered without being stored, because the store was full.
    pub fn untracked(&self) -> u64 {
        // Relaxed: a statistic.
        self.inner.untracked.load(Ordering::Relaxed)
    }

    /// Circuits that were evicted to make room for others.
    pub fn evicted(&self) -> u64 {
        self.inner.bound.evicted()
    }

    /// The most circuits that the store holds.
    pub fn max_circuits(&self) -> usize {
        self.inner.bound.max()
    }

    /// Calls that were rejected.
    pub fn rejections(&self) -> u64 {
        self.inner.counters.total(Counted::Rejected)
    }

    /// Openings that the cap of a group held back: see [`Group`](crate::Group).
    pub fn held_back(&self) -> u64 {
        self.inner.shared.groups.held_back()
    }

    /// Circuits that have a place in the group of this name; `None`: no policy has declared it.
    pub fn open_in_group(&self, name: &str) -> Option<u64> {
        self.inner.shared.groups.open(name)
    }

    /// The clock that the store reads.
    pub fn clock(&self) -> &C {
        &self.inner.shared.clock
    }
}

#[cfg(any(test, breakerbox_loom, breakerbox_steps))]
impl<K, S, C> InMemoryCircuitBreakerStore<K, S, C> {
    pub(crate) fn summary_counts(&self) -> (u64, u64) {
        self.inner.shared.summary.counts()
    }

    #[cfg(breakerbox_loom)]
    pub(crate) fn share_a_stripe(&self, keys: [&K; 2]) -> bool
    where
        K: Hash + Eq,
        S: BuildHasher,
    {
        crate::cell::share_a_stripe(keys.map(|key| self.inner.map.hashed(key).hash()))
    }

    pub(crate) fn entries(&self) -> usize
    where
        K: Hash + Eq,
        S: BuildHasher,
    {
        self.inner.map.len()
    }
}

impl<K, S, C> Clone for InMemoryCircuitBreakerStore<K, S, C> {
    /// Another reference to the same circuits.
    fn clone(&self) -> Self {
        Self {
            inner: Arc::clone(&self.inner),
        }
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

impl<K, S, C> fmt::Debug for InMemoryCircuitBreakerStore<K, S, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InMemoryCircuitBreakerStore")
            .field("circuits", &self.inner.shared.summary.circuits())
            .field("listeners", &self.inner.listeners)
            .finish_non_exhaustive()
    }
}
