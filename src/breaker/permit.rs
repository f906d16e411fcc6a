//! Permits: the right to make one call, and the duty to say how it went.

use super::{CircuitBreaker, GuardedCircuit};
use crate::clock::{Clock, SystemClock};
use crate::config::positive_ms;
use crate::error::ConfigError;
use crate::key::ToKey;
use crate::word::{Outcome, PermitToken, Reported};
use std::borrow::Borrow;
use std::fmt;
use std::hash::{BuildHasher, Hash, RandomState};
use std::time::Duration;

/// What a permit that is dropped without a report means, in any state of the circuit.
///
/// A time-out around a call that hangs drops its permit: where that is how calls end, dropped
/// permits have to be able to open the circuit.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
#[non_exhaustive]
pub enum DroppedPermit {
    /// Nothing: a probe slot is given back.
    #[default]
    Ignored,
    /// A failure.
    Failure,
    /// A failure if the permit is at least this old (whole milliseconds, rounded up), else
    /// nothing. Costs a clock read per permit.
    FailureIfOlder(Duration),
}

/// [`DroppedPermit`], validated.
#[derive(Clone, Copy, Debug, Default)]
pub(super) enum Drops {
    #[default]
    Ignored,
    Failure,
    FailureIfOlder {
        ms: u64,
    },
}

impl Drops {
    pub(super) fn new(setting: DroppedPermit) -> Result<Self, ConfigError> {
        Ok(match setting {
            DroppedPermit::Ignored => Drops::Ignored,
            DroppedPermit::Failure => Drops::Failure,
            DroppedPermit::FailureIfOlder(age) => Drops::FailureIfOlder {
                ms: positive_ms("dropped_permit", age)?,
            },
        })
    }

    pub(super) fn needs_time(self) -> bool {
        matches!(self, Drops::FailureIfOlder { .. })
    }

    /// The outcome of a permit that was dropped at age `age_ms`.
    pub(super) fn outcome(self, age_ms: impl FnOnce() -> u64) -> Outcome {
        match self {
            Drops::Ignored => Outcome::Ignored,
            Drops::Failure => Outcome::Failure,
            Drops::FailureIfOlder { ms } if age_ms() >= ms => Outcome::Failure,
            Drops::FailureIfOlder { .. } => Outcome::Ignored,
        }
    }
}

impl<K, S, C: Clock> CircuitBreaker<K, S, C>
where
    K: Hash + Eq,
    S: BuildHasher,
{
    /// When a permit that is given now begins to age, in Unix ms; read only if its age matters.
    #[inline]
    fn permit_started(&self) -> u64 {
        if self.drops.needs_time() {
            self.store.clock().now_ms()
        } else {
            0
        }
    }

    fn permit_dropped(&self, started: u64) -> Outcome {
        let age = || self.store.clock().now_ms().saturating_sub(started);
        self.drops.outcome(age)
    }
}

/// Whom a permit reports to. Sealed: nobody else implements it.
pub trait Target {
    #[doc(hidden)]
    fn settle(&self, token: PermitToken, outcome: Outcome) -> Reported;
    /// When a permit that is given now begins to age, in Unix ms; 0 if its age means nothing.
    #[doc(hidden)]
    fn started(&self) -> u64;
    /// What a permit that began at `started` means if it is dropped now.
    #[doc(hidden)]
    fn dropped(&self, started: u64) -> Outcome;
}

/// The right to make one call, admitted by [`CircuitBreaker::acquire`] or a handle's `acquire`.
///
/// Say how the call went by [`success`](Self::success), [`failure`](Self::failure) or
/// [`ignore`](Self::ignore). Dropped without a report it counts as configured by
/// [`DroppedPermit`], and gives its probe slot back.
///
/// A report that comes after the circuit has changed state is [`Reported::Stale`] and changes
/// nothing: a slow call that was admitted before an opening does not decide the recovery.
#[must_use = "a dropped permit reports by itself, as configured"]
pub struct Permit<T: Target> {
    /// `None` once it is settled. (A flag beside it would have to be in memory for the drop to
    /// look at, and the rest with it.)
    target: Option<T>,
    token: PermitToken,
    started: u64,
}

/// A [`Permit`] that owns what it needs: `'static`, and `Send` where breaker and key are.
pub type OwnedPermit<K = String, S = RandomState, C = SystemClock> = Permit<Owned<K, S, C>>;

impl<T: Target> Permit<T> {
    #[inline]
    pub(super) fn new(target: T, token: PermitToken) -> Self {
        Self {
            started: target.started(),
            target: Some(target),
            token,
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

    /// The call ended with `outcome`.
    #[inline]
    pub fn report(mut self, outcome: Outcome) -> Reported {
        match self.target.take() {
            Some(target) => target.settle(self.token, outcome),
            None => unreachable!("a permit that was settled is gone"),
        }
    }

    /// Whether this call probes a half-open circuit.
    pub fn is_probe(&self) -> bool {
        self.token.is_probe()
    }

    /// Dropped without a report.
    fn abandon(&self, target: &T) {
        let _ = match target.dropped(self.started) {
            // It holds nothing, and nobody waits for the answer.
            Outcome::Ignored if !self.token.is_probe() => return,
            outcome => target.settle(self.token, outcome),
        };
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
    K: Hash + Eq + Borrow<Q>,
    Q: Hash + Eq + ToKey<K> + ?Sized,
    S: BuildHasher,
    C: Clock,
{
    #[inline]
    fn settle(&self, token: PermitToken, outcome: Outcome) -> Reported {
        self.breaker
            .store
            .report(self.key, token, outcome, &self.breaker.limits)
    }

    #[inline]
    fn started(&self) -> u64 {
        self.breaker.permit_started()
    }

    fn dropped(&self, started: u64) -> Outcome {
        self.breaker.permit_dropped(started)
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
    fn settle(&self, token: PermitToken, outcome: Outcome) -> Reported {
        self.breaker
            .store
            .report(&self.key, token, outcome, &self.breaker.limits)
    }

    #[inline]
    fn started(&self) -> u64 {
        self.breaker.permit_started()
    }

    fn dropped(&self, started: u64) -> Outcome {
        self.breaker.permit_dropped(started)
    }
}

/// The target of a handle's permits.
pub(super) struct Handled<'a, K, S, C>(pub(super) &'a GuardedCircuit<K, S, C>);

impl<K, S, C> Target for Handled<'_, K, S, C>
where
    K: Hash + Eq + Clone,
    S: BuildHasher,
    C: Clock,
{
    #[inline]
    fn settle(&self, token: PermitToken, outcome: Outcome) -> Reported {
        self.0
            .circuit
            .report(token, outcome, &self.0.breaker.limits)
    }

    #[inline]
    fn started(&self) -> u64 {
        self.0.breaker.permit_started()
    }

    fn dropped(&self, started: u64) -> Outcome {
        self.0.breaker.permit_dropped(started)
    }
}
