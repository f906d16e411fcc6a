//! The form in which settings are kept until they are checked: each set, or not.

use crate::word::saturating_ms;
use std::fmt;
use std::time::Duration;

/// A duration in whole milliseconds, as a setting keeps it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Millis(pub(crate) u64);

impl From<Duration> for Millis {
    fn from(duration: Duration) -> Self {
        Self(saturating_ms(duration))
    }
}

impl fmt::Debug for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Duration::from_millis(self.0).fmt(f)
    }
}

/// Outcomes of probes by which a half-open circuit is judged.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields))]
pub(crate) struct ProbeFailureRate {
    pub(crate) sample: u32,
    /// Percent.
    pub(crate) percent: u32,
}

/// Defines `Settings` with these names and types.
macro_rules! settings {
    ($($name:ident: $ty:ty,)+) => {
        /// What was set of a policy. The names are those of files too.
        #[derive(Clone, PartialEq, Default)]
        #[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
        #[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
        pub(crate) struct Settings {
            $(
                #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
                pub(crate) $name: Option<$ty>,
            )+
        }

        impl Settings {
            /// Shows what is set, under the name of the type that it is part of.
            pub(crate) fn fmt_as(&self, name: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let mut shown = f.debug_struct(name);
                $(
                    if let Some(value) = &self.$name {
                        shown.field(stringify!($name), value);
                    }
                )+
                shown.finish()
            }
        }
    };
}
pub(super) use settings;

#[cfg(feature = "serde")]
mod with_serde {
    use super::super::SlidingWindow;
    use super::super::duration::{self, Text};
    use super::*;
    use serde::de::{self, Visitor};
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    impl Serialize for Millis {
        fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
            s.serialize_str(&duration::text(self.0))
        }
    }

    impl<'de> Deserialize<'de> for Millis {
        fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
            duration::deserialize(d).map(Self::from)
        }
    }

    impl Serialize for SlidingWindow {
        fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
            match self {
                SlidingWindow::Calls(calls) => s.serialize_u32(*calls),
                SlidingWindow::Time(time) => duration::serialize(time, s),
            }
        }
    }

    impl<'de> Deserialize<'de> for SlidingWindow {
        fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
            d.deserialize_any(Window)
        }
    }

    struct Window;

    impl Visitor<'_> for Window {
        type Value = SlidingWindow;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a number of calls, or ")?;
            Text.expecting(f)
        }

        fn visit_u64<E: de::Error>(self, calls: u64) -> Result<SlidingWindow, E> {
            let calls = u32::try_from(calls).unwrap_or(u32::MAX);
            Ok(SlidingWindow::Calls(calls))
        }

        fn visit_i64<E: de::Error>(self, calls: i64) -> Result<SlidingWindow, E> {
            match u64::try_from(calls) {
                Ok(calls) => self.visit_u64(calls),
                Err(_) => Err(E::invalid_value(de::Unexpected::Signed(calls), &self)),
            }
        }

        fn visit_str<E: de::Error>(self, text: &str) -> Result<SlidingWindow, E> {
            Text.visit_str(text).map(SlidingWindow::Time)
        }
    }

    impl Serialize for super::super::Policy {
        fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
            self.settings().serialize(s)
        }
    }

    impl<'de> Deserialize<'de> for super::super::Policy {
        fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
            let settings = super::super::builder::Settings::deserialize(d)?;
            settings.build().map_err(de::Error::custom)
        }
    }
}
