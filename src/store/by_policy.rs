//! The part of the store that a breaker uses beside checks and reports.

use super::in_memory::InMemoryCircuitBreakerStore;
use crate::cell::Shared;
use crate::clock::Clock;
use crate::key::ToKey;
use crate::rules::{Forced, Policy};
use crate::stats::Counted;
use crate::word::{Millis, PermitToken};
use std::borrow::Borrow;
use std::hash::{BuildHasher, Hash};
use std::sync::Arc;

impl<K, S, C> InMemoryCircuitBreakerStore<K, S, C> {
    /// Returns whether a clone of the store or a handle refers to the circuits too.
    pub(crate) fn is_shared(&self) -> bool {
        Arc::strong_count(&self.inner) > 1
    }

    pub(crate) fn shared(&self) -> &Shared<C> {
        &self.inner.shared
    }

    /// Counts a call under this heading.
    pub(crate) fn count(&self, counted: Counted) {
        self.inner.counters.add_one(counted);
    }

    /// Returns the number of calls that were counted under this heading.
    pub(crate) fn counted(&self, counted: Counted) -> u64 {
        self.inner.counters.total(counted)
    }
}

impl<K, S, C> InMemoryCircuitBreakerStore<K, S, C>
where
    K: Hash + Eq,
    S: BuildHasher,
    C: Clock,
{
    /// Gives back what a permit of `key` holds, without an outcome.
    pub(crate) fn give_back<Q>(&self, key: &Q, permit: PermitToken)
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.inner.give_back(self.inner.map.hashed(key), permit);
    }

    /// Visits each key with a function that makes its circuit watched or unwatched, as
    /// a policy needs.
    pub(crate) fn watch_each(&self, mut f: impl FnMut(&K, &dyn Fn(&Policy))) {
        let inner = &*self.inner;
        inner.map.for_each(|found, cell| {
            f(found.key(), &|policy| {
                cell.set_watched(&inner.shared, policy)
            });
        });
    }

    /// Makes every circuit unwatched. An operation that needs it watched may make it so again.
    pub(crate) fn unwatch_all(&self) {
        let inner = &*self.inner;
        inner.map.for_each(|_, cell| cell.unwatch(&inner.shared));
    }

    /// Returns the state that is forced on `key`, by hand or else by its policy.
    pub(crate) fn forced_by<Q>(&self, key: &Q, policy: &Policy) -> Option<Forced>
    where
        Q: ToKey<K> + ?Sized,
    {
        self.inner.forced(key, policy)
    }

    /// Returns how long the circuit of `key` still rejects; `None` if it isn't open.
    pub(crate) fn open_for<Q>(&self, key: &Q, policy: &Policy) -> Option<Millis>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let inner = &*self.inner;
        let key = inner.map.hashed(key);
        inner
            .map
            .get(key, |cell| cell.open_time_left(&inner.shared, policy))?
    }
}
