//! The rules of a circuit as plain numbers: all that a decision needs to know of a policy.

use super::{FAILURES_MAX, Probes, TIME_MAX};
use std::time::Duration;

/// The highest failure threshold.
pub(crate) const FAILURE_THRESHOLD_MAX: u32 = 1_000_000;
/// The most concurrent probes.
pub(crate) const HALF_OPEN_MAX: u32 = 1_000;
/// The most successes that closing may require.
pub(crate) const SUCCESS_THRESHOLD_MAX: u32 = 1_000;

const _: () = assert!(
    FAILURE_THRESHOLD_MAX <= FAILURES_MAX,
    "a threshold is reachable"
);
const _: () = assert!(HALF_OPEN_MAX <= Probes::MAX, "the probes fit their field");
const _: () = assert!(
    SUCCESS_THRESHOLD_MAX <= Probes::MAX,
    "so do their successes"
);

/// Which failures open a closed circuit.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum TripRule {
    /// Failures in a row: a success sets the count back to 0.
    #[default]
    ConsecutiveFailures,
    /// All failures since the circuit was last closed, whatever succeeded in between.
    TotalFailures,
}

/// The numbers by which a store decides: when a circuit opens, for how long, and how it recovers.
///
/// ```
/// use breakerbox::{Limits, TripRule};
/// use std::time::Duration;
///
/// let limits = Limits::builder()
///     .failure_threshold(3)
///     .trip_rule(TripRule::TotalFailures)
///     .reset_timeout(Duration::from_secs(10))
///     .build()?;
/// assert_eq!(limits.failure_threshold(), 3);
/// assert_eq!(limits.probe_lease(), Duration::from_secs(10)); // as long as the reset timeout
///
/// let error = Limits::builder().failure_threshold(0).build().unwrap_err();
/// assert_eq!(error.to_string(), "failure_threshold is 0; it must be 1 to 1000000");
/// # Ok::<(), breakerbox::ConfigError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Limits {
    pub(crate) failure_threshold: u32,
    pub(crate) trip_rule: TripRule,
    pub(crate) reset_timeout_ms: u64,
    pub(crate) half_open_max: u32,
    pub(crate) success_threshold: u32,
    pub(crate) probe_lease_ms: u64,
}

impl Limits {
    /// Failures that open a closed circuit.
    pub fn failure_threshold(&self) -> u32 {
        self.failure_threshold
    }

    /// Which failures count towards the threshold.
    pub fn trip_rule(&self) -> TripRule {
        self.trip_rule
    }

    /// How long an open circuit rejects before it lets a probe through; whole milliseconds.
    pub fn reset_timeout(&self) -> Duration {
        Duration::from_millis(self.reset_timeout_ms)
    }

    /// How many probes of a half-open circuit may be out at the same time.
    pub fn half_open_max(&self) -> u32 {
        self.half_open_max
    }

    /// Successful probes that close a half-open circuit.
    pub fn success_threshold(&self) -> u32 {
        self.success_threshold
    }

    /// How long a half-open circuit waits for the probe that it admitted last before it hands all
    /// slots out again; whole milliseconds.
    pub fn probe_lease(&self) -> Duration {
        Duration::from_millis(self.probe_lease_ms)
    }
}

impl Default for Limits {
    /// 5 consecutive failures open, 30 s later 1 probe decides.
    fn default() -> Self {
        Self {
            failure_threshold: 5,
            trip_rule: TripRule::default(),
            reset_timeout_ms: 30_000,
            half_open_max: 1,
            success_threshold: 1,
            probe_lease_ms: 30_000,
        }
    }
}

/// Whole milliseconds, rounded up, saturated to what a word holds (139 years).
pub(crate) fn saturating_ms(duration: Duration) -> u64 {
    let ms = duration.as_nanos().div_ceil(1_000_000);
    u64::try_from(ms).unwrap_or(TIME_MAX).min(TIME_MAX)
}
