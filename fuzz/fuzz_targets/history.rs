//! How bytes become settings and steps: small numbers, so that keys and deadlines meet.
#![allow(dead_code, reason = "each target uses a part")]

use arbitrary::Arbitrary;

use crate::support::model::{MAX_TIME, Outcome, Rules, TripRule};
use crate::support::ops::{CALLS, Op};
use crate::support::system::{Call, FACES, Face};

#[derive(Arbitrary, Clone, Copy, Debug)]
pub struct Settings {
    total: bool,
    failures: u8,
    timeout: u8,
    probes: u8,
    successes: u8,
    lease: u8,
}

impl Settings {
    pub fn rules(self) -> Rules {
        Rules {
            trip: if self.total {
                TripRule::Total
            } else {
                TripRule::Consecutive
            },
            failure_threshold: u64::from(self.failures % 6) + 1,
            reset_timeout: duration(self.timeout),
            half_open_max: u64::from(self.probes % 4) + 1,
            success_threshold: u64::from(self.successes % 4) + 1,
            probe_lease: duration(self.lease),
        }
    }
}

/// 1 to 64 ms, or the longest that is kept.
fn duration(byte: u8) -> u64 {
    match byte {
        u8::MAX => MAX_TIME,
        ms => u64::from(ms % 64) + 1,
    }
}

/// Of which key, and by which face.
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
pub enum Step {
    Acquire(By),
    Report(By, u8, Way),
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
    /// `rules`: those of the beginning, of which the successes that close stay.
    pub fn op(self, rules: &Rules) -> Op {
        match self {
            Step::Acquire(by) => call(by, Call::Acquire),
            Step::Report(by, permit, way) => Op::Report {
                face: by.face(),
                permit: permit.into(),
                outcome: way.outcome(),
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
            Step::Under(settings) => Op::Under(Rules {
                success_threshold: rules.success_threshold,
                ..settings.rules()
            }),
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
