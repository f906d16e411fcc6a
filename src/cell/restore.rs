//! A circuit taken out of one store, and put into another.

use super::{Cell, Changes, Gone, Mover, Shared};
use crate::clock::Clock;
use crate::snapshot::{CircuitBreakerSnapshot, CircuitState};
use crate::sync::atomic::AtomicU64;
use crate::word::{Cause, Control, History, Limits, OpenFor, Side, TIME_MAX};

/// What of a circuit outlives its store.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    pub(crate) snapshot: CircuitBreakerSnapshot,
    /// How long an open circuit still rejects, in ms.
    pub(crate) open_for_ms: u64,
    /// Openings without a stable time between.
    pub(crate) openings: u32,
    /// The group in which it has a place.
    pub(crate) group: Option<String>,
}

impl Cell {
    /// What there is to keep of the circuit; `None` if it is unknown or clean.
    pub(crate) fn keep<C: Clock>(&self, shared: &Shared<C>) -> Option<Kept> {
        loop {
            let control = self.control();
            let snapshot = self.peek(shared)?;
            let open_for_ms = self.open_for(shared, &Limits::default()).unwrap_or(0);
            let history = self.history(shared, control);
            if let Some(history) = history
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

    /// Makes the circuit what was kept, if it is unknown, or closed without failures. Whether it
    /// did: not, if somebody uses it meanwhile.
    pub(crate) fn restore<C: Clock>(
        &self,
        shared: &Shared<C>,
        kept: &Kept,
        changes: &mut Changes,
    ) -> Result<bool, Gone> {
        let control = self.alive(shared)?;
        if !control.state().is_closed() || control.failures() != 0 {
            return Ok(false);
        }
        let snapshot = &kept.snapshot;
        let failures = u32::try_from(snapshot.failure_count).unwrap_or(u32::MAX);
        let to = match snapshot.state {
            CircuitState::Closed => self.closed_state(shared),
            state => state.into(),
        };
        let next = |generation| control.restored(to, generation, failures);
        let mut by = Mover::new(shared, changes);
        if let Some(name) = &kept.group {
            by.place = shared.groups.take_anyway(name);
        }
        let Some(restored) = self.put_next(&mut by, control, next, Cause::Imported) else {
            return Ok(false);
        };
        // From here on the circuit is there; if it moves on meanwhile, the rest is of no interest.
        let generation = restored.generation();
        if snapshot.state == CircuitState::Open {
            let mut limits = Limits::default();
            limits.open = OpenFor {
                base_ms: 1,
                jitter: 0,
                retry_after_max_ms: TIME_MAX,
                ..limits.open
            };
            let _ = self.fix_open_ms(shared, restored, &limits, kept.open_for_ms);
        }
        let successes = Side::new(generation, snapshot.success_count);
        self.raise(&self.successes, restored, successes);
        let openings = kept.openings;
        self.remember(shared, restored, |seen| Some(History { openings, ..seen }));
        if snapshot.last_failure_time != 0 {
            let _ = self.raise_last_failure(restored, snapshot.last_failure_time);
        }
        if snapshot.state == CircuitState::Closed {
            let _ = self.watch_again(shared, restored);
        }
        Ok(true)
    }

    /// Raises a count of `control`'s generation, unless the circuit moves on. (It never goes down:
    /// who finds a count twice the same relies on that.)
    fn raise(&self, word: &AtomicU64, control: Control, next: Side) {
        while let Some(seen) = self.side(word, control, |_| next) {
            if seen.payload() >= next.payload() || self.put(word, seen, next) {
                return;
            }
        }
    }
}
