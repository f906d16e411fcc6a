//! Checks of single settings. A refusal names field, value and range.

use super::policy::{BUCKETS, PROBES_MAX, WINDOW_CALLS_MAX};
use super::settings::ProbeFailureRate;
use super::values::{AfterHalfOpen, DroppedPermit, FailureCounting, Forced, SlidingWindow};
use crate::error::ConfigError;
use crate::word::Millis;
use std::fmt::{Debug, Display};
use std::ops::RangeInclusive;
use std::time::Duration;

/// A value that may be out of its range.
pub(super) trait Checked {
    /// The range, or `()` for a type that has one of its own, or needs none.
    type Range;

    fn check(&self, field: &'static str, range: Self::Range) -> Result<(), ConfigError>;
}

impl Checked for u32 {
    type Range = RangeInclusive<u32>;

    fn check(&self, field: &'static str, range: Self::Range) -> Result<(), ConfigError> {
        within(field, *self, range).map(drop)
    }
}

impl Checked for f64 {
    type Range = RangeInclusive<f64>;

    fn check(&self, field: &'static str, range: Self::Range) -> Result<(), ConfigError> {
        within(field, *self, range).map(drop)
    }
}

impl Checked for Millis {
    /// The shortest duration: 0 or 1 ms. The longest saturates.
    type Range = Millis;

    fn check(&self, field: &'static str, least: Millis) -> Result<(), ConfigError> {
        if *self < least {
            return Err(ConfigError::new(field, "0s", "longer than 0"));
        }
        Ok(())
    }
}

impl Checked for SlidingWindow {
    type Range = ();

    fn check(&self, field: &'static str, (): ()) -> Result<(), ConfigError> {
        match *self {
            SlidingWindow::Calls(1..=WINDOW_CALLS_MAX) => Ok(()),
            SlidingWindow::Calls(calls) => {
                // A number in a file may have been meant as a time.
                let expected = format!("1 to {WINDOW_CALLS_MAX} calls, or a duration");
                Err(ConfigError::new(field, format!("{calls} calls"), expected))
            }
            SlidingWindow::Time(time) => at_least(field, Millis::from(time), Millis::new(BUCKETS)),
        }
    }
}

impl Checked for DroppedPermit {
    type Range = ();

    fn check(&self, field: &'static str, (): ()) -> Result<(), ConfigError> {
        match *self {
            DroppedPermit::FailureIfOlder(age) => positive_ms(field, age).map(drop),
            DroppedPermit::Ignored | DroppedPermit::Failure => Ok(()),
        }
    }
}

impl Checked for ProbeFailureRate {
    type Range = ();

    fn check(&self, _: &'static str, (): ()) -> Result<(), ConfigError> {
        within(
            "the sample of probe_failure_rate",
            self.sample,
            1..=PROBES_MAX,
        )?;
        within("the percent of probe_failure_rate", self.percent, 1..=100).map(drop)
    }
}

macro_rules! any_value {
    ($($ty:ty)*) => {$(
        impl Checked for $ty {
            type Range = ();

            fn check(&self, _: &'static str, (): ()) -> Result<(), ConfigError> {
                Ok(())
            }
        }
    )*};
}
any_value!(bool Forced AfterHalfOpen FailureCounting);

/// Returns `value` if it is in `range`.
pub(crate) fn within<T: PartialOrd + Display + Copy>(
    field: &'static str,
    value: T,
    range: RangeInclusive<T>,
) -> Result<T, ConfigError> {
    if range.contains(&value) {
        Ok(value)
    } else {
        let expected = format!("{} to {}", range.start(), range.end());
        Err(ConfigError::new(field, value, expected))
    }
}

/// Refuses a duration that is shorter than `least`.
pub(super) fn at_least(
    field: &'static str,
    time: Millis,
    least: Millis,
) -> Result<(), ConfigError> {
    if time >= least {
        return Ok(());
    }
    let expected = format!("at least {least:?}");
    Err(ConfigError::new(field, format!("{time:?}"), expected))
}

/// Refuses a setting that has no effect without `other`.
pub(super) fn needs(
    field: &'static str,
    value: Option<impl Debug>,
    has_other: bool,
    other: &str,
) -> Result<(), ConfigError> {
    match value {
        Some(value) if !has_other => Err(ConfigError::new(
            field,
            format!("{value:?}"),
            format!("unset, or given with {other}"),
        )),
        _ => Ok(()),
    }
}

/// Returns a duration in whole milliseconds, or refuses 0.
pub(crate) fn positive_ms(field: &'static str, value: Duration) -> Result<u64, ConfigError> {
    let millis = Millis::from(value);
    millis.check(field, Millis::new(1))?;
    Ok(millis.get())
}
