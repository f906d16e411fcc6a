//! Windows of calls: the last N, or those of the last T. Lock-free, and a call allocates nothing.
//!
//! # The last N calls
//! The head word holds the tally of exactly the last N calls. The compare-and-swap that changes it
//! counts a call, and the tally that this returns is of that call and the N - 1 before it. The
//! outcomes themselves, which have to be known when they leave, are in words of sixteen. The head
//! announces the latest outcome. A thread that is about to change the head again first puts that
//! outcome in its place, so no thread waits for a reporter that has stalled.
//! - A helper reads the word of outcomes, then finds the head unchanged. So the word was read
//!   before the next call, and holds at most the announced outcome beside older ones. The helper's
//!   exchange fails if the word has changed since: each write changes it for good, by the version.
//! - The outcome that leaves is in the place after the latest, which no thread writes until the
//!   head has changed. If the exchange of the head succeeds, the outcome that was read there before
//!   is the one that left.
//!
//! The versions wrap, in the head after 2^31 calls and in a word of outcomes after 2^32 writes. A
//! tally can be wrong only if exactly that many, or a multiple, come between two steps of one
//! thread.
//!
//! # The calls of the last T
//! Ten buckets, each of three counts that are tagged with their tick. A tick is a tenth of T. A
//! call counts in the bucket of its tick, and a count of an older tick there is discarded. At tick
//! t the window holds ticks t - 9 to t, so a call leaves it when between 9/10 and all of T has
//! passed.
//! - **The clock** is read roughly where a tick takes 40 ms or more, and precisely elsewhere: one
//!   window reads one of the two, so that its time doesn't step back. A rough time may be late by a
//!   tick of the kernel, so a call may leave the window that much later or earlier.
//! - **A clock that steps back**: after a step of up to 9/10 of T, calls count in the latest tick;
//!   after a step of T or more, the window begins anew; in between it does one or the other.
//! - **A full bucket**: a bucket counts up to 2^25 - 1 calls (33,554,431). Further calls of the
//!   same tick aren't counted, and neither are their failures, so that the rates stay those of the
//!   counted calls.
//! - **Ticks wrap**: they have 39 bits. When they wrap, every 17 years at 1 ms a tick, a window may
//!   lose a bucket.
//! - **Racing calls**: the three counts of a call are three steps, calls first, so failures and
//!   slow calls never outnumber calls.
//!
//! A success adds up the buckets only if it may open the circuit: if there is *trouble*, a failure
//! or a slow call, in the window. Of a success and a failure that race, one sees the other: the
//! success counts itself before it looks for trouble, and the failure makes its trouble known before
//! it adds up.

use crate::clock::Clock;
use crate::rules::Span;
use crate::sync::atomic::{AtomicU64, Ordering};
use crate::word::{Bucket, Call, Head, Millis, NotCounted, Outcomes, Tally, Timestamp};

/// A window of calls.
pub(super) enum Window {
    Count(CountWindow),
    Time(TimeWindow),
}

impl Window {
    /// Makes a window of this many calls: 1 to 1,000.
    pub(super) fn count(size: u32) -> Self {
        Window::Count(CountWindow::new(size))
    }

    /// Makes a window of this time, at least 10 ms.
    pub(super) fn time(span: Millis) -> Self {
        Window::Time(TimeWindow::new(span))
    }

    /// Returns the span that it covers.
    pub(super) fn span(&self) -> Span {
        match self {
            Window::Count(window) => Span::Calls(window.size),
            Window::Time(window) => Span::Time(window.width.times(Bucket::TICKS)),
        }
    }

    /// Returns its counts now. The clock is read for a window of time alone.
    pub(super) fn tally(&self, clock: &impl Clock) -> Tally {
        match self {
            Window::Count(window) => window.tally(),
            Window::Time(window) => {
                let tick = window.tick(window.now(clock));
                window.tally(window.latest(tick).unwrap_or(tick))
            }
        }
    }

