//! Permits: the right to make one call, and the duty to say how it went.

use crate::on_panic::{OnPanic, in_drop};
use crate::word::{Outcome, PermitToken, Report, Reported};
use std::fmt;

/// The time when a permit began, where that matters: Unix ms plus 1, else 0.
#[derive(Clone, Copy, Debug)]
pub struct Started(u64);

impl Started {
    pub(super) const UNKNOWN: Self = Self(0);

    /// Returns whether the time is unknown, and so no policy measures the call.
    pub(super) fn is_unknown(self) -> bool {
        self.0 == Self::UNKNOWN.0
    }

    pub(super) fn at(unix_ms: u64) -> Self {
        Self(unix_ms.saturating_add(1))
    }

    /// Returns how old the permit is, in ms; `None` where that doesn't matter.
    pub(super) fn age(self, now: impl FnOnce() -> u64) -> Option<u64> {
        let since = self.0.checked_sub(1)?;
        Some(now().saturating_sub(since))
    }
}

/// An admitted call: its permit, and when it began.
pub(super) type Admitted = (PermitToken, Started);

/// The circuit that a [`Permit`] reports to: [`Keyed`](super::Keyed), [`Owned`](super::Owned) or
/// [`Handled`](super::Handled). Sealed.
pub trait Target {
    #[doc(hidden)]
    fn report(&self, token: PermitToken, report: Report, started: Started) -> Reported;

    /// Returns whether a permit that is dropped may have to be reported.
    #[doc(hidden)]
    fn drops_may_count(&self) -> bool;

    /// Returns the outcome of a permit that began at `started` and is dropped now.
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

/// The right to make one call, admitted by
/// [`CircuitBreaker::acquire`](super::CircuitBreaker::acquire) or a handle's `acquire`.
///
/// Report how the call went with [`success`](Self::success), [`failure`](Self::failure) or
/// [`ignore`](Self::ignore). A permit that is dropped without a report gives its probe back, and
/// counts as the policy's [`DroppedPermit`](crate::DroppedPermit) says. By default nothing counts:
/// after an early return by `?`, or `if breaker.acquire(key).is_ok() { … }`, the circuit learns
/// nothing about the call. [`call`](super::CircuitBreaker::call) reports by itself, and
/// [`Totals::dropped`](crate::Totals::dropped) counts such drops.
///
/// A report that comes after the circuit has changed state is [`Reported::Stale`] and changes
/// nothing: a slow call that was admitted before an opening doesn't decide the recovery.
#[must_use = "by default, a permit that is dropped without a report counts nothing"]
pub struct Permit<T: Target> {
    /// `None` once it is reported. (With a flag beside it, the whole permit would have to be in
    /// memory for the drop to look at.)
    target: Option<T>,
    token: PermitToken,
    started: Started,
}

impl<T: Target> Permit<T> {
    #[inline]
    pub(super) fn new(target: T, (token, started): Admitted) -> Self {
        Self {
            target: Some(target),
            token,
            started,
        }
    }

    /// Reports that the call went well.
    #[inline]
    pub fn success(self) -> Reported {
        self.report(Outcome::Success)
    }

    /// Reports that the call failed, and that the upstream is at fault.
    #[inline]
    pub fn failure(self) -> Reported {
        self.report(Outcome::Failure)
    }

    /// Reports that the call says nothing about the upstream. A probe is given back.
    #[inline]
    pub fn ignore(self) -> Reported {
        self.report(Outcome::Ignored)
    }

    /// Reports how the call ended: an [`Outcome`], or a [`Report`] that says more. The time that it
    /// took is measured where the policy needs it, unless the report gives it.
    #[inline]
    pub fn report(mut self, report: impl Into<Report>) -> Reported {
        let (target, token, started) = (self.target.take(), self.token, self.started);
        // Nothing is left in it to drop, which the compiler doesn't see.
        std::mem::forget(self);
        match target {
            Some(target) => target.report(token, report.into(), started),
            None => unreachable!("a permit that was reported is gone"),
        }
    }

    /// Returns whether this call probes a half-open circuit.
    pub fn is_probe(&self) -> bool {
        self.token.is_probe()
    }

    /// Reports that the call outlived the call timeout: a failure.
    pub(super) fn time_out(self) -> Reported {
        if let Some(target) = &self.target {
            target.count_timeout();
        }
        self.failure()
    }

    /// Turns this into the same permit of the target that `owned` makes. If that panics, this
    /// one is dropped.
    pub(super) fn owned_by<U: Target>(mut self, owned: impl FnOnce() -> U) -> Permit<U> {
        let owned = owned();
        self.target = None;
        Permit::new(owned, (self.token, self.started))
    }

    #[cfg(any(breakerbox_loom, breakerbox_steps))]
    pub(crate) fn token(&self) -> PermitToken {
        self.token
    }

    /// Handles a drop without a report.
    #[cold]
    fn abandon(&self, target: &T) {
        target.count_drop();
        // Nearly every drop ends here: the permit holds nothing, and its outcome is ignored.
        if self.token.is_plain() && !target.drops_may_count() {
            return;
        }
        in_drop(|| self.report_dropped(target));
    }

    fn report_dropped(&self, target: &T) {
        // A classifier or clock that panics must not keep the probe or the slot in flight.
        let give_back_on_panic = OnPanic::new(|| target.give_back(self.token));
        let outcome = target.dropped(self.started);
        give_back_on_panic.disarm();
        if outcome != Outcome::Ignored || !self.token.is_plain() {
            // Stale or not: nothing waits for the answer.
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
