//! Selection: a check without a permit, and the first of several circuits that admits a call.

use super::acquire::OwnedPermit;
use super::circuit_breaker::CircuitBreaker;
use super::handle::CircuitHandle;
use crate::clock::Clock;
use crate::error::{NoneAdmits, Rejected};
use crate::key::ToKey;
use crate::store::Circuit;
use std::borrow::Borrow;
use std::hash::{BuildHasher, Hash};

impl<K, S, C> CircuitBreaker<K, S, C>
where
    K: Hash + Eq + Clone,
    S: BuildHasher,
    C: Clock,
{
    /// Checks whether a call of `key` would be admitted now: `Ok` if it would. Counts nothing,
    /// takes no probe and makes no transition, so another call may come first: only a permit is a
    /// promise. A call that is made after this check alone is never counted.
    ///
    /// Under a policy that counts [hung calls](crate::PolicyBuilder::hung_calls), the check that
    /// finds too many of them opens the circuit. Until then this says that the circuit admits.
    ///
    /// # Errors
    /// Returns the error of [`acquire`](Self::acquire) if the call would be rejected. If that check
    /// would open a half-open circuit whose [time](crate::PolicyBuilder::half_open_timeout) is
    /// over, the jitter of its open time can't be foreseen, and is left out.
    pub fn admits<Q>(&self, key: &Q) -> Result<(), Rejected>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToKey<K> + ?Sized,
    {
        if self.store.inner.pass_by_summary().is_some() {
            return Ok(());
        }
        match self.pass_by_filter(key) {
            (Some(_), _) => Ok(()),
            (None, hash) => self.admits_by_rules(&self.store.inner.by_key(hash.with(key))),
        }
    }

    fn admits_by_rules<T: Circuit>(&self, circuit: &T) -> Result<(), Rejected>
    where
        K: Borrow<T::Key>,
        T::Key: Hash + Eq + ToKey<K>,
    {
        let policy = self.rules.policies.of(circuit.key());
        match circuit.rejection(&policy) {
            Some(rejected) if !policy.shadow() => Err(rejected),
            _ => Ok(()),
        }
    }
}

impl<K, S, C> CircuitHandle<K, S, C>
where
    K: Hash + Eq + Clone,
    S: BuildHasher,
    C: Clock,
{
    /// Checks whether a call would be admitted now, like [`CircuitBreaker::admits`].
    ///
    /// # Errors
    /// Returns the error of [`acquire`](Self::acquire) if the call would be rejected.
    pub fn admits(&self) -> Result<(), Rejected> {
        match self.circuit.pass() {
            Some(_) => Ok(()),
            None => self.breaker.admits_by_rules(&self.circuit),
        }
    }

    /// Asks the circuits, in the given order, to admit a call, until one does. An open circuit
    /// whose time is over admits a probe like any other, so it needs no place of its own in the
    /// order. O(circuits given).
    ///
    /// This doesn't balance: while the first circuit admits, it takes every call. To share the
    /// calls out, begin elsewhere each time: `let (last, first) = circuits.split_at(turn)`, and ask
    /// `first.iter().chain(last)`.
    ///
    /// A circuit that is passed over counts no rejection, unless its state changes just then. If
    /// none admits, the one with the least time left counts one.
    ///
    /// ```
    /// use breakerbox::{CircuitBreaker, CircuitHandle};
    ///
    /// let breaker = CircuitBreaker::new();
    /// let upstreams = [breaker.circuit("10.0.0.1")?, breaker.circuit("10.0.0.2")?];
    /// assert!(breaker.force_open("10.0.0.1").is_some());
    ///
    /// let (upstream, permit) = CircuitHandle::acquire_any(&upstreams)?;
    /// assert_eq!(upstream.key(), "10.0.0.2");
    /// let _ = permit.success();
    ///
    /// assert!(breaker.force_open("10.0.0.2").is_some());
    /// let none = CircuitHandle::acquire_any(&upstreams).unwrap_err();
    /// assert_eq!(none.retry_after_secs(), 30);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Returns [`NoneAdmits`] if no circuit admits the call, or none is given.
    pub fn acquire_any<'a>(
        circuits: impl IntoIterator<Item = &'a Self>,
    ) -> Result<(&'a Self, OwnedPermit<K, S, C>), NoneAdmits>
    where
        Self: 'a,
    {
        let mut soonest: Option<(&Self, Rejected)> = None;
        for circuit in circuits {
            // Asked first, so that a circuit that is passed over counts no rejection.
            let admitted = circuit.admits().and_then(|()| circuit.acquire_owned());
            let rejected = match admitted {
                Ok(permit) => return Ok((circuit, permit)),
                Err(rejected) => rejected,
            };
            let is_sooner =
                |(_, known): (_, Rejected)| rejected.retry_after() < known.retry_after();
            if soonest.is_none_or(is_sooner) {
                soonest = Some((circuit, rejected));
            }
        }
        let Some((circuit, _)) = soonest else {
            return Err(NoneAdmits::new(None));
        };
        // Asked again, so that one rejection is counted. By now the circuit may admit.
        match circuit.acquire_owned() {
            Ok(permit) => Ok((circuit, permit)),
            Err(rejected) => Err(NoneAdmits::new(Some(rejected))),
        }
    }
}
