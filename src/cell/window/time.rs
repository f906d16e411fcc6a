//! A window of the calls of the last T.
//!
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
//! - **Ticks wrap**: they have 36 bits. When they wrap, every 2 years at 1 ms a tick, a window may
//!   lose a bucket.
//! - **Racing calls**: the three counts of a call are three steps, calls first, so failures and
//!   slow calls never outnumber calls.
//!
//! A success adds up the buckets only if it may open the circuit: if there is *trouble*, a failure
//! or a slow call, in the window. Of a success and a failure that race, one sees the other: the
//! success counts itself before it looks for trouble, and the failure makes its trouble known
//! before it adds up.
//!
//! Its *keeper*, an entry of the table by hash, may count successes in its place: see
//! `known/kept.rs`.

use super::count::Count;
use crate::cell::known::Keepers;
use crate::cell::shared::time_for;
use crate::clock::Clock;
use crate::word::{Bucket, Call, Millis, NotCounted, Tally, Timestamp};

/// A call that a window has counted.
pub(in crate::cell) enum Counted {
    /// It may open the circuit: the counts of the window with it.
    Among(Tally),
    /// It can't open the circuit: the bucket, with the call. `gives` says whether calls are
    /// frequent enough for a keeper to pay off.
    Alone { bucket: Bucket, gives: bool },
}

/// The number of calls in a tick, and its multiples, at which a success tries to give the count to
/// a keeper. A circuit with fewer calls would gain nothing.
const CALLS_TO_GIVE: u64 = if cfg!(breakerbox_loom) { 2 } else { 4 };

/// The calls of the last ten ticks.
pub(in crate::cell) struct TimeWindow {
    /// The time of a tick.
    pub(super) width: Millis,
    /// The latest tick with a call.
    latest: Count,
    /// The latest tick with a failure or a slow call.
    trouble: Count,
    // In place, and the calls first: a success finds all that it needs in a line or two.
    calls: Counts,
    failures: Counts,
    slow: Counts,
}

/// The numbers of the ticks that a keeper counts.
const NUMBERS: [u64; Bucket::TICKS as usize] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];

/// A count for each tick of a window, in the place of [`TimeWindow::place`].
type Counts = [Count; Bucket::TICKS as usize];

impl TimeWindow {
    pub(super) fn new(span: Millis) -> Self {
        Self {
            width: Bucket::width_in(span),
            latest: Count::default(),
            trouble: Count::default(),
            calls: Counts::default(),
            failures: Counts::default(),
            slow: Counts::default(),
        }
    }

    pub(super) fn now(&self, clock: &impl Clock) -> Timestamp {
        time_for(self.width, clock)
    }

    pub(super) fn tick(&self, now: Timestamp) -> u64 {
        (now.unix_ms() / self.width.get()) & Bucket::TICK_MASK
    }

    fn place(tick: u64) -> usize {
        (tick % Bucket::TICKS) as usize
    }

    fn calls(&self, tick: u64) -> &Count {
        &self.calls[Self::place(tick)]
    }

    /// Returns the tick in which a call counts now.
    #[inline(always)]
    fn current(&self, clock: &impl Clock, keepers: Keepers<'_>) -> u64 {
        let now = self.now(clock);
        let latest = self.latest.load().tick();
        // Mostly it still is the tick of the last call, which a multiplication shows, but not where
        // ticks have wrapped. Before the first call the word stands for tick 0, which is right too.
        let begins = latest * self.width.get();
        match now.unix_ms().wrapping_sub(begins) < self.width.get() {
            true => latest,
            false => self.turn(now, clock, keepers),
        }
    }

