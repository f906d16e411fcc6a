//! The short way of successes under rules over a window.
//!
//! # Quiet windows of calls
//! A window of the last N calls is *quiet* if it is full and holds successes alone, none of them
//! slow. One more success leaves it as it is. So while a mark in the phase word says that the
//! window is quiet, a success needs two loads: the mark, and control. (A closed circuit has no
//! other use for the phase word.)
//!
//! - A failure or slow call *ends* the mark after it is in the window, and before its operation
//!   returns or looks at control: it raises the version in the word. So does an operation that
//!   gives the circuit a new window.
//! - A success that finds the window quiet sets the mark, by a compare-and-swap from the word that
//!   it loaded *before* it counted itself. It fails if the version was raised since. So a mark that
//!   is set says of a window that was quiet after that load. What is counted later ends the mark
//!   later.
//! - A success that sees a mark which is about to end overlaps with the call that ends it, and
//!   takes place before that call, even if a look at the window shows the call already.
//!
//! A mark is of one generation, by the tag, and of one N. Both kinds of calls bring the word up to
//! their generation, so each of their updates of it comes before or after each other's. If the
//! success loads the word after the version was raised, it also sees what was counted before.
//!
//! # Other windows
//! A success that isn't slow and doesn't open the circuit is done once it is counted, if control is
//! as it was before. In a window of time without trouble it doesn't even add up: see
//! `window/time.rs`. There it takes place on control first, so a failure in between comes after it.

use super::Cell;
use super::moved::Moved;
use super::shared::Shared;
use super::window::{CountWindow, Counted, Window};
use crate::clock::Clock;
use crate::rules::{Policy, Span, Trip, is_stale};
use crate::sync::atomic::Ordering;
use crate::word::{Bucket, Call, Control, PermitToken, Quiet, Side, Tally};

/// A call that has been counted in a window.
#[derive(Clone, Copy)]
pub(crate) struct CountedCall {
    /// The counts of the window, with the call; zeroes if the call can't open the circuit.
    pub(super) tally: Tally,
    /// The word from before the count, to set the mark from; `None` unless the call may set it.
    before: Option<Side>,
}

/// The effect of the short way of a report.
#[derive(Clone, Copy)]
pub(crate) enum Shortly {
    /// The report is recorded.
    Recorded,
    /// The report is recorded, and has changed nothing: the window of calls is quiet.
    Quiet,
    /// The report is recorded: it is counted in this bucket of a window without trouble. `gives`
    /// says whether the bucket's count should be given to an entry of the table by hash.
    CountedAlone { bucket: Bucket, gives: bool },
    /// The call is counted in its window, and may open the circuit.
    Counted(CountedCall),
    /// Nothing has been done: the circuit decides.
    Nothing,
}

impl Cell {
    /// Takes the short way of a success that isn't slow, in the window of `trip`. No state may be
    /// forced on the circuit. Not inlined, so that its caller's other ways need fewer registers.
    #[inline(never)]
    pub(crate) fn succeed_shortly<C: Clock>(
        &self,
        shared: &Shared<C>,
        permit: PermitToken,
        trip: &Trip,
    ) -> Shortly {
        match trip.span {
            Some(Span::Calls(calls)) if self.is_quiet(permit, calls) => Shortly::Quiet,
            _ => self.count_shortly(shared, permit, trip),
        }
    }

    /// Returns whether a success that isn't slow changes nothing, since its window of the last
    /// `calls` is quiet.
    #[inline]
    pub(crate) fn is_quiet(&self, permit: PermitToken, calls: u32) -> bool {
        // The call counts in the window at this load, and on control at the next: which is of the
        // mark's generation, so the mark was of the one in place.
        // SeqCst: in one order with control's updates, so that a thread which has seen a failure on
        // control sees the mark ended.
        let mark = Side::from_bits(self.phase.load(Ordering::SeqCst));
        let control = self.control();
        has_nothing_to_forget(control, permit)
            && mark.belongs_to(control.generation())
            && Quiet::from_payload(mark.payload()).is_of(calls)
    }

