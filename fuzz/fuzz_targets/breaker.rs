//! The breaker, its permits and guarded calls, against the model.
#![no_main]

mod history;
#[path = "../../tests/support/mod.rs"]
mod support;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;

use history::{By, Settings, Step, Way};
use support::breaker_pair::{BreakerOp, BreakerPair, Dropped, Guarded};

#[derive(Arbitrary, Debug)]
struct History {
    settings: Settings,
    dropped: WhenDropped,
    start: u16,
    steps: Vec<BreakerStep>,
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum WhenDropped {
    Ignored,
    Failure,
    FailureIfOlder(u8),
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Does {
    Succeed,
    Fail,
    Panic,
}

#[derive(Arbitrary, Debug)]
enum BreakerStep {
    Hold(By),
    Report(u8, Way),
    Drop(u8),
    Guard(By, Option<Way>),
    Call(By, Does),
    Replace(Settings),
    Store(Step),
}

fuzz_target!(|history: History| {
    let Settings(rules) = history.settings;
    let dropped = match history.dropped {
        WhenDropped::Ignored => Dropped::Ignored,
        WhenDropped::Failure => Dropped::Failure,
        WhenDropped::FailureIfOlder(ms) => Dropped::FailureIfOlder(u64::from(ms) + 1),
    };
    let mut pair = BreakerPair::new(rules, dropped, history.start.into());
    for step in history.steps {
        pair.apply(match step {
            BreakerStep::Hold(by) => BreakerOp::Hold {
                key: by.key(),
                by_handle: by.handle(),
            },
            BreakerStep::Report(permit, way) => BreakerOp::Report {
                permit: permit.into(),
                outcome: way.outcome(),
            },
            BreakerStep::Drop(permit) => BreakerOp::Drop {
                permit: permit.into(),
            },
            BreakerStep::Guard(by, way) => BreakerOp::Guard {
                key: by.key(),
                by_handle: by.handle(),
                outcome: way.map(Way::outcome),
            },
            BreakerStep::Call(by, does) => BreakerOp::Call {
                key: by.key(),
                by_handle: by.handle(),
                does: match does {
                    Does::Succeed => Guarded::Succeed,
                    Does::Fail => Guarded::Fail,
                    Does::Panic => Guarded::Panic,
                },
            },
            BreakerStep::Replace(Settings(other)) => BreakerOp::Replace(other.after(&rules)),
            BreakerStep::Store(step) => BreakerOp::Store(step.op(&rules)),
        });
    }
});
