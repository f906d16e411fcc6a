//! Plain operations of the store on one cell: look, record, move, reset.
//!
//! Those that return snapshots are always inlined. A snapshot that is returned through memory is
//! written field by field and at once copied in larger pieces, which the processor can't forward:
//! two such copies cost more than the snapshot itself.

use super::changes::Changes;
use super::moved::Moved;
use super::shared::Shared;
use super::side::Noted;
use super::transition::Transition;
use super::{Cell, Gone};
use crate::clock::Clock;
use crate::rules::Cause;
use crate::snapshot::{CircuitBreakerSnapshot, CircuitState};
use crate::word::{Control, Side, State};

/// The circuit as a step leaves it, from the words read before the step.
struct Left {
    snapshot: CircuitBreakerSnapshot,
    /// The success word that the snapshot was read from.
    successes: Side,
}

impl Cell {
    /// Returns the circuit at one moment; `None` if it reads as unknown.
    ///
    /// The success word is read before and after control, until both reads are equal. It only grows
    /// within a generation and never returns to a value, so it held just this when control was
    /// read. (Reading *control* twice wouldn't do: under the consecutive rule its failures go up
    /// and back to 0.)
    #[inline(always)]
    pub(crate) fn peek<C: Clock>(&self, shared: &Shared<C>) -> Option<CircuitBreakerSnapshot> {
        loop {
            // Only the two words are compared; the count would depend on control, which isn't read
            // yet.
            let (before, _) = self.successes(Control::FRESH);
            let control = self.control();
            let Some(state) = control.state().public() else {
                match self.confirm_absent(shared, control) {
                    Ok(()) => return None,
                    Err(Moved) => continue,
                }
            };
            let Ok(last_state_change) = self.since(shared, control) else {
                continue;
            };
            // Read after control, so that it covers every failure that control counts.
            let last_failure_time = self.last_failure(control);
            let (after, success_count) = self.successes(control);
            // The second look: the last failure may be of a later life.
            if before != after || self.still_in(control).is_err() {
                // Another thread counted or moved the circuit on: that is progress, and there is a
                // newer view.
                continue;
            }
            return Some(CircuitBreakerSnapshot {
                state,
                failure_count: u64::from(control.failures()),
                success_count,
                last_failure_time,
                last_state_change: last_state_change.unix_ms(),
            });
        }
    }

    /// Returns when the generation that the caller put in began, in Unix ms. If it is over already,
    /// its stamp may be gone: then the time is now.
    pub(super) fn changed_at<C: Clock>(&self, shared: &Shared<C>, control: Control) -> u64 {
        self.since(shared, control)
            .unwrap_or_else(|Moved| shared.now())
            .unix_ms()
    }

    /// Returns the circuit as it is once a step has left `control`.
    #[inline]
    fn left_by<C: Clock>(&self, shared: &Shared<C>, control: Control) -> Result<Left, Moved> {
        let last_state_change = self.since(shared, control)?;
        let last_failure_time = self.last_failure(control);
        let (successes, success_count) = self.successes(control);
        let snapshot = CircuitBreakerSnapshot {
            state: control.state().public().unwrap_or_default(),
            failure_count: u64::from(control.failures()),
            success_count,
            last_failure_time,
            last_state_change: last_state_change.unix_ms(),
        };
        Ok(Left {
            snapshot,
            successes,
        })
    }