    /// Counts a success that isn't slow in the window of `trip`, unless there is more to do. No
    /// state may be forced on the circuit.
    #[inline(always)]
    pub(crate) fn count_shortly<C: Clock>(
        &self,
        shared: &Shared<C>,
        permit: PermitToken,
        trip: &Trip,
    ) -> Shortly {
        let control = self.control();
        if !has_nothing_to_forget(control, permit) {
            return Shortly::Nothing;
        }
        // Before the watch is loaded: an operation that puts another window in its place ends the
        // mark afterwards, so that no mark is set from this word for a window that has gone.
        let before = match trip.span {
            Some(Span::Calls(_)) => self.quiet_word(control).ok(),
            _ => None,
        };
        let pinned = self.watch.pinned();
        let Some(watch) = pinned.get() else {
            return Shortly::Nothing;
        };
        let Some(window) = &watch.window else {
            return Shortly::Nothing;
        };
        if !watch.is_of(control.generation(), trip.span) {
            return Shortly::Nothing;
        }
        match window {
            Window::Count(window) => self.count_among_calls(control, before, window, trip),
            Window::Time(window) => {
                let keepers = self.keepers(shared, control);
                match window.record(Call::default(), &shared.clock, keepers) {
                    Counted::Alone { bucket, gives } => Shortly::CountedAlone { bucket, gives },
                    Counted::Among(tally) => {
                        let before = None;
                        self.decide_shortly(control, CountedCall { tally, before }, trip)
                    }
                }
            }
        }
    }

    /// Counts the success in a window of calls. Not inlined, so that a window of time needs fewer
    /// registers.
    #[inline(never)]
    fn count_among_calls(
        &self,
        control: Control,
        before: Option<Side>,
        window: &CountWindow,
        trip: &Trip,
    ) -> Shortly {
        if before.is_none() {
            return Shortly::Nothing;
        }
        let tally = window.record(Call::default());
        self.decide_shortly(control, CountedCall { tally, before }, trip)
    }

    /// Decides on a success that has been counted: it opens the circuit, or changes nothing more.
    #[inline(never)]
    fn decide_shortly(&self, control: Control, counted: CountedCall, trip: &Trip) -> Shortly {
        // A failure in between is forgotten the long way: it is before this call in the window.
        if trip.window_opens(counted.tally).is_some() || self.control() != control {
            return Shortly::Counted(counted);
        }
        self.mark_quiet(control, counted, trip);
        Shortly::Recorded
    }

    /// Counts a call in the window of the watched circuit `control`.
    #[inline(never)]
    pub(super) fn count_in_window<C: Clock>(
        &self,
        shared: &Shared<C>,
        control: Control,
        call: Call,
        policy: &Policy,
    ) -> Result<CountedCall, Moved> {
        // A window of time has no mark.
        let has_mark = matches!(policy.trip.span, Some(Span::Calls(_)));
        let is_fine = call == Call::default();
        let mut before = None;
        if has_mark && is_fine {
            before = Some(self.quiet_word(control)?);
        }
        let tally = self.count_call(shared, control, call, policy)?;
        if has_mark && !is_fine {
            self.end_quiet(shared, control);
        }
        Ok(CountedCall { tally, before })
    }

    /// Sets the mark if the window was quiet when it had `counted` a success, and no failure or
    /// slow call has been counted since the word was loaded.
    #[inline]
    pub(super) fn mark_quiet(&self, control: Control, counted: CountedCall, trip: &Trip) {
        let (Some(before), Some(Span::Calls(calls))) = (counted.before, trip.span) else {
            return;
        };
        let tally = counted.tally;
        let is_quiet = tally.calls == calls && tally.failures == 0 && tally.slow == 0;
        let mark = Quiet::from_payload(before.payload());
        if is_quiet && !mark.is_of(calls) {
            let marked = Side::new(control.generation(), mark.marked(calls).payload());
            // If that fails, another call is counted, or has set the mark.
            let _ = self.put(&self.phase, before, marked);
        }
    }

    /// Ends the mark in `control`'s generation, since a failure or a slow call has been counted, or
    /// the window is a new one. Does nothing unless that generation is closed and still in place:
    /// in another state the word has other uses. Also ends what is known of the circuit by hash.
    pub(super) fn end_quiet<C>(&self, shared: &Shared<C>, control: Control) {
        while control.state().is_closed()
            && let Ok(seen) = self.quiet_word(control)
        {
            let ended = Quiet::from_payload(seen.payload()).ended();
            let ended = Side::new(control.generation(), ended.payload());
            if self.put(&self.phase, seen, ended).is_ok() {
                break;
            }
        }
        self.end_known(shared);
    }

    /// Returns the word of the mark, brought up to `control`'s generation.
    fn quiet_word(&self, control: Control) -> Result<Side, Moved> {
        let none = |_| Side::new(control.generation(), Quiet::NEVER.payload());
        self.side(&self.phase, control, none)
    }
}

/// Returns whether the circuit is closed and watched without failures, the permit holds nothing,
/// and the report is not stale.
#[inline]
fn has_nothing_to_forget(control: Control, permit: PermitToken) -> bool {
    let generation = control.generation();
    let is_fresh = || permit.is_plain() && !is_stale(generation, permit);
    control.is_clean_and_watched() && (permit.is_plainly_of(generation) || is_fresh())
}
