//! Slots: what a store keeps by key hash, for keys that are not looked up.

/// Slots of a store, as a power of two: enough that few keys share one with an open circuit, few
/// enough to stay in the cache.
pub(crate) const SLOT_BITS: u32 = 10;

/// The slot of a key with this hash.
pub(crate) const fn slot_of(hash: u64) -> usize {
    (hash & ((1 << SLOT_BITS) - 1)) as usize
}

/// The value of a slot's filter word.
///
/// ```text
///  63                    32 31                           0
/// | unclean circuits       | circuits that may reject     |
/// ```
///
/// A store holds at most 2^23 circuits, and each has one transition under way at most for every
/// thread: neither count ever fills its half.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct FilterWord(u64);

impl FilterWord {
    /// One circuit that may reject, or is about to change.
    pub(crate) const REJECTS: u64 = 1;
    /// One circuit that a success could change.
    pub(crate) const UNCLEAN: u64 = 1 << 32;

    pub(crate) const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// No circuit of the slot may reject and none is about to change.
    pub(crate) const fn admits(self) -> bool {
        self.0 & (Self::UNCLEAN - 1) == 0
    }

    /// No success could change a circuit of the slot.
    pub(crate) const fn is_clean(self) -> bool {
        self.0 < Self::UNCLEAN
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
            }
        }
    }

    #[test]
    fn a_slot_is_the_low_bits_of_the_hash() {
        for (hash, slot) in [
            (0, 0),
            (1, 1),
            (1_023, 1_023),
            (1_024, 0),
            (u64::MAX, 1_023),
        ] {
            assert_eq!(slot_of(hash), slot);
        }
    }
}
