//! An entry of a table: its state, and the words that the state vouches for.

use crate::rules::is_stale;
use crate::sync::Zero;
use crate::sync::atomic::{AtomicU64, Ordering};
use crate::word::{Bucket, EntryKind, EntryState, KeyId, PermitToken, TickPair};

/// The number of entries in a set. Fewer in models, which pay for each.
pub(super) const PLACES: usize = if cfg!(breakerbox_loom) { 2 } else { 4 };

/// The entries of a stripe, or of several.
#[derive(Default)]
pub(super) struct Set<T>([Entry<T>; PLACES]);

// SAFETY: it has the bytes of its entries.
#[allow(unsafe_code)]
unsafe impl<T: Zero> Zero for Set<T> {}

impl<T> Set<T> {
    /// Returns the entry in this place.
    pub(super) fn of(&self, place: usize) -> &Entry<T> {
        &self.0[place % PLACES]
    }

    /// Iterates over the entries.
    pub(super) fn all(&self) -> impl Iterator<Item = &Entry<T>> {
        self.0.iter()
    }

    /// Iterates over the entries and their places, from the one in which the key with this id looks
    /// first. So most keys find theirs in the first line that they look at.
    #[inline]
    pub(super) fn beginning_at(&self, id: KeyId) -> impl Iterator<Item = (usize, &Entry<T>)> {
        let first = id.bits() as usize;
        (0..PLACES).map(move |number| {
            let place = (first ^ number) % PLACES;
            (place, &self.0[place])
        })
    }
}

/// The counts of a window's ticks, from the entry's first one on.
pub(super) type Ticks = [AtomicU64; Bucket::TICKS as usize / 2];

/// An entry; the protocol is in [`super`]. `T` is `()` for windows of calls, [`Ticks`] for windows
/// of time.
///
/// - *Free*: no circuit has it.
/// - *Claimed*: the thread that claimed it publishes the other words.
/// - *Live*: it speaks for the circuit with `id`.
/// - *Ended*, once claimed or live: it doesn't any more. One that was claimed is its claimer's to
///   free. One that was live can be claimed again, but one with counts only once they are too old
///   for any window, whether it has ended or not.
#[derive(Default)]
#[repr(C, align(32))]
pub(super) struct Entry<T> {
    state: AtomicU64,
    /// The id of the circuit's key.
    id: AtomicU64,
    /// Its generation, and the size of its window.
    kind: AtomicU64,
    counts: T,
}

// SAFETY: it has the bytes of its words.
#[allow(unsafe_code)]
unsafe impl<T: Zero> Zero for Entry<T> {}

/// An entry that a thread has claimed, and makes live or gives up.
#[must_use]
pub(super) struct Claim<'a, T> {
    entry: &'a Entry<T>,
    state: EntryState,
}

impl<T> Entry<T> {
    fn load(&self) -> EntryState {
        // SeqCst: an operation has changed the circuit before it looks here, a claim has changed
        // this word before it looks at the circuit, and one of the two must see the other. It
        // includes Acquire, which pairs with the Release in `put`: a thread that sees a live entry
        // sees its words.
        EntryState::from_bits(self.state.load(Ordering::SeqCst))
    }

    #[must_use]
    fn put(&self, seen: EntryState, next: EntryState) -> bool {
        // SeqCst: as in `load`. Relaxed on failure: loaded again, or left alone.
        self.state
            .compare_exchange(
                seen.bits(),
                next.bits(),
                Ordering::SeqCst,
                Ordering::Relaxed,
            )
            .is_ok()
    }

    #[inline]
    fn is_of(&self, id: KeyId) -> bool {
        // Acquire, as for `kind`: pairs with the Release in `publish`. A thread that sees a word of
        // a later claim sees the later state when it loads that again.
        self.id.load(Ordering::Acquire) == id.bits()
    }

    #[inline]
    fn kind(&self) -> EntryKind {
        // Acquire: as in `is_of`.
        EntryKind::from_bits(self.kind.load(Ordering::Acquire))
    }

