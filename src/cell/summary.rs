//! The summary: one word, and counts beside it, that say whether all circuits of a store admit.
//!
//! # Orderings
//! Every change of the summary word is a read-modify-write, so each is in the release sequence of
//! all `Release` ones before it. A check that loads the word with `Acquire` has seen every
//! transition that was committed when the word got that value.

use super::filter::Filter;
use crate::sync::PlainAtomicU64;
use crate::sync::atomic::{AtomicU64, Ordering};
use crate::word::{FilterWord, Generation, SummaryWord};

/// The store's summary: while it is quiet, one load of it admits a check.
///
/// The operation that takes a generation also raises the count in the summary word. It does so
/// before the transition's compare-and-swap, and the count is lowered after that, unless the
/// circuit may now reject. A policy set or rule by hand that needs every check raises it too. So
/// the count errs upwards only. While it is 0 no circuit rejects, nothing needs every check, *and
/// no number that was taken is still to be put in*: every circuit's generation is at most the
/// summary's, and a permit that carries the summary's is stale exactly for circuits that change
/// afterwards.
pub(crate) struct Summary {
    /// The summary word, in a line of its own: it is written on transitions only, and read by every
    /// check.
    pub(super) word: Line<AtomicU64>,
    /// The number of circuits that a success report could change and of policy sets that need every
    /// report; errs upwards only. In a line of its own, since checks don't read it.
    unclean: Line<AtomicU64>,
    /// The number of those sets alone.
    needing_reports: AtomicU64,
    /// The same counts for each stripe, of circuits alone.
    pub(super) filter: Filter,
    /// The number of policy sets and rules by hand that need every check, and so keep the summary
    /// from being quiet.
    needing_checks: PlainAtomicU64,
    /// The number of circuits that are neither vacant nor retired. In a line of its own, since
    /// nothing hot reads it.
    live: Line<AtomicU64>,
}

impl Summary {
    pub(super) fn new(circuits: usize) -> Self {
        Self {
            word: Line(AtomicU64::new(0)),
            unclean: Line(AtomicU64::new(0)),
            needing_reports: AtomicU64::new(0),
            filter: Filter::new(circuits),
            needing_checks: PlainAtomicU64::new(0),
            live: Line(AtomicU64::new(0)),
        }
    }

    #[inline]
    pub(crate) fn load(&self) -> SummaryWord {
        // Acquire: pairs with the Release in `Ticket::commit`. A permit made from this word must
        // come after every transition whose number is in it.
        SummaryWord::from_bits(self.word.0.load(Ordering::Acquire))
    }

    /// Returns whether no success report can change any circuit.
    #[inline]
    pub(crate) fn all_clean(&self) -> bool {
        // Acquire: pairs with the Release in `mark_clean`. A thread that skips its success because
        // the last circuit became clean must not see that circuit's failures afterwards. It also
        // keeps this load before the summary's in `Inner::is_idle`.
        self.unclean.0.load(Ordering::Acquire) == 0
    }

    /// Returns whether no success report on a key of this stripe can change its circuit.
    #[inline]
    pub(crate) fn has_no_unclean_in(&self, stripe: usize) -> bool {
        // Acquire: pairs with the Release in `release_reports`, and keeps this load before the
        // filter's, which pairs with `mark_clean`.
        let unneeded = self.needing_reports.load(Ordering::Acquire) == 0;
        unneeded && self.filter.load(stripe).has_no_unclean()
    }

    /// Returns whether no circuit of this stripe may reject or is about to change.
    #[inline]
    pub(super) fn is_at_rest(&self, stripe: usize) -> bool {
        self.filter.load(stripe).has_none_rejecting()
    }

    /// Returns the generation in which every call on a key of this stripe is admitted, for a
    /// summary that was seen at `before`. Returns `None` if the caller has to look at the circuit.
    #[inline]
    pub(crate) fn pass_filter(&self, before: SummaryWord, stripe: usize) -> Option<Generation> {
        let generation = before.generation();
        let admits = self.filter.load(stripe).has_none_rejecting();
        // The second look: see the filter's module.
        (admits && self.load().generation() == generation).then_some(generation)
    }

    /// Counts a circuit as unclean.
    ///
    /// The order of the two counts doesn't matter, here and in [`mark_clean`](Self::mark_clean): a
    /// report is skipped by one of them alone, and both are raised before the change of control and
    /// lowered after it.
    #[inline]
    pub(super) fn mark_unclean(&self, stripe: usize) {
        // Relaxed: the compare-and-swap that follows publishes it with the word.
        self.unclean.0.fetch_add(1, Ordering::Relaxed);
        self.filter.raise(stripe, FilterWord::UNCLEAN);
    }

