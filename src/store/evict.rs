//! Bounded memory: which circuits make room for others when the store is full.
//!
//! When a new circuit finds the store nearly full, its thread sweeps: over all circuits, and again
//! for the next kind, until an eighth of the bound is free. So a sweep of n circuits is paid for by
//! n / 8 insertions. Nobody waits: one thread sweeps at a time, and the others go on, up to the
//! bound itself.
//!
//! 1. Clean circuits go first, all of them: closed, without failures, and not backing off. They are
//!    the same as none.
//! 2. Then, of a random part, closed ones that nobody has reported to since they were drawn last
//!    (the second chance, or CLOCK, as page replacement has it), and open or half-open ones that
//!    nobody has asked for in [`open_ttl`](super::InMemoryStoreBuilder::open_ttl).
//!
//! Circuits that a handle holds stay, and so do forced-open and disabled ones. A circuit of the very
//! key that room is made for, which another thread has created meanwhile, may go like any other.

use super::keyed::Inner;
use crate::cell::{Changes, Evicts, Gone};
use crate::clock::Clock;
use crate::stats::Counter;
use crate::sync::PlainAtomicU64;
use crate::sync::atomic::Ordering;
use crate::word::Millis;
use std::hash::{BuildHasher, Hash};

/// How many circuits a store holds, and what it does about it.
pub(super) struct Bound<K> {
    max: usize,
    /// How long an open circuit stays that no call asks for; `None`: as its open time says.
    open_ttl: Option<Millis>,
    /// `None`: nothing is evicted.
    key: Option<fn(&K) -> K>,
    sweeping: PlainAtomicU64,
    /// Insertions before the next sweep, after one that found too little.
    pause: PlainAtomicU64,
    /// How many random numbers were drawn so far. Written by sweeps alone, one at a time.
    drawn: PlainAtomicU64,
    evicted: Counter,
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
    fn full(&self) -> usize {
        self.max - self.max / 16
    }

    /// How many circuits a sweep leaves.
    fn enough(&self) -> usize {
        self.full() - (self.max / 8).max(1)
    }

    /// The right to sweep, unless somebody has it, or a sweep would find as little as the last one.
    fn begin(&self) -> Option<Sweeping<'_>> {
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
}

/// The right to sweep, until it is dropped.
struct Sweeping<'a>(&'a PlainAtomicU64);

impl Drop for Sweeping<'_> {
    fn drop(&mut self) {
        // Relaxed: as in `begin`.
        self.0.store(0, Ordering::Relaxed);
    }
}

impl<K: Hash + Eq, S: BuildHasher, C: Clock> Inner<K, S, C> {
    /// Whether there is room for one circuit more, made if need be.
    pub(super) fn has_room(&self) -> bool {
        if self.map.len() < self.bound.full() {
            return true;
        }
        if let Some(key_of) = self.bound.key
            && let Some(sweeping) = self.bound.begin()
        {
            self.sweep(key_of);
            drop(sweeping);
        }
        self.map.len() < self.bound.max
    }

    fn sweep(&self, key_of: fn(&K) -> K) {
        let idle = Evicts::Idle {
            open_ttl: self.bound.open_ttl,
        };
        let mut announced = Vec::new();
        for evicts in [Evicts::Clean, idle, idle, idle] {
            let circuits = self.map.len();
            let excess = circuits.saturating_sub(self.bound.enough());
            if excess == 0 {
                break;
            }
            let mut chance = self.chance(2 * excess, circuits);
            self.map.for_each(|found, cell| {
                if evicts == idle && !chance() {
                    return;
                }
                let mut changes = self.listeners.changes();
                if let Err(Gone) = cell.evict(&self.shared, evicts, &mut changes) {
                    self.map.remove_same(found, cell);
                    self.bound.evicted.add_one();
                }
                if !changes.is_empty() {
                    announced.push((changes, key_of(found.key())));
                }
            });
        }
        if self.map.len() >= self.bound.full() {
            let pause = self.bound.max / 8;
            // Relaxed: as in `begin`.
            self.bound.pause.store(pause as u64, Ordering::Relaxed);
        }
        // After the map is let go of.
        for (changes, key) in announced {
            self.announce_evicted(changes, key);
        }
    }

    /// Says yes to `part` of `whole`, at random. To evict in the map's own order, until there is
    /// room, would leave one end of its table full and the other empty, for which it isn't made:
    /// tables of the same size are allocated without end.
    fn chance(&self, part: usize, whole: usize) -> impl FnMut() -> bool {
        let (part, whole) = (part as u64, whole as u64);
        move || {
            // Relaxed: no other sweep is under way. From sweep to sweep the numbers go on, or each
            // would choose the same positions while nothing else changes.
            let number = self.bound.drawn.fetch_add(1, Ordering::Relaxed);
            self.shared.random_by(number) % whole < part
        }
    }

    #[cold]
    fn announce_evicted(&self, changes: Changes, key: K) {
        self.listeners.announce(changes, || key);
    }
}
