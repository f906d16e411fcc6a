//! Eviction: a circuit leaves the map to make room, if it is of the kind that goes now.

use super::changes::Changes;
use super::moved::Moved;
use super::shared::Shared;
use super::transition::Transition;
use super::{Cell, Gone};
use crate::clock::Clock;
use crate::rules::Cause;
use crate::word::{Control, History, Millis, State};

/// The shortest time that an open circuit stays, where none is set, and how many times its own open
/// time it stays: whichever is longer.
const OPEN_TTL: Millis = Millis::new(300_000);
const OPEN_TTL_FACTOR: u64 = 10;

/// Which circuits go now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Evicts {
    /// Those that are the same as none.
    Clean,
    /// Those too that nobody has used for a while.
    Idle {
        /// How long an open circuit stays; `None`: as long as its open time says.
        open_ttl: Option<Millis>,
    },
}

impl Cell {
    /// Evicts the circuit, if it is of the kind that goes now, and no handle holds it. The error
    /// says that the cell is gone, so that its entry has to leave the map.
    pub(crate) fn evict<C: Clock>(
        &self,
        shared: &Shared<C>,
        evicts: Evicts,
        changes: &mut Changes,
    ) -> Result<(), Gone> {
        let control = self.control();
        let is_forgotten = |ttl| {
            // A circuit that moves on meanwhile is in use.
            self.is_forgotten(shared, control, ttl).unwrap_or(false)
        };
        let goes = match (control.state(), evicts) {
            // What a reset has left behind.
            (State::Vacant | State::Retired, _) => return self.retire(shared),
            (State::ForcedOpen | State::Disabled, _) => false,
            _ if self.is_pinned() => false,
            (State::Closed, _) if self.is_clean(shared, control) => {
                // No number is drawn: what was admitted before may as well count after. It fails
                // where the circuit is used meanwhile.
                return match self.exchange(shared, control, control.retired()) {
                    Ok(()) => self.resolve(shared),
                    Err(Moved) => Ok(()),
                };
            }
            (_, Evicts::Clean) => false,
            // Its successes take the short way and leave no mark: it goes by age.
            (State::Closed, Evicts::Idle { open_ttl }) if control.failures() == 0 => {
                !self.take_mark() && is_forgotten(open_ttl)
            }
            (State::Closed | State::Watched, Evicts::Idle { .. }) => !self.take_mark(),
            (State::Open, Evicts::Idle { open_ttl }) => is_forgotten(open_ttl),
            (State::HalfOpen, Evicts::Idle { open_ttl }) => {
                !self.take_mark() && is_forgotten(open_ttl)
            }
        };
        if !goes {
            return Ok(());
        }
        // Tried once: a use of the circuit meanwhile keeps it.
        let mut tx = Transition::new(shared, changes);
        match self.change(&mut tx, control, State::Vacant, Cause::Evicted) {
            Ok(_) => self.retire(shared),
            Err(Moved) => Ok(()),
        }
    }

    /// Returns whether the closed circuit is the same as none.
    ///
    /// It isn't while calls may have seats: a new cell could have the same generation, and their
    /// seats would be taken for those of its calls.
    pub(super) fn is_clean<C>(&self, shared: &Shared<C>, control: Control) -> bool {
        let forgets = |history: History| history.openings == 0;
        control.failures() == 0
            && !self.has_in_flight(control)
            && self.history(shared, control).is_ok_and(forgets)
    }

    /// Returns whether the circuit has been in this state for too long: since its time was over,
    /// where it is open; since a probe was admitted last, where it is half-open; since it closed,
    /// where it remembers openings.
    fn is_forgotten<C: Clock>(
        &self,
        shared: &Shared<C>,
        control: Control,
        open_ttl: Option<Millis>,
    ) -> Result<bool, Moved> {
        // The open time, and the time from the change to the end of the circuit's use.
        let (open, used) = match control.state() {
            // A sweep knows no rule: what isn't fixed yet stays so.
            State::Open => {
                let open = self.fixed_open_time(control)?.unwrap_or_default();
                (open, open)
            }
            // The open time isn't known any more.
            State::HalfOpen => (shared.longest_open_time(), self.probes(control)?.taken()),
            _ => (Millis::ZERO, Millis::ZERO),
        };
        let by_default = || OPEN_TTL.max(open.times(OPEN_TTL_FACTOR));
        let ttl = open_ttl.unwrap_or_else(by_default);
        let since = self.since(shared, control)?;
        Ok(shared.now() >= since + used + ttl)
    }
}
