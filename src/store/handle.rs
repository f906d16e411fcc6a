//! Handles: one circuit, kept at hand, so that a check needs no look-up and takes about a
//! nanosecond.

use super::in_memory::InMemoryCircuitBreakerStore;
use super::inner::Inner;
use super::keyed::{Circuit, Refused};
use super::pass::counts;
use crate::cell::{Cell, Gone, Shortly};
use crate::clock::{Clock, SystemClock};
use crate::error::{Rejected, StoreFull};
use crate::key::ToKey;
use crate::rules::{Policy, Span, Trip, is_fine};
use crate::snapshot::{CircuitBreakerSnapshot, CircuitState};
use crate::sync::Arc as CellArc;
use crate::word::{Outcome, PermitToken, Report, Reported};
use std::borrow::Borrow;
use std::fmt;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::Arc;

/// A handle of one circuit, to be kept with an upstream or a connection.
///
/// It holds its circuit in the store: the circuit isn't evicted, and a reset makes it unknown in
/// place, so the handle never has to look it up again. A healthy check is one load.
///
/// ```
/// use breakerbox::{InMemoryCircuitBreakerStore, Policy, Outcome};
///
/// let store = InMemoryCircuitBreakerStore::new();
/// let policy = Policy::default();
/// let search = store.circuit("search")?;
/// let permit = search.acquire(&policy)?;
/// let _ = search.report(permit, Outcome::Failure, &policy);
/// assert_eq!(store.get_state("search").failure_count, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct StoreHandle<K = String, S = RandomState, C = SystemClock> {
    inner: Arc<Inner<K, S, C>>,
    cell: CellArc<Cell>,
    key: K,
}

impl<K, S, C> InMemoryCircuitBreakerStore<K, S, C>
where
    K: Hash + Eq,
    S: BuildHasher,
    C: Clock,
{
    /// Makes a handle of the circuit of `key`. Creates the circuit if it was unknown.
    ///
    /// # Errors
    /// Returns [`StoreFull`] if the store is full and can evict nothing.
    ///
    /// # Panics
    /// Panics if the circuit has 2^22 handles already.
    pub fn circuit<Q>(&self, key: &Q) -> Result<StoreHandle<K, S, C>, StoreFull>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToKey<K> + ?Sized,
    {
        // Made first: if it panics, nothing is pinned.
        let owned = key.to_key();
        let cell = self.inner.create(self.inner.map.hashed(key), |cell| {
            cell.pin(&self.inner.shared)?;
            Ok(CellArc::clone(cell))
        })?;
        let circuit = StoreHandle {
            inner: Arc::clone(&self.inner),
            cell,
            key: owned,
        };
        let (cell, shared) = (&circuit.cell, &self.inner.shared);
        cell.follow_rules(shared, || self.inner.by_hand.find(key).is_some());
        // Brings it to life.
        circuit.get_state();
        // A thread that brought the circuit to life may not have seen the rule.
        cell.agree(shared);
        Ok(circuit)
    }
}

impl<K, S, C: Clock> StoreHandle<K, S, C> {
    /// Returns the circuit, like [`InMemoryCircuitBreakerStore::get_state`].
    pub fn get_state(&self) -> CircuitBreakerSnapshot {
        self.pinned(|cell| cell.get_state(&self.inner.shared))
    }

    /// Counts a success, like [`InMemoryCircuitBreakerStore::record_success`].
    pub fn record_success(&self) -> CircuitBreakerSnapshot {
        self.pinned(|cell| cell.record_success(&self.inner.shared))
    }

    /// Counts a failure, like [`InMemoryCircuitBreakerStore::record_failure`].
    pub fn record_failure(&self) -> CircuitBreakerSnapshot {
        self.pinned(|cell| cell.record_failure(&self.inner.shared))
    }

    /// Returns the circuit if it is known, like [`InMemoryCircuitBreakerStore::peek`].
    pub fn peek(&self) -> Option<CircuitBreakerSnapshot> {
        self.cell.peek(&self.inner.shared)
    }

