//! The part of the store that a breaker uses: checks and reports by the policy that it brings.

use super::handle::StoreHandle;
use super::in_memory::InMemoryCircuitBreakerStore;
use super::keyed::Refused;
use crate::cell::Shared;
use crate::clock::Clock;
use crate::error::Rejected;
use crate::key::ToKey;
use crate::rules::{Forced, Policy};
use crate::stats::Counted;
use crate::sync::{Hashed, OnlyHash};
use crate::word::{Millis, PermitToken, Report, Reported};
use std::borrow::Borrow;
use std::hash::{BuildHasher, Hash};
use std::sync::Arc;

/// A circuit, named by its key or by a handle.
pub(crate) trait Circuit {
    type Key: ?Sized;

    fn key(&self) -> &Self::Key;

    /// Decides whether a call may go through, by `policy`.
    fn acquire_by(&self, policy: &Policy) -> Result<PermitToken, Refused>;

    /// Takes a report into account, by `policy`.
    fn report_by(&self, permit: PermitToken, report: Report, policy: &Policy) -> Reported;

    /// Returns how a check by `policy` would be rejected now; `None` if it would be admitted. Has
    /// no side effects.
    fn rejection(&self, policy: &Policy) -> Option<Rejected>;

    /// Gives back what a permit holds, without an outcome.
    fn give_back(&self, permit: PermitToken);

    /// Makes the circuit watched if `policy` needs that, and unwatched otherwise.
    fn watch(&self, policy: &Policy);
}

/// The circuit of a key, which the store may not know.
pub(crate) struct ByKey<'a, Q: ?Sized, K, S, C> {
    store: &'a InMemoryCircuitBreakerStore<K, S, C>,
    key: Hashed<'a, Q>,
}

impl<K, Q, S, C> Circuit for ByKey<'_, Q, K, S, C>
where
    K: Hash + Eq + Borrow<Q>,
    Q: Hash + Eq + ToKey<K> + ?Sized,
    S: BuildHasher,
    C: Clock,
{
    type Key = Q;

    #[inline]
    fn key(&self) -> &Q {
        self.key.key()
    }

    #[inline]
    fn acquire_by(&self, policy: &Policy) -> Result<PermitToken, Refused> {
        self.store.inner.acquire_slow::<_, true>(self.key, policy)
    }

    #[inline]
    fn report_by(&self, permit: PermitToken, report: Report, policy: &Policy) -> Reported {
        self.store.inner.report(self.key, permit, report, policy)
    }

    fn rejection(&self, policy: &Policy) -> Option<Rejected> {
        let inner = &*self.store.inner;
        inner.rejection(self.key(), policy, || {
            inner
                .map
                .get(self.key, |cell| cell.rejection(&inner.shared, policy))?
        })
    }

    fn give_back(&self, permit: PermitToken) {
        self.store.inner.give_back(self.key, permit);
    }

    fn watch(&self, policy: &Policy) {
        let inner = &*self.store.inner;
        inner
            .map
            .get(self.key, |cell| cell.set_watched(&inner.shared, policy));
    }
}

impl<K, S, C> Circuit for StoreHandle<K, S, C>
where
    K: Hash + Eq + Clone,
    S: BuildHasher,
    C: Clock,
{
    type Key = K;

    #[inline]
    fn key(&self) -> &K {
        self.key()
    }

    #[inline]
    fn acquire_by(&self, policy: &Policy) -> Result<PermitToken, Refused> {
        self.acquire_slow::<true>(policy)
    }

    #[inline]
    fn report_by(&self, permit: PermitToken, report: Report, policy: &Policy) -> Reported {
        self.report_slow(permit, report, policy)
    }

    fn rejection(&self, policy: &Policy) -> Option<Rejected> {
        self.rejection(policy)
    }

    fn give_back(&self, permit: PermitToken) {
        self.give_back(permit);
    }

    fn watch(&self, policy: &Policy) {
        self.watch(policy);
    }
}

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
    /// Admits a call by the fast path: [`Inner::pass`](super::inner::Inner::pass).
    #[inline]
    pub(crate) fn pass<Q>(
        &self,
        key: &Q,
        need_checks: impl FnOnce() -> bool,
    ) -> Result<PermitToken, OnlyHash>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToKey<K> + ?Sized,
    {
        self.inner.pass(key, false, need_checks)
    }

    /// Returns whether a report changes nothing, whatever its key:
    /// [`Inner::skips`](super::inner::Inner::skips). Policies with windows keep the count of
    /// unclean circuits above 0, so the caller needn't say whether there are any.
    #[inline]
    pub(crate) fn skips(&self, permit: PermitToken, report: Report) -> bool {
        self.inner.skips(permit, report, false)
    }

    /// Skips a report that changes nothing in the stripe of `key`, or returns its circuit:
    /// [`Inner::skip`](super::inner::Inner::skip).
    #[inline]
    pub(crate) fn skip<'a, Q>(
        &'a self,
        key: &'a Q,
        permit: PermitToken,
        report: Report,
    ) -> Result<Reported, ByKey<'a, Q, K, S, C>>
    where
        Q: Hash + ?Sized,
    {
        let skipped = self.inner.skip(key, permit, report, false);
        skipped.map_err(|key| ByKey { store: self, key })
    }

    /// Names the circuit of a key whose hash is known.
    #[inline]
    pub(crate) fn at<'a, Q: ?Sized>(&'a self, hash: OnlyHash, key: &'a Q) -> ByKey<'a, Q, K, S, C> {
        ByKey {
            store: self,
            key: hash.with(key),
        }
    }

    /// Counts a rejection that takes place.
    pub(crate) fn reject(&self, refused: Refused) -> Rejected {
        self.inner.reject(refused)
    }

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
            .get(key, |cell| cell.open_for(&inner.shared, policy))?
    }
}
