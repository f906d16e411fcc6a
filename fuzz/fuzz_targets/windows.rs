//! Rules over windows of any size, with an arbitrary clock, against the model's list of calls.
#![no_main]

mod history;
#[path = "../../tests/support/mod.rs"]
mod support;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;

use support::model::{More, Outcome, Rules, Told, Window};
use support::ops::Op;
use support::pair::Pair;
use support::system::{Call, FACES};

#[derive(Arbitrary, Debug)]
struct Input {
    by_time: bool,
    size: u16,
    minimum: u8,
    failures: u16,
    failure_rate: u8,
    slow_rate: u8,
    start: u32,
    steps: Vec<Step>,
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Step {
    Call { face: u8, failed: bool, slow: bool },
    Calls { many: u8, failed: bool, slow: bool },
    Advance(u16),
    Back(u16),
    Reset,
}

const SLOW: u64 = 100;

fuzz_target!(|input: Input| {
    let size = u64::from(input.size);
    let percent = |byte: u8| u64::from(byte) % 101;
    let rules = Rules {
        failure_threshold: 1_000_000,
        reset_timeout: 1,
        more: More {
            window: Some(if input.by_time {
                // Buckets wide enough for the ticks of all times not to wrap.
                Window::Ms((size + 20) * 10)
            } else {
                Window::Calls(size % 1_000 + 1)
            }),
            minimum_calls: u64::from(input.minimum) + 1,
            failures_in_window: u64::from(input.failures) % 200,
            failure_rate: percent(input.failure_rate),
            slow_rate: percent(input.slow_rate),
            slow_ms: SLOW,
            ..More::NONE
        },
        ..Rules::default()
    }
    .valid();
    let mut now = u64::from(input.start);
    let mut pair = Pair::new(rules, now);
    let call = |pair: &mut Pair, face: u8, failed: bool, slow: bool| {
        let face = FACES[usize::from(face) % FACES.len()];
        pair.apply(Op::Call {
            face,
            key: 1,
            call: Call::Acquire,
        });
        let outcome = if failed {
            Outcome::Failure
        } else {
            Outcome::Success
        };
        pair.apply(Op::Report {
            face,
            permit: 0,
            told: Told {
                outcome,
                took: if slow { SLOW } else { 0 },
                retry_after: 0,
            },
        });
    };
    for step in input.steps {
        match step {
            Step::Call { face, failed, slow } => call(&mut pair, face, failed, slow),
            Step::Calls { many, failed, slow } => {
                (0..many).for_each(|_| call(&mut pair, 0, failed, slow));
            }
            Step::Advance(ms) => now += u64::from(ms),
            Step::Back(ms) => now = now.saturating_sub(ms.into()),
            Step::Reset => pair.apply(Op::Call {
                face: FACES[0],
                key: 1,
                call: Call::Reset,
            }),
        }
        pair.set_now(now);
    }
});