    /// Counts a call, and returns the counts with it; `None` if it can't open the circuit. The clock
    /// is read for a window of time alone.
    #[inline(always)]
    pub(super) fn record(&self, call: Call, clock: &impl Clock) -> Option<Tally> {
        match self {
            Window::Count(window) => Some(window.record(call)),
            Window::Time(window) => window.record(call, clock),
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
        // Acquire: pairs with the Release in `record`. A thread that sees a head also sees the
        // outcomes that were put in place before it.
        Head::from_bits(self.head.load(Ordering::Acquire))
    }

    fn tally(&self) -> Tally {
        self.head().tally(self.size)
    }

    fn record(&self, call: Call) -> Tally {
        loop {
            let head = self.head();
            // The head announces one outcome alone, so the latest call goes to its place before the
            // head changes. If that fails, the head or the word has changed: another call was
            // counted or helped, so begin anew.
            if let Some((place, latest)) = head.latest(self.size)
                && !self.put(head, place, latest)
            {
                continue;
            }
            let (place, leaves) = head.next_place();
            // Read before the exchange of the head, which fails if a call has come since. So if it
            // succeeds, this is the call that left.
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
        // Acquire: keeps the later load of the head after this one, and pairs with the Release in
        // `put`. A thread that sees a later outcome sees the later head.
        Outcomes::from_bits(self.word(place).load(Ordering::Acquire))
    }

    /// Puts the outcome that `head` announces in its place, unless it is there. Returns `false` if
    /// the head may have changed.
    fn put(&self, head: Head, place: u32, latest: Call) -> bool {
        let seen = self.outcomes_of(place);
        // The second look: with the head unchanged, `seen` is from before the next call.
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
    /// The time of a tick.
    width: Millis,
    /// The latest tick with a call.
    latest: Count,
    /// The latest tick with a failure or a slow call.
    trouble: Count,
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
        // SeqCst: of two calls that are counted at the same time, one must see the other's count. A
        // success that misses a failure's trouble has counted itself before, and the failure sees
        // that.
        Bucket::from_bits(self.0.load(Ordering::SeqCst))
    }

    /// Replaces the bucket by `next`, if it still is `seen`.
    #[must_use]
    fn put(&self, seen: Bucket, next: Bucket) -> bool {
        // SeqCst: as in `load`. Relaxed on failure: loaded again, or changed by another thread.
        self.0
            .compare_exchange(
                seen.bits(),
                next.bits(),
                Ordering::SeqCst,
                Ordering::Relaxed,
            )
            .is_ok()
    }

    /// Counts a call in `tick`.
    #[inline(always)]
    fn add(&self, tick: u64) -> Result<(), NotCounted> {
        loop {
            let seen = self.load();
            if self.put(seen, seen.plus_one(tick)?) {
                return Ok(());
            }
        }
    }

    /// Empties the bucket, unless another thread counts in it or empties it meanwhile.
    fn empty(&self) {
        let _ = self.put(self.load(), Bucket::from_bits(0));
    }

    /// Raises the tick to `tick`, with one call, unless it is that or later by less than a window.
    fn raise(&self, tick: u64) {
        let raised = Bucket::of_one(tick);
        loop {
            let seen = self.load();
            let ahead = seen.ahead_of(tick);
            let is_later = ahead.is_some_and(|ahead| ahead < Bucket::TICKS);
            if seen == raised || is_later || self.put(seen, raised) {
                return;
            }
        }
    }

    /// Returns whether the tick may be in the window of `tick`. After a step back of the clock it may
    /// be ahead, and stand for earlier ones too.
    fn may_be_in_window(&self, tick: u64) -> bool {
        let seen = self.load();
        seen.calls_at(tick) != 0 || seen.ahead_of(tick).is_some()
    }
}

/// The width from which on a window reads the clock roughly: at least four of the kernel's ticks.
const ROUGH_WIDTH: Millis = Millis::new(40);

impl TimeWindow {
    fn new(span: Millis) -> Self {
        Self {
            width: Millis::new(span.get().div_ceil(Bucket::TICKS).max(1)),
            latest: Count::default(),
            trouble: Count::default(),
            buckets: Box::default(),
        }
    }

    /// Reads the clock, roughly if a tick of the kernel is little beside one of the window.
    fn now(&self, clock: &impl Clock) -> Timestamp {
        Timestamp::from_unix_ms(match self.width < ROUGH_WIDTH {
            true => clock.now_ms(),
            false => clock.roughly_ms(),
        })
    }

    fn tick(&self, now: Timestamp) -> u64 {
        (now.unix_ms() / self.width.get()) & Bucket::TICK_MASK
    }

    fn counts(&self, tick: u64) -> &Counts {
        &self.buckets[(tick % Bucket::TICKS) as usize]
    }

    /// Returns the tick in which a call counts now.
    #[inline(always)]
    fn current(&self, clock: &impl Clock) -> u64 {
        let now = self.now(clock);
        let latest = self.latest.load().tick();
        // Mostly it still is the tick of the last call, which a multiplication shows, but not where
        // ticks have wrapped. Before the first call the word stands for tick 0, which is right too.
        let begins = latest * self.width.get();
        match now.unix_ms().wrapping_sub(begins) < self.width.get() {
            true => latest,
            false => self.turn(now, clock),
        }
    }

    /// Raises the latest tick to that of `now`, and returns the tick in which a call counts.
    #[cold]
    fn turn(&self, now: Timestamp, clock: &impl Clock) -> u64 {
        if let Some(tick) = self.latest(self.tick(now)) {
            self.latest.raise(tick);
            return tick;
        }
        // Either this thread was stopped for a whole window, or the clock has stepped back. A
        // second look at the clock tells which, unless the thread is stopped for a window again:
        // then the window begins anew without need.
        let tick = self.tick(self.now(clock));
        if let Some(tick) = self.latest(tick) {
            self.latest.raise(tick);
            return tick;
        }
        for counts in self.buckets.iter() {
            // Calls last, so that failures and slow calls don't outnumber them meanwhile.
            counts.failures.empty();
            counts.slow.empty();
            counts.calls.empty();
        }
        self.latest.raise(tick);
        tick
    }

    /// Returns the later of `tick` and the latest tick with a call; `None` if that is ahead by a
    /// window or more.
    fn latest(&self, tick: u64) -> Option<u64> {
        let ahead = self.latest.load().ahead_of(tick).unwrap_or(0);
        (ahead < Bucket::TICKS).then_some((tick + ahead) & Bucket::TICK_MASK)
    }

    /// Counts a call as [`Window::record`] does. Inlined, so that a success runs its own part alone.
    #[inline(always)]
    fn record(&self, call: Call, clock: &impl Clock) -> Option<Tally> {
        let mut tick = self.current(clock);
        loop {
            match self.counts(tick).calls.add(tick) {
                Ok(()) if !call.failed && !call.slow => {
                    if !self.trouble.may_be_in_window(tick) {
                        return None;
                    }
                }
                Ok(()) => self.note_trouble(call, tick),
                // A failure of a call that isn't counted would falsify the rate.
                Err(NotCounted::Full) => {}
                // The bucket is a later tick's, so time has passed: count in the current tick.
                Err(NotCounted::Late) => {
                    tick = self.turn(self.now(clock), clock);
                    continue;
                }
            }
            return Some(self.tally(tick));
        }
    }

    /// Counts the failure or slowness of a call that has been counted in `tick`, and makes it known.
    #[inline(never)]
    fn note_trouble(&self, call: Call, tick: u64) {
        let counts = self.counts(tick);
        // An error is ignored: a full count stays full, and if a later tick has taken the bucket, the
        // call has left the window.
        if call.failed {
            let _ = counts.failures.add(tick);
        }
        if call.slow {
            let _ = counts.slow.add(tick);
        }
        self.trouble.raise(tick);
    }

    #[inline(never)]
    fn tally(&self, tick: u64) -> Tally {
        let mut tally = Tally::default();
        for counts in self.buckets.iter() {
            // Calls are read last, so that each failure that is seen has its call counted.
            let failures = counts.failures.load().calls_at(tick);
            let slow = counts.slow.load().calls_at(tick);
            let calls = counts.calls.load().calls_at(tick);
            tally.calls += calls;
            // Capped, since the bucket may have begun a new tick between the reads.
            tally.failures += failures.min(calls);
            tally.slow += slow.min(calls);
        }
        tally
    }
}

#[cfg(all(test, not(breakerbox_loom)))]
#[path = "window/tests.rs"]
mod tests;
