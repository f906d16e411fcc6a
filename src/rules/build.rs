//! From settings to a policy and back. A value out of range, or without effect, is refused.

use super::builder::Settings;
use super::check::{at_least, count, needs, positive, within};
use super::policy::{
    Cap, FAILURE_THRESHOLD_MAX, HUNG_CALLS_MAX, HalfOpen, OFF, OpenFor, PROBES_MAX, Policy,
    ProbeRule, Span, Trip, WINDOW_CALLS_MAX,
};
use super::settings::{Millis, ProbeFailureRate};
use super::{DroppedPermit, SlidingWindow};
use crate::error::ConfigError;
use crate::word::TIME_MAX;
use std::time::Duration;

/// Failures that open, unless it is set, where no other rule is.
const FAILURE_THRESHOLD: u32 = 5;
const RESET_TIMEOUT_MS: u64 = 30_000;

/// Time buckets of a window.
const BUCKETS: u64 = 10;
/// Calls below which a rate says nothing, unless it is set: Hystrix's request volume.
const MINIMUM_CALLS: u32 = 20;
/// The cap of the back-off, unless it is set: so many times the reset timeout.
const BACKOFF_CAP: u64 = 10;
const RETRY_AFTER_MAX_MS: u64 = 300_000;

impl Settings {
    pub(super) fn build(&self) -> Result<Policy, ConfigError> {
        let open = self.open()?;
        let (trip, half_open) = (self.trip()?, self.half_open(open.base_ms)?);
        let dropped_permit = self.dropped_permit()?;
        let ages = matches!(dropped_permit, DroppedPermit::FailureIfOlder(_));
        Ok(Policy {
            trip,
            open,
            half_open,
            shadow: self.shadow.unwrap_or_default(),
            forced: self.forced,
            dropped_permit,
            checks_closely: self.forced.is_some() || trip.hung_calls != 0,
            timed: trip.slow_ms != 0 || ages,
            cap: Cap::default(),
            set: 0,
        })
    }

    fn dropped_permit(&self) -> Result<DroppedPermit, ConfigError> {
        Ok(match self.dropped_permit.unwrap_or_default() {
            DroppedPermit::FailureIfOlder(age) => {
                let ms = positive("dropped_permit", Some(age.into()), 0)?;
                DroppedPermit::FailureIfOlder(Duration::from_millis(ms))
            }
            plain => plain,
        })
    }

    fn trip(&self) -> Result<Trip, ConfigError> {
        let window = self.span()?;
        let most_calls = match window {
            Some(Span::Calls(calls)) => calls,
            _ => FAILURE_THRESHOLD_MAX,
        };
        let in_window = |field, value, max| {
            needs(field, value, window.is_some(), "sliding_window")?;
            count(field, value, 1..=max, 0)
        };
        let failures_in_window =
            in_window("failures_in_window", self.failures_in_window, most_calls)?;
        let failure_rate = in_window("failure_rate_threshold", self.failure_rate_threshold, 100)?;
        let slow_rate = in_window(
            "slow_call_rate_threshold",
            self.slow_call_rate_threshold,
            100,
        )?;
        let rates = failure_rate != 0 || slow_rate != 0;
        needs(
            "minimum_calls",
            self.minimum_calls,
            rates,
            "a rate threshold",
        )?;
        let minimum_calls = match window {
            None => 0,
            Some(_) => count(
                "minimum_calls",
                self.minimum_calls,
                1..=most_calls,
                MINIMUM_CALLS.min(most_calls),
            )?,
        };
        if let (Some(window), false) = (window, rates || failures_in_window != 0) {
            let value = match window {
                Span::Calls(calls) => format!("{calls} calls"),
                Span::Ms(ms) => format!("{:?}", Duration::from_millis(ms)),
            };
            let expected = "unset, or given with a rate threshold or failures_in_window";
            return Err(ConfigError::new("sliding_window", value, expected));
        }

        let slow_ms = self.slow_call_duration;
        let hung_ms = self.hung_call_duration;
        pair(
            ("slow_call_rate_threshold", self.slow_call_rate_threshold),
            ("slow_call_duration", slow_ms),
        )?;
        pair(
            ("hung_calls", self.hung_calls),
            ("hung_call_duration", hung_ms),
        )?;
        let hung_calls = count("hung_calls", self.hung_calls, 1..=HUNG_CALLS_MAX, 0)?;

        let alone = window.is_none() && hung_calls == 0;
        let failure_threshold = count(
            "failure_threshold",
            self.failure_threshold,
            1..=FAILURE_THRESHOLD_MAX,
            if alone { FAILURE_THRESHOLD } else { OFF },
        )?;
        if let (Some(rule), OFF) = (self.failure_counting, failure_threshold) {
            let expected = "unset, or given with failure_threshold";
            return Err(ConfigError::new(
                "failure_counting",
                format!("{rule:?}"),
                expected,
            ));
        }
        Ok(Trip {
            failure_threshold,
            rule: self.failure_counting.unwrap_or_default(),
            window,
            minimum_calls,
            failures_in_window,
            failure_rate,
            slow_rate,
            slow_ms: positive("slow_call_duration", slow_ms, 0)?,
            hung_calls,
            hung_ms: positive("hung_call_duration", hung_ms, 0)?,
        })
    }

