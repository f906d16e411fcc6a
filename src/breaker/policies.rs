//! The policies of a breaker: read in passing, replaced as a whole.

use crate::cell::{Shared, Shortly, Summary};
use crate::key::ToKey;
use crate::rules::{DroppedPermit, Policy, PolicySet, Trip};
use crate::sync::atomic::{AtomicU64, Ordering};
use crate::sync::{EpochCell, PlainArc, PlainAtomicU64};
use std::borrow::Borrow;
use std::hash::Hash;

/// The set of a breaker's policies.
///
/// Checks and successes that take the fast path read no policy. So while a set has policies to
/// which every call matters, it closes that path: it keeps the store's summary from being quiet, or
/// its count of unclean circuits above 0.
pub(crate) struct Policies<K> {
    current: EpochCell<PlainArc<Numbered<K>>>,
    /// The number of replacements that have begun, each counted before it puts its set in place.
    begun: AtomicU64,
    /// The number of replacements that have put their set in place.
    replaced: AtomicU64,
    /// The number of sets in place that need every check: 0, 1, or 2 for a moment.
    needing_checks: PlainAtomicU64,
    /// The number of sets in place by which a dropped permit may have to be reported.
    needing_drops: PlainAtomicU64,
}

struct Numbered<K> {
    set: PlainArc<PolicySet<K>>,
    /// Grows by one with each set that is put in place.
    number: u64,
    needs: Needs,
    /// The store's numbers for the set's groups.
    groups: Vec<u16>,
}

impl<K> Numbered<K> {
    #[inline]
    fn of<Q>(&self, key: &Q) -> Policy
    where
        K: Borrow<Q> + Hash + Eq,
        Q: Hash + Eq + ToKey<K> + ?Sized,
    {
        // Copied once, here: it is some 200 bytes.
        let mut policy = *self.set.find(key);
        policy.set = self.number;
        if self.set.has_groups() {
            policy.cap = self.set.cap(key, &self.groups);
        }
        policy
    }
}

/// The needs of a set: the calls that matter to its policies, and would otherwise take the fast
/// path.
#[derive(Clone, Copy, Default)]
struct Needs {
    every_check: bool,
    every_report: bool,
    /// Permits that are dropped without a report.
    drops: bool,
}

impl Needs {
    fn of<K>(set: &PolicySet<K>) -> Self {
        Self {
            every_check: set
                .all()
                .any(|policy| policy.checks_closely() || policy.times()),
            // Under a forced state a success changes nothing.
            every_report: set.all().any(|policy| policy.counts_calls()),
            drops: set
                .all()
                .any(|policy| policy.dropped_permit() != DroppedPermit::Ignored),
        }
    }

    fn apply(self, summary: &Summary) {
        if self.every_check {
            summary.need_checks();
        }
        if self.every_report {
            summary.need_reports();
        }
    }

    fn release(self, summary: &Summary) {
        if self.every_check {
            summary.release_checks();
        }
        if self.every_report {
            summary.release_reports();
        }
    }
}

impl<K> Policies<K> {
    pub(crate) fn new<C>(set: PolicySet<K>, shared: &Shared<C>) -> Self {
        let needs = Needs::of(&set);
        needs.apply(&shared.summary);
        let needing_checks = PlainAtomicU64::new(u64::from(needs.every_check));
        let needing_drops = PlainAtomicU64::new(u64::from(needs.drops));
        let groups = shared.groups.numbers(&set.group_names());
        Self {
            needing_checks,
            needing_drops,
            current: EpochCell::new(PlainArc::new(Numbered {
                set: PlainArc::new(set),
                number: 0,
                needs,
                groups,
            })),
            begun: AtomicU64::new(0),
            replaced: AtomicU64::new(0),
        }
    }

    /// Returns whether a check needs its policy even if its circuit is closed.
    pub(crate) fn need_every_check(&self) -> bool {
        // Relaxed: raised before the summary, which the caller has seen busy with Acquire.
        self.needing_checks.load(Ordering::Relaxed) != 0
    }

    /// Returns whether a permit that is dropped may have to be reported.
    #[inline]
    pub(crate) fn need_drops(&self) -> bool {
        // Relaxed: raised before the set is put in place, with SeqCst.
        self.needing_drops.load(Ordering::Relaxed) != 0
    }

