//! Guarded futures, over a store of any kind and over the one in memory.

use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use breakerbox::{
    AsyncRuntime, BoxFuture, CallError, CircuitBreaker, CircuitState, DroppedPermit, ManualClock,
    Outcome, Policy,
};
use tokio::time::{Instant, sleep, timeout};

use crate::faulty::Fault;
use crate::{KEY, background, breaker, failures, ms, state};

async fn fails() -> Result<(), &'static str> {
    Err("no")
}

async fn hangs() -> Result<(), &'static str> {
    std::future::pending().await
}

#[tokio::test(start_paused = true)]
async fn calls_count_by_their_results() {
    let (breaker, store) = breaker(|b| b);
    assert_eq!(
        breaker.call_async(KEY, async { Ok::<_, ()>(7) }).await,
        Ok(7)
    );
    assert_eq!(
        breaker.call_async(KEY, fails()).await,
        Err(CallError::Inner("no"))
    );
    assert_eq!(failures(&store), 1);
    assert_eq!(
        breaker.call_async(KEY, fails()).await,
        Err(CallError::Inner("no"))
    );

    let polled = AtomicUsize::new(0);
    let call = async {
        polled.fetch_add(1, Relaxed);
        Ok::<_, ()>(())
    };
    let refused = breaker.call_async(KEY, call).await;
    assert!(matches!(refused, Err(CallError::Rejected(r)) if r.state() == CircuitState::Open));
    assert_eq!(polled.into_inner(), 0, "a rejected call is not made");
}

#[tokio::test(start_paused = true)]
async fn a_call_that_takes_too_long_is_a_failure() {
    let (breaker, store) = breaker(|b| b.call_timeout(ms(300)));
    let begin = Instant::now();
    assert_eq!(
        breaker.call_async(KEY, hangs()).await,
        Err(CallError::TimedOut(ms(300)))
    );
    assert_eq!(begin.elapsed(), ms(300));
    assert_eq!(failures(&store), 1);
    let slow = async {
        sleep(ms(299)).await;
        Ok::<_, ()>(())
    };
    assert_eq!(breaker.call_async(KEY, slow).await, Ok(()));
    assert_eq!(failures(&store), 0, "in time, it is a success");
}

