//! Moments and lengths of time, in the milliseconds that words hold.

use std::ops::Add;
use std::time::Duration;

/// The latest time that a word holds, in Unix milliseconds: in May 2109.
///
/// Words give a time 42 bits, and hold it as itself plus one: 0 stands for none.
pub(crate) const TIME_MAX: u64 = (1 << 42) - 2;

/// A moment: whole milliseconds since the Unix epoch, until May 2109.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub(crate) struct Timestamp(u64);

impl Timestamp {
    /// Makes the moment of this many Unix milliseconds, or the latest that a word holds.
    ///
    /// A later time would make every period look over.
    #[inline]
    pub(crate) const fn from_unix_ms(ms: u64) -> Self {
        Self(if ms > TIME_MAX { TIME_MAX } else { ms })
    }

    #[inline]
    pub(crate) const fn unix_ms(self) -> u64 {
        self.0
    }

    /// Returns the time from `earlier` to this moment; zero where the clock has stepped back.
    #[inline]
    pub(crate) const fn since(self, earlier: Self) -> Millis {
        Millis(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Millis> for Timestamp {
    type Output = Self;

    #[inline]
    fn add(self, time: Millis) -> Self {
        Self(self.0.saturating_add(time.0))
    }
}

/// A length of time in whole milliseconds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub(crate) struct Millis(u64);

impl Millis {
    pub(crate) const ZERO: Self = Self(0);
    /// The longest that a word holds: 139 years.
    pub(crate) const MAX: Self = Self(TIME_MAX);

    #[inline]
    pub(crate) const fn new(ms: u64) -> Self {
        Self(ms)
    }

    #[inline]
    pub(crate) const fn get(self) -> u64 {
        self.0
    }

    #[inline]
    pub(crate) const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// Returns `factor` times this length; saturates.
    pub(crate) const fn times(self, factor: u64) -> Self {
        Self(self.0.saturating_mul(factor))
    }
}

impl From<Duration> for Millis {
    /// Rounds up, and saturates at [`MAX`](Self::MAX).
    fn from(duration: Duration) -> Self {
        let ms = duration.as_nanos().div_ceil(1_000_000);
        Self(u64::try_from(ms).unwrap_or(TIME_MAX).min(TIME_MAX))
    }
}

impl From<Millis> for Duration {
    fn from(time: Millis) -> Self {
        Duration::from_millis(time.0)
    }
}

impl std::fmt::Debug for Millis {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.get() {
            // `Duration` shows 0 in nanoseconds.
            0 => f.write_str("0s"),
            _ => Duration::from(*self).fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_saturates_where_a_word_ends() {
        assert_eq!(Timestamp::from_unix_ms(u64::MAX).unix_ms(), TIME_MAX);
        let (early, late) = (Timestamp::from_unix_ms(5), Timestamp::from_unix_ms(7));
        assert_eq!(
            (late.since(early), early.since(late)),
            (Millis(2), Millis::ZERO)
        );
        assert_eq!(early + Millis(2), late);
        assert!(Millis::ZERO.is_zero() && !Millis(1).is_zero());
        assert_eq!(Millis(3).times(u64::MAX), Millis(u64::MAX));
    }

    #[test]
    fn durations_are_rounded_up() {
        for (nanos, ms) in [(0, 0), (1, 1), (1_000_000, 1), (1_000_001, 2)] {
            assert_eq!(Millis::from(Duration::from_nanos(nanos)), Millis(ms));
        }
        assert_eq!(Millis::from(Duration::MAX), Millis::MAX);
        assert_eq!(format!("{:?}", Millis(1_500)), "1.5s");
    }
}
