//! The side words: read, installed and brought up by whoever needs them.

use super::Cell;
use super::shared::Shared;
use crate::clock::Clock;
use crate::rules::Policy;
use crate::sync::atomic::{AtomicU64, Ordering};
use crate::word::{Control, History, Probes, Side, State};

/// The generation in which the time of an operation's failure is known.
pub(super) struct Noted(u64);

impl Noted {
    /// In none: generations are shorter.
    pub(super) const NOWHERE: Self = Self(u64::MAX);
}

impl Cell {
    /// `word` as of `control`'s generation, installed with the payload `inherit(what it was)` if
    /// it belongs to the generation before. `None`: the circuit has moved on.
    #[inline]
    pub(super) fn side(
        &self,
        word: &AtomicU64,
        control: Control,
        inherit: impl Fn(Side) -> Side,
    ) -> Option<Side> {
        self.install(word, control, inherit).map(|(side, _)| side)
    }

    /// As [`side`](Self::side), and what it took the place of, if it was this call that installed it.
    #[inline]
    fn install(
        &self,
        word: &AtomicU64,
        control: Control,
        inherit: impl Fn(Side) -> Side,
    ) -> Option<(Side, Option<Side>)> {
        loop {
            // Acquire: pairs with the Release of the install below, so that who sees the word of
            // a later generation also sees, in `still_in`, that control has left this one.
            let seen = Side::from_bits(word.load(Ordering::Acquire));
            if seen.belongs_to(control.generation()) {
                return Some((seen, None));
            }
            if !self.still_in(control) {
                return None;
            }
            let next = inherit(seen);
            if self.put(word, seen, next) {
                return Some((next, Some(seen)));
            }
            // Somebody else installed this generation's, or a later one's: look again.
        }
    }

    /// Replaces a side word's value.
    #[inline]
    pub(super) fn put(&self, word: &AtomicU64, seen: Side, next: Side) -> bool {
        // SeqCst: the success word is part of the counts' one order (see the module), and costs
        // the others nothing over AcqRel where an update is a locked instruction anyway.
        // Relaxed on failure: the caller loads again.
        word.compare_exchange(
            seen.bits(),
            next.bits(),
            Ordering::SeqCst,
            Ordering::Relaxed,
        )
        .is_ok()
    }

    /// Rule 2's second look.
    #[inline]
    pub(super) fn still_in(&self, control: Control) -> bool {
        self.control().generation() == control.generation()
    }

    /// When `control`'s generation was born, in Unix ms; stamps it if nobody has. `None`: the
    /// circuit has moved on.
    #[inline]
    pub(super) fn since<C: Clock>(&self, shared: &Shared<C>, control: Control) -> Option<u64> {
        let generation = control.generation();
        loop {
            // The clock is read after `control`, and only if it is needed: a stalled helper must
            // not stamp a fresh trip with an old time.
            let stamp = |_| Side::time(generation, shared.now());
            let seen = self.side(&self.stamp, control, stamp)?;
            if let Some(since) = seen.as_time() {
                return Some(since);
            }
            // A cell that was never stamped, in a generation whose tag is 0.
            if !self.still_in(control) {
                return None;
            }
            let stamped = stamp(seen);
            if self.put(&self.stamp, seen, stamped) {
                return stamped.as_time();
            }
        }
    }

    /// For how long the open circuit `control` rejects, in ms; fixed for everybody by who comes
    /// first. `None`: the circuit has moved on.
    pub(super) fn open_ms<C>(
        &self,
        shared: &Shared<C>,
        control: Control,
        policy: &Policy,
    ) -> Option<u64> {
        self.fix_open_ms(shared, control, policy, 0)
    }

    /// Returns for how long the open circuit `control` rejects, in ms, if that is fixed; a check or
    /// a trip fixes it, since it knows the rule. `None`: the circuit has moved on.
    pub(super) fn fixed_open_ms(&self, control: Control) -> Option<Option<u64>> {
        let unset = |_| Side::new(control.generation(), 0);
        Some(self.side(&self.phase, control, unset)?.as_time())
    }

