//! A look at what a check would answer, without making one.

use super::Cell;
use super::moved::Moved;
use super::shared::Shared;
use crate::clock::Clock;
use crate::error::Rejected;
use crate::rules::{Admission, AfterHalfOpen, Policy, on_acquire};
use crate::snapshot::CircuitState;
use crate::word::{Control, Millis, Series};

impl Cell {
    /// Returns how a check by `policy` would be rejected now; `None` if it would be admitted.
    /// Counts nothing, takes no probe and makes no transition.
    pub(crate) fn rejection<C: Clock>(
        &self,
        shared: &Shared<C>,
        policy: &Policy,
    ) -> Option<Rejected> {
        loop {
            let control = self.control();
            let rejection = match on_acquire(control) {
                Admission::Admit => Ok(None),
                Admission::Unknown => self.confirm_absent(shared, control).map(|()| None),
                Admission::Reject => Ok(Some((CircuitState::ForcedOpen, policy.open.base))),
                Admission::AwaitReset => match self.open_time_left(shared, policy) {
                    // It isn't open any more.
                    None => Err(Moved),
                    Some(Millis::ZERO) => Ok(None),
                    Some(left) => Ok(Some((CircuitState::Open, left))),
                },
                Admission::TakeProbe => self.half_open_rejects(shared, control, policy),
            };
            if let Ok(rejection) = rejection {
                return rejection.map(|(state, left)| Rejected::new(state, left));
            }
        }
    }

    /// Returns the state in which the half-open circuit `control` would reject a call, and for how
    /// long; `None` if it would admit one.
    fn half_open_rejects<C: Clock>(
        &self,
        shared: &Shared<C>,
        control: Control,
        policy: &Policy,
    ) -> Result<Option<(CircuitState, Millis)>, Moved> {
        let half_open = &policy.half_open;
        let probes = self.probes(control)?;
        let age = shared.now().since(self.since(shared, control)?);
        let next = self.next_open_time(shared, control, policy)?;
        // The words belong to one generation only if it still stands.
        self.still_in(control)?;
        if half_open.timeout.is_some_and(|timeout| age >= timeout) {
            // The check itself would end the state.
            return Ok(match half_open.after {
                AfterHalfOpen::Open => Some((CircuitState::Open, next)),
                AfterHalfOpen::Closed => None,
            });
        }
        let taken = probes.take(half_open.max_probes, age, half_open.lease);
        let rejects = (CircuitState::HalfOpen, policy.open.base);
        Ok(taken.is_none().then_some(rejects))
    }

    /// Returns for how long the half-open circuit `control` would reject if `policy` opened it now,
    /// without the jitter: that comes with the number of the next generation.
    fn next_open_time<C>(
        &self,
        shared: &Shared<C>,
        control: Control,
        policy: &Policy,
    ) -> Result<Millis, Moved> {
        let opened = control.opened(control.generation(), Series::Next);
        let history = self.history(shared, control)?.inherited(opened);
        Ok(policy.open.time(history.openings.saturating_sub(1), 0))
    }
}
