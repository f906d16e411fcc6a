//! The mark of a quiet window, as the payload of the phase word.

use super::field::layout;
use super::side::PAYLOAD_BITS;

layout!(PAYLOAD_BITS => IS_QUIET: 1, CALLS: 10, VERSION: 31);

/// Whether the window of a closed circuit is *quiet*: it holds its full number of calls, all of
/// them successes and none slow.
///
/// ```text
///  41                      11 10         1     0
/// | version                 | calls       | quiet |
/// ```
///
/// Each failure, slow call and new window raises the version and takes the mark away.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Quiet(u64);

impl Quiet {
    /// The payload of a generation in which nothing has been counted.
    pub(crate) const NEVER: Self = Self(0);

    pub(crate) const fn from_payload(payload: u64) -> Self {
        Self(payload)
    }

    pub(crate) const fn payload(self) -> u64 {
        self.0
    }

    /// Returns whether a window of the last `calls` is quiet.
    #[inline]
    pub(crate) const fn is_of(self, calls: u32) -> bool {
        self.0 & (IS_QUIET.mask() | CALLS.mask()) == IS_QUIET.one() | CALLS.put(calls as u64)
    }

    /// Marks a window of the last `calls`, 1 to 1,000, in the same version.
    pub(crate) fn marked(self, calls: u32) -> Self {
        debug_assert!((1..=1_000).contains(&calls), "{calls} calls");
        Self(self.0 & VERSION.mask() | IS_QUIET.one() | CALLS.put(calls.into()))
    }

    /// Takes the mark away, in the next version, which wraps.
    pub(crate) fn ended(self) -> Self {
        let version = VERSION.get(self.0);
        let next = if version == VERSION.max() {
            0
        } else {
            version + 1
        };
        Self(VERSION.put(next))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_of_one_number_of_calls_and_one_version() {
        assert!(!Quiet::NEVER.is_of(1) && !Quiet::NEVER.is_of(0));
        let mut quiet = Quiet::NEVER;
        for _ in 0..3 {
            for calls in [1, 2, 100, 1_000] {
                let marked = quiet.marked(calls);
                for other in [1, 2, 100, 1_000] {
                    assert_eq!(marked.is_of(other), calls == other, "{calls} {other}");
                }
                assert_eq!(marked.marked(calls), marked);
                assert_eq!(Quiet::from_payload(marked.payload()), marked);
                assert_eq!(marked.ended(), quiet.ended());
                assert!(!marked.ended().is_of(calls) && marked.ended() != quiet);
            }
            quiet = quiet.ended();
        }
    }

    #[test]
    fn versions_wrap() {
        let last = Quiet(VERSION.put(VERSION.max()));
        assert_eq!(last.ended(), Quiet::NEVER);
        assert!(last.marked(1_000).is_of(1_000));
        assert_eq!(last.marked(1_000).ended(), Quiet::NEVER);
    }
}
