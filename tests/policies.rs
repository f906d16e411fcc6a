//! Policies by key, and their replacement while calls run.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use breakerbox::{
    CircuitBreaker, CircuitState, DroppedPermit, Forced, ManualClock, Outcome, Policy,
    PolicyBuilder, PolicySet, Report, Reported, SlidingWindow,
};

type Breaker = CircuitBreaker<String, std::hash::RandomState, ManualClock>;

const START: u64 = 1_000_000;

fn policy(settings: PolicyBuilder) -> Policy {
    settings.build().unwrap()
}

fn threshold(failures: u32) -> Policy {
    policy(Policy::builder().failure_threshold(failures))
}

fn rate(calls: u32) -> PolicyBuilder {
    Policy::builder()
        .sliding_window(SlidingWindow::Calls(calls))
        .failure_rate_threshold(50)
}

fn breaker(policies: PolicySet<String>) -> (Breaker, ManualClock) {
    let clock = ManualClock::new(START);
    let builder = CircuitBreaker::builder().clock(clock.clone());
    (builder.policy(policies).build().unwrap(), clock)
}

fn fail(breaker: &Breaker, key: &str, times: u32) {
    for _ in 0..times {
        assert_eq!(breaker.acquire(key).unwrap().failure(), Reported::Recorded);
    }
}

fn is_open(breaker: &Breaker, key: &str) -> bool {
    breaker
        .peek(key)
        .is_some_and(|circuit| circuit.state == CircuitState::Open)
}

#[test]
fn the_most_specific_policy_applies() {
    let set = PolicySet::new(threshold(1))
        .key("/a/exact".into(), threshold(2))
        .prefix("/a/", threshold(3))
        .prefix("/a/b/", threshold(4))
        .class("slow", threshold(5))
        .classify(|key: &String| key.ends_with("slow").then_some("slow"));
    let (breaker, _) = breaker(set);
    for (key, failures) in [
        ("/other", 1),
        ("", 1),
        ("/a/exact", 2),
        ("/a/slow", 3),
        ("/a/b/slow", 4),
        ("/b/slow", 5),
    ] {
        assert_eq!(breaker.policy(key), threshold(failures), "{key}");
        fail(&breaker, key, failures - 1);
        assert!(!is_open(&breaker, key), "{key}");
        fail(&breaker, key, 1);
        assert!(is_open(&breaker, key), "{key}");
    }
}

/// A factor is kept to three decimals, and what is above 1 stays above 1.
#[test]
fn a_factor_above_1_backs_off_however_little() {
    let minute = Duration::from_secs(60);
    for (given, kept) in [
        (1.0004, 1.001),
        (1.000_000_1, 1.001),
        (1.001, 1.001),
        (1.0016, 1.002),
    ] {
        let settings = Policy::builder().backoff_factor(given);
        let backs_off = policy(settings.reset_timeout_max(minute).stable_after(minute));
        assert_eq!(backs_off.backoff_factor(), kept, "{given}");
        assert_eq!(policy(backs_off.to_builder()), backs_off);
    }
    let settings = Policy::builder().backoff_factor(1.0);
    assert_eq!(policy(settings.clone()), Policy::default());
    let error = settings.reset_timeout_max(minute).build().unwrap_err();
    assert_eq!(error.field(), "reset_timeout_max");
}

#[test]
fn a_lower_threshold_applies_from_the_next_call_on() {
    let (breaker, _) = breaker(PolicySet::new(threshold(100)));
    let handle = breaker.circuit("kept").unwrap();
    fail(&breaker, "kept", 3);
    breaker.set_policies(PolicySet::new(threshold(4)));
    assert!(!is_open(&breaker, "kept"), "counts stay");
    assert_eq!(handle.acquire().unwrap().failure(), Reported::Recorded);
    assert!(is_open(&breaker, "kept"));
}