    fn span(&self) -> Result<Option<Span>, ConfigError> {
        Ok(match self.sliding_window {
            None => None,
            Some(SlidingWindow::Calls(calls)) => {
                within("sliding_window", calls, 1..=WINDOW_CALLS_MAX)?;
                Some(Span::Calls(calls))
            }
            Some(SlidingWindow::Time(time)) => {
                let Millis(ms) = time.into();
                let ms = at_least("sliding_window", ms.min(TIME_MAX), BUCKETS)?;
                // Whole milliseconds a bucket.
                Some(Span::Ms(ms.next_multiple_of(BUCKETS)))
            }
        })
    }

    fn open(&self) -> Result<OpenFor, ConfigError> {
        let base_ms = positive("reset_timeout", self.reset_timeout, RESET_TIMEOUT_MS)?;
        let factor = match self.backoff_factor {
            None => 1_000,
            // Neither is any number.
            Some(factor) if (1.0..=100.0).contains(&factor) => (factor * 1_000.0).round() as u32,
            Some(factor) => {
                return Err(ConfigError::new("backoff_factor", factor, "1 to 100"));
            }
        };
        let backs_off = factor > 1_000;
        let needed = "a backoff_factor above 1";
        needs(
            "reset_timeout_max",
            self.reset_timeout_max,
            backs_off,
            needed,
        )?;
        needs("stable_after", self.stable_after, backs_off, needed)?;
        let max_ms = match self.reset_timeout_max {
            Some(Millis(max)) => at_least("reset_timeout_max", max.min(TIME_MAX), base_ms)?,
            None if backs_off => base_ms.saturating_mul(BACKOFF_CAP).min(TIME_MAX),
            None => base_ms,
        };
        Ok(OpenFor {
            base_ms,
            factor,
            max_ms,
            jitter: count("jitter", self.jitter, 0..=100, 0)?,
            stable_ms: positive("stable_after", self.stable_after, max_ms)?,
            retry_after_max_ms: self
                .retry_after_max
                .map_or(RETRY_AFTER_MAX_MS, |Millis(ms)| ms)
                .min(TIME_MAX),
        })
    }

