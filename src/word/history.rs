//! The history of a circuit over its generations, as the payload of a side word.

use super::field::layout;
use super::side::PAYLOAD_BITS;
use super::time::{Millis, Timestamp};
use super::{Control, Generation, State};

layout!(PAYLOAD_BITS => OPENINGS: 6, GROUP: u16::BITS, NOTE: 19, REJECTS: 1);

/// The payload of the history word: the memory of a circuit over its generations.
///
/// ```text
///  41   40                  22 21            6 5                    0
/// | 0 | last held back, s     | group         | openings in a row      |
/// | 1 | spell                 | group         | openings in a row      |
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct History {
    /// Openings without a stable time between, with this or the last one; saturates.
    pub(crate) openings: u32,
    /// The group in which it has a place among the open circuits; 0 for none.
    pub(crate) group: u16,
    /// The spell, if the circuit may reject.
    pub(crate) spell: Option<Spell>,
    /// If the circuit may not reject: when it was last announced that an opening was held back, as
    /// one more than seconds that wrap; 0 for never.
    pub(crate) held_back: u32,
}

/// An unbroken run of generations in which a circuit may reject, named by the low bits of its first
/// generation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Spell(u32);

impl Spell {
    /// Returns the spell that begins in `generation`.
    pub(crate) const fn of(generation: Generation) -> Self {
        Self((generation.bits() & NOTE.max()) as u32)
    }
}

impl History {
    /// The seconds wrap here, after six days. One more than the greatest of them still fits the
    /// field.
    const SECONDS: u64 = NOTE.max();

    pub(crate) const fn from_payload(payload: u64) -> Self {
        let note = NOTE.get(payload) as u32;
        let rejects = REJECTS.is_set(payload);
        Self {
            openings: OPENINGS.get(payload) as u32,
            group: GROUP.get(payload) as u16,
            spell: if rejects { Some(Spell(note)) } else { None },
            held_back: if rejects { 0 } else { note },
        }
    }

    pub(crate) const fn payload(self) -> u64 {
        let note = match self.spell {
            Some(Spell(spell)) => REJECTS.put(1) | NOTE.put(spell as u64),
            None => NOTE.put(self.held_back as u64),
        };
        note | GROUP.put(self.group as u64) | OPENINGS.put(self.openings as u64)
    }

    /// Notes that an opening is held back at `now`. Returns `None` if one was announced less than
    /// `every` ago, or less than three days where `every` is longer: then this one isn't announced.
    pub(crate) fn held_back(self, now: Timestamp, every: Millis) -> Option<Self> {
        let now = now.unix_ms() / 1_000 % Self::SECONDS;
        let next = Self {
            held_back: now as u32 + 1,
            ..self
        };
        let Some(before) = u64::from(self.held_back).checked_sub(1) else {
            return Some(next);
        };
        let passed = (now + Self::SECONDS - before) % Self::SECONDS;
        let every = every.get().div_ceil(1_000).clamp(1, Self::SECONDS / 2);
        (passed >= every).then_some(next)
    }

    /// Returns what the generation of `control` keeps of this history, which is that of the one
    /// before.
    pub(crate) fn inherited(self, control: Control) -> Self {
        let openings = match control.state() {
            State::Open if control.is_escalated() => (self.openings + 1).min(OPENINGS.max() as u32),
            State::Open => 1,
            State::Vacant | State::Retired => 0,
            _ if control.is_new_life() => 0,
            _ => self.openings,
        };
        if !control.state().may_reject() {
            return Self {
                openings,
                ..Self::default()
            };
        }
        let begins = Spell::of(control.generation());
        Self {
            openings,
            group: self.group,
            spell: Some(self.spell.unwrap_or(begins)),
            held_back: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Series;
    use super::*;

    #[test]
    fn a_held_back_opening_is_announced_once_in_a_while() {
        let none = History::default();
        for start in [0, 999, 5_000, History::SECONDS * 1_000 - 1, 1 << 41] {
            let first = none
                .held_back(Timestamp::from_unix_ms(start), Millis::new(30_000))
                .unwrap();
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
                let next =
                    first.held_back(Timestamp::from_unix_ms(start + after), Millis::new(every));
                assert_eq!(next.is_some(), new, "{start} + {after}, every {every}");
            }
        }
    }

    #[test]
    fn history_is_inherited() {
        let next = Generation::from_bits(9);
        let closed = Control::revived(Generation::from_bits(8)).moved(State::Closed, next);
        let before = Spell::of(Generation::from_bits((7 << 19) + 5));
        for openings in [0, 1, 62, 63] {
            for group in [0, 1, u16::MAX] {
                for spell in [None, Some(before)] {
                    let history = History {
                        openings,
                        group,
                        spell,
                        held_back: if spell.is_none() { 7 } else { 0 },
                    };
                    assert_eq!(History::from_payload(history.payload()), history);
                    assert!(history.payload() >> PAYLOAD_BITS == 0);

                    let admits = |openings| History {
                        openings,
                        ..History::default()
                    };
                    let rejects = |openings| History {
                        openings,
                        group,
                        spell: Some(spell.unwrap_or(Spell::of(next))),
                        held_back: 0,
                    };
                    let more = (openings + 1).min(63);
                    let cases = [
                        (closed.opened(next, Series::Next), rejects(more)),
                        (closed.opened(next, Series::First), rejects(1)),
                        (closed.probed(next), rejects(openings)),
                        (closed.moved(State::ForcedOpen, next), rejects(openings)),
                        (closed.moved(State::Disabled, next), admits(openings)),
                        (closed, admits(openings)),
                        (closed.watched(true), admits(openings)),
                        (Control::revived(next), admits(0)),
                        (closed.moved(State::Vacant, next), admits(0)),
                        (closed.moved(State::Vacant, next).retired(), admits(0)),
                    ];
                    for (control, expected) in cases {
                        assert_eq!(history.inherited(control), expected, "{control:?}");
                    }
                }
            }
        }
    }
}
