//! The summary word: the last generation taken, and the number of circuits that may reject.

use super::Generation;
use super::field::layout;

layout!(64 => COUNT: 24, GENERATION: Generation::BITS);

/// The value of the store's summary word, as [`super`] lays it out.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct SummaryWord(u64);

impl SummaryWord {
    /// The addition that takes a number: the next generation, and one to the count for as long as
    /// the transition is under way. A generation at its maximum wraps out at the top.
    pub(crate) const TAKE: u64 = GENERATION.one() + COUNT.one();
    /// The addition that takes another number for the same transition: the next generation alone.
    pub(crate) const TAKE_ANOTHER: u64 = GENERATION.one();
    /// The count of one circuit.
    pub(crate) const ONE: u64 = COUNT.one();

    pub(crate) const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// Returns whether no circuit may reject and no transition is under way.
    pub(crate) const fn is_quiet(self) -> bool {
        !COUNT.is_set(self.0)
    }

    #[cfg(any(test, breakerbox_loom, breakerbox_steps))]
    pub(crate) const fn count(self) -> u64 {
        COUNT.get(self.0)
    }

    pub(crate) const fn generation(self) -> Generation {
        Generation::from_bits(GENERATION.get(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_count_and_wrap_out_at_the_top() {
        let word = SummaryWord::from_bits(0);
        assert!(word.is_quiet() && word.generation() == Generation::ZERO);

        let taken = SummaryWord::from_bits(SummaryWord::TAKE);
        assert_eq!((taken.generation().bits(), taken.count()), (1, 1));
        assert!(!taken.is_quiet());
        let again = SummaryWord::from_bits(taken.0 + SummaryWord::TAKE_ANOTHER);
        assert_eq!((again.generation().bits(), again.count()), (2, 1));
        let done = SummaryWord::from_bits(again.0 - SummaryWord::ONE);
        assert!(done.is_quiet() && done.generation().bits() == 2);

        let full = SummaryWord::from_bits(GENERATION.mask() | 3);
        let wrapped = SummaryWord::from_bits(full.0.wrapping_add(SummaryWord::TAKE));
        assert_eq!(
            (wrapped.generation(), wrapped.count()),
            (Generation::ZERO, 4)
        );
    }
}
