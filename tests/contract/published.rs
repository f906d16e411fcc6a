//! Scenarios of the published test suites of resilience4j and Polly that had no test here: the
//! behaviour, in our words. docs/comparison.md lists those that breakerbox answers differently.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use breakerbox::{
    CircuitBreaker, CircuitState, DroppedPermit, ManualClock, Outcome, Policy, Report,
    SlidingWindow,
};

type Breaker = CircuitBreaker<String, std::hash::RandomState, ManualClock>;

const KEY: &str = "upstream";
const TIMEOUT: Duration = Duration::from_secs(30);

fn breaker() -> (Breaker, ManualClock, Arc<Mutex<Vec<CircuitState>>>) {
    let clock = ManualClock::new(3_600_000);
    let seen = Arc::<Mutex<Vec<_>>>::default();
    let sees = Arc::clone(&seen);
    let breaker = CircuitBreaker::builder()
        .clock(clock.clone())
        .failure_threshold(1)
        .reset_timeout(TIMEOUT)
        .on_state_change(move |change| sees.lock().unwrap().push(change.to))
        .build()
        .unwrap();
    (breaker, clock, seen)
}

fn fail(breaker: &Breaker) {
    let _ = breaker.acquire(KEY).unwrap().failure();
}

fn state(breaker: &Breaker) -> CircuitState {
    breaker.peek(KEY).unwrap().state
}

/// resilience4j, `CircuitBreakerThrowingPredicateLeakTest` (#2324): a predicate that throws must
/// not keep the only probe.
#[test]
fn a_classifier_that_panics_gives_its_probe_back() {
    let (breaker, clock, _) = breaker();
    fail(&breaker);
    clock.advance(TIMEOUT);
    for _ in 0..3 {
        let call = AssertUnwindSafe(|| {
            let broken = |_: &u8| -> Outcome { panic!("planted in the classifier") };
            breaker.call_with(KEY, &broken, || 7_u8)
        });
        assert!(catch_unwind(call).is_err());
        if state(&breaker) != CircuitState::HalfOpen {
            // A panic is a failure, as it is everywhere.
            assert_eq!(state(&breaker), CircuitState::Open);
            clock.advance(TIMEOUT);
        }
    }
    assert!(breaker.acquire(KEY).is_ok(), "the probe is free");
}

/// Polly, `Flow_Closed_HalfOpen_Open_HalfOpen_Closed`.
#[test]
fn a_recovery_that_fails_once_starts_over() {
    use CircuitState::{Closed, HalfOpen, Open};
    let (breaker, clock, seen) = breaker();
    fail(&breaker);
    clock.advance(TIMEOUT);
    fail(&breaker);
    assert!(breaker.acquire(KEY).is_err());
    clock.advance(TIMEOUT);
    let _ = breaker.acquire(KEY).unwrap().success();
    assert_eq!(
        *seen.lock().unwrap(),
        [Open, HalfOpen, Open, HalfOpen, Closed]
    );
}

/// Polly, `OnActionFailureAsync_EnsureCorrectBehavior` (open stays open): a call that was in flight
/// when the circuit opened neither opens it again nor keeps it open for longer.
#[test]
fn a_late_failure_does_not_prolong() {
    let (breaker, clock, seen) = breaker();
    let late = breaker.acquire(KEY).unwrap();
    fail(&breaker);
    let before = breaker.peek(KEY).unwrap();
    clock.advance(TIMEOUT / 2);
    let _ = late.failure();
    assert_eq!(breaker.peek(KEY).unwrap(), before);
    clock.advance(TIMEOUT / 2);
    assert!(breaker.acquire(KEY).is_ok());
    assert_eq!(seen.lock().unwrap().len(), 2);
}

