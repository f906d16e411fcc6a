//! The openings of a store's circuits, by cause.

use crate::rules::Cause;
use crate::sync::PlainAtomicU64;
use crate::sync::atomic::Ordering;
use std::array::from_fn;

/// The number of causes.
pub(crate) const OPENINGS: usize = Cause::LABELS.len();

/// A count for each cause, in the order of its labels.
pub(crate) struct OpeningCounts([PlainAtomicU64; OPENINGS]);

impl OpeningCounts {
    pub(super) fn new() -> Self {
        Self(from_fn(|_| PlainAtomicU64::new(0)))
    }

    /// Counts an opening.
    pub(super) fn add_one(&self, cause: Cause) {
        // Relaxed: a statistic.
        self.0[cause.place()].fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn counts(&self) -> [u64; OPENINGS] {
        // Relaxed: a statistic.
        from_fn(|place| self.0[place].load(Ordering::Relaxed))
    }
}
