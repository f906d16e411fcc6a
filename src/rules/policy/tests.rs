//! A policy says what was set, and what it needs of a circuit.

use super::*;

const MS: fn(u64) -> Duration = Duration::from_millis;

#[test]
fn every_setting_is_told() {
    let policy = Policy::builder()
        .failure_threshold(7)
        .failure_counting(FailureCounting::TotalFailures)
        .sliding_window(SlidingWindow::Calls(60))
        .minimum_calls(30)
        .failures_in_window(41)
        .failure_rate_threshold(42)
        .slow_call_rate_threshold(63)
        .slow_call_duration(MS(1_500))
        .hung_calls(8)
        .hung_call_duration(MS(20_000))
        .reset_timeout(MS(2_000))
        .backoff_factor(1.5)
        .reset_timeout_max(MS(61_000))
        .stable_after(MS(90_000))
        .jitter(20)
        .retry_after_max(MS(70_000))
        .half_open_max(3)
        .success_threshold(5)
        .probe_failures_allowed(2)
        .probe_lease(MS(45_000))
        .half_open_timeout(MS(31_000))
        .after_half_open(AfterHalfOpen::Closed)
        .shadow(true)
        .forced(Forced::Disabled)
        .dropped_permit(DroppedPermit::Failure)
        .build()
        .unwrap();
    assert_eq!(policy.failure_threshold(), Some(7));
    assert_eq!(policy.failure_counting(), FailureCounting::TotalFailures);
    assert_eq!(policy.sliding_window(), Some(SlidingWindow::Calls(60)));
    assert_eq!(policy.minimum_calls(), Some(30));
    assert_eq!(policy.failures_in_window(), Some(41));
    assert_eq!(policy.failure_rate_threshold(), Some(42));
    assert_eq!(policy.slow_call_rate_threshold(), Some(63));
    assert_eq!(policy.slow_call_duration(), Some(MS(1_500)));
    assert_eq!(policy.hung_calls(), Some(8));
    assert_eq!(policy.hung_call_duration(), Some(MS(20_000)));
    assert_eq!(policy.reset_timeout(), MS(2_000));
    assert!((policy.backoff_factor() - 1.5).abs() < f64::EPSILON);
    assert_eq!(policy.reset_timeout_max(), MS(61_000));
    assert_eq!(policy.stable_after(), MS(90_000));
    assert_eq!(policy.jitter(), 20);
    assert_eq!(policy.retry_after_max(), MS(70_000));
    assert_eq!(policy.half_open_max(), 3);
    assert_eq!(policy.success_threshold(), Some(5));
    assert_eq!(policy.probe_failures_allowed(), Some(2));
    assert_eq!(policy.probe_failure_rate(), None);
    assert_eq!(policy.probe_lease(), MS(45_000));
    assert_eq!(policy.half_open_timeout(), Some(MS(31_000)));
    assert_eq!(policy.after_half_open(), AfterHalfOpen::Closed);
    assert!(policy.shadow());
    assert_eq!(policy.forced(), Some(Forced::Disabled));
    assert_eq!(policy.dropped_permit(), DroppedPermit::Failure);
    assert_eq!(policy.to_builder().build(), Ok(policy));
    let shown = format!("{policy:?}");
    for name in super::super::builder::Settings::NAMES {
        // It excludes the counts of probes.
        let is_told = shown.contains(&format!(" {name}: ")) || *name == "probe_failure_rate";
        assert!(is_told, "{name} is missing: {shown}");
    }
}

#[test]
fn debug_shows_settings_alone() {
    assert_eq!(
        format!("{:?}", Policy::builder().jitter(5).shadow(true)),
        "PolicyBuilder { jitter: 5, shadow: true }"
    );
    let rate = Policy::builder()
        .sliding_window(SlidingWindow::Calls(10))
        .failure_rate_threshold(50);
    let shown = format!("{:?}", rate.build().unwrap());
    let window =
        "Policy { sliding_window: Calls(10), minimum_calls: 10, failure_rate_threshold: 50,";
    assert!(shown.starts_with(window), "{shown}");
}

#[test]
fn what_is_not_set_is_none() {
    let policy = Policy::default();
    assert_eq!(policy.failure_threshold(), Some(5));
    assert_eq!(policy.sliding_window(), None);
    assert_eq!(policy.minimum_calls(), None);
    assert_eq!(policy.failures_in_window(), None);
    assert_eq!(policy.failure_rate_threshold(), None);
    assert_eq!(policy.slow_call_duration(), None);
    assert_eq!(policy.hung_calls(), None);
    assert_eq!(policy.half_open_timeout(), None);
    let by_window = Policy::builder()
        .sliding_window(SlidingWindow::Time(MS(10_000)))
        .failure_rate_threshold(50)
        .build()
        .unwrap();
    assert_eq!(by_window.failure_threshold(), None);
    let by_rate = Policy::builder()
        .probe_failure_rate(10, 30)
        .build()
        .unwrap();
    assert_eq!(by_rate.probe_failure_rate(), Some((10, 30)));
    assert_eq!(by_rate.success_threshold(), None);
    assert_eq!(by_rate.probe_failures_allowed(), None);
}

/// Each kind of rule asks for what it needs, and for nothing else.
#[test]
fn rules_ask_for_what_they_need() {
    let asks = |policy: Policy| {
        let needs = [policy.windows(), policy.counts_in_flight(), policy.times()];
        (needs, policy.watches())
    };
    assert_eq!(asks(Policy::default()), ([false; 3], false));
    let window = Policy::builder()
        .sliding_window(SlidingWindow::Calls(10))
        .failure_rate_threshold(50);
    assert_eq!(
        asks(window.clone().build().unwrap()),
        ([true, false, false], true)
    );
    let slow = window
        .slow_call_rate_threshold(50)
        .slow_call_duration(MS(100));
    assert_eq!(asks(slow.build().unwrap()), ([true, false, true], true));
    let hung = Policy::builder().hung_calls(1).hung_call_duration(MS(100));
    assert_eq!(asks(hung.build().unwrap()), ([false, true, false], true));
    let when_old = DroppedPermit::FailureIfOlder(MS(1));
    let timed = Policy::builder().dropped_permit(when_old).build();
    assert_eq!(asks(timed.unwrap()), ([false, false, true], true));
}

#[test]
fn open_times_back_off_where_they_grow() {
    assert!(!Policy::default().open.backs_off());
    let growing = Policy::builder()
        .backoff_factor(1.001)
        .reset_timeout_max(MS(60_000));
    assert!(growing.build().unwrap().open.backs_off());
}

#[test]
fn a_check_looks_closely_where_calls_in_flight_or_a_forced_state_want_it() {
    let plain = Policy::default();
    let hung = Policy::builder()
        .hung_calls(1)
        .hung_call_duration(MS(1_000));
    let hung = hung.build().unwrap();
    assert!(!plain.checks_closely() && hung.checks_closely());
    for state in [Forced::Open, Forced::Disabled] {
        for (policy, in_flight) in [(plain, false), (hung, true)] {
            let forced = policy.with_forced(Some(state));
            assert!(forced.checks_closely() && forced.watches());
            assert_eq!(forced.with_forced(None), policy);
            assert_eq!(forced.with_forced(None).checks_closely(), in_flight);
        }
    }
}