    /// Admits a call by the fast path: if the circuit is closed and not watched. Returns `None` if
    /// the slow path has to decide.
    #[inline]
    pub(crate) fn pass(&self) -> Option<PermitToken> {
        let generation = self.cell.closed_generation()?;
        Some(PermitToken::plain(generation))
    }

    /// Admits a call to a circuit that is watched for its reports alone, by any policy that doesn't
    /// need every check. Returns `None` if the slow path has to decide.
    #[inline]
    pub(crate) fn pass_watched(&self) -> Option<PermitToken> {
        match self.inner.shared.summary.needs_checks() {
            true => None,
            false => self.cell.admitting_generation().map(PermitToken::plain),
        }
    }

    /// Returns whether a report changes nothing: the fast path of a report. `windows` says whether
    /// the caller's policy may count successes.
    #[inline]
    pub(crate) fn skips(&self, permit: PermitToken, report: Report, windows: bool) -> bool {
        // Closed and clean, in the very generation of the permit.
        !counts(report, windows) && self.cell.is_clean_for(permit)
    }

    /// Returns whether a success that isn't slow changes nothing, since its window of the last
    /// `calls` is quiet.
    #[inline]
    pub(crate) fn is_quiet(&self, permit: PermitToken, calls: u32) -> bool {
        // A success under a forced state changes nothing either.
        self.cell.is_quiet(permit, calls)
    }

    /// Counts a success that isn't slow in its window by `trip`, which is its policy's
    /// [short one](Policy::short_trip), unless there is more to do.
    #[inline(always)]
    pub(crate) fn count_shortly(&self, permit: PermitToken, trip: &Trip) -> Shortly {
        let shared = &self.inner.shared;
        match shared.summary.needs_checks() {
            // A rule by hand may force a state.
            true => Shortly::Nothing,
            false => match self.cell.count_shortly(shared, permit, trip) {
                Shortly::CountedAlone { .. } => Shortly::Recorded,
                counted => counted,
            },
        }
    }

    /// Gives back what a permit holds, without an outcome.
    pub(crate) fn give_back(&self, permit: PermitToken) {
        self.cell.give_back(permit);
    }

    /// Returns whether a policy keeps the circuit watched.
    pub(crate) fn is_watched_by_policy(&self) -> bool {
        self.cell.is_watched_by_policy()
    }

    /// Returns the circuit's key.
    pub fn key(&self) -> &K {
        &self.key
    }

    /// Applies `op` to the cell. A pinned cell never leaves the map, so one try always suffices.
    fn pinned<R>(&self, op: impl FnOnce(&Cell) -> Result<R, Gone>) -> R {
        match op(&self.cell) {
            Ok(result) => result,
            Err(Gone) => unreachable!("a pinned circuit has left the map"),
        }
    }
}

