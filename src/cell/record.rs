//! The store's plain operations on one cell: look, record, move, reset.
//!
//! Those that return snapshots are always inlined. A snapshot that is returned through memory is
//! written field by field and copied in larger pieces at once, which the processor can't forward:
//! two such copies cost more than taking the snapshot.

use super::changes::Changes;
use super::shared::Shared;
use super::side::Noted;
use super::transition::Transition;
use super::{Cell, Gone};
use crate::clock::Clock;
use crate::rules::Cause;
use crate::snapshot::{CircuitBreakerSnapshot, CircuitState};
use crate::word::{Control, Generation, Side, State};

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
            let (before, _) = self.successes(Control::FRESH);
            let control = self.control();
            let Some(state) = control.state().public() else {
                if self.is_undecided(shared, control) {
                    continue;
                }
                return None;
            };
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
                State::Vacant => {
                    let _ = self.revive(shared, control, self.life_of(shared, control));
                }
                State::Retired => self.resolve(shared)?,
                _ => return Ok(control),
            }
        }
    }

    /// The generation of a cell's life: its own, or where it isn't born yet the slot's, read
    /// after the cell is in the map.
    pub(super) fn life_of<C>(&self, shared: &Shared<C>, control: Control) -> Generation {
        if control.is_fresh() {
            shared.removed_at(self.stripe())
        } else {
            control.generation()
        }
    }

    /// Begins a new life of a vacant cell in `generation`, and stamps it. `None`: somebody else
    /// was first.
    pub(super) fn revive<C: Clock>(
        &self,
        shared: &Shared<C>,
        control: Control,
        generation: Generation,
    ) -> Option<CircuitBreakerSnapshot> {
        // Watched from its first moment, as in `change`.
        let revived = self.as_watched(Control::revived(generation));
        self.exchange(shared, control, revived).then(|| {
            self.agree(shared);
            CircuitBreakerSnapshot {
                state: CircuitState::Closed,
                last_state_change: self.changed_at(shared, revived),
                ..CircuitBreakerSnapshot::default()
            }
        })
    }

    /// When the generation that the caller put in was born. It was now, if it is over already and
    /// bears another's stamp.
    fn changed_at<C: Clock>(&self, shared: &Shared<C>, control: Control) -> u64 {
        self.since(shared, control).unwrap_or_else(|| shared.now())
    }

    /// What a step that leaves `control` will have left, by its words so far; with the success word
    /// that it was read from. `None`: the circuit has moved on.
    #[inline]
    fn left_by<C: Clock>(
        &self,
        shared: &Shared<C>,
        control: Control,
    ) -> Option<(CircuitBreakerSnapshot, Side)> {
        let last_state_change = self.since(shared, control)?;
        let last_failure_time = self.last_failure(control);
        let (successes, success_count) = self.successes(control);
        let left = CircuitBreakerSnapshot {
            state: control.state().public().unwrap_or_default(),
            failure_count: u64::from(control.failures()),
            success_count,
            last_failure_time,
            last_state_change,
        };
        Some((left, successes))
    }

    #[inline(always)]
    pub(crate) fn get_state<C: Clock>(
        &self,
        shared: &Shared<C>,
    ) -> Result<CircuitBreakerSnapshot, Gone> {
        loop {
            let control = self.control();
            let snapshot = match control.state() {
                State::Vacant => self.revive(shared, control, self.life_of(shared, control)),
                State::Retired => {
                    self.resolve(shared)?;
                    None
                }
                _ => self.peek(shared),
            };
            if let Some(snapshot) = snapshot {
                return Ok(snapshot);
            }
        }
    }

    #[inline(always)]
    pub(crate) fn record_success<C: Clock>(
        &self,
        shared: &Shared<C>,
    ) -> Result<CircuitBreakerSnapshot, Gone> {
        self.mark_used(shared);
        loop {
            let control = self.alive(shared)?;
            let Some((left, _)) = self.left_by(shared, control) else {
                continue;
            };
            if control.state() == State::Disabled {
                return Ok(self.after(shared, left));
            }
            if let Some(success_count) = self.add_success(control) {
                let left = CircuitBreakerSnapshot {
                    success_count,
                    ..left
                };
                return Ok(self.after(shared, left));
            }
        }
    }

    #[inline(always)]
    pub(crate) fn record_failure<C: Clock>(
        &self,
        shared: &Shared<C>,
    ) -> Result<CircuitBreakerSnapshot, Gone> {
        self.mark_used(shared);
        let mut noted = Noted::NOWHERE;
        loop {
            let control = self.alive(shared)?;
            let counts = control.state() != State::Disabled;
            if counts && !self.note_failure(shared, control, &mut noted) {
                continue;
            }
            let counted = if counts {
                control.with_failure()
            } else {
                control
            };
            let Some((left, successes)) = self.left_by(shared, counted) else {
                continue;
            };
            // A saturated count stays as it is.
            if counted == control {
                return Ok(self.after(shared, left));
            }
            if self.exchange(shared, control, counted) {
                let at_once = self.at_update(counted, successes, left);
                return Ok(at_once.unwrap_or_else(|| self.after(shared, left)));
            }
        }
    }

    pub(crate) fn transition<C: Clock>(
        &self,
        shared: &Shared<C>,
        to: CircuitState,
        changes: &mut Changes,
    ) -> Result<CircuitBreakerSnapshot, Gone> {
        let mut tx = Transition::new(shared, changes);
        loop {
            let control = self.alive(shared)?;
            let (_, successes) = self.successes(control);
            let last_failure_time = self.last_failure(control);
            if let Some(next) = self.change_by_hand(&mut tx, control, to.into()) {
                let kept = next.state().keeps_successes();
                let left = CircuitBreakerSnapshot {
                    state: to,
                    failure_count: u64::from(next.failures()),
                    success_count: if kept { successes } else { 0 },
                    last_failure_time,
                    last_state_change: self.changed_at(shared, next),
                };
                return Ok(self.after(shared, left));
            }
        }
    }

    /// The circuit as the update to `counted` has left it, if nothing else has changed since
    /// `successes` were seen, before that update.
    ///
    /// They are found the same after it: so they were this at the update. The time of the last
    /// failure is read after it, and covers whatever `counted` counts.
    #[inline]
    fn at_update(
        &self,
        counted: Control,
        successes: Side,
        left: CircuitBreakerSnapshot,
    ) -> Option<CircuitBreakerSnapshot> {
        let last_failure_time = self.last_failure(counted);
        let (after, _) = self.successes(counted);
        let same = after == successes && self.still_in(counted);
        same.then_some(CircuitBreakerSnapshot {
            last_failure_time,
            ..left
        })
    }

    /// The circuit after an operation, or what the operation `left` where it has been reset since,
    /// which must not bring it back. What others counted at the same time may be missing then.
    #[inline]
    fn after<C: Clock>(
        &self,
        shared: &Shared<C>,
        left: CircuitBreakerSnapshot,
    ) -> CircuitBreakerSnapshot {
        self.peek(shared).unwrap_or(left)
    }

    /// Moves the circuit to `to` if what it is in `applies`; what it was in. `None`: there is no
    /// circuit, and none to `create`.
    pub(crate) fn steer<C: Clock>(
        &self,
        shared: &Shared<C>,
        to: CircuitState,
        create: bool,
        applies: impl Fn(State) -> bool,
        changes: &mut Changes,
    ) -> Result<Option<State>, Gone> {
        let mut tx = Transition::new(shared, changes);
        loop {
            let mut control = self.control();
            if control.is_absent() {
                if self.is_undecided(shared, control) {
                    continue;
                }
                if !create {
                    return Ok(None);
                }
                control = self.alive(shared)?;
            }
            if !applies(control.state())
                || self.change_by_hand(&mut tx, control, to.into()).is_some()
            {
                return Ok(Some(control.state()));
            }
        }
    }

    /// Makes the circuit unknown, in place; what it was in. `None`: it was unknown.
    pub(crate) fn vacate<C: Clock>(
        &self,
        shared: &Shared<C>,
        changes: &mut Changes,
    ) -> Option<State> {
        let mut tx = Transition::new(shared, changes);
        loop {
            let control = self.control();
            if control.is_absent() {
                if self.is_undecided(shared, control) {
                    continue;
                }
                return None;
            }
            if self
                .change(&mut tx, control, State::Vacant, Cause::Reset)
                .is_some()
            {
                return Some(control.state());
            }
        }
    }
}
