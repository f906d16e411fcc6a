//! The one door to time: Unix milliseconds from a clock that the user may replace.

use crate::sync::PlainAtomicU64;
use crate::sync::atomic::Ordering;
use monotonic::Monotonic;
use std::sync::Arc;
use std::time::Duration;

#[cfg(feature = "coarse-clock")]
mod coarse;
mod monotonic;
#[cfg(feature = "tokio")]
mod tokio;
mod wall;

#[cfg(feature = "coarse-clock")]
pub use coarse::CoarseClock;
pub(crate) use monotonic::Instant;
#[cfg(feature = "tokio")]
pub use tokio::TokioClock;
pub(crate) use wall::{WallTime, wall_time};

/// A source of time for a store.
///
/// Any thread may ask at any time, so no method may block. The time should not step back. An
/// open time, a lease or a call's time to hang ends when the clock shows its end, so a step back of
/// an hour keeps a circuit open for an hour longer, though each rejection names at most the open
/// time. A jump ahead ends all of these early. A window of time counts calls in its latest tenth
/// after a step back of up to 9/10 of its time, and begins anew after a step of all of it or more;
/// between the two it does one or the other.
pub trait Clock: Send + Sync {
    /// Returns the time in Unix milliseconds. A time after May 2109 is taken for that moment. So if
    /// a clock returns microseconds or nanoseconds, no time passes, and an open circuit stays open.
    fn now_ms(&self) -> u64;

    /// Returns a time in Unix milliseconds that may be late by a tick of the kernel, 1 to 10 ms and
    /// mostly 4, and is never ahead of [`now_ms`](Self::now_ms). By default it is `now_ms`;
    /// override it if such a time is cheaper to read.
    ///
    /// A store reads it where a tick doesn't matter: for the time of a failure, for the time left
    /// of an opening while that is over 100 ms, and for windows of time of 400 ms or more. While
    /// rough times are late by less than 100 ms, a circuit is due exactly at its time by `now_ms`.
    fn roughly_ms(&self) -> u64 {
        self.now_ms()
    }
}

impl<C: Clock + ?Sized> Clock for Arc<C> {
    fn now_ms(&self) -> u64 {
        (**self).now_ms()
    }

    fn roughly_ms(&self) -> u64 {
        (**self).roughly_ms()
    }
}

impl<C: Clock + ?Sized> Clock for &C {
    fn now_ms(&self) -> u64 {
        (**self).now_ms()
    }

    fn roughly_ms(&self) -> u64 {
        (**self).roughly_ms()
    }
}

/// A monotonic clock: the time that has passed, added to the Unix time at which the clock was made.
///
/// It never steps back, whatever happens to the system's time of day, and so drifts from it
/// where that is corrected. On Linux and Android its rough time is that of the kernel's latest
/// tick, which takes a fifth as long to read; elsewhere it is the precise time. On
/// `wasm32-unknown-unknown` it reads JavaScript's clocks, by the crate `web-time`.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock(Monotonic);

impl SystemClock {
    /// Makes a clock anchored to the system's time of day now.
    pub fn new() -> Self {
        Self(Monotonic::new())
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    #[inline]
    fn now_ms(&self) -> u64 {
        self.0.now_ms()
    }

    #[inline]
    fn roughly_ms(&self) -> u64 {
        self.0.roughly_ms()
    }
}

/// A clock that moves only by its methods; clones share the time.
///
/// ```
/// use breakerbox::{Clock, ManualClock};
/// use std::time::Duration;
///
/// let clock = ManualClock::new(1_000);
/// let same = clock.clone();
/// clock.advance(Duration::from_secs(2));
/// assert_eq!(same.now_ms(), 3_000);
/// ```
#[derive(Clone, Debug, Default)]
pub struct ManualClock(Arc<PlainAtomicU64>);

impl ManualClock {
    /// Makes a clock that shows `unix_ms`.
    pub fn new(unix_ms: u64) -> Self {
        Self(Arc::new(PlainAtomicU64::new(unix_ms)))
    }

    /// Sets the time, backwards too.
    pub fn set(&self, unix_ms: u64) {
        // SeqCst: a clock for tests, where one order of all steps is easiest to reason about.
        self.0.store(unix_ms, Ordering::SeqCst);
    }

    /// Advances the time by `duration`, rounded up to whole milliseconds; saturates.
    pub fn advance(&self, duration: Duration) {
        let ms = duration.as_nanos().div_ceil(1_000_000);
        self.advance_ms(u64::try_from(ms).unwrap_or(u64::MAX));
    }

    /// Advances the time; saturates.
    pub fn advance_ms(&self, ms: u64) {
        // SeqCst: see `set`.
        let update = self
            .0
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |now| {
                Some(now.saturating_add(ms))
            });
        debug_assert!(update.is_ok());
    }
}

impl Clock for ManualClock {
    fn now_ms(&self) -> u64 {
        // SeqCst: see `set`.
        self.0.load(Ordering::SeqCst)
    }
}

#[cfg(test)]
mod tests {
    use super::monotonic::unix_ms;
    use super::*;

    #[test]
    fn the_system_clock_is_anchored_and_moves() {
        let before = unix_ms();
        let clock = SystemClock::new();
        assert!(clock.now_ms() >= before && clock.now_ms() <= unix_ms() + 1_000);
        let first = clock.now_ms();
        while clock.now_ms() == first {
            std::hint::spin_loop();
        }
        assert!(clock.now_ms() > first);
    }

    #[test]
    fn rough_times_are_never_ahead() {
        let clock = SystemClock::new();
        for _ in 0..100_000 {
            let rough = clock.roughly_ms();
            assert!(rough <= clock.now_ms());
        }
    }

    #[test]
    fn references_tell_the_rough_time_of_their_clock() {
        struct Rough;
        impl Clock for Rough {
            fn now_ms(&self) -> u64 {
                8
            }

            fn roughly_ms(&self) -> u64 {
                5
            }
        }
        fn both(clock: impl Clock) -> (u64, u64) {
            (clock.now_ms(), clock.roughly_ms())
        }
        assert_eq!(both(&Rough), (8, 5));
        assert_eq!(both(Arc::new(Rough)), (8, 5));
        assert_eq!(both(ManualClock::new(8)), (8, 8), "precise by default");
    }

    #[test]
    fn the_manual_clock_saturates() {
        let clock = ManualClock::new(5);
        clock.advance(Duration::MAX);
        assert_eq!(clock.now_ms(), u64::MAX);
        clock.set(0);
        assert_eq!(clock.now_ms(), 0);
    }
}
