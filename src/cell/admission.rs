//! Checks and reports on one cell: may this call go through, and what its outcome changes.

use super::side::Noted;
use super::{Cell, Changes, Gone, Mover, Opened, Opening, Shared};
use crate::clock::Clock;
use crate::error::Rejected;
use crate::snapshot::CircuitState;
use crate::word::{
    Admission, AfterHalfOpen, Call, Cause, Control, Generation, Limits, Outcome, PermitToken,
    Probes, Report, Reported, State, Tally, Verdict, is_slow, is_stale, on_acquire, on_report,
    outcome_of,
};

/// The answer to a check.
#[derive(Debug)]
#[must_use]
pub(crate) enum Acquired {
    /// Let the call through.
    Permit(PermitToken),
    /// Don't, says the circuit in this generation.
    Rejected(Rejected, Generation),
    /// The circuit reads as unknown: the store admits, in the gate's generation.
    Unknown,
}

/// The circuit has changed under us: what was decided may no longer hold, so decide again.
struct Moved;

impl Cell {
    /// Whether a call may go through. An open circuit whose time is over becomes half-open here;
    /// a half-open one does anew if none of its slots came back within the lease, and leaves that
    /// state when its own time is over.
    pub(crate) fn acquire<C: Clock>(
        &self,
        shared: &Shared<C>,
        limits: &Limits,
        changes: &mut Changes,
    ) -> Acquired {
        let mut by = Mover::by_rules(shared, changes, limits);
        loop {
            let control = self.control();
            let cause = match on_acquire(control) {
                Admission::Admit => match self.admit(&mut by, control, limits) {
                    Some(permit) => return Acquired::Permit(permit),
                    None => continue,
                },
                Admission::Unknown => return Acquired::Unknown,
                Admission::Reject => {
                    return reject(control, CircuitState::ForcedOpen, limits.open.base_ms);
                }
                Admission::AwaitReset => match self.time_left(shared, control, limits) {
                    Err(Moved) => continue,
                    Ok(0) => Cause::ResetTimeout,
                    Ok(left) => return reject(control, CircuitState::Open, left),
                },
                Admission::TakeProbe => match self.take_probe(shared, control, limits) {
                    Err(Moved) => continue,
                    Ok(Slot::Taken) => {
                        return Acquired::Permit(PermitToken::new(control.generation(), true));
                    }
                    Ok(Slot::Expired) => Cause::ProbeLease,
                    Ok(Slot::NoneFree) => {
                        return reject(control, CircuitState::HalfOpen, limits.open.base_ms);
                    }
                    Ok(Slot::TimeOver) => {
                        self.give_up(&mut by, control, limits);
                        continue;
                    }
                },
            };
            // Its time, or its probes' lease, is over. Who begins the half-open that follows is
            // its first probe; who lost decides again.
            if let Some(begun) = self.put_next(&mut by, control, |next| control.probed(next), cause)
            {
                return Acquired::Permit(PermitToken::new(begun.generation(), true));
            }
        }
    }

    /// The permit of a circuit that admits, with a seat where calls in flight are watched. `None`:
    /// decide again.
    fn admit<C: Clock>(
        &self,
        by: &mut Mover<'_, C>,
        control: Control,
        limits: &Limits,
    ) -> Option<PermitToken> {
        let permit = PermitToken::new(control.generation(), false);
        if !limits.seats() || !control.state().is_closed() {
            return Some(permit);
        }
        if control.state() == State::Closed {
            self.watch_closely(by.shared, control, limits);
            return None;
        }
        let (seat, hung) = self.take_seat(by.shared, control, limits)?;
        let permit = seat.map_or(permit, |seat| permit.seated(seat));
        let Some(cause) = limits.trip.hung_opens(hung) else {
            return Some(permit);
        };
        let opening = Opening {
            limits,
            retry_after_ms: 0,
            cause,
        };
        if self.open(by, control, control, opening) == Opened::HeldBack {
            return Some(permit);
        }
        self.leave_seat(permit);
        None
    }