    /// Returns for how long the open circuit `control` would reject, in ms, if `policy` fixed that
    /// now. `None`: the circuit has moved on.
    pub(super) fn open_ms_by<C>(
        &self,
        shared: &Shared<C>,
        control: Control,
        policy: &Policy,
    ) -> Option<u64> {
        let exponent = self.history(shared, control)?.openings.saturating_sub(1);
        Some(
            policy
                .open
                .ms(exponent, shared.random(control.generation())),
        )
    }

    /// As [`open_ms`](Self::open_ms); lengthened to what the upstream asks for, if it isn't as long
    /// already.
    pub(super) fn fix_open_ms<C>(
        &self,
        shared: &Shared<C>,
        control: Control,
        policy: &Policy,
        retry_after_ms: u64,
    ) -> Option<u64> {
        let generation = control.generation();
        loop {
            // Brought up by a transition that is about to leave, it isn't set; nor where it was
            // never used.
            let unset = |_| Side::new(generation, 0);
            let seen = self.side(&self.phase, control, unset)?;
            let own = match seen.as_time() {
                Some(ms) => ms,
                None => self.open_ms_by(shared, control, policy)?,
            };
            let next = Side::time(generation, policy.open.lengthened(own, retry_after_ms));
            if next == seen {
                return next.as_time();
            }
            if !self.still_in(control) {
                return None;
            }
            if self.put(&self.phase, seen, next) {
                // By a rule alone: an upstream's wish must not keep other circuits.
                shared.note_open_ms(own);
                return next.as_time();
            }
        }
    }

    /// Fixes for how long the open circuit `control` rejects, even if a check has fixed it since it
    /// opened: for an import, which knows better than a rule.
    #[cfg(feature = "serde")]
    pub(super) fn set_open_ms(&self, control: Control, ms: u64) {
        let next = Side::time(control.generation(), ms);
        while let Some(seen) = self.side(&self.phase, control, |_| next) {
            if !self.still_in(control) {
                return;
            }
            if seen == next || self.put(&self.phase, seen, next) {
                return;
            }
        }
    }

    /// Returns what the circuit `control` remembers. `None`: it has moved on.
    ///
    /// The place of a group is given back by the one compare-and-swap that takes it out of the
    /// word.
    pub(super) fn history<C>(&self, shared: &Shared<C>, control: Control) -> Option<History> {
        let of = |side: Side| History::from_payload(side.payload());
        let inherit = |seen| {
            let inherited = of(seen).inherited(control);
            Side::new(control.generation(), inherited.payload())
        };
        let (side, replaced) = self.install(&self.history, control, inherit)?;
        let history = of(side);
        if let Some(before) = replaced.map(of)
            && before.group != history.group
        {
            shared.groups.leave(before.group);
        }
        Some(history)
    }

    /// Replaces what the circuit remembers by `next` of it, if that knows something new. `false`:
    /// it didn't, or the circuit has moved on.
    pub(super) fn remember<C>(
        &self,
        shared: &Shared<C>,
        control: Control,
        next: impl Fn(History) -> Option<History>,
    ) -> bool {
        loop {
            let Some(seen) = self.history(shared, control) else {
                return false;
            };
            let Some(next) = next(seen) else {
                return false;
            };
            if self.put_history(control, seen, next) {
                return true;
            }
        }
    }

    /// Replaces `control`'s history by `next`, if it still is `seen`.
    pub(super) fn put_history(&self, control: Control, seen: History, next: History) -> bool {
        let of = |history: History| Side::new(control.generation(), history.payload());
        self.put(&self.history, of(seen), of(next))
    }

    /// The recovery word of the half-open circuit `control`. `None`: it has moved on.
    pub(super) fn probes(&self, control: Control) -> Option<Side> {
        self.side(&self.phase, control, |_| phase_of(control))
    }

    /// Replaces the probes that were seen.
    pub(super) fn put_probes(&self, control: Control, seen: Side, probes: Probes) -> bool {
        self.put(
            &self.phase,
            seen,
            Side::new(control.generation(), probes.payload()),
        )
    }

    /// One success more; how many there are then. `None`: the circuit has moved on.
    #[inline]
    pub(super) fn add_success(&self, control: Control) -> Option<u64> {
        loop {
            // SeqCst, in the load: part of the counts' one order, see the module.
            let seen = Side::from_bits(self.successes.load(Ordering::SeqCst));
            let kept = successes_of(control, seen);
            if !seen.belongs_to(control.generation()) && !self.still_in(control) {
                return None;
            }
            let next = kept.plus_one();
            if next == seen || self.put(&self.successes, seen, next) {
                return Some(next.payload());
            }
        }
    }

