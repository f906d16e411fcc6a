//! Settings and steps from bytes: small numbers, so that keys and deadlines coincide.
#![allow(dead_code, reason = "each target uses a part")]

use arbitrary::{Arbitrary, Result, Unstructured};

use crate::support::choices::Choices;
use crate::support::model::{self, MAX_TIME, Outcome, Rules};
use crate::support::ops::{CALLS, Op};
use crate::support::system::{Call, FACES, Face};

/// Rules of any settings, within the ranges that can be built.
#[derive(Clone, Copy, Debug)]
pub struct Settings(pub Rules);

impl<'a> Arbitrary<'a> for Settings {
    fn arbitrary(bytes: &mut Unstructured<'a>) -> Result<Self> {
        // After its end the input holds zeros.
        let mut byte = || bytes.arbitrary().unwrap_or(0);
        let choices = &mut Choices::many(&mut byte);
        Ok(Settings(Rules::any(choices)))
    }
}

/// The key of a call, and its form.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub struct By(u8);

impl By {
    pub fn key(self) -> usize {
        usize::from(self.0 & 3)
    }

    pub fn face(self) -> Face {
        FACES[usize::from(self.0 >> 2) % FACES.len()]
    }

    pub fn handle(self) -> bool {
        self.face() == Face::Handle
    }
}

#[derive(Arbitrary, Clone, Copy, Debug)]
pub enum Way {
    Success,
    Failure,
    Ignored,
}

impl Way {
    pub fn outcome(self) -> Outcome {
        match self {
            Way::Success => Outcome::Success,
            Way::Failure => Outcome::Failure,
            Way::Ignored => Outcome::Ignored,
        }
    }
}

#[derive(Arbitrary, Clone, Copy, Debug)]
pub struct Told {
    way: Way,
    took: u8,
    retry_after: u8,
}

impl Told {
    fn told(self) -> model::Told {
        model::Told {
            outcome: self.way.outcome(),
            took: self.took.into(),
            retry_after: match self.retry_after {
                u8::MAX => MAX_TIME,
                ms => ms.into(),
            },
        }
    }
}

#[derive(Arbitrary, Clone, Copy, Debug)]
pub enum Step {
    Acquire(By),
    Report(By, u8, Told),
    Release(By, u8),
    Call(By, u8),
    Burst(By, bool, u8),
    Pin(By),
    Unpin(By),
    Advance(u8),
    AdvanceMuch(u32),
    SetNow(u64),
    Jump(i8),
    Under(Settings),
}

impl Step {
    /// Returns the step. `rules` are those of the beginning, whose successes that close stay.
    pub fn op(self, rules: &Rules) -> Op {
        match self {
            Step::Acquire(by) => call(by, Call::Acquire),
            Step::Report(by, permit, told) => Op::Report {
                face: by.face(),
                permit: permit.into(),
                told: told.told(),
            },
            Step::Release(by, permit) => Op::Release {
                face: by.face(),
                permit: permit.into(),
            },
            Step::Call(by, which) => call(by, CALLS[usize::from(which) % CALLS.len()]),
            Step::Burst(by, failures, times) => Op::Burst {
                key: by.key(),
                call: if failures {
                    Call::RecordFailure
                } else {
                    Call::RecordSuccess
                },
                times: times.into(),
            },
            Step::Pin(by) => Op::Pin { key: by.key() },
            Step::Unpin(by) => Op::Unpin { key: by.key() },
            Step::Advance(ms) => Op::Advance { ms: ms.into() },
            Step::AdvanceMuch(ms) => Op::Advance { ms: ms.into() },
            Step::SetNow(ms) => Op::SetNow { ms },
            Step::Jump(ms) => Op::SetNow {
                ms: MAX_TIME.saturating_add_signed(ms.into()),
            },
            Step::Under(Settings(other)) => Op::Under(other.after(rules).uncapped()),
        }
    }
}

fn call(by: By, call: Call) -> Op {
    Op::Call {
        face: by.face(),
        key: by.key(),
        call,
    }
}
