//! Permits over a store that fails, hangs, or is slow.

use breakerbox::{CircuitState, DroppedPermit, Outcome, Policy, PolicySet, Reported};
use tokio::time::{Instant, timeout};

use crate::faulty::Fault;
use crate::{KEY, background, breaker, breaker_under, failures, ms, state};

#[tokio::test(start_paused = true)]
async fn over_a_healthy_store_it_works_as_a_breaker() {
    let (breaker, store) = breaker(|b| b);
    for _ in 0..2 {
        let permit = breaker.acquire(KEY).await.unwrap();
        assert!(!permit.is_untracked() && !permit.is_probe());
        assert_eq!(permit.failure().await, Some(Reported::Recorded));
    }
    let rejected = breaker.acquire(KEY).await.unwrap_err();
    assert_eq!(
        (rejected.state(), rejected.retry_after_secs()),
        (CircuitState::Open, 30)
    );

    store.clock.advance_ms(30_000);
    let probe = breaker.acquire(KEY).await.unwrap();
    assert!(probe.is_probe());
    assert_eq!(
        breaker.acquire(KEY).await.unwrap_err().state(),
        CircuitState::HalfOpen
    );
    assert_eq!(probe.success().await, Some(Reported::Recorded));
    assert_eq!(state(&store), Some(CircuitState::Closed));
    assert_eq!(breaker.store_failures(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_failing_store_acts_as_a_closed_circuit() {
    let (breaker, store) = breaker(|b| b);
    store.memory.transition(KEY, CircuitState::ForcedOpen);
    store.set(Fault::Fails);
    let begin = Instant::now();
    for failed in 1..=3 {
        let permit = breaker.acquire(KEY).await.unwrap();
        assert!(permit.is_untracked() && !permit.is_probe());
        assert_eq!(breaker.store_failures(), failed);
        assert_eq!(permit.failure().await, None, "there is nothing to report");
    }
    assert_eq!(begin.elapsed(), ms(0), "a failure is not waited for");
    assert_eq!(store.asked(), ["acquire"; 3]);

    store.set(Fault::None);
    assert!(
        breaker.acquire(KEY).await.is_err(),
        "healthy again, it decides again"
    );
}

#[tokio::test(start_paused = true)]
async fn a_hanging_store_is_waited_for_50_ms() {
    let (breaker, store) = breaker(|b| b);
    store.memory.transition(KEY, CircuitState::ForcedOpen);
    store.set(Fault::Hangs);
    let begin = Instant::now();
    let permit = breaker.acquire(KEY).await.unwrap();
    assert_eq!(begin.elapsed(), ms(50));
    assert!(permit.is_untracked());
    assert_eq!(breaker.store_failures(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_wait_for_the_store_can_be_set() {
    let (breaker, store) = breaker(|b| b.store_timeout(ms(7)));
    store.set(Fault::Hangs);
    let begin = Instant::now();
    assert!(breaker.acquire(KEY).await.unwrap().is_untracked());
    assert_eq!(begin.elapsed(), ms(7));
}

#[tokio::test(start_paused = true)]
async fn a_slow_answer_in_time_counts() {
    for fault in [Fault::ActsAfter(ms(49)), Fault::AnswersAfter(ms(49))] {
        let (breaker, store) = breaker(|b| b);
        store.memory.transition(KEY, CircuitState::ForcedOpen);
        store.set(fault);
        let begin = Instant::now();
        assert!(breaker.acquire(KEY).await.is_err());
        assert_eq!(begin.elapsed(), ms(49));
        assert_eq!(breaker.store_failures(), 0);
    }
}

/// The call was admitted untracked, so a probe slot that comes too late would never be reported.
#[tokio::test(start_paused = true)]
async fn a_permit_that_comes_too_late_is_given_back() {
    for fault in [Fault::ActsAfter(ms(51)), Fault::AnswersAfter(ms(51))] {
        let (breaker, store) = breaker(|b| b);
        store.memory.transition(KEY, CircuitState::HalfOpen);
        store.set(fault);
        let permit = breaker.acquire(KEY).await.unwrap();
        assert!(permit.is_untracked());
        store.set(Fault::None);
        background().await;
        assert!(
            breaker.acquire(KEY).await.is_ok(),
            "the slot is free again after {fault:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_report_is_waited_for_and_continues_in_the_background() {
    let (breaker, store) = breaker(|b| b);
    let permit = breaker.acquire(KEY).await.unwrap();
    store.set(Fault::ActsAfter(ms(200)));
    let begin = Instant::now();
    assert_eq!(permit.failure().await, None);
    assert_eq!(begin.elapsed(), ms(50));
    assert_eq!((failures(&store), breaker.store_failures()), (0, 1));
    background().await;
    assert_eq!(failures(&store), 1, "it arrived at last");
}

#[tokio::test(start_paused = true)]
async fn a_failed_report_is_counted_and_not_retried() {
    let (breaker, store) = breaker(|b| b);
    for fault in [Fault::Fails, Fault::Hangs] {
        store.set(Fault::None);
        let permit = breaker.acquire(KEY).await.unwrap();
        store.set(fault);
        assert_eq!(permit.success().await, None);
    }
    assert_eq!(breaker.store_failures(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_report_continues() {
    let (breaker, store) = breaker(|b| b);
    let permit = breaker.acquire(KEY).await.unwrap();
    store.set(Fault::ActsAfter(ms(30)));
    assert!(
        timeout(ms(10), permit.report(Outcome::Failure))
            .await
            .is_err()
    );
    background().await;
    assert_eq!(failures(&store), 1);
}

#[tokio::test(start_paused = true)]
async fn a_report_that_is_never_awaited_is_still_sent() {
    let (breaker, store) = breaker(|b| b);
    store.memory.transition(KEY, CircuitState::HalfOpen);
    let probe = breaker.acquire(KEY).await.unwrap();
    drop(probe.success());
    background().await;
    assert_eq!(state(&store), Some(CircuitState::Closed));
}

/// The caller stopped waiting, so a check that the store had begun must not keep a slot.
#[tokio::test(start_paused = true)]
async fn a_cancelled_check_takes_no_probe() {
    for fault in [Fault::ActsAfter(ms(30)), Fault::AnswersAfter(ms(30))] {
        let (breaker, store) = breaker(|b| b);
        store.memory.transition(KEY, CircuitState::HalfOpen);
        store.set(fault);
        assert!(timeout(ms(10), breaker.acquire(KEY)).await.is_err());
        store.set(Fault::None);
        background().await;
        assert!(
            breaker.acquire(KEY).await.is_ok(),
            "the slot is free after {fault:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_dropped_probe_is_given_back() {
    let (breaker, store) = breaker(|b| b);
    store.memory.transition(KEY, CircuitState::HalfOpen);
    for _ in 0..5 {
        let probe = breaker.acquire(KEY).await.unwrap();
        assert!(probe.is_probe());
        assert!(breaker.acquire(KEY).await.is_err());
        drop(probe);
        background().await;
    }
    assert_eq!(state(&store), Some(CircuitState::HalfOpen));
}

#[tokio::test(start_paused = true)]
async fn an_ignored_dropped_permit_sends_nothing() {
    let (breaker, store) = breaker(|b| b);
    drop(breaker.acquire(KEY).await.unwrap());
    background().await;
    assert_eq!(store.asked(), ["acquire"]);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_permit_may_be_a_failure() {
    let (breaker, store) = breaker_under(|p| p.dropped_permit(DroppedPermit::Failure));
    drop(breaker.acquire(KEY).await.unwrap());
    drop(breaker.acquire(KEY).await.unwrap());
    background().await;
    assert_eq!(state(&store), Some(CircuitState::Open));

    store.clock.advance_ms(30_000);
    drop(breaker.acquire(KEY).await.unwrap());
    background().await;
    assert_eq!(
        store.memory.get_state(KEY).last_state_change,
        31_000,
        "a probe opens again"
    );
}

/// A permit's age is real time, which a paused runtime doesn't stop.
#[tokio::test]
async fn a_dropped_permit_may_be_a_failure_if_it_is_old() {
    let patience = ms(20);
    let (breaker, store) =
        breaker_under(|p| p.dropped_permit(DroppedPermit::FailureIfOlder(patience)));
    let old = breaker.acquire(KEY).await.unwrap();
    tokio::time::sleep(patience).await;
    drop(old);
    while failures(&store) == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(failures(&store), 1);

    let (breaker, store) =
        breaker_under(|p| p.dropped_permit(DroppedPermit::FailureIfOlder(ms(3_600_000))));
    drop(breaker.acquire(KEY).await.unwrap());
    tokio::time::sleep(ms(5)).await;
    assert_eq!(store.asked(), ["acquire"]);
}

#[test]
fn a_permit_may_be_dropped_where_there_is_no_runtime() {
    let (breaker, store) = breaker_under(|p| p.dropped_permit(DroppedPermit::Failure));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    let permit = runtime.block_on(breaker.acquire(KEY)).unwrap();
    let slow = runtime.block_on(breaker.acquire(KEY)).unwrap();
    drop(runtime);
    drop(permit);
    assert_eq!(failures(&store), 1, "the store answers at once");
    store.set(Fault::ActsAfter(ms(1)));
    drop(slow);
    assert_eq!(failures(&store), 1, "without a runtime it is not sent");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn racing_tasks_get_one_probe_each_time() {
    let (breaker, store) = breaker(|b| b);
    for _ in 0..200 {
        store.memory.transition(KEY, CircuitState::HalfOpen);
        let tasks: Vec<_> = (0..8)
            .map(|_| {
                let breaker = breaker.clone();
                tokio::spawn(async move { breaker.acquire(KEY).await })
            })
            .collect();
        let mut probes = Vec::new();
        for task in tasks {
            probes.extend(task.await.unwrap());
        }
        assert_eq!(probes.len(), 1);
        assert!(probes[0].is_probe());
    }
}

/// The call of a permit doesn't count as hung once it is over, however it ends, with a runtime and
/// without.
#[test]
fn an_in_flight_slot_comes_back() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    let second = ms(1_000);
    for drop_outside in [false, true] {
        for dropped in [
            DroppedPermit::Ignored,
            DroppedPermit::FailureIfOlder(second),
        ] {
            let (breaker, store) = breaker_under(|p| {
                p.hung_calls(1)
                    .hung_call_duration(second)
                    .dropped_permit(dropped)
            });
            let permit = runtime.block_on(breaker.acquire(KEY)).unwrap();
            if drop_outside {
                drop(permit);
            } else {
                runtime.block_on(async move { drop(permit) });
            }
            let call = breaker.call_async(KEY, std::future::pending::<Result<(), ()>>());
            let call = runtime.block_on(async move { timeout(ms(7), call).await });
            assert!(call.is_err(), "it was dropped");
            runtime.block_on(background());
            store.clock.advance_ms(1_000);
            let admitted = runtime.block_on(breaker.acquire(KEY));
            assert!(admitted.is_ok(), "{dropped:?}, outside: {drop_outside}");
        }
    }
}

/// An in-flight slot has no lease that would free it, so a slow answer is awaited in the
/// background.
#[tokio::test(start_paused = true)]
async fn an_in_flight_slot_comes_back_from_a_store_slower_than_a_lease() {
    let (second, hour) = (ms(1_000), ms(3_600_000));
    let short_leases = Policy::builder().probe_lease(second).build().unwrap();
    let panics = PolicySet::new(short_leases)
        .class("all", short_leases)
        .classify(|_| panic!("the classifier"));
    for meanwhile in [PolicySet::new(short_leases), panics] {
        let (breaker, store) =
            breaker_under(|p| p.hung_calls(1).hung_call_duration(hour).probe_lease(second));
        let (counting, permit) = (breaker.policies(), breaker.acquire(KEY).await.unwrap());
        breaker.set_policies(meanwhile);
        store.set(Fault::ActsAfter(second * 40));
        let report = std::panic::AssertUnwindSafe(|| drop(permit.success()));
        let _ = std::panic::catch_unwind(report);
        store.set(Fault::None);
        breaker.set_policies(counting);
        tokio::time::sleep(second * 60).await;
        store.clock.advance_ms(3_600_000);
        assert!(breaker.acquire(KEY).await.is_ok(), "no call is in flight");
    }
    for slow_report in [false, true] {
        let (breaker, store) =
            breaker_under(|p| p.hung_calls(1).hung_call_duration(hour).probe_lease(second));
        if !slow_report {
            store.set(Fault::AnswersAfter(second * 10));
        }
        let permit = breaker.acquire(KEY).await.unwrap();
        assert_eq!(permit.is_untracked(), !slow_report);
        store.set(Fault::ActsAfter(second * 10));
        permit.success().await;
        store.set(Fault::None);
        tokio::time::sleep(second * 60).await;
        store.clock.advance_ms(3_600_000);
        assert!(breaker.acquire(KEY).await.is_ok(), "no call is in flight");
    }
}
