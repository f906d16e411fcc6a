//! Permits: the right to make one call, and the duty to say how it went.

use super::{CircuitBreaker, CircuitHandle};
use crate::clock::{Clock, SystemClock};
use crate::key::ToKey;
use crate::on_panic::OnPanic;
use crate::rules::Policy;
use crate::stats::Counted;
use crate::word::{Outcome, PermitToken, Report, Reported};
use std::borrow::Borrow;
use std::fmt;
use std::hash::{BuildHasher, Hash, RandomState};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

impl<K, S, C: Clock> CircuitBreaker<K, S, C>
where
    K: Hash + Eq + Clone,
    S: BuildHasher,
{
    /// When a permit that is given now begins, if its rules need to know.
    pub(super) fn started(&self, policy: &Policy) -> Started {
        Started(if policy.times() {
            self.store.clock().now_ms().saturating_add(1)
        } else {
            0
        })
    }

    /// `report`, with how long it took where the rules need to know.
    pub(super) fn timed(&self, policy: &Policy, report: Report, started: Started) -> Report {
        match started.age(|| self.store.clock().now_ms()) {
            Some(ms) if policy.times() => report.or_took(Duration::from_millis(ms)),
            _ => report,
        }
    }

    /// Gives back what a permit of `key` holds, without an outcome.
    fn give_back<Q>(&self, key: &Q, token: PermitToken)
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let map = &self.store.inner.map;
        map.get(self.store.hashed(key), |cell| cell.give_back(token));
    }

    /// What a permit of `key` that began then means if it is dropped now.
    fn dropped<Q>(&self, key: &Q, started: Started) -> Outcome
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToKey<K> + ?Sized,
    {
        let age = || started.age(|| self.store.clock().now_ms()).unwrap_or(0);
        self.policy(key).dropped_permit().outcome(age)
    }
}

/// When a permit began, where that matters: one more than Unix ms.
#[derive(Clone, Copy, Debug)]
pub struct Started(u64);

impl Started {
    pub(super) const UNKNOWN: Self = Self(0);

    fn age(self, now: impl FnOnce() -> u64) -> Option<u64> {
        let since = self.0.checked_sub(1)?;
        Some(now().saturating_sub(since))
    }
}

/// Whom a permit reports to. Sealed: nobody else implements it.
pub trait Target {
    #[doc(hidden)]
    fn report(&self, token: PermitToken, report: Report, started: Started) -> Reported;
    /// Returns whether a permit that is dropped may have to be reported.
    #[doc(hidden)]
    fn may_mean_something(&self) -> bool;
    /// What a permit that began at `started` means if it is dropped now.
    #[doc(hidden)]
    fn dropped(&self, started: Started) -> Outcome;
    /// Gives back what the permit holds, without an outcome.
    #[doc(hidden)]
    fn give_back(&self, token: PermitToken);
    /// Counts that the call took too long.
    #[doc(hidden)]
    fn count_timeout(&self);
    /// Counts that the permit was dropped.
    #[doc(hidden)]
    fn count_drop(&self);
}

/// The right to make one call, admitted by [`CircuitBreaker::acquire`] or a handle's `acquire`.
///
/// Say how the call went by [`success`](Self::success), [`failure`](Self::failure) or
/// [`ignore`](Self::ignore). Dropped without a report it counts as configured by
/// [`DroppedPermit`](crate::DroppedPermit), and gives its probe slot back.
///
/// A report that comes after the circuit has changed state is [`Reported::Stale`] and changes
/// nothing: a slow call that was admitted before an opening does not decide the recovery.
#[must_use = "a dropped permit reports by itself, as configured"]
pub struct Permit<T: Target> {
    /// `None` once it is settled. (A flag beside it would have to be in memory for the drop to
    /// look at, and the rest with it.)
    target: Option<T>,
    token: PermitToken,
    started: Started,
}

/// A [`Permit`] that owns what it needs: `'static`, and `Send` where breaker and key are.
pub type OwnedPermit<K = String, S = RandomState, C = SystemClock> = Permit<Owned<K, S, C>>;

impl<T: Target> Permit<T> {
    #[inline]
    pub(super) fn new(target: T, (token, started): (PermitToken, Started)) -> Self {
        Self {
            target: Some(target),
            token,
            started,
        }
    }

    /// The call went well.
    #[inline]
    pub fn success(self) -> Reported {
        self.report(Outcome::Success)
    }

    /// The call failed, and the upstream is at fault.
    #[inline]
    pub fn failure(self) -> Reported {
        self.report(Outcome::Failure)
    }

    /// The call says nothing about the upstream; a probe slot is given back.
    #[inline]
    pub fn ignore(self) -> Reported {
        self.report(Outcome::Ignored)
    }

    /// The call ended like this: an [`Outcome`], or a [`Report`] that says more. How long it took is
    /// measured where the rules need it, unless the report says it.
    #[inline]
    pub fn report(mut self, report: impl Into<Report>) -> Reported {
        let (target, token, started) = (self.target.take(), self.token, self.started);
        // Nothing is left in it, which the compiler doesn't see.
        std::mem::forget(self);
        match target {
            Some(target) => target.report(token, report.into(), started),
            None => unreachable!("a permit that was settled is gone"),
        }
    }

    /// Whether this call probes a half-open circuit.
    pub fn is_probe(&self) -> bool {
        self.token.is_probe()
    }

