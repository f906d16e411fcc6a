//! Stripes: groups of keys by hash, so that a store can answer for keys that it doesn't look up.

use super::field::layout;

/// The number of a store's stripes, as a power of two: enough that few keys share one with an open
/// circuit, few enough to stay in the cache.
pub(crate) const STRIPE_BITS: u32 = 10;

/// Returns the stripe of a key with this hash. By Fibonacci hashing (Knuth), since the hasher is
/// the user's, and its low bits may be those of the keys.
pub(crate) const fn stripe_of(hash: u64) -> usize {
    (hash.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> (u64::BITS - STRIPE_BITS)) as usize
}

layout!(64 => REJECTING: 32, UNCLEAN: 32);

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
    pub(crate) const fn admits(self) -> bool {
        !REJECTING.is_set(self.0)
    }

    /// Returns whether no success could change a circuit of the stripe.
    pub(crate) const fn is_clean(self) -> bool {
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
    fn counts_do_not_touch_each_other() {
        for unclean in [0, 1, 1 << 23] {
            for reject in [0, 1, 1 << 23] {
                let bits = unclean * FilterWord::UNCLEAN + reject * FilterWord::REJECTS;
                let word = FilterWord::from_bits(bits);
                assert_eq!(word.admits(), reject == 0);
                assert_eq!(word.is_clean(), unclean == 0);
                assert_eq!(word.counts(), (reject, unclean));
            }
        }
    }

    /// Takes hashes that differ in a few bits only, as those of a hasher that passes numbers on.
    #[test]
    fn stripes_are_spread_whatever_bits_differ() {
        const STRIPES: usize = 1 << STRIPE_BITS;
        for shift in [0, 3, 10, 20, 40, 54] {
            let mut used = [0_u32; STRIPES];
            for n in 0..STRIPES as u64 {
                let stripe = stripe_of(n << shift);
                used[stripe] += 1;
            }
            let taken = used.iter().filter(|n| **n > 0).count();
            assert!(
                taken > STRIPES / 4,
                "{taken} stripes by bits from {shift} on"
            );
        }
        assert_eq!(stripe_of(0), 0);
    }
}
