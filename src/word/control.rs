//! The control word: the whole decision of a circuit in 64 bits.

use super::Generation;
use super::field::layout;
use crate::snapshot::CircuitState;

layout!(64 => FAILURES: 20, FLAG: 1, GENERATION: Generation::BITS, STATE: 3);

/// Where the failure count saturates.
pub(crate) const FAILURES_MAX: u32 = FAILURES.max() as u32;

const _: () = assert!(
    FAILURES_MAX >= 1_000_000,
    "the contract counts a million failures"
);

/// The state of a cell: a public [`CircuitState`], closed and watched, or one of two states of
/// absence.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(crate) enum State {
    Closed = 0,
    Open = 1,
    HalfOpen = 2,
    ForcedOpen = 3,
    Disabled = 4,
    /// Reads as unknown: a new cell that no operation has used, or one that was reset in place.
    Vacant = 5,
    /// Reads as unknown: it leaves the map, unless a handle pins it.
    Retired = 6,
    /// Closed, with rules that count each call: no check or report takes the short way.
    Watched = 7,
}

impl State {
    #[cfg(any(test, fuzzing))]
    pub(crate) const ALL: [State; 8] = [
        State::Closed,
        State::Open,
        State::HalfOpen,
        State::ForcedOpen,
        State::Disabled,
        State::Vacant,
        State::Retired,
        State::Watched,
    ];

    /// Returns the public state; `None` if the circuit reads as unknown.
    #[inline]
    pub(crate) const fn public(self) -> Option<CircuitState> {
        match self {
            State::Closed | State::Watched => Some(CircuitState::Closed),
            State::Open => Some(CircuitState::Open),
            State::HalfOpen => Some(CircuitState::HalfOpen),
            State::ForcedOpen => Some(CircuitState::ForcedOpen),
            State::Disabled => Some(CircuitState::Disabled),
            State::Vacant | State::Retired => None,
        }
    }

    /// Returns whether a check may be rejected. The summary counts the circuits in these states.
    #[inline]
    pub(crate) const fn may_reject(self) -> bool {
        matches!(self, State::Open | State::HalfOpen | State::ForcedOpen)
    }

    /// Returns whether calls flow and failures are counted.
    #[inline]
    pub(crate) const fn is_closed(self) -> bool {
        matches!(self, State::Closed | State::Watched)
    }

    /// Returns whether the successes of the generation before still count in this state.
    #[inline]
    pub(crate) const fn keeps_successes(self) -> bool {
        matches!(self, State::Open | State::ForcedOpen)
    }

    const fn keeps_failures(self) -> bool {
        matches!(self, State::Open | State::HalfOpen | State::ForcedOpen)
    }
}

impl From<CircuitState> for State {
    fn from(state: CircuitState) -> Self {
        match state {
            CircuitState::Closed => State::Closed,
            CircuitState::Open => State::Open,
            CircuitState::HalfOpen => State::HalfOpen,
            CircuitState::ForcedOpen => State::ForcedOpen,
            CircuitState::Disabled => State::Disabled,
        }
    }
}

/// The place of an opening among those that follow each other without a stable time between.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Series {
    /// It begins a series.
    First,
    /// It follows another opening, so that its time backs off.
    Next,
}

/// The value of a control word, as the table in [`super`] shows it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Control(u64);

impl Control {
    /// A cell that was just inserted: vacant, of no generation yet.
    pub(crate) const FRESH: Self = Self(STATE.put(State::Vacant as u64));

    pub(crate) const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    pub(crate) const fn bits(self) -> u64 {
        self.0
    }

    const fn pack(state: State, generation: Generation, flag: bool, failures: u32) -> Self {
        Self(
            STATE.put(state as u64)
                | GENERATION.put(generation.bits())
                | FLAG.put(flag as u64)
                | FAILURES.put(failures as u64),
        )
    }