    /// Counts the sets in place that need every check, and those that need every permit
    /// that is dropped.
    #[cfg(any(breakerbox_loom, breakerbox_steps))]
    pub(crate) fn needing(&self) -> (u64, u64) {
        // Relaxed: read at rest.
        let [checks, drops] =
            [&self.needing_checks, &self.needing_drops].map(|word| word.load(Ordering::Relaxed));
        (checks, drops)
    }

    fn read<R>(&self, f: impl FnOnce(&PlainArc<Numbered<K>>) -> R) -> R {
        self.current.read(|current| match current {
            Some(current) => f(current),
            None => unreachable!("a breaker always has policies"),
        })
    }

    /// Returns the policy of `key`, with the cap on its group and the number of its set.
    #[inline]
    pub(crate) fn of<Q>(&self, key: &Q) -> Policy
    where
        K: Borrow<Q> + Hash + Eq,
        Q: Hash + Eq + ToKey<K> + ?Sized,
    {
        let copied = self.read(|current| match current.set.asks_classifier() {
            // No epoch is pinned while the user's code runs.
            true => Err(PlainArc::clone(current)),
            false => Ok(current.of(key)),
        });
        copied.unwrap_or_else(|current| current.of(key))
    }

    /// Returns the number of the set in place; a greater one while a replacement is about to put
    /// its set there.
    ///
    /// Each replacement counts itself before it puts its set in place, and raises the number of the
    /// set by one. So if this is the number of a set that has been in place, no other one has taken
    /// its place yet.
    #[inline]
    pub(crate) fn number(&self) -> u64 {
        // SeqCst: stands for a load of the set, in one order with the replacements and with the
        // circuit's words, which the caller loads next.
        self.begun.load(Ordering::SeqCst)
    }

    /// Reports a success by `shortly`, which gets the [short trip](Policy::short_trip) of `key`'s
    /// policy, read in place. Unless that has recorded the report, returns a copy of the policy, of
    /// the same set, and what `shortly` has answered.
    ///
    /// If the set has a classifier, which is the user's, `shortly` isn't called, and the answer is
    /// `None`: no epoch is pinned while a classifier runs.
    #[inline]
    pub(crate) fn of_unless<Q>(
        &self,
        key: &Q,
        shortly: impl FnOnce(&Trip) -> Shortly,
    ) -> Option<(Policy, Option<Shortly>)>
    where
        K: Borrow<Q> + Hash + Eq,
        Q: Hash + Eq + ToKey<K> + ?Sized,
    {
        let asked = self.read(|current| {
            if current.set.asks_classifier() {
                return Err(PlainArc::clone(current));
            }
            let trip = current.set.find(key).short_trip();
            Ok(match trip.map_or(Shortly::Nothing, shortly) {
                Shortly::Recorded => None,
                left => Some((current.of(key), Some(left))),
            })
        });
        asked.unwrap_or_else(|current| Some((current.of(key), None)))
    }

    /// Returns the policy of `key` as it was declared.
    pub(crate) fn declared<Q>(&self, key: &Q) -> Policy
    where
        K: Borrow<Q> + Hash + Eq,
        Q: Hash + Eq + ToKey<K> + ?Sized,
    {
        let current = self.read(PlainArc::clone);
        current.set.policy(key)
    }

    /// Returns whether the set of this policy is still in place, or the one that replaced it hasn't
    /// been counted yet.
    ///
    /// A replacement puts its set in place, counts itself, and then goes over the circuits. An
    /// operation that changes a circuit's watch by an older set asks here afterwards. So one of the
    /// two sees the effect of the other.
    pub(crate) fn is_current(&self, policy: &Policy) -> bool {
        // SeqCst: ordered after the circuit's watch, which the caller has changed before.
        policy.set() >= self.replaced.load(Ordering::SeqCst)
    }

    /// Returns a copy of the set.
    pub(crate) fn get(&self) -> PolicySet<K>
    where
        K: Clone,
    {
        PolicySet::clone(&self.read(|current| PlainArc::clone(&current.set)))
    }

