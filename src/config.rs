//! Settings, validated: an error names the field, the value and the range.

use crate::error::ConfigError;
use crate::word::{
    FAILURE_THRESHOLD_MAX, HALF_OPEN_MAX, Limits, SUCCESS_THRESHOLD_MAX, TripRule, saturating_ms,
};
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::time::Duration;

impl Limits {
    /// Other limits than the defaults.
    pub fn builder() -> LimitsBuilder {
        LimitsBuilder::default()
    }
}

/// Builds [`Limits`]. What isn't set keeps its default.
#[derive(Clone, Debug, Default)]
pub struct LimitsBuilder {
    failure_threshold: Option<u32>,
    trip_rule: TripRule,
    reset_timeout: Option<Duration>,
    half_open_max: Option<u32>,
    success_threshold: Option<u32>,
    probe_lease: Option<Duration>,
}

impl LimitsBuilder {
    /// Failures that open a closed circuit: 1 to 1,000,000; default 5.
    pub fn failure_threshold(mut self, failures: u32) -> Self {
        self.failure_threshold = Some(failures);
        self
    }

    /// Which failures count towards the threshold; default: consecutive ones.
    pub fn trip_rule(mut self, rule: TripRule) -> Self {
        self.trip_rule = rule;
        self
    }

    /// How long an open circuit rejects before it lets a probe through: more than 0, rounded up
    /// to whole milliseconds; saturates at 139 years; default 30 s.
    pub fn reset_timeout(mut self, timeout: Duration) -> Self {
        self.reset_timeout = Some(timeout);
        self
    }

    /// How many probes of a half-open circuit may be out at the same time: 1 to 1,000;
    /// default 1.
    pub fn half_open_max(mut self, probes: u32) -> Self {
        self.half_open_max = Some(probes);
        self
    }

    /// Successful probes that close a half-open circuit: 1 to 1,000; default 1.
    pub fn success_threshold(mut self, successes: u32) -> Self {
        self.success_threshold = Some(successes);
        self
    }

    /// How long a half-open circuit whose slots are all taken waits for the probe that it admitted
    /// last, before it takes them for lost, and hands all slots out again: more than 0, rounded up
    /// to whole milliseconds; saturates at 139 years; default: as long as the reset timeout. Give
    /// it longer than the slowest probe, or that one's report comes too late to count.
    pub fn probe_lease(mut self, lease: Duration) -> Self {
        self.probe_lease = Some(lease);
        self
    }

    /// The limits.
    ///
    /// # Errors
    /// If a value is out of its range.
    pub fn build(&self) -> Result<Limits, ConfigError> {
        let default = Limits::default();
        let count = |field, value: Option<u32>, default, max| match value {
            Some(value) => within(field, value, 1..=max),
            None => Ok(default),
        };
        let reset_timeout_ms = match self.reset_timeout {
            Some(timeout) => positive_ms("reset_timeout", timeout)?,
            None => default.reset_timeout_ms,
        };
        Ok(Limits {
            failure_threshold: count(
                "failure_threshold",
                self.failure_threshold,
                default.failure_threshold,
                FAILURE_THRESHOLD_MAX,
            )?,
            trip_rule: self.trip_rule,
            reset_timeout_ms,
            half_open_max: count(
                "half_open_max",
                self.half_open_max,
                default.half_open_max,
                HALF_OPEN_MAX,
            )?,
            success_threshold: count(
                "success_threshold",
                self.success_threshold,
                default.success_threshold,
                SUCCESS_THRESHOLD_MAX,
            )?,
            probe_lease_ms: match self.probe_lease {
                Some(lease) => positive_ms("probe_lease", lease)?,
                None => reset_timeout_ms,
            },
        })
    }
}

fn within<T: PartialOrd + Display + Copy>(
    field: &'static str,
    value: T,
    range: RangeInclusive<T>,
) -> Result<T, ConfigError> {
    if range.contains(&value) {
        Ok(value)
    } else {
        Err(ConfigError::new(
            field,
            value,
            format!("{} to {}", range.start(), range.end()),
        ))
    }
}

/// A duration that must not be 0, in whole milliseconds.
pub(crate) fn positive_ms(field: &'static str, value: Duration) -> Result<u64, ConfigError> {
    match saturating_ms(value) {
        0 => Err(ConfigError::new(
            field,
            format!("{value:?}"),
            "longer than 0",
        )),
        ms => Ok(ms),
    }
}
