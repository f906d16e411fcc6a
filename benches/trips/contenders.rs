//! The contenders: circuits that the fifth failure opens, one for each trip.

use breakerbox::{CircuitState, Outcome, PermitToken};
use breakerbox_benches::own::{Handles, Own};
use breakerbox_benches::rules::Rules;
use breakerbox_benches::store::Circuits;

/// Failures that open a circuit.
pub(crate) const THRESHOLD: u32 = 5;

const RULES: Rules = Rules {
    failure_threshold: THRESHOLD,
    ..Rules::OUT_OF_REACH
};

/// Circuits, known and closed, that can be tripped one after another.
pub(crate) trait Contender: Sync {
    /// Returns a permit, unless the circuit rejects.
    fn check(&self, circuit: usize) -> Option<PermitToken>;

    /// Reports the failure of an admitted call.
    fn fail(&self, circuit: usize, permit: PermitToken);

    /// Runs after a trip has been measured.
    fn after(&self, _circuit: usize) {}
}

/// Our store, by key.
pub(crate) struct ByKey<'k> {
    keys: &'k [String],
    own: Own,
    /// Set if circuits that have tripped stay open: a check by key then looks up its own.
    stay_open: bool,
}

impl<'k> ByKey<'k> {
    pub(crate) fn new(keys: &'k [String], stay_open: bool) -> Self {
        Self {
            keys,
            own: Own::new(RULES, keys),
            stay_open,
        }
    }
}

impl Contender for ByKey<'_> {
    fn check(&self, circuit: usize) -> Option<PermitToken> {
        let Own { store, policy, .. } = &self.own;
        store.acquire(&*self.keys[circuit], policy).ok()
    }

    fn fail(&self, circuit: usize, permit: PermitToken) {
        let Own { store, policy, .. } = &self.own;
        let _ = store.report(&*self.keys[circuit], permit, Outcome::Failure, policy);
    }

    fn after(&self, circuit: usize) {
        if !self.stay_open {
            let store = &self.own.store;
            store.transition(&*self.keys[circuit], CircuitState::Closed);
        }
    }
}

/// Our handles.
pub(crate) struct ByHandle(Handles);

impl ByHandle {
    pub(crate) fn new(keys: &[String]) -> Self {
        Self(Handles::new(RULES, keys))
    }
}

impl Contender for ByHandle {
    fn check(&self, circuit: usize) -> Option<PermitToken> {
        self.0.circuits[circuit].acquire(&self.0.own.policy).ok()
    }

    fn fail(&self, circuit: usize, permit: PermitToken) {
        let _ = self.0.circuits[circuit].report(permit, Outcome::Failure, &self.0.own.policy);
    }
}
