//! A clock for tests whose rough time is late.

use breakerbox::{Clock, ManualClock};

/// A [`ManualClock`] whose rough time is always late by as much.
#[derive(Clone, Debug)]
pub struct LaggingClock {
    time: ManualClock,
    lag: u64,
}

impl LaggingClock {
    /// Makes a clock that shows `now`, and roughly `lag` less.
    pub fn new(now: u64, lag: u64) -> Self {
        let time = ManualClock::new(now);
        Self { time, lag }
    }

    pub fn set(&self, ms: u64) {
        self.time.set(ms);
    }

    pub fn advance_ms(&self, ms: u64) {
        self.time.advance_ms(ms);
    }
}

impl Clock for LaggingClock {
    fn now_ms(&self) -> u64 {
        self.time.now_ms()
    }

    fn roughly_ms(&self) -> u64 {
        self.now_ms().saturating_sub(self.lag)
    }
}
