//! What is known of the single calls of a closed circuit: its window and its seats.
//!
//! A [`Watch`] belongs to one closed generation and one shape of window. Who needs one and finds
//! another's makes it and puts it in the cell's slot, if the circuit is still in that generation;
//! so a circuit that closes begins with an empty window, and nothing has to be emptied.
//!
//! A closed circuit whose slot holds a watch that is on is *watched*: its control word says so, and
//! no check or report of it takes the short way. The two are kept in step by order: the slot is
//! filled before the word changes, and whoever closes a circuit looks at the slot afterwards.

use super::seats::Seats;
use super::window::Window;
use super::{Cell, Shared};
use crate::clock::Clock;
use crate::sync::PlainArc;
use crate::word::{Call, Control, Generation, Limits, PermitToken, Span, State, Tally};

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
    fn off(&self, generation: Generation) -> Option<Self> {
        let seats = self.seats.clone().filter(|_| self.generation == generation);
        Some(Self {
            generation,
            on: false,
            window: None,
            seats: Some(seats?),
        })
    }

    /// What it holds for `generation` at `now`.
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
            window: window.map(tally),
            seats: seats.map_or(0, |seats| seats.overdue(generation, u64::MAX, 0)),
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
    fn watching<R>(
        &self,
        control: Control,
        limits: &Limits,
        f: impl FnOnce(&Watch) -> R,
    ) -> Option<R> {
        let generation = control.generation();
        self.watch.get_or_replace(
            |watch| watch.fits(generation, limits),
            // Looked at after the slot was: what is in a later generation's place stays there.
            |before| {
                self.still_in(control)
                    .then(|| Watch::new(generation, limits, before))
            },
            f,
        )
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
        if !limits.windows() {
            return Some(Tally::default());
        }
        self.watching(control, limits, |watch| {
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
        self.watching(control, limits, |watch| {
            let Some(seats) = &watch.seats else {
                return (None, 0);
            };
            let now = shared.now();
            let hung = seats.overdue(watch.generation, now, limits.trip.hung_ms);
            (seats.take(watch.generation, now), hung)
        })
    }

    /// Gives the seat of a call back, if it has one.
    #[inline]
    pub(super) fn leave_seat(&self, permit: PermitToken) {
        if let Some(seat) = permit.seat() {
            self.watch.read(|watch| {
                if let Some(seats) = watch.and_then(|watch| watch.seats.as_ref()) {
                    seats.give_back(seat, permit.issued());
                }
            });
        }
    }

    /// The closed circuit `control` is watched from here on, by whoever comes first.
    pub(super) fn watch_closely<C>(&self, shared: &Shared<C>, control: Control, limits: &Limits) {
        if self.watching(control, limits, |_| ()).is_some() {
            // It fails to whatever else happened: the caller looks again.
            let _ = self.exchange(shared, control, control.watched(true));
        }
    }

    /// Whether no check or report of the circuit takes the short way while it is closed.
    pub(crate) fn is_watched(&self) -> bool {
        self.watch.read(|watch| watch.is_some_and(|watch| watch.on))
    }

    /// The circuit is watched from here on, or it isn't, as `limits` want it, now and whenever it
    /// closes. A window is kept, if they want any.
    pub(crate) fn set_watched<C>(&self, shared: &Shared<C>, limits: &Limits) {
        let watches = limits.watches();
        let generation = self.control().generation();
        if watches {
            // Any with a window will do, if they want one: who counts in it makes one that fits.
            let fits = |watch: &Watch| watch.on && (limits.windows() || watch.window.is_none());
            let make = |before: Option<&Watch>| Some(Watch::new(generation, limits, before));
            let _ = self.watch.get_or_replace(fits, make, |_| ());
        } else {
            self.watch.update(|watch| watch.off(generation));
        }
        loop {
            // After the slot: who closes the circuit meanwhile sees the slot filled.
            let control = self.control();
            if !control.state().is_closed() || (control.state() == State::Watched) == watches {
                return;
            }
            if self.exchange(shared, control, control.watched(watches)) {
                return;
            }
        }
    }

    /// A circuit that has just been closed, by `closed`, is watched if it was before. What it is
    /// then.
    pub(super) fn watch_again<C>(&self, shared: &Shared<C>, closed: Control) -> Control {
        let mut control = closed;
        // The slot after the word: whoever fills it meanwhile sees the circuit closed.
        while control.generation() == closed.generation()
            && control.state() == State::Closed
            && self.is_watched()
        {
            let watched = control.watched(true);
            if self.exchange(shared, control, watched) {
                return watched;
            }
            control = self.control();
        }
        closed
    }
}
