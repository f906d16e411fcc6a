//! Eviction: a circuit of the kind that goes now leaves the map to make room.

use super::changes::Changes;
use super::moved::Moved;
use super::shared::Shared;
use super::transition::Transition;
use super::{Cell, Gone};
use crate::clock::Clock;
use crate::rules::Cause;
use crate::word::{Control, History, Millis, State};

/// The shortest time that an open circuit stays where none is set. It stays this long or
/// [`OPEN_TTL_FACTOR`] times its own open time, whichever is longer.
const OPEN_TTL: Millis = Millis::new(300_000);
const OPEN_TTL_FACTOR: u64 = 10;

/// The circuits that go now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Evicts {
    /// Circuits whose removal changes nothing that a caller sees.
    Clean,
    /// Also circuits that have been idle for a while.
    Idle {
        /// The time that an open circuit stays; `None` to go by its open time.
        open_ttl: Option<Millis>,
    },
}

impl Cell {
    /// Evicts the circuit if it is of the kind that goes now and no handle holds it. The error says
    /// that the cell is gone, so that the caller takes its entry out of the map.
    pub(crate) fn evict<C: Clock>(
        &self,
        shared: &Shared<C>,
        evicts: Evicts,
        changes: &mut Changes,
    ) -> Result<(), Gone> {
        let control = self.control();
        let is_forgotten = |ttl| {
            // A circuit that moves on meanwhile is in use, and stays.
            self.is_forgotten(shared, control, ttl).unwrap_or(false)
        };
        let goes = match (control.state(), evicts) {
            // A reset has left it behind.
            (State::Vacant | State::Retired, _) => return self.retire(shared),
            (State::ForcedOpen | State::Disabled, _) => false,
            _ if self.is_pinned() => false,
            (State::Closed, _) if self.is_evictable(shared, control) => {
                // No new generation is needed: a call that was admitted before may as well count
                // after. The exchange fails where the circuit is used meanwhile.
                return match self.exchange(shared, control, control.retired()) {
                    Ok(()) => self.resolve(shared),
                    Err(Moved) => Ok(()),
                };
            }
            (_, Evicts::Clean) => false,
            // Its successes take the short way and leave no mark, so it goes by age too.
            (State::Closed, Evicts::Idle { open_ttl }) if control.failures() == 0 => {
                !self.take_mark(shared) && is_forgotten(open_ttl)
            }
            (State::Closed | State::Watched, Evicts::Idle { .. }) => !self.take_mark(shared),
            (State::Open, Evicts::Idle { open_ttl }) => is_forgotten(open_ttl),
            (State::HalfOpen, Evicts::Idle { open_ttl }) => {
                !self.take_mark(shared) && is_forgotten(open_ttl)
            }
        };
        if !goes {
            return Ok(());
        }
        // Tried once: a circuit that is used meanwhile stays.
        let mut tx = Transition::new(shared, changes);
        match self.change(&mut tx, control, State::Vacant, Cause::Evicted) {
            Ok(_) => self.retire(shared),
            Err(Moved) => Ok(()),
        }
    }

    /// Returns whether the removal of the closed circuit would change nothing that a caller sees:
    /// it has no failures, no series and no slots in flight.
    ///
    /// It has to stay while calls may hold slots: a new cell could have the same generation, and
    /// their slots would be taken for those of its calls.
    pub(super) fn is_evictable<C>(&self, shared: &Shared<C>, control: Control) -> bool {
        let forgets = |history: History| history.openings == 0;
        control.failures() == 0
            && !self.has_in_flight(control)
            && self.history(shared, control).is_ok_and(forgets)
    }

    /// Returns whether the circuit has been idle for too long: if it is open, since its time was
    /// over; if half-open, since a probe last went out; if it remembers openings, since it closed.
    fn is_forgotten<C: Clock>(
        &self,
        shared: &Shared<C>,
        control: Control,
        open_ttl: Option<Millis>,
    ) -> Result<bool, Moved> {
        // The open time, and how long the circuit was in use after its last change.
        let (open, used) = match control.state() {
            // A sweep knows no rule: an open time that isn't fixed stays so.
            State::Open => {
                let open = self.fixed_open_time(control)?.unwrap_or_default();
                (open, open)
            }
            // The open time isn't known any more, so the longest one stands in.
            State::HalfOpen => (shared.longest_open_time(), self.probes(control)?.taken()),
            _ => (Millis::ZERO, Millis::ZERO),
        };
        let by_default = || OPEN_TTL.max(open.times(OPEN_TTL_FACTOR));
        let ttl = open_ttl.unwrap_or_else(by_default);
        let since = self.since(shared, control)?;
        Ok(shared.now() >= since + used + ttl)
    }
}
