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
mod changes;
mod evict;
mod filter;
mod group;
mod in_flight;
#[cfg(any(breakerbox_loom, breakerbox_steps))]
mod inside;
mod look;
mod openings;
mod pins;
mod record;
#[cfg(feature = "serde")]
mod restore;
mod shared;
mod side;
mod stripes;
mod summary;
mod ticket;
mod transition;
mod watch;
mod watching;
mod window;

pub(crate) use admission::Acquired;
pub(crate) use changes::{Change, Changes};
pub(crate) use evict::Evicts;
#[cfg(all(feature = "serde", any(breakerbox_loom, breakerbox_steps)))]
pub use inside::Part;
#[cfg(any(breakerbox_loom, breakerbox_steps))]
pub use inside::{Calls, Words};
#[cfg(all(feature = "serde", any(breakerbox_loom, breakerbox_steps)))]
pub(crate) use inside::{leave_place, take_place};
pub(crate) use openings::OPENINGS;
#[cfg(feature = "serde")]
pub(crate) use restore::Kept;
pub(crate) use shared::Shared;
#[cfg(breakerbox_loom)]
pub(crate) use stripes::share_a_stripe;
pub(crate) use summary::Summary;

use crate::stats::Refusals;
use crate::sync::atomic::{AtomicU64, Ordering};
use crate::sync::{EpochCell, Headed};
use crate::word::{Control, Generation, PermitToken, Pins};
use watch::Watch;

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
    phase: AtomicU64,
    /// Side word, see [`History`](crate::word::History). Kept through transitions.
    history: AtomicU64,
    /// See [`Pins`].
    pins: AtomicU64,
    /// What is known of single calls, where the rules want to know of them.
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

/// The cell has left the map: look the key up again.
#[derive(Debug)]
pub(crate) struct Gone;

impl Cell {
    /// An unborn cell: vacant until its first user gives it the birth generation of `hash`'s
    /// stripe. That is read after the cell is in the map, or a removal in between could be missed.
    pub(crate) fn new(hash: u64) -> Self {
        let pins = Pins::new(hash);
        Self {
            control: AtomicU64::new(Control::FRESH.bits()),
            successes: AtomicU64::new(0),
            stamp: AtomicU64::new(0),
            last_failure: AtomicU64::new(0),
            phase: AtomicU64::new(0),
            history: AtomicU64::new(0),
            pins: AtomicU64::new(pins.bits()),
            watch: EpochCell::empty(),
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
}

impl std::fmt::Debug for Cell {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Cell").field(&self.control()).finish()
    }
}
