//! One circuit's atomics: a cache line of words, and the compare-and-swap loops over them.
//!
//! The control word decides: every transition is one compare-and-swap on it, so of many racing
//! threads exactly one wins. The other words carry the tag of the generation that they belong
//! to. Seen from another generation they read as empty (or as kept, where the contract keeps
//! them), so that a transition zeroes nothing and nothing is zeroed too late.
//!
//! # The rules of the side words
//! 1. A transition, before it leaves a generation, brings all side words up to it. So they are
//!    never more than one generation behind the control word.
//! 2. Whoever needs a side word that has another tag (loaded with `Acquire`) loads control
//!    *again* and installs the word of its own generation only if that still stands. Without
//!    the second look a slow helper would put an old generation's word over a newer one.
//! 3. A time that is installed is read after the control word that showed the generation.
//! 4. After a successful compare-and-swap the value installed is used; it isn't read again.
//!
//! # Orderings
//! Control and successes are loaded and updated with `SeqCst`: a snapshot shows counts that live
//! in two words, and with less two readers could see a failure and a success in opposite orders.
//! On x86-64 and ARMv8 that costs nothing for loads and nothing over `AcqRel` for updates. The
//! other side words are `Acquire` and `Release`, since rule 2 reasons from what their reader has
//! seen to what it must then see in control.

mod admission;
mod evict;
mod filter;
mod gate;
mod group;
#[cfg(any(breakerbox_loom, breakerbox_steps))]
mod inside;
mod pins;
mod record;
#[cfg(feature = "serde")]
mod restore;
mod seats;
mod side;
mod watch;
mod window;

pub(crate) use admission::Acquired;
pub(crate) use evict::Evicts;
pub(crate) use gate::{Gate, Shared};
pub(crate) use group::Groups;
#[cfg(all(feature = "serde", any(breakerbox_loom, breakerbox_steps)))]
pub use inside::Part;
#[cfg(any(breakerbox_loom, breakerbox_steps))]
pub use inside::{Calls, Words};
#[cfg(all(feature = "serde", any(breakerbox_loom, breakerbox_steps)))]
pub(crate) use inside::{leave_place, take_place};
#[cfg(feature = "serde")]
pub(crate) use restore::Kept;

use crate::clock::Clock;
use crate::sync::Slot;
use crate::sync::atomic::{AtomicU64, Ordering};
#[cfg(not(breakerbox_loom))]
use crate::word::SLOT_BITS;
use crate::word::{Cause, Control, Generation, History, Limits, PermitToken, Pins, State};
use gate::Draw;
use group::Place;
use watch::Watch;

/// What a store keeps by key hash.
#[cfg(not(breakerbox_loom))]
const SLOTS: usize = 1 << SLOT_BITS;
/// A model needs no more, and pays for each.
#[cfg(breakerbox_loom)]
const SLOTS: usize = 2;

/// A word for each slot; not in its owner, which is made on the stack.
type Slots = Box<[AtomicU64; SLOTS]>;

fn zeroes() -> Slots {
    let words: Vec<_> = (0..SLOTS).map(|_| AtomicU64::new(0)).collect();
    match words.try_into() {
        Ok(words) => words,
        Err(_) => unreachable!("there are as many as there are slots"),
    }
}

/// One circuit: eight words, a line of its own.
///
/// Alignment keeps circuits from sharing lines: a storm on one costs its neighbours nothing.
#[repr(align(64))]
pub(crate) struct Cell {
    /// See [`Control`].
    control: AtomicU64,
    /// Side word: a count.
    successes: AtomicU64,
    /// Side word: when this generation was born.
    stamp: AtomicU64,
    /// Side word: when the last failure was recorded. Kept through transitions, dropped where a
    /// new life begins.
    last_failure: AtomicU64,
    /// Side word: while open, for how long; while half-open, its probes.
    recovery: AtomicU64,
    /// Side word, see [`History`](crate::word::History). Kept through transitions.
    history: AtomicU64,
    /// See [`Pins`].
    pins: AtomicU64,
    /// What is known of single calls, where the rules want to know of them.
    watch: Slot<Watch>,
}

#[cfg(not(breakerbox_loom))]
const _: () = assert!(size_of::<Cell>() == 64, "one line");

/// The cell has left the map: look the key up again.
#[derive(Debug)]
pub(crate) struct Gone;

/// A transition that has taken place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Change {
    pub(crate) from: State,
    pub(crate) to: State,
    pub(crate) generation: Generation,
    /// Unix ms.
    pub(crate) at: u64,
    pub(crate) cause: Cause,
    /// Decided by rules that only look on.
    pub(crate) shadow: bool,
}