#[test]
fn an_open_circuit_keeps_its_time() {
    let wait = |secs| {
        let settings = Policy::builder().failure_threshold(1);
        PolicySet::new(policy(settings.reset_timeout(Duration::from_secs(secs))))
    };
    let (breaker, clock) = breaker(wait(60));
    fail(&breaker, "k", 1);
    breaker.set_policies(wait(1));
    clock.advance_ms(59_999);
    assert_eq!(
        breaker
            .acquire("k")
            .map(drop)
            .unwrap_err()
            .retry_after_secs(),
        1
    );
    clock.advance_ms(1);
    fail(&breaker, "k", 1);
    assert_eq!(
        breaker
            .acquire("k")
            .map(drop)
            .unwrap_err()
            .retry_after_secs(),
        1
    );
    clock.advance_ms(1_000);
    assert!(breaker.acquire("k").is_ok(), "opened under the new rules");
}

#[test]
fn a_window_is_kept_unless_its_length_changes() {
    let set = |settings: PolicyBuilder| PolicySet::new(policy(settings));
    let (breaker, _) = breaker(set(rate(10).minimum_calls(10)));
    fail(&breaker, "k", 5);
    // Another threshold over the same window: the five failures still count.
    breaker.set_policies(set(rate(10).minimum_calls(6)));
    fail(&breaker, "k", 1);
    assert!(is_open(&breaker, "k"));

    breaker.reset("k");
    fail(&breaker, "k", 5);
    // Another length: the window begins anew.
    breaker.set_policies(set(rate(20).minimum_calls(6)));
    fail(&breaker, "k", 5);
    assert!(!is_open(&breaker, "k"));
    fail(&breaker, "k", 1);
    assert!(is_open(&breaker, "k"));
}

fn hung(settings: PolicyBuilder) -> PolicyBuilder {
    let long = Duration::from_secs(1);
    settings.hung_calls(1).hung_call_duration(long)
}

#[test]
fn a_window_is_kept_with_rules_that_count_calls_in_flight() {
    let set = |settings: PolicyBuilder| PolicySet::new(policy(settings));
    let (breaker, _) = breaker(set(rate(10).minimum_calls(6)));
    fail(&breaker, "k", 5);
    breaker.set_policies(set(hung(rate(10).minimum_calls(6))));
    fail(&breaker, "k", 1);
    assert!(is_open(&breaker, "k"));
}

#[test]
fn a_window_is_dropped_with_the_rules_that_need_it() {
    let set = |settings: PolicyBuilder| PolicySet::new(policy(settings));
    let (breaker, _) = breaker(set(hung(rate(10).minimum_calls(6))));
    fail(&breaker, "k", 5);
    breaker.set_policies(set(hung(Policy::builder())));
    breaker.set_policies(set(hung(rate(10).minimum_calls(6))));
    fail(&breaker, "k", 5);
    assert!(!is_open(&breaker, "k"));
    fail(&breaker, "k", 1);
    assert!(is_open(&breaker, "k"));
}

/// A call gives back its own in-flight slot, once, though the rules that count calls in flight were
/// dropped and put back meanwhile.
#[test]
fn an_in_flight_slot_outlives_the_rules_that_need_it() {
    let counted = || PolicySet::new(policy(hung(Policy::builder())));
    for by_handle in [false, true] {
        let (breaker, clock) = breaker(counted());
        let circuit = breaker.circuit("k").unwrap();
        let begin = || match by_handle {
            true => circuit.acquire_owned(),
            false => breaker.acquire_owned("k"),
        };
        let first = begin().unwrap();
        breaker.set_policies(PolicySet::new(threshold(5)));
        let second = begin().unwrap();
        assert_eq!(second.success(), Reported::Recorded);
        breaker.set_policies(counted());
        let third = begin().unwrap();
        assert_eq!(first.success(), Reported::Recorded);
        clock.advance_ms(1_000);
        // The third hangs, whatever the first one gave back.
        assert!(begin().is_err());
        drop(third);

        breaker.reset("k");
        let fourth = begin().unwrap();
        breaker.set_policies(PolicySet::new(threshold(5)));
        assert_eq!(fourth.success(), Reported::Recorded);
        breaker.set_policies(counted());
        clock.advance_ms(1_000);
        assert!(begin().is_ok(), "nothing hangs");
        breaker.set_policies(counted());
    }
}

