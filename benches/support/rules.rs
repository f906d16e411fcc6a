//! The rules that all contenders are given.

use breakerbox::{Policy, SlidingWindow};
use std::time::Duration;

/// The rule that opens a circuit, and the time that it stays open.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// Consecutive failures that open it.
    pub failure_threshold: u32,
    /// Longer than any measurement, since half-open circuits are not compared.
    pub reset_timeout: Duration,
    /// In place of the threshold: it opens if half of the calls in the window failed.
    pub window: Option<SlidingWindow>,
}

impl Rules {
    /// The highest threshold that breakerbox has, which no measurement reaches.
    pub const OUT_OF_REACH: Self = Self {
        failure_threshold: 1_000_000,
        reset_timeout: Duration::from_secs(3_600),
        window: None,
    };

    /// Rules that any number of threads reach in each round.
    pub const STORM: Self = Self {
        failure_threshold: 20_000,
        ..Self::OUT_OF_REACH
    };

    pub const WINDOWED: Self = Self {
        window: Some(SlidingWindow::Calls(Self::CALLS)),
        ..Self::OUT_OF_REACH
    };

    pub const TIMED: Self = Self {
        window: Some(SlidingWindow::Time(Self::TIME)),
        ..Self::OUT_OF_REACH
    };

    /// The time of a window of time.
    pub const TIME: Duration = Duration::from_secs(10);

    /// The calls in a window of calls.
    pub const CALLS: u32 = 100;

    /// The calls in the window below which no rate opens.
    pub const MINIMUM_CALLS: u32 = 20;

    /// The failures among a hundred calls that open.
    pub const PERCENT: u32 = 50;

    pub fn can_trip(self) -> bool {
        self == Self::STORM
    }

    /// Returns the same rules for breakerbox.
    pub fn policy(self) -> Policy {
        let builder = Policy::builder().reset_timeout(self.reset_timeout);
        let builder = match self.window {
            None => builder.failure_threshold(self.failure_threshold),
            Some(window) => builder
                .sliding_window(window)
                .minimum_calls(Self::MINIMUM_CALLS)
                .failure_rate_threshold(Self::PERCENT),
        };
        builder.build().unwrap()
    }
}
