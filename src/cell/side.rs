//! Side words: the thread that needs one reads it, installs it and brings it up to date.
//!
//! The rules are in [`super`]. A function here answers [`Moved`] if the circuit has left the
//! generation of the given `control`.

use super::Cell;
use super::moved::Moved;
use super::shared::Shared;
use crate::clock::Clock;
use crate::rules::Policy;
use crate::sync::atomic::{AtomicU64, Ordering};
use crate::word::{Control, History, Millis, Probes, Side, State, Timestamp};

/// The generation in which an operation has noted the time of its failure.
pub(super) struct Noted(u64);

impl Noted {
    /// No generation: generations have fewer bits.
    pub(super) const NOWHERE: Self = Self(u64::MAX);
}

/// A side word of the wanted generation, and the word that it replaced if this call installed it.
struct Installed {
    side: Side,
    replaced: Option<Side>,
}

impl Cell {
    /// Returns `word` as of `control`'s generation. If it is of the generation before, `inherit`
    /// makes its successor from it, which is put in its place.
    #[inline]
    pub(super) fn side(
        &self,
        word: &AtomicU64,
        control: Control,
        inherit: impl Fn(Side) -> Side,
    ) -> Result<Side, Moved> {
        Ok(self.install(word, control, inherit)?.side)
    }

    #[inline]
    fn install(
        &self,
        word: &AtomicU64,
        control: Control,
        inherit: impl Fn(Side) -> Side,
    ) -> Result<Installed, Moved> {
        loop {
            // Acquire: pairs with the Release in `put`, so that a thread which sees the word of a
            // later generation also sees, in `still_in`, that control has left this one.
            let seen = Side::from_bits(word.load(Ordering::Acquire));
            if seen.belongs_to(control.generation()) {
                let replaced = None;
                return Ok(Installed {
                    side: seen,
                    replaced,
                });
            }
            self.still_in(control)?;
            let side = inherit(seen);
            if self.put(word, seen, side).is_ok() {
                let replaced = Some(seen);
                return Ok(Installed { side, replaced });
            }
            // Another thread installed this generation's word or a later one's: look again.
        }
    }

    /// Replaces a side word by `next`, if it still is `seen`.
    #[inline]
    pub(super) fn put(&self, word: &AtomicU64, seen: Side, next: Side) -> Result<(), Moved> {
        // SeqCst: the success word is part of the counts' one order, see the orderings of `cell`.
        // The other words need the Release in it, which pairs with the Acquire in `install`; SeqCst
        // costs them nothing more, since an update is a locked instruction anyway. Relaxed on
        // failure: the caller loads again.
        word.compare_exchange(
            seen.bits(),
            next.bits(),
            Ordering::SeqCst,
            Ordering::Relaxed,
        )
        .map_or(Err(Moved), |_| Ok(()))
    }

    /// Takes the second look of rule 2: checks that the circuit is still in `control`'s generation.
    #[inline]
    pub(super) fn still_in(&self, control: Control) -> Result<(), Moved> {
        if self.control().generation() == control.generation() {
            Ok(())
        } else {
            Err(Moved)
        }
    }

    /// Returns when `control`'s generation began, and stamps it if no thread has.
    #[inline]
    pub(super) fn since<C: Clock>(
        &self,
        shared: &Shared<C>,
        control: Control,
    ) -> Result<Timestamp, Moved> {
        let generation = control.generation();
        loop {
            // Rule 3: the clock is read after `control`, and only if it is needed. Otherwise a
            // thread that stalls would stamp a new generation with an old time.
            let stamp = |_| Side::at(generation, shared.now());
            let seen = self.side(&self.stamp, control, stamp)?;
            if let Some(since) = seen.timestamp() {
                return Ok(since);
            }
            // The cell was never stamped, and is in a generation whose tag is 0. Rule 5: set under
            // the second look, or decided again by the caller.
            self.still_in(control)?;
            let stamped = stamp(seen);
            if let (Ok(()), Some(since)) =
                (self.put(&self.stamp, seen, stamped), stamped.timestamp())
            {
                return Ok(since);
            }
        }
    }

    /// Returns for how long the open circuit `control` rejects, if that is fixed. A check or an
    /// opening by a rule fixes it, since those know the rule.
    pub(super) fn fixed_open_time(&self, control: Control) -> Result<Option<Millis>, Moved> {
        let unset = |_| Side::new(control.generation(), 0);
        Ok(self.side(&self.phase, control, unset)?.millis())
    }

