//! Values in a file, and the table of one policy.

use super::names::Table;
use crate::rules::builder::Settings;
use crate::rules::duration::{self, Text};
use crate::rules::policy::Policy;
use crate::rules::values::SlidingWindow;
use crate::word::Millis;
use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde::{Serialize, Serializer};
use std::fmt;

impl Serialize for Millis {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&duration::text(self.get()))
    }
}

impl<'de> Deserialize<'de> for Millis {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        duration::deserialize(deserializer).map(Self::from)
    }
}

impl Serialize for SlidingWindow {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            SlidingWindow::Calls(calls) => serializer.serialize_u32(*calls),
            SlidingWindow::Time(time) => duration::serialize(time, serializer),
        }
    }
}

impl<'de> Deserialize<'de> for SlidingWindow {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(WindowVisitor)
    }
}

struct WindowVisitor;

impl Visitor<'_> for WindowVisitor {
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

/// The table of a policy as it stands in a file: each value is in its range; the whole
/// isn't checked yet.
#[derive(Default)]
pub(super) struct PolicyTable(pub(super) Settings);

impl<'de> Deserialize<'de> for PolicyTable {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Table(settings) = Table::<Settings>::deserialize(deserializer)?;
        settings.check().map_err(de::Error::custom)?;
        Ok(Self(settings))
    }
}

impl Serialize for Policy {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.settings().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Policy {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let PolicyTable(settings) = PolicyTable::deserialize(deserializer)?;
        if settings.inherits.is_some() {
            let text = "a policy `inherits` only in a set of policies";
            return Err(de::Error::custom(text));
        }
        settings.build().map_err(de::Error::custom)
    }
}
