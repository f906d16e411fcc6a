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

use super::inner::Inner;
use crate::cell::{Changes, Evicts, Gone};
use crate::clock::Clock;
use crate::error::StoreFull;
use crate::sync::atomic::Ordering;
use std::hash::{BuildHasher, Hash};

impl<K: Hash + Eq, S: BuildHasher, C: Clock> Inner<K, S, C> {
    /// Makes room for one circuit more, by a sweep if the store is nearly full.
    pub(super) fn make_room(&self) -> Result<(), StoreFull> {
        if self.map.len() < self.bound.full() {
            return Ok(());
        }
        if let Some(key_of) = self.bound.key
            && let Some(sweeping) = self.bound.begin()
        {
            self.sweep(key_of);
            drop(sweeping);
        }
        if self.map.len() < self.bound.max() {
            Ok(())
        } else {
            Err(StoreFull)
        }
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
            self.bound.pause();
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
