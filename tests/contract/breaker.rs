//! The breaker: its defaults, its permits, and the calls that it guards.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use breakerbox::{
    CallError, CircuitBreaker, CircuitBreakerBuilder, CircuitState, DroppedPermit, FailureCounting,
    ManualClock, Outcome, Policy, PolicyBuilder, Reported,
};

use crate::scenario::START;

type Breaker = CircuitBreaker<String, std::hash::RandomState, ManualClock>;
type Builder = CircuitBreakerBuilder<String, std::hash::RandomState, ManualClock>;

const KEY: &str = "upstream";

fn breaker(with: impl FnOnce(Builder) -> Builder) -> (Breaker, ManualClock) {
    let clock = ManualClock::new(START);
    let builder = CircuitBreaker::builder().clock(clock.clone());
    (with(builder).build().unwrap(), clock)
}

/// Makes a breaker under this policy.
fn breaker_under(policy: &PolicyBuilder) -> (Breaker, ManualClock) {
    breaker(|b| b.policy(policy.build().unwrap()))
}

fn fail(breaker: &Breaker, times: u32) {
    for _ in 0..times {
        assert_eq!(breaker.acquire(KEY).unwrap().failure(), Reported::Recorded);
    }
}

fn state(breaker: &Breaker) -> Option<CircuitState> {
    breaker.peek(KEY).map(|circuit| circuit.state)
}

#[test]
fn defaults_are_those_of_the_gateway() {
    let breaker = CircuitBreaker::new();
    let policy = breaker.policy(KEY);
    assert_eq!(policy.failure_threshold(), Some(5));
    assert_eq!(
        policy.failure_counting(),
        FailureCounting::ConsecutiveFailures
    );
    assert_eq!(policy.reset_timeout(), Duration::from_secs(30));
    assert_eq!(policy.half_open_max(), 1);
    assert_eq!(policy.success_threshold(), Some(1));
    assert_eq!(policy.probe_lease(), Duration::from_secs(30));
}

#[test]
fn five_failures_open_and_a_probe_closes() {
    let (breaker, clock) = breaker(|b| b);
    fail(&breaker, 4);
    assert_eq!(state(&breaker), Some(CircuitState::Closed));
    fail(&breaker, 1);
    assert_eq!(state(&breaker), Some(CircuitState::Open));

    let rejected = breaker.acquire(KEY).unwrap_err();
    assert_eq!(rejected.state(), CircuitState::Open);
    assert_eq!(rejected.retry_after(), Duration::from_secs(30));

    clock.advance_ms(29_001);
    let rejected = breaker.acquire(KEY).unwrap_err();
    assert_eq!(rejected.retry_after(), Duration::from_millis(999));
    assert_eq!(rejected.retry_after_secs(), 1, "rounded up");

    clock.advance_ms(999);
    let probe = breaker.acquire(KEY).unwrap();
    assert!(probe.is_probe());
    let rejected = breaker.acquire(KEY).unwrap_err();
    assert_eq!(rejected.state(), CircuitState::HalfOpen);
    assert_eq!(rejected.retry_after_secs(), 30, "the whole timeout");
    assert_eq!(probe.success(), Reported::Recorded);
    assert_eq!(state(&breaker), Some(CircuitState::Closed));
}

#[test]
fn the_time_left_of_a_circuit() {
    let (breaker, clock) = breaker(|b| b);
    assert_eq!(breaker.retry_after(KEY), None);
    fail(&breaker, 5);
    clock.advance_ms(10_000);
    assert_eq!(breaker.retry_after(KEY), Some(Duration::from_secs(20)));
    clock.advance_ms(20_000);
    assert_eq!(breaker.retry_after(KEY), Some(Duration::ZERO));
    assert_eq!(
        breaker.peek(KEY).unwrap().state,
        CircuitState::Open,
        "a look has no effect"
    );
    breaker.store().transition(KEY, CircuitState::Closed);
    assert_eq!(breaker.retry_after(KEY), None);
}

#[test]
fn retry_after_is_rounded_up_and_never_zero() {
    let (breaker, clock) = breaker(|b| b);
    fail(&breaker, 5);
    for (elapsed, seconds) in [
        (0, 30),
        (1, 30),
        (999, 30),
        (1_000, 29),
        (28_999, 2),
        (29_999, 1),
    ] {
        clock.set(START + elapsed);
        let rejected = breaker.acquire(KEY).unwrap_err();
        assert_eq!(rejected.retry_after_secs(), seconds, "after {elapsed} ms");
    }
}

