//! Counters that many threads add to and few read.

use crate::sync::PlainAtomicU64;
use crate::sync::atomic::Ordering;
use crate::sync::steps::{Step, step};

const SHARDS: usize = 16;

/// A count in shards, so that threads that add at the same time rarely share a cache line.
#[derive(Debug)]
pub(crate) struct Counter([Shard; SHARDS]);

#[derive(Debug, Default)]
#[repr(align(64))]
struct Shard(PlainAtomicU64);

static THREADS: PlainAtomicU64 = PlainAtomicU64::new(0);

thread_local! {
    // Relaxed: any number will do.
    static SHARD: usize =
        THREADS.fetch_add(1, Ordering::Relaxed) as usize % SHARDS;
}

impl Counter {
    pub(crate) fn new() -> Self {
        Self(std::array::from_fn(|_| Shard::default()))
    }

    pub(crate) fn add_one(&self) {
        // A thread that is ending no longer has a shard of its own.
        let shard = SHARD.try_with(|shard| *shard).unwrap_or(0);
        step(Step::Statistic);
        // Relaxed: a statistic, which orders nothing.
        self.0[shard].0.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn total(&self) -> u64 {
        // Relaxed: a statistic, which orders nothing.
        let counts = self.0.iter().map(|shard| shard.0.load(Ordering::Relaxed));
        counts.fold(0, u64::wrapping_add)
    }
}
