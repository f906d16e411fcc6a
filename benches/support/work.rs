//! The works: the operations of a contender for one request.

use super::rules::Rules;
use std::cell::Cell;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Work {
    Check,
    CheckSuccess,
    CheckFailure,
    RecordFailure,
    Snapshot,
    /// A check, and a failure if it was admitted, until the circuit trips and beyond.
    Storm,
    /// A check and a report under a rule over the last hundred calls.
    Windowed(Failing),
    /// A check and a report under a rule over the calls of the last ten seconds.
    Timed(Failing),
}

/// How many calls fail, at random.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Failing {
    None,
    Permille,
    Percent,
}

/// Draws whether a call fails of which one of N does. Costs every contender about 1 ns.
#[inline]
pub(super) fn draw(one_of: u64) -> bool {
    thread_local! {
        static RANDOM: Cell<u64> = const { Cell::new(1) };
    }
    // Knuth's MMIX generator, by its high bits.
    let next = RANDOM
        .get()
        .wrapping_mul(6364136223846793005)
        .wrapping_add(1442695040888963407);
    RANDOM.set(next);
    (next >> 32) * one_of < 1 << 32
}

impl Work {
    pub const ALL: [Work; 12] = [
        Work::Check,
        Work::CheckSuccess,
        Work::CheckFailure,
        Work::RecordFailure,
        Work::Snapshot,
        Work::Storm,
        Work::Windowed(Failing::None),
        Work::Windowed(Failing::Permille),
        Work::Windowed(Failing::Percent),
        Work::Timed(Failing::None),
        Work::Timed(Failing::Permille),
        Work::Timed(Failing::Percent),
    ];

    /// Those under a rule over the last hundred calls.
    pub const WINDOWED: [Work; 3] = [
        Work::Windowed(Failing::None),
        Work::Windowed(Failing::Permille),
        Work::Windowed(Failing::Percent),
    ];

    /// Those under a rule over the last ten seconds.
    pub const TIMED: [Work; 3] = [
        Work::Timed(Failing::None),
        Work::Timed(Failing::Permille),
        Work::Timed(Failing::Percent),
    ];

    pub fn label(self) -> &'static str {
        match self {
            Work::Check => "check",
            Work::CheckSuccess => "check + success",
            Work::CheckFailure => "check + failure",
            Work::RecordFailure => "record_failure",
            Work::Snapshot => "snapshot",
            Work::Storm => "storm",
            Work::Windowed(Failing::None) => "check + success, 100 calls",
            Work::Windowed(Failing::Permille) => "check + report, 100 calls, 0.1 % fail",
            Work::Windowed(Failing::Percent) => "check + report, 100 calls, 1 % fail",
            Work::Timed(Failing::None) => "check + success, 10 s",
            Work::Timed(Failing::Permille) => "check + report, 10 s, 0.1 % fail",
            Work::Timed(Failing::Percent) => "check + report, 10 s, 1 % fail",
        }
    }

    pub fn rules(self) -> Rules {
        match self {
            Work::Storm => Rules::STORM,
            Work::Windowed(_) => Rules::WINDOWED,
            Work::Timed(_) => Rules::TIMED,
            _ => Rules::OUT_OF_REACH,
        }
    }

    /// Returns N if one of N calls fails, at random.
    pub(super) fn one_of(self) -> Option<u64> {
        match self {
            Work::Windowed(Failing::Permille) | Work::Timed(Failing::Permille) => Some(1_000),
            Work::Windowed(Failing::Percent) | Work::Timed(Failing::Percent) => Some(100),
            _ => None,
        }
    }

    /// Returns whether it leaves counts behind. A circuit holds a limited number of them, and a
    /// full one takes another path.
    pub fn fills(self) -> bool {
        matches!(self, Work::CheckFailure | Work::RecordFailure | Work::Storm)
    }

    /// Returns the calls that fill the window of a circuit, if its rule has a window of calls.
    pub fn fills_windows(self) -> Option<usize> {
        matches!(self, Work::Windowed(_)).then_some(Rules::CALLS as usize)
    }

    /// Returns whether its rounds have a length of their own.
    pub fn is_fixed(self) -> bool {
        self == Work::Storm
    }

    /// Returns the most operations that each of `threads` threads may do between two resets, as if
    /// all were on one key. A storm's rounds have exactly that length: one thread alone trips the
    /// circuit, and of several some are rejected.
    pub fn most(self, threads: usize) -> usize {
        let threshold = self.rules().failure_threshold as usize;
        match self {
            Work::Storm => threshold,
            _ if self.fills() => threshold / threads,
            _ => usize::MAX,
        }
    }
}
