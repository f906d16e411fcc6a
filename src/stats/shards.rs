//! Counts in shards, so that threads that add at the same time rarely share a cache line.

use crate::sync::PlainAtomicU64;
use crate::sync::atomic::Ordering;
use crate::sync::steps::{Step, step};
use std::array::from_fn;

const SHARDS: usize = 16;

/// `N` counts, at most eight, in as many cache lines as there are shards.
#[derive(Debug)]
pub(super) struct Shards<const N: usize>([Shard<N>; SHARDS]);

#[derive(Debug)]
#[repr(align(64))]
struct Shard<const N: usize>([PlainAtomicU64; N]);

/// The number of threads that have counted so far.
static THREADS: PlainAtomicU64 = PlainAtomicU64::new(0);

thread_local! {
    // Relaxed: any number will do.
    static SHARD: usize =
        THREADS.fetch_add(1, Ordering::Relaxed) as usize % SHARDS;
}

impl<const N: usize> Shards<N> {
    pub(super) fn new() -> Self {
        Self(from_fn(|_| Shard(from_fn(|_| PlainAtomicU64::new(0)))))
    }

    /// Adds one to the count at `place`.
    #[inline]
    pub(super) fn add_one(&self, place: usize) {
        // A thread that is ending has no shard of its own any more.
        let shard = SHARD.try_with(|shard| *shard).unwrap_or(0);
        step(Step::Statistic);
        // Relaxed: a statistic.
        self.0[shard].0[place].fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn total(&self, place: usize) -> u64 {
        // Relaxed: a statistic.
        let of = |shard: &Shard<N>| shard.0[place].load(Ordering::Relaxed);
        self.0.iter().map(of).fold(0, u64::wrapping_add)
    }
}

#[cfg(all(test, not(breakerbox_loom)))]
mod tests {
    use super::*;

    #[test]
    fn threads_add_to_the_same_counts() {
        let shards = Shards::<2>::new();
        std::thread::scope(|scope| {
            for _ in 0..2 * SHARDS {
                scope.spawn(|| (0..100).for_each(|n| shards.add_one(n % 2)));
            }
        });
        let each = 50 * 2 * SHARDS as u64;
        assert_eq!([shards.total(0), shards.total(1)], [each; 2]);
    }
}