/// The successes of a key are counted although its circuit is clean or doesn't exist, while another
/// circuit has failures to forget.
#[test]
fn a_window_counts_successes_of_clean_keys() {
    let policy = rate(4).minimum_calls(4).build().unwrap();
    let (breaker, _) = breaker(PolicySet::new(policy));
    for other in ["a", "b", "c"] {
        breaker.store().record_failure(other);
    }
    for _ in 0..2 {
        let permit = breaker.acquire("key").unwrap();
        assert_eq!(permit.success(), Reported::Recorded);
    }
    fail(&breaker, "key", 1);
    assert!(!is_open(&breaker, "key"), "one of three calls");
    fail(&breaker, "key", 1);
    assert!(is_open(&breaker, "key"), "two of four");
}

#[test]
fn rules_without_windows_restore_the_fast_path() {
    let (breaker, _) = breaker(PolicySet::new(policy(rate(10))));
    let _ = breaker.acquire("k").unwrap().success();
    assert_eq!(breaker.len(), 1, "a window is in a circuit");
    breaker.set_policies(PolicySet::new(threshold(5)));
    breaker.clear();
    let _ = breaker.acquire("k").unwrap().success();
    assert_eq!(breaker.len(), 0, "a success creates nothing");

    // The other direction, with a handle that exists already.
    let handle = breaker.circuit("k").unwrap();
    breaker.set_policies(PolicySet::new(policy(rate(4))));
    for _ in 0..2 {
        let _ = handle.acquire().unwrap().success();
        let _ = handle.acquire().unwrap().failure();
    }
    assert!(is_open(&breaker, "k"), "each of the four was counted");
}

#[test]
fn rules_of_one_key_do_not_touch_another() {
    let set = PolicySet::new(threshold(5)).key("timed".to_string(), policy(rate(4)));
    let (breaker, _) = breaker(set);
    let _ = breaker.acquire("plain").unwrap().success();
    assert!(breaker.peek("plain").is_none());
    let _ = breaker.acquire("timed").unwrap().success();
    assert!(breaker.peek("timed").is_some());
}

#[test]
fn a_permit_is_measured_by_the_rules_that_admitted_it() {
    let slow = policy(
        Policy::builder()
            .sliding_window(SlidingWindow::Calls(1))
            .slow_call_rate_threshold(100)
            .slow_call_duration(Duration::from_secs(1)),
    );
    let (breaker, clock) = breaker(PolicySet::new(slow));
    let permit = breaker.acquire("k").unwrap();
    clock.advance_ms(1_000);
    let _ = permit.success();
    assert!(is_open(&breaker, "k"));
}

#[test]
fn a_dropped_permit_means_what_its_policy_says() {
    let one = || Policy::builder().failure_threshold(1);
    let when_old = DroppedPermit::FailureIfOlder(Duration::from_secs(1));
    let set = PolicySet::new(threshold(1))
        .key(
            "fails".to_string(),
            policy(one().dropped_permit(DroppedPermit::Failure)),
        )
        .key("ages".to_string(), policy(one().dropped_permit(when_old)));
    let (breaker, clock) = breaker(set);
    drop(breaker.acquire("ignores").unwrap());
    assert!(!is_open(&breaker, "ignores"));
    drop(breaker.acquire("fails").unwrap());
    assert!(is_open(&breaker, "fails"));
    let permit = breaker.acquire("ages").unwrap();
    clock.advance_ms(999);
    drop(permit);
    assert!(!is_open(&breaker, "ages"));
    let permit = breaker.acquire("ages").unwrap();
    clock.advance_ms(1_000);
    drop(permit);
    assert!(is_open(&breaker, "ages"));
}

/// Returns a policy that opens once as many of the last `calls` have failed as have succeeded.
fn half(window: SlidingWindow, calls: u32) -> PolicyBuilder {
    let settings = Policy::builder().sliding_window(window);
    settings.failure_rate_threshold(50).minimum_calls(calls)
}

