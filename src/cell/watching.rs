//! Watching a circuit: when its calls are looked at one by one.

use super::Cell;
use super::shared::Shared;
use super::watch::Watch;
use super::window::Window;
use crate::clock::Clock;
use crate::rules::Policy;
use crate::sync::PlainArc;
use crate::word::{Call, Control, PermitToken, Tally};

impl Cell {
    /// `f` on the watch of the closed circuit `control` under `policy`. `None`: the circuit has
    /// moved on.
    fn watching<C, R>(
        &self,
        shared: &Shared<C>,
        control: Control,
        policy: &Policy,
        f: impl FnOnce(&Watch) -> R,
    ) -> Option<R> {
        let generation = control.generation();
        let made = std::cell::Cell::new(false);
        let seen = self.watch.get_or_replace(
            |watch| watch.fits(generation, policy),
            // Looked at after the slot was: what is in a later generation's place stays there, or
            // the seats of its calls would be made anew.
            |before| {
                made.set(true);
                self.still_in(control)
                    .then(|| Watch::new(generation, policy, before))
            },
            f,
        );
        if made.get() {
            self.agree(shared);
        }
        seen
    }

    /// Counts a call of the watched circuit `control` in its window; what the window holds then.
    /// `None`: the circuit has moved on.
    pub(super) fn count_call<C: Clock>(
        &self,
        shared: &Shared<C>,
        control: Control,
        call: Call,
        policy: &Policy,
    ) -> Option<Tally> {
        self.watching(shared, control, policy, |watch| {
            let record = |window: &PlainArc<Window>| window.record(call, || shared.now());
            watch.window.as_ref().map(record).unwrap_or_default()
        })
    }

    /// Takes a seat for a call of the watched circuit `control`, if one is free, and counts the
    /// hung ones. `None`: the circuit has moved on.
    pub(super) fn enter<C: Clock>(
        &self,
        shared: &Shared<C>,
        control: Control,
        policy: &Policy,
    ) -> Option<(Option<u8>, u32)> {
        self.watching(shared, control, policy, |watch| {
            let Some(in_flight) = &watch.in_flight else {
                return (None, 0);
            };
            let now = shared.now();
            let hung = in_flight.overdue(now, policy.trip.hung_ms);
            (in_flight.take(now), hung)
        })
    }

    /// Gives the seat of a call back, if it has one.
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

    /// Returns whether calls of `control`'s generation may have seats.
    pub(super) fn has_in_flight(&self, control: Control) -> bool {
        let has =
            |watch: &Watch| watch.generation == control.generation() && watch.in_flight.is_some();
        self.has_watch(has)
    }

    /// Returns whether the slot holds a watch that `is` so; pins nothing where it is empty.
    fn has_watch(&self, is: impl Fn(&Watch) -> bool) -> bool {
        !self.watch.is_empty() && self.watch.read(|watch| watch.is_some_and(is))
    }

    /// Makes the closed circuit `control` watched from here on, unless another thread already has.
    pub(super) fn watch_closely<C>(&self, shared: &Shared<C>, control: Control, policy: &Policy) {
        // `None`: the circuit has changed, and the caller looks again.
        let _ = self.watching(shared, control, policy, |_| ());
        self.agree(shared);
    }

    /// Whether no check or report of the circuit takes the short way while it is closed.
    fn is_watched(&self) -> bool {
        self.has_watch(|watch| watch.on || watch.held)
    }

    /// Whether a rule by hand holds its watch.
    pub(crate) fn is_held(&self) -> bool {
        self.has_watch(|watch| watch.held)
    }

    /// Returns whether the policy wants every call to be looked at while it is closed.
    pub(crate) fn is_watched_by_policy(&self) -> bool {
        self.has_watch(|watch| watch.on)
    }

    /// The circuit is watched from here on, or it isn't, as `policy` wants it, now and whenever it
    /// closes. A window is kept, if they want any.
    pub(crate) fn set_watched<C>(&self, shared: &Shared<C>, policy: &Policy) {
        // Calls by key ask for a forced state before they look at the circuit; only calls on
        // handles look at it first.
        let forced = policy.forced.is_some() && self.is_pinned();
        if policy.counts_calls() || forced {
            // If they want a window, any watch with one will do: the call that counts in it makes
            // one that fits.
            let fits = |watch: &Watch| watch.on && (policy.windows() || watch.window.is_none());
            loop {
                let control = self.control();
                // Looked at after the slot was: what is in a later generation's place stays there,
                // or the seats of its calls would be made anew.
                let make = |before: Option<&Watch>| {
                    let stands = self.still_in(control);
                    stands.then(|| Watch::new(control.generation(), policy, before))
                };
                if self.watch.get_or_replace(fits, make, |_| ()).is_some() {
                    break;
                }
            }
        } else {
            self.unwatch_slot();
        }
        self.agree(shared);
    }

    /// Makes the circuit unwatched: its rules are gone.
    pub(crate) fn unwatch<C>(&self, shared: &Shared<C>) {
        self.unwatch_slot();
        self.agree(shared);
    }

    fn unwatch_slot(&self) {
        if !self.watch.is_empty() {
            self.watch.update(Watch::off);
        }
    }

    /// Makes calls on handles of the circuit ask the rules by hand if one of them `covers` it, and
    /// not ask otherwise: see the module.
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
            // The rules have been changed meanwhile, perhaps before another thread came here.
            if covers() == held {
                return;
            }
        }
    }

    /// Returns the closed word that says what the slot says.
    pub(super) fn as_watched(&self, closed: Control) -> Control {
        closed.watched(self.is_watched())
    }

    /// Makes the word of a closed circuit say what its slot says.
    ///
    /// Called after each change of the slot, and after each transition to closed. A word that was
    /// changed here is looked at again: the slot may have changed between the look and the exchange.
    pub(crate) fn agree<C>(&self, shared: &Shared<C>) {
        loop {
            // Reads the slot after the word: a thread that changes the slot meanwhile sees the
            // word.
            let control = self.control();
            if !control.state().is_closed() {
                return;
            }
            let agreed = self.as_watched(control);
            if agreed == control {
                return;
            }
            self.exchange(shared, control, agreed);
        }
    }
}
