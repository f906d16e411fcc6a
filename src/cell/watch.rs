//! The single calls of a closed circuit: its window, and its calls in flight.
//!
//! A [`Watch`] belongs to one closed generation and one shape of window. An operation that finds
//! another generation's watch makes its own, and puts that in the cell if the circuit is still in
//! the operation's generation. So a circuit that closes begins with an empty window, and no thread
//! has to empty one.
//!
//! A closed circuit with a watch that is on is *watched*: its control word says so, and no check or
//! report of it takes the short way. A circuit that closes while its watch is on becomes watched in
//! the same step. Watch and word are two atomics, so they may differ for a moment. Each operation
//! that changes one of them looks at both afterwards, and [again](super::Cell::agree) after it has
//! changed the word, until they agree. The last of these looks comes after the last change of
//! either.
//!
//! # Rules by hand
//! A rule by hand that covers a circuit *holds* its watch, whatever the policy wants. No call on a
//! handle may be admitted past the rule even for a moment, so agreement in the end isn't enough: a
//! thread that is about to close the circuit, or to end the watching, may have looked at the watch
//! before. So
//! - the thread that puts a rule in place sets the watch first and moves the circuit afterwards. An
//!   exchange that was decided on before then fails, since the word is another one;
//! - a circuit that closes afterwards finds the watch held;
//! - a thread asks whether a rule covers the circuit between its look at the watch and its
//!   exchange, and each hold is a new value in the cell. So a watch that is put in after a hold was
//!   decided on after it.

use super::in_flight::InFlight;
use super::known::Keepers;
use super::window::Window;
use crate::clock::Clock;
use crate::rules::{Policy, Span};
use crate::sync::PlainArc;
use crate::word::{Generation, Tally};

/// The calls of one closed generation.
pub(super) struct Watch {
    pub(super) generation: Generation,
    /// Whether the policy wants the watch. If it is off, it only keeps the slots of calls in
    /// flight, or is held.
    pub(super) on: bool,
    /// Whether a rule by hand covers the circuit.
    pub(super) held: bool,
    // Both are shared with the next watch of the same generation, in which only the other one may
    // change.
    pub(super) window: Option<Window>,
    pub(super) in_flight: Option<PlainArc<InFlight>>,
}

/// The single calls that a watch holds.
#[cfg(any(breakerbox_loom, breakerbox_steps))]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Calls {
    /// Whether the policy wants the watch.
    pub on: bool,
    /// Whether a rule by hand covers the circuit, which a handle holds.
    pub held: bool,
    /// The calls, failures and slow calls in the window of this generation, if it has one.
    pub window: Option<[u32; 3]>,
    /// The number of slots that are taken in this generation.
    pub in_flight: u32,
}

impl Watch {
    pub(super) fn new(generation: Generation, policy: &Policy, before: Option<&Watch>) -> Self {
        let span = policy.trip.span;
        let held = before.is_some_and(|watch| watch.held);
        let before = before.filter(|watch| watch.generation == generation);
        let in_flight = before.and_then(|watch| watch.in_flight.clone());
        let window = before
            .filter(|watch| watch.span() == span)
            .and_then(|watch| watch.window.clone());
        let new_window = |span| match span {
            Span::Calls(calls) => Window::count(calls),
            Span::Time(time) => Window::time(time),
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

    /// Makes the same watch, off and without a window. Returns `None` if there is nothing to keep.
    ///
    /// The slots are kept: if they were made anew in the same generation, a call in flight would
    /// give another one's slot back.
    pub(super) fn off(&self) -> Option<Self> {
        (self.held || self.in_flight.is_some()).then(|| Self {
            generation: self.generation,
            on: false,
            held: self.held,
            window: None,
            in_flight: self.in_flight.clone(),
        })
    }

    /// Makes the same watch, `held` or not. Without one before, it is off and of `generation`.
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
    pub(super) fn tally(
        &self,
        generation: Generation,
        clock: &impl Clock,
        keepers: Keepers<'_>,
    ) -> Option<Tally> {
        let window = self.window.as_ref();
        let own = window.filter(|_| self.generation == generation);
        own.map(|window| window.tally(clock, keepers))
    }

    /// Returns the calls that it holds for `generation` now.
    #[cfg(any(breakerbox_loom, breakerbox_steps))]
    pub(super) fn calls(
        &self,
        generation: Generation,
        clock: &impl Clock,
        keepers: Keepers<'_>,
    ) -> Calls {
        let own = self.generation == generation;
        let window = self.tally(generation, clock, keepers);
        let in_flight = self.in_flight.as_ref().filter(|_| own);
        Calls {
            on: self.on,
            held: self.held,
            window: window.map(|tally| [tally.calls, tally.failures, tally.slow]),
            in_flight: in_flight.map_or(0, |in_flight| {
                in_flight.overdue(
                    crate::word::Timestamp::from_unix_ms(u64::MAX),
                    crate::word::Millis::ZERO,
                )
            }),
        }
    }

    #[inline(always)]
    pub(super) fn fits(&self, generation: Generation, policy: &Policy) -> bool {
        let in_flight = !policy.counts_in_flight() || self.in_flight.is_some();
        self.is_of(generation, policy.trip.span) && in_flight
    }

    /// Returns whether it is on, of `generation`, and has a window of this span, or none.
    #[inline(always)]
    pub(super) fn is_of(&self, generation: Generation, span: Option<Span>) -> bool {
        self.on && self.generation == generation && self.span() == span
    }
}
