//! Checks and reports by policy: the fast path of the store, else the circuit and its policy.

use super::circuit_breaker::CircuitBreaker;
use super::permit::{Admitted, Started};
use crate::clock::Clock;
use crate::error::Rejected;
use crate::key::ToKey;
use crate::on_panic::OnPanic;
use crate::rules::{Policy, Trip};
use crate::stats::Counted;
use crate::store::{Circuit, Refused};
use crate::sync::{Hashed, OnlyHash};
use crate::word::{Millis, Outcome, PermitToken, Report, Reported};
use std::borrow::Borrow;
use std::hash::{BuildHasher, Hash};
use std::time::Duration;

impl<K, S, C> CircuitBreaker<K, S, C>
where
    K: Hash + Eq + Clone,
    S: BuildHasher,
    C: Clock,
{
    /// The value that stands for [`Policy::windows`] on the fast path of reports, which reads no
    /// policy. `false` is safe: policies with windows keep the count of unclean circuits above 0
    /// (`Summary::need_reports`), so no report is skipped under them.
    const WINDOWS: bool = false;

    /// Decides whether a call may be made. Also returns the hash of the key, if that was needed.
    #[inline(always)]
    pub(super) fn check<Q>(&self, key: &Q) -> Result<(Admitted, Option<OnlyHash>), Rejected>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToKey<K> + ?Sized,
    {
        // Policies that need every check keep the summary busy.
        match self.store.inner.pass_by_summary() {
            Some(permit) => Ok(((permit, Started::UNKNOWN), None)),
            None => {
                let (passed, hash) = self.pass_by_filter(key);
                let admitted = match passed {
                    Some(permit) => (permit, Started::UNKNOWN),
                    None => self.check_in_circuit(hash.with(key))?,
                };
                Ok((admitted, Some(hash)))
            }
        }
    }

    /// Admits a call by the store's filter. Also returns the hash of the key.
    #[inline]
    pub(super) fn pass_by_filter<Q>(&self, key: &Q) -> (Option<PermitToken>, OnlyHash)
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToKey<K> + ?Sized,
    {
        let look_anyway = false;
        let policies_need_checks = || self.rules.policies.need_every_check();
        self.store
            .inner
            .pass_by_filter(key, look_anyway, policies_need_checks)
    }

    #[cold]
    fn check_in_circuit<Q>(&self, key: Hashed<'_, Q>) -> Result<Admitted, Rejected>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToKey<K> + ?Sized,
    {
        let policy = self.rules.policies.of(key.key());
        self.check_by_rules(&policy, &self.store.inner.by_key(key))
    }

    /// Checks a circuit for which the fast path has no answer.
    #[inline(always)]
    pub(super) fn check_by_rules<T: Circuit>(
        &self,
        policy: &Policy,
        circuit: &T,
    ) -> Result<Admitted, Rejected>
    where
        K: Borrow<T::Key>,
        T::Key: Hash + Eq + ToKey<K>,
    {
        // Read before the call is admitted: the clock is the user's, and may panic.
        let started = self.started(policy);
        let admitted = circuit.acquire_by(policy);
        if self.is_replaced(policy) {
            // The classifier of the new set is the user's, and may panic.
            let give_back_on_panic = OnPanic::new(|| {
                if let Ok(permit) = &admitted {
                    circuit.give_back(*permit);
                }
            });
            self.sync_watch(circuit);
            give_back_on_panic.disarm();
        }
        Ok((self.apply_shadow(policy, admitted)?, started))
    }

    /// Takes a report: skips it if it changes nothing, whatever its key.
    #[inline]
    pub(super) fn take_report<Q>(
        &self,
        key: &Q,
        hash: Option<OnlyHash>,
        permit: PermitToken,
        report: Report,
        started: Started,
    ) -> Reported
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToKey<K> + ?Sized,
    {
        if self.store.inner.skips(permit, report, Self::WINDOWS) {
            return Reported::Recorded;
        }
        self.report_by_key(key, hash, permit, report, started)
    }

    #[inline(never)]
    fn report_by_key<Q>(
        &self,
        key: &Q,
        hash: Option<OnlyHash>,
        permit: PermitToken,
        report: Report,
        started: Started,
    ) -> Reported
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToKey<K> + ?Sized,
    {
        let inner = &self.store.inner;
        let key = match hash {
            Some(hash) => hash.with(key),
            None => {
                // If the hasher panics, the guard hashes again to find what to give back.
                let give_back_on_panic = OnPanic::new(|| self.store.give_back(key, permit));
                let key = inner.map.hashed(key);
                give_back_on_panic.disarm();
                key
            }
        };
        if inner.skips_in_stripe(key, permit, report, Self::WINDOWS) {
            return Reported::Recorded;
        }
        // A success without a call time is slow under no policy.
        match report.is_success_alone() && started.is_unknown() {
            true => self.succeed_by_rules(key, permit),
            false => self.report_by_rules(&inner.by_key(key), permit, report, started),
        }
    }

    /// Takes the report of a success by its policy: by the short way, or else by the circuit.
    fn succeed_by_rules<Q>(&self, key: Hashed<'_, Q>, permit: PermitToken) -> Reported
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToKey<K> + ?Sized,
    {
        let inner = &self.store.inner;
        // If the user's code panics, what the permit holds is given back.
        let give_back_on_panic = OnPanic::new(|| inner.give_back(key, permit));
        let shortly = |trip: &Trip| inner.succeed_shortly(key, permit, trip);
        let left = self.rules.policies.of_unless(key.key(), shortly);
        give_back_on_panic.disarm();
        let Some((policy, asked)) = left else {
            return Reported::Recorded;
        };
        let report = Outcome::Success.into();
        let reported = match asked {
            // A classifier had to be asked: the short way comes only now.
            None => inner.report_shortly(key, permit, report, &policy),
            Some(shortly) => inner.report_to_circuit(key, permit, report, &policy, shortly),
        };
        self.sync_watch_if_replaced(&inner.by_key(key), &policy);
        reported
    }

    /// Takes a report that may change something.
    #[inline(always)]
    pub(super) fn report_by_rules<T: Circuit>(
        &self,
        circuit: &T,
        permit: PermitToken,
        report: Report,
        started: Started,
    ) -> Reported
    where
        K: Borrow<T::Key>,
        T::Key: Hash + Eq + ToKey<K>,
    {
        // If the user's code panics before the report reaches the circuit, what the permit holds
        // is given back.
        let give_back_on_panic = OnPanic::new(|| circuit.give_back(permit));
        let policy = self.rules.policies.of(circuit.key());
        let report = self.timed(&policy, report, started);
        give_back_on_panic.disarm();
        let reported = circuit.report_by(permit, report, &policy);
        self.sync_watch_if_replaced(circuit, &policy);
        reported
    }

    /// Corrects the watch of a circuit that a report by `policy` may have made watched.
    #[inline]
    pub(super) fn sync_watch_if_replaced<T: Circuit>(&self, circuit: &T, policy: &Policy)
    where
        K: Borrow<T::Key>,
        T::Key: Hash + Eq + ToKey<K>,
    {
        if self.is_replaced(policy) {
            self.sync_watch(circuit);
        }
    }

    /// Makes the circuit watched if its policy needs that, and unwatched otherwise.
    pub(super) fn sync_watch<T: Circuit>(&self, circuit: &T)
    where
        K: Borrow<T::Key>,
        T::Key: Hash + Eq + ToKey<K>,
    {
        let watch = |policy: &_| circuit.watch(policy);
        self.rules.sync_watch(circuit.key(), watch);
    }

    /// Returns whether a policy that may have made its circuit watched is of a set that has been
    /// replaced since. Then the circuit's watch has to be synchronized, since the replacement may
    /// have visited it before.
    fn is_replaced(&self, policy: &Policy) -> bool {
        policy.watches() && !self.rules.policies.is_current(policy)
    }

    /// Applies the policy's shadow to the store's answer: counts a rejection, and makes it
    /// unless in shadow.
    fn apply_shadow(
        &self,
        policy: &Policy,
        admitted: Result<PermitToken, Refused>,
    ) -> Result<PermitToken, Rejected> {
        match admitted {
            Err(refused) if policy.shadow() => {
                self.store.count(Counted::Shadowed);
                Ok(refused.permit())
            }
            admitted => admitted.map_err(|refused| self.store.inner.reject(refused)),
        }
    }

    /// Returns the time when a permit given now begins, if its policy needs that.
    fn started(&self, policy: &Policy) -> Started {
        match policy.times() {
            true => Started::at(self.store.clock().now_ms()),
            false => Started::UNKNOWN,
        }
    }

    /// Adds to `report` the time that the call took, if the policy needs that.
    fn timed(&self, policy: &Policy, report: Report, started: Started) -> Report {
        match started.age(|| self.store.clock().now_ms()) {
            Some(ms) if policy.times() => report.or_took(Duration::from_millis(ms)),
            _ => report,
        }
    }

    /// Returns the outcome of a permit of `key` that began at `started` and is dropped now.
    pub(super) fn dropped<Q>(&self, key: &Q, started: Started) -> Outcome
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToKey<K> + ?Sized,
    {
        let age = || Millis::new(started.age(|| self.store.clock().now_ms()).unwrap_or(0));
        self.policy(key).dropped_permit().outcome(age)
    }
}
