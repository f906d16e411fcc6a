//! The works: the operations of a contender for one request.

use super::rules::Rules;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Work {
    Check,
    CheckSuccess,
    CheckFailure,
    RecordFailure,
    Snapshot,
    /// A check, and a failure if it was admitted, until the circuit trips and beyond.
    Storm,
    /// A check and a success under a rule over the last hundred calls.
    Windowed,
}

impl Work {
    pub const ALL: [Work; 7] = [
        Work::Check,
        Work::CheckSuccess,
        Work::CheckFailure,
        Work::RecordFailure,
        Work::Snapshot,
        Work::Storm,
        Work::Windowed,
    ];

    pub fn label(self) -> &'static str {
        match self {
            Work::Check => "check",
            Work::CheckSuccess => "check + success",
            Work::CheckFailure => "check + failure",
            Work::RecordFailure => "record_failure",
            Work::Snapshot => "snapshot",
            Work::Storm => "storm",
            Work::Windowed => "check + success, window",
        }
    }

    pub fn rules(self) -> Rules {
        match self {
            Work::Storm => Rules::STORM,
            Work::Windowed => Rules::WINDOWED,
            _ => Rules::OUT_OF_REACH,
        }
    }

    /// Returns whether it leaves counts behind. A circuit holds a limited number of them, and a
    /// full one takes another path.
    pub fn fills(self) -> bool {
        matches!(self, Work::CheckFailure | Work::RecordFailure | Work::Storm)
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
