//! Pins and removal: a cell that a handle holds stays in the map; any other may leave it.
//!
//! # How a cell leaves
//! 1. A reset makes it *vacant*, in place: from here on it reads as unknown. The steps that follow
//!    lose nothing, since a vacant circuit is the same as none. (An eviction leaves this step out
//!    where the circuit is clean.)
//! 2. A cell that seems unpinned is made *retired*. That is an offer: until step 3 it is undecided
//!    whether there is a circuit.
//! 3. The pins word decides. If no handle holds a pin, it is sealed and the cell is gone for good:
//!    its generation is noted as its stripe's last removal, then its entry leaves the map. If a
//!    handle holds a pin, the cell becomes what it was before step 2, as if the offer had never
//!    been made.
//!
//! Each operation that meets a retired cell takes step 3 itself before it says anything of the
//! circuit, so no thread waits. Against each other:
//! - a thread brings a cell back only with a pin *in hand*, so a sealed cell is never brought back;
//! - the seal is put in by compare-and-swap from pins read *before* control was seen retired. To
//!   bring a cell back in between takes a pin, which changes the word for good, so that cell is
//!   never sealed.

use super::moved::Moved;
use super::shared::Shared;
use super::{Cell, Gone};
use crate::sync::atomic::Ordering;
use crate::word::{Control, Pins, State};

impl Cell {
    fn pins(&self) -> Pins {
        // SeqCst: weighed against the rules by hand (see `ByHand::find`). It includes Acquire,
        // which pairs with the Release in `unpin`: a thread that sees a pin gone sees what its
        // holder did to control. Acquire also keeps this load before the load of control that
        // follows.
        Pins::from_bits(self.pins.load(Ordering::SeqCst))
    }

    fn put_pins(&self, seen: Pins, next: Pins) -> Result<(), Moved> {
        // SeqCst: as in `pins`. It includes AcqRel: pins and seals are in one order, and each sees
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

    /// Returns the stripe of the key.
    #[inline]
    pub(super) fn stripe(&self) -> usize {
        // Relaxed: these bits never change.
        Pins::from_bits(self.pins.load(Ordering::Relaxed)).stripe()
    }

    pub(crate) fn is_pinned(&self) -> bool {
        self.pins().is_pinned()
    }

    /// Notes that the circuit is in use, where that keeps it from eviction. The use that creates a
    /// circuit leaves no mark: a flood of keys that are each used once would keep every circuit in
    /// use.
    pub(crate) fn mark_used<C>(&self, shared: &Shared<C>) {
        if !shared.evicts || self.control().is_absent() {
            return;
        }
        // Relaxed: a hint for the sweep. Written at most once between two sweeps.
        if !Pins::from_bits(self.pins.load(Ordering::Relaxed)).is_used() {
            self.pins.fetch_or(Pins::USED, Ordering::Relaxed);
        }
    }

    /// Takes the mark of use away, and returns whether there was one. Ends what is known of the
    /// circuit by hash, since successes leave no mark while it lasts.
    #[must_use]
    pub(super) fn take_mark<C>(&self, shared: &Shared<C>) -> bool {
        // AcqRel: of a claim that marks the circuit after it has made its entry live, and this, the
        // later one sees the other.
        let seen = self.pins.fetch_and(!Pins::USED, Ordering::AcqRel);
        self.end_known(shared);
        Pins::from_bits(seen).is_used()
    }

    /// Marks the circuit used after it has become known by hash.
    pub(super) fn mark_used_for_good<C>(&self, shared: &Shared<C>) {
        if shared.evicts {
            // AcqRel: see `take_mark`.
            self.pins.fetch_or(Pins::USED, Ordering::AcqRel);
        }
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
                // Sealed: note the removal, then the caller looks the key up again.
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

    /// Takes a vacant cell out of use if no handle holds it. Returns `Ok` if it is still in use.
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

    /// Takes step 3: decides for all threads whether a retired cell is gone or in use again.
    pub(super) fn resolve<C>(&self, shared: &Shared<C>) -> Result<(), Gone> {
        loop {
            // The pins before control: if the cell is brought back in between, these pins are out
            // of date and the seal below fails.
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
                // Pinned: the cell becomes what it was, and while this thread holds a pin no other
                // can seal it. Where the exchange fails, another thread with a pin came first.
                let _ = self.exchange(shared, control, control.unretired());
                self.agree(shared);
                self.unpin();
                return Ok(());
            }
        }
    }

    /// Confirms that a circuit whose word reads as unknown is unknown. An offer to remove it is
    /// decided first; the error says that this brought the cell back.
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

    /// Notes the generation of a sealed cell as a removal of its stripe, before its entry leaves
    /// the map.
    fn publish_removal<C>(&self, shared: &Shared<C>, control: Control) -> Gone {
        shared.note_removal(self.stripe(), control.generation());
        Gone
    }
}