    /// Returns whether the circuit is closed and not watched: all that the healthy path asks.
    #[inline]
    pub(crate) const fn is_plainly_closed(self) -> bool {
        STATE.get(self.0) == State::Closed as u64
    }

    #[inline]
    pub(crate) const fn state(self) -> State {
        match STATE.get(self.0) {
            0 => State::Closed,
            1 => State::Open,
            2 => State::HalfOpen,
            3 => State::ForcedOpen,
            4 => State::Disabled,
            5 => State::Vacant,
            6 => State::Retired,
            7 => State::Watched,
            _ => unreachable!(),
        }
    }

    pub(crate) const fn generation(self) -> Generation {
        Generation::from_bits(GENERATION.get(self.0))
    }

    pub(crate) const fn failures(self) -> u32 {
        FAILURES.get(self.0) as u32
    }

    /// Returns whether this generation began a new life of the cell. Side words of the generation
    /// before then belong to a circuit that was reset.
    pub(crate) const fn is_new_life(self) -> bool {
        self.state().is_closed() && FLAG.is_set(self.0)
    }

    /// Returns whether a call that is its first probe began this half-open.
    pub(crate) const fn is_begun_by_probe(self) -> bool {
        matches!(self.state(), State::HalfOpen) && FLAG.is_set(self.0)
    }

    /// Returns whether this opening follows another without a stable time between.
    pub(crate) const fn is_escalated(self) -> bool {
        matches!(self.state(), State::Open) && FLAG.is_set(self.0)
    }

    /// Returns whether the circuit is closed, unwatched and without failures, in `generation` and
    /// no other.
    #[inline]
    pub(crate) const fn is_clean_in(self, generation: Generation) -> bool {
        self.0 & !FLAG.mask() == GENERATION.put(generation.bits())
    }

    /// Returns whether the circuit is watched and has no failures.
    #[inline]
    pub(crate) const fn is_clean_and_watched(self) -> bool {
        self.0 & (FAILURES.mask() | STATE.mask()) == STATE.put(State::Watched as u64)
    }

    /// Returns whether the circuit reads as unknown.
    #[inline]
    pub(crate) const fn is_absent(self) -> bool {
        matches!(self.state(), State::Vacant | State::Retired)
    }

    pub(crate) const fn is_fresh(self) -> bool {
        self.0 == Self::FRESH.0
    }

    /// Returns whether the success of a call that is no probe could change it. The store counts
    /// these circuits as unclean.
    #[inline]
    pub(crate) const fn is_unclean(self) -> bool {
        match self.state() {
            State::Closed => self.failures() != 0,
            State::Watched => true,
            _ => false,
        }
    }

    /// Returns the closed word as watched or not. Nothing else changes.
    pub(crate) const fn watched(self, watched: bool) -> Self {
        debug_assert!(self.state().is_closed());
        let state = if watched {
            State::Watched
        } else {
            State::Closed
        };
        Self(STATE.set(self.0, state as u64))
    }

    /// Counts a failure, in the same generation; saturates at [`FAILURES_MAX`].
    #[inline]
    pub(crate) const fn with_failure(self) -> Self {
        // Below its maximum the field takes one more without a carry into the flag.
        if self.failures() == FAILURES_MAX {
            self
        } else {
            Self(self.0 + FAILURES.one())
        }
    }

    /// Forgets the failures, in the same generation.
    #[inline]
    pub(crate) const fn without_failures(self) -> Self {
        Self(FAILURES.set(self.0, 0))
    }

    /// Moves it to state `to` in `generation`; the failures stay if `to` keeps them.
    pub(crate) const fn moved(self, to: State, generation: Generation) -> Self {
        let failures = if to.keeps_failures() {
            self.failures()
        } else {
            0
        };
        Self::pack(to, generation, false, failures)
    }

    /// Opens it in `generation`.
    pub(crate) const fn opened(self, generation: Generation, series: Series) -> Self {
        let flag = matches!(series, Series::Next);
        Self::pack(State::Open, generation, flag, self.failures())
    }

