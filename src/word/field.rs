//! Fields of packed words: where each lies, and the proof that together they fill the word.

/// The place of one field in a packed word.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field {
    shift: u32,
    bits: u32,
}

/// Declares the fields of a word of `total` bits as constants, from the lowest up.
///
/// Doesn't compile unless the widths add up to `total`.
macro_rules! layout {
    ($total:expr => $($name:ident: $bits:expr),+ $(,)?) => {
        layout!(@ $total, 0; $($name: $bits,)+);
    };
    (@ $total:expr, $shift:expr; $name:ident: $bits:expr, $($rest:tt)*) => {
        const $name: $crate::word::field::Field = $crate::word::field::Field::new($shift, $bits);
        layout!(@ $total, $shift + $bits; $($rest)*);
    };
    (@ $total:expr, $shift:expr;) => {
        const _: () = assert!($shift == $total, "the fields fill the word");
    };
}
pub(super) use layout;

impl Field {
    /// Makes the field of `bits` bits that begins at bit `shift`; for [`layout!`].
    pub(super) const fn new(shift: u32, bits: u32) -> Self {
        Self { shift, bits }
    }

    /// Returns the number of bits.
    pub(super) const fn width(self) -> u32 {
        self.bits
    }

    /// Returns the greatest value that the field holds.
    pub(super) const fn max(self) -> u64 {
        u64::MAX >> (u64::BITS - self.bits)
    }

    /// Returns the number that adds one to the field.
    pub(super) const fn one(self) -> u64 {
        1 << self.shift
    }

    /// Returns the word in which the bits of the field alone are set.
    pub(super) const fn mask(self) -> u64 {
        self.max() << self.shift
    }

    /// Returns the field's value in `word`.
    #[inline]
    pub(super) const fn get(self, word: u64) -> u64 {
        word >> self.shift & self.max()
    }

    /// Returns whether any bit of the field is set in `word`.
    #[inline]
    pub(super) const fn is_set(self, word: u64) -> bool {
        word & self.mask() != 0
    }

    /// Returns a word with `value` in this field and 0 in the others.
    #[inline]
    pub(super) const fn put(self, value: u64) -> u64 {
        debug_assert!(value <= self.max());
        value << self.shift
    }

    /// Returns `word` with `value` in place of the field's.
    #[inline]
    pub(super) const fn set(self, word: u64, value: u64) -> u64 {
        word & !self.mask() | self.put(value)
    }
}

#[cfg(test)]
mod tests {
    use super::Field;

    #[test]
    fn fields_lie_side_by_side() {
        layout!(64 => LOW: 20, FLAG: 1, HIGH: 43);
        let word = LOW.put(5) | FLAG.put(1) | HIGH.put(7);
        assert_eq!((LOW.get(word), FLAG.get(word), HIGH.get(word)), (5, 1, 7));
        assert_eq!(LOW.mask() ^ FLAG.mask() ^ HIGH.mask(), u64::MAX);
        assert_eq!((LOW.one(), FLAG.one(), HIGH.one()), (1, 1 << 20, 1 << 21));
        for field in [LOW, FLAG, HIGH] {
            let full = field.set(word, field.max());
            assert_eq!(field.get(full), field.max());
            assert_eq!(full & !field.mask(), word & !field.mask());
            assert!(!field.is_set(field.set(full, 0)) && field.is_set(full));
        }
    }

    #[test]
    fn a_field_may_be_the_whole_word() {
        let all = Field::new(0, 64);
        assert_eq!((all.max(), all.get(u64::MAX)), (u64::MAX, u64::MAX));
    }
}
