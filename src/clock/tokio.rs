//! A clock that follows tokio's time, which a test can pause.

use super::Clock;
use super::monotonic::{unix_ms, whole_ms};
use tokio::time::Instant;

/// The time of the tokio runtime that asks for it, added to the Unix time at which the clock was
/// made (feature `tokio`).
///
/// In a test whose time is paused, call timeouts follow tokio's time, and with this clock so do
/// the circuits: open times, leases and windows pass as the test sleeps, in no real time.
///
/// Make it and use it on the runtime. On another thread it reads the real time, also while the
/// runtime's is paused.
///
/// ```
/// use breakerbox::{CircuitBreaker, TokioClock};
/// use std::time::Duration;
///
/// #[tokio::main(flavor = "current_thread", start_paused = true)]
/// async fn main() -> Result<(), Box<dyn std::error::Error>> {
///     let breaker = CircuitBreaker::builder()
///         .failure_threshold(1)
///         .call_timeout(Duration::from_secs(2))
///         .clock(TokioClock::new())
///         .build()?;
///     let hangs = std::future::pending::<Result<(), std::io::Error>>();
///     assert!(breaker.call_async("search", hangs).await.is_err()); // 2 s later
///     assert!(breaker.acquire("search").is_err());
///     tokio::time::sleep(Duration::from_secs(30)).await;
///     assert!(breaker.acquire("search")?.is_probe());
///     Ok(())
/// }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct TokioClock {
    anchor: Instant,
    anchor_unix_ms: u64,
}

impl TokioClock {
    /// Makes a clock anchored to the system's time of day now.
    pub fn new() -> Self {
        let anchor_unix_ms = unix_ms();
        Self {
            anchor: Instant::now(),
            anchor_unix_ms,
        }
    }
}

impl Default for TokioClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for TokioClock {
    fn now_ms(&self) -> u64 {
        self.anchor_unix_ms
            .saturating_add(whole_ms(self.anchor.elapsed()))
    }
}