    /// Returns it as imported: in state `to` and `generation`, with this many failures.
    #[cfg(feature = "serde")]
    pub(crate) const fn restored(self, to: State, generation: Generation, failures: u32) -> Self {
        let failures = if failures > FAILURES_MAX {
            FAILURES_MAX
        } else {
            failures
        };
        debug_assert!(self.state().is_closed());
        Self::pack(to, generation, false, failures)
    }

    /// Makes it half-open in `generation`, begun by a call that is its first probe.
    pub(crate) const fn probed(self, generation: Generation) -> Self {
        Self::pack(State::HalfOpen, generation, true, self.failures())
    }

    /// Takes a vacant or a clean circuit out of use, in the same generation. The bits of the
    /// failures, of which it has none, keep whether it was closed.
    pub(crate) const fn retired(self) -> Self {
        let was_closed = matches!(self.state(), State::Closed);
        let new = was_closed && self.is_new_life();
        Self::pack(State::Retired, self.generation(), new, was_closed as u32)
    }

    /// Puts a retired circuit back in use, as it was before.
    pub(crate) const fn unretired(self) -> Self {
        debug_assert!(matches!(self.state(), State::Retired));
        let state = if !FAILURES.is_set(self.0) {
            State::Vacant
        } else {
            State::Closed
        };
        Self::pack(state, self.generation(), FLAG.is_set(self.0), 0)
    }

    /// Begins a new life in `generation`: closed, with nothing counted.
    pub(crate) const fn revived(generation: Generation) -> Self {
        Self::pack(State::Closed, generation, true, 0)
    }
}

