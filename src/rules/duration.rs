//! Durations as text: `"5s"`, `"250ms"`, `"1m30s"`.

use crate::error::ConfigError;
use crate::word::TIME_MAX;
use std::time::Duration;

/// The units, the longest first, with their length in milliseconds.
const UNITS: [(&str, u64); 5] = [
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

/// The form of a duration, for messages.
const FORM: &str = r#"a duration with its unit, as "250ms", "5s" or "1m30s""#;

/// Reads a duration as policy files write it: whole numbers, each with its unit (`d`, `h`, `m`, `s`
/// or `ms`, the longest first), as in `250ms`, `5s` or `1m30s`.
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
/// Returns a [`ConfigError`] if the text isn't of this form, or the duration longer than 139 years.
pub fn parse_duration(text: &str) -> Result<Duration, ConfigError> {
    let ms = parse_ms(text).filter(|ms| *ms <= TIME_MAX);
    ms.map(Duration::from_millis)
        .ok_or_else(|| ConfigError::new("duration", format!("{text:?}"), FORM))
}

fn parse_ms(text: &str) -> Option<u64> {
    let mut rest = text;
    let mut units = UNITS.iter();
    let mut total = None;
    while !rest.is_empty() {
        let (number, unit);
        (number, rest) = rest.split_at(rest.find(|c: char| !c.is_ascii_digit())?);
        let end = rest.find(|c: char| c.is_ascii_digit());
        (unit, rest) = rest.split_at(end.unwrap_or(rest.len()));
        // The longest first, and each once.
        let (_, ms) = units.find(|(name, _)| *name == unit)?;
        let part = number.parse::<u64>().ok()?.checked_mul(*ms)?;
        total = Some(total.unwrap_or(0_u64).checked_add(part)?);
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
    use crate::word::Millis;
    use serde::de::{self, Visitor};
    use serde::{Deserializer, Serializer};
    use std::fmt;

    pub(crate) fn serialize<S: Serializer>(duration: &Duration, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&text(Millis::from(*duration).get()))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_units() {
        for (given, ms) in [
            ("0s", 0),
            ("250ms", 250),
            ("5s", 5_000),
            ("70s", 70_000),
            ("1m30s", 90_000),
            ("1d2h3m4s5ms", 93_784_005),
        ] {
            assert_eq!(
                parse_duration(given),
                Ok(Duration::from_millis(ms)),
                "{given}"
            );
        }
        for given in [
            "",
            "5",
            "s",
            "-1s",
            "1.5s",
            "1 s",
            " 1s",
            "1s ",
            "1s1m",
            "1s1s",
            "1us",
            "1S",
            "1m30",
            "99999999999999999999s",
            "18446744073709551615d",
            "50904d",
            "5s\u{661}s",
        ] {
            let error = parse_duration(given).unwrap_err();
            assert_eq!(
                (error.field(), error.value()),
                ("duration", &*format!("{given:?}"))
            );
        }
    }

    #[cfg(feature = "serde")]
    #[test]
    fn what_is_written_is_read() {
        for ms in [0, 1, 999, 1_000, 90_000, 86_400_001, TIME_MAX] {
            assert_eq!(parse_ms(&text(ms)), Some(ms), "{}", text(ms));
        }
        assert_eq!(text(93_784_005), "1d2h3m4s5ms");
    }
}