#[test]
fn a_healthy_key_is_never_stored() {
    let (breaker, _) = breaker(|b| b);
    for _ in 0..100 {
        assert_eq!(breaker.acquire(KEY).unwrap().success(), Reported::Recorded);
        drop(breaker.acquire(KEY).unwrap());
        breaker.call(KEY, || Ok::<_, ()>(())).unwrap();
    }
    assert!(breaker.is_empty());
}

#[test]
fn permits_report_outcomes() {
    let (breaker, _) = breaker(|b| b.failure_threshold(3));
    let late = breaker.acquire(KEY).unwrap();
    let owned_late = breaker.acquire_owned(KEY).unwrap();
    fail(&breaker, 2);
    assert_eq!(breaker.acquire(KEY).unwrap().ignore(), Reported::Recorded);
    assert_eq!(breaker.peek(KEY).unwrap().failure_count, 2);
    assert_eq!(breaker.acquire(KEY).unwrap().success(), Reported::Recorded);
    assert_eq!(breaker.peek(KEY).unwrap().failure_count, 0);
    fail(&breaker, 2);
    let last = breaker.acquire_owned(KEY).unwrap();
    assert!(!last.is_probe());
    assert_eq!(last.report(Outcome::Failure), Reported::Recorded);
    assert_eq!(state(&breaker), Some(CircuitState::Open));
    assert_eq!(late.failure(), Reported::Stale);
    assert_eq!(owned_late.success(), Reported::Stale);
}

#[test]
fn a_dropped_permit_is_ignored_and_gives_its_probe_back() {
    let (breaker, clock) = breaker(|b| b.failure_threshold(1));
    drop(breaker.acquire(KEY).unwrap());
    drop(breaker.acquire_owned(KEY).unwrap());
    assert_eq!(breaker.peek(KEY), None);

    fail(&breaker, 1);
    clock.advance_ms(30_000);
    for _ in 0..10 {
        let probe = breaker.acquire(KEY).unwrap();
        assert!(probe.is_probe());
        assert!(breaker.acquire(KEY).is_err());
        drop(probe);
        let probe = breaker.acquire_owned(KEY).unwrap();
        assert!(breaker.acquire(KEY).is_err());
        drop(probe);
    }
    assert_eq!(state(&breaker), Some(CircuitState::HalfOpen));
}

#[test]
fn a_dropped_permit_may_be_a_failure() {
    let (breaker, clock) = breaker_under(
        &Policy::builder()
            .failure_threshold(2)
            .dropped_permit(DroppedPermit::Failure),
    );
    drop(breaker.acquire(KEY).unwrap());
    drop(breaker.acquire_owned(KEY).unwrap());
    assert_eq!(state(&breaker), Some(CircuitState::Open));

    clock.advance_ms(30_000);
    drop(breaker.acquire(KEY).unwrap());
    assert_eq!(
        state(&breaker),
        Some(CircuitState::Open),
        "a dropped probe opens again"
    );
    assert_eq!(breaker.peek(KEY).unwrap().last_state_change, START + 30_000);
}

#[test]
fn a_permit_that_was_reported_is_not_dropped_too() {
    let (breaker, _) = breaker_under(&Policy::builder().dropped_permit(DroppedPermit::Failure));
    for _ in 0..10 {
        let _ = breaker.acquire(KEY).unwrap().success();
        let _ = breaker.acquire(KEY).unwrap().ignore();
        let _ = breaker.acquire_owned(KEY).unwrap().ignore();
    }
    assert_eq!(breaker.peek(KEY), None);
    let _ = breaker.acquire(KEY).unwrap().failure();
    assert_eq!(breaker.peek(KEY).unwrap().failure_count, 1);
}

/// A timeout around a hanging upstream drops its permit, and that must be able to trip.
#[test]
fn a_dropped_permit_may_be_a_failure_if_it_is_old() {
    let patience = Duration::from_millis(500);
    let (breaker, clock) = breaker_under(
        &Policy::builder()
            .failure_threshold(1)
            .dropped_permit(DroppedPermit::FailureIfOlder(patience)),
    );

    let young = breaker.acquire(KEY).unwrap();
    clock.advance_ms(499);
    drop(young);
    assert_eq!(breaker.peek(KEY), None);

    let old = breaker.acquire(KEY).unwrap();
    clock.advance_ms(501);
    drop(old);
    assert_eq!(state(&breaker), Some(CircuitState::Open));

    breaker.reset(KEY);
    let old = breaker.acquire_owned(KEY).unwrap();
    clock.advance_ms(501);
    drop(old);
    assert_eq!(state(&breaker), Some(CircuitState::Open));

    clock.advance_ms(30_000);
    let hung = breaker.acquire(KEY).unwrap();
    assert!(hung.is_probe());
    clock.advance_ms(501);
    drop(hung);
    assert_eq!(
        state(&breaker),
        Some(CircuitState::Open),
        "a hung probe opens again"
    );
}

