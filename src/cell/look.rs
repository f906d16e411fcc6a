//! A circuit as it looks from inside: what its words say, and no more than that.

use super::Cell;
use super::shared::Shared;
use crate::clock::Clock;
use crate::rules::Policy;
use crate::snapshot::CircuitBreakerSnapshot;
use crate::word::{Control, Probes, State, Tally};

/// What a look into a circuit finds.
pub(crate) struct Look {
    pub(crate) snapshot: CircuitBreakerSnapshot,
    /// Until when an open circuit rejects, in Unix ms; `None`: no check has fixed that yet, and there
    /// are no policy to say it.
    pub(crate) open_until: Option<u64>,
    /// Probes of a half-open circuit that have a slot.
    pub(crate) probes_out: u32,
    /// The window of a closed circuit.
    pub(crate) window: Option<Tally>,
}

/// The circuit has moved on during the look.
struct Moved;

impl Cell {
    /// Looks into the circuit; `None` if it reads as unknown. Fixes nothing: where no check has fixed
    /// until when it is open, it is what the policy would say now, if there are any.
    ///
    /// All is of one generation: found the same in control before and after. Within it state and open
    /// time don't change, and the snapshot is of one moment; probes and window, in words of their
    /// own, may be of another.
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
            let window = self.window(control, || shared.now());
            // A vacant circuit that has come to life since is in the same generation.
            if !control.is_absent() && self.still_in(control) {
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
    ) -> Result<Option<u64>, Moved> {
        if control.state() != State::Open {
            return Ok(None);
        }
        let for_ms = match self.fixed_open_ms(control).ok_or(Moved)? {
            Some(fixed) => fixed,
            None => match policy() {
                Some(policy) => self.open_ms_by(shared, control, &policy).ok_or(Moved)?,
                None => return Ok(None),
            },
        };
        Ok(Some(snapshot.last_state_change.saturating_add(for_ms)))
    }

    fn probes_out(&self, control: Control) -> Result<u32, Moved> {
        if control.state() != State::HalfOpen {
            return Ok(0);
        }
        let probes = self.probes(control).ok_or(Moved)?;
        Ok(Probes::from_payload(probes.payload()).out())
    }

    /// Returns what the window of the circuit `control` holds, if it has one.
    fn window(&self, control: Control, now: impl FnOnce() -> u64) -> Option<Tally> {
        if !control.state().is_closed() || self.watch.is_empty() {
            return None;
        }
        self.watch
            .read(|watch| watch?.tally(control.generation(), now))
    }
}
