//! Operations on circuits by hand, and looks at them: shorter forms of those of the store.

use super::circuit_breaker::CircuitBreaker;
use crate::clock::Clock;
use crate::key::ToKey;
use crate::rules::Forced;
use crate::snapshot::CircuitBreakerSnapshot;
#[cfg(feature = "serde")]
use crate::store::{Export, ImportError, Imported};
use crate::store::{Steered, Steering};
use std::borrow::Borrow;
use std::hash::{BuildHasher, Hash};

impl<K, S, C> CircuitBreaker<K, S, C>
where
    K: Hash + Eq + Clone,
    S: BuildHasher,
    C: Clock,
{
    /// Returns the circuit of `key`. Creates it if it was unknown: closed, nothing counted.
    pub fn get_state<Q>(&self, key: &Q) -> CircuitBreakerSnapshot
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToKey<K> + ?Sized,
    {
        self.store().get_state(key)
    }

    /// Returns the circuit of `key` if it is known, in its own state, whatever is forced on the
    /// key. Has no side effects.
    #[must_use]
    pub fn peek<Q>(&self, key: &Q) -> Option<CircuitBreakerSnapshot>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.store().peek(key)
    }

    /// Returns the number of known circuits. A key without a failure is unknown, unless
    /// its policy has a window or counts hung calls, or a handle holds its circuit. O(1).
    pub fn len(&self) -> usize {
        self.store().len()
    }

    /// Returns whether no circuit is known.
    pub fn is_empty(&self) -> bool {
        self.store().is_empty()
    }

    /// Visits each known circuit. `f` may use the breaker. O(circuits).
    pub fn for_each(&self, f: impl FnMut(&K, CircuitBreakerSnapshot)) {
        self.store().for_each(f);
    }

    /// Returns all known circuits, in no order. O(circuits).
    pub fn snapshots(&self) -> Vec<(K, CircuitBreakerSnapshot)> {
        self.store().snapshots()
    }

    /// Forgets the circuit of `key`, if there is one. Permits given before are stale.
    pub fn reset<Q>(&self, key: &Q)
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToKey<K> + ?Sized,
    {
        self.store().reset(key);
    }

    /// Forgets every circuit, and lifts what was forced by hand. O(circuits).
    pub fn clear(&self) {
        self.store().clear();
    }

    /// Rejects every call of `key` until a command says otherwise. Returns `None` if there is no
    /// room for the circuit.
    ///
    /// ```
    /// use breakerbox::CircuitBreaker;
    ///
    /// let breaker = CircuitBreaker::new();
    /// assert!(breaker.force_open("search").is_some());
    /// assert!(breaker.acquire("search").is_err());
    /// assert!(breaker.enable("search").is_some_and(|steered| steered.changed));
    /// assert!(breaker.acquire("search").is_ok());
    /// ```
    #[must_use = "`None` means that nothing is forced"]
    pub fn force_open<Q>(&self, key: &Q) -> Option<Steered<K>>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToKey<K> + ?Sized,
    {
        self.store().steer(key, Steering::ForceOpen)
    }

    /// Closes the circuit of `key`, whatever its state, and forgets its counts; from here on its
    /// policy decides again. Returns `None` if there is no room for the circuit.
    #[must_use = "`None` means that nothing is forced"]
    pub fn force_close<Q>(&self, key: &Q) -> Option<Steered<K>>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToKey<K> + ?Sized,
    {
        self.store().steer(key, Steering::ForceClose)
    }

    /// Admits every call of `key` and counts none until a command says otherwise. Returns `None` if
    /// there is no room for the circuit.
    #[must_use = "`None` means that nothing is forced"]
    pub fn disable<Q>(&self, key: &Q) -> Option<Steered<K>>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToKey<K> + ?Sized,
    {
        self.store().steer(key, Steering::Disable)
    }

    /// Ends what [`force_open`](Self::force_open) or [`disable`](Self::disable) began. Returns
    /// `None` if there is no circuit.
    #[must_use = "`None` means that nothing was forced on this key alone"]
    pub fn enable<Q>(&self, key: &Q) -> Option<Steered<K>>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToKey<K> + ?Sized,
    {
        self.store().steer(key, Steering::Enable)
    }

    /// Gives a command to all keys that begin with `prefix`, known or not, like the store's
    /// [`steer_prefix`](crate::InMemoryCircuitBreakerStore::steer_prefix). Returns its effect on
    /// each circuit that exists. O(circuits).
    #[must_use = "it says which circuits were changed"]
    pub fn steer_prefix(&self, prefix: &str, steering: Steering) -> Vec<Steered<K>>
    where
        K: AsRef<str>,
    {
        self.store().steer_prefix(prefix, steering)
    }

    /// Gives a command to all keys, known or not, like the store's
    /// [`steer_all`](crate::InMemoryCircuitBreakerStore::steer_all). Returns its effect on each
    /// circuit that exists. O(circuits).
    #[must_use = "it says which circuits were changed"]
    pub fn steer_all(&self, steering: Steering) -> Vec<Steered<K>> {
        self.store().steer_all(steering)
    }

    /// Returns the states that commands for prefixes force now, like the store's
    /// [`forced_prefixes`](crate::InMemoryCircuitBreakerStore::forced_prefixes). O(prefixes).
    #[must_use]
    pub fn forced_prefixes(&self) -> Vec<(String, Option<Forced>)> {
        self.store().forced_prefixes()
    }

    /// Exports all circuits that aren't clean, to be [imported](Self::import) after a restart, like
    /// the store's [`export`](crate::InMemoryCircuitBreakerStore::export) (feature `serde`).
    /// O(circuits).
    #[cfg(feature = "serde")]
    #[must_use]
    pub fn export(&self) -> Export<K> {
        self.store().export()
    }

    /// Restores circuits as they were exported, like the store's
    /// [`import`](crate::InMemoryCircuitBreakerStore::import) (feature `serde`). O(circuits).
    ///
    /// # Errors
    /// Returns an [`ImportError`] if the export holds a value out of its range, a key twice, or
    /// more circuits than this breaker may hold. Then nothing is imported.
    #[cfg(feature = "serde")]
    pub fn import(&self, export: Export<K>) -> Result<Imported, ImportError>
    where
        K: ToKey<K>,
    {
        self.store().import(export)
    }
}