/// However long a window has been quiet, the next success goes by the rules that are in place.
#[test]
fn a_success_goes_by_the_rules_in_place_after_a_quiet_window() {
    let (calls, second) = (SlidingWindow::Calls, Duration::from_secs(1));
    let time = SlidingWindow::Time(10 * second);
    let by_slowness = |window| {
        let settings = half(window, 2).slow_call_duration(second);
        settings.slow_call_rate_threshold(100)
    };
    // The rules of the quiet window, those that follow, and whether a success and a failure open
    // the circuit, or two slow successes.
    let cases = [
        (calls(3), half(time, 2), true, false),
        (calls(3), half(calls(2), 2), true, false),
        (calls(3), half(calls(4), 3), false, false),
        (
            calls(3),
            Policy::builder().failure_threshold(2),
            false,
            false,
        ),
        (
            calls(3),
            Policy::builder().failure_threshold(1),
            true,
            false,
        ),
        (calls(3), by_slowness(calls(2)), true, true),
        (
            calls(3),
            half(calls(2), 2).forced(Forced::Disabled),
            false,
            false,
        ),
        (calls(3), hung(half(calls(2), 2)), true, false),
        (time, half(calls(2), 2), true, false),
        (time, half(calls(3), 3), false, false),
        (time, by_slowness(calls(2)), true, true),
        (time, half(time, 2).forced(Forced::Disabled), false, false),
        (time, Policy::builder().failure_threshold(2), false, false),
    ];
    let classes: [fn(PolicySet<String>) -> PolicySet<String>; 2] =
        [|set| set, |set| set.classify(|_: &String| Some("unknown"))];
    for (number, (quiet, next, opens, opens_slow)) in cases.into_iter().enumerate() {
        for (by_handle, classified, slow) in [
            (false, 0, false),
            (false, 1, false),
            (true, 0, false),
            (true, 1, false),
            (false, 0, true),
            (true, 0, true),
        ] {
            let quiet = half(quiet, 1);
            let (breaker, clock) = breaker(classes[classified](PolicySet::new(policy(quiet))));
            let circuit = breaker.circuit("k").unwrap();
            let call = |outcome| {
                let (permit, owned);
                let reported = match by_handle {
                    true => {
                        permit = circuit.acquire().unwrap();
                        clock.advance(if slow { second } else { Duration::ZERO });
                        permit.report(outcome)
                    }
                    false => {
                        owned = breaker.acquire("k").unwrap();
                        clock.advance(if slow { second } else { Duration::ZERO });
                        owned.report(outcome)
                    }
                };
                assert_eq!(reported, Reported::Recorded);
            };
            (0..7).for_each(|_| call(Outcome::Success));
            breaker.set_policies(classes[classified](PolicySet::new(policy(next.clone()))));
            call(Outcome::Success);
            call(if slow {
                Outcome::Success
            } else {
                Outcome::Failure
            });
            let expected = if slow { opens_slow } else { opens };
            let state = circuit.get_state().state;
            let is_open = state == CircuitState::Open;
            assert_eq!(
                is_open, expected,
                "{number}, {by_handle} {classified} {slow}"
            );
        }
    }
}

/// A success that comes after the look at the new rules goes by them, though the handle knows a
/// quiet window by the old ones.
#[test]
fn a_success_after_a_look_at_the_rules_goes_by_them() {
    let old = || PolicySet::new(policy(half(SlidingWindow::Calls(1), 1)));
    let new = || PolicySet::new(policy(half(SlidingWindow::Calls(2), 2)));
    let (breaker, _) = breaker(old());
    let circuit = breaker.circuit("k").unwrap();
    for _ in 0..500 {
        breaker.set_policies(old());
        breaker.reset("k");
        for _ in 0..4 {
            let _ = circuit.acquire().unwrap().success();
        }
        thread::scope(|scope| {
            scope.spawn(|| breaker.set_policies(new()));
            while breaker.policy("k").sliding_window() != Some(SlidingWindow::Calls(2)) {
                let _ = circuit.acquire().unwrap().success();
            }
            let _ = circuit.acquire().unwrap().success();
        });
        let _ = circuit.acquire().unwrap().failure();
        assert!(is_open(&breaker, "k"), "one of two failed");
    }
}

