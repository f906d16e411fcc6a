//! Looks inside: the statistics of each circuit and of all together, and changes as they come.

use super::in_memory::InMemoryCircuitBreakerStore;
use super::inner::Inner;
use crate::cell::{Cell, OPENINGS};
use crate::clock::{Clock, WallTime, wall_time};
#[cfg(feature = "subscription")]
use crate::events::Subscription;
use crate::rules::{Cause, Policy};
use crate::snapshot::CircuitBreakerSnapshot;
use crate::stats::{Counted, Counters};
use crate::sync::Arc as CellArc;
use crate::word::Timestamp;
use std::borrow::Borrow;
use std::fmt;
use std::hash::{BuildHasher, Hash};

/// The statistics of a known circuit. An unknown one has none: it is closed, and
/// nothing is counted.
///
/// All fields belong to one generation of the circuit, and the snapshot to one moment in it.
/// Probes, window and the two counts are read one after the other: a call that is reported
/// meanwhile may be in one and not yet in another.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub struct CircuitStats {
    /// The circuit's own state, times and counts. A state that is
    /// [forced](crate::CircuitBreaker::forced) on its key doesn't show.
    pub snapshot: CircuitBreakerSnapshot,
    /// The time until which an open circuit rejects, in Unix milliseconds. The first call from then
    /// on probes. `None` in every other state; forced-open has no end of its own. It may lie beyond
    /// May 2109, the end of the clock's time; then no call probes.
    ///
    /// The open time of a circuit that was opened by hand is fixed by the first check. Before that,
    /// a breaker shows the time that the policy gives now, and the bare store shows `None`.
    pub open_until: Option<u64>,
    /// The window of a closed circuit whose policy has one, once a call has been counted.
    pub window: Option<WindowStats>,
    /// Probes of a half-open circuit that have not been reported and whose lease is not over.
    pub probes_out: u32,
    /// Calls that the circuit rejected. Calls that a policy or a prefix
    /// [forced](crate::CircuitBreaker::forced) open rejected without asking the circuit
    /// aren't among them.
    ///
    /// Counted since the store has known the key: from 0 again after an eviction, and after a reset
    /// while no handle holds the circuit.
    pub rejected: u64,
    /// Calls that the circuit would have rejected, and that were admitted under a
    /// [shadow](crate::Policy::shadow) policy. Counted as [`rejected`](Self::rejected) is.
    pub shadowed: u64,
}

impl CircuitStats {
    /// Returns [`open_until`](Self::open_until) as a `SystemTime`, at the latest May 2109.
    pub fn open_until_time(&self) -> Option<WallTime> {
        self.open_until.map(wall_time)
    }
}

/// The counts of a sliding window: of the last N calls, or of those in the last period.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub struct WindowStats {
    /// Calls that were reported as successes or failures.
    pub calls: u32,
    /// Failures among them.
    pub failures: u32,
    /// Slow ones among them.
    pub slow: u32,
}

/// The counts of all calls since the store, or the breaker over a remote one, was made.
/// They only grow.
///
/// A call that is admitted and succeeds is in no total, since most of them write nothing. Each
/// count is exact once the calls have returned; together they belong to no single moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct Totals {
    /// Calls that were rejected.
    pub rejected: u64,
    /// Calls that would have been rejected, and were admitted under a
    /// [shadow](crate::Policy::shadow) policy.
    pub shadowed: u64,
    /// Failures that were reported, including those of [stale](Self::stale) reports and
    /// [timed-out](Self::timed_out) calls.
    pub failed: u64,
    /// Calls that outlived the [call timeout](crate::CircuitBreakerBuilder::call_timeout).
    pub timed_out: u64,
    /// Permits that were dropped without a report, whatever that [means](crate::DroppedPermit):
    /// among them calls that were cancelled from outside.
    pub dropped: u64,
    /// Reports that came after their circuit had changed state, and changed nothing.
    pub stale: u64,
    /// Openings of circuits, by cause, in shadow too. Always 0 for a breaker over a remote store.
    pub opened: Openings,
    /// Circuits that were evicted to make room for others.
    pub evicted: u64,
    /// Operations that were answered without being stored, because the store was full.
    pub untracked: u64,
    /// Openings that the cap of a [group](crate::Group) held back.
    pub held_back: u64,
}

impl Totals {
    /// Reads the counts of calls; the others stay 0.
    pub(crate) fn of(counters: &Counters) -> Self {
        Self {
            rejected: counters.total(Counted::Rejected),
            shadowed: counters.total(Counted::Shadowed),
            failed: counters.total(Counted::Failed),
            timed_out: counters.total(Counted::TimedOut),
            dropped: counters.total(Counted::Dropped),
            stale: counters.total(Counted::Stale),
            ..Self::default()
        }
    }
}

/// The numbers of openings, by the [label](Cause::as_str) of the cause. A circuit that is forced
/// open by hand counts under `manual`.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Openings([u64; OPENINGS]);

impl Openings {
    /// Returns the number of openings by the cause of this label; 0 if there is no such label.
    pub fn by(&self, label: &str) -> u64 {
        let found = self.iter().find(|(one, _)| *one == label);
        found.map_or(0, |(_, count)| count)
    }

