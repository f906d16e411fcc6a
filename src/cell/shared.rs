//! The data that all cells of a store share: the summary, the removals, the groups and the clock.

use super::group::Groups;
use super::known::Known;
use super::openings::OpeningCounts;
use super::stripes::StripeWords;
use super::summary::Summary;
use crate::clock::Clock;
use crate::sync::PlainAtomicU64;
use crate::sync::atomic::Ordering;
use crate::word::{Bucket, Generation, Millis, Timestamp, stripe_of};

/// The numbers of circuits by which a store's tables are made.
#[derive(Clone, Copy, Default)]
pub(crate) struct Sizes {
    /// The most circuits; 0 if there is no bound.
    pub(crate) bound: usize,
    /// The circuits that are likely.
    pub(crate) expected: usize,
}

/// The data that all cells of a store share.
pub(crate) struct Shared<C> {
    pub(crate) summary: Summary,
    /// For each stripe: the latest generation in which a circuit of it left the map. A new circuit
    /// of the stripe begins in that, so that permits from before the removal are stale.
    removals: StripeWords,
    pub(super) known: Known,
    pub(crate) clock: C,
    pub(crate) groups: Groups,
    pub(crate) openings: OpeningCounts,
    /// The seed of the jitter.
    seed: u64,
    /// Whether circuits may have to make room for others.
    pub(super) evicts: bool,
    /// The longest time that a rule has opened a circuit for.
    longest_open_ms: PlainAtomicU64,
}

impl<C> Shared<C> {
    pub(crate) fn new(clock: C, seed: u64, sizes: Sizes, evicts: bool) -> Self {
        Self {
            summary: Summary::new(sizes.bound),
            removals: StripeWords::for_circuits(sizes.bound),
            known: Known::new(sizes.expected),
            clock,
            groups: Groups::new(),
            openings: OpeningCounts::new(),
            seed,
            evicts,
            longest_open_ms: PlainAtomicU64::new(0),
        }
    }

    /// Notes that a rule opens a circuit for this time, so that
    /// [`longest_open_time`](Self::longest_open_time) covers it.
    pub(super) fn note_open_time(&self, time: Millis) {
        let ms = time.get();
        // Relaxed: it publishes nothing. Written only if it grows, so that openings rarely share a
        // write.
        if self.evicts && ms > self.longest_open_ms.load(Ordering::Relaxed) {
            self.longest_open_ms.fetch_max(ms, Ordering::Relaxed);
        }
    }

    /// Returns the longest time that a rule has opened a circuit for.
    pub(super) fn longest_open_time(&self) -> Millis {
        // Relaxed: as in `note_open_time`.
        Millis::new(self.longest_open_ms.load(Ordering::Relaxed))
    }

    /// Returns the random number of this generation, always the same.
    pub(crate) fn random(&self, generation: Generation) -> u64 {
        self.random_by(generation.bits())
    }

    /// Returns the random number of this `number`, always the same.
    pub(crate) fn random_by(&self, number: u64) -> u64 {
        // The finalizer of splitmix64: each bit depends on every bit of the input.
        let mut bits = self.seed ^ number;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        bits ^ (bits >> 31)
    }

    /// Returns the time. For stamps of transitions, which no rough time may precede.
    pub(crate) fn now(&self) -> Timestamp
    where
        C: Clock,
    {
        Timestamp::from_unix_ms(self.clock.now_ms())
    }

    /// Returns a time that may be late by a tick of the kernel and is never ahead: for uses in
    /// which that matters to nothing.
    pub(super) fn roughly(&self) -> Timestamp
    where
        C: Clock,
    {
        Timestamp::from_unix_ms(self.clock.roughly_ms())
    }

    /// Returns the time by which a window counts whose ticks take `width`.
    #[inline]
    pub(super) fn time_for(&self, width: Millis) -> Timestamp
    where
        C: Clock,
    {
        time_for(width, &self.clock)
    }

    /// Returns the generation of the stripe's last removal, in which a new circuit of it begins.
    pub(crate) fn removed_at(&self, stripe: usize) -> Generation {
        // Acquire: pairs with the Release in `note_removal`, for a thread that begins a life in
        // this generation, and those that it tells: they find the summary in this generation or a
        // later one, so their next permits aren't older than the life. (That a thread which finds
        // the key absent after a removal sees the removal itself follows from the map's ordering.)
        let bits = self.removals.of(stripe).load(Ordering::Acquire);
        Generation::from_bits(bits)
    }

    /// Returns the last removal of the stripe of a key with this hash.
    pub(crate) fn removed_at_hash(&self, hash: u64) -> Generation {
        self.removed_at(stripe_of(hash))
    }

    /// Notes that a circuit of this stripe leaves the map in `generation`.
    pub(super) fn note_removal(&self, stripe: usize, generation: Generation) {
        let word = self.removals.of(stripe);
        // Relaxed: the compare-and-swap decides.
        let mut seen = word.load(Ordering::Relaxed);
        while generation.is_after(Generation::from_bits(seen)) {
            // Release: pairs with the Acquire in `removed_at`. Relaxed on failure: as above.
            match word.compare_exchange(
                seen,
                generation.bits(),
                Ordering::Release,
                Ordering::Relaxed,
            ) {
                Ok(_) => return,
                // Another removal raised it, perhaps far enough for this one.
                Err(now) => seen = now,
            }
        }
    }
}

/// Returns the time by which a window counts whose ticks take `width`: read roughly if a tick of
/// the kernel is little beside that.
#[inline]
pub(super) fn time_for(width: Millis, clock: &impl Clock) -> Timestamp {
    Timestamp::from_unix_ms(match width < Bucket::ROUGH_WIDTH {
        true => clock.now_ms(),
        false => clock.roughly_ms(),
    })
}

#[cfg(all(test, not(breakerbox_loom)))]
mod tests {
    use super::*;

    #[test]
    fn removals_only_rise() {
        let shared = Shared::new((), 0, Sizes::default(), false);
        shared.note_removal(3, Generation::from_bits(9));
        shared.note_removal(3, Generation::from_bits(4));
        assert_eq!(shared.removed_at(3), Generation::from_bits(9));
        assert_eq!(shared.removed_at(1 << 15), Generation::ZERO);
    }
}
