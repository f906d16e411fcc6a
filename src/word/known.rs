//! The words of an entry in a table of circuits that are known by hash.
//!
//! ```text
//!          63             41 40  39   36 35                       0
//! state   | version         |end| phase | first tick              |
//!          63                                     24 23           0
//! kind    | generation                              | size        |
//!          63        48 47                                     0
//! id      | stripe     | hash of the text                         |
//!          63             41  40 39           20 19               0
//! pair    | version         |end| odd tick      | even tick       |
//! ```

use super::Generation;
use super::field::{Field, layout};
use super::stripe::{STRIPE_BITS, stripe_of};
use super::window::Bucket;

layout!(64 => FIRST: Bucket::TICK_BITS, PHASE: 4, ENDED: 1, VERSION: 23);
layout!(64 => SIZE: 24, GENERATION: Generation::BITS);
layout!(64 => TEXT: 64 - STRIPE_BITS, STRIPE: STRIPE_BITS);
layout!(64 => EVEN: 20, ODD: 20, FROZEN: 1, OF_VERSION: 23);

const FREE: u64 = 0;
const CLAIMED: u64 = 1;
const LIVE: u64 = 2;

/// The state word of an entry: whether the other words may be relied on, and the first of the ticks
/// whose calls it counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct EntryState(u64);

impl EntryState {
    pub(crate) const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    pub(crate) const fn bits(self) -> u64 {
        self.0
    }

    /// Returns whether it speaks for a circuit.
    #[inline]
    pub(crate) const fn is_live(self) -> bool {
        self.0 & (PHASE.mask() | ENDED.mask()) == PHASE.put(LIVE)
    }

    /// Returns whether no circuit has it.
    pub(crate) const fn is_free(self) -> bool {
        !PHASE.is_set(self.0)
    }

    /// Returns whether a thread is about to make it live, or was when it ended.
    pub(crate) const fn is_claimed(self) -> bool {
        PHASE.get(self.0) == CLAIMED
    }

    /// Returns whether it doesn't speak for its circuit any more.
    pub(crate) const fn has_ended(self) -> bool {
        ENDED.is_set(self.0)
    }

    /// Returns the first tick whose calls it counts.
    #[inline]
    pub(crate) const fn first(self) -> u64 {
        FIRST.get(self.0)
    }

    /// Claims it for ticks from `first` on, in the next version, which wraps.
    pub(crate) const fn claimed(self, first: u64) -> Self {
        let version = VERSION.get(self.0.wrapping_add(VERSION.one()));
        Self(VERSION.put(version) | PHASE.put(CLAIMED) | FIRST.put(first))
    }

    /// Makes it live.
    pub(crate) const fn live(self) -> Self {
        Self(PHASE.set(self.0, LIVE))
    }

    /// Makes it speak for its circuit no more.
    pub(crate) const fn ended(self) -> Self {
        Self(self.0 | ENDED.mask())
    }

    /// Gives it back, in the same version.
    pub(crate) const fn freed(self) -> Self {
        Self(self.0 & VERSION.mask() | PHASE.put(FREE))
    }
}

/// The kind word of an entry: the generation of its circuit, and the size of its window.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct EntryKind(u64);

impl EntryKind {
    /// Makes the word for a window of `size` calls, or one whose ticks take `size` ms. Returns
    /// `None` if that is 0 or too large.
    pub(crate) const fn new(generation: Generation, size: u64) -> Option<Self> {
        if size == 0 || size > SIZE.max() {
            return None;
        }
        let generation = GENERATION.put(generation.bits());
        Some(Self(generation | SIZE.put(size)))
    }

    pub(crate) const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    pub(crate) const fn bits(self) -> u64 {
        self.0
    }

    pub(crate) const fn generation(self) -> Generation {
        Generation::from_bits(GENERATION.get(self.0))
    }

    pub(crate) const fn size(self) -> u64 {
        SIZE.get(self.0)
    }
}

/// The id of a key: its stripe, and a hash of its text that no user's hasher makes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct KeyId(u64);

impl KeyId {
    /// Makes the id of a key with this hash, whose text has the hash `text`.
    #[inline]
    pub(crate) const fn new(hash: u64, text: u64) -> Self {
        Self(STRIPE.put(stripe_of(hash) as u64) | text & TEXT.mask())
    }

    pub(crate) const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    #[inline]
    pub(crate) const fn bits(self) -> u64 {
        self.0
    }

    #[inline]
    pub(crate) const fn stripe(self) -> usize {
        STRIPE.get(self.0) as usize
    }
}

