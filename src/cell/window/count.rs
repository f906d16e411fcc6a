//! A count of the calls of one tick, as an atomic.

use crate::sync::atomic::{AtomicU64, Ordering};
use crate::word::{Bucket, NotCounted};

/// A count of the calls of one tick; see [`Bucket`].
pub(super) struct Count(AtomicU64);

impl Default for Count {
    fn default() -> Self {
        Self(AtomicU64::new(0))
    }
}

impl Count {
    pub(super) fn load(&self) -> Bucket {
        // SeqCst: of two calls that are counted at the same time, one must see the other's count. A
        // success that misses a failure's trouble has counted itself before, and the failure sees
        // that.
        Bucket::from_bits(self.0.load(Ordering::SeqCst))
    }

    /// Replaces the bucket by `next`, if it still is `seen`.
    #[must_use]
    pub(super) fn put(&self, seen: Bucket, next: Bucket) -> bool {
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

    /// Counts a call in `tick`. Returns the bucket with it.
    #[inline(always)]
    pub(super) fn add(&self, tick: u64) -> Result<Bucket, NotCounted> {
        loop {
            let seen = self.load();
            let next = seen.plus_one(tick)?;
            if self.put(seen, next) {
                return Ok(next);
            }
        }
    }

    /// Begins the tick `tick` with this many calls, unless another thread has. The bucket was
    /// `seen`.
    pub(super) fn begin(&self, mut seen: Bucket, tick: u64, calls: u64) {
        // A thread that has been stopped for long may still count in the tick before.
        while seen.tick() != tick && seen.ahead_of(tick).is_none() {
            if self.put(seen, Bucket::of(tick, calls)) {
                return;
            }
            seen = self.load();
        }
    }

    /// Takes the mark of a keeper away, if the bucket still is `marked`.
    pub(super) fn unmark(&self, marked: Bucket) {
        let _ = self.put(marked, marked.taken_back(0));
    }

    /// Empties the bucket, unless another thread counts in it or empties it meanwhile.
    pub(super) fn empty(&self) {
        self.empty_from(self.load());
    }

    /// Empties the bucket, if it still is `seen`.
    pub(super) fn empty_from(&self, seen: Bucket) {
        let _ = self.put(seen, Bucket::from_bits(0));
    }

    /// Raises the tick to `tick`, unless it is that or later by less than a window, or there is a
    /// keeper: then returns the word that names it.
    pub(super) fn raise(&self, tick: u64) -> Result<(), Bucket> {
        loop {
            let seen = self.load();
            if seen.keeper().is_some() {
                return Err(seen);
            }
            let raised = seen.moved_to(tick);
            let ahead = seen.ahead_of(tick);
            let is_later = ahead.is_some_and(|ahead| ahead < Bucket::TICKS);
            if seen == raised || is_later || self.put(seen, raised) {
                return Ok(());
            }
        }
    }

    /// Returns whether the tick may be in the window of `tick`. After a step back of the clock it
    /// may be ahead, and stand for earlier ones too.
    pub(super) fn may_be_in_window(&self, tick: u64) -> bool {
        let seen = self.load();
        seen.calls_at(tick) != 0 || seen.ahead_of(tick).is_some()
    }
}