    /// Returns the state if the entry speaks for the circuit with this id, under a window of this
    /// size, for a call whose permit isn't stale. The call takes place at the last load.
    #[inline]
    fn speaks_for(&self, id: KeyId, permit: PermitToken, size: u64) -> Option<EntryState> {
        let seen = self.load();
        if !seen.is_live() || !self.is_of(id) {
            return None;
        }
        let kind = self.kind();
        let speaks = kind.size() == size && !is_stale(kind.generation(), permit);
        (self.load() == seen && speaks).then_some(seen)
    }

    /// Ends the entry if it is claimed, or live and of a circuit of this stripe.
    pub(super) fn end(&self, stripe: usize) {
        loop {
            let seen = self.load();
            if seen.is_free() || seen.has_ended() {
                return;
            }
            // Acquire: as in `is_of`. If the id is a later claim's, the entry has ended.
            let id = || KeyId::from_bits(self.id.load(Ordering::Acquire));
            let is_other = !seen.is_claimed() && id().stripe() != stripe;
            if is_other || self.put(seen, seen.ended()) {
                return;
            }
        }
    }

    /// Claims the entry from the state `seen`, for ticks from `first` on.
    fn claim_from(&self, seen: EntryState, first: u64) -> Option<Claim<'_, T>> {
        let state = seen.claimed(first);
        let is_mine = self.put(seen, state);
        is_mine.then_some(Claim { entry: self, state })
    }
}

impl Entry<()> {
    /// Returns whether a success changes nothing: the circuit with this id is quiet under a window
    /// of the last `calls`, and the permit isn't stale.
    #[inline]
    pub(super) fn is_quiet_for(&self, id: KeyId, permit: PermitToken, calls: u32) -> bool {
        self.speaks_for(id, permit, calls.into()).is_some()
    }

    /// Returns whether it speaks for the circuit with this id, or did a moment ago.
    pub(super) fn is_live_for(&self, id: KeyId) -> bool {
        self.load().is_live() && self.is_of(id)
    }

    /// Claims the entry if no circuit has it.
    pub(super) fn claim(&self) -> Option<Claim<'_, ()>> {
        let seen = self.load();
        // A claimed entry is its claimer's, even if it has ended.
        let is_left = seen.is_free() || seen.has_ended() && !seen.is_claimed();
        is_left.then(|| self.claim_from(seen, 0)).flatten()
    }
}

impl Entry<Ticks> {
    /// Counts a success of the circuit with this id in the tick of `now_ms`, if the entry counts
    /// that tick, whose time is `tick_ms`, and the permit isn't stale. Returns whether it did.
    #[inline]
    pub(super) fn count(
        &self,
        id: KeyId,
        permit: PermitToken,
        tick_ms: u64,
        now_ms: impl Fn() -> u64,
    ) -> bool {
        let Some(state) = self.speaks_for(id, permit, tick_ms) else {
            return false;
        };
        // Before the first tick, after a step back, the difference is greater than any other.
        let passed = (now_ms() / tick_ms).wrapping_sub(state.first()) & Bucket::TICK_MASK;
        if passed >= Bucket::TICKS {
            return false;
        }
        let word = &self.counts[(passed / 2) as usize];
        loop {
            // Acquire: pairs with the Release in `publish`. The exchange decides.
            let seen = TickPair::from_bits(word.load(Ordering::Acquire));
            let Some(next) = seen.plus_one(passed, state) else {
                return false;
            };
            // SeqCst: a thread that takes the counts back freezes this word. Of the two exchanges
            // the later one sees the other. Relaxed on failure: loaded again.
            let done = word.compare_exchange(
                seen.bits(),
                next.bits(),
                Ordering::SeqCst,
                Ordering::Relaxed,
            );
            if done.is_ok() {
                return true;
            }
        }
    }

    /// Returns whether it speaks for the circuit with this id at `now_ms`, or did a moment ago.
    pub(super) fn is_live_for(&self, id: KeyId, now_ms: u64) -> bool {
        let seen = self.load();
        seen.is_live() && self.is_of(id) && !self.is_over(seen, now_ms)
    }

