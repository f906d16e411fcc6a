//! Concurrent maps that hold a bare `u64`, as if a circuit were no more than its state: what a
//! look-up costs, and the least that a store over such a map could.

use super::rules::Rules;
use super::store::{Circuits, Hasher};

/// A map of words, by its own name.
pub trait WordMap: Circuits {
    fn get(&self, key: &str) -> Option<u64>;
}

pub struct Papaya<S>(papaya::HashMap<String, u64, S>);
pub struct Dash<S>(dashmap::DashMap<String, u64, S>);
pub struct Scc<S: Hasher>(scc::HashMap<String, u64, S>);

const CLOSED: u64 = 0;
const OPEN: u64 = 1;

impl<S: Hasher> Circuits for Papaya<S> {
    fn new(_: Rules, keys: &[String]) -> Self {
        let map = papaya::HashMap::with_capacity_and_hasher(keys.len() + 1, S::default());
        for key in keys {
            map.pin().insert(key.clone(), CLOSED);
        }
        Self(map)
    }

    fn open(&self, key: &str) {
        self.0.pin().insert(key.to_owned(), OPEN);
    }

    fn close(&self, key: &str) {
        self.0.pin().insert(key.to_owned(), CLOSED);
    }
}

impl<S: Hasher> WordMap for Papaya<S> {
    #[inline]
    fn get(&self, key: &str) -> Option<u64> {
        self.0.pin().get(key).copied()
    }
}

impl<S: Hasher> Circuits for Dash<S> {
    fn new(_: Rules, keys: &[String]) -> Self {
        let map = dashmap::DashMap::with_capacity_and_hasher(keys.len() + 1, S::default());
        for key in keys {
            map.insert(key.clone(), CLOSED);
        }
        Self(map)
    }

    fn open(&self, key: &str) {
        self.0.insert(key.to_owned(), OPEN);
    }

    fn close(&self, key: &str) {
        self.0.insert(key.to_owned(), CLOSED);
    }
}

impl<S: Hasher> WordMap for Dash<S> {
    #[inline]
    fn get(&self, key: &str) -> Option<u64> {
        self.0.get(key).map(|word| *word)
    }
}

impl<S: Hasher> Circuits for Scc<S> {
    fn new(_: Rules, keys: &[String]) -> Self {
        let map = scc::HashMap::with_capacity_and_hasher(keys.len() + 1, S::default());
        for key in keys {
            map.upsert_sync(key.clone(), CLOSED);
        }
        Self(map)
    }

    fn open(&self, key: &str) {
        self.0.upsert_sync(key.to_owned(), OPEN);
    }

    fn close(&self, key: &str) {
        self.0.upsert_sync(key.to_owned(), CLOSED);
    }
}

impl<S: Hasher> WordMap for Scc<S> {
    #[inline]
    fn get(&self, key: &str) -> Option<u64> {
        self.0.read_sync(key, |_, word| *word)
    }
}
