//! The fast path of checks and reports by key: answers without a look at the circuit.
//!
//! Handles have a shorter one, over their circuit's own word: see [`StoreHandle`].
//!
//! [`StoreHandle`]: super::StoreHandle

use super::inner::Inner;
use crate::clock::Clock;
use crate::key::ToKey;
use crate::sync::{Hashed, OnlyHash};
use crate::word::{Outcome, PermitToken, Report, SummaryWord, stripe_of};
use std::borrow::Borrow;
use std::hash::{BuildHasher, Hash};

/// Returns whether a report counts in a closed or unknown circuit, under a policy with `windows` or
/// without.
#[inline]
pub(super) fn counts(report: Report, windows: bool) -> bool {
    match report.outcome() {
        Outcome::Failure => true,
        Outcome::Success => windows,
        Outcome::Ignored => false,
    }
}

impl<K: Hash + Eq, S: BuildHasher, C: Clock> Inner<K, S, C> {
    /// Admits a call if nothing can reject any: no circuit rejects, and no transition is half done.
    #[inline]
    pub(crate) fn pass_by_summary(&self) -> Option<PermitToken> {
        let summary = self.shared.summary.load();
        summary
            .is_quiet()
            .then(|| PermitToken::plain(summary.generation()))
    }

    /// Admits a call where nothing can reject it, after [`pass_by_summary`](Self::pass_by_summary)
    /// has said no. Returns no permit if the circuit decides; the hash of the key in any case.
    ///
    /// `look_anyway` says whether the caller's policy needs the circuit even where nothing can
    /// reject; `policies_need_checks`, whether the caller's policies need every check. Rules by
    /// hand are asked here.
    #[inline]
    pub(crate) fn pass_by_filter<Q>(
        &self,
        key: &Q,
        look_anyway: bool,
        policies_need_checks: impl FnOnce() -> bool,
    ) -> (Option<PermitToken>, OnlyHash)
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToKey<K> + ?Sized,
    {
        let summary = self.shared.summary.load();
        let hash = self.map.hashed(key).only_hash();
        if look_anyway {
            return (None, hash);
        }
        // Nearly every check that gets here is answered by the filter: another circuit rejects.
        let admitted = match self.shared.summary.needs_checks() {
            false => self.filter(summary, hash),
            true if policies_need_checks() => None,
            true => self.filter_unless_forced(summary, hash, key),
        };
        (admitted, hash)
    }

    /// Admits a call if nothing in the key's stripe may reject it. Returns `None` if the
    /// circuit decides.
    #[inline]
    pub(super) fn filter(&self, summary: SummaryWord, hash: OnlyHash) -> Option<PermitToken> {
        let generation = self
            .shared
            .summary
            .pass_filter(summary, stripe_of(hash.bits()))?;
        Some(PermitToken::plain(generation))
    }

    /// Admits a call as [`filter`](Self::filter), unless a rule by hand forces a state on `key`.
    #[cold]
    fn filter_unless_forced<Q>(
        &self,
        summary: SummaryWord,
        hash: OnlyHash,
        key: &Q,
    ) -> Option<PermitToken>
    where
        Q: ToKey<K> + ?Sized,
    {
        match self.by_hand.of(key) {
            None => self.filter(summary, hash),
            Some(_) => None,
        }
    }

    /// Returns whether a report changes nothing, whatever its key. `windows` says whether the
    /// caller's policy may count successes.
    #[inline]
    pub(crate) fn skips(&self, permit: PermitToken, report: Report, windows: bool) -> bool {
        !counts(report, windows) && self.is_idle(permit)
    }

    /// Returns whether a report changes nothing in the stripe of `key`. Called out of line, after
    /// [`skips`](Self::skips) has said no.
    #[inline]
    pub(crate) fn skips_in_stripe<Q: ?Sized>(
        &self,
        key: Hashed<'_, Q>,
        permit: PermitToken,
        report: Report,
        windows: bool,
    ) -> bool {
        !counts(report, windows) && self.is_idle_for(key, permit)
    }

    /// Returns whether a report that counts nowhere changes nothing and is not stale: no circuit
    /// has changed state since the permit, and none is unclean.
    #[inline]
    fn is_idle(&self, permit: PermitToken) -> bool {
        let summary = &self.shared.summary;
        // In this order: numbers only grow, so what the second load shows held at the first.
        summary.all_clean() && permit.is_plainly_of(summary.load().generation())
    }

    /// Returns whether a report that counts nowhere changes nothing on this key and is not stale:
    /// as [`is_idle`](Self::is_idle), for the circuits of its stripe alone.
    #[inline]
    fn is_idle_for<Q: ?Sized>(&self, key: Hashed<'_, Q>, permit: PermitToken) -> bool {
        let summary = &self.shared.summary;
        // In this order: as in `is_idle`.
        summary.has_no_unclean_in(stripe_of(key.hash()))
            && permit.is_plainly_of(summary.load().generation())
    }
}
