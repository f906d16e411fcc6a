//! Settings made into a policy, and back. A value out of range, or without effect, is refused.

use super::builder::Settings;
use super::check::{at_least, needs, within};
use super::policy::{
    BUCKETS, Cap, FAILURE_THRESHOLD_MAX, HalfOpen, OFF, OpenFor, Policy, ProbeRule, Span, Trip,
};
use super::settings::ProbeFailureRate;
use super::values::{DroppedPermit, SlidingWindow};
use crate::error::ConfigError;
use crate::word::Millis;
use std::time::Duration;

/// The failures that open by default, where no other rule is set.
const FAILURE_THRESHOLD: u32 = 5;
const RESET_TIMEOUT: Millis = Millis::new(30_000);
/// The calls below which a rate says nothing, by default: Hystrix's request volume.
const MINIMUM_CALLS: u32 = 20;
/// The default cap of the back-off, as a multiple of the reset timeout.
const BACKOFF_CAP: u64 = 10;
const RETRY_AFTER_MAX: Millis = Millis::new(300_000);

impl Settings {
    pub(super) fn build(&self) -> Result<Policy, ConfigError> {
        self.check()?;
        let (trip, open) = (self.trip()?, self.open()?);
        let dropped_permit = match self.dropped_permit.unwrap_or_default() {
            DroppedPermit::FailureIfOlder(age) => {
                DroppedPermit::FailureIfOlder(Duration::from(Millis::from(age)))
            }
            plain => plain,
        };
        let ages = matches!(dropped_permit, DroppedPermit::FailureIfOlder(_));
        Ok(Policy {
            trip,
            open,
            half_open: self.half_open(open.base)?,
            shadow: self.shadow.unwrap_or_default(),
            forced: self.forced,
            dropped_permit,
            checks_closely: self.forced.is_some() || trip.hung_calls != 0,
            timed: trip.slow.is_some() || ages,
            cap: Cap::default(),
            set: 0,
        })
    }

    fn trip(&self) -> Result<Trip, ConfigError> {
        let span = self.span();
        let most_calls = match span {
            Some(Span::Calls(calls)) => calls,
            _ => FAILURE_THRESHOLD_MAX,
        };
        let rates = self
            .failure_rate_threshold
            .or(self.slow_call_rate_threshold);
        for (field, value, most) in [
            ("failures_in_window", self.failures_in_window, most_calls),
            ("failure_rate_threshold", self.failure_rate_threshold, 100),
            (
                "slow_call_rate_threshold",
                self.slow_call_rate_threshold,
                100,
            ),
            ("minimum_calls", self.minimum_calls, most_calls),
        ] {
            needs(field, value, span.is_some(), "sliding_window")?;
            if let Some(value) = value {
                within(field, value, 1..=most)?;
            }
        }
        needs(
            "minimum_calls",
            self.minimum_calls,
            rates.is_some(),
            "a rate threshold",
        )?;
        if let (Some(span), None) = (span, rates.or(self.failures_in_window)) {
            let value = match span {
                Span::Calls(calls) => format!("{calls} calls"),
                Span::Time(time) => format!("{time:?}"),
            };
            let expected = "unset, or given with a rate threshold or failures_in_window";
            return Err(ConfigError::new("sliding_window", value, expected));
        }
        let slow = ("slow_call_duration", self.slow_call_duration);
        pair(
            ("slow_call_rate_threshold", self.slow_call_rate_threshold),
            slow,
        )?;
        let hung = ("hung_call_duration", self.hung_call_duration);
        pair(("hung_calls", self.hung_calls), hung)?;

        let alone = span.is_none() && self.hung_calls.is_none();
        let default = if alone { FAILURE_THRESHOLD } else { OFF };
        let failure_threshold = self.failure_threshold.unwrap_or(default);
        let counts = failure_threshold != OFF;
        needs(
            "failure_counting",
            self.failure_counting,
            counts,
            "failure_threshold",
        )?;
        let minimum_calls = self.minimum_calls.unwrap_or(MINIMUM_CALLS.min(most_calls));
        Ok(Trip {
            failure_threshold,
            counting: self.failure_counting.unwrap_or_default(),
            span,
            minimum_calls: span.map_or(0, |_| minimum_calls),
            failures_in_window: self.failures_in_window.unwrap_or(0),
            failure_rate: self.failure_rate_threshold.unwrap_or(0),
            slow_rate: self.slow_call_rate_threshold.unwrap_or(0),
            slow: self.slow_call_duration,
            hung_calls: self.hung_calls.unwrap_or(0),
            hung: self.hung_call_duration.unwrap_or_default(),
        })
    }