    /// Raises the latest tick to that of `now`, and returns the tick in which a call counts. Takes
    /// the counts of a keeper back before.
    #[cold]
    fn turn(&self, now: Timestamp, clock: &impl Clock, keepers: Keepers<'_>) -> u64 {
        if let Some(tick) = self.latest(self.tick(now)) {
            self.raise_latest(tick, keepers);
            return tick;
        }
        // Either this thread was stopped for a whole window, or the clock has stepped back. A
        // second look at the clock tells which, unless the thread is stopped for a window again:
        // then the window begins anew without need.
        let tick = self.tick(self.now(clock));
        if let Some(tick) = self.latest(tick) {
            self.raise_latest(tick, keepers);
            return tick;
        }
        self.take_back(keepers);
        // Calls last, so that failures and slow calls don't outnumber them meanwhile.
        for counts in [&self.failures, &self.slow, &self.calls] {
            counts.iter().for_each(Count::empty);
        }
        self.raise_latest(tick, keepers);
        tick
    }

    fn raise_latest(&self, tick: u64, keepers: Keepers<'_>) {
        while let Err(named) = self.latest.raise(tick) {
            self.take_back_from(named, keepers);
        }
    }

    /// Returns the later of `tick` and the latest tick with a call; `None` if that is ahead by a
    /// window or more.
    pub(super) fn latest(&self, tick: u64) -> Option<u64> {
        let ahead = self.latest.load().ahead_of(tick).unwrap_or(0);
        (ahead < Bucket::TICKS).then_some((tick + ahead) & Bucket::TICK_MASK)
    }

    /// Counts a call as [`Window::record`] does. Inlined, so that a success runs its own part
    /// alone.
    #[inline(always)]
    pub(in crate::cell) fn record(
        &self,
        call: Call,
        clock: &impl Clock,
        keepers: Keepers<'_>,
    ) -> Counted {
        let mut tick = self.current(clock, keepers);
        loop {
            let calls = self.calls(tick);
            match calls.add(tick) {
                Ok(bucket) if !call.failed && !call.slow => {
                    if !self.has_trouble(tick) {
                        let gives = bucket.count().is_multiple_of(CALLS_TO_GIVE)
                            || bucket.count() == 1 && self.was_busy_before(tick);
                        return Counted::Alone { bucket, gives };
                    }
                }
                Ok(_) => self.note_trouble(call, tick),
                // A failure of a call that isn't counted would falsify the rate.
                Err(NotCounted::Full) => {}
                // The bucket is a later tick's, so time has passed: count in the current tick.
                Err(NotCounted::Late(seen)) => {
                    tick = self.turn(self.now(clock), clock, keepers);
                    // Or the clock has stepped back, and a thread that was stopped meanwhile
                    // counted in an old tick after the window had begun anew.
                    let ahead = seen.ahead_of(tick).unwrap_or(0);
                    if ahead >= Bucket::TICKS {
                        calls.empty_from(seen);
                    }
                    continue;
                }
                Err(NotCounted::Kept(marked)) => {
                    self.take_back(keepers);
                    // A mark without a keeper, if it is still there.
                    calls.unmark(marked);
                    continue;
                }
            }
            return Counted::Among(self.tally(tick, keepers));
        }
    }

    /// Returns whether there were calls in the tick before this.
    #[cold]
    fn was_busy_before(&self, tick: u64) -> bool {
        let before = tick.wrapping_sub(1) & Bucket::TICK_MASK;
        self.calls(before).load().tick() == before
    }

    /// Returns the time of a tick.
    pub(in crate::cell) fn width(&self) -> Millis {
        self.width
    }

    /// Names a keeper, if the tick of the bucket `counted` is the latest and the window has none.
    /// Returns the word that names it.
    pub(in crate::cell) fn name_keeper(&self, counted: Bucket, keeper: usize) -> Option<Bucket> {
        let seen = self.latest.load();
        let is_latest = seen.tick() == counted.tick() && seen.keeper().is_none();
        let named = seen.given_to(keeper);
        (is_latest && self.latest.put(seen, named)).then_some(named)
    }

    /// Marks the bucket `counted` as the keeper's first. Returns `false` if it has changed.
    #[must_use]
    pub(in crate::cell) fn mark_kept(&self, counted: Bucket, keeper: usize) -> bool {
        let calls = self.calls(counted.tick());
        calls.put(counted, counted.kept_by(keeper))
    }

