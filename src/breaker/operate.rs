//! Operations on circuits by hand, and looks at them.

use super::circuit_breaker::CircuitBreaker;
use crate::clock::Clock;
use crate::snapshot::CircuitBreakerSnapshot;
use std::borrow::Borrow;
use std::hash::{BuildHasher, Hash};

impl<K, S, C> CircuitBreaker<K, S, C>
where
    K: Hash + Eq + Clone,
    S: BuildHasher,
    C: Clock,
{
    /// The circuit of `key` if it is known; see [`InMemoryCircuitBreakerStore::peek`].
    pub fn peek<Q>(&self, key: &Q) -> Option<CircuitBreakerSnapshot>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.store.peek(key)
    }
}
