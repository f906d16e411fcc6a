//! What was set is what limits say; and what they ask of a circuit.

use super::*;

const MS: fn(u64) -> Duration = Duration::from_millis;

#[test]
fn every_setting_is_told() {
    let limits = Limits::builder()
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
        .build()
        .unwrap();
    assert_eq!(limits.failure_threshold(), Some(7));
    assert_eq!(limits.failure_counting(), FailureCounting::TotalFailures);
    assert_eq!(limits.sliding_window(), Some(SlidingWindow::Calls(60)));
    assert_eq!(limits.minimum_calls(), Some(30));
    assert_eq!(limits.failures_in_window(), Some(41));
    assert_eq!(limits.failure_rate_threshold(), Some(42));
    assert_eq!(limits.slow_call_rate_threshold(), Some(63));
    assert_eq!(limits.slow_call_duration(), Some(MS(1_500)));
    assert_eq!(limits.hung_calls(), Some(8));
    assert_eq!(limits.hung_call_duration(), Some(MS(20_000)));
    assert_eq!(limits.reset_timeout(), MS(2_000));
    assert!((limits.backoff_factor() - 1.5).abs() < f64::EPSILON);
    assert_eq!(limits.reset_timeout_max(), MS(61_000));
    assert_eq!(limits.stable_after(), MS(90_000));
    assert_eq!(limits.jitter(), 20);
    assert_eq!(limits.retry_after_max(), MS(70_000));
    assert_eq!(limits.half_open_max(), 3);
    assert_eq!(limits.success_threshold(), Some(5));
    assert_eq!(limits.probe_failures_allowed(), Some(2));
    assert_eq!(limits.probe_failure_rate(), None);
    assert_eq!(limits.probe_lease(), MS(45_000));
    assert_eq!(limits.half_open_timeout(), Some(MS(31_000)));
    assert_eq!(limits.after_half_open(), AfterHalfOpen::Closed);
}

#[test]
fn what_is_not_set_is_none() {
    let limits = Limits::default();
    assert_eq!(limits.failure_threshold(), Some(5));
    assert_eq!(limits.sliding_window(), None);
    assert_eq!(limits.minimum_calls(), None);
    assert_eq!(limits.failures_in_window(), None);
    assert_eq!(limits.failure_rate_threshold(), None);
    assert_eq!(limits.slow_call_duration(), None);
    assert_eq!(limits.hung_calls(), None);
    assert_eq!(limits.half_open_timeout(), None);
    let by_window = Limits::builder()
        .sliding_window(SlidingWindow::Time(MS(10_000)))
        .failure_rate_threshold(50)
        .build()
        .unwrap();
    assert_eq!(by_window.failure_threshold(), None);
    let by_rate = Limits::builder()
        .probe_failure_rate(10, 30)
        .build()
        .unwrap();
    assert_eq!(by_rate.probe_failure_rate(), Some((10, 30)));
    assert_eq!(by_rate.success_threshold(), None);
    assert_eq!(by_rate.probe_failures_allowed(), None);
}

/// Each kind of rule asks for what it needs, and for no more.
#[test]
fn rules_ask_for_what_they_need() {
    let asks = |limits: Limits| {
        let needs = [limits.windows(), limits.counts_in_flight(), limits.times()];
        (needs, limits.watches())
    };
    assert_eq!(asks(Limits::default()), ([false; 3], false));
    let window = Limits::builder()
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
    let hung = Limits::builder().hung_calls(1).hung_call_duration(MS(100));
    assert_eq!(asks(hung.build().unwrap()), ([false, true, false], true));
    let timed = Limits {
        timed: true,
        ..Limits::default()
    };
    assert_eq!(asks(timed), ([false, false, true], true));
}

#[test]
fn open_times_back_off_where_they_grow() {
    assert!(!Limits::default().open.backs_off());
    let growing = Limits::builder()
        .backoff_factor(1.001)
        .reset_timeout_max(MS(60_000));
    assert!(growing.build().unwrap().open.backs_off());
}
