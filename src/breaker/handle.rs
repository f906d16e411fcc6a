//! A handle of one circuit, with the breaker's policies.

use super::acquire::{Owned, OwnedPermit};
use super::circuit_breaker::CircuitBreaker;
use super::permit::{Admitted, Permit, Started, Target};
use super::policies::Policies;
use crate::cell::Shortly;
use crate::clock::{Clock, SystemClock};
use crate::error::{Rejected, StoreFull};
use crate::key::ToKey;
use crate::on_panic::OnPanic;
use crate::rules::{Policy, Span, Trip};
use crate::snapshot::CircuitBreakerSnapshot;
use crate::stats::Counted;
use crate::store::StoreHandle;
use crate::sync::atomic::{AtomicU64, Ordering};
use crate::word::{CachedCalls, Outcome, PermitToken, Report, Reported};
use std::borrow::Borrow;
use std::fmt;
use std::hash::{BuildHasher, Hash, RandomState};

/// A handle of one circuit, with the breaker's policies: a healthy check is one load of the
/// circuit's own word.
///
/// ```
/// use breakerbox::{CircuitBreaker, CircuitState};
///
/// let breaker = CircuitBreaker::new();
/// let search = breaker.circuit("search")?; // once, where the upstream is set up
/// let permit = search.acquire()?; // for each call
/// let _ = permit.success();
/// assert_eq!(search.get_state().state, CircuitState::Closed);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Unlike the store's [`StoreHandle`] it takes no policy from the caller, so all of its calls go by
/// the breaker's:
///
/// ```compile_fail
/// # use breakerbox::{CircuitBreaker, Policy};
/// # let breaker = CircuitBreaker::new();
/// # let search = breaker.circuit("search").unwrap();
/// search.watch(&Policy::default()); // no such method
/// ```
pub struct CircuitHandle<K = String, S = RandomState, C = SystemClock> {
    pub(super) breaker: CircuitBreaker<K, S, C>,
    pub(super) circuit: StoreHandle<K, S, C>,
    cached: Cached,
}

/// A [`CircuitHandle`] of a breaker that reads a clock of type `C`.
pub type ClockedHandle<C, K = String> = CircuitHandle<K, RandomState, C>;

impl<K, S, C> CircuitBreaker<K, S, C>
where
    K: Hash + Eq + Clone,
    S: BuildHasher,
    C: Clock,
{
    /// Makes a handle of the circuit of `key`, to be kept with an upstream or a connection. Creates
    /// the circuit if it was unknown.
    ///
    /// # Errors
    /// Returns [`StoreFull`] if the store is full and can evict nothing.
    ///
    /// # Panics
    /// Panics if the circuit has 2^22 handles already.
    pub fn circuit<Q>(&self, key: &Q) -> Result<CircuitHandle<K, S, C>, StoreFull>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToKey<K> + ?Sized,
    {
        let circuit = self.store.circuit(key)?;
        self.rules
            .sync_watch::<K>(circuit.key(), |policy| circuit.watch(policy));
        Ok(CircuitHandle {
            breaker: self.clone(),
            circuit,
            cached: Cached::nothing(),
        })
    }
}

impl<K, S, C> CircuitHandle<K, S, C> {
    /// Returns the breaker whose policies apply.
    pub fn breaker(&self) -> &CircuitBreaker<K, S, C> {
        &self.breaker
    }
}

impl<K, S, C: Clock> CircuitHandle<K, S, C> {
    /// Returns the circuit's key.
    pub fn key(&self) -> &K {
        self.circuit.key()
    }

    /// Returns the circuit, like [`CircuitBreaker::get_state`].
    pub fn get_state(&self) -> CircuitBreakerSnapshot {
        self.circuit.get_state()
    }

    /// Returns the circuit if it is known, like [`CircuitBreaker::peek`].
    #[must_use]
    pub fn peek(&self) -> Option<CircuitBreakerSnapshot> {
        self.circuit.peek()
    }
}

