//! The model's rules: which calls open, for how long, and how probes count; and the policy that says
//! the same to the crate.

use std::time::Duration;

use breakerbox::{AfterHalfOpen, Policy, SlidingWindow};

use super::super::choices::Choices;
use super::{MAX_TIME, Outcome, Told};

/// The durations of rules in properties, in ms. Time moves by them, and by one ms less or more.
pub const DURATIONS: [u64; 3] = [1, 10, 100];

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum FailureCounting {
    Consecutive,
    Total,
}

impl From<FailureCounting> for breakerbox::FailureCounting {
    fn from(counting: FailureCounting) -> Self {
        match counting {
            FailureCounting::Consecutive => breakerbox::FailureCounting::ConsecutiveFailures,
            FailureCounting::Total => breakerbox::FailureCounting::TotalFailures,
        }
    }
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

    /// Chooses any settings. A new one comes last, so that the settings in recorded inputs of the
    /// fuzz targets, which hold the choices in this order, stay what they are.
    fn any(choices: &mut Choices<'_>) -> Self {
        More {
            window: Window::any(choices),
            minimum_calls: choices.up_to(7) + 1,
            failures_in_window: choices.up_to(7),
            failure_rate: percent(choices),
            slow_rate: percent(choices),
            slow_ms: choices.pick(&[5, 20], |choices| choices.up_to(31) + 2),
            hung_calls: choices.up_to(3),
            hung_ms: ms(choices),
            factor: choices.pick(&[1_000, 1_500, 2_000, 100_000], |choices| {
                choices.up_to(255) * 100 + 1_000
            }),
            timeout_max: choices.pick(&[10, 150, 5_000, MAX_TIME], ms),
            stable_after: ms(choices),
            retry_after_max: choices.pick(&[0, 50, MAX_TIME], ms),
            probe_failures_allowed: choices.up_to(3),
            probe_rate: choices
                .flag()
                .then(|| (choices.up_to(5) + 1, choices.up_to(100).max(1))),
            half_open_timeout: choices.pick(&[0, 0, 10, 100], |choices| choices.up_to(63)),
            then_close: choices.flag(),
            cap: choices.pick(&[None, Some(1), Some(2), Some(3)], |choices| {
                Some(choices.up_to(7)).filter(|cap| (1..=4).contains(cap))
            }),
        }
    }
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
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) struct Call {
    /// Its bucket, in a window of time.
    pub(super) tick: u64,
    pub(super) failed: bool,
    slow: bool,
}

/// The counts of a window.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Tally {
    pub calls: u64,
    pub failed: u64,
    pub slow: u64,
}

impl Tally {
    pub(super) fn of(calls: &[Call]) -> Self {
        let count = |is: fn(&Call) -> bool| calls.iter().filter(|call| is(call)).count() as u64;
        Tally {
            calls: calls.len() as u64,
            failed: count(|call| call.failed),
            slow: count(|call| call.slow),
        }
    }
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
    fn any(choices: &mut Choices<'_>) -> Option<Self> {
        let few = [
            None,
            Some(Window::Calls(1)),
            Some(Window::Calls(5)),
            Some(Window::Calls(20)),
            Some(Window::Ms(200)),
            Some(Window::Ms(1_000)),
        ];
        choices.pick(&few, |choices| {
            choices.flag().then(|| match choices.flag() {
                true => Window::Calls(choices.up_to(255) % 40 + 1),
                // Buckets wide enough for the ticks of all times not to wrap.
                false => Window::Ms((choices.up_to(255) % 40 + 20) * 10),
            })
        })
    }

    /// Returns whether it goes by the rough clock.
    pub(super) fn is_rough(self) -> bool {
        matches!(self, Window::Ms(400..))
    }

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
                // Their order doesn't matter, so that equal windows are equal values.
                calls.sort_unstable();
            }
        }
    }
}

impl Rules {
    /// Chooses rules without the settings that only few have.
    pub fn plain(choices: &mut Choices<'_>) -> Self {
        Rules {
            trip: if choices.flag() {
                FailureCounting::Total
            } else {
                FailureCounting::Consecutive
            },
            failure_threshold: choices.up_to(5) + 1,
            reset_timeout: ms(choices),
            half_open_max: choices.up_to(3) + 1,
            success_threshold: choices.up_to(3) + 1,
            probe_lease: ms(choices),
            more: More::NONE,
        }
    }

