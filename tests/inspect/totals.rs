//! The counts of calls: by circuit, and in total.

#[cfg(feature = "tokio")]
use std::future::{pending, ready};
#[cfg(feature = "tokio")]
use std::sync::Arc;
use std::time::Duration;

#[cfg(feature = "tokio")]
use breakerbox::{AsyncCircuitBreaker, CallError, CircuitBreaker, InMemoryCircuitBreakerStore};
use breakerbox::{
    Cause, CircuitState, DroppedPermit, EjectionCap, FailureCounting, Forced, Group, PolicyBuilder,
    PolicySet, Reported, SlidingWindow, Steering,
};

use super::{breaker, fail, policy, stats};
use CircuitState::{Closed, Open};

#[test]
fn rejections_are_counted_by_key() {
    let shadow = policy(|p| p.shadow(true));
    let set = PolicySet::new(policy(|p| p)).prefix("quiet/", shadow);
    let (breaker, _) = breaker(set);
    for key in ["a", "b", "quiet/c"] {
        fail(&breaker, key);
    }
    for (key, calls) in [("a", 3), ("b", 2), ("quiet/c", 4)] {
        for _ in 0..calls {
            let _ = breaker.acquire(key).map(|permit| permit.ignore());
        }
    }
    let a = breaker.circuit("a").unwrap();
    assert!(a.acquire().is_err());
    assert!(breaker.store().acquire("b", &policy(|p| p)).is_err());
    let counts = |key| {
        let seen = stats(&breaker, key);
        (seen.rejected, seen.shadowed)
    };
    assert_eq!(counts("a"), (4, 0));
    assert_eq!(counts("b"), (3, 0));
    assert_eq!(counts("quiet/c"), (0, 4));
    let totals = breaker.totals();
    assert_eq!((totals.rejected, totals.shadowed), (7, 4));
    assert_eq!(totals.rejected, breaker.store().rejections());
    assert_eq!(totals.shadowed, breaker.shadowed());

    // The bare store has no shadow, so it rejects.
    assert!(breaker.store().acquire("quiet/c", &shadow).is_err());
    assert_eq!(counts("quiet/c"), (1, 4));

    let mut all = Vec::new();
    breaker.for_each_stats(|key, seen| all.push((key.clone(), seen)));
    all.sort_by(|one, other| one.0.cmp(&other.0));
    let one_by_one = ["a", "b", "quiet/c"].map(|key| (key.to_owned(), stats(&breaker, key)));
    assert_eq!(all, one_by_one);

    // A handle keeps its circuit's counts over a reset; without one they begin anew.
    breaker.store().reset("a");
    breaker.store().reset("b");
    fail(&breaker, "a");
    fail(&breaker, "b");
    assert_eq!((counts("a"), counts("b")), ((4, 0), (0, 0)));
}

/// A forced state rejects without asking the circuit.
#[test]
fn forced_rejections_count_in_total() {
    let closed = policy(|p| p.forced(Forced::Open));
    let set = PolicySet::new(policy(|p| p)).prefix("closed/", closed);
    let (breaker, _) = breaker(set);
    breaker.store().get_state("closed/a");
    assert!(breaker.acquire("closed/a").is_err());
    let b = breaker.circuit("by-hand/b").unwrap();
    let _ = breaker.steer_prefix("by-hand/", Steering::ForceOpen);
    assert!(breaker.acquire("by-hand/b").is_err());
    assert!(b.acquire().is_err());
    assert_eq!(breaker.totals().rejected, 3);
    assert_eq!(stats(&breaker, "closed/a").rejected, 0);
    assert_eq!(stats(&breaker, "by-hand/b").rejected, 0);

    // A circuit that is forced open by its own key counts its rejections itself.
    let _ = breaker.force_open("c");
    assert!(breaker.acquire("c").is_err());
    assert_eq!(stats(&breaker, "c").rejected, 1);
}

