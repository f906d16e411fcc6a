//! A look at the whole store: its circuits, its counts and its clock.

use super::in_memory::InMemoryCircuitBreakerStore;
use crate::clock::Clock;
use crate::snapshot::CircuitBreakerSnapshot;
use crate::stats::Counted;
use crate::sync::atomic::Ordering;
use std::hash::{BuildHasher, Hash};

impl<K, S, C> InMemoryCircuitBreakerStore<K, S, C>
where
    K: Hash + Eq,
    S: BuildHasher,
    C: Clock,
{
    /// Returns the number of known circuits. O(1). While others are created or removed, it may
    /// be off by those.
    pub fn len(&self) -> usize {
        self.inner.shared.summary.circuits()
    }

    /// Returns whether no circuit is known.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Visits each known circuit. One that is known throughout is visited exactly once; one that is
    /// created or reset meanwhile may or may not be. `f` may use the store. O(circuits).
    pub fn for_each(&self, mut f: impl FnMut(&K, CircuitBreakerSnapshot)) {
        self.inner.map.for_each(|found, cell| {
            if let Some(snapshot) = cell.peek(&self.inner.shared) {
                f(found.key(), snapshot);
            }
        });
    }

    /// Returns all known circuits, as [`for_each`](Self::for_each) visits them, in no
    /// order. Allocates.
    pub fn snapshots(&self) -> Vec<(K, CircuitBreakerSnapshot)>
    where
        K: Clone,
    {
        let mut all = Vec::with_capacity(self.len());
        self.for_each(|key, snapshot| all.push((key.clone(), snapshot)));
        all
    }

    /// Returns the number of operations that were answered without being stored, because the
    /// store was full.
    pub fn untracked(&self) -> u64 {
        // Relaxed: a statistic.
        self.inner.untracked.load(Ordering::Relaxed)
    }

    /// Returns the number of circuits that were evicted to make room for others.
    pub fn evicted(&self) -> u64 {
        self.inner.bound.evicted()
    }

    /// Returns the [most circuits](super::InMemoryStoreBuilder::max_circuits) that the store holds.
    pub fn max_circuits(&self) -> usize {
        self.inner.bound.max()
    }

    /// Returns the number of calls that were rejected.
    pub fn rejections(&self) -> u64 {
        self.inner.counters.total(Counted::Rejected)
    }

    /// Returns the number of openings that the cap of a [`Group`](crate::Group) held back.
    pub fn held_back(&self) -> u64 {
        self.inner.shared.groups.held_back()
    }

    /// Returns the number of circuits that have a place in the group of this name; `None` if no
    /// policy has declared it.
    pub fn open_in_group(&self, name: &str) -> Option<u64> {
        self.inner.shared.groups.open(name)
    }

    /// Returns the clock that the store reads.
    pub fn clock(&self) -> &C {
        &self.inner.shared.clock
    }
}

#[cfg(any(test, breakerbox_loom, breakerbox_steps))]
impl<K, S, C> InMemoryCircuitBreakerStore<K, S, C> {
    #[cfg(any(breakerbox_loom, breakerbox_steps))]
    pub(crate) fn inside(&self) -> &super::inner::Inner<K, S, C> {
        &self.inner
    }

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
