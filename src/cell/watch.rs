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
//! A rule by hand that covers a circuit *holds* its watch, beside what the policy wants. A handle of
//! it must not be admitted past the rule even for a moment, so agreement in the end isn't enough: a
//! thread that is about to close the circuit, or to end the watching, may have looked at the slot
//! before. So
//! - the thread that puts a rule in place fills the slot first and moves the circuit afterwards:
//!   what others decided on before fails, since the word is another one;
//! - a circuit that closes then finds the slot filled;
//! - whether a rule covers it is asked between the look at the slot and the exchange, and a hold is
//!   always a new value in the slot. So what is put in after a hold was decided on after it.

use super::in_flight::InFlight;
use super::window::Window;
use crate::rules::{Policy, Span};
use crate::sync::PlainArc;
use crate::word::{Generation, Tally};

/// What is known of the calls of one closed generation.
pub(super) struct Watch {
    pub(super) generation: Generation,
    /// Whether calls are watched because of the policy. Off, it only keeps the seats of calls that are out, or
    /// is held.
    pub(super) on: bool,
    /// Whether a rule by hand covers the circuit.
    pub(super) held: bool,
    // Both shared with the watch that follows in the same generation, where only the other changes.
    pub(super) window: Option<PlainArc<Window>>,
    pub(super) in_flight: Option<PlainArc<InFlight>>,
}

impl Watch {
    pub(super) fn new(generation: Generation, policy: &Policy, before: Option<&Watch>) -> Self {
        let span = policy.trip.window;
        let held = before.is_some_and(|watch| watch.held);
        let before = before.filter(|watch| watch.generation == generation);
        let in_flight = before.and_then(|watch| watch.in_flight.clone());
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
            in_flight: in_flight.or_else(|| {
                policy
                    .counts_in_flight()
                    .then(|| PlainArc::new(InFlight::new()))
            }),
        }
    }

    fn span(&self) -> Option<Span> {
        self.window.as_ref().map(|window| window.span())
    }

    /// Without a window, and off; `None` where there is nothing to keep.
    ///
    /// Were the seats made anew in the same generation, a call that is out would give another
    /// one's seat back.
    pub(super) fn off(&self) -> Option<Self> {
        (self.held || self.in_flight.is_some()).then(|| Self {
            generation: self.generation,
            on: false,
            held: self.held,
            window: None,
            in_flight: self.in_flight.clone(),
        })
    }

    /// Makes the same watch, held or not.
    pub(super) fn holding(before: Option<&Watch>, generation: Generation, held: bool) -> Self {
        Self {
            generation: before.map_or(generation, |watch| watch.generation),
            on: before.is_some_and(|watch| watch.on),
            held,
            window: before.and_then(|watch| watch.window.clone()),
            in_flight: before.and_then(|watch| watch.in_flight.clone()),
        }
    }

    /// Returns what its window holds for `generation` now, if it has one.
    pub(super) fn tally(&self, generation: Generation, now: impl FnOnce() -> u64) -> Option<Tally> {
        let window = self.window.as_ref();
        let own = window.filter(|_| self.generation == generation);
        own.map(|window| window.tally(now()))
    }

    /// Returns what it holds for `generation` at `now`.
    #[cfg(any(breakerbox_loom, breakerbox_steps))]
    pub(super) fn calls(&self, generation: Generation, now: u64) -> super::Calls {
        let own = self.generation == generation;
        let window = self.tally(generation, || now);
        let in_flight = self.in_flight.as_ref().filter(|_| own);
        super::Calls {
            on: self.on,
            held: self.held,
            window: window.map(|tally| [tally.calls, tally.failures, tally.slow]),
            in_flight: in_flight.map_or(0, |in_flight| in_flight.overdue(u64::MAX, 0)),
        }
    }

    pub(super) fn fits(&self, generation: Generation, policy: &Policy) -> bool {
        let in_flight = !policy.counts_in_flight() || self.in_flight.is_some();
        self.on && self.generation == generation && self.span() == policy.trip.window && in_flight
    }
}
