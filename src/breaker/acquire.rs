//! Permits by key: borrowed from the breaker and the key, or owning both.

use super::circuit_breaker::CircuitBreaker;
use super::permit::{Permit, Started, Target};
use crate::clock::{Clock, SystemClock};
use crate::error::Rejected;
use crate::key::ToKey;
use crate::stats::Counted;
use crate::sync::OnlyHash;
use crate::word::{Outcome, PermitToken, Report, Reported};
use std::borrow::Borrow;
use std::fmt;
use std::hash::{BuildHasher, Hash, RandomState};

/// A [`Permit`] of [`CircuitBreaker::acquire`], which borrows the breaker and the key.
///
/// ```
/// use breakerbox::{CircuitBreaker, KeyPermit};
///
/// struct Request<'a> {
///     permit: KeyPermit<'a>, // by a `&str`, of a breaker for `String`s
///     path: &'a str,
/// }
///
/// let breaker = CircuitBreaker::new();
/// let request = Request { permit: breaker.acquire("search")?, path: "/search?q=breaker" };
/// assert_eq!(request.path.len(), 17);
/// let _ = request.permit.success();
/// # Ok::<(), breakerbox::Rejected>(())
/// ```
pub type KeyPermit<'a, Q = str, K = String, S = RandomState, C = SystemClock> =
    Permit<Keyed<'a, Q, K, S, C>>;

/// A [`Permit`] that owns its breaker and key: `'static`, and `Send` if they are.
pub type OwnedPermit<K = String, S = RandomState, C = SystemClock> = Permit<Owned<K, S, C>>;

impl<K, S, C> CircuitBreaker<K, S, C>
where
    K: Hash + Eq + Clone,
    S: BuildHasher,
    C: Clock,
{
    /// Asks to make a call. The permit borrows breaker and key, and holds nothing else: report how
    /// the call went, or drop it (see [`DroppedPermit`](crate::DroppedPermit)). O(1), plus a
    /// comparison with each prefix where the policy is needed.
    ///
    /// # Errors
    /// Returns [`Rejected`] if the circuit is open, forced open, or half-open with all its probes
    /// out; or if its policy or a rule [forces](Self::forced) it open.
    // By itself the compiler inlines it no more, since the look past the summary hashes the key.
    #[inline(always)]
    pub fn acquire<'a, Q>(&'a self, key: &'a Q) -> Result<KeyPermit<'a, Q, K, S, C>, Rejected>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToKey<K> + ?Sized,
    {
        let (admitted, hash) = self.check(key)?;
        let breaker = self;
        Ok(Permit::new(Keyed { breaker, key, hash }, admitted))
    }

    /// Asks to make a call, as [`acquire`](Self::acquire), for frameworks: the permit owns its
    /// breaker and key, is `'static`, and may go to another thread. Costs a clone of the breaker
    /// and of the key.
    ///
    /// # Errors
    /// Returns the errors of [`acquire`](Self::acquire).
    pub fn acquire_owned<Q>(&self, key: &Q) -> Result<OwnedPermit<K, S, C>, Rejected>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToKey<K> + ?Sized,
    {
        Ok(self.acquire(key)?.owned_by(|| Owned {
            breaker: self.clone(),
            key: key.to_key(),
        }))
    }
}

/// The target of a [`KeyPermit`]: a breaker and a key, both borrowed.
pub struct Keyed<'a, Q: ?Sized, K, S, C> {
    breaker: &'a CircuitBreaker<K, S, C>,
    key: &'a Q,
    /// The hash of the key, if the check has taken it: the report needs no other.
    hash: Option<OnlyHash>,
}

impl<Q, K, S, C> Target for Keyed<'_, Q, K, S, C>
where
    K: Hash + Eq + Clone + Borrow<Q>,
    Q: Hash + Eq + ToKey<K> + ?Sized,
    S: BuildHasher,
    C: Clock,
{
    #[inline]
    fn report(&self, token: PermitToken, report: Report, started: Started) -> Reported {
        self.breaker
            .take_report(self.key, self.hash, token, report, started)
    }

    #[inline]
    fn drops_may_count(&self) -> bool {
        self.breaker.rules.policies.need_drops()
    }

    fn dropped(&self, started: Started) -> Outcome {
        self.breaker.dropped(self.key, started)
    }

    fn give_back(&self, token: PermitToken) {
        self.breaker.store.give_back(self.key, token);
    }

    fn count_timeout(&self) {
        self.breaker.count(Counted::TimedOut);
    }

    fn count_drop(&self) {
        self.breaker.count(Counted::Dropped);
    }
}

/// The target of an [`OwnedPermit`]: a reference to the breaker, and the key.
pub struct Owned<K, S, C> {
    pub(super) breaker: CircuitBreaker<K, S, C>,
    pub(super) key: K,
}

impl<K, S, C> Owned<K, S, C> {
    #[inline]
    fn borrowed(&self) -> Keyed<'_, K, K, S, C> {
        let Self { breaker, key } = self;
        Keyed {
            breaker,
            key,
            hash: None,
        }
    }
}

impl<K, S, C> Target for Owned<K, S, C>
where
    K: Hash + Eq + Clone,
    S: BuildHasher,
    C: Clock,
{
    #[inline]
    fn report(&self, token: PermitToken, report: Report, started: Started) -> Reported {
        self.borrowed().report(token, report, started)
    }

    #[inline]
    fn drops_may_count(&self) -> bool {
        self.borrowed().drops_may_count()
    }

    fn dropped(&self, started: Started) -> Outcome {
        self.borrowed().dropped(started)
    }

    fn give_back(&self, token: PermitToken) {
        self.borrowed().give_back(token);
    }

    fn count_timeout(&self) {
        self.borrowed().count_timeout();
    }

    fn count_drop(&self) {
        self.borrowed().count_drop();
    }
}

impl<Q: ?Sized, K, S, C> fmt::Debug for Keyed<'_, Q, K, S, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keyed").finish_non_exhaustive()
    }
}

impl<K, S, C> fmt::Debug for Owned<K, S, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Owned").finish_non_exhaustive()
    }
}
