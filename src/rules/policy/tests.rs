//! A policy says what was set, and what it needs of a circuit.

use super::*;

const MS: fn(u64) -> Duration = Duration::from_millis;

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
fn a_rule_that_another_replaces_is_none() {
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
