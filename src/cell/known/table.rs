//! The tables of the circuits that are known by hash: one for windows of calls, one for windows of
//! time.

#[cfg(not(breakerbox_loom))]
use super::entry::Entry;
use super::entry::{Claim, Set, Ticks};
use crate::cell::stripes::Striped;
use crate::sync::Zero;
use crate::sync::atomic::{AtomicU64, Ordering};
use crate::word::KeyId;
use std::sync::OnceLock;

/// The fewest sets of a table, as a power of two.
const LEAST_BITS: u32 = 8;

/// The circuits of a store that are known by hash; see the module.
pub(in crate::cell) struct Known {
    pub(super) quiet: Table<()>,
    pub(super) timed: Table<Ticks>,
}

/// The entries of the circuits with windows of one kind.
pub(super) struct Table<T> {
    /// Made when the first circuit is to be known.
    sets: OnceLock<Striped<Line<Set<T>>>>,
    /// 1 once a thread makes the sets, so that no other thread waits for them; 2 once they are
    /// there.
    made: AtomicU64,
    /// The number of sets to make.
    wanted: usize,
}

/// A value that begins a cache line.
#[derive(Default)]
#[repr(align(64))]
struct Line<T>(T);

// SAFETY: it has the bytes of its value.
#[allow(unsafe_code)]
unsafe impl<T: Zero> Zero for Line<T> {}

#[cfg(not(breakerbox_loom))]
const _: () = {
    assert!(size_of::<Entry<()>>() == 32, "two entries in a line");
    assert!(size_of::<Entry<Ticks>>() == 64, "an entry in a line");
};

impl Known {
    /// Makes the tables of a store of this many circuits. Their entries are allocated at first use:
    /// two for each circuit, rounded up to a power of two, and at most 262,144.
    pub(in crate::cell) fn new(circuits: usize) -> Self {
        Self {
            quiet: Table::new(circuits / 2),
            timed: Table::new(circuits / 2),
        }
    }

    /// Ends the entries of circuits of this stripe, and all claims in its sets.
    #[inline]
    pub(in crate::cell) fn end(&self, stripe: usize) {
        self.quiet.end(stripe);
        self.timed.end(stripe);
    }
}

impl<T> Table<T> {
    fn new(wanted: usize) -> Self {
        Self {
            sets: OnceLock::new(),
            made: AtomicU64::new(0),
            wanted,
        }
    }

    /// Returns the entries of a stripe, if there are any yet.
    #[inline]
    pub(super) fn set(&self, stripe: usize) -> Option<&Set<T>> {
        // SeqCst: a thread that has changed a circuit and finds no sets here has done so before
        // any claim looks at the circuit.
        match self.made.load(Ordering::SeqCst) {
            2 => self.sets.get().map(|sets| &sets.of(stripe).0),
            _ => None,
        }
    }

    #[inline]
    fn end(&self, stripe: usize) {
        if let Some(set) = self.set(stripe) {
            set.all().for_each(|entry| entry.end(stripe));
        }
    }

    /// Returns the entries of a key's stripe. If there are none yet, makes them for later calls and
    /// returns `None`.
    fn set_to_claim(&self, id: KeyId) -> Option<&Set<T>>
    where
        T: Zero,
    {
        let set = self.set(id.stripe());
        if set.is_none() {
            self.make();
        }
        set
    }

    /// Makes the sets, unless another thread has or does.
    #[cold]
    fn make(&self)
    where
        T: Zero,
    {
        let (from, to) = (0, 1);
        // Relaxed: it publishes nothing.
        let relaxed = Ordering::Relaxed;
        if self
            .made
            .compare_exchange(from, to, relaxed, relaxed)
            .is_ok()
        {
            let _ = self.sets.set(Striped::new(self.wanted, LEAST_BITS));
            // SeqCst: see `set`.
            self.made.store(2, Ordering::SeqCst);
        }
    }
}

impl Table<()> {
    /// Claims an entry for the circuit with this id, unless it has one or none is free.
    pub(super) fn claim(&self, id: KeyId) -> Option<Claim<'_, ()>> {
        let set = self.set_to_claim(id)?;
        match set.all().any(|entry| entry.is_live_for(id)) {
            true => None,
            false => set.beginning_at(id).find_map(|(_, entry)| entry.claim()),
        }
    }
}

impl Table<Ticks> {
    /// Claims an entry for the circuit with this id, for ticks from `first` on, unless it has one
    /// or none is free at `now_ms`. Returns it with its place in the set.
    pub(super) fn claim(
        &self,
        id: KeyId,
        first: u64,
        now_ms: u64,
    ) -> Option<(usize, Claim<'_, Ticks>)> {
        let set = self.set_to_claim(id)?;
        if set.all().any(|entry| entry.is_live_for(id, now_ms)) {
            return None;
        }
        for (place, entry) in set.beginning_at(id) {
            if let Some(claim) = entry.claim(first, now_ms) {
                return Some((place, claim));
            }
        }
        None
    }
}
