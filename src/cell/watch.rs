//! What is known of the single calls of a closed circuit: its window and its seats.
//!
//! A [`Watch`] belongs to one closed generation and one shape of window. An operation that needs
//! one and finds another generation's makes its own and puts it in the cell's slot, if the circuit
//! is still in that generation; so a circuit that closes begins with an empty window, and nothing
//! has to be emptied.
//!
//! A closed circuit whose slot holds a watch that is on is *watched*: its control word says so, and
//! no check or report of it takes the short way. A circuit that closes while its slot is on becomes
//! watched in the same step. Slot and word are two, so they may differ for a moment; each operation
//! that changes one of them looks at both afterwards, and [again](Cell::agree) after it has changed
//! the word, until they agree. The last of these looks comes after the last change of either.
//!
//! # Rules by hand
//! A rule by hand that covers a circuit *holds* its watch, beside what the limits want. A handle of
//! it must not be admitted past the rule even for a moment, so agreement in the end isn't enough: a
//! thread that is about to close the circuit, or to end the watching, may have looked at the slot
//! before. So
//! - the thread that puts a rule in place fills the slot first and moves the circuit afterwards:
//!   what others decided on before fails, since the word is another one;
//! - a circuit that closes then finds the slot filled;
//! - whether a rule covers it is asked between the look at the slot and the exchange, and a hold is
//!   always a new value in the slot. So what is put in after a hold was decided on after it.

use super::seats::Seats;
use super::window::Window;
use super::{Cell, Shared};
use crate::clock::Clock;
use crate::sync::PlainArc;
use crate::word::{Call, Control, Generation, Limits, PermitToken, Span, Tally};

/// What is known of the calls of one closed generation.
pub(super) struct Watch {
    generation: Generation,
    /// Whether calls are watched by limits. Off, it only keeps the seats of calls that are out, or
    /// is held.
    on: bool,
    /// Whether a rule by hand covers the circuit.
    held: bool,
    // Both shared with the watch that follows in the same generation, where only the other changes.
    window: Option<PlainArc<Window>>,
    seats: Option<PlainArc<Seats>>,
}

impl Watch {
    fn new(generation: Generation, limits: &Limits, before: Option<&Watch>) -> Self {
        let span = limits.trip.window;
        let held = before.is_some_and(|watch| watch.held);
        let before = before.filter(|watch| watch.generation == generation);
        let seats = before.and_then(|watch| watch.seats.clone());
        let window = before
            .filter(|watch| watch.span() == span)
            .and_then(|watch| watch.window.clone());
        let new_window = |span| {
            PlainArc::new(match span {
                Span::Calls(calls) => Window::count(calls),
                Span::Ms(ms) => Window::time(ms),
            })
        };
        Self {
            generation,
            on: true,
            held,
            window: window.or_else(|| span.map(new_window)),
            seats: seats.or_else(|| limits.seats().then(|| PlainArc::new(Seats::new()))),
        }
    }

    fn span(&self) -> Option<Span> {
        self.window.as_ref().map(|window| window.span())
    }

    /// Without a window, and off; `None` where there is nothing to keep.
    ///
    /// Were the seats made anew in the same generation, a call that is out would give another
    /// one's seat back.
    fn off(&self) -> Option<Self> {
        (self.held || self.seats.is_some()).then(|| Self {
            generation: self.generation,
            on: false,
            held: self.held,
            window: None,
            seats: self.seats.clone(),
        })
    }

    /// Makes the same watch, held or not.
    fn holding(before: Option<&Watch>, generation: Generation, held: bool) -> Self {
        Self {
            generation: before.map_or(generation, |watch| watch.generation),
            on: before.is_some_and(|watch| watch.on),
            held,
            window: before.and_then(|watch| watch.window.clone()),
            seats: before.and_then(|watch| watch.seats.clone()),
        }
    }

    /// Returns what it holds for `generation` at `now`.
    #[cfg(any(breakerbox_loom, breakerbox_steps))]
    pub(super) fn calls(&self, generation: Generation, now: u64) -> super::Calls {
        let own = self.generation == generation;
        let window = self.window.as_ref().filter(|_| own);
        let tally = |window: &PlainArc<Window>| {
            let Tally {
                calls,
                failures,
                slow,
            } = window.tally(now);
            [calls, failures, slow]
        };
        let seats = self.seats.as_ref().filter(|_| own);
        super::Calls {
            on: self.on,
            held: self.held,
            window: window.map(tally),
            seats: seats.map_or(0, |seats| seats.overdue(u64::MAX, 0)),
        }
    }

