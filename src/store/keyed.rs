//! Checks and reports by key that the fast path leaves over.

use super::inner::Inner;
use super::pass::counts;
use crate::cell::{Acquired, Cell, Changes, Gone, Shortly};
use crate::clock::Clock;
use crate::error::Rejected;
use crate::key::ToKey;
use crate::on_panic::OnPanic;
use crate::rules::Policy;
use crate::stats::Counted;
use crate::sync::{Arc, Hashed, OnlyHash};
use crate::word::{Generation, Outcome, PermitToken, Report, Reported};
use std::borrow::Borrow;
use std::hash::{BuildHasher, Hash};

/// The number of looks that a check of an unknown circuit takes while other circuits of the store
/// change state during each. It is bounded, so that they can't delay the check without end: after
/// the last look its permit carries the generation from before that look. If that is too old, the
/// report of this call is stale.
const ADMIT_LOOKS: usize = 8;

/// A rejection, and the generation of the circuit that rejects.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Refused {
    rejected: Rejected,
    generation: Generation,
}

impl Refused {
    pub(super) fn new(rejected: Rejected, generation: Generation) -> Self {
        Self {
            rejected,
            generation,
        }
    }

    pub(super) fn rejected(self) -> Rejected {
        self.rejected
    }

    /// Returns the permit of a call that a shadow policy admits nevertheless.
    pub(crate) fn permit(self) -> PermitToken {
        PermitToken::plain(self.generation)
    }
}

/// A circuit, named by its key or by a handle, as a breaker asks it by the policy that it brings.
pub(crate) trait Circuit {
    type Key: ?Sized;

    fn key(&self) -> &Self::Key;

    /// Decides whether a call may go through, by `policy`.
    fn acquire_by(&self, policy: &Policy) -> Result<PermitToken, Refused>;

    /// Takes a report into account, by `policy`.
    fn report_by(&self, permit: PermitToken, report: Report, policy: &Policy) -> Reported;

    /// Returns how a check by `policy` would be rejected now; `None` if it would be admitted. Has
    /// no side effects.
    fn rejection(&self, policy: &Policy) -> Option<Rejected>;

    /// Gives back what a permit holds, without an outcome.
    fn give_back(&self, permit: PermitToken);

    /// Makes the circuit watched if `policy` needs that, and unwatched otherwise.
    fn watch(&self, policy: &Policy);
}

/// The circuit of a key, which the store may not know, for a check, report or look that the fast
/// path can't answer.
pub(crate) struct ByKey<'a, Q: ?Sized, K, S, C> {
    inner: &'a Inner<K, S, C>,
    key: Hashed<'a, Q>,
}

impl<K, Q, S, C> Circuit for ByKey<'_, Q, K, S, C>
where
    K: Hash + Eq + Borrow<Q>,
    Q: Hash + Eq + ToKey<K> + ?Sized,
    S: BuildHasher,
    C: Clock,
{
    type Key = Q;

    #[inline]
    fn key(&self) -> &Q {
        self.key.key()
    }

    #[inline]
    fn acquire_by(&self, policy: &Policy) -> Result<PermitToken, Refused> {
        self.inner.acquire_in_circuit::<_, true>(self.key, policy)
    }

    #[inline]
    fn report_by(&self, permit: PermitToken, report: Report, policy: &Policy) -> Reported {
        self.inner.report_shortly(self.key, permit, report, policy)
    }

    fn rejection(&self, policy: &Policy) -> Option<Rejected> {
        let inner = self.inner;
        inner.rejection(self.key(), policy, || {
            inner
                .map
                .get(self.key, |cell| cell.rejection(&inner.shared, policy))?
        })
    }

    fn give_back(&self, permit: PermitToken) {
        self.inner.give_back(self.key, permit);
    }

    fn watch(&self, policy: &Policy) {
        let inner = self.inner;
        inner
            .map
            .get(self.key, |cell| cell.set_watched(&inner.shared, policy));
    }
}

impl<K: Hash + Eq, S: BuildHasher, C: Clock> Inner<K, S, C> {
    /// Names the circuit of a key that the fast path has left over.
    #[inline]
    pub(crate) fn by_key<'a, Q: ?Sized>(&'a self, key: Hashed<'a, Q>) -> ByKey<'a, Q, K, S, C> {
        ByKey { inner: self, key }
    }

    /// Returns whether a check needs more than the circuit's state.
    #[inline]
    pub(super) fn looks_closely(&self, policy: &Policy) -> bool {
        policy.checks_closely() || self.shared.summary.needs_checks()
    }