#[test]
fn openings_are_counted_by_cause() {
    let window = |p: PolicyBuilder| {
        p.failure_threshold(1_000)
            .sliding_window(SlidingWindow::Calls(10))
    };
    let second = Duration::from_secs(1);
    let hung = policy(|p| {
        p.failure_threshold(1_000)
            .hung_calls(1)
            .hung_call_duration(second)
    });
    let pair = ["of a pair", "held back"].map(String::from);
    let pair = Group::of(pair, EjectionCap::AllButOne).unwrap();
    let set = PolicySet::new(policy(|p| p))
        .key(
            "total-failures".into(),
            policy(|p| p.failure_counting(FailureCounting::TotalFailures)),
        )
        .key(
            "failures-in-window".into(),
            policy(|p| window(p).failures_in_window(1)),
        )
        .key(
            "failure-rate".into(),
            policy(|p| window(p).failure_rate_threshold(1).minimum_calls(1)),
        )
        .key(
            "slow-call-rate".into(),
            policy(|p| {
                window(p)
                    .slow_call_rate_threshold(1)
                    .slow_call_duration(Duration::from_millis(1))
                    .minimum_calls(1)
            }),
        )
        .key("hung-calls".into(), hung)
        .key(
            "half-open-timeout".into(),
            policy(|p| p.half_open_timeout(second)),
        )
        .group("pair", pair);
    let (breaker, clock) = breaker(set);
    let opened = |label: &str| breaker.totals().opened.by(label);
    for key in [
        "consecutive-failures",
        "total-failures",
        "failures-in-window",
        "failure-rate",
    ] {
        fail(&breaker, key);
        assert_eq!(opened(key), 1, "{key}");
    }
    let slow = breaker.acquire("slow-call-rate").unwrap();
    clock.advance_ms(1);
    let _ = slow.success();
    assert_eq!(opened("slow-call-rate"), 1);
    let _hangs = breaker.acquire("hung-calls").unwrap();
    clock.advance(second);
    assert!(breaker.acquire("hung-calls").is_err());
    assert_eq!(opened("hung-calls"), 1);

    fail(&breaker, "half-open-timeout");
    clock.advance_ms(30_000);
    let _probe = breaker.acquire("half-open-timeout").unwrap();
    clock.advance(second);
    assert!(breaker.acquire("half-open-timeout").is_err());
    assert_eq!(opened("half-open-timeout"), 1);

    fail(&breaker, "consecutive-failures");
    assert_eq!(opened("probes-failed"), 1);
    breaker.store().transition("manual", Open);
    let _ = breaker.force_open("manual");
    breaker.store().transition("manual", Closed);
    assert_eq!(opened("manual"), 2, "forced open counts too");

    fail(&breaker, "of a pair");
    fail(&breaker, "held back");
    let totals = breaker.totals();
    assert_eq!(totals.held_back, 1);
    assert_eq!(totals.opened.total(), 12);
    assert_eq!(
        totals.opened.iter().map(|(_, count)| count).sum::<u64>(),
        12
    );
    assert_eq!(opened("reset-timeout"), 0, "it opens no circuit");
    for (label, _) in totals.opened.iter() {
        assert!(Cause::LABELS.contains(&label));
    }
}

#[test]
fn the_ends_of_calls_are_counted() {
    let failure = policy(|p| p.dropped_permit(DroppedPermit::Failure));
    let set = PolicySet::new(policy(|p| p.failure_threshold(2))).key("drops".into(), failure);
    let (breaker, _) = breaker(set);
    let late = breaker.acquire("k").unwrap();
    let later = breaker.acquire_owned("k").unwrap();
    let ignored = breaker.circuit("k").unwrap();
    let ignored = ignored.acquire_owned().unwrap();
    fail(&breaker, "k");
    fail(&breaker, "k");
    assert_eq!(late.failure(), Reported::Stale);
    assert_eq!(later.success(), Reported::Stale);
    assert_eq!(ignored.ignore(), Reported::Stale);
    let totals = breaker.totals();
    assert_eq!((totals.failed, totals.stale, totals.dropped), (3, 3, 0));

    drop(breaker.acquire("other").unwrap());
    drop(breaker.acquire_owned("other").unwrap());
    drop(breaker.circuit("other").unwrap().acquire().unwrap());
    assert_eq!((breaker.totals().dropped, breaker.totals().failed), (3, 3));
    drop(breaker.acquire("drops").unwrap());
    assert_eq!(stats(&breaker, "drops").snapshot.state, Open);
    assert_eq!((breaker.totals().dropped, breaker.totals().failed), (4, 4));
    let _ = breaker.acquire("other").unwrap().success();
    let _ = breaker.acquire("other").unwrap().ignore();
    let _ = breaker.clone().call("other", || Err::<(), _>(()));
    let totals = breaker.totals();
    assert_eq!((totals.dropped, totals.failed), (4, 5));
    assert_eq!(
        (totals.timed_out, totals.evicted, totals.untracked),
        (0, 0, 0)
    );
}