    fn fits(&self, generation: Generation, limits: &Limits) -> bool {
        let seats = !limits.seats() || self.seats.is_some();
        self.on && self.generation == generation && self.span() == limits.trip.window && seats
    }
}

impl Cell {
    /// `f` on the watch of the closed circuit `control` under `limits`. `None`: the circuit has
    /// moved on.
    fn watching<C, R>(
        &self,
        shared: &Shared<C>,
        control: Control,
        limits: &Limits,
        f: impl FnOnce(&Watch) -> R,
    ) -> Option<R> {
        let generation = control.generation();
        let made = std::cell::Cell::new(false);
        let seen = self.watch.get_or_replace(
            |watch| watch.fits(generation, limits),
            // Looked at after the slot was: what is in a later generation's place stays there, or
            // the seats of its calls would be made anew.
            |before| {
                made.set(true);
                self.still_in(control)
                    .then(|| Watch::new(generation, limits, before))
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
        limits: &Limits,
    ) -> Option<Tally> {
        self.watching(shared, control, limits, |watch| {
            let record = |window: &PlainArc<Window>| window.record(call, || shared.now());
            watch.window.as_ref().map(record).unwrap_or_default()
        })
    }

    /// Takes a seat for a call of the watched circuit `control`, if one is free, and counts the
    /// hung ones. `None`: the circuit has moved on.
    pub(super) fn take_seat<C: Clock>(
        &self,
        shared: &Shared<C>,
        control: Control,
        limits: &Limits,
    ) -> Option<(Option<u8>, u32)> {
        self.watching(shared, control, limits, |watch| {
            let Some(seats) = &watch.seats else {
                return (None, 0);
            };
            let now = shared.now();
            let hung = seats.overdue(now, limits.trip.hung_ms);
            (seats.take(now), hung)
        })
    }

    /// Gives the seat of a call back, if it has one.
    #[inline]
    pub(super) fn leave_seat(&self, permit: PermitToken) {
        if let Some(seat) = permit.seat() {
            self.watch.read(|watch| {
                let own = watch.filter(|watch| watch.generation == permit.issued());
                if let Some(seats) = own.and_then(|watch| watch.seats.as_ref()) {
                    seats.give_back(seat);
                }
            });
        }
    }

    /// Returns whether calls of `control`'s generation may have seats.
    pub(super) fn has_seats(&self, control: Control) -> bool {
        let has = |watch: &Watch| watch.generation == control.generation() && watch.seats.is_some();
        self.has_watch(has)
    }

    /// Returns whether the slot holds a watch that `is` so; pins nothing where it is empty.
    fn has_watch(&self, is: impl Fn(&Watch) -> bool) -> bool {
        !self.watch.is_empty() && self.watch.read(|watch| watch.is_some_and(is))
    }

    /// Makes the closed circuit `control` watched from here on, unless another thread already has.
    pub(super) fn watch_closely<C>(&self, shared: &Shared<C>, control: Control, limits: &Limits) {
        // `None`: the circuit has changed, and the caller looks again.
        let _ = self.watching(shared, control, limits, |_| ());
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

    /// Whether limits want every call to be looked at while it is closed.
    pub(crate) fn is_watched_by_limits(&self) -> bool {
        self.has_watch(|watch| watch.on)
    }

    /// The circuit is watched from here on, or it isn't, as `limits` want it, now and whenever it
    /// closes. A window is kept, if they want any.
    pub(crate) fn set_watched<C>(&self, shared: &Shared<C>, limits: &Limits) {
        // Calls by key ask for a forced state before they look at the circuit; only calls on
        // handles look at it first.
        let forced = limits.forced.is_some() && self.is_pinned();
        if limits.counts_calls() || forced {
            // If they want a window, any watch with one will do: the call that counts in it makes
            // one that fits.
            let fits = |watch: &Watch| watch.on && (limits.windows() || watch.window.is_none());
            loop {
                let control = self.control();
                // Looked at after the slot was: what is in a later generation's place stays there,
                // or the seats of its calls would be made anew.
                let make = |before: Option<&Watch>| {
                    let stands = self.still_in(control);
                    stands.then(|| Watch::new(control.generation(), limits, before))
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
                    let keeps = next.on || next.held || next.seats.is_some();
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