    /// Reports that the call took longer than it may.
    pub(super) fn time_out(self) -> Reported {
        if let Some(target) = &self.target {
            target.count_timeout();
        }
        self.failure()
    }

    /// Turns this into the same permit of the target that `owned` makes. If that panics, this one
    /// is dropped.
    pub(super) fn owned_by<U: Target>(mut self, owned: impl FnOnce() -> U) -> Permit<U> {
        let owned = owned();
        self.target = None;
        Permit::new(owned, (self.token, self.started))
    }

    #[cfg(any(breakerbox_loom, breakerbox_steps))]
    pub(crate) fn token(&self) -> PermitToken {
        self.token
    }

    /// Dropped without a report.
    #[cold]
    fn abandon(&self, target: &T) {
        target.count_drop();
        // Nearly every drop ends here: it holds nothing, and means nothing.
        if self.token.is_plain() && !target.may_mean_something() {
            return;
        }
        if !std::thread::panicking() {
            return self.report_dropped(target);
        }
        // A second panic, in the user's classifier, would abort.
        let settle = AssertUnwindSafe(|| self.report_dropped(target));
        let _ = catch_unwind(settle);
    }

    fn report_dropped(&self, target: &T) {
        // A classifier that panics must not keep the slot or the seat.
        let held = OnPanic::new(|| target.give_back(self.token));
        let outcome = target.dropped(self.started);
        held.disarm();
        if outcome != Outcome::Ignored || !self.token.is_plain() {
            // The answer isn't needed.
            let _ = target.report(self.token, outcome.into(), self.started);
        }
    }
}

impl<T: Target> Drop for Permit<T> {
    #[inline]
    fn drop(&mut self) {
        if let Some(target) = self.target.take() {
            self.abandon(&target);
        }
    }
}

impl<T: Target> fmt::Debug for Permit<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit")
            .field("token", &self.token)
            .finish_non_exhaustive()
    }
}

/// The target of [`CircuitBreaker::acquire`].
pub(super) struct Keyed<'a, K, Q: ?Sized, S, C> {
    pub(super) breaker: &'a CircuitBreaker<K, S, C>,
    pub(super) key: &'a Q,
}

impl<K, Q, S, C> Target for Keyed<'_, K, Q, S, C>
where
    K: Hash + Eq + Clone + Borrow<Q>,
    Q: Hash + Eq + ToKey<K> + ?Sized,
    S: BuildHasher,
    C: Clock,
{
    #[inline]
    fn report(&self, token: PermitToken, report: Report, started: Started) -> Reported {
        self.breaker.report(self.key, token, report, started)
    }

    #[inline]
    fn may_mean_something(&self) -> bool {
        self.breaker.rules.policies.need_drops()
    }

    fn dropped(&self, started: Started) -> Outcome {
        self.breaker.dropped(self.key, started)
    }

    fn give_back(&self, token: PermitToken) {
        self.breaker.give_back(self.key, token);
    }

    fn count_timeout(&self) {
        self.breaker.count(Counted::TimedOut);
    }

    fn count_drop(&self) {
        self.breaker.count(Counted::Dropped);
    }
}

/// The target of [`OwnedPermit`]: a reference to the breaker, and the key.
pub struct Owned<K, S, C>
where
    K: Hash + Eq + Clone,
    S: BuildHasher,
    C: Clock,
{
    pub(super) breaker: CircuitBreaker<K, S, C>,
    pub(super) key: K,
}

impl<K, S, C> fmt::Debug for Owned<K, S, C>
where
    K: Hash + Eq + Clone,
    S: BuildHasher,
    C: Clock,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Owned").finish_non_exhaustive()
    }
}

impl<K, S, C> Target for Owned<K, S, C>
where
    K: Hash + Eq + Clone,
    S: BuildHasher,
    C: Clock,
{
    fn report(&self, token: PermitToken, report: Report, started: Started) -> Reported {
        self.breaker.report(&self.key, token, report, started)
    }

    #[inline]
    fn may_mean_something(&self) -> bool {
        self.breaker.rules.policies.need_drops()
    }

    fn dropped(&self, started: Started) -> Outcome {
        self.breaker.dropped(&self.key, started)
    }

    fn give_back(&self, token: PermitToken) {
        self.breaker.give_back(&self.key, token);
    }

    fn count_timeout(&self) {
        self.breaker.count(Counted::TimedOut);
    }

    fn count_drop(&self) {
        self.breaker.count(Counted::Dropped);
    }
}

/// The target of a handle's permits.
pub(super) struct Handled<'a, K, S, C>(pub(super) &'a CircuitHandle<K, S, C>);

impl<K, S, C> Target for Handled<'_, K, S, C>
where
    K: Hash + Eq + Clone,
    S: BuildHasher,
    C: Clock,
{
    #[inline]
    fn report(&self, token: PermitToken, report: Report, started: Started) -> Reported {
        self.0.report(token, report, started)
    }

    #[inline]
    fn may_mean_something(&self) -> bool {
        self.0.breaker.rules.policies.need_drops()
    }

    fn dropped(&self, started: Started) -> Outcome {
        self.0.breaker.dropped(self.0.circuit.key(), started)
    }

    fn give_back(&self, token: PermitToken) {
        self.0.circuit.cell().give_back(token);
    }

    fn count_timeout(&self) {
        self.0.breaker.count(Counted::TimedOut);
    }

    fn count_drop(&self) {
        self.0.breaker.count(Counted::Dropped);
    }
}
