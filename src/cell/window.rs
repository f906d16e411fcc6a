//! Windows of calls: the last N, or those of the last T. Lock-free, and a call allocates nothing.

mod calls;
mod count;
mod time;

pub(super) use calls::CountWindow;
pub(super) use time::Counted;

use super::known::Keepers;
use crate::clock::Clock;
use crate::rules::Span;
use crate::sync::PlainArc;
use crate::word::{Bucket, Call, Millis, Tally};
use time::TimeWindow;

/// A window of calls, shared by its clones.
#[derive(Clone)]
pub(super) enum Window {
    Count(PlainArc<CountWindow>),
    Time(PlainArc<TimeWindow>),
}

impl Window {
    /// Makes a window of this many calls: 1 to 1,000.
    pub(super) fn count(size: u32) -> Self {
        Window::Count(PlainArc::new(CountWindow::new(size)))
    }

    /// Makes a window of this time, at least 10 ms.
    pub(super) fn time(span: Millis) -> Self {
        Window::Time(PlainArc::new(TimeWindow::new(span)))
    }

    /// Returns the span that it covers.
    pub(super) fn span(&self) -> Span {
        match self {
            Window::Count(window) => Span::Calls(window.size),
            Window::Time(window) => Span::Time(window.width.times(Bucket::TICKS)),
        }
    }

    /// Returns its counts now. The clock is read for a window of time alone.
    pub(super) fn tally(&self, clock: &impl Clock, keepers: Keepers<'_>) -> Tally {
        match self {
            Window::Count(window) => window.tally(),
            Window::Time(window) => {
                let tick = window.tick(window.now(clock));
                window.tally(tick, keepers)
            }
        }
    }

    /// Counts a call. The clock is read for a window of time alone.
    #[inline(always)]
    pub(super) fn record(&self, call: Call, clock: &impl Clock, keepers: Keepers<'_>) -> Counted {
        match self {
            Window::Count(window) => Counted::Among(window.record(call)),
            Window::Time(window) => window.record(call, clock, keepers),
        }
    }
}

#[cfg(all(test, not(breakerbox_loom)))]
#[path = "window/tests.rs"]
mod tests;
