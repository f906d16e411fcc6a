//! The bounds of each setting, for the options, their help and the check of a `Config`.

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::error::StartError;

/// The values that a setting may have, as numbers and as text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    least: i64,
    most: i64,
    /// The range as the help shows it.
    pub(crate) text: &'static str,
}

macro_rules! bounds {
    ($($(#[$doc:meta])* $name:ident = $least:literal to $most:literal;)*) => {$(
        $(#[$doc])*
        pub(crate) const $name: Bounds = Bounds {
            least: $least,
            most: $most,
            text: concat!($least, " to ", $most),
        };
    )*};
}

bounds! {
    /// Consecutive failures.
    FAILURES = 1 to 1_000_000;
    /// Concurrent probes, and successes that close a circuit: what the library allows.
    PROBES = 1 to 100;
    /// Statuses of an upstream.
    STATUS = 100 to 599;
    /// The status of a rejection.
    OPEN_STATUS = 400 to 599;
    /// Header lines of a message.
    HEADERS = 1 to 10_000;
    /// The duration of the demo.
    SECONDS = 1 to 86_400;
}

/// Times, in milliseconds.
pub(crate) const TIME: Bounds = Bounds {
    least: 1,
    most: 86_400_000,
    text: "1ms to 24h",
};

impl Bounds {
    pub(crate) const fn range(self) -> RangeInclusive<i64> {
        self.least..=self.most
    }

    /// Returns an error for a number that is out of bounds.
    pub(crate) fn check(self, name: &'static str, value: impl Into<i64>) -> Result<(), StartError> {
        let value = value.into();
        self.require(name, self.range().contains(&value), value)
    }

    /// Returns an error for a time that is out of bounds.
    pub(crate) fn check_time(self, name: &'static str, time: Duration) -> Result<(), StartError> {
        self.require(name, self.has_time(time), format!("{time:?}"))
    }

    pub(crate) fn has_time(self, time: Duration) -> bool {
        let bound = |ms: i64| Duration::from_millis(ms.unsigned_abs());
        (bound(self.least)..=bound(self.most)).contains(&time)
    }

    fn require(
        self,
        name: &'static str,
        holds: bool,
        value: impl ToString,
    ) -> Result<(), StartError> {
        holds.then_some(()).ok_or_else(|| StartError::Setting {
            name,
            value: value.to_string(),
            allowed: self.text,
        })
    }
}