    /// Checks the circuit, where the fast path has no answer.
    #[cold]
    pub(super) fn acquire_or_reject<Q>(
        &self,
        hash: OnlyHash,
        key: &Q,
        policy: &Policy,
    ) -> Result<PermitToken, Rejected>
    where
        K: Borrow<Q>,
        Q: Eq + ToKey<K> + ?Sized,
    {
        self.acquire_in_circuit::<_, false>(hash.with(key), policy)
            .map_err(|refused| self.reject(refused))
    }

    /// Checks the circuit by `policy`. A rejection is counted for the circuit here, and for the
    /// store by the caller.
    ///
    /// `BREAKER` says that a breaker asks. It admits the call nevertheless under a shadow policy,
    /// so the rejection counts as shadowed then. (A const parameter: as an argument it would burden
    /// the healthy check too.)
    #[cold]
    pub(super) fn acquire_in_circuit<Q, const BREAKER: bool>(
        &self,
        key: Hashed<'_, Q>,
        policy: &Policy,
    ) -> Result<PermitToken, Refused>
    where
        K: Borrow<Q>,
        Q: Eq + ToKey<K> + ?Sized,
    {
        if self.looks_closely(policy)
            && let Some(answer) = self.acquire_closely::<_, BREAKER>(key, policy)
        {
            return answer;
        }
        let mut changes = self.listeners.changes();
        let admitted = self.answer_from(|| {
            self.map
                .get(key, |cell| {
                    let acquired = cell.acquire(&self.shared, policy, &mut changes);
                    acquired.count_rejection(cell, BREAKER && policy.shadow)
                })
                .unwrap_or(Acquired::Unknown)
        });
        self.listeners.announce(changes, || key.key().to_key());
        admitted
    }

    /// Checks where a state may be forced, or where the call may need a slot in flight. Returns
    /// `None` if the circuit decides alone.
    #[inline(never)]
    fn acquire_closely<Q, const BREAKER: bool>(
        &self,
        key: Hashed<'_, Q>,
        policy: &Policy,
    ) -> Option<Result<PermitToken, Refused>>
    where
        K: Borrow<Q>,
        Q: Eq + ToKey<K> + ?Sized,
    {
        if let Some(forced) = self.forced(key.key(), policy) {
            return Some(self.by_force(forced, policy));
        }
        if !policy.counts_in_flight() {
            // The caller may not have asked the filter, which knows nothing of forced states.
            return self
                .filter(self.shared.summary.load(), key.only_hash())
                .map(Ok);
        }
        let mut changes = self.listeners.changes();
        let mut acquire = |cell: &Arc<Cell>| {
            let acquired = cell.begin_and_acquire(&self.shared, policy, &mut changes)?;
            Ok(acquired.count_rejection(cell, BREAKER && policy.shadow))
        };
        // A full store admits the call without a slot, and counts it as untracked: once, however
        // many looks it takes.
        let mut is_full = false;
        let admitted = self.answer_from(|| {
            is_full = false;
            let acquired = self.create_or(key, &mut acquire, || is_full = true);
            acquired.unwrap_or(Acquired::Unknown)
        });
        if is_full {
            self.count_untracked();
        }
        self.listeners.announce(changes, || key.key().to_key());
        Some(admitted)
    }

    /// Counts a rejection that takes place.
    pub(crate) fn reject(&self, refused: Refused) -> Rejected {
        self.counters.add_one(Counted::Rejected);
        refused.rejected
    }

    /// Makes an answer for the caller of what `look` finds. An unknown circuit admits, in the
    /// summary's generation.
    ///
    /// The generation is loaded before the look and again after it. If a circuit were reset in
    /// between, the first generation would be older than the reset, and the report of this
    /// very call stale.
    pub(super) fn answer_from(
        &self,
        mut look: impl FnMut() -> Acquired,
    ) -> Result<PermitToken, Refused> {
        let mut before = self.shared.summary.load().generation();
        for looks in 1.. {
            match look() {
                Acquired::Permit(permit) => return Ok(permit),
                Acquired::Rejected(rejected, generation) => {
                    return Err(Refused {
                        rejected,
                        generation,
                    });
                }
                Acquired::Unknown => {}
            }
            let after = self.shared.summary.load().generation();
            if before == after || looks == ADMIT_LOOKS {
                break;
            }
            // Some circuit changed state: look again under the new number.
            before = after;
        }
        Ok(PermitToken::plain(before))
    }