    /// Puts `set` in place. Its needs are applied before, those of the old set released after.
    pub(crate) fn replace<C>(&self, set: PolicySet<K>, shared: &Shared<C>)
    where
        K: Send + Sync + 'static,
    {
        let summary = &shared.summary;
        let groups = shared.groups.numbers(&set.group_names());
        let needs = Needs::of(&set);
        // SeqCst: see `number`.
        self.begun.fetch_add(1, Ordering::SeqCst);
        // Relaxed: the summary is raised after `needing_checks`, with Release, and the set put in
        // place after `needing_drops`, with SeqCst.
        let counts = |needs: Needs| [needs.every_check, needs.drops].map(u64::from);
        let [checks, drops] = counts(needs);
        self.needing_checks.fetch_add(checks, Ordering::Relaxed);
        self.needing_drops.fetch_add(drops, Ordering::Relaxed);
        needs.apply(summary);
        let set = PlainArc::new(set);
        // One after the other: a set has a greater number than the one whose place it takes.
        let next = |old: &PlainArc<Numbered<K>>| {
            Some(PlainArc::new(Numbered {
                set: PlainArc::clone(&set),
                number: old.number + 1,
                needs,
                groups: groups.clone(),
            }))
        };
        self.current.update_then(next, |old| {
            old.needs.release(summary);
            // Relaxed: while they are still raised, checks and drops only take longer.
            let [checks, drops] = counts(old.needs);
            self.needing_checks.fetch_sub(checks, Ordering::Relaxed);
            self.needing_drops.fetch_sub(drops, Ordering::Relaxed);
        });
        // SeqCst: see `is_current`.
        self.replaced.fetch_add(1, Ordering::SeqCst);
    }

    /// Releases the needs of the last set, when its breaker goes.
    pub(crate) fn retire(&self, summary: &Summary) {
        self.read(|current| current.needs.release(summary));
    }
}

#[cfg(all(test, not(breakerbox_loom)))]
mod tests {
    use super::*;
    use crate::cell::Sizes;
    use crate::rules::{DroppedPermit, Forced, SlidingWindow, Span};
    use std::time::Duration;

    const MINUTE: Duration = Duration::from_secs(60);

    fn short_span(policies: &Policies<u64>) -> Option<Span> {
        let seen = std::cell::Cell::new(None);
        let _ = policies.of_unless(&1, |trip| {
            seen.set(trip.span);
            Shortly::Nothing
        });
        seen.get()
    }

    /// The span is that of the set in place, and only where no other setting matters to a success.
    #[test]
    fn a_span_is_short_if_a_success_has_no_other_effect() {
        let calls = |calls| {
            let window = SlidingWindow::Calls(calls);
            let policy = Policy::builder().sliding_window(window);
            policy.failure_rate_threshold(50)
        };
        let hung = calls(7).hung_calls(1).hung_call_duration(MINUTE);
        let slow = calls(8)
            .slow_call_rate_threshold(50)
            .slow_call_duration(MINUTE);
        let shared = Shared::new((), 0, Sizes::default(), false);
        let policies = Policies::new(PolicySet::<u64>::default(), &shared);
        assert_eq!(short_span(&policies), None);
        for (builder, span) in [
            (calls(5), Some(Span::Calls(5))),
            (calls(6).shadow(true), Some(Span::Calls(6))),
            (calls(6).forced(Forced::Open), None),
            (hung, None),
            (slow, Some(Span::Calls(8))),
        ] {
            let set = PolicySet::new(builder.build().unwrap());
            policies.replace(set.clone(), &shared);
            assert_eq!(short_span(&policies), span);
            policies.replace(set.classify(|_: &u64| None), &shared);
            assert_eq!(short_span(&policies), None);
        }
    }

    /// A set's needs hold while it is in place, and no longer.
    #[test]
    fn needs_hold_while_their_set_is_in_place() {
        let second = Duration::from_secs(1);
        let hung = Policy::builder().hung_calls(1).hung_call_duration(second);
        let hung = hung.build().unwrap();
        let drops = Policy::builder()
            .dropped_permit(DroppedPermit::Failure)
            .build();
        let set = |policy: &Policy| PolicySet::<u64>::new(*policy);
        let shared = Shared::new((), 0, Sizes::default(), false);
        let policies = Policies::new(PolicySet::default(), &shared);
        for (policy, checks, is_dropped) in [
            (Policy::default(), false, false),
            (hung, true, false),
            (drops.unwrap(), false, true),
            (hung, true, false),
            (Policy::default(), false, false),
        ] {
            policies.replace(set(&policy), &shared);
            assert_eq!(policies.need_every_check(), checks);
            assert_eq!(policies.need_drops(), is_dropped);
            let needing = u64::from(checks);
            assert_eq!(shared.summary.counts(), (needing, needing));
        }
    }
}
