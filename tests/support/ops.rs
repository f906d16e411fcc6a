//! Random histories that the property tests and the fuzz targets run on a store and its model.

use super::model::{Rules, State, Told};
use super::pair::Pair;
use super::system::{Call, Face};

pub const KEYS: [&str; 4] = ["", "a", "b", "c"];

/// One step of a history. Any numbers are valid: keys and permits wrap around.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Op {
    Call {
        face: Face,
        key: usize,
        call: Call,
    },
    /// Many records of failures or successes.
    Burst {
        key: usize,
        call: Call,
        times: u16,
    },
    Report {
        face: Face,
        permit: usize,
        told: Told,
    },
    Release {
        face: Face,
        permit: usize,
    },
    Pin {
        key: usize,
    },
    Unpin {
        key: usize,
    },
    Advance {
        ms: u64,
    },
    /// Sets the time, backwards too.
    SetNow {
        ms: u64,
    },
    /// Another policy, with the same number of successes that close.
    Under(Rules),
}

/// Calls that take no permit.
pub const CALLS: [Call; 13] = [
    Call::Acquire,
    Call::GetState,
    Call::RecordSuccess,
    Call::RecordFailure,
    Call::Transition(State::Closed),
    Call::Transition(State::Open),
    Call::Transition(State::HalfOpen),
    Call::Transition(State::ForcedOpen),
    Call::Transition(State::Disabled),
    Call::Reset,
    Call::Clear,
    Call::Destroy,
    Call::Peek,
];

impl Pair {
    /// Runs one step on both; panics where they differ.
    pub fn apply(&mut self, op: Op) {
        match op {
            Op::Call { face, key, call } => {
                self.call(face, name(key), call);
            }
            Op::Burst { key, call, times } => {
                for _ in 0..times {
                    self.answer(Face::Keyed, name(key), call);
                }
                self.compare();
            }
            Op::Report { face, permit, told } => {
                self.report(face, permit, |number| Call::Tell(number, told))
            }
            Op::Release { face, permit } => self.report(face, permit, Call::Release),
            Op::Pin { key } => self.pin(name(key)),
            Op::Unpin { key } => self.unpin(name(key)),
            Op::Advance { ms } => self.advance(ms),
            Op::SetNow { ms } => self.set_now(ms),
            Op::Under(rules) => self.set_rules(rules),
        }
    }
}

pub fn name(key: usize) -> &'static str {
    KEYS[key % KEYS.len()]
}
