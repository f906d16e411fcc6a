//! Settings and steps from bytes: small numbers, so that keys and deadlines coincide.
#![allow(dead_code, reason = "each target uses a part")]

use arbitrary::Arbitrary;

use crate::support::model::{self, MAX_TIME, More, Outcome, Rules, FailureCounting, Window};
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
    more: Option<Few>,
}

/// Settings that only few rules have.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub struct Few {
    window: Option<(bool, u8)>,
    minimum_calls: u8,
    failures_in_window: u8,
    failure_rate: u8,
    slow_rate: u8,
    slow_ms: u8,
    hung_calls: u8,
    hung_ms: u8,
    factor: u8,
    timeout_max: u8,
    stable_after: u8,
    retry_after_max: u8,
    probe_failures_allowed: u8,
    probe_rate: Option<(u8, u8)>,
    half_open_timeout: u8,
    then_close: bool,
    cap: u8,
}

impl Few {
    fn more(self) -> More {
        let percent = |byte: u8| u64::from(byte) % 101;
        More {
            window: self
                .window
                .map(|(calls, size)| match (calls, u64::from(size)) {
                    (true, size) => Window::Calls(size % 40 + 1),
                    // Buckets wide enough for the ticks of all times not to wrap.
                    (false, size) => Window::Ms((size % 40 + 20) * 10),
                }),
            minimum_calls: u64::from(self.minimum_calls) % 8 + 1,
            failures_in_window: u64::from(self.failures_in_window) % 8,
            failure_rate: percent(self.failure_rate),
            slow_rate: percent(self.slow_rate),
            slow_ms: u64::from(self.slow_ms) % 32 + 2,
            hung_calls: u64::from(self.hung_calls) % 4,
            hung_ms: duration(self.hung_ms),
            factor: 1_000 + u64::from(self.factor) * 100,
            timeout_max: duration(self.timeout_max),
            stable_after: duration(self.stable_after),
            retry_after_max: duration(self.retry_after_max),
            probe_failures_allowed: u64::from(self.probe_failures_allowed) % 4,
            probe_rate: self
                .probe_rate
                .map(|(sample, rate)| (u64::from(sample) % 6 + 1, percent(rate).max(1))),
            half_open_timeout: u64::from(self.half_open_timeout) % 64,
            then_close: self.then_close,
            cap: match self.cap % 8 {
                cap @ 1..=4 => Some(cap.into()),
                _ => None,
            },
        }
    }
}

impl Settings {
    pub fn rules(self) -> Rules {
        Rules {
            trip: if self.total {
                FailureCounting::Total
            } else {
                FailureCounting::Consecutive
            },
            failure_threshold: u64::from(self.failures % 6) + 1,
            reset_timeout: duration(self.timeout),
            half_open_max: u64::from(self.probes % 4) + 1,
            success_threshold: u64::from(self.successes % 4) + 1,
            probe_lease: duration(self.lease),
            more: self.more.map_or(More::NONE, Few::more),
        }
        .valid()
    }

    /// Returns the same rules, with only the store's own policy.
    pub fn uncapped(self) -> Rules {
        let rules = self.rules();
        let more = More {
            cap: None,
            ..rules.more
        };
        Rules { more, ..rules }
    }

    /// Returns other rules that may replace these while probes are in flight.
    pub fn after(self, rules: &Rules) -> Rules {
        let other = self.rules();
        let more = More {
            probe_rate: rules.more.probe_rate,
            probe_failures_allowed: rules.more.probe_failures_allowed,
            ..other.more
        };
        Rules {
            success_threshold: rules.success_threshold,
            more,
            ..other
        }
    }
}

/// Returns 1 to 64 ms, or the longest duration.
fn duration(byte: u8) -> u64 {
    match byte {
        u8::MAX => MAX_TIME,
        ms => u64::from(ms % 64) + 1,
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
            Step::Under(settings) => {
                let other = settings.after(rules);
                let more = More {
                    cap: None,
                    ..other.more
                };
                Op::Under(Rules { more, ..other })
            }
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
