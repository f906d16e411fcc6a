//! Breakerbox: its store, its breaker, and the handles of both.

use super::rules::Rules;
use super::store::{Circuits, Hasher, Store, through};
use breakerbox::{
    CircuitBreaker, CircuitBreakerSnapshot, CircuitHandle, CircuitState, Clock,
    InMemoryCircuitBreakerStore, Outcome, Policy, StoreHandle, SystemClock,
};
use std::hash::RandomState;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The store alone, with the limits that each call brings.
pub struct Own<S, C = SystemClock> {
    pub store: InMemoryCircuitBreakerStore<String, S, C>,
    pub limits: Policy,
    trips: Trips,
}

/// Handles of a store's circuits.
pub struct Handles<C = SystemClock> {
    pub circuits: Vec<StoreHandle<String, RandomState, C>>,
    own: Own<RandomState, C>,
}

/// A clock that a subject makes for its store.
pub trait Time: Clock + Default + 'static {}

impl<C: Clock + Default + 'static> Time for C {}

/// The breaker.
pub struct Breaker<S> {
    pub breaker: CircuitBreaker<String, S>,
    trips: Trips,
}

/// Handles of a breaker's circuits.
pub struct Guarded {
    pub circuits: Vec<CircuitHandle>,
    own: Breaker<RandomState>,
}

/// A store that knows none of the keys, as where none has ever failed: a check creates nothing.
pub struct Unknown(pub Own<RandomState>);

/// A store of no more than a thousand keys, to have beside one with many.
pub struct Few(pub Own<RandomState>);

impl Few {
    pub const KEYS: usize = 1_000;
}

/// How often a circuit has opened by its rules, where the rules can be reached.
#[derive(Clone, Default)]
pub struct Trips(Arc<AtomicU64>);

impl Trips {
    /// Those since it was last asked.
    pub fn take(&self) -> u64 {
        self.0.swap(0, Ordering::SeqCst)
    }

    fn note(&self, from: CircuitState, to: CircuitState) {
        if (from, to) == (CircuitState::Closed, CircuitState::Open) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
}

/// A subject that counts its trips.
pub trait Tripping: Circuits {
    fn trips(&self) -> &Trips;
}

impl<S: Hasher, C: Time> Circuits for Own<S, C> {
    fn new(rules: Rules, keys: &[String]) -> Self {
        let trips = Trips::default();
        let mut builder = InMemoryCircuitBreakerStore::<String>::builder()
            .clock(C::default())
            .hasher(S::default())
            .capacity(keys.len() + 1);
        if rules.can_trip() {
            let trips = trips.clone();
            builder = builder.on_state_change(move |change| trips.note(change.from, change.to));
        }
        let own = Self {
            store: builder.build(),
            limits: rules.limits(),
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
}

impl<S: Hasher, C: Time> Store for Own<S, C> {
    type Seen = CircuitBreakerSnapshot;

    #[inline]
    fn check(&self, key: &str) -> bool {
        self.store.acquire(key, &self.limits).is_ok()
    }

    #[inline]
    fn call<const FAILS: bool>(&self, key: &str) -> bool {
        through(self.store.acquire(key, &self.limits), |permit| {
            self.store
                .report(key, permit, outcome::<FAILS>(), &self.limits)
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

impl<C> Handles<C> {
    pub fn limits(&self) -> &Policy {
        &self.own.limits
    }
}

impl<S: Hasher> Circuits for Breaker<S> {
    fn new(rules: Rules, keys: &[String]) -> Self {
        let trips = Trips::default();
        let mut builder = CircuitBreaker::<String>::builder()
            .policy(breakerbox::PolicySet::new(rules.limits()))
            .hasher(S::default())
            .capacity(keys.len() + 1)
            // A store that is nearly full evicts clean circuits.
            .max_circuits(2 * keys.len() + 1_000);
        if rules.can_trip() {
            let trips = trips.clone();
            builder = builder.on_state_change(move |change| trips.note(change.from, change.to));
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
}

impl<S: Hasher> Breaker<S> {
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

/// A constant in the loops, as it is where people call `success()` or `failure()`.
#[inline]
pub const fn outcome<const FAILS: bool>() -> Outcome {
    match FAILS {
        true => Outcome::Failure,
        false => Outcome::Success,
    }
}

/// Circuits that are those of another one that is held.
macro_rules! circuits_of {
    (<$($of:ident: $bound:ident)?> $subject:ty, $own:tt, |$rules:ident, $keys:ident| $new:expr) => {
        impl<$($of: $bound)?> Circuits for $subject {
            fn new($rules: Rules, $keys: &[String]) -> Self {
                $new
            }

            fn open(&self, key: &str) {
                self.$own.open(key);
            }

            fn close(&self, key: &str) {
                self.$own.close(key);
            }
        }

        impl<$($of: $bound)?> Tripping for $subject {
            fn trips(&self) -> &Trips {
                self.$own.trips()
            }
        }
    };
}

circuits_of!(<C: Time> Handles<C>, own, |rules, keys| {
    let own = Own::new(rules, keys);
    let circuit = |key: &String| own.store.circuit(&**key).unwrap();
    Self {
        circuits: keys.iter().map(circuit).collect(),
        own,
    }
});
circuits_of!(<> Guarded, own, |rules, keys| {
    let own = Breaker::new(rules, keys);
    let circuit = |key: &String| own.breaker.circuit(&**key).unwrap();
    Self {
        circuits: keys.iter().map(circuit).collect(),
        own,
    }
});
circuits_of!(<> Unknown, 0, |rules, _keys| Self(Own::new(rules, &[])));
circuits_of!(<> Few, 0, |rules, keys| Self(Own::new(
    rules,
    &keys[..Self::KEYS]
)));

impl<S: Hasher, C: Time> Tripping for Own<S, C> {
    fn trips(&self) -> &Trips {
        &self.trips
    }
}

impl<S: Hasher> Tripping for Breaker<S> {
    fn trips(&self) -> &Trips {
        &self.trips
    }
}
