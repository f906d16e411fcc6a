//! Checks of one cell: the decision whether a call may go through.

use super::changes::Changes;
use super::moved::Moved;
use super::shared::Shared;
use super::transition::{Opened, Opening, Transition};
use super::{Cell, Gone};
use crate::clock::Clock;
use crate::error::Rejected;
use crate::on_panic::OnPanic;
use crate::rules::{Admission, AfterHalfOpen, Cause, Policy, on_acquire};
use crate::snapshot::CircuitState;
use crate::sync::Arc;
use crate::word::{Control, Generation, Millis, Outcome, PermitToken, State, Timestamp};

/// The answer to a check.
#[derive(Debug)]
#[must_use]
pub(crate) enum Acquired {
    /// The call is admitted.
    Permit(PermitToken),
    /// The circuit rejects the call in this generation.
    Rejected(Rejected, Generation),
    /// The circuit reads as unknown: the store admits the call, in the summary's generation.
    Unknown,
}

impl Acquired {
    /// Counts a rejection by `cell`: in `shadow` as one that doesn't take place.
    pub(crate) fn count_rejection(self, cell: &Arc<Cell>, shadow: bool) -> Self {
        if let Acquired::Rejected(..) = self {
            Arc::head(cell).add_one(shadow);
        }
        self
    }
}

/// The answer to a probe's request.
enum ProbeGrant {
    /// The probe may go, in this lease.
    Granted(u8),
    /// As many probes are out as are allowed.
    AllOut,
    /// The circuit has been half-open for too long.
    TimeOver,
}

impl Cell {
    /// Decides whether a call may go through. Turns an open circuit whose time is over half-open,
    /// and ends a half-open whose time limit is over.
    ///
    /// Lock-free: an attempt fails only where a step succeeded, this call's or another thread's.
    pub(crate) fn acquire<C: Clock>(
        &self,
        shared: &Shared<C>,
        policy: &Policy,
        changes: &mut Changes,
    ) -> Acquired {
        let mut tx = Transition::by_rules(shared, changes, policy);
        loop {
            // One look at control decides. The answer holds at that look, or a later step proves
            // that the circuit is still in its generation; otherwise the step answers `Moved`.
            let control = self.control();
            let attempt = match on_acquire(control) {
                Admission::Admit => self
                    .admit_closed(&mut tx, control, policy)
                    .map(Acquired::Permit),
                // A word that reads as unknown may be that of a circuit which an eviction has
                // offered to remove.
                Admission::Unknown => self
                    .confirm_absent(shared, control)
                    .map(|()| Acquired::Unknown),
                // No time is known: the reset timeout stands in, see `Rejected`.
                Admission::Reject => {
                    Ok(reject(control, CircuitState::ForcedOpen, policy.open.base))
                }
                Admission::AwaitReset => self.await_reset(&mut tx, control, policy),
                Admission::TakeProbe => self.probe(&mut tx, control, policy),
            };
            if let Ok(acquired) = attempt {
                return acquired;
            }
            // The word has changed, by another thread, which is progress, or by a step of this
            // call. What was decided may no longer hold, so decide anew.
        }
    }

    /// Brings the circuit to life if it is unknown, then decides as [`acquire`](Self::acquire)
    /// does: a call in flight can only be counted in a known circuit.
    pub(crate) fn begin_and_acquire<C: Clock>(
        &self,
        shared: &Shared<C>,
        policy: &Policy,
        changes: &mut Changes,
    ) -> Result<Acquired, Gone> {
        self.alive(shared)?;
        Ok(self.acquire(shared, policy, changes))
    }

