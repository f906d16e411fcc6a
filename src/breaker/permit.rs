//! Permits: the right to make one call, and the duty to say how it went.

use crate::on_panic::OnPanic;
use crate::word::{Outcome, PermitToken, Report, Reported};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// When a permit began, where that matters: one more than Unix ms.
#[derive(Clone, Copy, Debug)]
pub struct Started(u64);

impl Started {
    pub(super) const UNKNOWN: Self = Self(0);

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
    fn may_mean_something(&self) -> bool;

    /// Returns what a permit that began at `started` means if it is dropped now.
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
/// [`CircuitBreaker::acquire`](crate::CircuitBreaker::acquire) or a handle's `acquire`.
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

impl<T: Target> Permit<T> {
    #[inline]
    pub(super) fn new(target: T, (token, started): Admitted) -> Self {
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
