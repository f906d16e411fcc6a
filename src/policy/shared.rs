//! The policies of a breaker: read in passing, replaced as a whole.

use super::{Drops, Policy, PolicySet};
use crate::cell::{Gate, Shared};
use crate::key::ToKey;
use crate::sync::atomic::Ordering;
use crate::sync::{PlainArc, PlainAtomicU64, Slot};
use std::borrow::Borrow;
use std::hash::Hash;

/// The set of a breaker's policies.
///
/// Checks and successes that take the short way read no policy. So while a set has policies to
/// which every call matters, it holds up what opens that way: the store's gate, or its count of
/// unclean circuits.
pub(crate) struct Policies<K> {
    current: Slot<PlainArc<Numbered<K>>>,
    /// Sets so far.
    numbers: PlainAtomicU64,
    /// Sets in place that need every check: 0, 1, or 2 for a moment.
    needing_checks: PlainAtomicU64,
    /// The same of sets by which a permit that is dropped may mean something.
    needing_drops: PlainAtomicU64,
}

struct Numbered<K> {
    set: PolicySet<K>,
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
        if self.set.has_groups() {
            policy.limits.cap = self.set.cap(key, &self.groups);
        }
        policy
    }
}

/// What the policies of a set need of calls that would otherwise take the short way.
#[derive(Clone, Copy, Default)]
struct Needs {
    every_check: bool,
    every_report: bool,
    /// Permits that are dropped without a report.
    drops: bool,
}

impl Needs {
    fn of<K>(set: &PolicySet<K>) -> Self {
        let limits = || set.all().map(Policy::limits);
        Self {
            every_check: limits().any(|limits| limits.seats() || limits.times()),
            every_report: limits().any(|limits| limits.watches()),
            drops: set.all().any(|policy| policy.drops() != Drops::Ignored),
        }
    }

    fn hold(self, gate: &Gate) {
        if self.every_check {
            gate.raise();
        }
        if self.every_report {
            gate.hold_reports();
        }
    }

    fn let_go(self, gate: &Gate) {
        if self.every_check {
            gate.lower();
        }
        if self.every_report {
            gate.let_reports_go();
        }
    }
}

impl<K> Policies<K> {
    pub(crate) fn new<C>(set: PolicySet<K>, shared: &Shared<C>) -> Self {
        let needs = Needs::of(&set);
        needs.hold(&shared.gate);
        let needing_checks = PlainAtomicU64::new(u64::from(needs.every_check));
        let needing_drops = PlainAtomicU64::new(u64::from(needs.drops));
        let groups = shared.groups.numbers(&set.groups());
        Self {
            needing_checks,
            needing_drops,
            current: Slot::new(PlainArc::new(Numbered {
                set,
                number: 0,
                needs,
                groups,
            })),
            numbers: PlainAtomicU64::new(0),
        }
    }

    /// Whether a check must not go past its policy because it finds its circuit closed.
    pub(crate) fn need_every_check(&self) -> bool {
        // Relaxed: it was raised before the gate, which the caller has seen up with Acquire.
        self.needing_checks.load(Ordering::Relaxed) != 0
    }

    /// Whether a permit that is dropped may mean anything.
    #[inline]
    pub(crate) fn need_drops(&self) -> bool {
        // Relaxed: it is raised before the set is put in place, with SeqCst.
        self.needing_drops.load(Ordering::Relaxed) != 0
    }

    /// Sets in place that need every check, and every permit that is dropped.
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

    /// The policy of `key`, with the cap on its group.
    #[inline]
    pub(crate) fn of<Q>(&self, key: &Q) -> Policy
    where
        K: Borrow<Q> + Hash + Eq,
        Q: Hash + Eq + ToKey<K> + ?Sized,
    {
        let plain = self.read(|current| {
            let asks = current.set.asks_classifier();
            (!asks).then(|| current.of(key))
        });
        match plain {
            Some(policy) => policy,
            // No epoch is pinned while the user's code runs.
            None => self.read(PlainArc::clone).of(key),
        }
    }

    /// The same, and the number of the set that it is in.
    pub(crate) fn numbered<Q>(&self, key: &Q) -> (Policy, u64)
    where
        K: Borrow<Q> + Hash + Eq,
        Q: Hash + Eq + ToKey<K> + ?Sized,
    {
        let current = self.read(PlainArc::clone);
        (current.of(key), current.number)
    }

    /// The policy of `key` as it was declared.
    pub(crate) fn declared<Q>(&self, key: &Q) -> Policy
    where
        K: Borrow<Q> + Hash + Eq,
        Q: Hash + Eq + ToKey<K> + ?Sized,
    {
        let current = self.read(PlainArc::clone);
        current.set.policy(key)
    }

    /// Whether the set of this number is still the one.
    pub(crate) fn is_current(&self, number: u64) -> bool {
        self.read(|current| current.number == number)
    }

    /// A copy of the set.
    pub(crate) fn get(&self) -> PolicySet<K>
    where
        K: Clone,
    {
        self.read(|current| current.set.clone())
    }

    /// Puts `set` in place. What it needs is held up before, what the other needed is let go after.
    pub(crate) fn replace<C>(&self, set: PolicySet<K>, shared: &Shared<C>)
    where
        K: Send + Sync + 'static,
    {
        let gate = &shared.gate;
        let groups = shared.groups.numbers(&set.groups());
        let needs = Needs::of(&set);
        // Relaxed: the gate is raised after the one, with Release, and the set put in place after
        // the other, with SeqCst.
        let counts = |needs: Needs| [needs.every_check, needs.drops].map(u64::from);
        let [checks, drops] = counts(needs);
        self.needing_checks.fetch_add(checks, Ordering::Relaxed);
        self.needing_drops.fetch_add(drops, Ordering::Relaxed);
        needs.hold(gate);
        // Relaxed: a number of its own is all that it is.
        let number = 1 + self.numbers.fetch_add(1, Ordering::Relaxed);
        let next = Numbered {
            set,
            number,
            needs,
            groups,
        };
        self.current.replace(PlainArc::new(next), |old| {
            old.needs.let_go(gate);
            // Relaxed: as long as they stay up, checks and drops take longer, and no more.
            let [checks, drops] = counts(old.needs);
            self.needing_checks.fetch_sub(checks, Ordering::Relaxed);
            self.needing_drops.fetch_sub(drops, Ordering::Relaxed);
        });
    }

    /// What the set holds up is let go: it goes.
    pub(crate) fn retire(&self, gate: &Gate) {
        self.read(|current| current.needs.let_go(gate));
    }
}
