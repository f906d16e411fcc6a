//! The state that a store and its handles share, and the way from a key to its cell.

use super::bound::Bound;
use super::by_hand::ByHand;
use super::ids::Ids;
use crate::cell::{Cell, Gone, Shared};
use crate::clock::Clock;
use crate::error::StoreFull;
use crate::events::Listeners;
use crate::key::ToKey;
use crate::snapshot::{CircuitBreakerSnapshot, CircuitState};
use crate::stats::Counters;
use crate::sync::atomic::Ordering;
use crate::sync::{Arc, Hashed, Map, PlainAtomicU64};
use crate::word::PermitToken;
use std::borrow::Borrow;
use std::hash::{BuildHasher, Hash};

/// The state that a store and its handles share.
pub(crate) struct Inner<K, S, C> {
    pub(crate) shared: Shared<C>,
    pub(crate) map: Map<K, Cell, S>,
    pub(super) listeners: Listeners<K>,
    pub(super) by_hand: ByHand<K>,
    pub(super) bound: Bound<K>,
    /// The number of operations that were answered without being stored.
    pub(super) untracked: PlainAtomicU64,
    pub(super) counters: Counters,
    pub(super) ids: Ids<K>,
}

impl<K: Hash + Eq, S: BuildHasher, C: Clock> Inner<K, S, C> {
    /// Applies `op` to the cell of `key`. Creates the cell if there is none. Counts the operation
    /// as untracked if there is no room.
    #[inline]
    pub(super) fn create<Q, R>(
        &self,
        key: Hashed<'_, Q>,
        op: impl FnMut(&Arc<Cell>) -> Result<R, Gone>,
    ) -> Result<R, StoreFull>
    where
        K: Borrow<Q>,
        Q: Eq + ToKey<K> + ?Sized,
    {
        self.create_or(key, op, || self.count_untracked())
    }

    /// Applies `op` to the cell of `key`. Creates the cell if there is none; calls `full` if there
    /// is no room.
    ///
    /// `op` is called in one place, so that it is inlined there. If its result went through memory
    /// in the look-up, a snapshot would cost as much again as the look-up.
    #[inline]
    pub(super) fn create_or<Q, R>(
        &self,
        key: Hashed<'_, Q>,
        mut op: impl FnMut(&Arc<Cell>) -> Result<R, Gone>,
        full: impl FnOnce(),
    ) -> Result<R, StoreFull>
    where
        K: Borrow<Q>,
        Q: Eq + ToKey<K> + ?Sized,
    {
        loop {
            let found = self
                .map
                .get_apart(key, |cell| self.attempt(key, cell, &mut op));
            match found {
                Some(Ok(result)) => return Ok(result),
                Some(Err(Gone)) => continue,
                None => {
                    if let Err(StoreFull) = self.insert(key) {
                        full();
                        return Err(StoreFull);
                    }
                }
            }
        }
    }

    /// Inserts a cell for `key` if there is none.
    #[cold]
    fn insert<Q>(&self, key: Hashed<'_, Q>) -> Result<(), StoreFull>
    where
        K: Borrow<Q>,
        Q: Eq + ToKey<K> + ?Sized,
    {
        if self.make_room().is_err() {
            // Another call may have created it since the caller looked: then there is a circuit.
            if self.map.get(key, |_| ()).is_some() {
                return Ok(());
            }
            return Err(StoreFull);
        }
        let cell = Cell::new(key.hash());
        self.map.insert(key, cell);
        Ok(())
    }

    /// Counts an operation that is answered without being stored.
    pub(super) fn count_untracked(&self) {
        // Relaxed: a statistic.
        self.untracked.fetch_add(1, Ordering::Relaxed);
    }

    /// Applies `op` to a cell. If the cell is gone, takes it out of the map.
    #[inline]
    pub(super) fn attempt<Q, R>(
        &self,
        key: Hashed<'_, Q>,
        cell: &Arc<Cell>,
        op: impl FnOnce(&Arc<Cell>) -> Result<R, Gone>,
    ) -> Result<R, Gone>
    where
        K: Borrow<Q>,
        Q: Eq + ?Sized,
    {
        op(cell).inspect_err(|Gone| self.map.remove_same(key, cell))
    }

    /// Makes the snapshot that a circuit would have had if the store weren't full.
    pub(super) fn untracked(&self, state: CircuitState) -> CircuitBreakerSnapshot {
        CircuitBreakerSnapshot::new(state, self.shared.now().unix_ms())
    }

    /// Gives back what a permit of `key` holds, without an outcome.
    pub(crate) fn give_back<Q>(&self, key: Hashed<'_, Q>, permit: PermitToken)
    where
        K: Borrow<Q>,
        Q: Eq + ?Sized,
    {
        self.map.get(key, |cell| cell.give_back(permit));
    }
}
