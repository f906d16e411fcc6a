//! The store that users see: operations by key.

use super::inner::Inner;
use crate::clock::{Clock, SystemClock};
use crate::error::{Rejected, StoreFull};
use crate::key::ToKey;
use crate::rules::{Forced, Policy};
use crate::snapshot::{CircuitBreakerSnapshot, CircuitState};
use crate::word::{Outcome, PermitToken, Report, Reported};
use std::borrow::Borrow;
use std::fmt;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::Arc;

/// Circuits in memory, one per key, without locks on any check or report.
///
/// Generic in the key, its hasher and the clock. Cloning is cheap and shares the circuits. Look-ups
/// take any borrowed form of the key (`&str` for `String`) and never allocate.
///
/// This is the store alone: it counts and moves circuits as commands say, and decides by the
/// [`Policy`] that each call brings. [`CircuitBreaker`](crate::CircuitBreaker) is the store with
/// policies of its own, permits that report themselves, and guarded calls.
///
/// ```
/// use breakerbox::{CircuitState, InMemoryCircuitBreakerStore};
///
/// let store = InMemoryCircuitBreakerStore::new();
/// assert!(store.peek("search").is_none());
/// assert_eq!(store.record_failure("search").failure_count, 1);
/// assert_eq!(store.transition("search", CircuitState::Open).state, CircuitState::Open);
/// store.reset("search");
/// assert!(store.peek("search").is_none());
/// ```
///
/// # Concurrency
/// Operations on a key are linearizable with respect to state, both counts and `last_state_change`;
/// see [`CircuitBreakerSnapshot`] for `last_failure_time`. A record or transition returns a
/// snapshot taken after it, in which later operations may show too. If the circuit is reset before
/// it returns, the snapshot is the one that it saw last, with its own effect; operations at the
/// same time may be missing from it.
///
/// Checks, reports and handle operations are lock-free. Creating, iterating and clearing circuits
/// may wait briefly while the map's table is resized: give the expected number of circuits as
/// [`capacity`](super::InMemoryStoreBuilder::capacity).
pub struct InMemoryCircuitBreakerStore<K = String, S = RandomState, C = SystemClock> {
    pub(crate) inner: Arc<Inner<K, S, C>>,
}

/// An [`InMemoryCircuitBreakerStore`] that reads a clock of type `C`.
pub type ClockedStore<C, K = String> = InMemoryCircuitBreakerStore<K, RandomState, C>;

impl<K, S, C> InMemoryCircuitBreakerStore<K, S, C> {
    /// The most circuits that a store can hold: as many as the summary word can count. A store may
    /// be told to hold [fewer](super::InMemoryStoreBuilder::max_circuits).
    ///
    /// A key beyond that is answered as an unknown one, and nothing of it is stored; see
    /// [`untracked`](Self::untracked).
    pub const MAX_CIRCUITS: usize = 1 << 23;
}