impl<K, S, C> CircuitHandle<K, S, C>
where
    K: Hash + Eq + Clone,
    S: BuildHasher,
    C: Clock,
{
    /// Asks to make a call, like [`CircuitBreaker::acquire`]; the permit borrows the handle.
    /// Takes one relaxed load while the circuit is closed, unless its policy counts each call or a
    /// state is forced.
    ///
    /// # Errors
    /// Returns [`Rejected`] if the circuit is open, forced open, or half-open with all its probes
    /// out; or if its policy or a rule [forces](CircuitBreaker::forced) it open.
    #[inline]
    pub fn acquire(&self) -> Result<HandlePermit<'_, K, S, C>, Rejected> {
        Ok(Permit::new(Handled(self), self.check()?))
    }

    /// Asks to make a call, like [`CircuitBreaker::acquire_owned`].
    ///
    /// # Errors
    /// Returns the errors of [`acquire`](Self::acquire).
    pub fn acquire_owned(&self) -> Result<OwnedPermit<K, S, C>, Rejected> {
        Ok(self.acquire()?.owned_by(|| Owned {
            breaker: self.breaker.clone(),
            key: self.circuit.key().clone(),
        }))
    }

    /// Forgets the circuit, like [`CircuitBreaker::reset`]. The handle stays usable.
    pub fn reset(&self) {
        self.circuit.reset();
    }

    #[inline]
    fn check(&self) -> Result<Admitted, Rejected> {
        match self.circuit.pass() {
            Some(permit) => Ok((permit, Started::UNKNOWN)),
            None => self.check_by_rules(),
        }
    }

    /// Checks a circuit that isn't closed, or is watched.
    #[inline(never)]
    fn check_by_rules(&self) -> Result<Admitted, Rejected> {
        // A policy that needs every check, or measures calls, keeps such circuits from passing.
        if let Some(permit) = self.circuit.pass_watched() {
            return Ok((permit, Started::UNKNOWN));
        }
        let policy = self.breaker.rules.policies.of(self.circuit.key());
        // Before the check, since a watch that the policy lacks may have been turned off by a
        // replacement that this thread overtook.
        if policy.watches() != self.circuit.is_watched_by_policy() {
            self.breaker.sync_watch(&self.circuit);
        }
        self.breaker.check_by_rules(&policy, &self.circuit)
    }

    #[inline]
    fn report(&self, permit: PermitToken, report: Report, started: Started) -> Reported {
        // Policies with windows keep the circuit watched, and reports on a watched one
        // aren't skipped.
        if self.circuit.skips(permit, report, false) {
            return Reported::Recorded;
        }
        self.report_by_rules(permit, report, started)
    }

    /// Takes a report on a circuit that isn't closed, is unclean or is watched. Not inlined, so
    /// that the fast path is. Its slower branches aren't inlined either, so that it stays short.
    #[inline(never)]
    fn report_by_rules(&self, permit: PermitToken, report: Report, started: Started) -> Reported {
        // A success without a call time is slow under no policy. So in a window that is known and
        // quiet it changes nothing. Other reports need the policy.
        if !(report.is_success_alone() && started.is_unknown()) {
            return self
                .breaker
                .report_by_rules(&self.circuit, permit, report, started);
        }
        match self.cached.calls(&self.breaker.rules.policies) {
            Some(calls) if self.circuit.is_quiet(permit, calls) => Reported::Recorded,
            _ => self.succeed_by_rules(permit),
        }
    }

    /// Takes the report of a success by its policy.
    #[inline(never)]
    fn succeed_by_rules(&self, permit: PermitToken) -> Reported {
        // If the user's code panics, what the permit holds is given back.
        let give_back_on_panic = OnPanic::new(|| self.circuit.give_back(permit));
        let shortly = |trip: &Trip| match trip.span {
            // Quiet under a policy that isn't cached yet: noted below.
            Some(Span::Calls(calls)) if self.circuit.is_quiet(permit, calls) => Shortly::Nothing,
            _ => self.circuit.count_shortly(permit, trip),
        };
        let policies = &self.breaker.rules.policies;
        let left = policies.of_unless(self.circuit.key(), shortly);
        give_back_on_panic.disarm();
        let Some((policy, counted)) = left else {
            return Reported::Recorded;
        };
        self.cached.note(&policy);
        let circuit = &self.circuit;
        let report = Outcome::Success.into();
        let reported = match counted {
            // If a classifier had to be asked, the short way comes only now.
            None | Some(Shortly::Nothing) => circuit.report_in_circuit(permit, report, &policy),
            Some(counted) => circuit.report_by_circuit(permit, report, &policy, counted),
        };
        self.breaker.sync_watch_if_replaced(circuit, &policy);
        reported
    }
}

/// The length of the window, by the policy of the set that was in place at the last look.
struct Cached(AtomicU64);

impl Cached {
    fn nothing() -> Self {
        Self(AtomicU64::new(CachedCalls::NOTHING.bits()))
    }

    /// Returns the number of calls in the window, if it is cached by the set in place.
    #[inline]
    fn calls<K>(&self, policies: &Policies<K>) -> Option<u32> {
        // Acquire: pairs with the Release in `note`. The set of this number has been in place when
        // the number of the set in place is loaded.
        let cached = CachedCalls::from_bits(self.0.load(Ordering::Acquire));
        cached.of(policies.number())
    }

    /// Notes the length of the window by `policy`, if it has a short span of calls.
    fn note(&self, policy: &Policy) {
        if let Some(Span::Calls(calls)) = policy.short_trip().and_then(|trip| trip.span) {
            let cached = CachedCalls::new(policy.set(), calls).bits();
            // Relaxed: read only to spare a write to a word that other threads read.
            let seen = self.0.load(Ordering::Relaxed);
            if seen != cached {
                // Release: see `calls`. Relaxed on failure: another thread has noted what it read.
                // If that, or this, is of an older set, reports read their policies until one of
                // them notes it again.
                let (release, relaxed) = (Ordering::Release, Ordering::Relaxed);
                let _ = self.0.compare_exchange(seen, cached, release, relaxed);
            }
        }
    }
}

/// A [`Permit`] of [`CircuitHandle::acquire`], which borrows the handle.
pub type HandlePermit<'a, K = String, S = RandomState, C = SystemClock> =
    Permit<Handled<'a, K, S, C>>;

/// The target of a [`HandlePermit`]: a handle, borrowed.
pub struct Handled<'a, K, S, C>(&'a CircuitHandle<K, S, C>);

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
    fn drops_may_count(&self) -> bool {
        self.0.breaker.rules.policies.need_drops()
    }

    fn dropped(&self, started: Started) -> Outcome {
        self.0.breaker.dropped(self.0.circuit.key(), started)
    }

    fn give_back(&self, token: PermitToken) {
        self.0.circuit.give_back(token);
    }

    fn count_timeout(&self) {
        self.0.breaker.count(Counted::TimedOut);
    }

    fn count_drop(&self) {
        self.0.breaker.count(Counted::Dropped);
    }
}

impl<K, S, C> fmt::Debug for Handled<'_, K, S, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handled").finish_non_exhaustive()
    }
}

impl<K: Clone, S, C> Clone for CircuitHandle<K, S, C> {
    fn clone(&self) -> Self {
        Self {
            breaker: self.breaker.clone(),
            circuit: self.circuit.clone(),
            cached: Cached::nothing(),
        }
    }
}

impl<K: fmt::Debug, S, C> fmt::Debug for CircuitHandle<K, S, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CircuitHandle").field(&self.circuit).finish()
    }
}
