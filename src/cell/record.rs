//! The store's plain operations on one cell: look, record, move, reset.
//!
//! Those that return snapshots are always inlined. A snapshot that is returned through memory is
//! written field by field and copied in larger pieces at once, which the processor can't forward:
//! two such copies cost more than taking the snapshot.

use super::{Cell, Changes, Gone, Shared};
use crate::clock::Clock;
use crate::snapshot::{CircuitBreakerSnapshot, CircuitState};
use crate::word::{Control, State};

impl Cell {
    /// The circuit at one moment; `None` if it reads as unknown.
    ///
    /// The success word is read before and after control and found equal. It only grows within a
    /// generation and never returns to a value, so at the moment when control was read it held
    /// exactly this. (Reading *control* twice would not do: under the consecutive rule its
    /// failures go up and back to 0.)
    #[inline(always)]
    pub(crate) fn peek<C: Clock>(&self, shared: &Shared<C>) -> Option<CircuitBreakerSnapshot> {
        loop {
            let (before, _) = self.successes(Control::UNBORN);
            let control = self.control();
            let state = control.state().public()?;
            let Some(last_state_change) = self.since(shared, control) else {
                continue;
            };
            // After control: it covers every failure that control counts.
            let last_failure_time = self.last_failure(control);
            let (after, success_count) = self.successes(control);
            if before != after || !self.still_in(control) {
                // Somebody moved the circuit on; that is progress, and there is a newer view.
                continue;
            }
            return Some(CircuitBreakerSnapshot {
                state,
                failure_count: u64::from(control.failures()),
                success_count,
                last_failure_time,
                last_state_change,
            });
        }
    }

    /// The control word of a circuit that is known, brought to life if it wasn't.
    #[inline]
    pub(super) fn alive<C: Clock>(&self, shared: &Shared<C>) -> Result<Control, Gone> {
        loop {
            let control = self.control();
            match control.state() {
                State::Vacant => self.revive(shared, control),
                State::Retired => self.resolve(shared)?,
                _ => return Ok(control),
            }
        }
    }

    /// Begins a new life of a vacant cell, in its own generation, or at birth in the slot's.
    pub(super) fn revive<C: Clock>(&self, shared: &Shared<C>, control: Control) {
        let generation = if control.is_unborn() {
            shared.birth(self.slot())
        } else {
            control.generation()
        };
        let revived = Control::revived(generation);
        if self.exchange(shared, control, revived) {
            // The winner stamps; if the circuit has moved on, it was stamped.
            let _ = self.since(shared, revived);
        }
    }

    #[inline(always)]
    pub(crate) fn get_state<C: Clock>(
        &self,
        shared: &Shared<C>,
    ) -> Result<CircuitBreakerSnapshot, Gone> {
        loop {
            self.alive(shared)?;
            // Reset in between: begin again.
            if let Some(snapshot) = self.peek(shared) {
                return Ok(snapshot);
            }
        }
    }

    #[inline(always)]
    pub(crate) fn record_success<C: Clock>(
        &self,
        shared: &Shared<C>,
    ) -> Result<CircuitBreakerSnapshot, Gone> {
        loop {
            let control = self.alive(shared)?;
            if control.state() == State::Disabled || self.add_success(control) {
                return self.get_state(shared);
            }
        }
    }

    #[inline(always)]
    pub(crate) fn record_failure<C: Clock>(
        &self,
        shared: &Shared<C>,
    ) -> Result<CircuitBreakerSnapshot, Gone> {
        loop {
            let control = self.alive(shared)?;
            if control.state() == State::Disabled {
                return self.get_state(shared);
            }
            if !self.raise_last_failure(control, shared.clock.now_ms()) {
                continue;
            }
            let counted = control.with_failure();
            // A saturated count stays as it is.
            if counted == control || self.exchange(shared, control, counted) {
                return self.get_state(shared);
            }
        }
    }

    pub(crate) fn transition<C: Clock>(
        &self,
        shared: &Shared<C>,
        to: CircuitState,
        changes: &mut Changes,
    ) -> Result<CircuitBreakerSnapshot, Gone> {
        let mut draw = shared.gate.draw();
        loop {
            let control = self.alive(shared)?;
            if self.change(
                shared,
                (control, control),
                to.into(),
                None,
                &mut draw,
                changes,
            ) {
                return self.get_state(shared);
            }
        }
    }

    /// Makes the circuit unknown, in place.
    pub(crate) fn vacate<C: Clock>(&self, shared: &Shared<C>, changes: &mut Changes) {
        let mut draw = shared.gate.draw();
        loop {
            let control = self.control();
            if control.is_absent()
                || self.change(
                    shared,
                    (control, control),
                    State::Vacant,
                    None,
                    &mut draw,
                    changes,
                )
            {
                return;
            }
        }
    }
}
