//! Random histories: the crate answers like the reference model, and obeys its laws.

mod found;
mod laws;
#[path = "../support/mod.rs"]
mod support;

use proptest::prelude::*;
use proptest::sample::select;

use laws::Laws;
use support::breaker_pair::{BreakerOp, BreakerPair, Dropped, Guarded};
use support::choices::Choices;
use support::model::{DURATIONS, MAX_TIME, Outcome, Rules, Told};
use support::ops::{CALLS, KEYS, Op};
use support::pair::Pair;
use support::system::{Call, FACES, Face};

const START: u64 = 1_000;

/// Generates rules by their choices.
fn chosen(rules: fn(&mut Choices<'_>) -> Rules) -> impl Strategy<Value = Rules> {
    prop::collection::vec(any::<u8>(), 64).prop_map(move |bytes| {
        let mut bytes = bytes.into_iter();
        let mut byte = || bytes.next().expect("the rules take no more bytes");
        rules(&mut Choices::few(&mut byte))
    })
}

/// Generates rules without the settings that only few have.
fn rules() -> impl Strategy<Value = Rules> {
    chosen(Rules::plain)
}

/// Generates any rules that a store can have by itself.
fn full_rules() -> impl Strategy<Value = Rules> {
    capped_rules().prop_map(Rules::uncapped)
}

/// Generates any rules, and perhaps a cap on the share of the keys that may be open.
fn capped_rules() -> impl Strategy<Value = Rules> {
    chosen(Rules::any)
}

fn told() -> impl Strategy<Value = Told> {
    let took = select(vec![0, 0, 4, 5, 19, 20, 1_000]);
    let retry_after = select(vec![0, 0, 0, 40, 60, u64::MAX / 4]);
    (outcome(), took, retry_after).prop_map(|(outcome, took, retry_after)| Told {
        outcome,
        took,
        retry_after,
    })
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
    let report = (face(), any::<usize>(), told()).prop_map(|(face, permit, told)| Op::Report {
        face,
        permit,
        told,
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
    ProptestConfig {
        cases: if cfg!(debug_assertions) {
            2_048
        } else {
            20_000
        },
        // Enough for the bytes of the rules and then for the steps.
        max_shrink_iters: 20_000,
        ..ProptestConfig::default()
    }
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

    #[test]
    fn the_store_is_its_model_under_every_rule(
        rules in full_rules(),
        ops in prop::collection::vec(op(), 1..80),
    ) {
        let mut pair = Pair::new(rules, START);
        for op in ops {
            pair.apply(op);
        }
    }

    /// The rough clock is late, as a kernel's may be.
    #[test]
    fn the_store_is_its_model_by_a_rough_clock(
        rules in full_rules(),
        lag in 1..=10_u64,
        ops in prop::collection::vec(op(), 1..80),
    ) {
        let mut pair = Pair::lagging(rules, START, lag);
        for op in ops {
            pair.apply(op);
        }
    }

    /// With a single key no report may be lost, so the model allows no exception.
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
    fn the_store_is_its_model_while_its_policy_changes(
        rules in rules(),
        ops in prop::collection::vec(prop_oneof![
            4 => op(),
            1 => rules_with_other_limits(),
        ], 1..80),
    ) {
        let mut pair = Pair::new(rules, START);
        for op in ops {
            pair.apply(match op {
                Op::Under(other) => Op::Under(other.after(&rules)),
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
    fn the_breaker_is_its_model_while_its_policies_are_replaced(
        rules in capped_rules(),
        dropped in dropped(),
        ops in prop::collection::vec(prop_oneof![
            6 => breaker_op(),
            1 => capped_rules().prop_map(BreakerOp::Replace),
        ], 1..80),
    ) {
        let mut pair = BreakerPair::new(rules, dropped, START);
        for op in ops {
            pair.apply(match op {
                BreakerOp::Replace(other) => BreakerOp::Replace(other.after(&rules)),
                op => op,
            });
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
