//! Checks and reports on one cell: may this call go through, and what its outcome changes.

use super::changes::Changes;
use super::shared::Shared;
use super::side::Noted;
use super::transition::{Opened, Opening, Transition};
use super::{Cell, Gone};
use crate::clock::Clock;
use crate::error::Rejected;
use crate::on_panic::OnPanic;
use crate::rules::{
    Admission, AfterHalfOpen, Cause, Policy, Verdict, is_slow, is_stale, on_acquire, on_report,
    outcome_of,
};
use crate::snapshot::CircuitState;
use crate::sync::Arc;
use crate::word::{
    Call, Control, Generation, Outcome, PermitToken, Probes, Report, Reported, State, Tally,
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

impl Acquired {
    /// Counts a rejection by `cell`: in `shadow` as one that doesn't take place.
    pub(crate) fn counted_of(self, cell: &Arc<Cell>, shadow: bool) -> Self {
        if let Acquired::Rejected(..) = self {
            Arc::head(cell).add_one(shadow);
        }
        self
    }
}

/// The circuit has changed under us: what was decided may no longer hold, so decide again.
struct Moved;

impl Cell {
    /// Decides whether a call may go through. Here an open circuit whose time is over becomes
    /// half-open, and a half-open one whose time limit is over leaves that state.
    pub(crate) fn acquire<C: Clock>(
        &self,
        shared: &Shared<C>,
        policy: &Policy,
        changes: &mut Changes,
    ) -> Acquired {
        let mut tx = Transition::by_rules(shared, changes, policy);
        loop {
            let control = self.control();
            match on_acquire(control) {
                Admission::Admit => {
                    if let Some(permit) = self.admit(&mut tx, control, policy) {
                        return Acquired::Permit(permit);
                    }
                }
                Admission::Unknown => {
                    if !self.is_undecided(shared, control) {
                        return Acquired::Unknown;
                    }
                }
                Admission::Reject => {
                    return reject(control, CircuitState::ForcedOpen, policy.open.base_ms);
                }
                Admission::AwaitReset => match self.time_left(shared, control, policy) {
                    Err(Moved) => {}
                    Ok(0) => {
                        if let Some(permit) = self.begin_half_open(&mut tx, control) {
                            return Acquired::Permit(permit);
                        }
                    }
                    Ok(left) => return reject(control, CircuitState::Open, left),
                },
                Admission::TakeProbe => {
                    // A circuit that calls ask for isn't evicted, even if its probe is out for
                    // long.
                    self.mark_used(shared);
                    match self.take_probe(shared, control, policy) {
                        Err(Moved) => {}
                        Ok(ProbeGrant::Granted(lease)) => {
                            let permit = PermitToken::probe(control.generation(), lease);
                            return Acquired::Permit(permit);
                        }
                        Ok(ProbeGrant::NoneFree) => {
                            return reject(control, CircuitState::HalfOpen, policy.open.base_ms);
                        }
                        Ok(ProbeGrant::TimeOver) => self.give_up(&mut tx, control, policy),
                    }
                }
            }
        }
    }

    /// Brings the circuit to life if it is unknown, then acquires as [`acquire`](Self::acquire)
    /// does: only in a known circuit can the call have a seat.
    pub(crate) fn begin_and_acquire<C: Clock>(
        &self,
        shared: &Shared<C>,
        policy: &Policy,
        changes: &mut Changes,
    ) -> Result<Acquired, Gone> {
        self.alive(shared)?;
        Ok(self.acquire(shared, policy, changes))
    }

    /// Tries once to turn the open circuit `control`, whose time is over, half-open. The call that
    /// does so is its first probe. `None`: decide again.
    fn begin_half_open<C: Clock>(
        &self,
        tx: &mut Transition<'_, C>,
        control: Control,
    ) -> Option<PermitToken> {
        let drawn = std::cell::Cell::new(None);
        // The clock is the user's, and may panic after the circuit has turned.
        let held = OnPanic::new(|| {
            if let Some(permit) = drawn.get() {
                self.give_back(permit);
            }
        });
        let next = |generation| {
            drawn.set(Some(PermitToken::probe(generation, 0)));
            control.probed(generation)
        };
        let begun = self.put_next(tx, control, next, Cause::ResetTimeout);
        held.disarm();
        begun.map(|begun| PermitToken::probe(begun.generation(), 0))
    }

    /// The permit of a circuit that admits, with a seat where calls in flight are watched. `None`:
    /// decide again.
    fn admit<C: Clock>(
        &self,
        tx: &mut Transition<'_, C>,
        control: Control,
        policy: &Policy,
    ) -> Option<PermitToken> {
        let permit = PermitToken::new(control.generation(), false);
        if !policy.counts_in_flight() || !control.state().is_closed() {
            return Some(permit);
        }
        if control.state() == State::Closed {
            self.watch_closely(tx.shared, control, policy);
            return None;
        }
        let (slot, hung) = self.enter(tx.shared, control, policy)?;
        let permit = slot.map_or(permit, |slot| permit.with_slot(slot));
        let Some(cause) = policy.trip.hung_opens(hung) else {
            return Some(permit);
        };
        // The clock is the user's, and may panic.
        let held = OnPanic::new(|| self.leave(permit));
        let opening = Opening {
            policy,
            retry_after_ms: 0,
            cause,
        };
        let opened = self.open(tx, control, control, opening);
        held.disarm();
        if opened == Opened::HeldBack {
            return Some(permit);
        }
        // It asks again.
        self.leave(permit);
        None
    }

    /// One attempt to end a half-open whose time is over.
    fn give_up<C: Clock>(&self, tx: &mut Transition<'_, C>, control: Control, policy: &Policy) {
        let cause = Cause::HalfOpenTimeout;
        match policy.half_open.after {
            AfterHalfOpen::Open => {
                let opening = Opening {
                    policy,
                    retry_after_ms: 0,
                    cause,
                };
                let _ = self.open(tx, control, control, opening);
            }
            AfterHalfOpen::Closed => drop(self.change(tx, control, State::Closed, cause)),
        }
    }

    /// How long the open circuit `control` still rejects, in ms.
    fn time_left<C: Clock>(
        &self,
        shared: &Shared<C>,
        control: Control,
        policy: &Policy,
    ) -> Result<u64, Moved> {
        let since = self.since(shared, control).ok_or(Moved)?;
        let for_ms = self.open_ms(shared, control, policy).ok_or(Moved)?;
        Ok(time_left(since, for_ms, shared.now()))
    }

    /// Returns how long the circuit still rejects, in ms; `None` if it isn't open. Fixes nothing:
    /// where no check has fixed the time yet, it is what `policy` says now.
    pub(crate) fn open_for<C: Clock>(&self, shared: &Shared<C>, policy: &Policy) -> Option<u64> {
        loop {
            let control = self.control();
            if control.state() != State::Open {
                if self.is_undecided(shared, control) {
                    continue;
                }
                return None;
            }
            let fixed = self.fixed_open_ms(control);
            let for_ms =
                fixed.and_then(|ms| ms.or_else(|| self.open_ms_by(shared, control, policy)));
            if let (Some(since), Some(for_ms)) = (self.since(shared, control), for_ms)
                && self.still_in(control)
            {
                return Some(time_left(since, for_ms, shared.now()));
            }
        }
    }

    fn take_probe<C: Clock>(
        &self,
        shared: &Shared<C>,
        control: Control,
        policy: &Policy,
    ) -> Result<ProbeGrant, Moved> {
        loop {
            let seen = self.probes(control).ok_or(Moved)?;
            let probes = Probes::from_payload(seen.payload());
            let since = self.since(shared, control).ok_or(Moved)?;
            let age = shared.now().saturating_sub(since);
            let timeout_ms = policy.half_open.timeout_ms;
            if timeout_ms != 0 && age >= timeout_ms {
                return self.if_still_in(control, ProbeGrant::TimeOver);
            }
            let half_open = &policy.half_open;
            let Some(taken) = probes.take(half_open.max_probes, age, half_open.lease_ms) else {
                // The slots were all taken in this generation only if it still stands.
                return self.if_still_in(control, ProbeGrant::NoneFree);
            };
            if self.put_probes(control, seen, taken) {
                // Even if the generation is over by now: the call came before it was left. Giving
                // the slot back after another look would let others be rejected for a slot that no
                // call has.
                return Ok(ProbeGrant::Granted(taken.lease()));
            }
        }
    }

    fn if_still_in(&self, control: Control, grant: ProbeGrant) -> Result<ProbeGrant, Moved> {
        if self.still_in(control) {
            Ok(grant)
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
        policy: &Policy,
        changes: &mut Changes,
    ) -> Result<Reported, Gone> {
        let mut tx = Transition::by_rules(shared, changes, policy);
        self.leave(permit);
        // A probe's slot comes back too, though the clock panics.
        let held = OnPanic::new(|| self.give_back_probe(permit));
        self.mark_used(shared);
        let reported = self.report_held(&mut tx, permit, report, policy);
        held.disarm();
        reported
    }

    #[inline(always)]
    fn report_held<C: Clock>(
        &self,
        tx: &mut Transition<'_, C>,
        permit: PermitToken,
        report: Report,
        policy: &Policy,
    ) -> Result<Reported, Gone> {
        let shared = tx.shared;
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
            if control.state() == State::Closed && policy.counts_calls() {
                self.watch_closely(shared, control, policy);
                continue;
            }
            let outcome = outcome_of(report, control.state(), policy);
            let counts = policy.windows() && outcome != Outcome::Ignored;
            if counted.is_none() && counts && control.state() == State::Watched {
                let call = Call {
                    failed: outcome == Outcome::Failure,
                    slow: is_slow(report, policy),
                };
                // Decided on the circuit as it is after the call was counted: another call may have
                // come in between.
                counted = self.count_call(shared, control, call, policy);
                continue;
            }
            let decision = Decision {
                control,
                generation,
                permit,
                outcome,
                window: counted.unwrap_or_default(),
            };
            if self.decide(tx, decision, &mut noted, report.retry_after_ms(), policy) {
                return Ok(Reported::Recorded);
            }
        }
    }

    /// Takes back what `permit` holds, a seat or a probe's slot, without an outcome, and without
    /// the rules or the clock.
    pub(crate) fn give_back(&self, permit: PermitToken) {
        self.leave(permit);
        self.give_back_probe(permit);
    }

    fn give_back_probe(&self, permit: PermitToken) {
        if !permit.is_probe() {
            return;
        }
        loop {
            let control = self.control();
            if control.state() != State::HalfOpen || control.generation() != permit.issued() {
                return;
            }
            let Some(seen) = self.probes(control) else {
                return;
            };
            let probes = Probes::from_payload(seen.payload());
            let left = probes.report(Outcome::Ignored, permit.lease());
            if self.put_probes(control, seen, left) {
                return;
            }
        }
    }

    /// One attempt to do what an outcome that isn't stale means. `false`: decide again.
    #[inline]
    fn decide<C: Clock>(
        &self,
        tx: &mut Transition<'_, C>,
        decision: Decision,
        noted: &mut Noted,
        retry_after_ms: u64,
        policy: &Policy,
    ) -> bool {
        let shared = tx.shared;
        let Decision {
            control,
            generation,
            permit,
            outcome,
            window,
        } = decision;
        let mut seen = None;
        let verdict = on_report(control, permit, outcome, policy, window, || {
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
                    policy,
                    retry_after_ms,
                    cause,
                };
                is_noted() && self.open(tx, control, counted, opening) != Opened::Moved
            }
            Ok(Verdict::Close(cause)) => {
                is_noted() && self.change(tx, control, State::Closed, cause).is_some()
            }
            Ok(Verdict::Probed(probes)) => {
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

/// How long a circuit that opened at `since` for `for_ms` rejects from `now` on, in ms.
pub(super) fn time_left(since: u64, for_ms: u64, now: u64) -> u64 {
    let left = since.saturating_add(for_ms).saturating_sub(now);
    // More than all of it is left only where the clock has stepped back.
    left.min(for_ms)
}

/// What became of the request for a probe slot.
enum ProbeGrant {
    /// A slot was taken, in this lease.
    Granted(u8),
    NoneFree,
    /// The circuit has been half-open for too long.
    TimeOver,
}

fn reject(control: Control, state: CircuitState, left_ms: u64) -> Acquired {
    Acquired::Rejected(Rejected::new(state, left_ms), control.generation())
}