/// Polly, `IsolateAsync_Ok`: isolated until it is closed by hand, whatever calls in flight report.
#[test]
fn an_isolated_circuit_stays_until_it_is_lifted_by_hand() {
    let (breaker, clock, _) = breaker();
    let (first, second) = (breaker.acquire(KEY).unwrap(), breaker.acquire(KEY).unwrap());
    breaker.store().transition(KEY, CircuitState::ForcedOpen);
    let _ = (first.success(), second.failure());
    clock.advance(TIMEOUT * 1_000);
    let rejected = breaker.acquire(KEY).unwrap_err();
    assert_eq!(rejected.state(), CircuitState::ForcedOpen);
    breaker.store().transition(KEY, CircuitState::Closed);
    assert!(breaker.acquire(KEY).is_ok());
    assert_eq!(breaker.peek(KEY).unwrap().failure_count, 0);
}

/// resilience4j, `CircuitBreakerMetricsTest`: rejected calls count in no rate.
#[test]
fn rejected_calls_are_in_no_window() {
    let clock = ManualClock::new(3_600_000);
    let policy = Policy::builder()
        .sliding_window(SlidingWindow::Calls(4))
        .minimum_calls(4)
        .failure_rate_threshold(50)
        .reset_timeout(TIMEOUT)
        .build();
    let breaker: Breaker = CircuitBreaker::builder()
        .clock(clock.clone())
        .policy(policy.unwrap())
        .build()
        .unwrap();
    let store = breaker.store();
    store.transition(KEY, CircuitState::ForcedOpen);
    for _ in 0..10 {
        assert!(breaker.acquire(KEY).is_err());
    }
    store.transition(KEY, CircuitState::Closed);
    for _ in 0..3 {
        fail(&breaker);
        assert_eq!(state(&breaker), CircuitState::Closed, "below the minimum");
    }
    fail(&breaker);
    assert_eq!(state(&breaker), CircuitState::Open);
}

/// resilience4j, `CircuitBreakerStateMachineTest` (slow calls): a slow success of the only probe is
/// no recovery.
#[test]
fn a_slow_probe_is_no_recovery() {
    let clock = ManualClock::new(3_600_000);
    let policy = Policy::builder()
        .sliding_window(SlidingWindow::Calls(2))
        .minimum_calls(1)
        .slow_call_rate_threshold(100)
        .slow_call_duration(Duration::from_secs(2))
        .reset_timeout(TIMEOUT)
        .build();
    let breaker: Breaker = CircuitBreaker::builder()
        .clock(clock.clone())
        .policy(policy.unwrap())
        .build()
        .unwrap();
    let slow = || Report::from(Outcome::Success).took(Duration::from_secs(2));
    let _ = breaker.acquire(KEY).unwrap().report(slow());
    assert_eq!(state(&breaker), CircuitState::Open);
    clock.advance(TIMEOUT);
    let _ = breaker.acquire(KEY).unwrap().report(slow());
    assert_eq!(state(&breaker), CircuitState::Open);
    clock.advance(TIMEOUT);
    let _ = breaker.acquire(KEY).unwrap().success();
    assert_eq!(state(&breaker), CircuitState::Closed);
}

/// resilience4j, `releasePermission`: a permit that is given back unused leaves no trace, in the
/// half-open state as in the closed one.
#[test]
fn an_unused_permit_leaves_no_trace() {
    let clock = ManualClock::new(3_600_000);
    let policy = Policy::builder()
        .failure_threshold(1)
        .reset_timeout(TIMEOUT)
        .dropped_permit(DroppedPermit::Failure)
        .build();
    let breaker: Breaker = CircuitBreaker::builder()
        .clock(clock.clone())
        .policy(policy.unwrap())
        .build()
        .unwrap();
    let _ = breaker.acquire(KEY).unwrap().ignore();
    assert!(breaker.peek(KEY).is_none());
    fail(&breaker);
    clock.advance(TIMEOUT);
    let half_open = || breaker.acquire(KEY).unwrap();
    let _ = half_open().ignore();
    let _ = half_open().success();
    assert_eq!(state(&breaker), CircuitState::Closed);
}
