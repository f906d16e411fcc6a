//! How many circuits a store holds, and when it makes room for more.

use crate::stats::Counter;
use crate::sync::PlainAtomicU64;
use crate::sync::atomic::Ordering;
use crate::word::Millis;

/// How many circuits a store holds, and what it does about it.
pub(super) struct Bound<K> {
    max: usize,
    /// How long an open circuit stays that no call asks for; `None`: as its open time says.
    pub(super) open_ttl: Option<Millis>,
    /// `None`: nothing is evicted.
    pub(super) key: Option<fn(&K) -> K>,
    sweeping: PlainAtomicU64,
    /// Insertions before the next sweep, after one that found too little.
    pause: PlainAtomicU64,
    /// How many random numbers were drawn so far. Written by sweeps alone, one at a time.
    pub(super) drawn: PlainAtomicU64,
    pub(super) evicted: Counter,
}

impl<K> Bound<K> {
    pub(super) fn new(max: usize, open_ttl: Option<Millis>, key: Option<fn(&K) -> K>) -> Self {
        Self {
            max,
            open_ttl,
            key,
            sweeping: PlainAtomicU64::new(0),
            pause: PlainAtomicU64::new(0),
            drawn: PlainAtomicU64::new(0),
            evicted: Counter::new(),
        }
    }

    pub(super) fn max(&self) -> usize {
        self.max
    }

    pub(super) fn evicted(&self) -> u64 {
        self.evicted.total()
    }

    /// From how many circuits on there is a sweep: a little below the bound, so that others find
    /// room meanwhile.
    pub(super) fn full(&self) -> usize {
        self.max - self.max / 16
    }

    /// How many circuits a sweep leaves.
    pub(super) fn enough(&self) -> usize {
        self.full() - (self.max / 8).max(1)
    }

    /// The right to sweep, unless somebody has it, or a sweep would find as little as the last one.
    pub(super) fn begin(&self) -> Option<Sweeping<'_>> {
        // Relaxed, all three: they order nothing, and a pause that is too short or long by a few
        // insertions does no harm.
        let pause = self.pause.load(Ordering::Relaxed);
        if pause > 0 {
            self.pause.store(pause - 1, Ordering::Relaxed);
            return None;
        }
        let free = self.sweeping.swap(1, Ordering::Relaxed) == 0;
        free.then(|| Sweeping(&self.sweeping))
    }

    /// Skips the sweeps of the next insertions, after one that found too little.
    pub(super) fn pause(&self) {
        let pause = self.max / 8;
        // Relaxed: as in `begin`.
        self.pause.store(pause as u64, Ordering::Relaxed);
    }
}

/// The right to sweep, until it is dropped.
pub(super) struct Sweeping<'a>(&'a PlainAtomicU64);

impl Drop for Sweeping<'_> {
    fn drop(&mut self) {
        // Relaxed: as in `begin`.
        self.0.store(0, Ordering::Relaxed);
    }
}