    /// Admits a call to the closed or disabled circuit `control`, and counts it in flight where the
    /// policy asks.
    fn admit_closed<C: Clock>(
        &self,
        tx: &mut Transition<'_, C>,
        control: Control,
        policy: &Policy,
    ) -> Result<PermitToken, Moved> {
        let permit = PermitToken::plain(control.generation());
        if !policy.counts_in_flight() || !control.state().is_closed() {
            return Ok(permit);
        }
        if control.state() == State::Closed {
            // The next look finds the circuit watched.
            self.watch_closely(tx.shared, control, policy);
            return Err(Moved);
        }
        let entered = self.enter(tx.shared, control, policy)?;
        let permit = entered.slot.map_or(permit, |slot| permit.with_slot(slot));
        let Some(cause) = policy.trip.hung_opens(entered.hung) else {
            return Ok(permit);
        };
        // The clock is the user's, and may panic.
        let leave_on_panic = OnPanic::new(|| self.leave(permit));
        let opening = Opening {
            policy,
            retry_after: Millis::ZERO,
            cause,
        };
        let opened = self.open(tx, control, control, opening);
        leave_on_panic.disarm();
        if opened == Ok(Opened::HeldBack) {
            return Ok(permit);
        }
        // The circuit is open, or another thread has changed its word: the call asks again.
        self.leave(permit);
        Err(Moved)
    }

    /// Rejects the call while the open circuit `control` has time left. Afterwards the call is the
    /// first probe.
    fn await_reset<C: Clock>(
        &self,
        tx: &mut Transition<'_, C>,
        control: Control,
        policy: &Policy,
    ) -> Result<Acquired, Moved> {
        let since = self.since(tx.shared, control)?;
        let time = self.fix_open_time(tx.shared, control, policy, Millis::ZERO)?;
        match time_left(tx.shared, since, time) {
            Millis::ZERO => self.begin_half_open(tx, control).map(Acquired::Permit),
            left => Ok(reject(control, CircuitState::Open, left)),
        }
    }

    /// Turns the open circuit `control`, whose time is over, half-open. The call that does so is
    /// its first probe. Otherwise other calls could take all probes first, and this call would be
    /// rejected though the circuit was due, which no sequential order explains.
    fn begin_half_open<C: Clock>(
        &self,
        tx: &mut Transition<'_, C>,
        control: Control,
    ) -> Result<PermitToken, Moved> {
        let given = std::cell::Cell::new(None);
        // The clock is the user's, and may panic after the circuit is half-open.
        let give_back_on_panic = OnPanic::new(|| {
            if let Some(permit) = given.get() {
                self.give_back(permit);
            }
        });
        let next = |generation| {
            given.set(Some(PermitToken::probe(generation, 0)));
            control.probed(generation)
        };
        let begun = self.put_next(tx, control, next, Cause::ResetTimeout);
        give_back_on_panic.disarm();
        begun.map(|begun| PermitToken::probe(begun.generation(), 0))
    }

    /// Lets a probe of the half-open circuit `control` out, if one may go.
    fn probe<C: Clock>(
        &self,
        tx: &mut Transition<'_, C>,
        control: Control,
        policy: &Policy,
    ) -> Result<Acquired, Moved> {
        // A half-open circuit that calls still ask stays in the map.
        self.mark_used(tx.shared);
        match self.take_probe(tx.shared, control, policy)? {
            ProbeGrant::Granted(lease) => {
                let permit = PermitToken::probe(control.generation(), lease);
                Ok(Acquired::Permit(permit))
            }
            // No time is known, as for forced-open.
            ProbeGrant::AllOut => Ok(reject(control, CircuitState::HalfOpen, policy.open.base)),
            ProbeGrant::TimeOver => Err(self.give_up(tx, control, policy)),
        }
    }

    fn take_probe<C: Clock>(
        &self,
        shared: &Shared<C>,
        control: Control,
        policy: &Policy,
    ) -> Result<ProbeGrant, Moved> {
        let half_open = &policy.half_open;
        loop {
            let seen = self.probes(control)?;
            let age = shared.now().since(self.since(shared, control)?);
            // Refused only in a generation that still stands: in a later one a probe may be free.
            if half_open.timeout.is_some_and(|timeout| age >= timeout) {
                self.still_in(control)?;
                return Ok(ProbeGrant::TimeOver);
            }
            let Some(taken) = seen.take(half_open.max_probes, age, half_open.lease) else {
                self.still_in(control)?;
                return Ok(ProbeGrant::AllOut);
            };
            if self.put_probes(control, seen, taken).is_ok() {
                // Granted even if the generation is over by now: the call came before it was left.
                // If the probe were given back after another look, other calls could be rejected
                // meanwhile for a probe that no call makes, and no sequential order would explain
                // that.
                return Ok(ProbeGrant::Granted(taken.lease()));
            }
            // Another thread took a probe or gave one back: decide anew on the counts that it left.
        }
    }

