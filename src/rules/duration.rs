//! Durations as text: `"5s"`, `"250ms"`, `"1m30s"`.

use crate::error::ConfigError;
use crate::word::{TIME_MAX, saturating_ms};
use std::time::Duration;

/// The units, the longest first, with their length in milliseconds.
const UNITS: [(&str, u64); 5] = [
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

/// What a duration looks like, for messages.
const FORM: &str = r#"a duration with its unit, as "250ms", "5s" or "1m30s""#;

/// Reads a duration as policy files write it: whole numbers, each with its unit (`ms`, `s`, `m`,
/// `h` or `d`), as in `250ms`, `5s` or `1m30s`.
///
/// ```
/// use breakerbox::parse_duration;
/// use std::time::Duration;
///
/// assert_eq!(parse_duration("1m30s")?, Duration::from_secs(90));
/// let error = parse_duration("10").unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     r#"duration is "10"; it must be a duration with its unit, as "250ms", "5s" or "1m30s""#,
/// );
/// # Ok::<(), breakerbox::ConfigError>(())
/// ```
///
/// # Errors
/// If the text isn't of this form, or the duration longer than 139 years.
pub fn parse_duration(text: &str) -> Result<Duration, ConfigError> {
    let ms = parse_ms(text).filter(|ms| *ms <= TIME_MAX);
    ms.map(Duration::from_millis)
        .ok_or_else(|| ConfigError::new("duration", format!("{text:?}"), FORM))
}

fn parse_ms(text: &str) -> Option<u64> {
    let mut rest = text.trim();
    let mut total = None;
    while !rest.is_empty() {
        let number;
        let unit;
        (number, rest) = rest.split_at(rest.find(|c: char| !c.is_ascii_digit())?);
        rest = rest.trim_start();
        let end = rest.find(|c: char| !c.is_ascii_alphabetic());
        (unit, rest) = rest.split_at(end.unwrap_or(rest.len()));
        let (_, ms) = UNITS.iter().find(|(name, _)| *name == unit)?;
        let part = number.parse::<u64>().ok()?.checked_mul(*ms)?;
        total = Some(total.unwrap_or(0_u64).checked_add(part)?);
        rest = rest.trim_start();
    }
    total
}

/// Writes a duration in the form that [`parse_duration`] reads.
#[cfg(feature = "serde")]
pub(super) fn text(mut ms: u64) -> String {
    if ms == 0 {
        return "0ms".to_owned();
    }
    let mut text = String::new();
    for (unit, length) in UNITS {
        if ms >= length {
            text += &format!("{}{unit}", ms / length);
            ms %= length;
        }
    }
    text
}

#[cfg(feature = "serde")]
pub(super) use with_serde::{Text, deserialize, serialize};

#[cfg(feature = "serde")]
mod with_serde {
    use super::*;
    use serde::de::{self, Visitor};
    use serde::{Deserializer, Serializer};
    use std::fmt;

    pub(crate) fn serialize<S: Serializer>(duration: &Duration, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&text(saturating_ms(*duration)))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Duration, D::Error> {
        d.deserialize_str(Text)
    }

    /// Accepts the text of a duration.
    pub(crate) struct Text;

    impl Visitor<'_> for Text {
        type Value = Duration;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(FORM)
        }

        fn visit_str<E: de::Error>(self, text: &str) -> Result<Duration, E> {
            let invalid = |_| E::invalid_value(de::Unexpected::Str(text), &self);
            parse_duration(text).map_err(invalid)
        }
    }
}