impl<K, S, C> StoreHandle<K, S, C>
where
    K: Hash + Eq + Clone,
    S: BuildHasher,
    C: Clock,
{
    /// Moves the circuit to state `to`, like [`InMemoryCircuitBreakerStore::transition`].
    pub fn transition(&self, to: CircuitState) -> CircuitBreakerSnapshot {
        let mut changes = self.inner.listeners.changes();
        let snapshot = self.pinned(|cell| cell.transition(&self.inner.shared, to, &mut changes));
        self.inner.listeners.announce(changes, || self.key.clone());
        snapshot
    }

    /// Forgets the circuit, like [`InMemoryCircuitBreakerStore::reset`]. The handle stays usable.
    /// The circuit's entry stays in the map, and counts towards the bound of the store. After the
    /// last handle is gone it stays until the key is used, reset or evicted.
    pub fn reset(&self) {
        let mut changes = self.inner.listeners.changes();
        self.cell.vacate(&self.inner.shared, &mut changes);
        self.inner.listeners.announce(changes, || self.key.clone());
    }

    /// Decides whether a call may go through now, like [`InMemoryCircuitBreakerStore::acquire`].
    /// While the circuit is closed and not watched, this is one relaxed load of its own word,
    /// whatever other circuits do, and `policy` isn't looked at. So if `policy` counts calls in
    /// flight or forces a state, call [`watch`](Self::watch) before the first call.
    ///
    /// # Errors
    /// Returns the errors of [`InMemoryCircuitBreakerStore::acquire`].
    #[inline]
    pub fn acquire(&self, policy: &Policy) -> Result<PermitToken, Rejected> {
        match self.pass() {
            Some(permit) => Ok(permit),
            None => self.acquire_or_reject(policy),
        }
    }

    #[cold]
    fn acquire_or_reject(&self, policy: &Policy) -> Result<PermitToken, Rejected> {
        match self.pass_watched() {
            Some(permit) if !policy.checks_closely() => Ok(permit),
            _ => self.acquire_by_circuit(policy),
        }
    }

    /// Not inlined, so that the check of a watched circuit is short.
    #[inline(never)]
    fn acquire_by_circuit(&self, policy: &Policy) -> Result<PermitToken, Rejected> {
        self.acquire_in_circuit::<false>(policy)
            .map_err(|refused| self.inner.reject(refused))
    }

    /// Checks a circuit that isn't closed, or is watched for its checks.
    /// `BREAKER` is that of [`Inner::acquire_in_circuit`].
    #[cold]
    fn acquire_in_circuit<const BREAKER: bool>(
        &self,
        policy: &Policy,
    ) -> Result<PermitToken, Refused> {
        if self.inner.looks_closely(policy) {
            return self.acquire_closely::<BREAKER>(policy);
        }
        let mut changes = self.inner.listeners.changes();
        let admitted = self.inner.answer_from(|| {
            let acquired = self.cell.acquire(&self.inner.shared, policy, &mut changes);
            acquired.count_rejection(&self.cell, BREAKER && policy.shadow)
        });
        self.inner.listeners.announce(changes, || self.key.clone());
        admitted
    }

    /// Checks where a state may be forced, or where the call may need an in-flight slot.
    #[inline(never)]
    fn acquire_closely<const BREAKER: bool>(
        &self,
        policy: &Policy,
    ) -> Result<PermitToken, Refused> {
        let (inner, shared) = (&*self.inner, &self.inner.shared);
        if let Some(forced) = inner.forced(&self.key, policy) {
            return inner.by_force(forced, policy);
        }
        let mut changes = inner.listeners.changes();
        let admitted = inner.answer_from(|| {
            let acquired = if policy.counts_in_flight() {
                self.pinned(|cell| cell.begin_and_acquire(shared, policy, &mut changes))
            } else {
                self.cell.acquire(shared, policy, &mut changes)
            };
            acquired.count_rejection(&self.cell, BREAKER && policy.shadow)
        });
        inner.listeners.announce(changes, || self.key.clone());
        admitted
    }

    /// Returns how a check by `policy` would be rejected now; `None` if it would be admitted.
    pub(super) fn rejection(&self, policy: &Policy) -> Option<Rejected> {
        self.inner.rejection(&self.key, policy, || {
            self.cell.rejection(&self.inner.shared, policy)
        })
    }

    /// Makes every call look at the circuit and its policy from here on, or lets healthy calls skip
    /// the policy again, as `policy` needs. Required where the policy counts calls [in
    /// flight](crate::PolicyBuilder::hung_calls) or [forces](crate::PolicyBuilder::forced) a state.
    /// A report under a policy that counts calls does this too, and a
    /// [`CircuitBreaker`](crate::CircuitBreaker) does it by itself: don't call this on a circuit of
    /// a breaker's store, since calls on the breaker's handles would then skip its policy.
    ///
    /// ```
    /// use breakerbox::{InMemoryCircuitBreakerStore, Policy, ManualClock};
    /// use std::time::Duration;
    ///
    /// let clock = ManualClock::new(0);
    /// let store = InMemoryCircuitBreakerStore::builder().clock(clock.clone()).build();
    /// let second = Duration::from_secs(1);
    /// let policy = Policy::builder().hung_calls(1).hung_call_duration(second).build()?;
    /// let search = store.circuit("search")?;
    /// search.watch(&policy);
    /// let _hangs = search.acquire(&policy)?;
    /// clock.advance(second);
    /// assert!(search.acquire(&policy).is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn watch(&self, policy: &Policy) {
        self.cell.set_watched(&self.inner.shared, policy);
    }

    /// Takes the outcome of an admitted call into account, like
    /// [`InMemoryCircuitBreakerStore::report`].
    #[inline]
    pub fn report(
        &self,
        permit: PermitToken,
        report: impl Into<Report>,
        policy: &Policy,
    ) -> Reported {
        let report = report.into();
        if self.skips(permit, report, policy.windows()) {
            return Reported::Recorded;
        }
        self.report_in_circuit(permit, report, policy)
    }

    /// Takes a report that [`skips`](Self::skips) doesn't skip. Not inlined, so that the fast path
    /// is; nor is the rest, so that this is short.
    #[inline(never)]
    pub(crate) fn report_in_circuit(
        &self,
        permit: PermitToken,
        report: Report,
        policy: &Policy,
    ) -> Reported {
        match policy.trip.span {
            Some(Span::Calls(calls)) if is_fine(report, policy) && self.is_quiet(permit, calls) => {
                Reported::Recorded
            }
            _ => self.report_unless_quiet(permit, report, policy),
        }
    }

    #[inline(never)]
    fn report_unless_quiet(
        &self,
        permit: PermitToken,
        report: Report,
        policy: &Policy,
    ) -> Reported {
        let counted = match policy.short_trip() {
            Some(trip) if is_fine(report, policy) => self.count_shortly(permit, trip),
            _ => Shortly::Nothing,
        };
        match counted {
            Shortly::Recorded => Reported::Recorded,
            _ => self.report_by_circuit(permit, report, policy, counted),
        }
    }

    /// Takes the rest of a report that the short way hasn't recorded.
    #[inline(never)]
    pub(crate) fn report_by_circuit(
        &self,
        permit: PermitToken,
        report: Report,
        policy: &Policy,
        counted: Shortly,
    ) -> Reported {
        let shared = &self.inner.shared;
        self.inner.count_failure(report);
        let give_back = || self.give_back(permit);
        let report = self
            .inner
            .unless_forced(&self.key, report, policy, give_back);
        let mut changes = self.inner.listeners.changes();
        let reported = self.pinned(|cell| match counted {
            Shortly::Counted(call) => {
                cell.report_counted(shared, permit, report, call, policy, &mut changes)
            }
            _ => cell.report(shared, permit, report, policy, &mut changes),
        });
        self.inner.listeners.announce(changes, || self.key.clone());
        self.inner.count_stale(reported);
        reported
    }

    /// Gives a permit back without an outcome, like [`InMemoryCircuitBreakerStore::release`].
    pub fn release(&self, permit: PermitToken, policy: &Policy) -> Reported {
        self.report(permit, Outcome::Ignored, policy)
    }

    /// Returns the store that the circuit is in.
    pub fn store(&self) -> InMemoryCircuitBreakerStore<K, S, C> {
        InMemoryCircuitBreakerStore {
            inner: Arc::clone(&self.inner),
        }
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
        self.acquire_in_circuit::<true>(policy)
    }

    #[inline]
    fn report_by(&self, permit: PermitToken, report: Report, policy: &Policy) -> Reported {
        self.report_in_circuit(permit, report, policy)
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

impl<K: Clone, S, C> Clone for StoreHandle<K, S, C> {
    /// Makes another handle of the same circuit.
    ///
    /// # Panics
    /// Panics if the circuit has 2^22 handles already.
    fn clone(&self) -> Self {
        let key = self.key.clone();
        match self.cell.pin(&self.inner.shared) {
            Ok(()) => {}
            Err(Gone) => unreachable!("a pinned circuit has left the map"),
        }
        Self {
            inner: Arc::clone(&self.inner),
            cell: CellArc::clone(&self.cell),
            key,
        }
    }
}

impl<K, S, C> Drop for StoreHandle<K, S, C> {
    fn drop(&mut self) {
        self.cell.unpin();
    }
}

impl<K: fmt::Debug, S, C> fmt::Debug for StoreHandle<K, S, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreHandle")
            .field("key", &self.key)
            .field("cell", &*self.cell)
            .finish()
    }
}
