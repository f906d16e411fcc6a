//! The bound of a store: how many circuits it holds, and when it makes room for more.

use crate::stats::Counter;
use crate::sync::PlainAtomicU64;
use crate::sync::atomic::Ordering;
use crate::word::Millis;

/// The bound on the circuits of a store.
pub(super) struct Bound<K> {
    max: usize,
    /// The time that an open circuit stays though no call asks for it; `None` to go by
    /// its open time.
    pub(super) open_ttl: Option<Millis>,
    /// The function that copies a key for announcements; `None` if nothing is evicted.
    pub(super) key: Option<fn(&K) -> K>,
    /// 1 while a thread sweeps.
    sweeping: PlainAtomicU64,
    /// The insertions before the next sweep, after one that found too little.
    pause: PlainAtomicU64,
    /// The index of the next random number. Written by sweeps alone, one at a time.
    pub(super) random_index: PlainAtomicU64,
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
            random_index: PlainAtomicU64::new(0),
            evicted: Counter::new(),
        }
    }

    pub(super) fn max(&self) -> usize {
        self.max
    }

    pub(super) fn evicted(&self) -> u64 {
        self.evicted.total()
    }

    /// Returns the number of circuits from which an insertion sweeps: 15/16 of the bound, so that
    /// other threads find room meanwhile.
    pub(super) fn full(&self) -> usize {
        self.max - self.max / 16
    }

    /// Returns the number of circuits that a sweep leaves: an eighth of the bound fewer than
    /// [`full`](Self::full).
    pub(super) fn enough(&self) -> usize {
        self.full() - (self.max / 8).max(1)
    }

    /// Takes the right to sweep. Returns `None` if another thread has it, or if a sweep would find
    /// as little as the last one.
    pub(super) fn begin(&self) -> Option<Sweeping<'_>> {
        // Relaxed, all three: they order nothing, and a pause that is a few insertions too short or
        // too long does no harm.
        let pause = self.pause.load(Ordering::Relaxed);
        if pause > 0 {
            self.pause.store(pause - 1, Ordering::Relaxed);
            return None;
        }
        let free = self.sweeping.swap(1, Ordering::Relaxed) == 0;
        free.then(|| Sweeping(&self.sweeping))
    }

    /// Skips the sweeps of the next eighth of the bound's insertions, after one that
    /// found too little.
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
