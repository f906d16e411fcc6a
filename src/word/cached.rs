//! The length of a quiet window of calls, as a handle caches it.

use super::field::layout;

layout!(64 => CALLS: 10, SET: 54);

/// The number of calls that a policy's window holds, and the number of the policy set that says so.
///
/// ```text
///  63                      10 9          0
/// | set                     | calls       |
/// ```
///
/// A set whose number doesn't fit isn't cached: that of replacement 2^54, and all later ones.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct CachedCalls(u64);

impl CachedCalls {
    /// The empty cache: no window holds 0 calls.
    pub(crate) const NOTHING: Self = Self(0);

    pub(crate) const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    pub(crate) const fn bits(self) -> u64 {
        self.0
    }

    /// Makes the word of a window of `calls`, 1 to 1,000, by the set number `set`.
    pub(crate) const fn new(set: u64, calls: u32) -> Self {
        if set > SET.max() {
            return Self::NOTHING;
        }
        Self(SET.put(set) | CALLS.put(calls as u64))
    }

    /// Returns the number of calls, if it is known and of the set number `set`.
    #[inline]
    pub(crate) const fn of(self, set: u64) -> Option<u32> {
        let calls = CALLS.get(self.0) as u32;
        if calls != 0 && SET.get(self.0) == set {
            Some(calls)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_known_of_one_set() {
        let last = SET.max();
        for set in [0, 1, 2, last - 1, last] {
            assert_eq!(CachedCalls::NOTHING.of(set), None);
            for calls in [1, 2, 999, 1_000] {
                let known = CachedCalls::new(set, calls);
                assert_eq!(CachedCalls::from_bits(known.bits()), known);
                for other in [0, 1, 2, last - 1, last, last + 1, u64::MAX] {
                    let expected = (other == set).then_some(calls);
                    assert_eq!(known.of(other), expected, "{set} {other}");
                }
            }
        }
        for set in [last + 1, last + 2, u64::MAX] {
            assert_eq!(CachedCalls::new(set, 7), CachedCalls::NOTHING);
        }
    }
}
