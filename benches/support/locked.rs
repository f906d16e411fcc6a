//! Hand-written stores: a map of circuits behind one lock, and a map in shards, each behind a lock
//! of its own.

use super::circuit::{Circuit, Snapshot};
use super::rules::Rules;
use super::store::{ByHand, Hasher, Std};
use hashbrown::HashTable;
use std::collections::HashMap;
use std::sync::Mutex;
use std::thread;

/// `Mutex<HashMap<String, Snapshot>>`, the store that the goals name. Every operation takes the
/// lock once.
pub struct MutexStore<S = Std, C = Snapshot> {
    circuits: Mutex<HashMap<String, C, S>>,
    rules: Rules,
}

impl<S: Hasher, C: Circuit> ByHand for MutexStore<S, C> {
    type Circuit = C;

    fn of(rules: Rules, keys: &[String]) -> Self {
        let closed = keys.iter().map(|key| (key.clone(), C::default()));
        Self {
            circuits: Mutex::new(closed.collect()),
            rules,
        }
    }

    fn rules(&self) -> Rules {
        self.rules
    }

    #[inline]
    fn known<R>(&self, key: &str, op: impl FnOnce(&mut C) -> R) -> Option<R> {
        self.circuits.lock().unwrap().get_mut(key).map(op)
    }

    /// Allocates nothing for a known key.
    #[inline]
    fn with<R>(&self, key: &str, op: impl FnOnce(&mut C) -> R) -> R {
        let mut circuits = self.circuits.lock().unwrap();
        match circuits.get_mut(key) {
            Some(circuit) => op(circuit),
            None => op(circuits.entry(key.to_owned()).or_default()),
        }
    }
}

type Table<C> = HashTable<(String, C)>;

/// A shard, in a cache line of its own and out of its neighbour's prefetcher.
#[repr(align(128))]
struct Shard<C>(parking_lot::Mutex<Table<C>>);

/// A map in shards. The key is hashed once, for its shard and for its place there.
pub struct ShardedStore<S = Std, C = Snapshot> {
    shards: Box<[Shard<C>]>,
    hasher: S,
    rules: Rules,
}

impl<S: Hasher, C: Circuit> ShardedStore<S, C> {
    fn hash_and_lock(&self, key: &str) -> (u64, parking_lot::MutexGuard<'_, Table<C>>) {
        let hash = self.hasher.hash_one(key);
        // Neither the low bits nor the highest seven, which the table uses.
        let shard = (hash >> 40) as usize & (self.shards.len() - 1);
        (hash, self.shards[shard].0.lock())
    }
}

impl<S: Hasher, C: Circuit> ByHand for ShardedStore<S, C> {
    type Circuit = C;

    fn of(rules: Rules, keys: &[String]) -> Self {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let shards = (4 * cores).next_power_of_two();
        let shard = |_| {
            let table = Table::with_capacity(keys.len() / shards);
            Shard(parking_lot::Mutex::new(table))
        };
        let store = Self {
            shards: (0..shards).map(shard).collect(),
            hasher: S::default(),
            rules,
        };
        keys.iter().for_each(|key| store.with(key, |_| ()));
        store
    }

    fn rules(&self) -> Rules {
        self.rules
    }

    #[inline]
    fn known<R>(&self, key: &str, op: impl FnOnce(&mut C) -> R) -> Option<R> {
        let (hash, mut shard) = self.hash_and_lock(key);
        let found = shard.find_mut(hash, |(known, _)| known == key);
        found.map(|(_, circuit)| op(circuit))
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