/// The transitions that one operation made, to be announced when it is done.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    wanted: bool,
    shadow: bool,
    list: Vec<Change>,
}

impl Changes {
    /// `wanted`: somebody listens. If not, nothing is kept and nothing allocated.
    pub(crate) const fn new(wanted: bool) -> Self {
        Self {
            wanted,
            shadow: false,
            list: Vec::new(),
        }
    }

    fn push(&mut self, from: State, next: Control, cause: Cause) {
        if self.wanted {
            let (to, generation) = (next.state(), next.generation());
            self.list.push(Change {
                from,
                to,
                generation,
                at: 0,
                cause,
                shadow: self.shadow,
            });
        }
    }

    /// Whether somebody listens.
    const fn is_wanted(&self) -> bool {
        self.wanted
    }

    /// The time of the change that was pushed last.
    fn stamp(&mut self, at: impl FnOnce() -> u64) {
        if let Some(change) = self.list.last_mut() {
            change.at = at();
        }
    }

    #[inline]
    pub(crate) const fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    pub(crate) fn into_list(self) -> Vec<Change> {
        self.list
    }
}

impl Cell {
    /// An unborn cell: vacant until its first user gives it the birth generation of `hash`'s
    /// slot. That is read after the cell is in the map, or a removal in between could be missed.
    pub(crate) fn new(hash: u64) -> Self {
        let pins = Pins::new(hash);
        Self {
            control: AtomicU64::new(Control::UNBORN.bits()),
            successes: AtomicU64::new(0),
            stamp: AtomicU64::new(0),
            last_failure: AtomicU64::new(0),
            recovery: AtomicU64::new(0),
            history: AtomicU64::new(0),
            pins: AtomicU64::new(pins.bits()),
            watch: Slot::empty(),
        }
    }

    #[inline]
    fn control(&self) -> Control {
        // SeqCst: see the module's orderings.
        Control::from_bits(self.control.load(Ordering::SeqCst))
    }

    /// The healthy path's look: the generation, if the circuit is closed and not watched.
    #[inline]
    pub(crate) fn closed_generation(&self) -> Option<Generation> {
        // Relaxed: a closed circuit's permit needs this word alone; its report decides anew.
        let control = Control::from_bits(self.control.load(Ordering::Relaxed));
        control.is_plainly_closed().then(|| control.generation())
    }

    /// Whether a success of a call with this permit changes nothing: the circuit is closed, without
    /// failures, and still in that generation, and the call has no seat to give back.
    #[inline]
    pub(crate) fn is_clean_for(&self, permit: PermitToken) -> bool {
        // SeqCst: the report linearizes here, in one order with the failures counted.
        permit.is_plain() && self.control().is_clean_in(permit.issued())
    }

    /// The one compare-and-swap on control: `from` to `to`.
    ///
    /// Keeps the store's counts: raised before an update that needs it, lowered after one that
    /// no longer does, so that they err upwards only.
    #[inline]
    fn exchange<C>(&self, shared: &Shared<C>, from: Control, to: Control) -> bool {
        let soils = !from.is_unclean() && to.is_unclean();
        if soils {
            shared.gate.soil(self.slot());
        }
        // SeqCst: see the module's orderings. Relaxed on failure: every caller loads again.
        let done = self
            .control
            .compare_exchange(from.bits(), to.bits(), Ordering::SeqCst, Ordering::Relaxed)
            .is_ok();
        let cleans = from.is_unclean() && !to.is_unclean();
        if (done && cleans) || (!done && soils) {
            shared.gate.cleaned(self.slot());
        }
        if done && from.is_absent() != to.is_absent() {
            if to.is_absent() {
                shared.gate.died()
            } else {
                shared.gate.born()
            }
        }
        done
    }

    /// One attempt to move the circuit from `control` to state `to`. The word put in; `None`: the
    /// circuit has changed, decide again.
    fn change<C: Clock>(
        &self,
        by: &mut Mover<'_, C>,
        control: Control,
        to: State,
        cause: Cause,
    ) -> Option<Control> {
        let next = |generation| match to {
            State::Vacant => control.vacated(generation),
            // Watched from its first moment: a call before `agree` would otherwise be in no window
            // and have no seat.
            State::Closed => self.as_watched(control.moved(to, generation)),
            _ => control.moved(to, generation),
        };
        let next = self.put_next(by, control, next, cause)?;
        if to == State::Closed {
            self.agree(by.shared);
        }
        Some(next)
    }

