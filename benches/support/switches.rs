//! The times that the calling thread has lost its processor, as Linux counts them.

#[derive(Clone, Copy, Default)]
pub struct Switches {
    /// Sleeps, to wait for something.
    pub voluntary: i64,
    /// Preemptions and yields.
    pub involuntary: i64,
}

impl Switches {
    /// Returns the counts so far; zeros on other systems than Linux.
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
