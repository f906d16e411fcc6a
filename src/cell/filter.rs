//! The filter: for each stripe, the circuits that may reject and those that a success could change.
//! While some circuit may reject, it answers for most keys of others without a look at the map.
//!
//! # Protocol
//! The counts of a stripe are raised and lowered with the summary's: raised before the update of a
//! control word that needs it, lowered after one that no longer does. So they err upwards only.
//!
//! A check reads the summary's generation, the stripe, and the generation again. If the two are
//! equal, no number was taken in between; and a thread that took one earlier had raised its stripe
//! before that. So a stripe found at 0 says that no circuit of it rejects, and that each one's
//! generation is in its control word and at most the summary's.

use super::stripes::StripeWords;
use crate::sync::atomic::Ordering;
use crate::word::FilterWord;

/// The counts of all stripes; see the module.
pub(super) struct Filter {
    words: StripeWords,
}

impl Filter {
    /// Makes the filter of a store of this many circuits: a word for eight of them. The more words,
    /// the fewer keys share one with a circuit that rejects.
    pub(super) fn new(circuits: usize) -> Self {
        Self {
            words: StripeWords::for_circuits(circuits),
        }
    }

    #[inline]
    pub(super) fn load(&self, stripe: usize) -> FilterWord {
        // Acquire: pairs with the Release in `lower`. A thread that finds a count at 0 sees what
        // its circuits were changed to, and its second load of the summary stays after this one.
        FilterWord::from_bits(self.words.of(stripe).load(Ordering::Acquire))
    }

    #[inline]
    pub(super) fn raise(&self, stripe: usize, counts: u64) {
        // Relaxed: the operation that takes a number, or the compare-and-swap, follows and
        // publishes it.
        self.words.of(stripe).fetch_add(counts, Ordering::Relaxed);
    }

    #[inline]
    pub(super) fn lower(&self, stripe: usize, counts: u64) {
        // Release: pairs with the Acquire in `load`. All changes are read-modify-writes, so each is
        // in the release sequence of those before it.
        self.words.of(stripe).fetch_sub(counts, Ordering::Release);
    }

    /// Sums the counts of all stripes: circuits that may reject, and unclean ones.
    #[cfg(any(test, breakerbox_loom, breakerbox_steps))]
    pub(super) fn counts(&self) -> (u64, u64) {
        let counts = |word: &crate::sync::atomic::AtomicU64| {
            // Acquire: read at rest.
            FilterWord::from_bits(word.load(Ordering::Acquire)).counts()
        };
        let add = |sum: (u64, u64), one: (u64, u64)| (sum.0 + one.0, sum.1 + one.1);
        self.words.iter().map(counts).fold((0, 0), add)
    }
}
