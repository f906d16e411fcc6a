//! What is known of the single calls of a closed circuit: its window and its seats.
//!
//! A [`Watch`] belongs to one closed generation and one shape of window. Who needs one and finds
//! another's makes it and puts it in the cell's slot, if the circuit is still in that generation;
//! so a circuit that closes begins with an empty window, and nothing has to be emptied.
//!
//! A closed circuit whose slot holds a watch that is on is *watched*: its control word says so, and
//! no check or report of it takes the short way. A circuit that closes while its slot is on becomes
//! watched in the same step. Slot and word are two, so they may differ for a moment; each operation
//! that changes one of them looks at both afterwards, and [again](Cell::agree) after it has changed
//! the word, until they agree. The last of all these looks comes after the last change of either.

use super::seats::Seats;
use super::window::Window;
use super::{Cell, Shared};
use crate::clock::Clock;
use crate::sync::PlainArc;
use crate::word::{Call, Control, Generation, Limits, PermitToken, Span, Tally};

/// What is known of the calls of one closed generation.
pub(super) struct Watch {
    generation: Generation,
    /// Off, it only keeps the seats of calls that are out.
    on: bool,
    // Both shared with the watch that follows in the same generation, where only the other changes.
    window: Option<PlainArc<Window>>,
    seats: Option<PlainArc<Seats>>,
}

impl Watch {
    fn new(generation: Generation, limits: &Limits, before: Option<&Watch>) -> Self {
        let span = limits.trip.window;
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
        Some(Self {
            generation: self.generation,
            on: false,
            window: None,
            seats: Some(self.seats.clone()?),
        })
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

    /// Whether calls of `control`'s generation may have seats.
    pub(super) fn has_seats(&self, control: Control) -> bool {
        let has = |watch: &Watch| watch.generation == control.generation() && watch.seats.is_some();
        !self.watch.is_empty() && self.watch.read(|watch| watch.is_some_and(has))
    }

    /// The closed circuit `control` is watched from here on, by whoever comes first.
    pub(super) fn watch_closely<C>(&self, shared: &Shared<C>, control: Control, limits: &Limits) {
        // `None`: something else happened, and the caller looks again.
        let _ = self.watching(shared, control, limits, |_| ());
        self.agree(shared);
    }

    /// Whether no check or report of the circuit takes the short way while it is closed.
    #[inline]
    pub(crate) fn is_watched(&self) -> bool {
        !self.watch.is_empty() && self.watch.read(|watch| watch.is_some_and(|watch| watch.on))
    }

    /// The circuit is watched from here on, or it isn't, as `limits` want it, now and whenever it
    /// closes. A window is kept, if they want any.
    pub(crate) fn set_watched<C>(&self, shared: &Shared<C>, limits: &Limits) {
        if limits.watches() {
            // Any with a window will do, if they want one: who counts in it makes one that fits.
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

    /// The circuit isn't watched any more: its rules are gone.
    pub(crate) fn unwatch<C>(&self, shared: &Shared<C>) {
        self.unwatch_slot();
        self.agree(shared);
    }

    fn unwatch_slot(&self) {
        if !self.watch.is_empty() {
            self.watch.update(Watch::off);
        }
    }

    /// The closed word that says what the slot says.
    pub(super) fn as_watched(&self, closed: Control) -> Control {
        closed.watched(self.is_watched())
    }

    /// Makes the word of a closed circuit say what its slot says, unless they agree.
    ///
    /// Called after each change of the slot, and after each transition to closed. A word that was
    /// changed here is looked at again: the slot may have changed between the look and the exchange.
    pub(super) fn agree<C>(&self, shared: &Shared<C>) {
        loop {
            // The slot after the word: a thread that changes the slot meanwhile sees the word.
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