    fn half_open(&self, reset_timeout_ms: u64) -> Result<HalfOpen, ConfigError> {
        let probes =
            |field, value, least, default| count(field, value, least..=PROBES_MAX, default);
        let rate = self.probe_failure_rate;
        let other = "counts of probes in place of a rate";
        for (field, value) in [
            ("success_threshold", self.success_threshold),
            ("probe_failures_allowed", self.probe_failures_allowed),
        ] {
            needs(field, value, rate.is_none(), other)?;
        }
        let verdict = match rate {
            None => ProbeRule::Count {
                successes: probes("success_threshold", self.success_threshold, 1, 1)?,
                allowed: probes("probe_failures_allowed", self.probe_failures_allowed, 0, 0)?,
            },
            Some(ProbeFailureRate { sample, percent }) => ProbeRule::Rate {
                sample: within("the sample of probe_failure_rate", sample, 1..=PROBES_MAX)?,
                percent: within("the percent of probe_failure_rate", percent, 1..=100)?,
            },
        };
        let timeout_ms = positive("half_open_timeout", self.half_open_timeout, 0)?;
        let after = self.after_half_open;
        needs(
            "after_half_open",
            after,
            timeout_ms != 0,
            "half_open_timeout",
        )?;
        Ok(HalfOpen {
            max_probes: probes("half_open_max", self.half_open_max, 1, 1)?,
            verdict,
            lease_ms: positive("probe_lease", self.probe_lease, reset_timeout_ms)?,
            timeout_ms,
            after: after.unwrap_or_default(),
        })
    }
}

/// Two settings of which neither has an effect without the other.
fn pair(
    (a, a_value): (&'static str, Option<u32>),
    (b, b_value): (&'static str, Option<Millis>),
) -> Result<(), ConfigError> {
    needs(a, a_value, b_value.is_some(), b)?;
    needs(b, b_value, a_value.is_some(), a)
}

impl Policy {
    /// Returns the settings that build this policy again.
    pub(super) fn settings(&self) -> Settings {
        let Policy {
            trip,
            open,
            half_open,
            shadow,
            forced,
            dropped_permit,
            checks_closely: _,
            timed: _,
            cap: _,
            set: _,
        } = *self;
        let Trip {
            failure_threshold: _,
            rule,
            window: _,
            minimum_calls,
            failures_in_window,
            failure_rate,
            slow_rate,
            slow_ms,
            hung_calls,
            hung_ms,
        } = trip;
        let OpenFor {
            base_ms,
            factor,
            max_ms,
            jitter,
            stable_ms,
            retry_after_max_ms,
        } = open;
        let HalfOpen {
            max_probes,
            verdict: _,
            lease_ms,
            timeout_ms,
            after,
        } = half_open;
        let set = |value: u32| (value != 0).then_some(value);
        let set_ms = |ms: u64| (ms != 0).then_some(Millis(ms));
        let backs_off = factor > 1_000;
        let rates = failure_rate != 0 || slow_rate != 0;
        Settings {
            failure_threshold: self.failure_threshold(),
            failure_counting: self.failure_threshold().map(|_| rule),
            sliding_window: self.sliding_window(),
            minimum_calls: rates.then_some(minimum_calls),
            failures_in_window: set(failures_in_window),
            failure_rate_threshold: set(failure_rate),
            slow_call_rate_threshold: set(slow_rate),
            slow_call_duration: set_ms(slow_ms),
            hung_calls: set(hung_calls),
            hung_call_duration: set_ms(hung_ms),
            reset_timeout: Some(Millis(base_ms)),
            backoff_factor: Some(self.backoff_factor()),
            reset_timeout_max: backs_off.then_some(Millis(max_ms)),
            stable_after: backs_off.then_some(Millis(stable_ms)),
            jitter: Some(jitter),
            retry_after_max: Some(Millis(retry_after_max_ms)),
            half_open_max: Some(max_probes),
            success_threshold: self.success_threshold(),
            probe_failures_allowed: self.probe_failures_allowed(),
            probe_failure_rate: self
                .probe_failure_rate()
                .map(|(sample, percent)| ProbeFailureRate { sample, percent }),
            probe_lease: Some(Millis(lease_ms)),
            half_open_timeout: set_ms(timeout_ms),
            after_half_open: (timeout_ms != 0).then_some(after),
            shadow: Some(shadow),
            forced,
            dropped_permit: Some(dropped_permit),
        }
    }
}
