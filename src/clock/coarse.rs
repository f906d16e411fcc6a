//! A clock that the kernel sets at each of its ticks, cheap to read.

use super::Clock;
use super::monotonic::Monotonic;
use std::time::Duration;

/// A [`SystemClock`](crate::SystemClock) whose every time is [rough](Clock::roughly_ms), which
/// takes a fifth as long to read (feature `coarse-clock`). For stores that read the precise time
/// often: where rules judge slow calls or calls in flight, or short windows of time.
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
pub struct CoarseClock(Monotonic);

impl CoarseClock {
    /// Makes a clock anchored to the system's time of day now.
    pub fn new() -> Self {
        Self(Monotonic::new())
    }

    /// Returns the length of a tick as the system states it; at least 1 ms, the unit of a store's
    /// times.
    pub fn resolution() -> Duration {
        Monotonic::tick().max(Duration::from_millis(1))
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
        self.0.roughly_ms()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemClock;
    use crate::clock::monotonic::unix_ms;
    use std::time::Instant;

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