#[test]
fn calls_count_by_their_results() {
    let (breaker, _) = breaker(|b| b.failure_threshold(2));
    assert_eq!(breaker.call(KEY, || Ok::<_, &str>(7)), Ok(7));
    assert_eq!(
        breaker.call(KEY, || Err::<(), _>("no")),
        Err(CallError::Inner("no"))
    );
    assert_eq!(breaker.peek(KEY).unwrap().failure_count, 1);
    assert_eq!(
        breaker.call(KEY, || Err::<(), _>("no")),
        Err(CallError::Inner("no"))
    );

    let made = std::cell::Cell::new(false);
    let refused = breaker.call(KEY, || {
        made.set(true);
        Ok::<_, &str>(())
    });
    assert!(matches!(refused, Err(CallError::Rejected(r)) if r.state() == CircuitState::Open));
    assert!(!made.get(), "a rejected call is not made");
}

#[test]
fn a_panic_is_a_failure_and_continues() {
    for dropped in [
        DroppedPermit::Ignored,
        DroppedPermit::Failure,
        DroppedPermit::FailureIfOlder(Duration::from_secs(9)),
    ] {
        let (breaker, _) = breaker_under(
            &Policy::builder()
                .failure_threshold(2)
                .dropped_permit(dropped),
        );
        for failures in 1..=2 {
            let call = || breaker.call(KEY, || -> Result<(), ()> { panic!("upstream gone") });
            let payload = catch_unwind(AssertUnwindSafe(call)).unwrap_err();
            assert_eq!(payload.downcast_ref(), Some(&"upstream gone"));
            assert_eq!(breaker.peek(KEY).unwrap().failure_count, failures);
        }
        assert_eq!(state(&breaker), Some(CircuitState::Open));
    }
}

#[test]
fn a_call_within_a_call_does_not_deadlock() {
    let (breaker, _) = breaker(|b| b.failure_threshold(2));
    let outer = breaker.call(KEY, || {
        let inner = breaker.call(KEY, || Err::<(), _>(1));
        assert_eq!(inner, Err(CallError::Inner(1)));
        assert_eq!(
            breaker.call(KEY, || Err::<(), _>(2)),
            Err(CallError::Inner(2))
        );
        breaker.reset(KEY);
        Err::<(), _>(3)
    });
    assert_eq!(outer, Err(CallError::Inner(3)));
    assert_eq!(
        breaker.peek(KEY),
        None,
        "a call from before the reset is stale"
    );
}

#[test]
fn a_handle_of_the_breaker_obeys_its_rules() {
    let (breaker, clock) = breaker(|b| b.failure_threshold(2));
    let circuit = breaker.circuit(KEY).unwrap();
    let _ = circuit.acquire().unwrap().failure();
    let _ = circuit.acquire_owned().unwrap().failure();
    assert_eq!(state(&breaker), Some(CircuitState::Open));
    assert!(circuit.acquire().is_err());
    let refused = circuit.call(|| Ok::<_, ()>(()));
    assert!(matches!(refused, Err(CallError::Rejected(_))));

    clock.advance_ms(30_000);
    let probe = circuit.acquire().unwrap();
    assert!(probe.is_probe());
    assert!(breaker.acquire(KEY).is_err());
    drop(probe);
    assert_eq!(circuit.call(|| Ok::<_, ()>(5)), Ok(5));
    assert_eq!(state(&breaker), Some(CircuitState::Closed));
}

#[test]
fn an_owned_permit_travels_and_outlives_the_breaker() {
    let (breaker, _) = breaker(|b| b.failure_threshold(1));
    let store = breaker.store().clone();
    let permit = breaker.acquire_owned(KEY).unwrap();
    drop(breaker);
    let reported = std::thread::spawn(move || permit.failure()).join().unwrap();
    assert_eq!(reported, Reported::Recorded);
    assert_eq!(store.peek(KEY).unwrap().state, CircuitState::Open);
}

#[test]
fn clones_of_a_breaker_share_its_circuits() {
    let (breaker, _) = breaker(|b| b.failure_threshold(2));
    let same = breaker.clone();
    fail(&breaker, 1);
    fail(&same, 1);
    assert!(breaker.acquire(KEY).is_err());
}