    /// Ends a half-open whose time is over; the call then asks again.
    fn give_up<C: Clock>(
        &self,
        tx: &mut Transition<'_, C>,
        control: Control,
        policy: &Policy,
    ) -> Moved {
        let cause = Cause::HalfOpenTimeout;
        match policy.half_open.after {
            AfterHalfOpen::Open => {
                let opening = Opening {
                    policy,
                    retry_after: Millis::ZERO,
                    cause,
                };
                let _ = self.open(tx, control, control, opening);
            }
            AfterHalfOpen::Closed => {
                let _ = self.change(tx, control, State::Closed, cause);
            }
        }
        // By this thread, or by another one before.
        Moved
    }

    /// Returns how long the circuit still rejects; `None` if it isn't open. Where the time isn't
    /// fixed yet, `policy` decides it for this answer alone.
    pub(crate) fn open_time_left<C: Clock>(
        &self,
        shared: &Shared<C>,
        policy: &Policy,
    ) -> Option<Millis> {
        loop {
            let control = self.control();
            let left = match control.state() {
                State::Open => self.look_at_time_left(shared, control, policy).map(Some),
                _ => self.confirm_absent(shared, control).map(|()| None),
            };
            if let Ok(left) = left {
                return left;
            }
        }
    }

    fn look_at_time_left<C: Clock>(
        &self,
        shared: &Shared<C>,
        control: Control,
        policy: &Policy,
    ) -> Result<Millis, Moved> {
        let time = match self.fixed_open_time(control)? {
            Some(time) => time,
            None => self.open_time_by(shared, control, policy)?,
        };
        let since = self.since(shared, control)?;
        self.still_in(control)?;
        Ok(time_left(shared, since, time))
    }

    /// Takes back what `permit` holds, a slot in flight or a probe. It needs no outcome, rules or
    /// clock, so it can run while the stack unwinds.
    pub(crate) fn give_back(&self, permit: PermitToken) {
        self.leave(permit);
        self.give_back_probe(permit);
    }

    pub(super) fn give_back_probe(&self, permit: PermitToken) {
        if !permit.is_probe() {
            return;
        }
        loop {
            let control = self.control();
            // A half-open that was left took its probes with it.
            if control.state() != State::HalfOpen || control.generation() != permit.issued() {
                return;
            }
            let Ok(seen) = self.probes(control) else {
                return;
            };
            let left = seen.report(Outcome::Ignored, permit.lease());
            if self.put_probes(control, seen, left).is_ok() {
                return;
            }
        }
    }
}

/// The time left from which on a rough time decides.
const FAR_FROM_DUE: Millis = Millis::new(100);

/// Returns how long a circuit that opened at `since` for `time` still rejects.
///
/// While that is long, the rough time answers: the call may be told to wait a tick too long. Near
/// its end the precise time decides. So the circuit is due exactly at its end, and a call that has
/// waited for as long as it was told finds it due.
pub(super) fn time_left<C: Clock>(shared: &Shared<C>, since: Timestamp, time: Millis) -> Millis {
    // Capped: a rough time may be from before the opening, as may one after a step back of the
    // clock. Then more than `time` would be left.
    let left_at = |now| (since + time).since(now).min(time);
    match left_at(shared.roughly()) {
        left if left > FAR_FROM_DUE => left,
        _ => left_at(shared.now()),
    }
}

fn reject(control: Control, state: CircuitState, left: Millis) -> Acquired {
    Acquired::Rejected(Rejected::new(state, left), control.generation())
}
