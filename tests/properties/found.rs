//! Histories that properties once failed for, kept as steps: a seed means another history as soon as
//! a strategy changes.

use crate::support::breaker_pair::{BreakerOp, BreakerPair, Dropped, Guarded};
use crate::support::model::{MAX_TIME, More, Outcome, Rules, Told, Window};
use crate::support::ops::Op;
use crate::support::pair::Pair;
use crate::support::system::{Call, FACES, Face};

use crate::START;

fn rules(failure_threshold: u64) -> Rules {
    Rules {
        failure_threshold,
        reset_timeout: 1,
        probe_lease: 1,
        ..Rules::default()
    }
}

fn acquire(key: usize) -> Op {
    let (face, call) = (Face::Keyed, Call::Acquire);
    Op::Call { face, key, call }
}

fn failure(permit: usize) -> Op {
    let (face, told) = (Face::Keyed, Told::from(Outcome::Failure));
    Op::Report { face, permit, told }
}

const TO_THE_END: [Op; 2] = [Op::SetNow { ms: MAX_TIME - 5 }, Op::Advance { ms: 9 }];

#[test]
fn a_breaker_past_the_end_of_time() {
    let mut pair = BreakerPair::new(rules(1), Dropped::Ignored, START);
    let (key, by_handle) = (2, false);
    pair.apply(BreakerOp::Store(Op::SetNow { ms: MAX_TIME + 5 }));
    pair.apply(BreakerOp::Call {
        key,
        by_handle,
        does: Guarded::Fail,
    });
    pair.apply(BreakerOp::Hold { key, by_handle });
}

#[test]
fn a_failure_past_the_end_of_time() {
    let [set, advance] = TO_THE_END;
    for history in [
        [set, advance, acquire(0), failure(0), acquire(0)],
        [acquire(0), set, advance, failure(0), acquire(0)],
    ] {
        let mut pair = Pair::new(rules(1), START);
        history.into_iter().for_each(|op| pair.apply(op));
    }
}

#[test]
fn probes_that_take_longer_than_their_leases() {
    let mut pair = Pair::new(rules(2), START);
    for op in [
        acquire(2),
        failure(0),
        acquire(2),
        acquire(0),
        failure(4_164_465_043_329_229_560),
        acquire(0),
        acquire(0),
        acquire(0),
        Op::Advance { ms: 1 },
        acquire(0),
        acquire(0),
        acquire(2),
        Op::Advance { ms: 1 },
        acquire(2),
    ] {
        pair.apply(op);
    }
}

/// The request of the upstream comes with the quick success that completes the minimum.
#[test]
fn a_success_that_opens_may_ask_for_a_time() {
    for (face, slow_first) in FACES
        .into_iter()
        .flat_map(|face| [(face, true), (face, false)])
    {
        let more = More {
            window: Some(Window::Ms(200)),
            minimum_calls: 2,
            slow_rate: 1,
            slow_ms: 5,
            retry_after_max: 50,
            ..More::NONE
        };
        let mut pair = Pair::new(Rules { more, ..rules(2) }, START);
        let (key, call) = (1, Call::Acquire);
        pair.apply(Op::Pin { key });
        for took in if slow_first { [5, 0] } else { [0, 5] } {
            let told = Told {
                outcome: Outcome::Success,
                took,
                retry_after: 40,
            };
            pair.apply(Op::Call { face, key, call });
            let permit = 0;
            pair.apply(Op::Report { face, permit, told });
        }
        pair.apply(Op::Call { face, key, call });
    }
}