    /// Claims the entry for ticks from `first` on, if it is free, or if its counts are too old for
    /// its circuit's window at `now_ms`.
    pub(super) fn claim(&self, first: u64, now_ms: u64) -> Option<Claim<'_, Ticks>> {
        let seen = self.load();
        // A claimed entry is its claimer's, even if it has ended.
        let is_left = seen.is_free() || !seen.is_claimed() && self.is_over(seen, now_ms);
        is_left.then(|| self.claim_from(seen, first)).flatten()
    }

    /// Returns whether the counts of the entry, which was live in the state `seen`, are too old for
    /// its circuit's window at `now_ms`. The margin is for threads that were stopped for a while.
    /// If the kind is a later claim's by now, the state has changed too.
    fn is_over(&self, seen: EntryState, now_ms: u64) -> bool {
        let tick = now_ms / self.kind().size().max(1);
        let age = tick.wrapping_sub(seen.first()) & Bucket::TICK_MASK;
        (4 * Bucket::TICKS..=Bucket::TICK_MASK / 2).contains(&age)
    }

    /// Ends the entry and freezes its counts, if it is of this kind and counts from tick `first`
    /// on.
    pub(super) fn freeze(&self, kind: EntryKind, first: u64) -> Option<Frozen<'_>> {
        let state = loop {
            let seen = self.load();
            if seen.is_free() || seen.first() != first || self.kind() != kind {
                return None;
            }
            if seen.has_ended() || self.put(seen, seen.ended()) {
                break seen.ended();
            }
        };
        let freeze = |word: &AtomicU64| {
            let frozen = TickPair::FROZEN;
            // SeqCst: see `count`.
            TickPair::from_bits(word.fetch_or(frozen, Ordering::SeqCst))
        };
        Some(Frozen {
            entry: self,
            state,
            counts: self.counts.each_ref().map(freeze),
        })
    }
}

/// An entry that has ended, and its last counts.
pub(in crate::cell) struct Frozen<'a> {
    entry: &'a Entry<Ticks>,
    state: EntryState,
    counts: [TickPair; Bucket::TICKS as usize / 2],
}

impl Frozen<'_> {
    /// Returns the calls in the tick with this number, from the first one on.
    pub(in crate::cell) fn calls(&self, number: u64) -> u64 {
        self.counts[(number / 2) as usize].calls(number)
    }

    /// Frees the entry, once its window has the counts.
    pub(in crate::cell) fn free(self) {
        // If that fails, another thread has freed it.
        let _ = self.entry.put(self.state, self.state.freed());
    }
}

impl<T> Claim<'_, T> {
    fn publish_words(&self, id: KeyId, kind: EntryKind) {
        // Release, both: see `Entry::is_of`.
        self.entry.id.store(id.bits(), Ordering::Release);
        self.entry.kind.store(kind.bits(), Ordering::Release);
    }

    /// Makes the entry live. Returns `false` if the claim has been ended.
    #[must_use]
    pub(super) fn make_live(&self) -> bool {
        self.entry.put(self.state, self.state.live())
    }

    /// Frees the entry, unless it is live or another thread has.
    pub(super) fn give_up(self) {
        for seen in [self.state, self.state.ended()] {
            // If both fail, another thread has.
            let _ = self.entry.put(seen, seen.freed());
        }
    }
}

impl Claim<'_, ()> {
    /// Publishes the words that the state vouches for.
    pub(super) fn publish(&self, id: KeyId, kind: EntryKind) {
        self.publish_words(id, kind);
    }
}

impl Claim<'_, Ticks> {
    /// Publishes the words that the state vouches for, with no calls.
    pub(super) fn publish(&self, id: KeyId, kind: EntryKind) {
        self.publish_words(id, kind);
        for word in &self.entry.counts {
            // Release: pairs with the Acquire in `count`. A swap, since in loom another thread's
            // update can overwrite a plain store that it hasn't seen.
            word.swap(TickPair::of(self.state).bits(), Ordering::Release);
        }
    }
}
