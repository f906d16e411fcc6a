//! The real atomics, `Arc` and papaya.

use std::borrow::Borrow;
use std::hash::{BuildHasher, Hash};

pub(crate) use std::sync::Arc;

use super::steps::{Step, step};

pub(crate) mod atomic {
    #[cfg(breakerbox_steps)]
    pub(crate) use super::super::steps::AtomicU64;
    #[cfg(not(breakerbox_steps))]
    pub(crate) use portable_atomic::AtomicU64;
    pub(crate) use portable_atomic::Ordering;
}

/// A concurrent map of shared values, by closures: no guard of it leaves this file.
pub(crate) struct Map<K, V, S> {
    table: papaya::HashMap<K, Arc<V>, S>,
    /// papaya doesn't show its own.
    hasher: S,
}

impl<K: Hash + Eq, V, S: BuildHasher> Map<K, V, S> {
    pub(crate) fn new(capacity: usize, hasher: S) -> Self
    where
        S: Clone,
    {
        let table = papaya::HashMap::with_capacity_and_hasher(capacity, hasher.clone());
        Self { table, hasher }
    }

    pub(crate) fn hash<Q: Hash + ?Sized>(&self, key: &Q) -> u64 {
        self.hasher.hash_one(key)
    }

    /// Calls `f` with the value of `key`, if there is one.
    #[inline]
    pub(crate) fn get<Q, R>(&self, key: &Q, f: impl FnOnce(&Arc<V>) -> R) -> Option<R>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        step(Step::Map);
        self.table.pin().get(key).map(f)
    }

    /// Calls `f` with the value of `key`, inserting `value` if there was none.
    pub(crate) fn get_or_insert<R>(&self, key: K, value: V, f: impl FnOnce(&Arc<V>) -> R) -> R {
        step(Step::Map);
        f(self.table.pin().get_or_insert(key, Arc::new(value)))
    }

    /// Removes `key` if its value is this very one.
    pub(crate) fn remove_same<Q>(&self, key: &Q, value: &V)
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        step(Step::Map);
        // An error is another value under this key: ours was removed already.
        let _ = self
            .table
            .pin()
            .remove_if(key, |_, found| std::ptr::eq(&**found, value));
    }

    /// Calls `f` for each entry that stays throughout, and perhaps for others.
    pub(crate) fn for_each(&self, mut f: impl FnMut(&K, &Arc<V>)) {
        step(Step::Map);
        for (key, value) in self.table.pin().iter() {
            f(key, value);
        }
    }

    pub(crate) fn len(&self) -> usize {
        step(Step::Map);
        self.table.len()
    }
}