/// The counts of two neighbouring ticks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct TickPair(u64);

impl TickPair {
    /// The mark that it counts no more.
    pub(crate) const FROZEN: u64 = FROZEN.one();

    pub(crate) const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    pub(crate) const fn bits(self) -> u64 {
        self.0
    }

    /// Makes the counts of an entry that has been claimed in this state.
    pub(crate) const fn of(state: EntryState) -> Self {
        Self(OF_VERSION.put(VERSION.get(state.0)))
    }

    const fn count(number: u64) -> Field {
        if number.is_multiple_of(2) { EVEN } else { ODD }
    }

    /// Returns the count of the tick with this number in its entry.
    pub(crate) const fn calls(self, number: u64) -> u64 {
        Self::count(number).get(self.0)
    }

    /// Counts a call in the tick with this number, in an entry of this state. Returns `None` if the
    /// pair is of another version or frozen, or if the count is full.
    #[inline]
    pub(crate) const fn plus_one(self, number: u64, state: EntryState) -> Option<Self> {
        let (count, whose) = (Self::count(number), FROZEN.mask() | OF_VERSION.mask());
        if self.0 & whose != Self::of(state).0 || count.get(self.0) == count.max() {
            return None;
        }
        Some(Self(self.0 + count.one()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_goes_from_free_to_claimed_to_live_to_ended() {
        let mut free = EntryState::from_bits(0);
        for first in [0, 1, FIRST.max()] {
            assert!(free.is_free() && !free.is_live() && !free.has_ended());
            let claimed = free.claimed(first);
            assert!(claimed.is_claimed() && !claimed.is_free() && !claimed.is_live());
            assert_ne!(claimed.freed(), free, "another version");
            let live = claimed.live();
            assert!(live.is_live() && !live.is_claimed());
            for state in [claimed, live] {
                let ended = state.ended();
                assert!(ended.has_ended() && !ended.is_live() && !ended.is_free());
                assert_eq!(ended.is_claimed(), state.is_claimed());
                assert!(ended.first() == first && state.first() == first);
                assert_eq!(ended.freed(), state.freed());
            }
            free = live.freed();
        }
    }

    #[test]
    fn versions_wrap() {
        let last = EntryState::from_bits(VERSION.mask());
        assert_eq!(last.claimed(0).bits(), PHASE.put(CLAIMED));
    }

    #[test]
    fn ids_have_a_stripe_and_a_text() {
        for hash in [0, 1, u64::MAX, 0x0123_4567_89AB_CDEF] {
            let id = KeyId::new(hash, u64::MAX);
            assert_eq!(id.stripe(), stripe_of(hash));
            assert_eq!(KeyId::from_bits(id.bits()), id);
            assert_ne!(KeyId::new(hash, 7), KeyId::new(hash, 8));
        }
    }

    #[test]
    fn kinds_round_trip() {
        for generation in [0, 1, (1 << 40) - 1].map(Generation::from_bits) {
            for size in [1, 1_000, SIZE.max()] {
                let kind = EntryKind::new(generation, size).unwrap();
                assert_eq!((kind.generation(), kind.size()), (generation, size));
                assert_eq!(EntryKind::from_bits(kind.bits()), kind);
            }
            for size in [0, SIZE.max() + 1] {
                assert_eq!(EntryKind::new(generation, size), None);
            }
        }
    }

    #[test]
    fn a_pair_counts_for_its_version_until_it_is_frozen() {
        let state = EntryState::from_bits(VERSION.mask()).freed().claimed(7);
        let other = state.freed().claimed(7);
        let none = TickPair::of(state);
        assert_eq!((none.calls(0), none.calls(1)), (0, 0));
        let mut pair = none;
        for number in [0, 1, 3, 8] {
            assert_eq!(pair.plus_one(number, other), None);
            let frozen = TickPair::from_bits(pair.bits() | TickPair::FROZEN);
            assert_eq!(frozen.plus_one(number, state), None);
            let next = pair.plus_one(number, state).unwrap();
            assert_eq!(next.calls(number), pair.calls(number) + 1);
            assert_eq!(next.calls(number + 1), pair.calls(number + 1));
            pair = next;
        }
        assert_eq!((pair.calls(0), pair.calls(1)), (2, 2));
        for (number, full) in [(0, EVEN.mask()), (1, ODD.mask())] {
            let full = TickPair::from_bits(none.bits() | full);
            assert_eq!(full.plus_one(number, state), None);
            assert!(full.plus_one(number + 1, state).is_some());
        }
    }
}
