//! Generations: store-wide numbers that order a circuit's states and make late reports stale.

/// A number that each transition takes from the store's one counter; 40 bits that wrap.
///
/// A circuit's generations only grow. Two of them compare correctly within half of the range, which
/// lasts 17 years at 1,000 transitions a second.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Generation(u64);

impl Generation {
    /// The width: with 3 bits of state, 20 of failures and a flag it fills the control word.
    pub(crate) const BITS: u32 = 40;
    const MASK: u64 = (1 << Self::BITS) - 1;
    const HALF: u64 = 1 << (Self::BITS - 1);

    /// The number of a new cell that no operation has used. No transition takes it:
    /// `Ticket::number_after` skips it.
    pub(crate) const ZERO: Self = Self(0);

    /// Makes a generation of the low 40 bits of `bits`.
    pub(crate) const fn from_bits(bits: u64) -> Self {
        Self(bits & Self::MASK)
    }

    pub(crate) const fn bits(self) -> u64 {
        self.0
    }

    /// Returns the next number.
    pub(crate) const fn successor(self) -> Self {
        Self::from_bits(self.0.wrapping_add(1))
    }

    /// Returns whether `self` was taken later than `other`, across the wrap.
    #[inline]
    pub(crate) const fn is_after(self, other: Self) -> bool {
        let distance = self.0.wrapping_sub(other.0) & Self::MASK;
        distance != 0 && distance < Self::HALF
    }

    /// Returns the bits by which a side word says to which generation it belongs.
    pub(crate) const fn tag(self) -> Tag {
        Tag(self.0 & Tag::MASK)
    }
}

impl std::fmt::Debug for Generation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "g{}", self.0)
    }
}

/// The low bits of a generation, as a side word carries them.
///
/// A side word is never more than one generation behind its control word, and a transition never
/// takes a number with the tag of the one before. So equal tags mean equal generations.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Tag(u64);

impl Tag {
    /// The width: the bits that a 42-bit time in milliseconds leaves in a word.
    pub(crate) const BITS: u32 = 22;
    const MASK: u64 = (1 << Self::BITS) - 1;

    pub(super) const fn from_bits(bits: u64) -> Self {
        Self(bits & Self::MASK)
    }

    pub(super) const fn bits(self) -> u64 {
        self.0
    }
}

const _: () = assert!(Tag::BITS < Generation::BITS);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_holds_over_the_wrap() {
        let last = Generation::from_bits(Generation::MASK);
        for start in [
            Generation::ZERO,
            Generation(1),
            Generation(Generation::HALF),
            last,
        ] {
            let next = start.successor();
            assert!(next.is_after(start) && !start.is_after(next) && !start.is_after(start));
            let far = Generation::from_bits(start.0 + Generation::HALF - 1);
            assert!(far.is_after(start) && !start.is_after(far));
            let opposite = far.successor();
            assert!(!opposite.is_after(start) && !start.is_after(opposite));
        }
        assert_eq!(last.successor(), Generation::ZERO);
    }

    #[test]
    fn a_successor_has_another_tag() {
        for bits in [
            0,
            1,
            Tag::MASK - 1,
            Tag::MASK,
            Tag::MASK + 1,
            Generation::MASK,
        ] {
            let generation = Generation::from_bits(bits);
            assert_ne!(generation.tag(), generation.successor().tag());
        }
        assert_eq!(Generation(5).tag(), Generation(5 + Tag::MASK + 1).tag());
    }
}
