//! A count of the times that the calling thread has lost its processor, by Linux.

#[derive(Clone, Copy, Default)]
pub struct Switches {
    /// It went to sleep, to wait for something.
    pub voluntary: i64,
    /// It was preempted, or yielded.
    pub involuntary: i64,
}

impl Switches {
    /// Counts those so far; elsewhere than on Linux none.
    pub fn so_far() -> Self {
        #[cfg(target_os = "linux")]
        {
            use nix::sys::resource::{UsageWho, getrusage};
            getrusage(UsageWho::RUSAGE_THREAD).map_or_else(
                |_| Self::default(),
                |usage| Self {
                    voluntary: usage.voluntary_context_switches(),
                    involuntary: usage.involuntary_context_switches(),
                },
            )
        }
        #[cfg(not(target_os = "linux"))]
        Self::default()
    }
}