    /// Takes a report on the bare store that [`skips`](Self::skips) leaves over. Not inlined, so
    /// that the fast path is.
    #[inline(never)]
    pub(super) fn report_unless_skipped<Q>(
        &self,
        key: &Q,
        permit: PermitToken,
        report: Report,
        policy: &Policy,
    ) -> Reported
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToKey<K> + ?Sized,
    {
        let key = self.map.hashed(key);
        if self.skips_in_stripe(key, permit, report, policy.windows()) {
            return Reported::Recorded;
        }
        self.report_shortly(key, permit, report, policy)
    }

    /// Takes a report, or what the short way has left of it.
    #[inline(never)]
    pub(crate) fn report_to_circuit<Q>(
        &self,
        key: Hashed<'_, Q>,
        permit: PermitToken,
        report: Report,
        policy: &Policy,
        shortly: Shortly,
    ) -> Reported
    where
        K: Borrow<Q>,
        Q: Eq + ToKey<K> + ?Sized,
    {
        self.count_failure(report);
        let report = self.unless_forced(key.key(), report, policy, || {
            self.give_back(key, permit);
        });
        let mut changes = self.listeners.changes();
        let found = self.find(key, |cell| {
            let shared = &self.shared;
            match shortly {
                Shortly::Counted(call) => {
                    cell.report_counted(shared, permit, report, call, policy, &mut changes)
                }
                _ => cell.report(shared, permit, report, policy, &mut changes),
            }
        });
        let reported = match found {
            Some(Reported::Recorded) => Reported::Recorded,
            found => self.report_unrecorded(key, found, permit, report, policy, &mut changes),
        };
        self.listeners.announce(changes, || key.key().to_key());
        self.count_stale(reported);
        reported
    }

    /// Applies `op` to the cell of `key`, if there is one, and again to the next one
    /// if that is gone.
    #[inline]
    pub(super) fn find<Q, R>(
        &self,
        key: Hashed<'_, Q>,
        mut op: impl FnMut(&Arc<Cell>) -> Result<R, Gone>,
    ) -> Option<R>
    where
        K: Borrow<Q>,
        Q: Eq + ?Sized,
    {
        loop {
            match self.map.get(key, |cell| self.attempt(key, cell, &mut op))? {
                Ok(result) => return Some(result),
                Err(Gone) => continue,
            }
        }
    }

    /// Replaces `report` under a forced state by one that only gives back what its permit holds. If
    /// the copy of the key panics, `give_back` gives back the permit's probe or slot in flight.
    #[inline]
    pub(super) fn unless_forced<Q>(
        &self,
        key: &Q,
        report: Report,
        policy: &Policy,
        give_back: impl FnMut(),
    ) -> Report
    where
        Q: ToKey<K> + ?Sized,
    {
        let give_back_on_panic = OnPanic::new(give_back);
        let forced = self.forced(key, policy);
        give_back_on_panic.disarm();
        match forced {
            None => report,
            Some(_) => Outcome::Ignored.into(),
        }
    }

    /// Counts the report if it is a failure.
    pub(super) fn count_failure(&self, report: Report) {
        if report.outcome() == Outcome::Failure {
            self.counters.add_one(Counted::Failed);
        }
    }

    /// Counts a report that came too late.
    pub(super) fn count_stale(&self, reported: Reported) {
        if reported == Reported::Stale {
            self.counters.add_one(Counted::Stale);
        }
    }

    /// Finishes a report that is stale, or on an unknown circuit.
    #[cold]
    fn report_unrecorded<Q>(
        &self,
        key: Hashed<'_, Q>,
        found: Option<Reported>,
        permit: PermitToken,
        report: Report,
        policy: &Policy,
        changes: &mut Changes,
    ) -> Reported
    where
        K: Borrow<Q>,
        Q: Eq + ToKey<K> + ?Sized,
    {
        let creates = counts(report, policy.windows());
        let reported = match found {
            Some(reported) => reported,
            // A call that began before a removal is stale, and creates nothing.
            None if self
                .shared
                .removed_at_hash(key.hash())
                .is_after(permit.issued()) =>
            {
                Reported::Stale
            }
            // A full store drops the report, and counts it as untracked.
            None if creates => self
                .create(key, |cell| {
                    cell.report(&self.shared, permit, report, policy, changes)
                })
                .unwrap_or(Reported::Recorded),
            None => Reported::Recorded,
        };
        if reported == Reported::Stale && creates {
            // A removal in its stripe, perhaps of another key, may leave the new cell vacant: take
            // it out again. (`retire` does nothing to a live one.)
            self.map.get(key, |cell| {
                let _ = self.attempt(key, cell, |cell| cell.retire(&self.shared));
            });
        }
        reported
    }
}
