//! Stripes: groups of keys by hash, so that a store can answer for keys that it doesn't look up.

/// The most stripes of a table, as a power of two.
pub(crate) const STRIPE_BITS: u32 = 16;

/// Returns the stripe of a key with this hash. A table of fewer words goes by the upper bits. This
/// is Fibonacci hashing (Knuth), since the hasher is the user's, and its low bits may be those of
/// the keys.
pub(crate) const fn stripe_of(hash: u64) -> usize {
    (hash.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> (u64::BITS - STRIPE_BITS)) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes hashes that differ in a few bits only, as those of a hasher that passes numbers on.
    #[test]
    fn stripes_are_spread_whatever_bits_differ() {
        const BITS: u32 = 10;
        const STRIPES: usize = 1 << BITS;
        for shift in [0, 3, 10, 20, 40, 54] {
            let mut used = [0_u32; STRIPES];
            for n in 0..STRIPES as u64 {
                let stripe = stripe_of(n << shift) >> (STRIPE_BITS - BITS);
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