    /// Changes the state by hand, else as [`change`](Self::change) does. A circuit that is closed
    /// by hand counts as recovered: its next opening is the first of a row.
    fn change_by_hand<C: Clock>(
        &self,
        by: &mut Mover<'_, C>,
        control: Control,
        to: State,
    ) -> Option<Control> {
        if to == State::Closed {
            // Forgotten before the change, so that no opening after it can find them. If the
            // circuit moves on instead, the caller closes it from there.
            let openings = 0;
            let none = |seen: History| (seen.openings != 0).then_some(History { openings, ..seen });
            self.remember(by.shared, control, none);
        }
        self.change(by, control, to, Cause::Manual)
    }

    /// One attempt to open the circuit from `control`, which `counted` is with what opens it, for
    /// as long as `limits` say, or an upstream asks for.
    fn open<C: Clock>(
        &self,
        by: &mut Mover<'_, C>,
        control: Control,
        counted: Control,
        opening: Opening<'_>,
    ) -> Opened {
        // A circuit that was open before has its place already, or never needed one.
        if control.state().is_closed()
            && let Err(open) = by.take_place(opening.limits.cap)
        {
            return self.hold_back(by, control, counted, opening.limits, open);
        }
        let Some(escalated) = self.follows_closely(by.shared, control, opening.limits) else {
            return Opened::Moved;
        };
        let next = |generation| counted.opened(generation, escalated);
        let Some(opened) = self.put_next(by, control, next, opening.cause) else {
            return Opened::Moved;
        };
        // Fixed before the trip returns. `None`: the circuit has moved on already.
        let _ = self.fix_open_ms(by.shared, opened, opening.limits, opening.retry_after_ms);
        Opened::Done
    }

    /// Whether an opening now follows another without a stable time between. `None`: the circuit
    /// has moved on.
    fn follows_closely<C: Clock>(
        &self,
        shared: &Shared<C>,
        control: Control,
        limits: &Limits,
    ) -> Option<bool> {
        if !control.state().is_closed() {
            return Some(true);
        }
        if !limits.open.backs_off() || control.is_new_life() {
            return Some(false);
        }
        let closed_for = shared.now().saturating_sub(self.since(shared, control)?);
        Some(closed_for < limits.open.stable_ms)
    }

    /// Draws a generation, puts the word for it in, stamps and notes it.
    fn put_next<C: Clock>(
        &self,
        by: &mut Mover<'_, C>,
        control: Control,
        next: impl FnOnce(Generation) -> Control,
        cause: Cause,
    ) -> Option<Control> {
        let shared = by.shared;
        if !self.bring_up(shared, control) {
            return None;
        }
        let next = next(by.draw.after(control.generation(), self.slot()));
        if !self.exchange(shared, control, next) {
            return None;
        }
        self.settle_place(by, control, next);
        by.draw.settle(control, next);

        // Noted first: the clock below is the user's, and may panic.
        by.changes.push(control.state(), next, cause);
        // The winner stamps before it returns. A vacant circuit has no birth yet: its revival
        // will be stamped. One that has moved on already was stamped, and bears another's stamp.
        let since = if next.is_absent() {
            None
        } else {
            self.since(shared, next)
        };
        by.changes.stamp(|| since.unwrap_or_else(|| shared.now()));
        Some(next)
    }
}

/// What opens a circuit.
#[derive(Clone, Copy)]
struct Opening<'a> {
    limits: &'a Limits,
    /// What the upstream asks for; 0: nothing.
    retry_after_ms: u64,
    cause: Cause,
}

/// What became of an attempt to open a circuit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use]
enum Opened {
    Done,
    /// The circuit has changed: decide again.
    Moved,
    /// It stays closed, with what would have opened it counted: enough others are open.
    HeldBack,
}

/// What an operation needs to make transitions: one draw, and one place of a group, kept over its
/// attempts.
struct Mover<'a, C> {
    shared: &'a Shared<C>,
    draw: Draw<'a>,
    place: Option<Place<'a>>,
    changes: &'a mut Changes,
}

impl<'a, C> Mover<'a, C> {
    fn new(shared: &'a Shared<C>, changes: &'a mut Changes) -> Self {
        Self {
            shared,
            draw: shared.gate.draw(),
            place: None,
            changes,
        }
    }

    /// By rules: whether they only look on is said with each change.
    fn by_rules(shared: &'a Shared<C>, changes: &'a mut Changes, limits: &Limits) -> Self {
        changes.shadow = limits.shadow;
        Self::new(shared, changes)
    }
}

/// Whether a store keeps what it knows by hash of two keys in one place.
#[cfg(breakerbox_loom)]
pub(crate) fn share_a_slot(hashes: [u64; 2]) -> bool {
    let [one, other] = hashes.map(|hash| crate::word::slot_of(hash) % SLOTS);
    one == other
}

impl std::fmt::Debug for Cell {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Cell").field(&self.control()).finish()
    }
}
