//! The words of a cell as they stand, for tests that compare them at rest.

use super::Cell;
use super::Gone;
#[cfg(feature = "serde")]
use super::changes::Changes;
use super::group::Groups;
use super::restore::{Kept, Restored};
use super::shared::Shared;
use super::transition::Transition;
use super::watch::Calls;
use crate::clock::Clock;
use crate::rules::{Policy, is_stale};
use crate::sync::atomic::Ordering;
use crate::word::{Call, History, Millis, PermitToken, Pins, Side, State, Timestamp};

/// The words of one cell as they stand for its generation, to be read at rest: they aren't loaded
/// at one moment.
///
/// The read installs and fixes nothing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Words {
    /// The state's name in the source, since `Watched` isn't public.
    pub state: String,
    /// Whether it reads as unknown; then the fields after `generation` mean nothing.
    pub is_absent: bool,
    /// Whether a check may be rejected.
    pub may_reject: bool,
    /// Whether a success may change it.
    pub is_unclean: bool,
    /// The generation in the control word.
    pub generation: u64,
    /// Whether the flag is set: a new life, a half-open that a probe began, or an opening that
    /// follows another.
    pub is_marked: bool,
    /// The open time in ms, if the circuit is open and the time is fixed.
    pub open_ms: Option<u64>,
    /// The payload of the probes, if the circuit is half-open.
    pub probes: Option<u64>,
    /// Openings without a stable time between.
    pub openings: u32,
    /// The number of the group in which it has a place; 0 for none.
    pub group: u16,
    /// The watch, of any generation.
    pub watch: Option<Calls>,
    /// The number of handles that hold it.
    pub handles: u64,
}

impl Cell {
    /// Takes the mark of use away, as a sweep does.
    #[cfg(breakerbox_loom)]
    pub(crate) fn take_mark_alone<C>(&self, shared: &Shared<C>) -> bool {
        self.take_mark(shared)
    }

    /// Takes the first step of a report alone: frees its slot.
    pub(crate) fn leave_alone(&self, permit: PermitToken) {
        self.leave(permit);
    }

    /// Takes the next step of a report under rules over a window alone: counts the call in the
    /// window. Returns `false` if the report is stale or there is no window.
    pub(crate) fn count_alone<C: Clock>(
        &self,
        shared: &Shared<C>,
        permit: PermitToken,
        failed: bool,
        policy: &Policy,
    ) -> bool {
        let control = self.control();
        if !control.state().is_closed() || is_stale(control.generation(), permit) {
            return false;
        }
        if control.state() == State::Closed {
            self.watch_closely(shared, control, policy);
        }
        let call = Call {
            failed,
            slow: false,
        };
        self.leave(permit);
        self.count_call(shared, self.control(), call, policy)
            .is_ok()
    }

    pub(crate) fn words<C: Clock>(&self, shared: &Shared<C>) -> Words {
        let control = self.control();
        let (state, generation) = (control.state(), control.generation());
        // Acquire, here and below: read at rest.
        let own = |bits| Some(Side::from_bits(bits)).filter(|side| side.belongs_to(generation));
        let phase = own(self.phase.load(Ordering::Acquire));
        let history = Side::from_bits(self.history.load(Ordering::Acquire));
        let is_own = history.belongs_to(generation);
        let history = History::from_payload(history.payload());
        let history = if is_own {
            history
        } else {
            history.inherited(control)
        };
        let probes = phase.unwrap_or_else(|| super::side::phase_of(control));
        let is_open = state == State::Open;
        Words {
            state: format!("{state:?}"),
            is_absent: control.is_absent(),
            may_reject: state.may_reject(),
            is_unclean: control.is_unclean(),
            generation: generation.bits(),
            is_marked: control.is_new_life()
                || control.is_begun_by_probe()
                || control.is_escalated(),
            open_ms: phase
                .filter(|_| is_open)
                .and_then(Side::millis)
                .map(Millis::get),
            probes: (state == State::HalfOpen).then(|| probes.payload()),
            openings: history.openings,
            group: history.group,
            watch: self.watch.read(|watch| {
                watch.map(|watch| {
                    watch.calls(generation, &shared.clock, self.keepers(shared, control))
                })
            }),
            handles: Pins::from_bits(self.pins.load(Ordering::Acquire)).handles(),
        }
    }
}

#[cfg(feature = "serde")]
impl Cell {
    /// Takes one step of an import.
    pub(crate) fn restore_part<C: Clock>(
        &self,
        shared: &Shared<C>,
        kept: &Kept,
        part: Part,
        changes: &mut Changes,
    ) -> Result<Restored, Gone> {
        let control = self.alive(shared)?;
        match part {
            Part::Time => {
                let _ = self.raise_last_failure(
                    control,
                    Timestamp::from_unix_ms(kept.snapshot.last_failure_time),
                );
            }
            Part::State if control.state().is_closed() && control.failures() == 0 => {
                let mut kept = kept.clone();
                (kept.open_for, kept.openings) = (None, 0);
                kept.snapshot.success_count = 0;
                let mut tx = Transition::new(shared, changes);
                return Ok(match self.restore_over(&mut tx, control, &kept) {
                    Ok(()) => Restored::Done,
                    Err(_) => Restored::Occupied,
                });
            }
            Part::State => {}
            Part::Rest => {
                let _ = self.restore_rest(shared, control, kept);
            }
        }
        Ok(Restored::Occupied)
    }

    /// Takes the first step of closing by hand: the next opening will be the first of a series.
    pub(crate) fn forget_row<C: Clock>(&self, shared: &Shared<C>) {
        let control = self.control();
        let none = |seen: History| {
            Some(History {
                openings: 0,
                ..seen
            })
        };
        let _ = self.remember(shared, control, none);
    }
}

/// A step of an import into a circuit that was found clean, in this order.
#[cfg(feature = "serde")]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Part {
    /// The time of the last failure.
    Time,
    /// State and failures.
    State,
    /// The rest: the open time, the successes and the openings in a row.
    Rest,
}

/// Takes a place in the group of this name, as a circuit does that is about to open.
#[cfg(feature = "serde")]
pub(crate) fn take_place(groups: &Groups, name: &str) {
    // `leave_place` gives it back.
    std::mem::forget(groups.take_anyway(name));
}

/// Gives the place back.
#[cfg(feature = "serde")]
pub(crate) fn leave_place(groups: &Groups, name: &str) {
    let number = groups.numbers(&[name]);
    number.into_iter().for_each(|group| groups.leave(group));
}