impl std::fmt::Debug for Control {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (state, generation, failures) = (self.state(), self.generation(), self.failures());
        let flag = match state {
            _ if !FLAG.is_set(self.0) => "",
            State::Closed | State::Watched | State::Retired => ", new life",
            State::Open => ", backs off",
            State::HalfOpen => ", begun by a probe",
            _ => ", flag",
        };
        write!(f, "{state:?}({generation:?}, {failures} failures{flag})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GENERATIONS: [u64; 5] = [0, 1, (1 << 22) - 1, 1 << 22, (1 << 40) - 1];
    const FAILURES: [u32; 5] = [0, 1, 5, FAILURES_MAX - 1, FAILURES_MAX];

    fn every_word() -> impl Iterator<Item = (State, Generation, bool, u32)> {
        State::ALL.into_iter().flat_map(|state| {
            GENERATIONS.into_iter().flat_map(move |generation| {
                [false, true].into_iter().flat_map(move |new| {
                    FAILURES
                        .into_iter()
                        .map(move |n| (state, Generation::from_bits(generation), new, n))
                })
            })
        })
    }

    #[test]
    fn fields_round_trip() {
        for (state, generation, new, failures) in every_word() {
            let word = Control::pack(state, generation, new, failures);
            assert_eq!(
                (word.state(), word.generation(), word.failures()),
                (state, generation, failures)
            );
            assert_eq!(word.is_plainly_closed(), state == State::Closed);
            let closed = matches!(state, State::Closed | State::Watched);
            assert_eq!(word.is_new_life(), new && closed);
            assert_eq!(word.is_escalated(), new && state == State::Open);
            if closed {
                for watched in [false, true] {
                    let state = if watched {
                        State::Watched
                    } else {
                        State::Closed
                    };
                    let expected = Control::pack(state, generation, new, failures);
                    assert_eq!(word.watched(watched), expected);
                }
            }
            assert_eq!(word.is_begun_by_probe(), new && state == State::HalfOpen);
            let absent = matches!(state, State::Vacant | State::Retired);
            assert_eq!(word.is_absent(), absent);
            assert_eq!(state.public().is_none(), absent);
            assert_eq!(word.is_fresh(), word == Control::FRESH);
            assert_eq!(Control::from_bits(word.bits()), word);
        }
    }

    #[test]
    fn states_are_shown_as_they_are_asked_for() {
        for state in CircuitState::ALL {
            assert_eq!(State::from(state).public(), Some(state));
        }
        assert_eq!(State::Watched.public(), Some(CircuitState::Closed));
        for state in State::ALL {
            let open = matches!(state, State::Open | State::ForcedOpen);
            assert_eq!(state.keeps_successes(), open, "{state:?}");
        }
    }

    #[cfg(feature = "serde")]
    #[test]
    fn a_restored_circuit_has_the_failures_that_it_had() {
        let closed = Control::revived(Generation::from_bits(8));
        let next = Generation::from_bits(9);
        for (given, counted) in [
            (0, 0),
            (7, 7),
            (FAILURES_MAX - 1, FAILURES_MAX - 1),
            (FAILURES_MAX, FAILURES_MAX),
            (FAILURES_MAX + 1, FAILURES_MAX),
            (u32::MAX, FAILURES_MAX),
        ] {
            let expected = Control::pack(State::Open, next, false, counted);
            assert_eq!(closed.restored(State::Open, next, given), expected);
        }
    }

    #[test]
    fn a_failure_changes_its_count_and_nothing_else() {
        for (state, generation, new, failures) in every_word() {
            let word = Control::pack(state, generation, new, failures).with_failure();
            let counted = failures.saturating_add(1).min(FAILURES_MAX);
            assert_eq!(word, Control::pack(state, generation, new, counted));
            assert_eq!(
                word.without_failures(),
                Control::pack(state, generation, new, 0)
            );
        }
    }

    #[test]
    fn a_transition_keeps_failures_where_the_contract_says() {
        let target = Generation::from_bits(77);
        for (state, generation, new, failures) in every_word() {
            let word = Control::pack(state, generation, new, failures);
            for to in State::ALL {
                let moved = word.moved(to, target);
                let kept = match to {
                    State::Open | State::HalfOpen | State::ForcedOpen => failures,
                    _ => 0,
                };
                assert_eq!(moved, Control::pack(to, target, false, kept));
            }
            assert_eq!(
                word.probed(target),
                Control::pack(State::HalfOpen, target, true, failures)
            );
            for series in [Series::First, Series::Next] {
                let flag = series == Series::Next;
                let expected = Control::pack(State::Open, target, flag, failures);
                assert_eq!(word.opened(target, series), expected);
            }
            let retired = |new, was_closed| {
                Control::pack(State::Retired, generation, new, u32::from(was_closed))
            };
            if state == State::Vacant {
                let vacant = Control::pack(State::Vacant, generation, false, 0);
                assert_eq!(vacant.retired(), retired(false, false));
                assert_eq!(vacant.retired().unretired(), vacant);
            }
            if state == State::Closed && failures == 0 {
                assert_eq!(word.retired(), retired(new, true));
                assert_eq!(word.retired().unretired(), word);
            }
        }
        assert_eq!(
            Control::revived(target),
            Control::pack(State::Closed, target, true, 0)
        );
    }

    #[test]
    fn zero_is_a_fresh_closed_circuit() {
        for (state, generation, new, failures) in every_word() {
            let word = Control::pack(state, generation, new, failures);
            let clean = state == State::Closed && failures == 0;
            assert_eq!(word.is_clean_in(generation), clean);
            assert!(!word.is_clean_in(generation.successor()));
        }
        let zero = Control::from_bits(0);
        assert!(
            zero.is_plainly_closed()
                && zero.failures() == 0
                && zero.generation() == Generation::ZERO
        );
        assert!(!zero.is_unclean());
        assert!(Control::FRESH.is_absent() && Control::FRESH.is_fresh());
    }

    #[test]
    fn a_circuit_is_unclean_if_a_success_could_change_it() {
        for (state, generation, new, failures) in every_word() {
            let word = Control::pack(state, generation, new, failures);
            let expected = state == State::Closed && failures > 0 || state == State::Watched;
            assert_eq!(word.is_unclean(), expected, "{word:?}");
        }
    }
}
