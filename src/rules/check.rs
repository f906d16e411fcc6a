//! Checks of single settings: each refuses by field, value and range.

use super::settings::Millis;
use crate::error::ConfigError;
use crate::word::TIME_MAX;
use std::fmt::{Debug, Display};
use std::ops::RangeInclusive;
use std::time::Duration;

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

/// A number within `range`, or `default` where none is set.
pub(super) fn count(
    field: &'static str,
    value: Option<u32>,
    range: RangeInclusive<u32>,
    default: u32,
) -> Result<u32, ConfigError> {
    value.map_or(Ok(default), |value| within(field, value, range))
}

/// A duration in ms that must not be 0, or `default` where none is set.
pub(super) fn positive(
    field: &'static str,
    duration: Option<Millis>,
    default: u64,
) -> Result<u64, ConfigError> {
    match duration {
        None => Ok(default),
        Some(Millis(0)) => Err(ConfigError::new(field, "0ns", "longer than 0")),
        Some(Millis(ms)) => Ok(ms.min(TIME_MAX)),
    }
}

/// A duration in ms, no shorter than `least`.
pub(super) fn at_least(field: &'static str, ms: u64, least: u64) -> Result<u64, ConfigError> {
    if ms >= least {
        return Ok(ms);
    }
    let expected = format!("at least {:?}", Millis(least));
    Err(ConfigError::new(
        field,
        format!("{:?}", Millis(ms)),
        expected,
    ))
}

/// A setting that says nothing without `other`.
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

/// A duration that must not be 0, in whole milliseconds.
pub(crate) fn positive_ms(field: &'static str, value: Duration) -> Result<u64, ConfigError> {
    positive(field, Some(value.into()), 0)
}
