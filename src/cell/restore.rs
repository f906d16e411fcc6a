//! A circuit taken out of one store, and put into another.

use super::admission::time_left;
use super::changes::Changes;
use super::shared::Shared;
use super::transition::Transition;
use super::{Cell, Gone};
use crate::clock::Clock;
use crate::rules::Cause;
use crate::snapshot::{CircuitBreakerSnapshot, CircuitState};
use crate::sync::atomic::AtomicU64;
use crate::word::{Control, History, Side, State};

/// What of a circuit outlives its store.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    pub(crate) snapshot: CircuitBreakerSnapshot,
    /// How long an open circuit still rejects, in ms; `None`: no check has fixed that yet.
    pub(crate) open_for_ms: Option<u64>,
    /// Openings without a stable time between.
    pub(crate) openings: u32,
    /// The group in which it has a place.
    pub(crate) group: Option<String>,
}

impl Cell {
    /// Returns what there is to keep of the circuit; `None` if it is unknown or clean. Doesn't fix
    /// how long a circuit is open: that is for a rule to say.
    pub(crate) fn keep<C: Clock>(&self, shared: &Shared<C>) -> Option<Kept> {
        loop {
            let control = self.control();
            let snapshot = self.peek(shared)?;
            let open_for_ms = self.fixed_time_left(shared, control);
            let history = self.history(shared, control);
            if let (Some(open_for_ms), Some(history)) = (open_for_ms, history)
                && self.still_in(control)
            {
                let closed = snapshot.state == CircuitState::Closed;
                let clean = closed && snapshot.failure_count == 0 && history.openings == 0;
                return (!clean).then_some(Kept {
                    snapshot,
                    open_for_ms,
                    openings: history.openings,
                    group: shared.groups.name(history.group),
                });
            }
        }
    }

    /// Returns how long the circuit `control` still rejects, in ms, if it is open and that is
    /// fixed. `None`: it has moved on.
    fn fixed_time_left<C: Clock>(
        &self,
        shared: &Shared<C>,
        control: Control,
    ) -> Option<Option<u64>> {
        if control.state() != State::Open {
            return Some(None);
        }
        let since = self.since(shared, control)?;
        let for_ms = self.fixed_open_ms(control)?;
        Some(for_ms.map(|for_ms| time_left(since, for_ms, shared.now())))
    }

    /// Makes the circuit what was kept, if it is unknown or clean. Returns `false` if it isn't, or
    /// is used meanwhile.
    pub(crate) fn restore<C: Clock>(
        &self,
        shared: &Shared<C>,
        kept: &Kept,
        changes: &mut Changes,
    ) -> Result<bool, Gone> {
        let mut tx = Transition::new(shared, changes);
        let mut control = self.alive(shared)?;
        if !control.state().is_closed() || !self.is_clean(shared, control) {
            return Ok(false);
        }
        if self.successes(control).1 != 0 {
            // An open circuit keeps the successes of the time when it was closed; those that are
            // here now aren't the kept circuit's.
            if self
                .change(&mut tx, control, State::Vacant, Cause::Imported)
                .is_none()
            {
                return Ok(false);
            }
            control = self.alive(shared)?;
            if !control.state().is_closed() || !self.is_clean(shared, control) {
                return Ok(false);
            }
        }
        Ok(self.restore_over(&mut tx, control, kept))
    }

    /// Makes the clean circuit `control` what was kept. A call that takes a seat in it meanwhile is
    /// admitted, and its report stale.
    pub(super) fn restore_over<C: Clock>(
        &self,
        tx: &mut Transition<'_, C>,
        control: Control,
        kept: &Kept,
    ) -> bool {
        let shared = tx.shared;
        let snapshot = &kept.snapshot;
        let failures = u32::try_from(snapshot.failure_count).unwrap_or(u32::MAX);
        let next = |generation| {
            let next = control.restored(snapshot.state.into(), generation, failures);
            if next.state().is_closed() {
                // Watched from its first moment, as in `change`. No look afterwards is needed here:
                // a thread that changes the slot meanwhile changes the closed word that this one
                // leaves, or finds the new one.
                self.as_watched(next)
            } else {
                next
            }
        };
        if let Some(name) = &kept.group {
            tx.place = shared.groups.take_anyway(name);
        }
        // Put in first, so that the time is never missing where the failures are seen.
        let time = snapshot.last_failure_time;
        if time != 0 && !self.raise_last_failure(control, time) {
            return false;
        }
        let Some(restored) = self.put_next(tx, control, next, Cause::Imported) else {
            return false;
        };
        // From here on the circuit is there.
        tx.changes.open_for(kept.open_for_ms);
        self.restore_rest(shared, restored, kept);
        true
    }

    /// What an import puts in after the state. If the circuit moves on meanwhile, it is of no
    /// interest.
    pub(super) fn restore_rest<C: Clock>(
        &self,
        shared: &Shared<C>,
        restored: Control,
        kept: &Kept,
    ) {
        let snapshot = &kept.snapshot;
        if let (CircuitState::Open, Some(ms)) = (snapshot.state, kept.open_for_ms) {
            self.set_open_ms(restored, ms);
        }
        let successes = Side::new(restored.generation(), snapshot.success_count);
        self.raise(&self.successes, restored, successes);
        let openings = kept.openings;
        self.remember(shared, restored, |seen| Some(History { openings, ..seen }));
    }

    /// Raises a count of `control`'s generation, unless the circuit moves on. (It never goes down:
    /// a look that finds a count twice the same relies on that.)
    fn raise(&self, word: &AtomicU64, control: Control, next: Side) {
        while let Some(seen) = self.side(word, control, |_| next) {
            if seen.payload() >= next.payload() || self.put(word, seen, next) {
                return;
            }
        }
    }
}
