//! Statistics that many threads add to and few read. They order nothing and decide nothing.

mod refusals;
mod shards;

pub(crate) use refusals::Refusals;

use shards::Shards;

/// A count that threads add to without waiting for each other's cache line.
#[derive(Debug)]
pub(crate) struct Counter(Shards<1>);

impl Counter {
    pub(crate) fn new() -> Self {
        Self(Shards::new())
    }

    pub(crate) fn add_one(&self) {
        self.0.add_one(0);
    }

    pub(crate) fn total(&self) -> u64 {
        self.0.total(0)
    }
}

/// The headings under which calls of all circuits together are counted. Admissions and
/// successes have none.
#[derive(Clone, Copy, Debug)]
#[repr(u8)]
pub(crate) enum Counted {
    /// Calls that were rejected.
    Rejected,
    /// Calls that would have been rejected, and were admitted under a shadow policy.
    Shadowed,
    /// Failures that were reported.
    Failed,
    /// Calls that outlived the call timeout.
    TimedOut,
    /// Permits that were dropped without a report.
    Dropped,
    /// Reports that came after their circuit had changed state.
    Stale,
}

const COUNTED: usize = Counted::Stale as usize + 1;

/// The counts of a store or breaker: those of a thread are in one cache line.
#[derive(Debug)]
pub(crate) struct Counters(Shards<COUNTED>);

impl Counters {
    pub(crate) fn new() -> Self {
        Self(Shards::new())
    }

    pub(crate) fn add_one(&self, counted: Counted) {
        self.0.add_one(counted as usize);
    }

    pub(crate) fn total(&self, counted: Counted) -> u64 {
        self.0.total(counted as usize)
    }
}
