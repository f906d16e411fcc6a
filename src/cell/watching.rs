//! Watching a circuit: its calls are counted one by one where its rules ask for that.

use super::Cell;
use super::moved::Moved;
use super::shared::Shared;
use super::watch::Watch;
use super::window::{Counted, Window};
use crate::clock::Clock;
use crate::rules::Policy;
use crate::word::{Call, Control, PermitToken, Tally};

/// A call that has been counted in flight.
pub(super) struct Entered {
    /// The slot that it holds; `None` if all are taken or none are kept.
    pub(super) slot: Option<u8>,
    /// The number of calls that have been in flight for too long.
    pub(super) hung: u32,
}

impl Cell {
    /// Applies `f` to the watch of the closed circuit `control` under `policy`.
    fn watching<C, R>(
        &self,
        shared: &Shared<C>,
        control: Control,
        policy: &Policy,
        f: impl FnOnce(&Watch) -> R,
    ) -> Result<R, Moved> {
        let generation = control.generation();
        let made = std::cell::Cell::new(false);
        let seen = self.watch.get_or_replace(
            |watch| watch.fits(generation, policy),
            // Control is loaded after the watch, so that a watch of a later generation stays in
            // place. Otherwise the slots of its calls would be made anew.
            |before| {
                made.set(true);
                self.still_in(control).ok()?;
                Some(Watch::new(generation, policy, before))
            },
            f,
        );
        if made.get() {
            self.end_quiet(shared, control);
            self.agree(shared);
        }
        seen.ok_or(Moved)
    }

    /// Counts a call of the watched circuit `control` in its window. Returns the counts of the
    /// window with it; zeroes if it can't open the circuit.
    pub(super) fn count_call<C: Clock>(
        &self,
        shared: &Shared<C>,
        control: Control,
        call: Call,
        policy: &Policy,
    ) -> Result<Tally, Moved> {
        self.watching(shared, control, policy, |watch| {
            let keepers = self.keepers(shared, control);
            let record = |window: &Window| window.record(call, &shared.clock, keepers);
            match watch.window.as_ref().map(record) {
                Some(Counted::Among(tally)) => tally,
                _ => Tally::default(),
            }
        })
    }

    /// Takes a slot for a call of the watched circuit `control`, if one is free, and counts the
    /// calls that hang.
    pub(super) fn enter<C: Clock>(
        &self,
        shared: &Shared<C>,
        control: Control,
        policy: &Policy,
    ) -> Result<Entered, Moved> {
        self.watching(shared, control, policy, |watch| {
            let Some(in_flight) = &watch.in_flight else {
                return Entered {
                    slot: None,
                    hung: 0,
                };
            };
            let now = shared.now();
            // Counted before this call takes its slot, so without it.
            let hung = in_flight.overdue(now, policy.trip.hung);
            let slot = in_flight.take(now);
            Entered { slot, hung }
        })
    }

    /// Gives back the slot of a call, if it holds one.
    #[inline]
    pub(super) fn leave(&self, permit: PermitToken) {
        if let Some(slot) = permit.slot() {
            self.watch.read(|watch| {
                let own = watch.filter(|watch| watch.generation == permit.issued());
                if let Some(in_flight) = own.and_then(|watch| watch.in_flight.as_ref()) {
                    in_flight.give_back(slot);
                }
            });
        }
    }

    /// Returns whether calls of `control`'s generation may hold slots.
    pub(super) fn has_in_flight(&self, control: Control) -> bool {
        let has =
            |watch: &Watch| watch.generation == control.generation() && watch.in_flight.is_some();
        self.has_watch(has)
    }

    /// Returns whether there is a watch that `is` so. Pins no epoch if there is none.
    fn has_watch(&self, is: impl Fn(&Watch) -> bool) -> bool {
        !self.watch.is_empty() && self.watch.read(|watch| watch.is_some_and(is))
    }

    /// Makes the closed circuit `control` watched from here on, unless another thread has.
    pub(super) fn watch_closely<C>(&self, shared: &Shared<C>, control: Control, policy: &Policy) {
        // If the circuit has moved, the caller finds that when it looks again.
        let _ = self.watching(shared, control, policy, |_| ());
        self.agree(shared);
    }

