//! A clock that stands still for a contender while others have their turns. So its circuits see an
//! unbroken stream of requests, as those of a proxy do.

use breakerbox::Clock;
use breakerbox_benches::circuit;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// The milliseconds that the contender whose turn it is has missed.
static MISSED_MS: AtomicU64 = AtomicU64::new(0);

fn present(ms: u64) -> u64 {
    // Relaxed: written between the turns alone, whose threads begin afterwards.
    ms - MISSED_MS.load(Ordering::Relaxed)
}

/// A clock as a contender sees it.
#[derive(Default)]
pub(crate) struct OfTurns<C>(C);

impl<C: Clock> Clock for OfTurns<C> {
    #[inline]
    fn now_ms(&self) -> u64 {
        present(self.0.now_ms())
    }

    #[inline]
    fn roughly_ms(&self) -> u64 {
        present(self.0.roughly_ms())
    }
}

impl<C: circuit::Clock> circuit::Clock for OfTurns<C> {
    #[inline]
    fn now_ms() -> u64 {
        present(C::now_ms())
    }
}

/// The turns of the contenders.
pub(crate) struct Turns {
    begun: Instant,
    had: Vec<Duration>,
}

impl Turns {
    pub(crate) fn of(contenders: usize) -> Self {
        Self {
            begun: Instant::now(),
            had: vec![Duration::ZERO; contenders],
        }
    }

    /// Runs a turn of contender `i`.
    pub(crate) fn run<R>(&mut self, i: usize, turn: impl FnOnce() -> R) -> R {
        let missed = self.begun.elapsed() - self.had[i];
        // Relaxed: see `present`.
        MISSED_MS.store(missed.as_millis() as u64, Ordering::Relaxed);
        let begun = Instant::now();
        let result = turn();
        self.had[i] += begun.elapsed();
        result
    }
}