    /// One attempt to end a half-open whose time is over.
    fn give_up<C: Clock>(&self, by: &mut Mover<'_, C>, control: Control, limits: &Limits) {
        let cause = Cause::HalfOpenTimeout;
        match limits.half_open.after {
            AfterHalfOpen::Open => {
                let opening = Opening {
                    limits,
                    retry_after_ms: 0,
                    cause,
                };
                let _ = self.open(by, control, control, opening);
            }
            AfterHalfOpen::Closed => drop(self.change(by, control, State::Closed, cause)),
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
        let for_ms = self.open_ms(shared, control, limits).ok_or(Moved)?;
        let left = since.saturating_add(for_ms).saturating_sub(shared.now());
        // More than all of it is left only where the clock has stepped back.
        Ok(left.min(for_ms))
    }

    /// How long the circuit still rejects, in ms; `None` if it isn't open.
    pub(crate) fn open_for<C: Clock>(&self, shared: &Shared<C>, limits: &Limits) -> Option<u64> {
        loop {
            let control = self.control();
            if control.state() != State::Open {
                return None;
            }
            if let Ok(left) = self.time_left(shared, control, limits) {
                return Some(left);
            }
        }
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
            let timeout_ms = limits.half_open.timeout_ms;
            if timeout_ms != 0 && age >= timeout_ms {
                return self.if_still_in(control, Slot::TimeOver);
            }
            if probes.has_free(limits.half_open.max_probes) {
                if self.put_probes(control, seen, probes.take(age)) {
                    // Though the generation may be over: the call came before it was left. To look
                    // again and give way would let others be rejected for a slot that nobody has.
                    return Ok(Slot::Taken);
                }
            } else if !probes.lease_is_over(age, limits.half_open.lease_ms) {
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
        report: Report,
        limits: &Limits,
        changes: &mut Changes,
    ) -> Result<Reported, Gone> {
        let mut by = Mover::by_rules(shared, changes, limits);
        self.leave_seat(permit);
        self.mark_used(shared);
        let mut counted = None;
        let mut noted = Noted::NOWHERE;
        loop {
            let control = self.control();
            if control.state() == State::Retired {
                self.resolve(shared)?;
                continue;
            }
            let generation = self.life_of(shared, control);
            if is_stale(generation, permit) {
                // A call that was counted in the window took part in what happened since.
                return Ok(match counted {
                    Some(_) => Reported::Recorded,
                    None => Reported::Stale,
                });
            }
            if control.state() == State::Closed && limits.counts_calls() {
                self.watch_closely(shared, control, limits);
                continue;
            }
            let outcome = outcome_of(report, control.state(), limits);
            if counted.is_none() && outcome != Outcome::Ignored && control.state() == State::Watched
            {
                let call = Call {
                    failed: outcome == Outcome::Failure,
                    slow: is_slow(report, limits),
                };
                counted = self.count_call(shared, control, call, limits);
                if counted.is_none() {
                    continue;
                }
            }
            let decision = Decision {
                control,
                generation,
                permit,
                outcome,
                window: counted.unwrap_or_default(),
            };
            if self.decide(
                &mut by,
                decision,
                &mut noted,
                report.retry_after_ms(),
                limits,
            ) {
                return Ok(Reported::Recorded);
            }
        }
    }

    /// One attempt to do what an outcome that isn't stale means. `false`: decide again.
    #[inline]
    fn decide<C: Clock>(
        &self,
        by: &mut Mover<'_, C>,
        decision: Decision,
        noted: &mut Noted,
        retry_after_ms: u64,
        limits: &Limits,
    ) -> bool {
        let shared = by.shared;
        let Decision {
            control,
            generation,
            permit,
            outcome,
            window,
        } = decision;
        let mut seen = None;
        let verdict = on_report(control, permit, outcome, limits, window, || {
            let probes = *seen.insert(self.probes(control).ok_or(Moved)?);
            Ok(Probes::from_payload(probes.payload()))
        });
        // Before a failure is counted, so that its time is never missing.
        let mut is_noted =
            || outcome != Outcome::Failure || self.note_failure(shared, control, noted);
        match verdict {
            Err(Moved) => false,
            Ok(Verdict::Nothing) => true,
            Ok(Verdict::Revive) => {
                let _ = self.revive(shared, control, generation);
                false
            }
            Ok(Verdict::Replace(next)) => {
                is_noted() && (next == control || self.exchange(shared, control, next))
            }
            Ok(Verdict::Open(counted, cause)) => {
                let opening = Opening {
                    limits,
                    retry_after_ms,
                    cause,
                };
                is_noted() && self.open(by, control, counted, opening) != Opened::Moved
            }
            Ok(Verdict::Close(cause)) => {
                is_noted() && self.change(by, control, State::Closed, cause).is_some()
            }
            // Somebody's renewal, helped on; it leaves its slot to whoever asks first.
            Ok(Verdict::Renew) => {
                let _ = self.change(by, control, State::HalfOpen, Cause::ProbeLease);
                false
            }
            Ok(Verdict::GiveBack(probes)) => {
                is_noted() && seen.is_some_and(|seen| self.put_probes(control, seen, probes))
            }
        }
    }
}

/// What a report has to decide on.
struct Decision {
    control: Control,
    /// The circuit's, or the one that it would be born with.
    generation: Generation,
    permit: PermitToken,
    outcome: Outcome,
    /// With this call in it.
    window: Tally,
}

/// What became of the request for a probe slot.
enum Slot {
    Taken,
    NoneFree,
    /// None free, and those who hold them have had their time.
    Expired,
    /// The circuit has been half-open for too long.
    TimeOver,
}

fn reject(control: Control, state: CircuitState, left_ms: u64) -> Acquired {
    Acquired::Rejected(Rejected::new(state, left_ms), control.generation())
}