    /// Returns for how long the open circuit `control` would reject, if `policy` fixed that now.
    pub(super) fn open_time_by<C>(
        &self,
        shared: &Shared<C>,
        control: Control,
        policy: &Policy,
    ) -> Result<Millis, Moved> {
        let exponent = self.history(shared, control)?.openings.saturating_sub(1);
        let random = shared.random(control.generation());
        Ok(policy.open.time(exponent, random))
    }

    /// Fixes for how long the open circuit `control` rejects, unless another thread has: as long as
    /// `policy` says, and at least as long as the upstream asks for. Returns the fixed time.
    pub(super) fn fix_open_time<C>(
        &self,
        shared: &Shared<C>,
        control: Control,
        policy: &Policy,
        retry_after: Millis,
    ) -> Result<Millis, Moved> {
        let generation = control.generation();
        loop {
            // Unset if a transition that is about to leave brought the word up, or if the word was
            // never used.
            let unset = |_| Side::new(generation, 0);
            let seen = self.side(&self.phase, control, unset)?;
            let own = match seen.millis() {
                Some(time) => time,
                None => self.open_time_by(shared, control, policy)?,
            };
            let next = Side::lasting(generation, policy.open.lengthened(own, retry_after));
            if next != seen {
                self.still_in(control)?;
                if self.put(&self.phase, seen, next).is_err() {
                    continue;
                }
                // The rule's own time, without the upstream's wish: one upstream must not keep
                // other circuits from eviction.
                shared.note_open_time(own);
            }
            if let Some(time) = next.millis() {
                return Ok(time);
            }
        }
    }

    /// Fixes for how long the open circuit `control` rejects, even if a check has fixed it since it
    /// opened: an import knows the time better than a rule.
    #[cfg(feature = "serde")]
    pub(super) fn set_open_time(&self, control: Control, time: Millis) -> Result<(), Moved> {
        let next = Side::lasting(control.generation(), time);
        loop {
            let seen = self.side(&self.phase, control, |_| next)?;
            self.still_in(control)?;
            if seen == next || self.put(&self.phase, seen, next).is_ok() {
                return Ok(());
            }
        }
    }

    /// Returns the history of the circuit `control`.
    ///
    /// The thread whose compare-and-swap takes a group out of the word gives the place back. Only
    /// one succeeds, so the place is given back once.
    pub(super) fn history<C>(
        &self,
        shared: &Shared<C>,
        control: Control,
    ) -> Result<History, Moved> {
        let of = |side: Side| History::from_payload(side.payload());
        let inherit = |seen| {
            let inherited = of(seen).inherited(control);
            Side::new(control.generation(), inherited.payload())
        };
        let installed = self.install(&self.history, control, inherit)?;
        let history = of(installed.side);
        if let Some(before) = installed.replaced.map(of)
            && before.group != history.group
        {
            shared.groups.leave(before.group);
        }
        Ok(history)
    }

    /// Replaces the history by `next_of` it and returns that. Returns `None` if `next_of` has
    /// nothing new.
    pub(super) fn remember<C>(
        &self,
        shared: &Shared<C>,
        control: Control,
        next_of: impl Fn(History) -> Option<History>,
    ) -> Result<Option<History>, Moved> {
        loop {
            let seen = self.history(shared, control)?;
            let Some(next) = next_of(seen) else {
                return Ok(None);
            };
            if self.put_history(control, seen, next).is_ok() {
                return Ok(Some(next));
            }
        }
    }

    /// Replaces `control`'s history by `next`, if it still is `seen`.
    pub(super) fn put_history(
        &self,
        control: Control,
        seen: History,
        next: History,
    ) -> Result<(), Moved> {
        let of = |history: History| Side::new(control.generation(), history.payload());
        self.put(&self.history, of(seen), of(next))
    }

    /// Returns the probes of the half-open circuit `control`.
    pub(super) fn probes(&self, control: Control) -> Result<Probes, Moved> {
        let side = self.side(&self.phase, control, |_| phase_of(control))?;
        Ok(Probes::from_payload(side.payload()))
    }

    /// Replaces `control`'s probes by `next`, if they still are `seen`.
    pub(super) fn put_probes(
        &self,
        control: Control,
        seen: Probes,
        next: Probes,
    ) -> Result<(), Moved> {
        let of = |probes: Probes| Side::new(control.generation(), probes.payload());
        self.put(&self.phase, of(seen), of(next))
    }

