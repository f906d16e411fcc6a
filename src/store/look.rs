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