#[cfg(feature = "tokio")]
#[tokio::test(start_paused = true)]
async fn calls_that_take_too_long_are_counted() {
    let second = Duration::from_secs(1);
    let builder = CircuitBreaker::<String>::builder();
    let breaker = builder.call_timeout(second).build().unwrap();
    let hangs = breaker.call_async("k", pending::<Result<(), ()>>());
    assert_eq!(hangs.await, Err(CallError::TimedOut(second)));
    let handle = breaker.circuit("k").unwrap();
    let hangs = handle.call_async(pending::<Result<(), ()>>());
    assert_eq!(hangs.await, Err(CallError::TimedOut(second)));
    assert!(
        breaker
            .call_async("k", ready(Ok::<_, ()>(())))
            .await
            .is_ok()
    );
    // Cancelled from outside, a call counts as dropped.
    let cancelled = breaker.call_async("k", pending::<Result<(), ()>>());
    let _ = tokio::time::timeout(second / 2, cancelled).await;
    let totals = breaker.totals();
    assert_eq!((totals.timed_out, totals.failed, totals.dropped), (2, 2, 1));
}

#[cfg(feature = "tokio")]
#[tokio::test(start_paused = true)]
async fn a_breaker_over_any_store_counts_its_calls() {
    let second = Duration::from_secs(1);
    let store = Arc::new(InMemoryCircuitBreakerStore::<String>::new());
    let set = PolicySet::new(policy(|p| p)).prefix("quiet/", policy(|p| p.shadow(true)));
    let breaker = AsyncCircuitBreaker::<str>::builder(store)
        .policy(set)
        .call_timeout(second)
        .build()
        .unwrap();
    let late = breaker.acquire("k").await.unwrap();
    let hangs = breaker.call_async("k", pending::<Result<(), ()>>());
    assert_eq!(hangs.await, Err(CallError::TimedOut(second)));
    assert_eq!(late.success().await, Some(Reported::Stale));
    assert!(breaker.acquire("k").await.is_err());
    breaker.acquire("quiet/k").await.unwrap().failure().await;
    let untracked = breaker.acquire("quiet/k").await.unwrap();
    assert!(untracked.is_untracked());
    drop(untracked);
    drop(breaker.acquire("other").await.unwrap());
    let totals = breaker.clone().totals();
    let calls = (
        totals.failed,
        totals.timed_out,
        totals.stale,
        totals.dropped,
    );
    assert_eq!(calls, (2, 1, 1, 1));
    assert_eq!((totals.rejected, totals.shadowed), (1, 1));
    assert_eq!(totals.opened.total(), 0, "known to the store");
}

/// Each rejection counts, whether in place or in shards.
#[test]
fn rejections_by_many_threads_are_all_counted() {
    let (breaker, _) = breaker(policy(|p| p));
    fail(&breaker, "k");
    let each = if cfg!(miri) { 20 } else { 20_000 };
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let handle = breaker.circuit("k").unwrap();
                for _ in 0..each {
                    assert!(breaker.acquire("k").is_err() && handle.acquire().is_err());
                }
            });
        }
    });
    assert_eq!(stats(&breaker, "k").rejected, 8 * each);
    assert_eq!(breaker.totals().rejected, 8 * each);
}
