//! Reports on one cell: the changes that the outcome of a call makes, and the lives that it begins.

use super::changes::Changes;
use super::moved::Moved;
use super::shared::Shared;
use super::side::Noted;
use super::success::CountedCall;
use super::transition::{Opening, Transition};
use super::{Cell, Gone};
use crate::clock::Clock;
use crate::on_panic::OnPanic;
use crate::rules::{
    Policy, ProbeVerdict, Verdict, is_slow, is_stale, on_probe, on_report, outcome_of,
};
use crate::snapshot::{CircuitBreakerSnapshot, CircuitState};
use crate::word::{
    Call, Control, Generation, Millis, Outcome, PermitToken, Report, Reported, State, Tally,
};

/// A report, and the words that it is decided on.
struct Decision<'a> {
    control: Control,
    /// The circuit's generation, or the one in which its life would begin.
    generation: Generation,
    permit: PermitToken,
    outcome: Outcome,
    /// The counts of the window, with this call.
    tally: Tally,
    retry_after: Millis,
    policy: &'a Policy,
}

impl Cell {
    /// Takes the outcome of a call into account, unless the circuit has changed state since.
    ///
    /// Lock-free: an attempt fails only where a step succeeded, this call's or another thread's.
    pub(crate) fn report<C: Clock>(
        &self,
        shared: &Shared<C>,
        permit: PermitToken,
        report: Report,
        policy: &Policy,
        changes: &mut Changes,
    ) -> Result<Reported, Gone> {
        let mut tx = Transition::by_rules(shared, changes, policy);
        // First of all: the slot comes back whatever becomes of the report.
        self.leave(permit);
        // A probe comes back too if the clock, which is the user's, panics.
        let give_back_on_panic = OnPanic::new(|| self.give_back_probe(permit));
        self.mark_used(shared);
        let reported = match policy.windows() {
            true => self.report_guarded::<C, true>(&mut tx, permit, report, policy, None),
            false => self.report_guarded::<C, false>(&mut tx, permit, report, policy, None),
        };
        give_back_on_panic.disarm();
        reported
    }

    /// Takes the rest of a report into account whose call, a success with a plain permit, is
    /// `counted` in its window.
    #[cold]
    pub(crate) fn report_counted<C: Clock>(
        &self,
        shared: &Shared<C>,
        permit: PermitToken,
        report: Report,
        counted: CountedCall,
        policy: &Policy,
        changes: &mut Changes,
    ) -> Result<Reported, Gone> {
        let mut tx = Transition::by_rules(shared, changes, policy);
        self.mark_used(shared);
        self.report_guarded::<C, true>(&mut tx, permit, report, policy, Some(counted))
    }

    /// `WINDOWS` is [`Policy::windows`]. (A const parameter, so that reports under other rules
    /// don't carry the counts of a window along.)
    #[inline(always)]
    fn report_guarded<C: Clock, const WINDOWS: bool>(
        &self,
        tx: &mut Transition<'_, C>,
        permit: PermitToken,
        report: Report,
        policy: &Policy,
        mut counted: Option<CountedCall>,
    ) -> Result<Reported, Gone> {
        let shared = tx.shared;
        let mut noted = Noted::NOWHERE;
        loop {
            let control = self.control();

            // A retired cell is undecided: it is brought back or gone before the report says
            // anything of its circuit.
            if control.state() == State::Retired {
                self.resolve(shared)?;
                continue;
            }

            // Stale exactly if the circuit has changed state since the permit was given. Asked in
            // each attempt, since the change may come between two of them.
            let generation = self.generation_of_life(shared, control);
            if is_stale(generation, permit) {
                // A call that was counted in the window has had its effect.
                return Ok(match counted {
                    Some(_) => Reported::Recorded,
                    None => Reported::Stale,
                });
            }

            // A policy that counts every call makes the circuit watched, so that from here on no
            // other call takes the short way past it.
            if control.state() == State::Closed && policy.counts_calls() {
                self.watch_closely(shared, control, policy);
                continue;
            }

            // Counted once, and before the decision: of two calls that complete a window, one sees
            // the other. Then control is loaded again, since another call may have changed it in
            // between.
            let outcome = outcome_of(report, control.state(), policy);
            let counts = WINDOWS && outcome != Outcome::Ignored;
            if counted.is_none() && counts && control.state() == State::Watched {
                let call = Call {
                    failed: outcome == Outcome::Failure,
                    slow: is_slow(report, policy),
                };
                // `Moved`: nothing was counted.
                counted = self.count_in_window(shared, control, call, policy).ok();
                continue;
            }

            let decision = Decision {
                control,
                generation,
                permit,
                outcome,
                tally: counted.map_or_else(Tally::default, |counted| counted.tally),
                retry_after: report.retry_after_time(),
                policy,
            };
            if let Ok(()) = self.decide(tx, &decision, &mut noted) {
                if let Some(counted) = counted {
                    self.mark_quiet(control, counted, &policy.trip);
                }
                return Ok(Reported::Recorded);
            }
            // The word has changed: another thread made progress, or this one began a life. What
            // was counted or noted so far stays, and the decision is made anew.
        }
    }

