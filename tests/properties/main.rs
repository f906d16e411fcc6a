//! Random histories: the crate answers like the reference model, and obeys its laws.

mod laws;
#[path = "../support/mod.rs"]
mod support;

use proptest::prelude::*;
use proptest::sample::select;

use laws::Laws;
use support::breaker_pair::{BreakerOp, BreakerPair, Dropped, Guarded};
use support::model::{FailureCounting, MAX_TIME, More, Outcome, Rules, Told, Window};
use support::ops::{CALLS, KEYS, Op};
use support::pair::Pair;
use support::system::{Call, FACES, Face};

const START: u64 = 1_000;
/// Steps around these matter, so time moves by them and by one ms less or more.
const DURATIONS: [u64; 3] = [1, 10, 100];

fn rules() -> impl Strategy<Value = Rules> {
    (
        select(vec![FailureCounting::Consecutive, FailureCounting::Total]),
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
                more: More::default(),
            },
        )
}

/// Generates settings that only few rules have.
fn more() -> impl Strategy<Value = More> {
    let window = select(vec![
        None,
        Some(Window::Calls(1)),
        Some(Window::Calls(5)),
        Some(Window::Calls(20)),
        Some(Window::Ms(200)),
        Some(Window::Ms(1_000)),
    ]);
    let rate = || select(vec![0, 0, 1, 34, 50, 100]);
    let trip = (
        window,
        1u64..6,
        0u64..6,
        rate(),
        rate(),
        select(vec![5, 20]),
    );
    let hung = (0u64..3, select(&DURATIONS[..]));
    let open = (
        select(vec![1_000, 1_500, 2_000, 100_000]),
        select(vec![10, 150, 5_000, MAX_TIME]),
        select(&DURATIONS[..]),
        select(vec![0, 50, MAX_TIME]),
    );
    let probe_rate = proptest::option::of((1u64..5, 1u64..=100));
    let half_open = (
        0u64..3,
        probe_rate,
        select(vec![0, 0, 10, 100]),
        any::<bool>(),
    );
    (trip, hung, open, half_open).prop_map(|(trip, hung, open, half_open)| More {
        window: trip.0,
        minimum_calls: trip.1,
        failures_in_window: trip.2,
        failure_rate: trip.3,
        slow_rate: trip.4,
        slow_ms: trip.5,
        hung_calls: hung.0,
        hung_ms: hung.1,
        factor: open.0,
        timeout_max: open.1,
        stable_after: open.2,
        retry_after_max: open.3,
        probe_failures_allowed: half_open.0,
        probe_rate: half_open.1,
        half_open_timeout: half_open.2,
        then_close: half_open.3,
        cap: None,
    })
}

/// Generates any rules.
fn full_rules() -> impl Strategy<Value = Rules> {
    (rules(), more()).prop_map(|(rules, more)| Rules { more, ..rules }.valid())
}

/// Generates any rules that keep the settings which probes and calls in flight have met.
fn other_rules(rules: Rules, other: Rules) -> Rules {
    let (kept, more) = (rules.more, other.more);
    let more = More {
        probe_rate: kept.probe_rate,
        probe_failures_allowed: kept.probe_failures_allowed,
        ..more
    };
    Rules {
        // Lowered while probes are in flight, it leaves open which of them closes.
        success_threshold: rules.success_threshold,
        more,
        ..other
    }
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
                Op::Under(other) => Op::Under(other_rules(rules, other)),
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
                BreakerOp::Replace(other) => BreakerOp::Replace(other_rules(rules, other)),
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

/// Generates any rules, and perhaps a cap on the share of the keys that may be open.
fn capped_rules() -> impl Strategy<Value = Rules> {
    let cap = select(vec![None, Some(1), Some(2), Some(3)]);
    (full_rules(), cap).prop_map(|(rules, cap)| Rules {
        more: More { cap, ..rules.more },
        ..rules
    })
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