    /// Takes one [`mark_unclean`](Self::mark_unclean) back.
    #[inline]
    pub(super) fn mark_clean(&self, stripe: usize) {
        self.filter.lower(stripe, FilterWord::UNCLEAN);
        // Release: pairs with the Acquire in `all_clean`.
        self.unclean.0.fetch_sub(1, Ordering::Release);
    }

    /// Makes every report matter from here on, until [`release_reports`](Self::release_reports).
    pub(crate) fn need_reports(&self) {
        // Relaxed: the set that needs the reports is put in place afterwards, with SeqCst, which
        // publishes this.
        self.needing_reports.fetch_add(1, Ordering::Relaxed);
        self.unclean.0.fetch_add(1, Ordering::Relaxed);
    }

    /// Takes one [`need_reports`](Self::need_reports) back.
    pub(crate) fn release_reports(&self) {
        // Release: pairs with the Acquires in `has_no_unclean_in` and `all_clean`.
        self.needing_reports.fetch_sub(1, Ordering::Release);
        self.unclean.0.fetch_sub(1, Ordering::Release);
    }

    /// Makes every check matter from here on, until [`release_checks`](Self::release_checks): keeps
    /// the summary from being quiet, as a circuit that may reject does.
    pub(crate) fn need_checks(&self) {
        // Relaxed: a thread that sees the summary raised below sees this too.
        self.needing_checks.fetch_add(1, Ordering::Relaxed);
        // Release: pairs with the Acquire in `load`.
        self.word.0.fetch_add(SummaryWord::ONE, Ordering::Release);
    }

    /// Takes one [`need_checks`](Self::need_checks) back.
    pub(crate) fn release_checks(&self) {
        // Relaxed: a check that sees the old count a moment longer looks at rules or circuits that
        // it could have skipped.
        self.needing_checks.fetch_sub(1, Ordering::Relaxed);
        // Release: as in `need_checks`.
        self.word.0.fetch_sub(SummaryWord::ONE, Ordering::Release);
    }

    /// Returns whether policies or rules need every check: then the filter can't answer for a key.
    #[inline]
    pub(crate) fn needs_checks(&self) -> bool {
        // Relaxed: this count is raised before the summary, which the check has loaded with Acquire
        // and seen raised.
        self.needing_checks.load(Ordering::Relaxed) != 0
    }

    pub(super) fn add_circuit(&self) {
        // Relaxed: a statistic, exact once the store is at rest.
        self.live.0.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn remove_circuit(&self) {
        // Relaxed: as in `add_circuit`.
        self.live.0.fetch_sub(1, Ordering::Relaxed);
    }

    /// Counts the known circuits. While others are created or removed, it may be off by those.
    pub(crate) fn circuits(&self) -> usize {
        // Relaxed: as in `add_circuit`. A circuit's removal may be counted before its creation.
        let live = self.live.0.load(Ordering::Relaxed).cast_signed().max(0);
        usize::try_from(live).unwrap_or(usize::MAX)
    }

    /// Counts the policy sets and rules that need every check, and the sets that need every report.
    #[cfg(any(breakerbox_loom, breakerbox_steps))]
    pub(crate) fn needing(&self) -> (u64, u64) {
        // Acquire for both: read at rest.
        let reports = self.needing_reports.load(Ordering::Acquire);
        (self.needing_checks.load(Ordering::Acquire), reports)
    }

    /// Counts the circuits that may reject and the unclean ones; exact at rest. Panics if the
    /// filter's stripes don't add up to them.
    #[cfg(any(test, breakerbox_loom, breakerbox_steps))]
    pub(crate) fn counts(&self) -> (u64, u64) {
        // Acquire, all: read at rest.
        let checks = self.needing_checks.load(Ordering::Acquire);
        let reports = self.needing_reports.load(Ordering::Acquire);
        let counts = (self.load().count(), self.unclean.0.load(Ordering::Acquire));
        let of_circuits = (counts.0 - checks, counts.1 - reports);
        assert_eq!(self.filter.counts(), of_circuits, "the filter's counts");
        counts
    }
}

/// A value in a cache line of its own.
#[repr(align(64))]
pub(super) struct Line<T>(pub(super) T);
