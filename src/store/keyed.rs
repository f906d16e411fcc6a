//! The keyed operations: from a key to its cell, and again if the cell has left the map.

use super::evict::Bound;
use super::forced::ByHand;
use crate::cell::{Acquired, Cell, Changes, Gone, Shared};
use crate::clock::Clock;
use crate::error::{Rejected, StoreFull};
use crate::events::Listeners;
use crate::key::ToKey;
use crate::rules::{Forced, Policy};
use crate::snapshot::{CircuitBreakerSnapshot, CircuitState};
use crate::stats::{Counted, Counters};
use crate::sync::atomic::Ordering;
use crate::sync::{Arc as CellArc, Hashed, Map, OnlyHash, PlainAtomicU64};
use crate::word::{Generation, Outcome, PermitToken, Report, Reported, SummaryWord, stripe_of};
use std::borrow::Borrow;
use std::hash::{BuildHasher, Hash};

/// How often a check of an unknown circuit looks, if some circuit of the store changes state during
/// each look. A storm elsewhere must not hold it up for ever: after the last look its permit
/// carries the number from before that look. At worst that is too old, and this call's report is
/// stale.
const ADMIT_LOOKS: usize = 8;

/// What a store and its handles share.
pub(crate) struct Inner<K, S, C> {
    pub(crate) shared: Shared<C>,
    pub(crate) map: Map<K, Cell, S>,
    pub(crate) listeners: Listeners<K>,
    pub(crate) by_hand: ByHand<K>,
    pub(super) bound: Bound<K>,
    /// Operations that were answered without being stored.
    pub(super) untracked: PlainAtomicU64,
    pub(crate) counters: Counters,
}

/// A rejection, and the generation of the circuit that rejects.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Refused {
    rejected: Rejected,
    generation: Generation,
}

impl Refused {
    /// The permit of a call that is made all the same.
    pub(crate) fn permit(self) -> PermitToken {
        PermitToken::new(self.generation, false)
    }
}

impl<K: Hash + Eq, S: BuildHasher, C: Clock> Inner<K, S, C> {
    /// `op` on the cell of `key`, if there is one; again on the next one if it is gone.
    #[inline]
    pub(super) fn find<Q, R>(
        &self,
        key: Hashed<'_, Q>,
        mut op: impl FnMut(&CellArc<Cell>) -> Result<R, Gone>,
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

    /// `op` on the cell of `key`, created if there was none.
    ///
    /// `op` is called in one place, so that it is inlined there: passed through the look-up in
    /// memory, a snapshot costs as much again as the look-up.
    #[inline]
    pub(super) fn create<Q, R>(
        &self,
        key: Hashed<'_, Q>,
        mut op: impl FnMut(&CellArc<Cell>) -> Result<R, Gone>,
    ) -> Result<R, StoreFull>
    where
        K: Borrow<Q>,
        Q: Eq + ToKey<K> + ?Sized,
    {
        loop {
            let found = self
                .map
                .get_apart(key, |cell| self.attempt(key, cell, &mut op));
            match found {
                Some(Ok(result)) => return Ok(result),
                Some(Err(Gone)) => continue,
                None => self.insert(key)?,
            }
        }
    }

    /// A cell for `key`, if there is none.
    #[cold]
    fn insert<Q>(&self, key: Hashed<'_, Q>) -> Result<(), StoreFull>
    where
        K: Borrow<Q>,
        Q: Eq + ToKey<K> + ?Sized,
    {
        if !self.has_room() {
            // Another call may have created it since the caller looked: then there is a circuit.
            if self.map.get(key, |_| ()).is_some() {
                return Ok(());
            }
            // Relaxed: a statistic.
            self.untracked.fetch_add(1, Ordering::Relaxed);
            return Err(StoreFull);
        }
        let cell = Cell::new(key.hash());
        self.map.insert(key, cell);
        Ok(())
    }

    /// `op` on a cell; helps it out of the map if it is gone.
    #[inline]
    pub(super) fn attempt<Q, R>(
        &self,
        key: Hashed<'_, Q>,
        cell: &CellArc<Cell>,
        op: impl FnOnce(&CellArc<Cell>) -> Result<R, Gone>,
    ) -> Result<R, Gone>
    where
        K: Borrow<Q>,
        Q: Eq + ?Sized,
    {
        op(cell).inspect_err(|Gone| self.map.remove_same(key, cell))
    }

    /// The check of a circuit for which neither gate nor filter answers.
    #[cold]
    pub(super) fn acquire<Q>(
        &self,
        hash: OnlyHash,
        key: &Q,
        policy: &Policy,
    ) -> Result<PermitToken, Rejected>
    where
        K: Borrow<Q>,
        Q: Eq + ToKey<K> + ?Sized,
    {
        self.acquire_slow::<_, false>(hash.with(key), policy)
            .map_err(|refused| self.reject(refused))
    }

    /// What nearly every check ends with while the gate is up: nothing that shares the key's slot
    /// may reject. `None`: look at the circuit.
    #[inline]
    pub(crate) fn pass(&self, summary: SummaryWord, hash: OnlyHash) -> Option<PermitToken> {
        let generation = self
            .shared
            .summary
            .admits(summary, stripe_of(hash.bits()))?;
        Some(PermitToken::new(generation, false))
    }

    /// Checks on the circuit. A `BREAKER` admits the call in spite of it under a shadow policy. It is
    /// counted for the circuit here, and for all together by the caller. (No argument: a healthy
    /// check would have to carry it.)
    #[cold]
    pub(crate) fn acquire_slow<Q, const BREAKER: bool>(
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
        let admitted = self.admit(|| {
            self.map
                .get(key, |cell| {
                    let acquired = cell.acquire(&self.shared, policy, &mut changes);
                    acquired.counted_of(cell, BREAKER && policy.shadow)
                })
                .unwrap_or(Acquired::Unknown)
        });
        self.listeners.announce(changes, || key.key().to_key());
        admitted
    }

    /// Checks where a state may be forced, or the call may need a seat. `None`: look at the
    /// circuit.
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
            // The caller hasn't asked the filter, since that can't answer for what is forced.
            return self
                .pass(self.shared.summary.load(), key.only_hash())
                .map(Ok);
        }
        let mut changes = self.listeners.changes();
        let mut acquire = |cell: &CellArc<Cell>| {
            let acquired = cell.begin_and_acquire(&self.shared, policy, &mut changes)?;
            Ok(acquired.counted_of(cell, BREAKER && policy.shadow))
        };
        // A full store admits without a seat, and says so in its count.
        let admitted = self.admit(|| {
            let acquired = self.create(key, &mut acquire);
            acquired.unwrap_or(Acquired::Unknown)
        });
        self.listeners.announce(changes, || key.key().to_key());
        Some(admitted)
    }

