//! Windows of calls: the last so many, or those of the last so much time. Lock-free, and nothing is
//! allocated for a call.
//!
//! # The last N calls
//! The head word holds the tally of exactly the last N calls: a call is counted by the
//! compare-and-swap that changes it, and the tally that it returns includes that call and the N - 1
//! before it. The outcomes themselves, which have to be known when they leave, are in words of
//! sixteen. The head announces the latest outcome, and it is put in its place before the head
//! changes again, by whoever changes it. So nobody waits for a reporter that has stalled.
//! - A helper reads the word of outcomes, then finds the head unchanged: so the word was read before
//!   the next call, and holds at most the announced outcome beside older ones. Its exchange fails if
//!   the word has changed since, which each write does for good by the version.
//! - The outcome that leaves is in the place after the latest, which no one writes until the head
//!   has changed. If the exchange of the head succeeds, what was read there before is what left.
//!
//! Versions wrap: after 2^31 calls, between two steps of one thread, in the head; after 2^32 calls in
//! one word of outcomes.
//!
//! # The calls of the last T
//! Ten buckets, each of three counts, tagged with the tick (the time over a tenth of T) that they
//! belong to. A call counts in the bucket of its tick; what is there of an older tick has left. At
//! tick t the window holds ticks t - 9 to t: a call leaves it when between 9/10 and all of T has
//! passed. After a clock has stepped back by up to 9/10 of T, calls count in the latest tick; by T or
//! more, the window begins anew; between, one or the other. Ticks are kept in 39 bits:
//! where they wrap, every 17 years at 1 ms a tick, one window may lose a bucket. The three counts of a call
//! are three steps, calls first: failures and slow calls never outnumber calls.

use crate::rules::Span;
use crate::sync::atomic::{AtomicU64, Ordering};
use crate::word::{Bucket, Call, Head, Outcomes, Tally};

/// A window of calls.
pub(super) enum Window {
    Count(CountWindow),
    Time(TimeWindow),
}

impl Window {
    /// Of the last `size` calls: 1 to 1,000.
    pub(super) fn count(size: u32) -> Self {
        Window::Count(CountWindow::new(size))
    }

    /// Of the last `span_ms`, at least 10.
    pub(super) fn time(span_ms: u64) -> Self {
        Window::Time(TimeWindow::new(span_ms))
    }

    /// What it keeps.
    pub(super) fn span(&self) -> Span {
        match self {
            Window::Count(window) => Span::Calls(window.size),
            Window::Time(window) => Span::Ms(window.width_ms * Bucket::TICKS),
        }
    }

    /// Returns what it holds at `now`.
    pub(super) fn tally(&self, now: u64) -> Tally {
        match self {
            Window::Count(window) => window.tally(),
            Window::Time(window) => {
                let tick = window.tick(now);
                window.tally(window.latest(tick).unwrap_or(tick))
            }
        }
    }

    /// Counts a call; what the window holds then. The clock is read for a window of time alone.
    pub(super) fn record(&self, call: Call, now: impl FnMut() -> u64) -> Tally {
        match self {
            Window::Count(window) => window.record(call),
            Window::Time(window) => window.record(call, now),
        }
    }
}

/// The last `size` calls.
pub(super) struct CountWindow {
    head: AtomicU64,
    outcomes: Box<[AtomicU64]>,
    size: u32,
}

impl CountWindow {
    fn new(size: u32) -> Self {
        debug_assert!((1..=1_000).contains(&size));
        let words = size.div_ceil(Outcomes::PLACES);
        Self {
            head: AtomicU64::new(0),
            outcomes: (0..words).map(|_| AtomicU64::new(0)).collect(),
            size,
        }
    }

    fn head(&self) -> Head {
        // Acquire: pairs with the Release in `record`: who sees a head also sees, among the
        // outcomes, what was written before it.
        Head::from_bits(self.head.load(Ordering::Acquire))
    }

    fn tally(&self) -> Tally {
        self.head().tally(self.size)
    }

    fn record(&self, call: Call) -> Tally {
        loop {
            let head = self.head();
            if let Some((place, latest)) = head.latest(self.size)
                && !self.put(head, place, latest)
            {
                continue;
            }
            let (place, leaves) = head.next_place();
            let left = leaves.then(|| self.outcomes_of(place).get(place));
            let next = head.plus(call, left, self.size);
            // AcqRel: pairs with the Acquire in `head`. Relaxed on failure: loaded again.
            let done = self.head.compare_exchange(
                head.bits(),
                next.bits(),
                Ordering::AcqRel,
                Ordering::Relaxed,
            );
            if done.is_ok() {
                return next.tally(self.size);
            }
        }
    }

    fn word(&self, place: u32) -> &AtomicU64 {
        &self.outcomes[(place / Outcomes::PLACES) as usize]
    }

    fn outcomes_of(&self, place: u32) -> Outcomes {
        // Acquire: keeps the look at the head that follows after this one, and pairs with the
        // Release in `put`: who sees a later outcome sees the later head.
        Outcomes::from_bits(self.word(place).load(Ordering::Acquire))
    }

