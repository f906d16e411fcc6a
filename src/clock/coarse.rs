//! A clock that the kernel sets at each of its ticks, cheap to read.

use super::Clock;
use source::Source;
use std::time::Duration;

/// A [`SystemClock`](crate::SystemClock) with the precision of the kernel's tick, which takes a
/// fifth as long to read (feature `coarse-clock`). For stores that read the time often: where many
/// calls are rejected or fail, or rules use windows of time or slow calls.
///
/// On Linux and Android it is anchored to the Unix time at which it was made and advanced by
/// `CLOCK_MONOTONIC_COARSE`, which the kernel sets at each tick: every 1 to 10 ms, by its
/// `CONFIG_HZ`.
/// - Its times are late by up to a [tick](Self::resolution), and never ahead. Where ticks come
///   late, as in a virtual machine that has to wait for a processor, its times are late by that
///   too.
/// - The span between two times is off by as much, in either direction. A circuit may become
///   half-open a tick before its open time is over, or a tick after; a call may look a tick slower
///   or faster than it was.
/// - It never steps back; but kernels before 6.15, if not patched, may set theirs back slightly as
///   NTP corrects its rate, which can show as 1 ms.
///
/// On other systems it *is* a [`SystemClock`](crate::SystemClock), and takes as long.
///
/// ```
/// use breakerbox::{CircuitBreaker, CoarseClock};
///
/// let breaker = CircuitBreaker::builder().clock(CoarseClock::new()).build()?;
/// assert!(breaker.acquire("search").is_ok());
/// # Ok::<_, breakerbox::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct CoarseClock(Source);

impl CoarseClock {
    /// Makes a clock anchored to the system's time of day now.
    pub fn new() -> Self {
        Self(Source::new())
    }

    /// Returns the length of a tick as the system states it; at least 1 ms, the unit of a store's
    /// times.
    pub fn resolution() -> Duration {
        source::resolution().max(Duration::from_millis(1))
    }
}

impl Default for CoarseClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for CoarseClock {
    #[inline]
    fn now_ms(&self) -> u64 {
        self.0.now_ms()
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
mod source {
    use crate::clock::unix_ms;
    use rustix::time::{ClockId, Timespec, clock_getres, clock_gettime};
    use std::time::Duration;

    #[derive(Clone, Copy, Debug)]
    pub(super) struct Source {
        anchor_ns: u64,
        anchor_unix_ms: u64,
    }

    impl Source {
        pub(super) fn new() -> Self {
            let anchor_unix_ms = unix_ms();
            Self {
                // Read precisely: a coarse anchor is late, and would put later times ahead.
                anchor_ns: ns(clock_gettime(ClockId::Monotonic)),
                anchor_unix_ms,
            }
        }

        #[inline]
        pub(super) fn now_ms(&self) -> u64 {
            let passed_ns =
                ns(clock_gettime(ClockId::MonotonicCoarse)).saturating_sub(self.anchor_ns);
            self.anchor_unix_ms.saturating_add(passed_ns / 1_000_000)
        }
    }

    pub(super) fn resolution() -> Duration {
        Duration::from_nanos(ns(clock_getres(ClockId::MonotonicCoarse)))
    }

    /// Converts the time of a monotonic clock, whose parts are never negative and which overflows
    /// only after 580 years.
    #[inline]
    fn ns(time: Timespec) -> u64 {
        time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
mod source {
    pub(super) use crate::clock::SystemClock as Source;
    use std::time::Duration;

    pub(super) fn resolution() -> Duration {
        Duration::ZERO
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{SystemClock, unix_ms};
    use crate::sync::PlainAtomicU64;
    use crate::sync::atomic::Ordering::SeqCst;
    use std::time::Instant;

    const READS: u32 = 200_000;

    #[test]
    fn it_is_anchored_and_moves() {
        let before = unix_ms();
        let clock = CoarseClock::new();
        let first = clock.now_ms();
        assert!((before..=unix_ms() + 1_000).contains(&first));
        while clock.now_ms() == first {
            std::hint::spin_loop();
        }
        assert!(clock.now_ms() > first);
    }

    #[test]
    fn it_never_steps_back_between_threads() {
        let (clock, latest) = (CoarseClock::new(), PlainAtomicU64::new(0));
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..READS {
                        let seen = latest.load(SeqCst);
                        let now = clock.now_ms();
                        // Older kernels may step back by 1 ms.
                        assert!(now + 1 >= seen, "{now} after {seen}");
                        latest.fetch_max(now, SeqCst);
                    }
                });
            }
        });
    }

    /// Retries, since a tick may come late.
    #[test]
    fn it_is_within_a_tick_of_the_system_clock() {
        let (coarse, system) = (CoarseClock::new(), SystemClock::new());
        let resolution = CoarseClock::resolution();
        assert!(resolution <= Duration::from_millis(10), "{resolution:?}");
        let begun = Instant::now();
        let apart = || coarse.now_ms().abs_diff(system.now_ms());
        while Duration::from_millis(apart()) > resolution + Duration::from_millis(5) {
            assert!(begun.elapsed() < Duration::from_secs(10), "{} ms", apart());
        }
    }
}