    /// Chooses rules with any settings; for fuzz targets, perhaps plain ones.
    pub fn any(choices: &mut Choices<'_>) -> Self {
        let mut rules = Self::plain(choices);
        if choices.pick(&[true], Choices::flag) {
            rules.more = More::any(choices);
        }
        rules.valid()
    }

    /// Returns the same rules without a cap.
    pub fn uncapped(mut self) -> Self {
        self.more.cap = None;
        self
    }

    /// Returns the same rules, with those of the `earlier` settings that count outcomes of probes. If
    /// one changed while probes are in flight, the contract would leave open which probe decides.
    pub fn after(mut self, earlier: &Rules) -> Self {
        self.success_threshold = earlier.success_threshold;
        self.more.probe_rate = earlier.more.probe_rate;
        self.more.probe_failures_allowed = earlier.more.probe_failures_allowed;
        self
    }

    /// Returns the policy that asks the crate for these rules.
    pub fn policy(&self) -> Policy {
        let ms = Duration::from_millis;
        let more = self.more;
        let mut policy = Policy::builder()
            .failure_counting(self.trip.into())
            .failure_threshold(self.failure_threshold as u32)
            .reset_timeout(ms(self.reset_timeout))
            .retry_after_max(ms(more.retry_after_max))
            .half_open_max(self.half_open_max as u32)
            .probe_lease(ms(self.probe_lease));
        if let Some(window) = more.window {
            policy = policy.sliding_window(match window {
                Window::Calls(calls) => SlidingWindow::Calls(calls as u32),
                Window::Ms(span) => SlidingWindow::Time(ms(span)),
            });
        }
        if more.failure_rate + more.slow_rate > 0 {
            policy = policy.minimum_calls(more.minimum_calls as u32);
        }
        if more.failures_in_window > 0 {
            policy = policy.failures_in_window(more.failures_in_window as u32);
        }
        if more.failure_rate > 0 {
            policy = policy.failure_rate_threshold(more.failure_rate as u32);
        }
        if more.slow_rate > 0 {
            policy = policy
                .slow_call_rate_threshold(more.slow_rate as u32)
                .slow_call_duration(ms(more.slow_ms));
        }
        if more.hung_calls > 0 {
            policy = policy
                .hung_calls(more.hung_calls as u32)
                .hung_call_duration(ms(more.hung_ms));
        }
        if more.factor > 1_000 {
            policy = policy
                .backoff_factor(more.factor as f64 / 1_000.0)
                .reset_timeout_max(ms(more.timeout_max))
                .stable_after(ms(more.stable_after));
        }
        policy = match more.probe_rate {
            None => policy
                .success_threshold(self.success_threshold as u32)
                .probe_failures_allowed(more.probe_failures_allowed as u32),
            Some((sample, percent)) => policy.probe_failure_rate(sample as u32, percent as u32),
        };
        if more.half_open_timeout > 0 {
            policy = policy
                .half_open_timeout(ms(more.half_open_timeout))
                .after_half_open(if more.then_close {
                    AfterHalfOpen::Closed
                } else {
                    AfterHalfOpen::Open
                });
        }
        policy.build().expect("the tests ask for a valid policy")
    }

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

    /// Returns whether these counts of a window open.
    pub fn window_opens(&self, tally: Tally) -> bool {
        let more = &self.more;
        let Tally {
            calls,
            failed,
            slow,
        } = tally;
        let reaches = |part: u64, percent| percent != 0 && part * 100 >= calls * percent;
        more.failures_in_window != 0 && failed >= more.failures_in_window
            || calls >= more.minimum_calls
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

/// Chooses a duration in ms that isn't 0; for fuzz targets a short one, or the longest.
fn ms(choices: &mut Choices<'_>) -> u64 {
    choices.pick(&DURATIONS, |choices| match choices.up_to(255) {
        255 => MAX_TIME,
        ms => ms % 64 + 1,
    })
}

/// Chooses a percentage, or 0.
fn percent(choices: &mut Choices<'_>) -> u64 {
    choices.pick(&[0, 0, 1, 34, 50, 100], |choices| choices.up_to(100))
}
