//! The model's rules: which calls open, for how long, and how probes count.

use super::{Outcome, Told};

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum FailureCounting {
    Consecutive,
    Total,
}

/// The rules that decide; times in milliseconds.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Rules {
    pub trip: FailureCounting,
    pub failure_threshold: u64,
    pub reset_timeout: u64,
    pub half_open_max: u64,
    pub success_threshold: u64,
    pub probe_lease: u64,
    pub more: More,
}

impl Default for Rules {
    fn default() -> Self {
        Rules {
            trip: FailureCounting::Consecutive,
            failure_threshold: 5,
            reset_timeout: 30_000,
            half_open_max: 1,
            success_threshold: 1,
            probe_lease: 30_000,
            more: More::default(),
        }
    }
}

/// Settings that only few rules have; 0: not set.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct More {
    pub window: Option<Window>,
    pub minimum_calls: u64,
    pub failures_in_window: u64,
    /// Percent.
    pub failure_rate: u64,
    /// Percent.
    pub slow_rate: u64,
    pub slow_ms: u64,
    pub hung_calls: u64,
    pub hung_ms: u64,
    /// Thousandths.
    pub factor: u64,
    pub timeout_max: u64,
    pub stable_after: u64,
    pub retry_after_max: u64,
    pub probe_failures_allowed: u64,
    /// N probes, and the percentage of failures that opens.
    pub probe_rate: Option<(u64, u64)>,
    pub half_open_timeout: u64,
    pub then_close: bool,
    /// The most circuits that may be open at once.
    pub cap: Option<u64>,
}

impl More {
    /// No setting.
    pub const NONE: Self = More {
        window: None,
        minimum_calls: 1,
        failures_in_window: 0,
        failure_rate: 0,
        slow_rate: 0,
        slow_ms: 0,
        hung_calls: 0,
        hung_ms: 0,
        factor: 1_000,
        timeout_max: 0,
        stable_after: 0,
        retry_after_max: 300_000,
        probe_failures_allowed: 0,
        probe_rate: None,
        half_open_timeout: 0,
        then_close: false,
        cap: None,
    };
}

impl Default for More {
    fn default() -> Self {
        More::NONE
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Window {
    Calls(u64),
    /// A multiple of its ten buckets.
    Ms(u64),
}

/// A call in a window.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct Call {
    /// Its bucket, in a window of time.
    tick: u64,
    failed: bool,
    slow: bool,
}

pub(super) enum Judged {
    Undecided,
    Recovered,
    Failed,
}

impl Call {
    pub(super) fn of(told: Told, rules: &Rules) -> Self {
        Call {
            tick: 0,
            failed: told.outcome == Outcome::Failure,
            slow: rules.is_slow(told.took),
        }
    }
}

impl Window {
    /// Adds a call; calls that have left are removed.
    pub(super) fn count(self, calls: &mut Vec<Call>, now: u64, call: Call) {
        match self {
            Window::Calls(size) => {
                calls.push(call);
                if calls.len() as u64 > size {
                    calls.remove(0);
                }
            }
            Window::Ms(span) => {
                let mut tick = now / (span / 10);
                let latest = calls.iter().map(|call| call.tick).max().unwrap_or(0);
                if latest >= tick + 10 {
                    // The clock has stepped back by more than the window.
                    calls.clear();
                } else {
                    tick = tick.max(latest);
                }
                calls.push(Call { tick, ..call });
                calls.retain(|call| call.tick + 10 > tick);
            }
        }
    }
}

impl Rules {
    /// Returns the same rules, within the ranges that can be built.
    pub fn valid(mut self) -> Self {
        let more = &mut self.more;
        if let Some(Window::Calls(size)) = more.window {
            more.minimum_calls = more.minimum_calls.clamp(1, size);
            more.failures_in_window = more.failures_in_window.min(size);
        }
        if more.slow_rate == 0 {
            more.slow_ms = 0;
        }
        if more.window.is_none() {
            (more.failures_in_window, more.failure_rate) = (0, 0);
            (more.slow_rate, more.slow_ms) = (0, 0);
        } else if more.failures_in_window + more.failure_rate + more.slow_rate == 0 {
            more.failure_rate = 50;
        }
        more.timeout_max = more.timeout_max.max(self.reset_timeout);
        if more.half_open_timeout > 0 {
            self.probe_lease = self.probe_lease.max(more.half_open_timeout);
        }
        self
    }

    pub(super) fn is_slow(&self, took: u64) -> bool {
        self.more.slow_ms != 0 && took >= self.more.slow_ms
    }

    pub(super) fn half_open_is_over(&self, age: u64) -> bool {
        self.more.half_open_timeout != 0 && age >= self.more.half_open_timeout
    }

    /// Returns the length of an opening after N others.
    pub(super) fn open_for(&self, exponent: u64) -> u64 {
        let mut ms = self.reset_timeout;
        if self.more.factor > 1_000 {
            for _ in 0..exponent {
                ms = (ms * self.more.factor / 1_000).min(self.more.timeout_max);
            }
        }
        ms
    }

    pub(super) fn window_opens(&self, calls: &[Call]) -> bool {
        let more = &self.more;
        let all = calls.len() as u64;
        let failed = calls.iter().filter(|call| call.failed).count() as u64;
        let slow = calls.iter().filter(|call| call.slow).count() as u64;
        let reaches = |part: u64, percent| percent != 0 && part * 100 >= all * percent;
        more.failures_in_window != 0 && failed >= more.failures_in_window
            || all >= more.minimum_calls
                && (reaches(failed, more.failure_rate) || reaches(slow, more.slow_rate))
    }

    pub(super) fn judge(&self, succeeded: u64, failed: u64) -> Judged {
        let (is_failed, is_recovered) = match self.more.probe_rate {
            None => (
                failed > self.more.probe_failures_allowed,
                succeeded >= self.success_threshold,
            ),
            Some((sample, percent)) => (
                failed * 100 >= sample.max(succeeded + failed) * percent,
                succeeded + failed >= sample,
            ),
        };
        match (is_failed, is_recovered) {
            (true, _) => Judged::Failed,
            (false, true) => Judged::Recovered,
            (false, false) => Judged::Undecided,
        }
    }
}