    /// Puts what `head` announces in its place, unless it is there. `false`: the head has changed.
    fn put(&self, head: Head, place: u32, latest: Call) -> bool {
        let seen = self.outcomes_of(place);
        if self.head() != head {
            return false;
        }
        if seen.get(place) == latest {
            return true;
        }
        let next = seen.with(place, latest);
        // AcqRel: pairs with the Acquire in `outcomes_of`. Relaxed on failure: the caller begins
        // anew.
        let put = self.word(place).compare_exchange(
            seen.bits(),
            next.bits(),
            Ordering::AcqRel,
            Ordering::Relaxed,
        );
        put.is_ok()
    }
}

/// The calls of the last ten ticks.
pub(super) struct TimeWindow {
    width_ms: u64,
    buckets: Box<[Counts; Bucket::TICKS as usize]>,
}

#[derive(Default)]
struct Counts {
    calls: Count,
    failures: Count,
    slow: Count,
}

struct Count(AtomicU64);

impl Default for Count {
    fn default() -> Self {
        Self(AtomicU64::new(0))
    }
}

impl Count {
    fn load(&self) -> Bucket {
        // SeqCst: of two calls that are counted at the same time, one must see the other's.
        Bucket::from_bits(self.0.load(Ordering::SeqCst))
    }

    /// One call more in `tick`. `Err`: it belongs to a tick that much later.
    fn add(&self, tick: u64) -> Result<Bucket, u64> {
        loop {
            let seen = self.load();
            if let Some(ahead) = seen.ahead_of(tick) {
                return Err(ahead);
            }
            let next = seen.plus_one(tick);
            // SeqCst: as in `load`. Relaxed on failure: loaded again.
            let done = next == seen
                || self
                    .0
                    .compare_exchange(
                        seen.bits(),
                        next.bits(),
                        Ordering::SeqCst,
                        Ordering::Relaxed,
                    )
                    .is_ok();
            if done {
                return Ok(seen);
            }
        }
    }

    fn empty(&self) {
        let seen = self.load();
        // SeqCst: as in `load`. Relaxed on failure: somebody has counted in it or emptied it.
        let _ = self
            .0
            .compare_exchange(seen.bits(), 0, Ordering::SeqCst, Ordering::Relaxed);
    }
}

impl TimeWindow {
    fn new(span_ms: u64) -> Self {
        Self {
            width_ms: span_ms.div_ceil(Bucket::TICKS).max(1),
            buckets: Box::default(),
        }
    }

    fn tick(&self, now_ms: u64) -> u64 {
        (now_ms / self.width_ms) & Bucket::TICK_MASK
    }

    fn counts(&self, tick: u64) -> &Counts {
        &self.buckets[(tick % Bucket::TICKS) as usize]
    }

    /// The tick that a call of now counts in.
    fn current(&self, now: &mut impl FnMut() -> u64) -> u64 {
        if let Some(tick) = self.latest(self.tick(now())) {
            return tick;
        }
        // Either this thread was stopped for so long, or the clock has stepped back.
        let tick = self.tick(now());
        if let Some(tick) = self.latest(tick) {
            return tick;
        }
        for counts in self.buckets.iter() {
            counts.failures.empty();
            counts.slow.empty();
            counts.calls.empty();
        }
        tick
    }

    /// `tick`, or the latest with a call where that is later; `None` where it is later by more than
    /// a window.
    fn latest(&self, tick: u64) -> Option<u64> {
        let ahead = self.latest_ahead(tick);
        (ahead < Bucket::TICKS).then_some((tick + ahead) & Bucket::TICK_MASK)
    }

    /// How far the latest tick with a call is ahead of `tick`.
    fn latest_ahead(&self, tick: u64) -> u64 {
        let ahead = |counts: &Counts| counts.calls.load().ahead_of(tick);
        self.buckets.iter().filter_map(ahead).max().unwrap_or(0)
    }

    fn record(&self, call: Call, mut now: impl FnMut() -> u64) -> Tally {
        let mut tick = self.current(&mut now);
        loop {
            let counts = self.counts(tick);
            match counts.calls.add(tick) {
                // Full: more failures would make a rate of calls that aren't counted.
                Ok(seen) if seen.tick() == tick && seen.is_full() => {}
                Ok(_) => {
                    // A later tick has taken the bucket: the call has left the window.
                    if call.failed {
                        let _ = counts.failures.add(tick);
                    }
                    if call.slow {
                        let _ = counts.slow.add(tick);
                    }
                }
                // The bucket is a later tick's: time has passed.
                Err(_) => {
                    tick = self.current(&mut now);
                    continue;
                }
            }
            return self.tally(tick);
        }
    }

    fn tally(&self, tick: u64) -> Tally {
        let mut tally = Tally::default();
        for counts in self.buckets.iter() {
            // Calls last: each failure that is seen has its call counted.
            let failures = counts.failures.load().calls_at(tick);
            let slow = counts.slow.load().calls_at(tick);
            let calls = counts.calls.load().calls_at(tick);
            tally.calls += calls;
            // Unless the bucket has begun a new tick in between.
            tally.failures += failures.min(calls);
            tally.slow += slow.min(calls);
        }
        tally
    }
}

#[cfg(all(test, not(breakerbox_loom)))]
#[path = "window/tests.rs"]
mod tests;