#[tokio::test(start_paused = true)]
async fn calls_are_admitted_while_the_store_fails() {
    for fault in [Fault::Fails, Fault::Hangs] {
        let (breaker, store) = breaker(|b| b);
        store.set(fault);
        for _ in 0..5 {
            assert_eq!(
                breaker.call_async(KEY, fails()).await,
                Err(CallError::Inner("no"))
            );
        }
        assert_eq!(
            breaker.call_async(KEY, async { Ok::<_, ()>(7) }).await,
            Ok(7)
        );
        assert_eq!(store.asked(), ["acquire"; 6]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_given_up_is_a_dropped_permit() {
    let (breaker, store) = breaker(|b| b);
    store.memory.transition(KEY, CircuitState::HalfOpen);
    assert!(
        timeout(ms(10), breaker.call_async(KEY, hangs()))
            .await
            .is_err()
    );
    background().await;
    assert_eq!(state(&store), Some(CircuitState::HalfOpen));
    assert!(breaker.acquire(KEY).await.is_ok(), "the slot is free again");
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_a_failure_and_continues() {
    let (breaker, store) = breaker(|b| b);
    for _ in 0..2 {
        let breaker = breaker.clone();
        let call = async move {
            let call = async { resume_unwind(Box::new("upstream gone")) };
            breaker.call_async(KEY, call).await as Result<(), CallError<()>>
        };
        assert!(tokio::spawn(call).await.unwrap_err().is_panic());
    }
    background().await;
    assert_eq!(state(&store), Some(CircuitState::Open));
}

type Local = CircuitBreaker<String, std::hash::RandomState, ManualClock>;

/// A breaker in memory, which guards futures too.
fn local(dropped: DroppedPermit) -> (Arc<Local>, ManualClock) {
    let clock = ManualClock::new(1_000);
    let policy = Policy::builder()
        .failure_threshold(2)
        .dropped_permit(dropped);
    let breaker = CircuitBreaker::builder()
        .policy(policy.build().unwrap())
        .call_timeout(ms(300))
        .clock(clock.clone())
        .build()
        .unwrap();
    (Arc::new(breaker), clock)
}

fn local_state(breaker: &Local) -> Option<CircuitState> {
    breaker.peek(KEY).map(|circuit| circuit.state)
}

#[tokio::test(start_paused = true)]
async fn in_memory_calls_count_too() {
    let (breaker, _) = local(DroppedPermit::Ignored);
    assert_eq!(
        breaker.call_async(KEY, async { Ok::<_, ()>(7) }).await,
        Ok(7)
    );
    assert_eq!(breaker.peek(KEY), None);
    assert_eq!(
        breaker.call_async(KEY, fails()).await,
        Err(CallError::Inner("no"))
    );
    let begin = Instant::now();
    assert_eq!(
        breaker.call_async(KEY, hangs()).await,
        Err(CallError::TimedOut(ms(300)))
    );
    assert_eq!(begin.elapsed(), ms(300));
    assert_eq!(local_state(&breaker), Some(CircuitState::Open));
    let refused = breaker.call_async(KEY, hangs()).await;
    assert!(matches!(refused, Err(CallError::Rejected(_))));
}

#[tokio::test(start_paused = true)]
async fn in_memory_a_handle_guards_futures() {
    let (breaker, _) = local(DroppedPermit::Ignored);
    let circuit = breaker.circuit(KEY).unwrap();
    assert_eq!(
        circuit.call_async(fails()).await,
        Err(CallError::Inner("no"))
    );
    assert_eq!(
        circuit.call_async(hangs()).await,
        Err(CallError::TimedOut(ms(300)))
    );
    assert!(matches!(
        circuit.call_async(fails()).await,
        Err(CallError::Rejected(_))
    ));
}

#[tokio::test(start_paused = true)]
async fn in_memory_a_permit_is_acquired_when_the_future_is_polled() {
    let (breaker, _) = local(DroppedPermit::Failure);
    let unpolled = breaker.call_async(KEY, hangs());
    breaker.store().transition(KEY, CircuitState::Open);
    assert!(matches!(unpolled.await, Err(CallError::Rejected(_))));
    breaker.store().reset(KEY);
    drop(breaker.call_async(KEY, hangs()));
    assert_eq!(breaker.peek(KEY), None, "never begun, never dropped");
}

#[tokio::test(start_paused = true)]
async fn in_memory_a_call_that_is_given_up_is_a_dropped_permit() {
    for (dropped, failures) in [
        (DroppedPermit::Ignored, 0),
        (DroppedPermit::Failure, 1),
        (DroppedPermit::FailureIfOlder(ms(10)), 1),
        (DroppedPermit::FailureIfOlder(ms(11)), 0),
    ] {
        let (breaker, clock) = local(dropped);
        let call = async {
            clock.advance_ms(10);
            hangs().await
        };
        assert!(
            timeout(ms(10), breaker.call_async(KEY, call))
                .await
                .is_err()
        );
        let counted = breaker.peek(KEY).map_or(0, |circuit| circuit.failure_count);
        assert_eq!(counted, failures, "{dropped:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn in_memory_a_panic_is_a_failure_whatever_a_drop_counts_as() {
    let (breaker, _) = local(DroppedPermit::Ignored);
    for _ in 0..2 {
        let breaker = Arc::clone(&breaker);
        let call = async move {
            let call = async {
                sleep(ms(1)).await;
                resume_unwind(Box::new("upstream gone"))
            };
            breaker.call_async(KEY, call).await as Result<(), CallError<()>>
        };
        assert!(tokio::spawn(call).await.unwrap_err().is_panic());
    }
    assert_eq!(local_state(&breaker), Some(CircuitState::Open));
}

/// A runtime of the user's own, whose timeouts are over at once.
struct Impatient;

impl AsyncRuntime for Impatient {
    fn sleep(&self, _: std::time::Duration) -> BoxFuture<'static, ()> {
        Box::pin(std::future::ready(()))
    }

    fn spawn(&self, _: BoxFuture<'static, ()>) {}
}

#[tokio::test(start_paused = true)]
async fn another_runtime_measures_the_time() {
    let breaker = CircuitBreaker::builder()
        .call_timeout(ms(300))
        .runtime(Impatient)
        .build()
        .unwrap();
    let begin = Instant::now();
    let late = breaker.call_async(KEY, hangs()).await;
    assert_eq!(late, Err(CallError::TimedOut(ms(300))));
    assert_eq!(begin.elapsed(), ms(0));
    let at_once = breaker.call_async(KEY, async { Ok::<_, ()>(7) }).await;
    assert_eq!(at_once, Ok(7), "a result that is ready at once is in time");
}

/// By key, by handle and over a store: the closures' types are inferred.
#[tokio::test(start_paused = true)]
async fn a_closure_classifies_errors() {
    let ours = CircuitBreaker::new();
    let handle = ours.circuit(KEY).unwrap();
    let (remote, store) = breaker(|b| b);
    for (outcome, counted) in [(Outcome::Ignored, 0), (Outcome::Failure, 2)] {
        let inner = Err(CallError::Inner("no"));
        let judge = |error: &&str| {
            if error.len() == 2 {
                outcome
            } else {
                Outcome::Success
            }
        };
        let by_key = ours.call_async_if(KEY, fails(), |error| judge(error)).await;
        assert_eq!(by_key, inner);
        let by_handle = handle.call_async_if(fails(), |error| judge(error)).await;
        assert_eq!(by_handle, inner);
        assert_eq!(handle.get_state().failure_count, counted);
        let by_store = remote
            .call_async_if(KEY, fails(), |error| judge(error))
            .await;
        assert_eq!(by_store, inner);
        assert_eq!(failures(&store), counted / 2);
    }
}
