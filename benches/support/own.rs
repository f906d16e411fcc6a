//! Breakerbox: its store, the handles of its circuits, and its breaker.

use super::rules::Rules;
use super::store::{Circuits, Std, Store, through};
use breakerbox::{
    CircuitBreaker, CircuitBreakerSnapshot, CircuitState, Clock, InMemoryCircuitBreakerStore,
    Outcome, Policy, StateChange, StoreHandle, SystemClock,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The store alone, with the policy that each call brings.
pub struct Own<C = SystemClock> {
    pub store: InMemoryCircuitBreakerStore<String, Std, C>,
    pub policy: Policy,
    trips: Option<Trips>,
}

/// Handles of a store's circuits.
pub struct Handles {
    pub circuits: Vec<StoreHandle>,
    pub own: Own,
}

/// The breaker.
pub struct Breaker<C = SystemClock> {
    breaker: CircuitBreaker<String, Std, C>,
    trips: Option<Trips>,
}

/// A count of the circuits that have opened by their rules.
#[derive(Clone, Default)]
pub struct Trips(Arc<AtomicU64>);

impl Trips {
    /// Returns a count if `rules` can be reached.
    fn of(rules: Rules) -> Option<Self> {
        rules.can_trip().then(Self::default)
    }

    /// Takes the trips since the last call.
    pub fn take(&self) -> u64 {
        self.0.swap(0, Ordering::SeqCst)
    }

    fn note<K>(&self, change: &StateChange<K>) {
        if (change.from, change.to) == (CircuitState::Closed, CircuitState::Open) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
}

impl<C: Clock + Default + 'static> Circuits for Own<C> {
    fn new(rules: Rules, keys: &[String]) -> Self {
        let trips = Trips::of(rules);
        let mut builder = InMemoryCircuitBreakerStore::builder()
            .clock(C::default())
            .capacity(keys.len() + 1);
        if let Some(trips) = trips.clone() {
            builder = builder.on_state_change(move |change| trips.note(change));
        }
        let own = Self {
            store: builder.build(),
            policy: rules.policy(),
            trips,
        };
        keys.iter().for_each(|key| own.close(key));
        assert_eq!(own.store.len(), keys.len());
        own
    }

    fn open(&self, key: &str) {
        self.store.transition(key, CircuitState::Open);
    }

    fn close(&self, key: &str) {
        self.store.transition(key, CircuitState::Closed);
    }

    fn trips(&self) -> Option<&Trips> {
        self.trips.as_ref()
    }
}

impl<C: Clock + Default + 'static> Store for Own<C> {
    type Seen = CircuitBreakerSnapshot;

    #[inline]
    fn check(&self, key: &str) -> bool {
        self.store.acquire(key, &self.policy).is_ok()
    }

    #[inline]
    fn call<const FAILS: bool>(&self, key: &str) -> bool {
        through(self.store.acquire(key, &self.policy), |permit| {
            self.store
                .report(key, permit, outcome::<FAILS>(), &self.policy)
        })
    }

    #[inline]
    fn record_failure(&self, key: &str) -> CircuitBreakerSnapshot {
        self.store.record_failure(key)
    }

    #[inline]
    fn snapshot(&self, key: &str) -> Option<CircuitBreakerSnapshot> {
        self.store.peek(key)
    }
}

impl Circuits for Handles {
    fn new(rules: Rules, keys: &[String]) -> Self {
        let own = Own::new(rules, keys);
        let circuit = |key: &String| own.store.circuit(&**key).unwrap();
        Self {
            circuits: keys.iter().map(circuit).collect(),
            own,
        }
    }

    fn open(&self, key: &str) {
        self.own.open(key);
    }

    fn close(&self, key: &str) {
        self.own.close(key);
    }

    fn trips(&self) -> Option<&Trips> {
        self.own.trips()
    }
}

impl<C: Clock + Default + 'static> Circuits for Breaker<C> {
    fn new(rules: Rules, keys: &[String]) -> Self {
        let trips = Trips::of(rules);
        let mut builder = CircuitBreaker::builder()
            .clock(C::default())
            .policy(rules.policy())
            .capacity(keys.len() + 1)
            // A store that is nearly full evicts clean circuits.
            .max_circuits(2 * keys.len() + 1_000);
        if let Some(trips) = trips.clone() {
            builder = builder.on_state_change(move |change| trips.note(change));
        }
        let own = Self {
            breaker: builder.build().unwrap(),
            trips,
        };
        keys.iter().for_each(|key| own.close(key));
        assert_eq!(own.breaker.store().len(), keys.len());
        own
    }

    fn open(&self, key: &str) {
        self.breaker.store().transition(key, CircuitState::Open);
    }

    fn close(&self, key: &str) {
        self.breaker.store().transition(key, CircuitState::Closed);
    }

    fn trips(&self) -> Option<&Trips> {
        self.trips.as_ref()
    }
}

impl<C: Clock> Breaker<C> {
    #[inline]
    pub fn call_that(&self, key: &str, fails: bool) -> bool {
        match fails {
            true => self.call::<true>(key),
            false => self.call::<false>(key),
        }
    }

    #[inline]
    pub fn check(&self, key: &str) -> bool {
        self.breaker.acquire(key).is_ok()
    }

    #[inline]
    pub fn call<const FAILS: bool>(&self, key: &str) -> bool {
        through(self.breaker.acquire(key), |permit| {
            permit.report(outcome::<FAILS>())
        })
    }
}

/// Returns a constant in the loops, as callers of `success()` or `failure()` have.
#[inline]
pub const fn outcome<const FAILS: bool>() -> Outcome {
    match FAILS {
        true => Outcome::Failure,
        false => Outcome::Success,
    }
}
