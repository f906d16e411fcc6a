//! One circuit's atomics: a cache line of words, and the compare-and-swap loops over them.
//!
//! The control word decides: every transition is one compare-and-swap on it, so of many racing
//! threads exactly one wins. The other words carry the tag of the generation that they belong to.
//! Seen from another generation they read as empty, or as kept where the contract keeps them. So a
//! transition zeroes nothing, and nothing is zeroed too late.
//!
//! # The rules of the side words
//! 1. Before a transition leaves a generation, it brings all side words up to it. So they are never
//!    more than one generation behind the control word.
//! 2. A thread that needs a side word with another tag (loaded with `Acquire`) loads control
//!    *again*, and installs the word of its own generation only if that still stands. Without the
//!    second look a slow thread would put an old generation's word over a newer one.
//! 3. A time to be installed is read after the control word that showed the generation.
//! 4. After a successful compare-and-swap the installed value is used; it isn't read again.
//! 5. A word with the right tag that isn't set yet, such as the duration of an open circuit, is set
//!    under the same second look. If that fails, the caller decides again: the word may never be
//!    set.
//!
//! # Orderings
//! Control and successes are loaded and updated with `SeqCst`. A snapshot shows counts that live in
//! two words; with a weaker ordering two readers could see a failure and a success in opposite
//! orders. On x86-64 and ARMv8 this costs nothing over `Acquire` for loads and nothing over
//! `AcqRel` for updates. The other side words need `Acquire` loads, and in updates the `Release`
//! that the `SeqCst` of `Cell::put` includes: rule 2 reasons from the side word that a thread has
//! seen to the control word that it must see then.

mod acquire;
mod changes;
mod evict;
mod filter;
mod group;
mod in_flight;
#[cfg(any(breakerbox_loom, breakerbox_steps))]
mod inside;
mod known;
mod look;
mod moved;
mod openings;
mod pins;
mod record;
mod rejection;
mod report;
#[cfg(feature = "serde")]
mod restore;
mod shared;
mod side;
mod stripes;
mod success;
mod summary;
mod ticket;
mod transition;
mod watch;
mod watching;
mod window;

pub(crate) use acquire::Acquired;
pub(crate) use changes::{Change, Changes};
pub(crate) use evict::Evicts;
#[cfg(all(feature = "serde", any(breakerbox_loom, breakerbox_steps)))]
pub use inside::Part;
#[cfg(any(breakerbox_loom, breakerbox_steps))]
pub use inside::Words;
#[cfg(all(feature = "serde", any(breakerbox_loom, breakerbox_steps)))]
pub(crate) use inside::{leave_place, take_place};
pub(crate) use openings::OPENINGS;
pub(crate) use record::Unknown;
#[cfg(feature = "serde")]
pub(crate) use restore::{Kept, Restored};
pub(crate) use shared::{Shared, Sizes};
#[cfg(breakerbox_loom)]
pub(crate) use stripes::share_a_stripe;
pub(crate) use success::Shortly;
pub(crate) use summary::Summary;
#[cfg(any(breakerbox_loom, breakerbox_steps))]
pub use watch::Calls;

use crate::rules::{Admission, on_acquire};
use crate::stats::Refusals;
use crate::sync::atomic::{AtomicU64, Ordering};
use crate::sync::{EpochCell, Headed};
use crate::word::{Control, Generation, PermitToken, Pins};
use watch::Watch;

/// One circuit: eight words in a cache line of their own.
///
/// The alignment keeps circuits from sharing lines: a storm on one costs its neighbours nothing.
#[repr(align(64))]
pub(crate) struct Cell {
    /// The decision; see [`Control`].
    control: AtomicU64,
    /// Side word: a count.
    successes: AtomicU64,
    /// Side word: when this generation began.
    stamp: AtomicU64,
    /// Side word: when the last failure was recorded. Kept through transitions, dropped where a
    /// new life begins.
    last_failure: AtomicU64,
    /// Side word: while open, for how long; while half-open, its probes; while closed, whether its
    /// window is quiet.
    phase: AtomicU64,
    /// Side word: see [`History`](crate::word::History). Kept through transitions.
    history: AtomicU64,
    /// The handles that hold the cell; see [`Pins`].
    pins: AtomicU64,
    /// The single calls, where the rules count each of them.
    watch: EpochCell<Watch>,
}

impl Headed for Cell {
    type Head = Refusals;
}

#[cfg(not(breakerbox_loom))]
const _: () = {
    assert!(size_of::<Cell>() == 64, "one line");
    assert!(crate::sync::Arc::<Cell>::SIZE == 128, "and one before it");
};

/// The answer of a cell that has left the map: the caller looks the key up again.
#[derive(Debug)]
pub(crate) struct Gone;

impl Cell {
    /// Makes a fresh cell for a key with this hash: vacant, until its first user gives it the
    /// generation of the stripe's last removal. That is read after the cell is in the map, or a
    /// removal in between could be missed.
    pub(crate) fn new(hash: u64) -> Self {
        Self {
            control: AtomicU64::new(Control::FRESH.bits()),
            successes: AtomicU64::new(0),
            stamp: AtomicU64::new(0),
            last_failure: AtomicU64::new(0),
            phase: AtomicU64::new(0),
            history: AtomicU64::new(0),
            pins: AtomicU64::new(Pins::new(hash).bits()),
            watch: EpochCell::empty(),
        }
    }

    #[inline]
    fn control(&self) -> Control {
        // SeqCst: see the module's orderings.
        Control::from_bits(self.control.load(Ordering::SeqCst))
    }

    /// Returns the generation if the circuit is closed and not watched: the healthy path's look.
    #[inline]
    pub(crate) fn closed_generation(&self) -> Option<Generation> {
        // Relaxed: a closed circuit's permit needs this word alone, and its report decides anew.
        let control = Control::from_bits(self.control.load(Ordering::Relaxed));
        control.is_plainly_closed().then(|| control.generation())
    }

    /// Returns the generation if the circuit admits calls and none of them needs a slot.
    #[inline]
    pub(crate) fn admitting_generation(&self) -> Option<Generation> {
        let control = self.control();
        matches!(on_acquire(control), Admission::Admit).then(|| control.generation())
    }

    /// Returns whether a success of a call with this permit changes nothing: the circuit is closed,
    /// without failures and still in that generation, and the call holds no slot.
    #[inline]
    pub(crate) fn is_clean_for(&self, permit: PermitToken) -> bool {
        // SeqCst: the report takes effect at this load, in one order with the counted failures.
        permit.is_plain() && self.control().is_clean_in(permit.issued())
    }
}

impl std::fmt::Debug for Cell {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Cell").field(&self.control()).finish()
    }
}
