//! Bounded memory: the circuits that make room for others when the store is nearly full.
//!
//! When a new circuit finds the store nearly full, its thread sweeps: over all circuits, and again
//! for the next kind, until an eighth of the bound is freed. So each sweep of n circuits is paid
//! for by n / 8 insertions. No thread waits: one sweeps at a time, and the others insert meanwhile,
//! up to the bound itself.
//!
//! 1. Clean circuits go first, all of them: closed, without failures, and not backing off. To
//!    remove one changes nothing that a caller sees.
//! 2. Then a random part of the others: closed ones that had no report since a sweep last chose
//!    them (second chance, or CLOCK, as in page replacement), and open or half-open ones that no
//!    call has asked for in [`open_ttl`](super::InMemoryStoreBuilder::open_ttl).
//!
//! Circuits that a handle holds stay, and so do forced-open and disabled ones. If another thread
//! meanwhile creates the circuit that room is made for, a sweep may evict that one too.

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

    /// Evicts circuits of one kind after the other until there is room.
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
        // Listeners may use the store, so they are called after the iteration of the map.
        for (changes, key) in announced {
            self.announce_evicted(changes, key);
        }
    }

    /// Makes a function that answers `true` for `part` of `whole` calls, at random. If a sweep
    /// evicted in the order of the map until there is room, one end of the map's table would be
    /// full and the other empty. The map isn't made for that: it would allocate tables of the same
    /// size again and again.
    fn chance(&self, part: usize, whole: usize) -> impl FnMut() -> bool {
        let (part, whole) = (part as u64, whole as u64);
        move || {
            // Relaxed: no other sweep is under way. The numbers go on from sweep to sweep, or each
            // sweep would choose the same positions while nothing else changes.
            let number = self.bound.random_index.fetch_add(1, Ordering::Relaxed);
            self.shared.random_by(number) % whole < part
        }
    }

    #[cold]
    fn announce_evicted(&self, changes: Changes, key: K) {
        self.listeners.announce(changes, || key);
    }
}
