//! The words of a cell as they stand, for tests that compare them at rest.

use super::Cell;
use super::Gone;
#[cfg(feature = "serde")]
use super::changes::Changes;
use super::group::Groups;
use super::restore::Kept;
use super::shared::Shared;
use super::transition::Transition;
use crate::clock::Clock;
use crate::rules::{Policy, is_stale};
use crate::sync::atomic::Ordering;
use crate::word::{Call, History, PermitToken, Pins, Side, State};

/// The words of one cell, as they stand for its generation. To be read at rest: they aren't loaded
/// at one moment.
///
/// Reading them installs and fixes nothing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Words {
    /// The state's name in the source, since `Watched` isn't public.
    pub state: String,
    /// Whether it reads as unknown; then the fields after `generation` say nothing.
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
    /// While open: for how long, in ms, if that is fixed.
    pub open_ms: Option<u64>,
    /// While half-open: its probes' payload.
    pub probes: Option<u64>,
    /// Openings without a stable time between.
    pub openings: u32,
    /// The number of the group in which it has a place; 0 for none.
    pub group: u16,
    /// What is in the slot of the watch, in any generation.
    pub watch: Option<Calls>,
    /// The number of handles that hold it.
    pub handles: u64,
}

/// What a watch holds of single calls.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Calls {
    /// The policy wants it.
    pub on: bool,
    /// A rule by hand covers the circuit, of which there is a handle.
    pub held: bool,
    /// In the window of this generation: calls, failures, slow calls. `None`: no window of it.
    pub window: Option<[u32; 3]>,
    /// The number of seats that are taken in this generation.
    pub in_flight: u32,
}

impl Cell {
    /// Takes the first step of a report alone: frees its seat.
    pub(crate) fn leave_alone(&self, permit: PermitToken) {
        self.leave(permit);
    }

    /// Takes the next step of a report under rules over a window alone: counts the call in it.
    /// `false`: the report is stale, or there is nothing to count in.
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
            .is_some()
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
            open_ms: phase.filter(|_| is_open).and_then(Side::as_time),
            probes: (state == State::HalfOpen).then(|| probes.payload()),
            openings: history.openings,
            group: history.group,
            watch: self
                .watch
                .read(|watch| watch.map(|watch| watch.calls(generation, shared.now()))),
            handles: Pins::from_bits(self.pins.load(Ordering::Acquire)).handles(),
        }
    }
}

#[cfg(feature = "serde")]
impl Cell {
    /// One step of an import.
    pub(crate) fn restore_part<C: Clock>(
        &self,
        shared: &Shared<C>,
        kept: &Kept,
        part: Part,
        changes: &mut Changes,
    ) -> Result<bool, Gone> {
        let control = self.alive(shared)?;
        match part {
            Part::Time => {
                self.raise_last_failure(control, kept.snapshot.last_failure_time);
            }
            Part::State if control.state().is_closed() && control.failures() == 0 => {
                let mut kept = kept.clone();
                (kept.open_for_ms, kept.openings) = (None, 0);
                kept.snapshot.success_count = 0;
                let mut tx = Transition::new(shared, changes);
                return Ok(self.restore_over(&mut tx, control, &kept));
            }
            Part::State => {}
            Part::Rest => self.restore_rest(shared, control, kept),
        }
        Ok(false)
    }

    /// The first step of closing by hand: its next opening is the first of a row.
    pub(crate) fn forget_row<C: Clock>(&self, shared: &Shared<C>) {
        let control = self.control();
        let none = |seen: History| {
            Some(History {
                openings: 0,
                ..seen
            })
        };
        self.remember(shared, control, none);
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
    /// The rest of it: the open time, the successes, the row of openings.
    Rest,
}

/// A place of the group of this name is taken, as by a circuit that is about to open.
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
