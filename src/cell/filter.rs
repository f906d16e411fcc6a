//! The filter: by key hash, whether a circuit may reject or be changed by a success. It answers
//! for most keys without a look at the map while some other circuit holds the gate up.
//!
//! # Protocol
//! The counts of a stripe are raised and lowered with the gate's: raised before the update of a
//! control word that needs it, lowered after one that no longer does. So they err upwards only.
//! A check reads the gate's generation, the stripe, and the generation again. Found equal, no number
//! was drawn in between; and whoever had drawn one before has raised its stripe before that. So a
//! stripe found at 0 says that no circuit of it rejects, and that each one's generation is in and at
//! most the gate's.

use super::stripes::{Stripes, zeroes};
use crate::sync::atomic::{AtomicU64, Ordering};
use crate::word::FilterWord;

/// See the module.
pub(super) struct Filter {
    stripes: Stripes,
}

impl Filter {
    pub(super) fn new() -> Self {
        Self { stripes: zeroes() }
    }

    #[inline]
    fn word(&self, stripe: usize) -> &AtomicU64 {
        &self.stripes[stripe % self.stripes.len()]
    }

    #[inline]
    pub(super) fn load(&self, stripe: usize) -> FilterWord {
        // Acquire: pairs with the Release in `lower`. Who finds a count at 0 sees what its
        // circuits were changed to; and loads the gate again after it.
        FilterWord::from_bits(self.word(stripe).load(Ordering::Acquire))
    }

    #[inline]
    pub(super) fn raise(&self, stripe: usize, counts: u64) {
        // Relaxed: the draw, or the compare-and-swap, that follows publishes it.
        self.word(stripe).fetch_add(counts, Ordering::Relaxed);
    }

    #[inline]
    pub(super) fn lower(&self, stripe: usize, counts: u64) {
        // Release: pairs with the Acquire in `load`. All changes are read-modify-writes, so each
        // is in the release sequence of those before.
        self.word(stripe).fetch_sub(counts, Ordering::Release);
    }

    /// The counts of all stripes: circuits that may reject, and unclean ones.
    #[cfg(any(test, breakerbox_loom, breakerbox_steps))]
    pub(super) fn counts(&self) -> (u64, u64) {
        let counts = |word: &AtomicU64| {
            // Acquire: read at rest.
            FilterWord::from_bits(word.load(Ordering::Acquire)).counts()
        };
        let add = |sum: (u64, u64), one: (u64, u64)| (sum.0 + one.0, sum.1 + one.1);
        self.stripes.iter().map(counts).fold((0, 0), add)
    }
}