impl<K, S, C> InMemoryCircuitBreakerStore<K, S, C>
where
    K: Hash + Eq,
    S: BuildHasher,
    C: Clock,
{
    /// Returns the circuit of `key`. Creates it if it was unknown: closed, nothing counted.
    pub fn get_state<Q>(&self, key: &Q) -> CircuitBreakerSnapshot
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToKey<K> + ?Sized,
    {
        self.inner
            .create(self.inner.map.hashed(key), |cell| {
                cell.get_state(&self.inner.shared)
            })
            .unwrap_or_else(|StoreFull| self.inner.untracked(CircuitState::Closed))
    }

    /// Counts a success, in every state but disabled. Creates the circuit.
    pub fn record_success<Q>(&self, key: &Q) -> CircuitBreakerSnapshot
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToKey<K> + ?Sized,
    {
        self.inner
            .create(self.inner.map.hashed(key), |cell| {
                cell.record_success(&self.inner.shared)
            })
            .unwrap_or_else(|StoreFull| CircuitBreakerSnapshot {
                success_count: 1,
                ..self.inner.untracked(CircuitState::Closed)
            })
    }

    /// Counts a failure and its time, in every state but disabled. Creates the circuit. Never opens
    /// it: only [`report`](Self::report) and the breaker go by rules.
    pub fn record_failure<Q>(&self, key: &Q) -> CircuitBreakerSnapshot
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToKey<K> + ?Sized,
    {
        self.inner
            .create(self.inner.map.hashed(key), |cell| {
                cell.record_failure(&self.inner.shared)
            })
            .unwrap_or_else(|StoreFull| {
                let snapshot = self.inner.untracked(CircuitState::Closed);
                CircuitBreakerSnapshot {
                    failure_count: 1,
                    last_failure_time: snapshot.last_state_change,
                    ..snapshot
                }
            })
    }

    /// Moves the circuit to state `to`, whatever its state. A move to the state that it is already
    /// in is a transition too. Creates the circuit.
    ///
    /// A move to closed or disabled zeroes both counts, one to half-open the successes; the time
    /// of the last failure is kept. A circuit that is closed this way counts as recovered: its
    /// next opening is the first of a series, whose open time doesn't back off. Permits given
    /// before are stale.
    pub fn transition<Q>(&self, key: &Q, to: CircuitState) -> CircuitBreakerSnapshot
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToKey<K> + ?Sized,
    {
        let mut changes = self.inner.listeners.changes();
        let done = self.inner.create(self.inner.map.hashed(key), |cell| {
            cell.transition(&self.inner.shared, to, &mut changes)
        });
        self.inner.listeners.announce(changes, || key.to_key());
        done.unwrap_or_else(|StoreFull| self.inner.untracked(to))
    }

    /// Forgets the circuit of `key`, if there is one: it reads as unknown, and permits given while
    /// it was known are stale. If it wasn't closed, this is announced as a change to closed.
    pub fn reset<Q>(&self, key: &Q)
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToKey<K> + ?Sized,
    {
        let mut changes = self.inner.listeners.changes();
        self.reset_in(self.inner.map.hashed(key), &mut changes);
        self.inner.listeners.announce(changes, || key.to_key());
    }

    /// Forgets every circuit, and lifts what was forced [by prefix](Self::steer_prefix) or on all
    /// keys. A circuit that is created meanwhile may or may not be forgotten. The store and live
    /// handles stay usable. O(circuits).
    pub fn clear(&self)
    where
        K: Clone,
    {
        let inner = &*self.inner;
        let _hold = inner.by_hand.command(&inner.shared.summary, "", None);
        let mut announced = Vec::new();
        inner.map.for_each(|found, cell| {
            inner.follow_rules(found.key(), cell);
            let mut changes = inner.listeners.changes();
            cell.vacate(&inner.shared, &mut changes);
            if cell.retire(&inner.shared).is_err() {
                inner.map.remove_same(found, cell);
            }
            if !changes.is_empty() {
                announced.push((changes, found.key().clone()));
            }
        });
        // Listeners may use the store, so they are called after the iteration of the map.
        for (changes, key) in announced {
            inner.listeners.announce(changes, || key);
        }
    }

    /// Forgets every circuit, like [`clear`](Self::clear): the store in memory has no other
    /// resources to release.
    pub fn destroy(&self)
    where
        K: Clone,
    {
        self.clear();
    }

    /// Returns the state that is forced on `key` by hand: [by prefix](Self::steer_prefix), or on
    /// [all](Self::steer_all) keys. The effect of [`steer`](Self::steer) on one circuit shows in
    /// its snapshot, and a state that a policy forces in
    /// [`CircuitBreaker::forced`](crate::CircuitBreaker::forced).
    #[must_use]
    pub fn forced<Q>(&self, key: &Q) -> Option<Forced>
    where
        Q: ToKey<K> + ?Sized,
    {
        self.inner.by_hand.of(key)
    }

    /// Returns the circuit of `key` if it is known, in its own state, whatever is forced on the
    /// key. Has no side effects: creates nothing, counts nothing, takes no probe.
    #[must_use]
    pub fn peek<Q>(&self, key: &Q) -> Option<CircuitBreakerSnapshot>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.inner
            .map
            .get(self.inner.map.hashed(key), |cell| {
                cell.peek(&self.inner.shared)
            })
            .flatten()
    }

    /// Decides whether a call may go through now, by `policy`. This is one atomic load,
    /// whatever the key, while no circuit of the store is open, half-open or forced open, no
    /// policy of a breaker over it needs every check, no rule by hand is in place, and `policy`
    /// neither counts hung calls nor forces a state.
    ///
    /// An open circuit whose time is over becomes half-open, and the call is its first probe. A
    /// half-open one admits while fewer than [`half_open_max`](Policy::half_open_max) probes are
    /// out, and as many again once the last of them was admitted a
    /// [`probe_lease`](Policy::probe_lease) ago. A [forced](Forced) state, by hand or by `policy`,
    /// comes before all that. A [shadow](Policy::shadow) policy rejects as any other: only a
    /// [`CircuitBreaker`](crate::CircuitBreaker) admits the call nevertheless.
    ///
    /// # Errors
    /// Returns [`Rejected`] if the circuit is open, forced open, or half-open with all its probes
    /// out; or if a forced state rejects the call.
    // By itself the compiler inlines it no more, since the look past the summary hashes the key.
    #[inline(always)]
    pub fn acquire<Q>(&self, key: &Q, policy: &Policy) -> Result<PermitToken, Rejected>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToKey<K> + ?Sized,
    {
        if !policy.checks_closely()
            && let Some(permit) = self.inner.pass_by_summary()
        {
            return Ok(permit);
        }
        match self
            .inner
            .pass_by_filter(key, policy.checks_closely(), || false)
        {
            (Some(permit), _) => Ok(permit),
            (None, hash) => self.inner.acquire_or_reject(hash, key, policy),
        }
    }

    /// Takes the outcome of an admitted call into account, by `policy`, unless the circuit has
    /// changed state since. Counting and the transition that follows are one step.
    ///
    /// Closed: a failure counts, and the one that reaches the threshold opens the circuit; a
    /// success forgets the failures under the consecutive rule. Half-open: the probe is given back;
    /// enough successes close the circuit, and a failure counts and opens it. An ignored outcome
    /// creates no circuit, and a success creates one only under a policy with a window.
    ///
    /// A call is counted in its window first, and opens the circuit afterwards: other calls may
    /// come in between. The call that brings the window to its limit opens the circuit before its
    /// report returns, unless another one has.
    ///
    /// The cap of a [`Group`](crate::Group) doesn't hold an opening back here: it belongs to a
    /// breaker's policies, and a [`Policy`] alone doesn't have it.
    #[inline]
    pub fn report<Q>(
        &self,
        key: &Q,
        permit: PermitToken,
        report: impl Into<Report>,
        policy: &Policy,
    ) -> Reported
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToKey<K> + ?Sized,
    {
        let report = report.into();
        match self.inner.skips(permit, report, policy.windows()) {
            true => Reported::Recorded,
            false => self
                .inner
                .report_unless_skipped(key, permit, report, policy),
        }
    }

    /// Gives a permit back without an outcome: reports [`Outcome::Ignored`].
    pub fn release<Q>(&self, key: &Q, permit: PermitToken, policy: &Policy) -> Reported
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToKey<K> + ?Sized,
    {
        self.report(key, permit, Outcome::Ignored, policy)
    }
}

impl<K, S, C> Clone for InMemoryCircuitBreakerStore<K, S, C> {
    /// Makes another reference to the same circuits.
    fn clone(&self) -> Self {
        Self {
            inner: Arc::clone(&self.inner),
        }
    }
}

impl<K, S, C> fmt::Debug for InMemoryCircuitBreakerStore<K, S, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InMemoryCircuitBreakerStore")
            .field("circuits", &self.inner.shared.summary.circuits())
            .field("max_circuits", &self.inner.bound.max())
            .field("listeners", &self.inner.listeners)
            .finish_non_exhaustive()
    }
}
