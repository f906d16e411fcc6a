//! Export and import: a circuit is taken out of one store and put into another.

use super::acquire::time_left;
use super::changes::Changes;
use super::moved::Moved;
use super::shared::Shared;
use super::transition::Transition;
use super::{Cell, Gone};
use crate::clock::Clock;
use crate::rules::Cause;
use crate::snapshot::{CircuitBreakerSnapshot, CircuitState};
use crate::sync::atomic::AtomicU64;
use crate::word::{Control, History, Millis, Side, State, Timestamp};

/// The part of a circuit that outlives its store.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    pub(crate) snapshot: CircuitBreakerSnapshot,
    /// How long an open circuit still rejects; `None` if no check has fixed that yet.
    pub(crate) open_for: Option<Millis>,
    /// Openings without a stable time between.
    pub(crate) openings: u32,
    /// The group in which it has a place.
    pub(crate) group: Option<String>,
}

/// The result of an import of one circuit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use]
pub(crate) enum Restored {
    Done,
    /// The circuit isn't clean, or is used meanwhile, and stays as it is.
    Occupied,
}

impl Cell {
    /// Returns the part of the circuit to be kept; `None` if it is unknown or clean. It doesn't fix
    /// how long a circuit is open: that is for a rule to decide.
    pub(crate) fn keep<C: Clock>(&self, shared: &Shared<C>) -> Option<Kept> {
        loop {
            let control = self.control();
            let snapshot = self.peek(shared)?;
            let open_for = self.fixed_time_left(shared, control);
            let history = self.history(shared, control);
            if let (Ok(open_for), Ok(history)) = (open_for, history)
                && self.still_in(control).is_ok()
            {
                let closed = snapshot.state == CircuitState::Closed;
                let clean = closed && snapshot.failure_count == 0 && history.openings == 0;
                return (!clean).then_some(Kept {
                    snapshot,
                    open_for,
                    openings: history.openings,
                    group: shared.groups.name(history.group),
                });
            }
        }
    }

    /// Returns how long the circuit `control` still rejects, if it is open and that time is fixed.
    fn fixed_time_left<C: Clock>(
        &self,
        shared: &Shared<C>,
        control: Control,
    ) -> Result<Option<Millis>, Moved> {
        if control.state() != State::Open {
            return Ok(None);
        }
        let since = self.since(shared, control)?;
        let time = self.fixed_open_time(control)?;
        Ok(time.map(|time| time_left(shared, since, time)))
    }

    /// Restores the kept circuit, if this one is unknown or clean.
    pub(crate) fn restore<C: Clock>(
        &self,
        shared: &Shared<C>,
        kept: &Kept,
        changes: &mut Changes,
    ) -> Result<Restored, Gone> {
        let mut tx = Transition::new(shared, changes);
        let mut control = self.alive(shared)?;
        if !control.state().is_closed() || !self.is_evictable(shared, control) {
            return Ok(Restored::Occupied);
        }
        if self.successes(control).1 != 0 {
            // An open circuit keeps the successes from before it opened, and those counted here
            // aren't the kept circuit's. So they are forgotten first.
            let vacated = self.change(&mut tx, control, State::Vacant, Cause::Imported);
            if vacated.is_err() {
                return Ok(Restored::Occupied);
            }
            control = self.alive(shared)?;
            if !control.state().is_closed() || !self.is_evictable(shared, control) {
                return Ok(Restored::Occupied);
            }
        }
        Ok(match self.restore_over(&mut tx, control, kept) {
            Ok(()) => Restored::Done,
            Err(Moved) => Restored::Occupied,
        })
    }

    /// Restores the kept circuit over the clean circuit `control`. A call that takes a slot in
    /// flight meanwhile is admitted, and its report is stale.
    pub(super) fn restore_over<C: Clock>(
        &self,
        tx: &mut Transition<'_, C>,
        control: Control,
        kept: &Kept,
    ) -> Result<(), Moved> {
        let shared = tx.shared;
        let snapshot = &kept.snapshot;
        let failures = u32::try_from(snapshot.failure_count).unwrap_or(u32::MAX);
        let next = |generation| {
            let next = control.restored(snapshot.state.into(), generation, failures);
            if next.state().is_closed() {
                // Watched from its first moment, as in `change`. No `agree` is needed here. A
                // thread that changes the watch meanwhile either changes the closed word that the
                // exchange expects, which then fails, or finds the new word.
                self.as_watched(next)
            } else {
                next
            }
        };
        if let Some(name) = &kept.group {
            tx.place = shared.groups.take_anyway(name);
        }
        // Put in first, so that no snapshot shows the failures without their time.
        let time = snapshot.last_failure_time;
        if time != 0 {
            self.raise_last_failure(control, Timestamp::from_unix_ms(time))?;
        }
        let restored = self.put_next(tx, control, next, Cause::Imported)?;
        tx.changes.open_for(kept.open_for);
        // From here on the circuit is restored. If it moves on meanwhile, the rest no longer
        // matters.
        let _ = self.restore_rest(shared, restored, kept);
        Ok(())
    }

    /// Puts in the words that an import adds after the state.
    pub(super) fn restore_rest<C: Clock>(
        &self,
        shared: &Shared<C>,
        restored: Control,
        kept: &Kept,
    ) -> Result<(), Moved> {
        let snapshot = &kept.snapshot;
        if let (CircuitState::Open, Some(time)) = (snapshot.state, kept.open_for) {
            self.set_open_time(restored, time)?;
        }
        let successes = Side::new(restored.generation(), snapshot.success_count);
        self.raise(&self.successes, restored, successes)?;
        let openings = kept.openings;
        self.remember(shared, restored, |seen| Some(History { openings, ..seen }))?;
        Ok(())
    }

    /// Raises a count of `control`'s generation, unless the circuit moves on. It never lowers one:
    /// a snapshot, which reads a count twice, relies on that.
    fn raise(&self, word: &AtomicU64, control: Control, next: Side) -> Result<(), Moved> {
        loop {
            let seen = self.side(word, control, |_| next)?;
            if seen.payload() >= next.payload() || self.put(word, seen, next).is_ok() {
                return Ok(());
            }
        }
    }
}
