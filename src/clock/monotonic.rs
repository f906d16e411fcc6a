//! Unix time that never steps back: the time since an anchor, by the system's monotonic clock.

pub(super) use source::Monotonic;
use std::time::Duration;
pub(crate) use system::Instant;
use system::{SystemTime, UNIX_EPOCH};

/// The standard library's time; in a browser, where that panics, JavaScript's.
mod system {
    #[cfg(not(all(target_family = "wasm", target_os = "unknown")))]
    pub(crate) use std::time::{Instant, SystemTime, UNIX_EPOCH};
    #[cfg(all(target_family = "wasm", target_os = "unknown"))]
    pub(crate) use web_time::{Instant, SystemTime, UNIX_EPOCH};
}

#[cfg(any(target_os = "linux", target_os = "android"))]
#[allow(unsafe_code)]
mod source {
    use super::unix_ms;
    use std::mem::MaybeUninit;
    #[cfg(feature = "coarse-clock")]
    use std::time::Duration;

    /// The kernel's monotonic clock, read by the vDSO.
    #[derive(Clone, Copy, Debug)]
    pub(crate) struct Monotonic {
        anchor_ns: u64,
        anchor_unix_ms: u64,
    }

    impl Monotonic {
        /// Anchors the clock to the system's time of day now.
        pub(crate) fn new() -> Self {
            let anchor_unix_ms = unix_ms();
            Self {
                // Read precisely: a rough anchor is late, and would put later times ahead.
                anchor_ns: read(libc::CLOCK_MONOTONIC),
                anchor_unix_ms,
            }
        }

        #[inline]
        pub(crate) fn now_ms(&self) -> u64 {
            self.unix_ms_at(read(libc::CLOCK_MONOTONIC))
        }

        /// Returns the time of the kernel's latest tick.
        #[inline]
        pub(crate) fn roughly_ms(&self) -> u64 {
            self.unix_ms_at(read(libc::CLOCK_MONOTONIC_COARSE))
        }

        /// Returns the length of a tick, as the kernel states it.
        #[cfg(feature = "coarse-clock")]
        pub(crate) fn tick() -> Duration {
            Duration::from_nanos(ask(libc::clock_getres, libc::CLOCK_MONOTONIC_COARSE))
        }

        #[inline]
        fn unix_ms_at(&self, ns: u64) -> u64 {
            // A tick may be from before the anchor.
            let passed_ms = ns.saturating_sub(self.anchor_ns) / 1_000_000;
            self.anchor_unix_ms.saturating_add(passed_ms)
        }
    }

    #[inline]
    fn read(clock: libc::clockid_t) -> u64 {
        ask(libc::clock_gettime, clock)
    }

    /// Returns the nanoseconds that `function` says of `clock`, one of the monotonic ones: their
    /// times are never negative, and overflow only after 580 years.
    #[inline]
    fn ask(
        function: unsafe extern "C" fn(libc::clockid_t, *mut libc::timespec) -> libc::c_int,
        clock: libc::clockid_t,
    ) -> u64 {
        let mut time = MaybeUninit::<libc::timespec>::zeroed();
        // SAFETY: both functions that are given here only write to the `timespec`, which is valid.
        // It holds integers, so it is also initialized if they write nothing.
        let (result, time) = unsafe { (function(clock, time.as_mut_ptr()), time.assume_init()) };
        debug_assert_eq!(result, 0, "the kernel has had this clock since 2.6.32");
        time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
mod source {
    use super::{Instant, unix_ms, whole_ms};
    #[cfg(feature = "coarse-clock")]
    use std::time::Duration;

    /// The standard library's monotonic clock, which has no rough time.
    #[derive(Clone, Copy, Debug)]
    pub(crate) struct Monotonic {
        anchor: Instant,
        anchor_unix_ms: u64,
    }

    impl Monotonic {
        /// Anchors the clock to the system's time of day now.
        pub(crate) fn new() -> Self {
            let anchor_unix_ms = unix_ms();
            Self {
                anchor: Instant::now(),
                anchor_unix_ms,
            }
        }

        #[inline]
        pub(crate) fn now_ms(&self) -> u64 {
            self.anchor_unix_ms
                .saturating_add(whole_ms(self.anchor.elapsed()))
        }

        /// Returns the precise time.
        #[inline]
        pub(crate) fn roughly_ms(&self) -> u64 {
            self.now_ms()
        }

        #[cfg(feature = "coarse-clock")]
        pub(crate) fn tick() -> Duration {
            Duration::ZERO
        }
    }
}

/// Reads the system's time of day.
pub(super) fn unix_ms() -> u64 {
    let unix = SystemTime::now().duration_since(UNIX_EPOCH);
    whole_ms(unix.unwrap_or_default())
}

#[inline]
pub(super) fn whole_ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::PlainAtomicU64;
    use crate::sync::atomic::Ordering::SeqCst;

    const THREADS: usize = 4;
    const READS: u32 = 100_000;

    #[test]
    fn rough_times_are_never_ahead_and_never_step_back() {
        let (clock, latest) = (Monotonic::new(), PlainAtomicU64::new(0));
        std::thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| {
                    for _ in 0..READS {
                        let seen = latest.load(SeqCst);
                        let rough = clock.roughly_ms();
                        let now = clock.now_ms();
                        assert!(rough <= now, "{rough} is ahead of {now}");
                        // Older kernels may step back by 1 ms.
                        assert!(rough + 1 >= seen, "{rough} after {seen}");
                        latest.fetch_max(rough, SeqCst);
                    }
                });
            }
        });
    }

    /// Retries, since a tick may come late.
    #[test]
    fn rough_times_are_at_most_some_ticks_late() {
        let clock = Monotonic::new();
        let begun = Instant::now();
        let late = || {
            let now = clock.now_ms();
            now.saturating_sub(clock.roughly_ms())
        };
        while late() > 15 {
            assert!(begun.elapsed() < Duration::from_secs(10), "{} ms", late());
        }
        let rough = clock.roughly_ms();
        while clock.roughly_ms() == rough {
            assert!(begun.elapsed() < Duration::from_secs(10), "it stands");
        }
    }
}
