//! A table with an entry for each stripe of a store's keys.

use crate::sync::atomic::AtomicU64;
use crate::sync::{Zero, zeroes};
use crate::word::STRIPE_BITS;

/// A word for each stripe, or for each group of neighbouring stripes.
pub(super) type StripeWords = Striped<AtomicU64>;

/// A table with an entry for each stripe, or for each group of neighbouring stripes.
pub(super) struct Striped<T> {
    entries: Box<[T]>,
    /// The number of low bits of a stripe that the table doesn't tell apart.
    shift: u32,
}

impl StripeWords {
    /// Makes the words of a store of this many circuits: one for eight of them, and at least 1,024.
    pub(super) fn for_circuits(circuits: usize) -> Self {
        Self::new(circuits / 8, 10)
    }
}

impl<T: Zero> Striped<T> {
    /// Makes a table of about this many entries, but at least 2^`least_bits` and at most 2^16. The
    /// system gives memory to those that are used.
    pub(super) fn new(entries: usize, least_bits: u32) -> Self {
        let bits = entries.max(1).next_power_of_two().ilog2();
        let bits = bits.clamp(least_bits, STRIPE_BITS);
        // A model needs no more than two, and pays for each.
        let bits = if cfg!(breakerbox_loom) { 1 } else { bits };
        Self {
            entries: zeroes(1 << bits),
            shift: STRIPE_BITS - bits,
        }
    }
}

impl<T> Striped<T> {
    /// Returns the entry of a stripe.
    #[inline]
    pub(super) fn of(&self, stripe: usize) -> &T {
        match self.entries.get(stripe >> self.shift) {
            Some(entry) => entry,
            None => out_of_range(),
        }
    }

    /// Iterates over all entries.
    #[cfg(any(test, breakerbox_loom, breakerbox_steps))]
    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.entries.iter()
    }
}

/// Returns whether two keys with these hashes share an entry in each table of a model.
#[cfg(breakerbox_loom)]
pub(crate) fn share_a_stripe(hashes: [u64; 2]) -> bool {
    let [one, other] = hashes.map(|hash| crate::word::stripe_of(hash) >> (STRIPE_BITS - 1));
    one == other
}

/// Out of line and without arguments, so that a look at a table is short.
#[cold]
#[inline(never)]
fn out_of_range() -> ! {
    unreachable!("a table has an entry for each stripe")
}