    fn span(&self) -> Option<Span> {
        self.sliding_window.map(|window| match window {
            SlidingWindow::Calls(calls) => Span::Calls(calls),
            // Whole milliseconds a bucket.
            SlidingWindow::Time(time) => {
                let ms = Millis::from(time).get().next_multiple_of(BUCKETS);
                Span::Time(Millis::new(ms))
            }
        })
    }

    fn open(&self) -> Result<OpenFor, ConfigError> {
        let base = self.reset_timeout.unwrap_or(RESET_TIMEOUT);
        let given = self.backoff_factor.unwrap_or(1.0);
        // What is above 1 stays above 1.
        let least = if given > 1.0 { 1_001 } else { 1_000 };
        let factor = ((given * 1_000.0).round() as u32).max(least);
        let backs_off = factor > 1_000;
        let needed = "a backoff_factor above 1";
        needs(
            "reset_timeout_max",
            self.reset_timeout_max,
            backs_off,
            needed,
        )?;
        needs("stable_after", self.stable_after, backs_off, needed)?;
        let max = match self.reset_timeout_max {
            Some(max) => {
                at_least("reset_timeout_max", max, base)?;
                max
            }
            None if backs_off => base.times(BACKOFF_CAP).min(Millis::MAX),
            None => base,
        };
        Ok(OpenFor {
            base,
            factor,
            max,
            jitter: self.jitter.unwrap_or(0),
            stable_after: self.stable_after.unwrap_or(max),
            retry_after_max: self.retry_after_max.unwrap_or(RETRY_AFTER_MAX),
        })
    }

    fn half_open(&self, reset_timeout: Millis) -> Result<HalfOpen, ConfigError> {
        let rate = self.probe_failure_rate;
        for (field, value) in [
            ("success_threshold", self.success_threshold),
            ("probe_failures_allowed", self.probe_failures_allowed),
        ] {
            let other = "counts of probes in place of probe_failure_rate";
            needs(field, value, rate.is_none(), other)?;
        }
        let verdict = match rate {
            None => ProbeRule::Count {
                successes: self.success_threshold.unwrap_or(1),
                allowed: self.probe_failures_allowed.unwrap_or(0),
            },
            Some(ProbeFailureRate { sample, percent }) => ProbeRule::Rate { sample, percent },
        };
        let (timeout, after) = (self.half_open_timeout, self.after_half_open);
        needs(
            "after_half_open",
            after,
            timeout.is_some(),
            "half_open_timeout",
        )?;
        Ok(HalfOpen {
            max_probes: self.half_open_max.unwrap_or(1),
            verdict,
            lease: self.probe_lease.unwrap_or(reset_timeout),
            timeout,
            after: after.unwrap_or_default(),
        })
    }
}

/// Checks two settings of which neither has an effect without the other.
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
            counting,
            span: _,
            minimum_calls,
            failures_in_window,
            failure_rate,
            slow_rate,
            slow,
            hung_calls,
            hung,
        } = trip;
        let OpenFor {
            base,
            factor,
            max,
            jitter,
            stable_after,
            retry_after_max,
        } = open;
        let HalfOpen {
            max_probes,
            verdict: _,
            lease,
            timeout,
            after,
        } = half_open;
        let set = |value: u32| (value != 0).then_some(value);
        let backs_off = factor > 1_000;
        let rates = failure_rate != 0 || slow_rate != 0;
        Settings {
            failure_threshold: self.failure_threshold(),
            failure_counting: self.failure_threshold().map(|_| counting),
            sliding_window: self.sliding_window(),
            minimum_calls: rates.then_some(minimum_calls),
            failures_in_window: set(failures_in_window),
            failure_rate_threshold: set(failure_rate),
            slow_call_rate_threshold: set(slow_rate),
            slow_call_duration: slow,
            hung_calls: set(hung_calls),
            hung_call_duration: set(hung_calls).map(|_| hung),
            reset_timeout: Some(base),
            backoff_factor: Some(self.backoff_factor()),
            reset_timeout_max: backs_off.then_some(max),
            stable_after: backs_off.then_some(stable_after),
            jitter: Some(jitter),
            retry_after_max: Some(retry_after_max),
            half_open_max: Some(max_probes),
            success_threshold: self.success_threshold(),
            probe_failures_allowed: self.probe_failures_allowed(),
            probe_failure_rate: self
                .probe_failure_rate()
                .map(|(sample, percent)| ProbeFailureRate { sample, percent }),
            probe_lease: Some(lease),
            half_open_timeout: timeout,
            after_half_open: timeout.map(|_| after),
            shadow: Some(shadow),
            forced,
            dropped_permit: Some(dropped_permit),
            inherits: None,
        }
    }
}