    /// Returns the number of all openings.
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }

    /// Iterates over the labels of the causes that can open a circuit, each with its count: always
    /// the same labels, in the same order.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let all = Cause::LABELS.into_iter().zip(self.0);
        all.filter(|(label, _)| !Cause::NEVER_OPENS.contains(label))
    }
}

impl fmt::Debug for Openings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl<K, S, C: Clock> Inner<K, S, C> {
    /// Returns the statistics of a circuit; `None` if it reads as unknown.
    pub(crate) fn stats_of(
        &self,
        cell: &CellArc<Cell>,
        policy: impl Fn() -> Option<Policy>,
    ) -> Option<CircuitStats> {
        let look = cell.look(&self.shared, policy)?;
        let refusals = CellArc::head(cell);
        Some(CircuitStats {
            snapshot: look.snapshot,
            open_until: look.open_until.map(Timestamp::unix_ms),
            window: look.window.map(|tally| WindowStats {
                calls: tally.calls,
                failures: tally.failures,
                slow: tally.slow,
            }),
            probes_out: look.probes_out,
            rejected: refusals.rejected(),
            shadowed: refusals.shadowed(),
        })
    }
}

impl<K, S, C> InMemoryCircuitBreakerStore<K, S, C>
where
    K: Hash + Eq,
    S: BuildHasher,
    C: Clock,
{
    /// Returns the statistics of the circuit of `key`; `None` if the store doesn't know it: then it
    /// is closed. Has no side effects, like [`peek`](Self::peek).
    ///
    /// ```
    /// use breakerbox::{CircuitState, InMemoryCircuitBreakerStore, Policy};
    ///
    /// let store: InMemoryCircuitBreakerStore = InMemoryCircuitBreakerStore::new();
    /// assert_eq!(store.stats("search"), None);
    /// store.transition("search", CircuitState::Open);
    /// assert!(store.acquire("search", &Policy::default()).is_err());
    ///
    /// let search = store.stats("search").unwrap();
    /// assert_eq!((search.snapshot.state, search.rejected), (CircuitState::Open, 1));
    /// assert_eq!(search.open_until, Some(search.snapshot.last_state_change + 30_000));
    /// ```
    pub fn stats<Q>(&self, key: &Q) -> Option<CircuitStats>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.stats_by(key, || None)
    }

    /// Returns the statistics of the circuit of `key`. `policy` gives the open time that no check
    /// has fixed yet.
    pub(crate) fn stats_by<Q>(
        &self,
        key: &Q,
        policy: impl Fn() -> Option<Policy>,
    ) -> Option<CircuitStats>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let inner = &*self.inner;
        let look = |cell: &_| inner.stats_of(cell, &policy);
        inner.map.get(inner.map.hashed(key), look).flatten()
    }

    /// Visits each circuit's [`stats`](Self::stats), as [`for_each`](Self::for_each)
    /// visits snapshots.
    pub fn for_each_stats(&self, f: impl FnMut(&K, CircuitStats)) {
        self.for_each_stats_by(|_| None, f);
    }

    pub(crate) fn for_each_stats_by(
        &self,
        policy: impl Fn(&K) -> Option<Policy>,
        mut f: impl FnMut(&K, CircuitStats),
    ) {
        self.inner.map.for_each(|found, cell| {
            let policy = || policy(found.key());
            if let Some(stats) = self.inner.stats_of(cell, policy) {
                f(found.key(), stats);
            }
        });
    }
}

impl<K, S, C> InMemoryCircuitBreakerStore<K, S, C> {
    /// Returns the counts of all calls since the store was made. O(1).
    ///
    /// ```
    /// use breakerbox::{CircuitState, InMemoryCircuitBreakerStore};
    ///
    /// let store: InMemoryCircuitBreakerStore = InMemoryCircuitBreakerStore::new();
    /// store.transition("search", CircuitState::Open);
    /// let totals = store.totals();
    /// assert_eq!((totals.opened.total(), totals.opened.by("manual")), (1, 1));
    /// ```
    pub fn totals(&self) -> Totals
    where
        K: Hash + Eq,
        S: BuildHasher,
        C: Clock,
    {
        let inner = &*self.inner;
        Totals {
            opened: Openings(inner.shared.openings.counts()),
            evicted: self.evicted(),
            untracked: self.untracked(),
            held_back: self.held_back(),
            ..Totals::of(&inner.counters)
        }
    }

    /// Subscribes to the state changes of operations that begin from now on (feature
    /// `subscription`). Up to `capacity` of them, at least 1, wait to be taken. A change that comes
    /// while the queue is full is dropped and counted, so a slow subscriber never delays a call.
    /// Any number is valid: memory is taken for the changes that wait, each with a clone of its
    /// key, not for `capacity`.
    ///
    /// ```
    /// use breakerbox::{CircuitState, InMemoryCircuitBreakerStore};
    ///
    /// let store: InMemoryCircuitBreakerStore = InMemoryCircuitBreakerStore::new();
    /// let changes = store.subscribe(1_000);
    /// store.transition("search", CircuitState::Open);
    /// assert_eq!(changes.try_next().unwrap().key, "search");
    /// ```
    #[cfg(feature = "subscription")]
    pub fn subscribe(&self, capacity: usize) -> Subscription<K>
    where
        K: Clone + Send + Sync + 'static,
    {
        self.inner.listeners.subscribe(capacity)
    }
}
