//! The rules that all subjects are given.

use breakerbox::{Policy, SlidingWindow};
use std::time::Duration;

/// When a circuit opens, and for how long.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// Failures in a row that open it.
    pub failure_threshold: u32,
    /// Longer than any measurement: half-open circuits are not what is compared.
    pub reset_timeout: Duration,
    /// In place of the threshold: it opens if half of the last so many calls failed.
    pub window: Option<u32>,
}

impl Rules {
    /// The highest that breakerbox has: what trips measures something else.
    pub const OUT_OF_REACH: Self = Self {
        failure_threshold: 1_000_000,
        reset_timeout: Duration::from_secs(3_600),
        window: None,
    };

    /// Reached in each round, by whatever number of threads.
    pub const STORM: Self = Self {
        failure_threshold: 20_000,
        ..Self::OUT_OF_REACH
    };

    pub const WINDOWED: Self = Self {
        window: Some(100),
        ..Self::OUT_OF_REACH
    };

    /// Calls in the window below which no rate opens.
    pub const MINIMUM_CALLS: u32 = 20;

    /// Failures of a hundred calls that open.
    pub const PERCENT: u32 = 50;

    pub fn can_trip(self) -> bool {
        self == Self::STORM
    }

    /// The same, for breakerbox.
    pub fn limits(self) -> Policy {
        let builder = Policy::builder().reset_timeout(self.reset_timeout);
        let builder = match self.window {
            None => builder.failure_threshold(self.failure_threshold),
            Some(calls) => builder
                .sliding_window(SlidingWindow::Calls(calls))
                .minimum_calls(Self::MINIMUM_CALLS)
                .failure_rate_threshold(Self::PERCENT),
        };
        builder.build().unwrap()
    }
}