    /// Decides on an outcome that isn't stale, and makes the change.
    ///
    /// A failure's time is noted before the failure is counted, so that a snapshot which counts it
    /// never lacks its time.
    #[inline]
    fn decide<C: Clock>(
        &self,
        tx: &mut Transition<'_, C>,
        decision: &Decision<'_>,
        noted: &mut Noted,
    ) -> Result<(), Moved> {
        let Decision {
            control,
            permit,
            outcome,
            tally,
            policy,
            ..
        } = *decision;
        let shared = tx.shared;
        match on_report(control, permit, outcome, policy, tally) {
            Verdict::Nothing => Ok(()),
            Verdict::Revive => {
                // The outcome is counted in the new life, whichever thread began it.
                let _ = self.revive(shared, control, decision.generation);
                Err(Moved)
            }
            Verdict::Replace(next) => {
                self.note_if_failure(tx, decision, noted)?;
                if next == control {
                    // The count is saturated.
                    return Ok(());
                }
                self.exchange(shared, control, next)
            }
            Verdict::Open(counted, cause) => {
                self.note_if_failure(tx, decision, noted)?;
                let opening = Opening {
                    policy,
                    retry_after: decision.retry_after,
                    cause,
                };
                self.open(tx, control, counted, opening).map(drop)
            }
            Verdict::Probe => self.decide_probe(tx, decision, noted),
        }
    }

    /// Carries out a probe's outcome: stores it, or makes the transition that it decides, without
    /// storing it. So of a success that closes the circuit and a racing failure that opens it,
    /// exactly one takes place: both exchange the same control word.
    fn decide_probe<C: Clock>(
        &self,
        tx: &mut Transition<'_, C>,
        decision: &Decision<'_>,
        noted: &mut Noted,
    ) -> Result<(), Moved> {
        let Decision {
            control,
            permit,
            outcome,
            policy,
            ..
        } = *decision;
        let seen = self.probes(control)?;
        let probes = seen.report(outcome, permit.lease());
        let verdict = on_probe(control, probes, outcome, policy);
        self.note_if_failure(tx, decision, noted)?;
        match verdict {
            ProbeVerdict::Undecided => self.put_probes(control, seen, probes),
            ProbeVerdict::Open(counted, cause) => {
                let opening = Opening {
                    policy,
                    retry_after: decision.retry_after,
                    cause,
                };
                self.open(tx, control, counted, opening).map(drop)
            }
            ProbeVerdict::Close(cause) => self.change(tx, control, State::Closed, cause).map(drop),
        }
    }

    fn note_if_failure<C: Clock>(
        &self,
        tx: &Transition<'_, C>,
        decision: &Decision<'_>,
        noted: &mut Noted,
    ) -> Result<(), Moved> {
        if decision.outcome != Outcome::Failure {
            return Ok(());
        }
        self.note_failure(tx.shared, decision.control, noted)
    }
}

impl Cell {
    /// Returns the control word of the circuit, brought to life if it was unknown.
    #[inline]
    pub(super) fn alive<C: Clock>(&self, shared: &Shared<C>) -> Result<Control, Gone> {
        loop {
            let control = self.control();
            match control.state() {
                State::Vacant => {
                    // If another thread has begun the life first, the next look finds it.
                    let _ = self.revive(shared, control, self.generation_of_life(shared, control));
                }
                State::Retired => self.resolve(shared)?,
                _ => return Ok(control),
            }
        }
    }

    /// Returns the generation of a cell's life: its own, or for a fresh cell that of the stripe's
    /// last removal, which has to be read after the cell is in the map.
    pub(super) fn generation_of_life<C>(&self, shared: &Shared<C>, control: Control) -> Generation {
        if control.is_fresh() {
            shared.removed_at(self.stripe())
        } else {
            control.generation()
        }
    }

    /// Begins a new life of a vacant cell in `generation`, and stamps it.
    pub(super) fn revive<C: Clock>(
        &self,
        shared: &Shared<C>,
        control: Control,
        generation: Generation,
    ) -> Result<CircuitBreakerSnapshot, Moved> {
        // Watched from its first moment, as in `change`.
        let revived = self.as_watched(Control::revived(generation));
        self.exchange(shared, control, revived)?;
        self.agree(shared);
        Ok(CircuitBreakerSnapshot {
            state: CircuitState::Closed,
            last_state_change: self.changed_at(shared, revived),
            ..CircuitBreakerSnapshot::default()
        })
    }
}
