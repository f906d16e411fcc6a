//! Side words: the tag of a generation and a payload, so that no transition has to zero them.

use super::Generation;
use super::field::layout;
use super::generation::Tag;
use super::time::{Millis, TIME_MAX, Timestamp};

pub(super) const PAYLOAD_BITS: u32 = 42;
layout!(64 => PAYLOAD: PAYLOAD_BITS, TAG: Tag::BITS);

const _: () = assert!(
    TIME_MAX < PAYLOAD.max(),
    "a time is stored as itself plus one"
);

/// The value of a side word: a payload, and the tag of the generation that it belongs to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Side(u64);

impl Side {
    pub(crate) const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    pub(crate) const fn bits(self) -> u64 {
        self.0
    }

    /// Makes a word of `generation` that holds `payload`, saturated to what fits.
    #[inline]
    pub(crate) const fn new(generation: Generation, payload: u64) -> Self {
        let payload = if payload > PAYLOAD.max() {
            PAYLOAD.max()
        } else {
            payload
        };
        Self(TAG.put(generation.tag().bits()) | PAYLOAD.put(payload))
    }

    /// Makes a word that holds a moment.
    #[inline]
    pub(crate) const fn at(generation: Generation, time: Timestamp) -> Self {
        Self::new(generation, time.unix_ms() + 1)
    }

    /// Makes a word that holds a length of time, saturated to [`TIME_MAX`].
    #[inline]
    pub(crate) const fn lasting(generation: Generation, time: Millis) -> Self {
        let ms = time.get();
        let ms = if ms > TIME_MAX { TIME_MAX } else { ms };
        Self::new(generation, ms + 1)
    }

    #[inline]
    pub(crate) fn belongs_to(self, generation: Generation) -> bool {
        Tag::from_bits(TAG.get(self.0)) == generation.tag()
    }

    /// Returns the payload, whatever generation it belongs to.
    pub(crate) const fn payload(self) -> u64 {
        PAYLOAD.get(self.0)
    }

    /// Returns the payload as a moment; `None` if none was stored.
    #[inline]
    pub(crate) fn timestamp(self) -> Option<Timestamp> {
        self.payload().checked_sub(1).map(Timestamp::from_unix_ms)
    }

    /// Returns the payload as a length of time; `None` if none was stored.
    #[inline]
    pub(crate) fn millis(self) -> Option<Millis> {
        self.payload().checked_sub(1).map(Millis::new)
    }

    /// Adds one to the payload; saturates.
    #[inline]
    pub(crate) const fn plus_one(self) -> Self {
        if self.payload() == PAYLOAD.max() {
            self
        } else {
            Self(self.0 + PAYLOAD.one())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAYLOADS: [u64; 5] = [0, 1, 1 << 20, PAYLOAD.max() - 1, PAYLOAD.max()];
    const GENERATIONS: [u64; 4] = [0, 1, (1 << 22) - 1, (1 << 40) - 1];

    #[test]
    fn sides_round_trip_and_saturate() {
        for generation in GENERATIONS.map(Generation::from_bits) {
            for payload in PAYLOADS {
                let side = Side::new(generation, payload);
                assert_eq!(side.payload(), payload);
                assert!(side.belongs_to(generation) && !side.belongs_to(generation.successor()));
                assert_eq!(
                    side.plus_one(),
                    Side::new(generation, payload.saturating_add(1))
                );
                assert_eq!(Side::from_bits(side.bits()), side);
            }
            assert_eq!(Side::new(generation, u64::MAX).payload(), PAYLOAD.max());
            assert_eq!(
                Side::lasting(generation, Millis::new(u64::MAX)).millis(),
                Some(Millis::MAX)
            );
            assert_eq!(
                Side::at(generation, Timestamp::default()).timestamp(),
                Some(Timestamp::default())
            );
            assert_eq!(Side::new(generation, 0).timestamp(), None);
        }
    }

    #[test]
    fn the_all_zero_side_is_empty_for_generation_zero() {
        let zero = Side::from_bits(0);
        assert!(zero.belongs_to(Generation::ZERO) && zero.millis().is_none());
    }
}