    /// Returns whether no check or report of the circuit takes the short way while it is closed.
    fn is_watched(&self) -> bool {
        self.has_watch(|watch| watch.on || watch.held)
    }

    /// Returns whether a rule by hand holds its watch.
    pub(crate) fn is_held(&self) -> bool {
        self.has_watch(|watch| watch.held)
    }

    /// Returns whether the policy wants every call counted while the circuit is closed.
    pub(crate) fn is_watched_by_policy(&self) -> bool {
        self.has_watch(|watch| watch.on)
    }

    /// Makes the circuit watched or unwatched from here on, as `policy` wants it, now and whenever
    /// it closes. A window is kept if the policy wants any.
    pub(crate) fn set_watched<C>(&self, shared: &Shared<C>, policy: &Policy) {
        // Calls by key ask for a forced state before they look at the circuit. Only calls on
        // handles look at the circuit first, so only a circuit with a handle has to be watched for
        // one.
        let forced = policy.forced.is_some() && self.is_pinned();
        if policy.counts_calls() || forced {
            // If the policy wants a window, any watch with one will do: the call that counts in it
            // makes one that fits.
            let fits = |watch: &Watch| watch.on && (policy.windows() || watch.window.is_none());
            loop {
                let control = self.control();
                // Control is loaded before the watch and again after it, as in `watching`.
                let make = |before: Option<&Watch>| {
                    self.still_in(control).ok()?;
                    Some(Watch::new(control.generation(), policy, before))
                };
                if self.watch.get_or_replace(fits, make, |_| ()).is_some() {
                    self.end_quiet(shared, control);
                    break;
                }
            }
        } else {
            self.turn_watch_off();
        }
        self.agree(shared);
    }

    /// Makes the circuit unwatched, since its rules are gone.
    pub(crate) fn unwatch<C>(&self, shared: &Shared<C>) {
        self.turn_watch_off();
        self.agree(shared);
    }

    fn turn_watch_off(&self) {
        if !self.watch.is_empty() {
            self.watch.update(Watch::off);
        }
    }

    /// Makes calls on handles of the circuit ask the rules by hand if one of them `covers` it, and
    /// not ask otherwise. The protocol is in [`super::watch`].
    pub(crate) fn follow_rules<C>(&self, shared: &Shared<C>, covers: impl Fn() -> bool) {
        loop {
            let held = covers();
            if held {
                let generation = self.control().generation();
                let hold =
                    |before: Option<&Watch>| Some(Watch::holding(before, generation, covers()));
                let _ = self.watch.get_or_replace(|_| false, hold, |_| ());
            } else if self.is_held() {
                self.watch.update(|watch| {
                    let next = Watch::holding(Some(watch), watch.generation, covers());
                    let keeps = next.on || next.held || next.in_flight.is_some();
                    keeps.then_some(next)
                });
            }
            self.agree(shared);
            // Otherwise the rules have changed meanwhile, and the thread that changed them may have
            // come here before this one: do it again.
            if covers() == held {
                return;
            }
        }
    }

    /// Returns the closed word, watched if its watch says so.
    pub(super) fn as_watched(&self, closed: Control) -> Control {
        closed.watched(self.is_watched())
    }

    /// Makes the word of a closed circuit agree with its watch.
    ///
    /// Called after each change of the watch and after each transition to closed. A word that was
    /// changed here is looked at again, since the watch may have changed between the look and the
    /// exchange.
    pub(crate) fn agree<C>(&self, shared: &Shared<C>) {
        loop {
            // The watch is read after the word. Against a thread that changes the watch:
            // - if its change comes first, this look finds it;
            // - if it comes after, its own look at the word comes later still, and finds the word
            //   that this thread decides on or leaves.
            let control = self.control();
            if !control.state().is_closed() {
                return;
            }
            let agreed = self.as_watched(control);
            if agreed == control {
                return;
            }
            let _ = self.exchange(shared, control, agreed);
        }
    }
}