    /// Takes the mark back that [`mark_kept`](Self::mark_kept) has put, if it is still there.
    pub(in crate::cell) fn unmark(&self, counted: Bucket, keeper: usize) {
        self.calls(counted.tick()).unmark(counted.kept_by(keeper));
    }

    /// Returns whether a failure or slow call may be in the window of `tick`.
    #[inline]
    pub(in crate::cell) fn has_trouble(&self, tick: u64) -> bool {
        self.trouble.may_be_in_window(tick)
    }

    /// Takes the counts of a keeper back, if there is one.
    #[inline]
    fn take_back(&self, keepers: Keepers<'_>) {
        loop {
            let seen = self.latest.load();
            if seen.keeper().is_none() {
                return;
            }
            self.take_back_from(seen, keepers);
        }
    }

    /// Takes the counts of the keeper back that `named` names, unless another thread does. The
    /// protocol is in `known/kept.rs`.
    #[cold]
    pub(in crate::cell) fn take_back_from(&self, named: Bucket, keepers: Keepers<'_>) {
        let first = named.tick();
        let frozen = keepers.freeze(named, self.width);
        let tick = |number| (first + number) & Bucket::TICK_MASK;
        let buckets = NUMBERS.map(|number| self.calls(tick(number)).load());
        // The buckets were loaded before this look at the name. If it is unchanged, they are of
        // this keeper's time, so an exchange fails once another thread has put a count there. If it
        // has changed, the frozen entry may be a later keeper's, and is taken back by that name.
        if self.latest.load() != named {
            return;
        }
        let mut last = first;
        for (number, seen) in NUMBERS.into_iter().zip(buckets) {
            let (tick, bucket) = (tick(number), self.calls(tick(number)));
            // None if the window's time has passed since, and the entry is another circuit's.
            let calls = frozen.as_ref().map_or(0, |frozen| frozen.calls(number));
            let is_begun = seen.tick() == tick;
            // If the exchange fails, another thread has made it.
            if number == 0 && is_begun && seen.keeper().is_some() {
                let _ = bucket.put(seen, seen.taken_back(calls));
            } else if number != 0 && calls != 0 {
                last = tick;
                bucket.begin(seen, tick, calls);
            }
        }
        let _ = self.latest.put(named, named.moved_to(last));
        if let Some(frozen) = frozen {
            frozen.free();
        }
    }

    /// Counts the failure or slowness of a call that has been counted in `tick`, and makes it
    /// known.
    #[inline(never)]
    fn note_trouble(&self, call: Call, tick: u64) {
        let place = Self::place(tick);
        // An error is ignored: a full count stays full, and if a later tick has taken the bucket,
        // the call has left the window.
        if call.failed {
            let _ = self.failures[place].add(tick);
        }
        if call.slow {
            let _ = self.slow[place].add(tick);
        }
        let raised = self.trouble.raise(tick);
        debug_assert!(raised.is_ok(), "trouble has no keeper");
    }

    /// Returns the counts at `tick`, or at the latest tick with a call if that is later: such a
    /// call raises it before it counts itself, and may have looked for trouble too early to find
    /// the caller's.
    #[inline(never)]
    pub(super) fn tally(&self, tick: u64, keepers: Keepers<'_>) -> Tally {
        // A keeper that is named afterwards counts nothing, if the caller has made trouble known.
        self.take_back(keepers);
        let tick = self.latest(tick).unwrap_or(tick);
        let mut tally = Tally::default();
        for ((calls, failures), slow) in self.calls.iter().zip(&self.failures).zip(&self.slow) {
            // Calls are read last, so that each failure that is seen has its call counted.
            let failures = failures.load().calls_at(tick);
            let slow = slow.load().calls_at(tick);
            let calls = calls.load().calls_at(tick);
            tally.calls += calls;
            // Capped, since the bucket may have begun a new tick between the reads.
            tally.failures += failures.min(calls);
            tally.slow += slow.min(calls);
        }
        tally
    }
}
