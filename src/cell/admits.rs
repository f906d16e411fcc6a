//! A look at what a check would answer, without making one.

use super::Cell;
use super::shared::Shared;
use crate::clock::Clock;
use crate::error::Rejected;
use crate::rules::{Admission, AfterHalfOpen, Policy, on_acquire};
use crate::snapshot::CircuitState;
use crate::word::{Control, Probes};

impl Cell {
    /// Returns how a check by `policy` would be rejected now; `None`: it would be admitted. Counts
    /// nothing, takes no probe and makes no transition.
    pub(crate) fn rejection<C: Clock>(
        &self,
        shared: &Shared<C>,
        policy: &Policy,
    ) -> Option<Rejected> {
        loop {
            let control = self.control();
            let (state, left_ms) = match on_acquire(control) {
                Admission::Unknown if self.is_undecided(shared, control) => continue,
                Admission::Admit | Admission::Unknown => return None,
                Admission::Reject => (CircuitState::ForcedOpen, policy.open.base_ms),
                Admission::AwaitReset => match self.open_for(shared, policy) {
                    // It isn't open any more.
                    None => continue,
                    Some(0) => return None,
                    Some(left) => (CircuitState::Open, left),
                },
                Admission::TakeProbe => match self.half_open_rejects(shared, control, policy) {
                    None => continue,
                    Some(None) => return None,
                    Some(Some(state)) => (state, policy.open.base_ms),
                },
            };
            return Some(Rejected::new(state, left_ms));
        }
    }

    /// Returns the state in which the half-open circuit `control` would reject a call, if it would.
    /// `None`: the circuit has moved on.
    fn half_open_rejects<C: Clock>(
        &self,
        shared: &Shared<C>,
        control: Control,
        policy: &Policy,
    ) -> Option<Option<CircuitState>> {
        let half_open = &policy.half_open;
        let probes = Probes::from_payload(self.probes(control)?.payload());
        let age = shared.now().saturating_sub(self.since(shared, control)?);
        // The words belong to one generation only if it still stands.
        if !self.still_in(control) {
            return None;
        }
        if half_open.timeout_ms != 0 && age >= half_open.timeout_ms {
            // The check itself would end the state.
            return Some(match half_open.after {
                AfterHalfOpen::Open => Some(CircuitState::Open),
                AfterHalfOpen::Closed => None,
            });
        }
        let taken = probes.take(half_open.max_probes, age, half_open.lease_ms);
        Some(taken.is_none().then_some(CircuitState::HalfOpen))
    }
}