    /// Answers a check under a forced state. A permit that it grants holds nothing.
    #[cold]
    pub(super) fn by_force(&self, forced: Forced, policy: &Policy) -> Result<PermitToken, Refused> {
        let generation = self.shared.summary.load().generation();
        match forced {
            Forced::Disabled => Ok(PermitToken::new(generation, false)),
            Forced::Open => Err(Refused {
                rejected: Rejected::new(CircuitState::ForcedOpen, policy.open.base_ms),
                generation,
            }),
        }
    }

    /// A rejection that takes place.
    pub(crate) fn reject(&self, refused: Refused) -> Rejected {
        self.counters.add_one(Counted::Rejected);
        refused.rejected
    }

    /// An answer for the caller; unknown circuits are admitted in the gate's generation.
    ///
    /// The generation is loaded before the look and again after it. Were a circuit reset in
    /// between, the first number would be older than the reset, and the report of this very call
    /// taken for a stale one.
    pub(super) fn admit(&self, mut look: impl FnMut() -> Acquired) -> Result<PermitToken, Refused> {
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
        Ok(PermitToken::new(before, false))
    }

    /// Whether a report that is no failure changes nothing and is not stale: no circuit has
    /// changed state since the permit, and none has failures to forget.
    #[inline]
    pub(crate) fn nothing_to_do(&self, permit: PermitToken) -> bool {
        let summary = &self.shared.summary;
        // In this order: numbers only grow, so what the second load shows held at the first.
        summary.all_clean() && permit.is_plainly_of(summary.load().generation())
    }

    /// The same of a report on this key: no circuit that shares its slot has failures to forget.
    #[inline]
    pub(crate) fn nothing_to_do_for<Q: ?Sized>(
        &self,
        key: Hashed<'_, Q>,
        permit: PermitToken,
    ) -> bool {
        let summary = &self.shared.summary;
        // In this order: as above.
        summary.is_clean(stripe_of(key.hash())) && permit.is_plainly_of(summary.load().generation())
    }

    /// A report while some circuit is unclean or has changed state. Not inlined, so that
    /// [`nothing_to_do`](Self::nothing_to_do) is.
    #[inline(never)]
    pub(super) fn report_unless_clean<Q>(
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
        let counts = report.outcome() == Outcome::Failure || policy.windows();
        if !counts && self.nothing_to_do_for(key, permit) {
            return Reported::Recorded;
        }
        self.report(key, permit, report, policy)
    }

    /// A report that may change something.
    pub(crate) fn report<Q>(
        &self,
        key: Hashed<'_, Q>,
        permit: PermitToken,
        report: Report,
        policy: &Policy,
    ) -> Reported
    where
        K: Borrow<Q>,
        Q: Eq + ToKey<K> + ?Sized,
    {
        self.count_failure(report);
        let report = self.unless_forced(key.key(), report, policy, || {
            self.map.get(key, |cell| cell.give_back(permit));
        });
        let mut changes = self.listeners.changes();
        let found = self.find(key, |cell| {
            cell.report(&self.shared, permit, report, policy, &mut changes)
        });
        let reported = match found {
            Some(Reported::Recorded) => Reported::Recorded,
            found => self.report_unrecorded(key, found, permit, report, policy, &mut changes),
        };
        self.listeners.announce(changes, || key.key().to_key());
        self.count_stale(reported);
        reported
    }

    /// Counts a report, if it is of a failure.
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

    /// The rest of a report that is stale, or on an unknown circuit.
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
        let outcome = report.outcome();
        let creates =
            outcome == Outcome::Failure || outcome == Outcome::Success && policy.windows();
        let reported = match found {
            Some(reported) => reported,
            // What began before a removal is stale; and creates nothing.
            None if self
                .shared
                .removed_at_hash(key.hash())
                .is_after(permit.issued()) =>
            {
                Reported::Stale
            }
            // A full store loses the call, and says so in its count.
            None if creates => self
                .create(key, |cell| {
                    cell.report(&self.shared, permit, report, policy, changes)
                })
                .unwrap_or(Reported::Recorded),
            None => Reported::Recorded,
        };
        if reported == Reported::Stale && creates {
            // A cell that was created for it, and overtaken by a removal, is not left behind.
            self.map.get(key, |cell| {
                let _ = self.attempt(key, cell, |cell| cell.retire(&self.shared));
            });
        }
        reported
    }

    /// The snapshot that there would have been.
    pub(super) fn untracked(&self, state: CircuitState) -> CircuitBreakerSnapshot {
        CircuitBreakerSnapshot {
            state,
            last_state_change: self.shared.now(),
            ..CircuitBreakerSnapshot::default()
        }
    }
}
