//! Random histories: the crate answers like the reference model, and keeps its laws.

mod laws;
#[path = "../support/mod.rs"]
mod support;

use proptest::prelude::*;
use proptest::sample::select;

use laws::Laws;
use support::breaker_pair::{BreakerOp, BreakerPair, Dropped, Guarded};
use support::model::{MAX_TIME, Outcome, Rules, TripRule};
use support::ops::{CALLS, KEYS, Op};
use support::pair::Pair;
use support::system::{Call, FACES, Face};

const START: u64 = 1_000;
/// Steps around these matter, so time moves by them and by one ms less or more.
const DURATIONS: [u64; 3] = [1, 10, 100];

fn rules() -> impl Strategy<Value = Rules> {
    (
        select(vec![TripRule::Consecutive, TripRule::Total]),
        1u64..5,
        select(&DURATIONS[..]),
        1u64..4,
        1u64..4,
        select(&DURATIONS[..]),
    )
        .prop_map(
            |(trip, failures, reset_timeout, probes, successes, probe_lease)| Rules {
                trip,
                failure_threshold: failures,
                reset_timeout,
                half_open_max: probes,
                success_threshold: successes,
                probe_lease,
            },
        )
}

fn outcome() -> impl Strategy<Value = Outcome> {
    select(vec![
        Outcome::Success,
        Outcome::Failure,
        Outcome::Failure,
        Outcome::Ignored,
    ])
}

fn key() -> impl Strategy<Value = usize> {
    0..KEYS.len()
}

fn face() -> impl Strategy<Value = Face> {
    select(&FACES[..])
}

fn time() -> impl Strategy<Value = Op> {
    let steps = DURATIONS
        .iter()
        .flat_map(|ms| [ms - 1, *ms, ms + 1])
        .collect::<Vec<_>>();
    let jumps = vec![0, 1, START, MAX_TIME - 5, MAX_TIME, MAX_TIME + 5, u64::MAX];
    prop_oneof![
        20 => select(steps).prop_map(|ms| Op::Advance { ms }),
        1 => select(jumps).prop_map(|ms| Op::SetNow { ms }),
        1 => (0..3 * START).prop_map(|ms| Op::SetNow { ms }),
    ]
}

fn op() -> impl Strategy<Value = Op> {
    let acquire = (face(), key()).prop_map(|(face, key)| Op::Call {
        face,
        key,
        call: Call::Acquire,
    });
    let call = (face(), key(), select(&CALLS[..])).prop_map(|(face, key, call)| Op::Call {
        face,
        key,
        call,
    });
    let report =
        (face(), any::<usize>(), outcome()).prop_map(|(face, permit, outcome)| Op::Report {
            face,
            permit,
            outcome,
        });
    prop_oneof![
        6 => acquire,
        5 => call,
        7 => report,
        1 => (face(), any::<usize>()).prop_map(|(face, permit)| Op::Release { face, permit }),
        1 => key().prop_map(|key| Op::Pin { key }),
        1 => key().prop_map(|key| Op::Unpin { key }),
        3 => time(),
    ]
}

fn breaker_op() -> impl Strategy<Value = BreakerOp> {
    let by = any::<bool>;
    prop_oneof![
        4 => (key(), by()).prop_map(|(key, by_handle)| BreakerOp::Hold { key, by_handle }),
        3 => (any::<usize>(), outcome())
            .prop_map(|(permit, outcome)| BreakerOp::Report { permit, outcome }),
        2 => any::<usize>().prop_map(|permit| BreakerOp::Drop { permit }),
        3 => (key(), by(), proptest::option::of(outcome()))
            .prop_map(|(key, by_handle, outcome)| BreakerOp::Guard { key, by_handle, outcome }),
        3 => (key(), by(), select(vec![Guarded::Succeed, Guarded::Fail, Guarded::Panic]))
            .prop_map(|(key, by_handle, does)| BreakerOp::Call { key, by_handle, does }),
        3 => op().prop_map(BreakerOp::Store),
        3 => time().prop_map(BreakerOp::Store),
    ]
}

fn dropped() -> impl Strategy<Value = Dropped> {
    select(vec![
        Dropped::Ignored,
        Dropped::Failure,
        Dropped::FailureIfOlder(10),
    ])
}

fn cases() -> ProptestConfig {
    ProptestConfig::with_cases(if cfg!(debug_assertions) { 256 } else { 2_048 })
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn the_store_is_its_model(
        rules in rules(),
        ops in prop::collection::vec(op(), 1..80),
    ) {
        let mut pair = Pair::new(rules, START);
        for op in ops {
            pair.apply(op);
        }
    }

    /// Without another key nothing may be lost, so the model allows no exception.
    #[test]
    fn the_store_is_its_model_exactly_for_one_key(
        rules in rules(),
        ops in prop::collection::vec(op(), 1..80),
    ) {
        let mut pair = Pair::new(rules, START);
        for op in ops {
            pair.apply(of_one_key(op));
        }
        prop_assert_eq!(pair.lost, 0);
    }

    #[test]
    fn the_store_is_its_model_while_its_limits_change(
        rules in rules(),
        ops in prop::collection::vec(prop_oneof![
            4 => op(),
            1 => rules_with_other_limits(),
        ], 1..80),
    ) {
        let mut pair = Pair::new(rules, START);
        for op in ops {
            pair.apply(match op {
                // Lowered under probes that are out, it is not said who closes.
                Op::Under(other) => Op::Under(Rules {
                    success_threshold: rules.success_threshold,
                    ..other
                }),
                op => op,
            });
        }
    }

    #[test]
    fn the_breaker_is_its_model(
        rules in rules(),
        dropped in dropped(),
        ops in prop::collection::vec(breaker_op(), 1..80),
    ) {
        let mut pair = BreakerPair::new(rules, dropped, START);
        for op in ops {
            pair.apply(op);
        }
    }

    #[test]
    fn the_laws_hold(
        rules in rules(),
        ops in prop::collection::vec(op(), 1..120),
    ) {
        let mut laws = Laws::new(rules);
        for op in ops {
            laws.apply(op);
        }
    }
}

fn rules_with_other_limits() -> impl Strategy<Value = Op> {
    rules().prop_map(Op::Under)
}

fn of_one_key(op: Op) -> Op {
    let key = 1;
    match op {
        Op::Call { face, call, .. } => Op::Call { face, key, call },
        Op::Burst { call, times, .. } => Op::Burst { key, call, times },
        Op::Pin { .. } => Op::Pin { key },
        Op::Unpin { .. } => Op::Unpin { key },
        op => op,
    }
}
