//! From settings to limits: what is out of range, or says nothing, is refused.

use super::LimitsBuilder;
use super::check::{at_least, count, needs, positive, within};
use crate::error::ConfigError;
use crate::rules::{
    FAILURE_THRESHOLD_MAX, HUNG_CALLS_MAX, HalfOpen, Limits, OFF, OpenFor, PROBES_MAX, ProbeRule,
    Span, Trip, WINDOW_CALLS_MAX,
};
use crate::word::TIME_MAX;
use std::time::Duration;

/// Time buckets of a window.
const BUCKETS: u64 = 10;
/// Calls below which a rate says nothing, unless it is set: Hystrix's request volume.
const MINIMUM_CALLS: u32 = 20;
/// The cap of the back-off, unless it is set: so many times the reset timeout.
const BACKOFF_CAP: u64 = 10;
const RETRY_AFTER_MAX_MS: u64 = 300_000;

impl LimitsBuilder {
    /// The limits.
    ///
    /// # Errors
    /// If a value is out of its range, or says nothing without another that is missing.
    pub fn build(&self) -> Result<Limits, ConfigError> {
        let open = self.open()?;
        let (trip, half_open) = (self.trip()?, self.half_open(open.base_ms)?);
        Ok(Limits::of(trip, open, half_open))
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

        let slow_ms = self.slow_call_duration_ms;
        let hung_ms = self.hung_call_duration_ms;
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
            if alone {
                Limits::default().trip.failure_threshold
            } else {
                OFF
            },
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
        match (self.window_calls, self.window_ms) {
            (None, None) => Ok(None),
            (Some(calls), None) => {
                within("sliding_window", calls, 1..=WINDOW_CALLS_MAX)?;
                Ok(Some(Span::Calls(calls)))
            }
            (None, Some(ms)) => {
                let ms = ms.min(TIME_MAX);
                at_least("sliding_window", ms, BUCKETS)?;
                // Whole milliseconds a bucket.
                Ok(Some(Span::Ms(ms.next_multiple_of(BUCKETS))))
            }
            (Some(calls), Some(_)) => Err(ConfigError::new(
                "window_calls",
                calls,
                "unset, or given without window_ms",
            )),
        }
    }

    fn open(&self) -> Result<OpenFor, ConfigError> {
        let default = Limits::default().open;
        let base_ms = positive("reset_timeout", self.reset_timeout_ms, default.base_ms)?;
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
        let max_ms = self.reset_timeout_max_ms;
        needs("reset_timeout_max", max_ms.map(ms), backs_off, needed)?;
        needs(
            "stable_after",
            self.stable_after_ms.map(ms),
            backs_off,
            needed,
        )?;
        let max_ms = match max_ms {
            Some(max) => at_least("reset_timeout_max", max.min(TIME_MAX), base_ms)?,
            None if backs_off => base_ms.saturating_mul(BACKOFF_CAP).min(TIME_MAX),
            None => base_ms,
        };
        Ok(OpenFor {
            base_ms,
            factor,
            max_ms,
            jitter: count("jitter", self.jitter, 0..=100, 0)?,
            stable_ms: positive("stable_after", self.stable_after_ms, max_ms)?,
            retry_after_max_ms: self
                .retry_after_max_ms
                .unwrap_or(RETRY_AFTER_MAX_MS)
                .min(TIME_MAX),
        })
    }

    fn half_open(&self, reset_timeout_ms: u64) -> Result<HalfOpen, ConfigError> {
        let probes =
            |field, value, least, default| count(field, value, least..=PROBES_MAX, default);
        pair(
            ("probe_sample", self.probe_sample),
            (
                "probe_failure_rate_threshold",
                self.probe_failure_rate_threshold,
            ),
        )?;
        let counts = self.probe_sample.is_none();
        let other = "counts of probes in place of a rate";
        needs("success_threshold", self.success_threshold, counts, other)?;
        needs(
            "probe_failures_allowed",
            self.probe_failures_allowed,
            counts,
            other,
        )?;
        let verdict = if counts {
            ProbeRule::Count {
                successes: probes("success_threshold", self.success_threshold, 1, 1)?,
                allowed: probes("probe_failures_allowed", self.probe_failures_allowed, 0, 0)?,
            }
        } else {
            ProbeRule::Rate {
                sample: probes("probe_sample", self.probe_sample, 1, 1)?,
                percent: count(
                    "probe_failure_rate_threshold",
                    self.probe_failure_rate_threshold,
                    1..=100,
                    1,
                )?,
            }
        };
        let timeout_ms = positive("half_open_timeout", self.half_open_timeout_ms, 0)?;
        let after = self.after_half_open;
        needs(
            "after_half_open",
            after.map(|after| format!("{after:?}")),
            timeout_ms != 0,
            "half_open_timeout",
        )?;
        Ok(HalfOpen {
            max_probes: probes("half_open_max", self.half_open_max, 1, 1)?,
            verdict,
            lease_ms: positive("probe_lease", self.probe_lease_ms, reset_timeout_ms)?,
            timeout_ms,
            after: after.unwrap_or_default(),
        })
    }
}

/// Two settings of which neither says anything without the other.
fn pair<A: ToString, B: ToString>(
    (a, a_value): (&'static str, Option<A>),
    (b, b_value): (&'static str, Option<B>),
) -> Result<(), ConfigError> {
    let (has_a, has_b) = (a_value.is_some(), b_value.is_some());
    needs(a, a_value.map(|value| value.to_string()), has_b, b)?;
    needs(b, b_value.map(|value| value.to_string()), has_a, a)
}

/// A duration as errors show it.
fn ms(ms: u64) -> String {
    format!("{:?}", Duration::from_millis(ms))
}
