//! What a circuit remembers over generations, as the payload of a side word.

use super::side::PAYLOAD_BITS;
use super::{Control, State};

/// The payload of the history word: what a circuit remembers over generations.
///
/// ```text
///  41                  22 21            6 5                    0
/// | last held back, s    | group         | openings in a row      |
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct History {
    /// Openings without a stable time between, this or the last one included; saturates.
    pub(crate) openings: u32,
    /// The group in whose count of open circuits it has a place; 0: none.
    pub(crate) group: u16,
    /// When it was last announced that an opening was held back, in seconds that wrap; 0: never.
    pub(crate) held_back: u32,
}

impl History {
    const OPENINGS_BITS: u32 = 6;
    const OPENINGS_MAX: u64 = (1 << Self::OPENINGS_BITS) - 1;
    const HELD_SHIFT: u32 = Self::OPENINGS_BITS + u16::BITS;
    /// The seconds wrap here, after twelve days.
    const SECONDS: u64 = (1 << (PAYLOAD_BITS - Self::HELD_SHIFT)) - 1;

    pub(crate) const fn from_payload(payload: u64) -> Self {
        Self {
            openings: (payload & Self::OPENINGS_MAX) as u32,
            group: (payload >> Self::OPENINGS_BITS) as u16,
            held_back: (payload >> Self::HELD_SHIFT) as u32,
        }
    }

    pub(crate) const fn payload(self) -> u64 {
        ((self.held_back as u64) << Self::HELD_SHIFT)
            | ((self.group as u64) << Self::OPENINGS_BITS)
            | self.openings as u64
    }

    /// An opening is held back at `now`. `None`: one was less than `every_ms` ago (or half of
    /// twelve days, if that is shorter), so that there is nothing new in it.
    pub(crate) fn held_back(self, now_ms: u64, every_ms: u64) -> Option<Self> {
        let now = now_ms / 1_000 % Self::SECONDS;
        let next = Self {
            held_back: now as u32 + 1,
            ..self
        };
        let Some(before) = u64::from(self.held_back).checked_sub(1) else {
            return Some(next);
        };
        let passed = (now + Self::SECONDS - before) % Self::SECONDS;
        let every = every_ms.div_ceil(1_000).clamp(1, Self::SECONDS / 2);
        (passed >= every).then_some(next)
    }

    /// What the generation of `control` remembers of the one before, which this is.
    pub(crate) fn inherited(self, control: Control) -> Self {
        let openings = match control.state() {
            State::Open if control.is_escalated() => {
                (self.openings + 1).min(Self::OPENINGS_MAX as u32)
            }
            State::Open => 1,
            State::Vacant | State::Retired => 0,
            _ if control.is_new_life() => 0,
            _ => self.openings,
        };
        Self {
            openings,
            group: if control.state().may_reject() {
                self.group
            } else {
                0
            },
            held_back: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Generation;
    use super::*;

    #[test]
    fn what_is_held_back_is_said_once_in_a_while() {
        let none = History::default();
        for start in [0, 999, 5_000, History::SECONDS * 1_000 - 1, 1 << 41] {
            let first = none.held_back(start, 30_000).unwrap();
            assert_eq!(History::from_payload(first.payload()), first);
            assert!(first.payload() >> PAYLOAD_BITS == 0);
            for (after, every, new) in [
                (0, 1, false),
                (999, 1, start % 1_000 > 0),
                (29_000, 30_000, false),
                (31_000, 30_000, true),
                (31_000, u64::MAX, false),
                (History::SECONDS * 600, u64::MAX, true),
            ] {
                let next = first.held_back(start + after, every);
                assert_eq!(next.is_some(), new, "{start} + {after}, every {every}");
            }
        }
    }

    #[test]
    fn history_is_inherited() {
        let next = Generation::from_bits(9);
        let closed = Control::revived(Generation::from_bits(8)).moved(State::Closed, next);
        for openings in [0, 1, 62, 63] {
            for group in [0, 1, u16::MAX] {
                let of = |openings, group| History {
                    openings,
                    group,
                    held_back: 0,
                };
                let history = of(openings, group).held_back(7_000, 1).unwrap();
                assert_eq!(History::from_payload(history.payload()), history);
                assert!(history.payload() >> PAYLOAD_BITS == 0);

                let more = (openings + 1).min(63);
                let cases = [
                    (closed.opened(next, true), of(more, group)),
                    (closed.opened(next, false), of(1, group)),
                    (closed.probed(next), of(openings, group)),
                    (closed, of(openings, 0)),
                    (closed.watched(true), of(openings, 0)),
                    (closed.moved(State::ForcedOpen, next), of(openings, group)),
                    (Control::revived(next), of(0, 0)),
                    (closed.vacated(next), of(0, 0)),
                    (closed.vacated(next).retired(), of(0, 0)),
                ];
                for (control, expected) in cases {
                    assert_eq!(history.inherited(control), expected, "{control:?}");
                }
            }
        }
    }
}