    /// The time of the last failure becomes at least now. `false`: the circuit has moved on.
    ///
    /// Called before the failure is counted, so that the time is never older than a failure that
    /// a snapshot counts. Does nothing where it was `noted` for this generation, which keeps it:
    /// who reads the clock between its look at control and its update loses to those who don't.
    #[inline]
    pub(super) fn note_failure<C: Clock>(
        &self,
        shared: &Shared<C>,
        control: Control,
        noted: &mut Noted,
    ) -> bool {
        let generation = control.generation().bits();
        if noted.0 != generation {
            if !self.raise_last_failure(control, shared.now()) {
                return false;
            }
            noted.0 = generation;
        }
        true
    }

    /// The time of the last failure becomes at least `now`. `false`: the circuit has moved on.
    #[inline]
    pub(super) fn raise_last_failure(&self, control: Control, now: u64) -> bool {
        loop {
            // Acquire: as in `side`.
            let seen = Side::from_bits(self.last_failure.load(Ordering::Acquire));
            let belongs = seen.belongs_to(control.generation());
            let kept = last_failure_of(control, seen);
            let next = Side::time(
                control.generation(),
                kept.as_time().map_or(now, |t| t.max(now)),
            );
            // The same millisecond again: nothing to write.
            if belongs && next == seen {
                return true;
            }
            if !belongs && !self.still_in(control) {
                return false;
            }
            if self.put(&self.last_failure, seen, next) {
                return true;
            }
        }
    }

    /// Rule 1: all side words of `control`'s generation are in place. `false`: the circuit has
    /// moved on.
    pub(super) fn bring_up<C: Clock>(&self, shared: &Shared<C>, control: Control) -> bool {
        let kept_successes = |seen| successes_of(control, seen);
        let kept_time = |seen| last_failure_of(control, seen);
        self.since(shared, control).is_some()
            && self.side(&self.successes, control, kept_successes).is_some()
            && self.side(&self.last_failure, control, kept_time).is_some()
            && self.history(shared, control).is_some()
            // Of an open circuit this leaves the duration unset: who needs it sets it.
            && self.side(&self.phase, control, |_| phase_of(control)).is_some()
    }

    /// The success word and the count that it means for `control`.
    #[inline]
    pub(super) fn successes(&self, control: Control) -> (Side, u64) {
        // SeqCst: part of the counts' one order, see the module.
        let seen = Side::from_bits(self.successes.load(Ordering::SeqCst));
        (seen, successes_of(control, seen).payload())
    }

    /// When the last failure of `control`'s life was recorded, in Unix ms; 0 if none was.
    #[inline]
    pub(super) fn last_failure(&self, control: Control) -> u64 {
        // Acquire: as in `side`; the caller looks at control again.
        let seen = Side::from_bits(self.last_failure.load(Ordering::Acquire));
        last_failure_of(control, seen).as_time().unwrap_or(0)
    }
}

/// What the success word `seen` says for `control`: its own, kept from the generation before
/// where the state keeps it, else none.
#[inline]
fn successes_of(control: Control, seen: Side) -> Side {
    let own = seen.belongs_to(control.generation());
    let kept = own || control.state().keeps_successes();
    Side::new(control.generation(), if kept { seen.payload() } else { 0 })
}

/// What the recovery word of `control` begins with: its first probe, if it has one.
pub(super) fn phase_of(control: Control) -> Side {
    let probes = if control.is_begun_by_probe() {
        Probes::FIRST_OUT
    } else {
        Probes::default()
    };
    Side::new(control.generation(), probes.payload())
}

/// What the word of the last failure says for `control`: kept, unless a new life began.
#[inline]
fn last_failure_of(control: Control, seen: Side) -> Side {
    let own = seen.belongs_to(control.generation());
    let kept = own || !control.is_new_life();
    debug_assert!(!matches!(control.state(), State::Vacant | State::Retired));
    Side::new(control.generation(), if kept { seen.payload() } else { 0 })
}
