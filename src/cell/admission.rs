//! Checks and reports on one cell: may this call go through, and what its outcome changes.

use super::{Cell, Changes, Gone, Mover, Shared};
use crate::clock::Clock;
use crate::error::Rejected;
use crate::snapshot::CircuitState;
use crate::word::{
    Admission, Control, Limits, Outcome, PermitToken, Probes, Reported, State, Verdict, on_acquire,
    on_report,
};

/// The answer to a check.
#[derive(Debug)]
#[must_use]
pub(crate) enum Acquired {
    /// Let the call through.
    Permit(PermitToken),
    /// Don't.
    Rejected(Rejected),
    /// The circuit reads as unknown: the store admits, in the gate's generation.
    Unknown,
}

/// The circuit has changed under us: what was decided may no longer hold, so decide again.
struct Moved;

impl Cell {
    /// Whether a call may go through. An open circuit whose time is over becomes half-open here,
    /// and so does, anew, a half-open one none of whose slots came back within the lease.
    pub(crate) fn acquire<C: Clock>(
        &self,
        shared: &Shared<C>,
        limits: &Limits,
        changes: &mut Changes,
    ) -> Acquired {
        let mut by = Mover::new(shared, changes);
        loop {
            let control = self.control();
            match on_acquire(control) {
                Admission::Admit => {
                    return Acquired::Permit(PermitToken::new(control.generation(), false));
                }
                Admission::Unknown => return Acquired::Unknown,
                Admission::Reject => {
                    return reject(CircuitState::ForcedOpen, limits.reset_timeout_ms);
                }
                Admission::AwaitReset => match self.time_left(shared, control, limits) {
                    Err(Moved) => continue,
                    Ok(0) => {}
                    Ok(left) => return reject(CircuitState::Open, left),
                },
                Admission::TakeProbe => match self.take_probe(shared, control, limits) {
                    Err(Moved) => continue,
                    Ok(Slot::Taken) => {
                        return Acquired::Permit(PermitToken::new(control.generation(), true));
                    }
                    Ok(Slot::Expired) => {}
                    Ok(Slot::NoneFree) => {
                        return reject(CircuitState::HalfOpen, limits.reset_timeout_ms);
                    }
                },
            }
            // Its time, or its probes' lease, is over. Who begins the half-open that follows is
            // its first probe; who lost decides again.
            if let Some(begun) = self.put_next(&mut by, control, |next| control.probed(next)) {
                return Acquired::Permit(PermitToken::new(begun.generation(), true));
            }
        }
    }

    /// How long the open circuit `control` still rejects, in ms.
    fn time_left<C: Clock>(
        &self,
        shared: &Shared<C>,
        control: Control,
        limits: &Limits,
    ) -> Result<u64, Moved> {
        let since = self.since(shared, control).ok_or(Moved)?;
        let for_ms = self.open_ms(control, limits).ok_or(Moved)?;
        let left = since.saturating_add(for_ms).saturating_sub(shared.now());
        // More than all of it is left only where the clock has stepped back.
        Ok(left.min(for_ms))
    }

    fn take_probe<C: Clock>(
        &self,
        shared: &Shared<C>,
        control: Control,
        limits: &Limits,
    ) -> Result<Slot, Moved> {
        loop {
            let seen = self.probes(control).ok_or(Moved)?;
            let probes = Probes::from_payload(seen.payload());
            if probes.is_expired() {
                return Ok(Slot::Expired);
            }
            let since = self.since(shared, control).ok_or(Moved)?;
            let age = shared.now().saturating_sub(since);
            if probes.has_free(limits.half_open_max) {
                if self.put_probes(control, seen, probes.take(age)) {
                    // A slot of a dead generation is worth nothing, and nobody will read it.
                    return self.if_still_in(control, Slot::Taken);
                }
            } else if !probes.lease_is_over(age, limits.probe_lease_ms) {
                // The slots were all taken in this generation only if it still stands.
                return self.if_still_in(control, Slot::NoneFree);
            } else if self.put_probes(control, seen, probes.expired()) {
                // From here on no report is recorded that the renewal would throw away.
                return Ok(Slot::Expired);
            }
        }
    }

    fn if_still_in(&self, control: Control, slot: Slot) -> Result<Slot, Moved> {
        if self.still_in(control) {
            Ok(slot)
        } else {
            Err(Moved)
        }
    }

    /// Takes the outcome of a call into account, unless the circuit has changed state since.
    pub(crate) fn report<C: Clock>(
        &self,
        shared: &Shared<C>,
        permit: PermitToken,
        outcome: Outcome,
        limits: &Limits,
        changes: &mut Changes,
    ) -> Result<Reported, Gone> {
        let mut by = Mover::new(shared, changes);
        loop {
            let control = self.control();
            if control.state() == State::Retired {
                self.resolve(shared)?;
                continue;
            }
            let generation = self.life_of(shared, control);

            let mut seen = None;
            let verdict = on_report(control, generation, permit, outcome, limits, || {
                let probes = *seen.insert(self.probes(control).ok_or(Moved)?);
                Ok(Probes::from_payload(probes.payload()))
            });
            let done = match verdict {
                Err(Moved) => false,
                Ok(Verdict::Stale) => return Ok(Reported::Stale),
                Ok(Verdict::Nothing) => true,
                Ok(Verdict::Revive) => {
                    let _ = self.revive(shared, control, generation);
                    false
                }
                Ok(Verdict::Replace(next)) => {
                    let failed = outcome == Outcome::Failure;
                    (!failed || self.raise_last_failure(control, shared.now()))
                        && (next == control || self.exchange(shared, control, next))
                }
                Ok(Verdict::Open(counted)) => {
                    self.raise_last_failure(control, shared.now())
                        && self.open(&mut by, control, counted, limits)
                }
                Ok(Verdict::Close) => self.change(&mut by, control, State::Closed).is_some(),
                // Somebody's renewal, helped on; it leaves its slot to whoever asks first.
                Ok(Verdict::Renew) => {
                    let _ = self.change(&mut by, control, State::HalfOpen);
                    false
                }
                Ok(Verdict::GiveBack(probes)) => {
                    seen.is_some_and(|seen| self.put_probes(control, seen, probes))
                }
            };
            if done {
                return Ok(Reported::Recorded);
            }
        }
    }
}

/// What became of the request for a probe slot.
enum Slot {
    Taken,
    NoneFree,
    /// None free, and those who hold them have had their time.
    Expired,
}

fn reject(state: CircuitState, left_ms: u64) -> Acquired {
    Acquired::Rejected(Rejected::new(state, left_ms))
}
