//! The pins word: how many handles hold a cell, and whether it has left the map.

use super::field::layout;
use super::stripe::{STRIPE_BITS, stripe_of};

layout!(64 => HANDLES: 23, SEAL: 1, STRIPE: STRIPE_BITS, MARK: 1, PINNED: 23);

/// The value of the pins word: the number of handles that hold a cell, and a seal.
///
/// ```text
///  63                 41  40  39    24  23  22            0
/// | pinned so far, wraps |used| stripe |seal| handles        |
/// ```
///
/// The upper part makes each pinning change the word for good: only 2^23 of them bring it back. So
/// a seal that is put in by compare-and-swap proves that no handle held a pin since the word was
/// read. The circuit is *used* if a report, a record or a request for a probe came since the last
/// sweep. The stripe follows from the key's hash, and never changes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Pins(u64);

impl Pins {
    /// The most handles of one circuit: half of what the field holds.
    const HANDLES_MAX: u64 = HANDLES.max() / 2 + 1;
    /// The mark that the circuit has been used.
    pub(crate) const USED: u64 = MARK.one();

    /// The number that `fetch_sub` takes away when a handle goes.
    pub(crate) const UNPIN: u64 = HANDLES.one();

    /// Makes the pins of a cell whose key has this hash.
    pub(crate) const fn new(hash: u64) -> Self {
        Self(STRIPE.put(stripe_of(hash) as u64))
    }

    pub(crate) const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    pub(crate) const fn bits(self) -> u64 {
        self.0
    }

    pub(crate) const fn stripe(self) -> usize {
        STRIPE.get(self.0) as usize
    }

    /// Returns whether the circuit has been used since the last sweep.
    pub(crate) const fn is_used(self) -> bool {
        MARK.is_set(self.0)
    }

    /// Returns whether no handle can pin the cell any more: it leaves the map.
    pub(crate) const fn is_sealed(self) -> bool {
        SEAL.is_set(self.0)
    }

    pub(crate) const fn is_pinned(self) -> bool {
        HANDLES.is_set(self.0)
    }

    /// Returns whether no handle may be added. A thread that decides whether the cell leaves holds
    /// a pin for a moment too. Half of the count is reserved for those threads, and there are never
    /// 2^22 of them.
    pub(crate) const fn has_most_handles(self) -> bool {
        HANDLES.get(self.0) >= Self::HANDLES_MAX
    }

    /// Counts the handles that hold the cell.
    #[cfg(any(test, breakerbox_loom, breakerbox_steps))]
    pub(crate) const fn handles(self) -> u64 {
        HANDLES.get(self.0)
    }

    /// Adds a pin. Returns `None` if the cell is sealed.
    pub(crate) fn pinned(self) -> Option<Self> {
        debug_assert!(HANDLES.get(self.0) != HANDLES.max());
        (!self.is_sealed()).then(|| Self(self.0.wrapping_add(PINNED.one() + HANDLES.one())))
    }

    /// Seals the cell. Returns `None` if a handle holds it or it is sealed already.
    pub(crate) const fn sealed(self) -> Option<Self> {
        if self.is_pinned() || self.is_sealed() {
            None
        } else {
            Some(Self(self.0 | SEAL.mask()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pin_excludes_a_seal_and_a_seal_excludes_pins() {
        let hash = 0x0123_4567_89AB_CDEF;
        let (free, stripe) = (Pins::new(hash), stripe_of(hash));
        let pinned = free.pinned().unwrap();
        assert!(pinned.is_pinned() && pinned.sealed().is_none());
        let twice = pinned.pinned().unwrap();
        assert!(twice.is_pinned() && twice.sealed().is_none() && !twice.is_sealed());

        let released = Pins::from_bits(pinned.bits() - Pins::UNPIN);
        assert!(!released.is_pinned());
        assert_ne!(released, free, "a pin leaves a trace");

        let sealed = released.sealed().unwrap();
        assert!(sealed.is_sealed() && sealed.pinned().is_none() && sealed.sealed().is_none());

        for pins in [free, pinned, released, sealed] {
            assert_eq!(pins.stripe(), stripe);
        }
        assert_eq!(Pins::HANDLES_MAX, 1 << 22);
        let most_but_one = Pins::from_bits(Pins::HANDLES_MAX - 1);
        assert_eq!(most_but_one.handles(), Pins::HANDLES_MAX - 1);
        assert!(!most_but_one.has_most_handles());
        let most = Pins::from_bits(Pins::HANDLES_MAX);
        assert!(most.has_most_handles() && most.pinned().is_some());

        let used = Pins::from_bits(pinned.bits() | Pins::USED);
        assert!(used.is_used() && !pinned.is_used() && used.stripe() == stripe);
        assert!(used.pinned().unwrap().is_used() && used.is_pinned());

        let wrapped = Pins::from_bits(u64::MAX << 41).pinned().unwrap();
        assert_eq!(
            wrapped.bits(),
            1,
            "the trace wraps without touching the count"
        );
    }
}
