//! The words that answer for many circuits: a store's summary, and the filter of a stripe.

use super::Generation;
use super::field::layout;

layout!(64 => COUNT: 24, GENERATION: Generation::BITS);
layout!(64 => REJECTING: 32, UNCLEAN: 32);

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

    /// Returns whether the count is 0: no circuit may reject, no transition is under way, and no
    /// policy or rule by hand needs every check.
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

/// The value of a stripe's filter word.
///
/// ```text
///  63                    32 31                           0
/// | unclean circuits       | circuits that may reject     |
/// ```
///
/// A store holds at most 2^23 circuits, and each thread has at most one transition under way:
/// neither count ever fills its half.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct FilterWord(u64);

impl FilterWord {
    /// One circuit that may reject, or is about to change.
    pub(crate) const REJECTS: u64 = REJECTING.one();
    /// One circuit that a success could change.
    pub(crate) const UNCLEAN: u64 = UNCLEAN.one();

    pub(crate) const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// Returns whether no circuit of the stripe may reject and none is about to change.
    pub(crate) const fn has_none_rejecting(self) -> bool {
        !REJECTING.is_set(self.0)
    }

    /// Returns whether no success could change a circuit of the stripe.
    pub(crate) const fn has_no_unclean(self) -> bool {
        !UNCLEAN.is_set(self.0)
    }

    /// Returns the counts: circuits that may reject, and unclean ones.
    #[cfg(any(test, breakerbox_loom, breakerbox_steps))]
    pub(crate) const fn counts(self) -> (u64, u64) {
        (REJECTING.get(self.0), UNCLEAN.get(self.0))
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

    #[test]
    fn counts_of_a_stripe_do_not_touch_each_other() {
        for unclean in [0, 1, 1 << 23] {
            for reject in [0, 1, 1 << 23] {
                let bits = unclean * FilterWord::UNCLEAN + reject * FilterWord::REJECTS;
                let word = FilterWord::from_bits(bits);
                assert_eq!(word.has_none_rejecting(), reject == 0);
                assert_eq!(word.has_no_unclean(), unclean == 0);
                assert_eq!(word.counts(), (reject, unclean));
            }
        }
    }
}
