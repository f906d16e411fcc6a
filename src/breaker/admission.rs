//! Checks and reports by policy: the short way where nothing can matter, else by the rules.

use super::call::CallTimeout;
use super::permit::Started;
use super::policies::Policies;
use super::{CircuitBreaker, CircuitHandle, Rules};
use crate::cell::Cell;
use crate::clock::Clock;
use crate::error::Rejected;
use crate::key::ToKey;
use crate::on_panic::OnPanic;
use crate::rules::{Policy, PolicySet};
use crate::stats::Counted;
use crate::store::{InMemoryCircuitBreakerStore, Refused};
use crate::sync::{OnlyHash, PlainArc};
use crate::word::{Outcome, PermitToken, Report, Reported};
use std::borrow::Borrow;
use std::hash::{BuildHasher, Hash};

type Admitted = (PermitToken, Started);

impl<K, S, C> CircuitBreaker<K, S, C>
where
    K: Hash + Eq + Clone,
    S: BuildHasher,
    C: Clock,
{
    pub(super) fn from_parts(
        store: InMemoryCircuitBreakerStore<K, S, C>,
        policies: PolicySet<K>,
        call_timeout: Option<CallTimeout>,
    ) -> Self {
        let policies = Policies::new(policies, &store.inner.shared);
        let rules = Rules {
            policies,
            store: store.clone(),
            unwatch: InMemoryCircuitBreakerStore::unwatch_all,
        };
        Self {
            rules: PlainArc::new(rules),
            store,
            call_timeout,
        }
    }
}

impl<K, S, C> CircuitBreaker<K, S, C>
where
    K: Hash + Eq + Clone,
    S: BuildHasher,
    C: Clock,
{
    #[inline]
    pub(super) fn admit<Q>(&self, key: &Q) -> Result<Admitted, Rejected>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToKey<K> + ?Sized,
    {
        let summary = self.store.inner.shared.summary.load();
        if summary.is_quiet() {
            // Nothing rejects, and no transition is half done: the gate speaks for every key.
            return Ok((
                PermitToken::new(summary.generation(), false),
                Started::UNKNOWN,
            ));
        }
        let inner = &*self.store.inner;
        let hash = inner.map.hashed(key).only_hash();
        if !inner.shared.summary.needs_checks() {
            // What nearly every check ends with: another circuit holds the gate up.
            if let Some(permit) = inner.pass(summary, hash) {
                return Ok((permit, Started::UNKNOWN));
            }
        }
        self.admit_by_rules(hash, key)
    }

    /// The check of a circuit for which neither gate nor filter answers.
    #[cold]
    fn admit_by_rules<Q>(&self, hash: OnlyHash, key: &Q) -> Result<Admitted, Rejected>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToKey<K> + ?Sized,
    {
        let inner = &*self.store.inner;
        // Only rules by hand hold the gate up: once they have been asked, the filter may answer
        // again.
        if inner.shared.summary.needs_checks()
            && !self.rules.policies.need_every_check()
            && inner.by_hand.of(key).is_none()
            && let Some(permit) = inner.pass(inner.shared.summary.load(), hash)
        {
            return Ok((permit, Started::UNKNOWN));
        }
        let policy = self.rules.policies.of(key);
        // Asked before the call is admitted: the clock is the user's, and may panic.
        let started = self.started(&policy);
        let key = hash.with(key);
        let admitted = inner.acquire_slow::<_, true>(key, &policy);
        if self.is_replaced(&policy) {
            // The classifier of the new set is the user's, and may panic.
            let held = OnPanic::new(|| {
                if let Ok(permit) = &admitted {
                    inner.map.get(key, |cell| cell.give_back(*permit));
                }
            });
            inner.map.get(key, |cell| self.sync_watch(key.key(), cell));
            held.disarm();
        }
        Ok((self.apply_shadow(&policy, admitted)?, started))
    }

    /// Whether a policy that may have made its circuit watched is of a set that has been replaced
    /// since: then the circuit has to conform, for the replacement may have been at it before.
    fn is_replaced(&self, policy: &Policy) -> bool {
        policy.watches() && !self.rules.policies.is_current(policy)
    }

    /// What the policy makes of the store's answer.
    fn apply_shadow(
        &self,
        policy: &Policy,
        admitted: Result<PermitToken, Refused>,
    ) -> Result<PermitToken, Rejected> {
        match admitted {
            Err(refused) if policy.shadow() => {
                self.store.inner.counters.add_one(Counted::Shadowed);
                Ok(refused.permit())
            }
            admitted => admitted.map_err(|refused| self.store.inner.reject(refused)),
        }
    }

    #[inline]
    pub(super) fn report<Q>(
        &self,
        key: &Q,
        permit: PermitToken,
        report: Report,
        started: Started,
    ) -> Reported
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToKey<K> + ?Sized,
    {
        if report.outcome() != Outcome::Failure && self.store.inner.nothing_to_do(permit) {
            return Reported::Recorded;
        }
        self.report_slow(key, permit, report, started)
    }

    #[inline(never)]
    fn report_slow<Q>(
        &self,
        key: &Q,
        permit: PermitToken,
        report: Report,
        started: Started,
    ) -> Reported
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToKey<K> + ?Sized,
    {
        let inner = &*self.store.inner;
        let key = inner.map.hashed(key);
        if report.outcome() != Outcome::Failure && inner.nothing_to_do_for(key, permit) {
            return Reported::Recorded;
        }
        // What the permit holds comes back though the user's code panics on the way to its circuit.
        let held = OnPanic::new(|| {
            inner.map.get(key, |cell| cell.give_back(permit));
        });
        let policy = self.rules.policies.of(key.key());
        let report = self.timed(&policy, report, started);
        held.disarm();
        let reported = inner.report(key, permit, report, &policy);
        if self.is_replaced(&policy) {
            inner.map.get(key, |cell| self.sync_watch(key.key(), cell));
        }
        reported
    }

    /// Makes the circuit watched if its policy needs that, and unwatched otherwise.
    pub(super) fn sync_watch<Q>(&self, key: &Q, cell: &Cell)
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToKey<K> + ?Sized,
    {
        loop {
            let policy = self.rules.policies.of(key);
            cell.set_watched(&self.store.inner.shared, &policy);
            // Looks again if the policies were replaced meanwhile: that replacement may have
            // visited the circuit before us.
            if self.rules.policies.is_current(&policy) {
                return;
            }
        }
    }
}

