//! Pins and removal: a cell that a handle holds stays in the map, any other may leave it.
//!
//! # How a cell leaves
//! 1. A reset makes it *vacant*, in place: from here on it reads as unknown. Nothing is lost by
//!    what follows, since a vacant circuit is the same as none. (An eviction leaves this step out
//!    where the circuit is clean.)
//! 2. A cell that seems unpinned is made *retired*. That is an offer, not yet the end: until step 3
//!    it is undecided whether there is a circuit.
//! 3. The pins word decides: sealed while nobody holds a pin, the cell is gone for good; its
//!    generation is raised in the birth slots, then its entry leaves the map. If a handle does
//!    hold a pin, the cell becomes what it was before step 2, as if that had never been.
//!
//! Each operation that meets a retired cell takes step 3 itself, before it says anything of the
//! circuit, so no thread waits. Going back needs a pin *in hand*, so a sealed cell is never brought
//! back; and the seal is put in by compare-and-swap from pins read *before* control was seen
//! retired, so a cell that was brought back in between is never sealed: bringing it back took a
//! pin, and a pin changes the word for good.

use super::moved::Moved;
use super::shared::Shared;
use super::{Cell, Gone};
use crate::sync::atomic::Ordering;
use crate::word::{Control, Pins, State};

impl Cell {
    fn pins(&self) -> Pins {
        // SeqCst: weighed against the rules by hand (see `ByHand::find`). It includes Acquire, which
        // pairs with the Release in `unpin`, so that a thread that sees a pin gone sees what its
        // holder did to control; and which keeps the load before the one of control that follows.
        Pins::from_bits(self.pins.load(Ordering::SeqCst))
    }

    fn put_pins(&self, seen: Pins, next: Pins) -> Result<(), Moved> {
        // SeqCst: as in `pins`. It includes AcqRel: a pin and a seal are in one order, and each sees
        // what went before the other. Relaxed on failure: the caller loads again.
        self.pins
            .compare_exchange(
                seen.bits(),
                next.bits(),
                Ordering::SeqCst,
                Ordering::Relaxed,
            )
            .map_or(Err(Moved), |_| Ok(()))
    }

    /// What of the store's is kept by the key's hash.
    #[inline]
    pub(super) fn stripe(&self) -> usize {
        // Relaxed: these bits never change.
        Pins::from_bits(self.pins.load(Ordering::Relaxed)).stripe()
    }

    pub(crate) fn is_pinned(&self) -> bool {
        self.pins().is_pinned()
    }

    /// Notes that the circuit is in use, where that keeps it from eviction. The use that creates
    /// a circuit doesn't: who calls each key once would be in use all the time.
    pub(super) fn mark_used<C>(&self, shared: &Shared<C>) {
        if !shared.evicts || self.control().is_absent() {
            return;
        }
        // Relaxed: a hint for the sweep. Written at most once between two sweeps.
        if !Pins::from_bits(self.pins.load(Ordering::Relaxed)).is_used() {
            self.pins.fetch_or(Pins::USED, Ordering::Relaxed);
        }
    }

    /// Takes the mark of use away. Returns whether there was one.
    #[must_use]
    pub(super) fn take_mark(&self) -> bool {
        // Relaxed: as in `mark_used`.
        Pins::from_bits(self.pins.fetch_and(!Pins::USED, Ordering::Relaxed)).is_used()
    }

    /// Holds the cell in the map for a handle, until [`unpin`](Self::unpin).
    ///
    /// # Panics
    /// At 2^22 handles of one circuit.
    pub(crate) fn pin<C>(&self, shared: &Shared<C>) -> Result<(), Gone> {
        assert!(
            !self.pins().has_most_handles(),
            "too many handles of one circuit"
        );
        self.hold(shared)
    }

    fn hold<C>(&self, shared: &Shared<C>) -> Result<(), Gone> {
        loop {
            let seen = self.pins();
            let Some(pinned) = seen.pinned() else {
                // Sealed: help it on its way, then the caller looks the key up again.
                let _ = self.resolve(shared);
                return Err(Gone);
            };
            if self.put_pins(seen, pinned).is_ok() {
                return Ok(());
            }
        }
    }

    pub(crate) fn unpin(&self) {
        // Release: pairs with the Acquire in `pins`.
        self.pins.fetch_sub(Pins::UNPIN, Ordering::Release);
    }

    /// Takes a vacant cell out of use if no handle holds it. `Ok`: it is still in use.
    pub(crate) fn retire<C>(&self, shared: &Shared<C>) -> Result<(), Gone> {
        loop {
            let control = self.control();
            match control.state() {
                State::Vacant if self.pins().is_pinned() => return Ok(()),
                // The exchange may lose to a revival; then there is nothing to retire.
                State::Vacant => {
                    let _ = self.exchange(shared, control, control.retired());
                }
                State::Retired => return self.resolve(shared),
                _ => return Ok(()),
            }
        }
    }

    /// Step 3: decides whether a retired cell is gone or in use again, for everybody.
    pub(super) fn resolve<C>(&self, shared: &Shared<C>) -> Result<(), Gone> {
        loop {
            // The pins before control: see the module.
            let seen = self.pins();
            let control = self.control();
            if control.state() != State::Retired {
                return Ok(());
            }
            if seen.is_sealed() {
                return Err(self.publish_removal(shared, control));
            }
            if let Some(sealed) = seen.sealed() {
                if self.put_pins(seen, sealed).is_ok() {
                    return Err(self.publish_removal(shared, control));
                }
            } else if self.hold(shared).is_ok() {
                // Pinned: it becomes what it was, and while we hold a pin no thread can seal it.
                // Where it fails, another thread with a pin was first.
                let _ = self.exchange(shared, control, control.unretired());
                self.agree(shared);
                self.unpin();
                return Ok(());
            }
        }
    }

    /// Confirms that the circuit whose word reads as unknown is that. An offer to remove it is
    /// decided first; [`Moved`] if that brought the cell back.
    #[cold]
    pub(super) fn confirm_absent<C>(
        &self,
        shared: &Shared<C>,
        control: Control,
    ) -> Result<(), Moved> {
        match control.state() {
            State::Retired => match self.resolve(shared) {
                Ok(()) => Err(Moved),
                Err(Gone) => Ok(()),
            },
            _ => Ok(()),
        }
    }

    /// Records the generation of a sealed cell for its stripe, before its entry leaves the map.
    fn publish_removal<C>(&self, shared: &Shared<C>, control: Control) -> Gone {
        shared.note_removal(self.stripe(), control.generation());
        Gone
    }
}
