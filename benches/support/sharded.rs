//! A map in shards, each behind a lock of its own; and a map of circuits that are locked one by
//! one.

use super::circuit::{Circuit, Snapshot};
use super::rules::Rules;
use super::store::{ByHand, Hasher, Std};
use hashbrown::HashTable;
use parking_lot::{Mutex, MutexGuard, RwLock};
use std::collections::HashMap;
use std::sync::Arc;
use std::thread;

type Table<C> = HashTable<(String, C)>;

/// In a cache line of its own, and out of its neighbour's prefetcher.
#[repr(align(128))]
struct Shard<C>(Mutex<Table<C>>);

/// The key is hashed once, for its shard and for its place there.
pub struct ShardedStore<S = Std, C = Snapshot> {
    shards: Box<[Shard<C>]>,
    hasher: S,
    rules: Rules,
}

impl<S: Hasher, C: Circuit> ShardedStore<S, C> {
    fn hash_and_lock(&self, key: &str) -> (u64, MutexGuard<'_, Table<C>>) {
        let hash = self.hasher.hash_one(key);
        // Neither the low bits nor the highest seven: the table goes by those.
        let shard = (hash >> 40) as usize & (self.shards.len() - 1);
        (hash, self.shards[shard].0.lock())
    }
}

impl<S: Hasher, C: Circuit> ByHand for ShardedStore<S, C> {
    type Circuit = C;

    fn of(rules: Rules, keys: &[String]) -> Self {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let shards = (4 * cores).next_power_of_two();
        let store = Self {
            shards: (0..shards)
                .map(|_| Shard(Mutex::new(Table::with_capacity(keys.len() / shards))))
                .collect(),
            hasher: S::default(),
            rules,
        };
        for key in keys {
            store.with(key, |_| ());
        }
        store
    }

    fn rules(&self) -> Rules {
        self.rules
    }

    #[inline]
    fn look<R>(&self, key: &str, op: impl FnOnce(&C) -> R) -> Option<R> {
        let (hash, shard) = self.hash_and_lock(key);
        shard
            .find(hash, |(known, _)| known == key)
            .map(|(_, circuit)| op(circuit))
    }

    #[inline]
    fn known<R>(&self, key: &str, op: impl FnOnce(&mut C) -> R) -> Option<R> {
        let (hash, mut shard) = self.hash_and_lock(key);
        shard
            .find_mut(hash, |(known, _)| known == key)
            .map(|(_, circuit)| op(circuit))
    }

    #[inline]
    fn with<R>(&self, key: &str, op: impl FnOnce(&mut C) -> R) -> R {
        let (hash, mut shard) = self.hash_and_lock(key);
        let entry = shard.entry(
            hash,
            |(known, _)| known == key,
            |(known, _)| self.hasher.hash_one(known),
        );
        let mut entry = entry.or_insert_with(|| (key.to_owned(), C::default()));
        op(&mut entry.get_mut().1)
    }
}

/// `RwLock<HashMap<_, Arc<Mutex<_>>>>`: who changes a circuit locks out nobody from the others.
pub struct CircuitLockStore<S = Std, C = Snapshot> {
    circuits: RwLock<HashMap<String, Arc<Mutex<C>>, S>>,
    rules: Rules,
}

impl<S: Hasher, C: Circuit> ByHand for CircuitLockStore<S, C> {
    type Circuit = C;

    fn of(rules: Rules, keys: &[String]) -> Self {
        let circuits = keys.iter().map(|key| (key.clone(), Arc::default()));
        Self {
            circuits: RwLock::new(circuits.collect()),
            rules,
        }
    }

    fn rules(&self) -> Rules {
        self.rules
    }

    #[inline]
    fn look<R>(&self, key: &str, op: impl FnOnce(&C) -> R) -> Option<R> {
        self.known(key, |circuit| op(circuit))
    }

    /// The circuit is short in use: to clone its `Arc` would cost more than it keeps the map for.
    #[inline]
    fn known<R>(&self, key: &str, op: impl FnOnce(&mut C) -> R) -> Option<R> {
        let circuits = self.circuits.read();
        circuits.get(key).map(|circuit| op(&mut circuit.lock()))
    }

    #[inline]
    fn with<R>(&self, key: &str, op: impl FnOnce(&mut C) -> R) -> R {
        let circuits = self.circuits.read();
        if let Some(circuit) = circuits.get(key) {
            return op(&mut circuit.lock());
        }
        drop(circuits);
        let created = Arc::clone(self.circuits.write().entry(key.to_owned()).or_default());
        op(&mut created.lock())
    }
}