impl<K, S, C> CircuitHandle<K, S, C>
where
    K: Hash + Eq + Clone,
    S: BuildHasher,
    C: Clock,
{
    #[inline]
    pub(super) fn admit(&self) -> Result<Admitted, Rejected> {
        match self.circuit.cell().closed_generation() {
            Some(generation) => Ok((PermitToken::new(generation, false), Started::UNKNOWN)),
            None => self.admit_slow(),
        }
    }

    /// Not closed, or watched.
    #[inline(never)]
    fn admit_slow(&self) -> Result<Admitted, Rejected> {
        let breaker = &self.breaker;
        let policy = breaker.rules.policies.of(self.circuit.key());
        if policy.watches() != self.circuit.cell().is_watched_by_policy() {
            self.sync_watch();
        }
        let started = breaker.started(&policy);
        let admitted = self.circuit.acquire_slow::<true>(&policy);
        if breaker.is_replaced(&policy) {
            // As in `admit_by_rules`.
            let held = OnPanic::new(|| {
                if let Ok(permit) = &admitted {
                    self.circuit.cell().give_back(*permit);
                }
            });
            self.sync_watch();
            held.disarm();
        }
        Ok((breaker.apply_shadow(&policy, admitted)?, started))
    }

    fn sync_watch(&self) {
        self.breaker
            .sync_watch::<K>(self.circuit.key(), self.circuit.cell());
    }

    #[inline]
    pub(super) fn report(&self, permit: PermitToken, report: Report, started: Started) -> Reported {
        // Closed and clean, in the very generation of the permit: a success changes nothing.
        if report.outcome() != Outcome::Failure && self.circuit.cell().is_clean_for(permit) {
            return Reported::Recorded;
        }
        self.report_slow(permit, report, started)
    }

    #[inline(never)]
    fn report_slow(&self, permit: PermitToken, report: Report, started: Started) -> Reported {
        let cell = self.circuit.cell();
        let held = OnPanic::new(|| cell.give_back(permit));
        let policy = self.breaker.rules.policies.of(self.circuit.key());
        let report = self.breaker.timed(&policy, report, started);
        held.disarm();
        let reported = self.circuit.report_slow(permit, report, &policy);
        if self.breaker.is_replaced(&policy) {
            self.sync_watch();
        }
        reported
    }
}