    /// Counts a success and returns the new count.
    #[inline]
    pub(super) fn add_success(&self, control: Control) -> Result<u64, Moved> {
        loop {
            // SeqCst: part of the counts' one order, see the orderings of `cell`.
            let seen = Side::from_bits(self.successes.load(Ordering::SeqCst));
            let kept = successes_of(control, seen);
            if !seen.belongs_to(control.generation()) {
                self.still_in(control)?;
            }
            let next = kept.plus_one();
            if next == seen || self.put(&self.successes, seen, next).is_ok() {
                return Ok(next.payload());
            }
        }
    }

    /// Raises the time of the last failure to now, read roughly.
    ///
    /// Called before the failure is counted, so that each failure that a snapshot counts has had
    /// its time noted. A time that was `noted` in this generation stands: a thread that reads the
    /// clock again between its look at control and its update loses to those that don't.
    #[inline]
    pub(super) fn note_failure<C: Clock>(
        &self,
        shared: &Shared<C>,
        control: Control,
        noted: &mut Noted,
    ) -> Result<(), Moved> {
        let generation = control.generation().bits();
        if noted.0 != generation {
            self.raise_last_failure(control, shared.roughly())?;
            noted.0 = generation;
        }
        Ok(())
    }

    /// Raises the time of the last failure to `now`, unless it is later already.
    #[inline]
    pub(super) fn raise_last_failure(&self, control: Control, now: Timestamp) -> Result<(), Moved> {
        loop {
            // Acquire: as in `install`.
            let seen = Side::from_bits(self.last_failure.load(Ordering::Acquire));
            let belongs = seen.belongs_to(control.generation());
            let kept = last_failure_of(control, seen).timestamp();
            let latest = kept.map_or(now, |time| time.max(now));
            let next = Side::at(control.generation(), latest);
            // The same millisecond again: nothing to write.
            if belongs && next == seen {
                return Ok(());
            }
            if !belongs {
                self.still_in(control)?;
            }
            if self.put(&self.last_failure, seen, next).is_ok() {
                return Ok(());
            }
        }
    }

    /// Brings all side words up to `control`'s generation: rule 1.
    pub(super) fn bring_up<C: Clock>(
        &self,
        shared: &Shared<C>,
        control: Control,
    ) -> Result<(), Moved> {
        self.since(shared, control)?;
        self.side(&self.successes, control, |seen| successes_of(control, seen))?;
        self.side(&self.last_failure, control, |seen| {
            last_failure_of(control, seen)
        })?;
        self.history(shared, control)?;
        // For an open circuit this leaves the duration unset: a thread that needs it sets it.
        self.side(&self.phase, control, |_| phase_of(control))?;
        Ok(())
    }

    /// Returns the success word, and the count that it stands for in `control`'s generation.
    #[inline]
    pub(super) fn successes(&self, control: Control) -> (Side, u64) {
        // SeqCst: part of the counts' one order, see the orderings of `cell`.
        let seen = Side::from_bits(self.successes.load(Ordering::SeqCst));
        (seen, successes_of(control, seen).payload())
    }

    /// Returns when the last failure of `control`'s life was recorded, in Unix ms; 0 if none was,
    /// as in a snapshot.
    #[inline]
    pub(super) fn last_failure(&self, control: Control) -> u64 {
        // Acquire: as in `install`; the caller looks at control again.
        let seen = Side::from_bits(self.last_failure.load(Ordering::Acquire));
        last_failure_of(control, seen)
            .timestamp()
            .map_or(0, Timestamp::unix_ms)
    }
}

/// Returns the success word for `control`, from the word `seen`: its own count, that of the
/// generation before if the state keeps it, else 0.
#[inline]
fn successes_of(control: Control, seen: Side) -> Side {
    let own = seen.belongs_to(control.generation());
    let kept = own || control.state().keeps_successes();
    Side::new(control.generation(), if kept { seen.payload() } else { 0 })
}

/// Returns the phase word that `control` begins with: with its first probe out, if one began it.
pub(super) fn phase_of(control: Control) -> Side {
    let probes = if control.is_begun_by_probe() {
        Probes::FIRST_OUT
    } else {
        Probes::default()
    };
    Side::new(control.generation(), probes.payload())
}

/// Returns the word of the last failure for `control`, from the word `seen`: kept, unless a new
/// life began.
#[inline]
fn last_failure_of(control: Control, seen: Side) -> Side {
    let own = seen.belongs_to(control.generation());
    let kept = own || !control.is_new_life();
    debug_assert!(!matches!(control.state(), State::Vacant | State::Retired));
    Side::new(control.generation(), if kept { seen.payload() } else { 0 })
}
