//! The subjects: circuits that the fifth failure opens, one for each trip.

use breakerbox::{
    CircuitState, InMemoryCircuitBreakerStore, Outcome, PermitToken, Policy, StoreHandle,
};
use breakerbox_benches::circuit::{Circuit as _, now_ms};
use breakerbox_benches::rules::Rules;
use breakerbox_benches::store::ByHand;

/// Failures that open a circuit.
pub(crate) const THRESHOLD: u32 = 5;

const RULES: Rules = Rules {
    failure_threshold: THRESHOLD,
    ..Rules::OUT_OF_REACH
};

/// Circuits, known and closed, that can be tripped one after another.
pub(crate) trait Subject: Sync {
    type Permit;

    /// A permit, unless the circuit rejects.
    fn check(&self, circuit: usize) -> Option<Self::Permit>;

    /// Reports the failure of an admitted call.
    fn fail(&self, circuit: usize, permit: Self::Permit);

    /// What is done when a trip has been measured.
    fn after(&self, _circuit: usize) {}
}

/// Our store, by key.
pub(crate) struct ByKey<'k> {
    keys: &'k [String],
    store: InMemoryCircuitBreakerStore,
    limits: Policy,
    /// Whether circuits that have tripped stay open: then a check by key looks its own up.
    stay_open: bool,
}

impl<'k> ByKey<'k> {
    pub(crate) fn new(keys: &'k [String], stay_open: bool) -> Self {
        let store = InMemoryCircuitBreakerStore::new();
        for key in keys {
            store.transition(&**key, CircuitState::Closed);
        }
        Self {
            keys,
            store,
            limits: RULES.limits(),
            stay_open,
        }
    }
}

impl Subject for ByKey<'_> {
    type Permit = PermitToken;

    fn check(&self, circuit: usize) -> Option<PermitToken> {
        self.store.acquire(&*self.keys[circuit], &self.limits).ok()
    }

    fn fail(&self, circuit: usize, permit: PermitToken) {
        let key = &*self.keys[circuit];
        self.store
            .report(key, permit, Outcome::Failure, &self.limits);
    }

    fn after(&self, circuit: usize) {
        if !self.stay_open {
            self.store
                .transition(&*self.keys[circuit], CircuitState::Closed);
        }
    }
}

/// Our handles.
pub(crate) struct ByHandle {
    circuits: Vec<StoreHandle>,
    limits: Policy,
}

impl ByHandle {
    pub(crate) fn new(keys: &[String]) -> Self {
        let store: InMemoryCircuitBreakerStore = InMemoryCircuitBreakerStore::new();
        Self {
            circuits: keys
                .iter()
                .map(|key| store.circuit(&**key).unwrap())
                .collect(),
            limits: RULES.limits(),
        }
    }
}

impl Subject for ByHandle {
    type Permit = PermitToken;

    fn check(&self, circuit: usize) -> Option<PermitToken> {
        self.circuits[circuit].acquire(&self.limits).ok()
    }

    fn fail(&self, circuit: usize, permit: PermitToken) {
        self.circuits[circuit].report(permit, Outcome::Failure, &self.limits);
    }
}

/// The stores that people write themselves.
pub(crate) struct Written<'k, S> {
    keys: &'k [String],
    store: S,
}

impl<'k, S: ByHand> Written<'k, S> {
    pub(crate) fn new(keys: &'k [String]) -> Self {
        let store = S::of(RULES, keys);
        Self { keys, store }
    }
}

impl<S: ByHand> Subject for Written<'_, S> {
    type Permit = ();

    fn check(&self, circuit: usize) -> Option<()> {
        self.store.admits(&self.keys[circuit]).then_some(())
    }

    fn fail(&self, circuit: usize, (): ()) {
        let now = now_ms();
        let fail = |circuit: &mut S::Circuit| circuit.failure(RULES, now);
        self.store.with(&self.keys[circuit], fail);
    }
}
