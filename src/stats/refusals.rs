//! The rejections by one circuit: in place, and in shards if many threads count at the same time.

use super::shards::Shards;
use crate::sync::PlainAtomicU64;
use crate::sync::atomic::Ordering;
use crate::sync::steps::{Step, step};
use std::sync::OnceLock;

/// The most circuits, in the whole process, whose counts are in shards at a time. So shards take at
/// most 1 MiB, however many circuits reject.
const MOST_SPREAD: u64 = 1_024;

/// The number of circuits whose counts are in shards.
static SPREAD: PlainAtomicU64 = PlainAtomicU64::new(0);

/// Counts of the calls that one circuit rejected, and of those that it would have rejected.
///
/// They are two words until two threads count at the same moment. From then on each thread counts
/// in a line of its own: a storm of rejections must not make threads wait for each other.
#[derive(Debug, Default)]
pub(crate) struct Refusals {
    in_place: [PlainAtomicU64; 2],
    /// 1 once a thread has come to make the shards: no other thread waits for it.
    is_claimed: PlainAtomicU64,
    shards: OnceLock<Box<Shards<2>>>,
}

impl Refusals {
    /// Counts a call: rejected, or in `shadow` admitted nevertheless.
    #[inline]
    pub(crate) fn add_one(&self, shadow: bool) {
        let place = usize::from(shadow);
        if let Some(shards) = self.shards.get() {
            return shards.add_one(place);
        }
        let count = &self.in_place[place];
        step(Step::Statistic);
        // Relaxed, here and below: a statistic.
        let seen = count.load(Ordering::Relaxed);
        let next = seen.wrapping_add(1);
        if count
            .compare_exchange(seen, next, Ordering::Relaxed, Ordering::Relaxed)
            .is_err()
        {
            count.fetch_add(1, Ordering::Relaxed);
            self.spread();
        }
    }

    /// Makes the shards, unless another thread does, or too many circuits have some. Then this one
    /// counts in place for good.
    #[cold]
    fn spread(&self) {
        // Relaxed, here and below: `shards` publishes itself, and the numbers order nothing.
        if self.is_claimed.swap(1, Ordering::Relaxed) != 0 {
            return;
        }
        if SPREAD.fetch_add(1, Ordering::Relaxed) < MOST_SPREAD {
            // Never an error, nor a wait: only the thread that claimed them comes here.
            let _ = self.shards.set(Box::new(Shards::new()));
        } else {
            SPREAD.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Returns the number of calls that were rejected.
    pub(crate) fn rejected(&self) -> u64 {
        self.total(0)
    }

    /// Returns the number of calls that were admitted in shadow.
    pub(crate) fn shadowed(&self) -> u64 {
        self.total(1)
    }

    fn total(&self, place: usize) -> u64 {
        let in_shards = self.shards.get().map_or(0, |shards| shards.total(place));
        // Relaxed: a statistic.
        let in_place = self.in_place[place].load(Ordering::Relaxed);
        in_place.wrapping_add(in_shards)
    }
}

impl Drop for Refusals {
    fn drop(&mut self) {
        if self.shards.get().is_some() {
            // Relaxed: as in `spread`.
            SPREAD.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

#[cfg(all(test, not(breakerbox_loom)))]
mod tests {
    use super::*;

    /// One test, since the number of circuits with shards is the process's.
    #[test]
    fn every_call_is_counted_once_in_place_and_in_shards() {
        let refusals = Refusals::default();
        refusals.add_one(false);
        refusals.add_one(true);
        refusals.add_one(true);
        assert!(refusals.shards.get().is_none(), "one thread needs none");
        refusals.spread();
        refusals.spread();
        assert!(refusals.shards.get().is_some());
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..100).for_each(|_| refusals.add_one(false)));
            }
        });
        assert_eq!((refusals.rejected(), refusals.shadowed()), (401, 2));

        let all: Vec<_> = (0..MOST_SPREAD).map(|_| Refusals::default()).collect();
        all.iter().for_each(Refusals::spread);
        let spread = |one: &&Refusals| one.shards.get().is_some();
        assert!(all.iter().filter(spread).count() < all.len(), "bounded");
        drop(refusals);
        let last = Refusals::default();
        last.spread();
        assert!(last.shards.get().is_some(), "there is room again");
        last.add_one(true);
        assert_eq!(last.shadowed(), 1);
    }
}
