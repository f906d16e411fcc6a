//! Settings: values out of range are refused by name, value and range; too long durations saturate.

use std::time::Duration;

use breakerbox::{
    CircuitBreaker, CircuitBreakerBuilder, CircuitState, ConfigError, DroppedPermit, ManualClock,
    Policy, PolicyBuilder,
};

type Setting = fn(PolicyBuilder) -> PolicyBuilder;
type BreakerSetting = fn(CircuitBreakerBuilder) -> CircuitBreakerBuilder;

/// The longest duration that a limit keeps: 2^42 - 2 ms, some 139 years.
const LONGEST: Duration = Duration::from_millis((1 << 42) - 2);

fn assert_refused(error: &ConfigError, field: &str, value: &str, range: &str) {
    assert_eq!(error.field(), field);
    assert_eq!(error.value(), value);
    assert_eq!(error.expected(), range);
    assert_eq!(
        error.to_string(),
        format!("{field} is {value}; it must be {range}")
    );
}

#[test]
fn errors_name_field_value_and_range() {
    let refused: [(Setting, &str, &str, &str); 9] = [
        (
            |b| b.failure_threshold(0),
            "failure_threshold",
            "0",
            "1 to 1000000",
        ),
        (
            |b| b.failure_threshold(1_000_001),
            "failure_threshold",
            "1000001",
            "1 to 1000000",
        ),
        (|b| b.half_open_max(0), "half_open_max", "0", "1 to 100"),
        (|b| b.half_open_max(101), "half_open_max", "101", "1 to 100"),
        (
            |b| b.success_threshold(0),
            "success_threshold",
            "0",
            "1 to 100",
        ),
        (
            |b| b.success_threshold(u32::MAX),
            "success_threshold",
            "4294967295",
            "1 to 100",
        ),
        (
            |b| b.reset_timeout(Duration::ZERO),
            "reset_timeout",
            "0s",
            "longer than 0",
        ),
        (
            |b| b.probe_lease(Duration::ZERO),
            "probe_lease",
            "0s",
            "longer than 0",
        ),
        (
            |b| b.dropped_permit(DroppedPermit::FailureIfOlder(Duration::ZERO)),
            "dropped_permit",
            "0s",
            "longer than 0",
        ),
    ];
    for (set, field, value, range) in refused {
        let error = set(Policy::builder()).build().unwrap_err();
        assert_refused(&error, field, value, range);
    }
}

#[test]
fn the_breaker_refuses_bad_policies_and_its_own_bad_settings() {
    let refused: [(BreakerSetting, &str); 6] = [
        (|b| b.failure_threshold(0), "failure_threshold"),
        (|b| b.half_open_max(0), "half_open_max"),
        (|b| b.success_threshold(0), "success_threshold"),
        (|b| b.reset_timeout(Duration::ZERO), "reset_timeout"),
        (|b| b.call_timeout(Duration::ZERO), "call_timeout"),
        // The first error is reported; nothing is built.
        (
            |b| b.failure_threshold(0).half_open_max(1),
            "failure_threshold",
        ),
    ];
    for (set, field) in refused {
        let error = set(CircuitBreaker::builder()).build().unwrap_err();
        assert_eq!(error.field(), field);
    }
}

#[test]
fn the_ends_of_the_ranges_are_accepted() {
    for (failures, probes, successes) in [(1, 1, 1), (1_000_000, 100, 100)] {
        let policy = Policy::builder()
            .failure_threshold(failures)
            .half_open_max(probes)
            .success_threshold(successes)
            .build()
            .unwrap();
        assert_eq!(policy.failure_threshold(), Some(failures));
        assert_eq!(policy.half_open_max(), probes);
        assert_eq!(policy.success_threshold(), Some(successes));
    }
}

#[test]
fn durations_are_rounded_up_and_saturate() {
    for (given, kept) in [
        (Duration::from_nanos(1), Duration::from_millis(1)),
        (Duration::from_micros(1_001), Duration::from_millis(2)),
        (Duration::from_millis(30_000), Duration::from_secs(30)),
        (LONGEST, LONGEST),
        (LONGEST + Duration::from_nanos(1), LONGEST),
        (Duration::MAX, LONGEST),
    ] {
        let policy = Policy::builder()
            .reset_timeout(given)
            .probe_lease(given)
            .build()
            .unwrap();
        assert_eq!((policy.reset_timeout(), policy.probe_lease()), (kept, kept));
    }
}

#[test]
fn the_default_lease_is_as_long_as_the_timeout() {
    let timeout = Duration::from_secs(7);
    let policy = Policy::builder().reset_timeout(timeout).build().unwrap();
    assert_eq!(policy.probe_lease(), timeout);
    let lease = Duration::from_secs(9);
    let policy = Policy::builder()
        .probe_lease(lease)
        .reset_timeout(timeout)
        .build()
        .unwrap();
    assert_eq!(
        (policy.reset_timeout(), policy.probe_lease()),
        (timeout, lease)
    );
}

/// The longest durations don't overflow: such a circuit stays open.
#[test]
fn the_longest_durations_work() {
    let clock = ManualClock::new(1_700_000_000_000);
    let policy = Policy::builder()
        .failure_threshold(1)
        .reset_timeout(Duration::MAX)
        .probe_lease(Duration::MAX)
        .dropped_permit(DroppedPermit::FailureIfOlder(Duration::MAX));
    let breaker = CircuitBreaker::builder()
        .policy(policy.build().unwrap())
        .clock(clock.clone())
        .build()
        .unwrap();
    drop(breaker.acquire("a").unwrap());
    assert_eq!(breaker.peek("a"), None);
    let _ = breaker.acquire("a").unwrap().failure();

    let rejected = breaker.acquire("a").unwrap_err();
    assert_eq!(rejected.retry_after(), LONGEST);
    assert_eq!(rejected.retry_after_secs(), LONGEST.as_secs() + 1);
    clock.advance(Duration::from_secs(50 * 365 * 86_400));
    assert_eq!(
        breaker.acquire("a").unwrap_err().state(),
        CircuitState::Open
    );

    breaker.store().transition("a", CircuitState::HalfOpen);
    let probe = breaker.acquire("a").unwrap();
    assert!(breaker.acquire("a").is_err());
    let _ = probe.success();
    assert!(breaker.acquire("a").is_ok());
}

#[test]
fn the_longest_rules_work() {
    let breaker = CircuitBreaker::builder()
        .failure_threshold(1_000_000)
        .half_open_max(100)
        .success_threshold(100)
        .build()
        .unwrap();
    breaker.store().transition("a", CircuitState::HalfOpen);
    let probes: Vec<_> = (0..100).map(|_| breaker.acquire("a").unwrap()).collect();
    assert!(breaker.acquire("a").is_err());
    for probe in probes {
        assert_eq!(breaker.peek("a").unwrap().state, CircuitState::HalfOpen);
        let _ = probe.success();
    }
    assert_eq!(breaker.peek("a").unwrap().state, CircuitState::Closed);
}

/// A missing runtime is an error when the breaker is built, not when a call is late.
#[cfg(not(feature = "tokio"))]
#[test]
fn a_call_timeout_needs_a_runtime() {
    let error = CircuitBreaker::builder()
        .call_timeout(Duration::from_secs(1))
        .build()
        .unwrap_err();
    assert_eq!(error.field(), "call_timeout");
    assert!(error.to_string().contains("runtime"), "{error}");
}