    #[inline(always)]
    pub(crate) fn get_state<C: Clock>(
        &self,
        shared: &Shared<C>,
    ) -> Result<CircuitBreakerSnapshot, Gone> {
        loop {
            let control = self.control();
            let snapshot = match control.state() {
                State::Vacant => self
                    .revive(shared, control, self.generation_of_life(shared, control))
                    .ok(),
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
            let Ok(Left { snapshot, .. }) = self.left_by(shared, control) else {
                continue;
            };
            if control.state() == State::Disabled {
                return Ok(self.after(shared, snapshot));
            }
            if let Ok(success_count) = self.add_success(control) {
                let left = CircuitBreakerSnapshot {
                    success_count,
                    ..snapshot
                };
                return Ok(self.after(shared, left));
            }
        }
    }

    /// Counts a failure and notes its time. It never opens the circuit: rules do that.
    ///
    /// The record takes place at the exchange and answers from it. It doesn't begin anew
    /// afterwards: a circuit that was reset meanwhile must not be brought back.
    #[inline(always)]
    pub(crate) fn record_failure<C: Clock>(
        &self,
        shared: &Shared<C>,
    ) -> Result<CircuitBreakerSnapshot, Gone> {
        self.mark_used(shared);
        let mut noted = Noted::NOWHERE;
        loop {
            let control = self.alive(shared)?;
            let counted = match control.state() {
                State::Disabled => control,
                // The time before the count, so that a snapshot which counts this failure never
                // lacks its time. If the exchange below fails, the noted time is ahead of the count
                // until the next attempt, as the docs of the snapshot allow.
                _ => match self.note_failure(shared, control, &mut noted) {
                    Ok(()) => control.with_failure(),
                    Err(Moved) => continue,
                },
            };
            // Read before the exchange. Against another thread's success:
            // - if it comes before the exchange, the word has changed when `at_update` reads it
            //   again, and the answer is taken anew;
            // - if it comes after, the answer without it is right for the moment of the exchange.
            let Ok(left) = self.left_by(shared, counted) else {
                continue;
            };
            // Disabled, or a saturated count: the word stays as it is.
            if counted == control {
                return Ok(self.after(shared, left.snapshot));
            }
            if self.exchange(shared, control, counted).is_ok() {
                let at_once = self.at_update(counted, &left);
                return Ok(at_once.unwrap_or_else(|| self.after(shared, left.snapshot)));
            }
            // Another thread counted, forgot or moved: that is progress. Count on top of what it
            // left.
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
            if let Ok(next) = self.change_by_command(&mut tx, control, to.into()) {
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

    /// Returns the circuit as the update to `counted` left it, unless another word has changed
    /// since those in `left` were read, before that update.
    ///
    /// The success word is the same before and after the update, so it held just this at the
    /// update. The time of the last failure is read after the update, and so covers all failures in
    /// `counted`.
    #[inline]
    fn at_update(&self, counted: Control, left: &Left) -> Option<CircuitBreakerSnapshot> {
        let last_failure_time = self.last_failure(counted);
        let (after, _) = self.successes(counted);
        let same = after == left.successes && self.still_in(counted).is_ok();
        same.then_some(CircuitBreakerSnapshot {
            last_failure_time,
            ..left.snapshot
        })
    }

    /// Returns the circuit after an operation, or what the operation `left` if the circuit has been
    /// reset since: the look must not bring it back. Counts that other threads made at the same
    /// time may be missing then.
    #[inline]
    fn after<C: Clock>(
        &self,
        shared: &Shared<C>,
        left: CircuitBreakerSnapshot,
    ) -> CircuitBreakerSnapshot {
        self.peek(shared).unwrap_or(left)
    }

    /// Moves the circuit to `to` if its state `applies`. Returns the state that it was in; `None`
    /// if it was unknown and stays so.
    pub(crate) fn steer<C: Clock>(
        &self,
        shared: &Shared<C>,
        to: CircuitState,
        unknown: Unknown,
        applies: impl Fn(State) -> bool,
        changes: &mut Changes,
    ) -> Result<Option<State>, Gone> {
        let mut tx = Transition::new(shared, changes);
        loop {
            let mut control = self.control();
            if control.is_absent() {
                if self.confirm_absent(shared, control).is_err() {
                    continue;
                }
                match unknown {
                    Unknown::Leave => return Ok(None),
                    Unknown::Create => control = self.alive(shared)?,
                }
            }
            let state = control.state();
            if !applies(state) || self.change_by_command(&mut tx, control, to.into()).is_ok() {
                return Ok(Some(state));
            }
        }
    }

    /// Makes the circuit unknown, in place. Returns the state that it was in; `None` if it was
    /// unknown already.
    pub(crate) fn vacate<C: Clock>(
        &self,
        shared: &Shared<C>,
        changes: &mut Changes,
    ) -> Option<State> {
        let mut tx = Transition::new(shared, changes);
        loop {
            let control = self.control();
            let done = if control.is_absent() {
                self.confirm_absent(shared, control).map(|()| None)
            } else {
                self.change(&mut tx, control, State::Vacant, Cause::Reset)
                    .map(|_| Some(control.state()))
            };
            if let Ok(state) = done {
                return state;
            }
        }
    }
}

/// The treatment of a circuit that is unknown when a command reaches it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Unknown {
    /// It is created.
    Create,
    /// It stays unknown.
    Leave,
}
