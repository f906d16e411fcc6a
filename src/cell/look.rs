//! A look inside a circuit: its words as they stand, with nothing decided.

use super::Cell;
use super::moved::Moved;
use super::shared::Shared;
use crate::clock::Clock;
use crate::rules::Policy;
use crate::snapshot::CircuitBreakerSnapshot;
use crate::word::{Control, State, Tally, Timestamp};

/// The words of a circuit, read for an operator.
pub(crate) struct Look {
    pub(crate) snapshot: CircuitBreakerSnapshot,
    /// The time until which an open circuit rejects. `None` if no check has fixed it yet and there
    /// is no policy to decide it.
    pub(crate) open_until: Option<Timestamp>,
    /// The probes of a half-open circuit that are out.
    pub(crate) probes_out: u32,
    /// The window of a closed circuit.
    pub(crate) window: Option<Tally>,
}

impl Cell {
    /// Looks inside the circuit. Returns `None` if it reads as unknown. Decides nothing: where no
    /// check has fixed the open time, it returns what the policy would decide now.
    ///
    /// All values are of one generation, since control is read before and after. State and open
    /// time don't change within a generation, and the snapshot is of one moment. Probes and window
    /// have words of their own, and may be of another moment.
    pub(crate) fn look<C: Clock>(
        &self,
        shared: &Shared<C>,
        policy: impl Fn() -> Option<Policy>,
    ) -> Option<Look> {
        loop {
            let control = self.control();
            let snapshot = self.peek(shared)?;
            let (Ok(open_until), Ok(probes_out)) = (
                self.open_until(shared, control, &snapshot, &policy),
                self.probes_out(control),
            ) else {
                continue;
            };
            let window = self.window(control, shared);
            // A vacant circuit that has been used since is in the same generation.
            if !control.is_absent() && self.still_in(control).is_ok() {
                return Some(Look {
                    snapshot,
                    open_until,
                    probes_out,
                    window,
                });
            }
        }
    }

    fn open_until<C: Clock>(
        &self,
        shared: &Shared<C>,
        control: Control,
        snapshot: &CircuitBreakerSnapshot,
        policy: impl Fn() -> Option<Policy>,
    ) -> Result<Option<Timestamp>, Moved> {
        if control.state() != State::Open {
            return Ok(None);
        }
        let open_time = match self.fixed_open_time(control)? {
            Some(fixed) => fixed,
            None => match policy() {
                Some(policy) => self.open_time_by(shared, control, &policy)?,
                None => return Ok(None),
            },
        };
        let since = Timestamp::from_unix_ms(snapshot.last_state_change);
        Ok(Some(since + open_time))
    }

    fn probes_out(&self, control: Control) -> Result<u32, Moved> {
        if control.state() != State::HalfOpen {
            return Ok(0);
        }
        Ok(self.probes(control)?.out())
    }

    /// Returns what the window of the circuit `control` holds, if it has one.
    fn window<C: Clock>(&self, control: Control, shared: &Shared<C>) -> Option<Tally> {
        if !control.state().is_closed() || self.watch.is_empty() {
            return None;
        }
        self.watch.read(|watch| {
            watch?.tally(
                control.generation(),
                &shared.clock,
                self.keepers(shared, control),
            )
        })
    }
}