#[test]
fn every_call_is_decided_by_one_of_two_policy_sets() {
    // Both sets open at 2 failures, by different rules: under either, no third failure is ever
    // admitted, and no success is rejected.
    let count = || PolicySet::new(threshold(2));
    let window = || PolicySet::new(policy(rate(4).failures_in_window(2).minimum_calls(4)));
    let (breaker, _) = breaker(count());
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                breaker.set_policies(window());
                breaker.set_policies(count());
            }
        });
        let callers: Vec<_> = (0..2)
            .map(|caller| {
                let breaker = &breaker;
                scope.spawn(move || {
                    for round in 0..2_000 {
                        let key = format!("{caller}/{round}");
                        for _ in 0..50 {
                            match breaker.acquire(&*key) {
                                Ok(permit) => drop(permit.report(Report::from(Outcome::Failure))),
                                Err(_) => break,
                            }
                        }
                        assert!(is_open(breaker, &key), "{key}");
                        breaker.reset(&*key);
                    }
                })
            })
            .collect();
        for caller in callers {
            caller.join().unwrap();
        }
        stop.store(true, Ordering::Relaxed);
    });
    breaker.set_policies(count());
    assert!(breaker.is_empty());
    let _ = breaker.acquire("after").unwrap().success();
    assert!(breaker.is_empty(), "and the fast path is back");
}

/// A duration of zero is taken as given; the call isn't measured instead.
#[test]
fn a_duration_of_zero_is_a_duration() {
    let second = Duration::from_secs(1);
    let slow = rate(10)
        .minimum_calls(1)
        .slow_call_rate_threshold(50)
        .slow_call_duration(second);
    let (breaker, clock) = breaker(PolicySet::new(policy(slow)));
    for (said, opens) in [(Some(Duration::ZERO), false), (None, true)] {
        let permit = breaker.acquire("a").unwrap();
        clock.advance(second * 3);
        let report = Report::from(Outcome::Success);
        let _ = permit.report(said.map_or(report, |said| report.took(said)));
        assert_eq!(is_open(&breaker, "a"), opens, "{said:?}");
    }
}

/// A circuit closed by hand counts as recovered: its next opening is the first of a series, whether
/// it was closed for long, for a moment, or disabled.
#[test]
fn closing_by_hand_ends_a_series_of_openings() {
    use breakerbox::Steering::{Disable, Enable, ForceClose, ForceOpen};
    let second = Duration::from_secs(1);
    let settings = Policy::builder()
        .failure_threshold(1)
        .reset_timeout(second)
        .backoff_factor(2.0);
    let (breaker, clock) = breaker(PolicySet::new(policy(settings)));
    let opens_for = |breaker: &Breaker| {
        fail(breaker, "a", 1);
        breaker.acquire("a").unwrap_err().retry_after()
    };
    for stable in [second, second * 1_000] {
        for by_hand in [&[ForceClose][..], &[Disable, Enable], &[ForceOpen, Enable]] {
            assert_eq!(opens_for(&breaker), second);
            clock.advance(second);
            let _ = breaker.acquire("a").unwrap().success();
            clock.advance(stable);
            for steering in by_hand {
                let _ = breaker.store().steer("a", *steering);
            }
            assert_eq!(opens_for(&breaker), second, "{by_hand:?} after {stable:?}");
            breaker.reset("a");
        }
    }
}

/// A smaller sample of probes, set while a circuit is half-open, judges the share of all that were
/// reported.
#[test]
fn a_smaller_sample_of_probes_keeps_the_share() {
    let sample = |n| {
        let settings = Policy::builder().half_open_max(10);
        PolicySet::new(policy(settings.probe_failure_rate(n, 50)))
    };
    let (breaker, _) = breaker(sample(100));
    breaker.store().transition("a", CircuitState::HalfOpen);
    for n in 0..20 {
        let permit = breaker.acquire("a").unwrap();
        let _ = if n % 4 == 3 {
            permit.failure()
        } else {
            permit.success()
        };
    }
    breaker.set_policies(sample(10));
    let _ = breaker.acquire("a").unwrap().success();
    let state = breaker.peek("a").map(|circuit| circuit.state);
    assert_eq!(state, Some(CircuitState::Closed), "5 of 21 failed");
}
