//! Concurrent maps that hold a bare `u64`, as if a circuit were only its state: the cost of a
//! look-up, and the least that a store over such a map could cost.

use super::rules::Rules;
use super::store::{Circuits, Std};

/// A map of words, by its own name.
pub trait WordMap: Circuits {
    fn get(&self, key: &str) -> Option<u64>;
}

pub struct Papaya(papaya::HashMap<String, u64, Std>);
pub struct Dash(dashmap::DashMap<String, u64, Std>);

const CLOSED: u64 = 0;
const OPEN: u64 = 1;

impl Circuits for Papaya {
    fn new(_: Rules, keys: &[String]) -> Self {
        let map = papaya::HashMap::with_capacity_and_hasher(keys.len() + 1, Std::default());
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

impl WordMap for Papaya {
    #[inline]
    fn get(&self, key: &str) -> Option<u64> {
        self.0.pin().get(key).copied()
    }
}

impl Circuits for Dash {
    fn new(_: Rules, keys: &[String]) -> Self {
        let map = dashmap::DashMap::with_capacity_and_hasher(keys.len() + 1, Std::default());
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

impl WordMap for Dash {
    #[inline]
    fn get(&self, key: &str) -> Option<u64> {
        self.0.get(key).map(|word| *word)
    }
}
