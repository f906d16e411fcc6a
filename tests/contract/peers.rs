//! Defects of other breakers, as tests that fail with the same defect here. The peers' sources and
//! issues are named beside each.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use breakerbox::{
    CircuitBreaker, CircuitBreakerBuilder, CircuitState, Clock, ManualClock, Outcome, Policy,
    PolicyBuilder, Reported, SlidingWindow,
};

/// One hour after the clock's zero.
const START: u64 = 3_600_000;
const KEY: &str = "upstream";

type Breaker = CircuitBreaker<String, std::hash::RandomState, ManualClock>;
type Builder = CircuitBreakerBuilder<String, std::hash::RandomState, ManualClock>;

fn breaker(with: impl FnOnce(Builder) -> Builder) -> (Breaker, ManualClock) {
    let clock = ManualClock::new(START);
    let builder = CircuitBreaker::builder().clock(clock.clone());
    (with(builder).build().unwrap(), clock)
}

/// Makes a breaker whose circuit is open and due.
fn due(with: impl FnOnce(Builder) -> Builder) -> (Breaker, ManualClock) {
    let (breaker, clock) = breaker(|b| with(b.failure_threshold(1)));
    let _ = breaker.acquire(KEY).unwrap().failure();
    clock.advance_ms(30_000);
    (breaker, clock)
}

/// Makes a breaker under this policy.
fn breaker_under(policy: &PolicyBuilder) -> (Breaker, ManualClock) {
    breaker(|b| b.policy(policy.build().unwrap()))
}

fn state(breaker: &Breaker) -> CircuitState {
    breaker.peek(KEY).unwrap().state
}

/// Half-open admits every call: recloser, failsafe-rs, sentinel. Counts *completed* calls:
/// tower-resilience #382. Doesn't count the first probe: circuitbreaker-rs, virtrigaud #70. Admits
/// the loser of the race: recloser. More than N: resilience4j #1090, #1432.
#[test]
fn exactly_n_probes() {
    for n in 1..=5 {
        let (breaker, _) = due(|b| b.half_open_max(n).success_threshold(5));
        let out: Vec<_> = (0..n).map(|_| breaker.acquire(KEY).unwrap()).collect();
        assert!(breaker.acquire(KEY).is_err(), "{n}");
        drop(out);
    }
}

/// A probe that never reports holds its slot without end: resilience4j #935 and #903, gobreaker,
/// circuitbreaker-rs, nora #585, OmniRoute #13836.
#[test]
fn a_lost_probe_costs_its_lease() {
    let (breaker, clock) = due(|b| b);
    std::mem::forget(breaker.acquire(KEY).unwrap());
    clock.advance_ms(29_999);
    assert!(breaker.acquire(KEY).is_err());
    clock.advance_ms(1);
    let _ = breaker.acquire(KEY).unwrap().success();
    assert_eq!(state(&breaker), CircuitState::Closed);
}

/// A cancelled probe wedges the circuit: Hystrix #1621, resilience4j #333, circuitbreaker-rs.
#[test]
fn a_dropped_probe_is_given_back() {
    let (breaker, _) = due(|b| b);
    drop(breaker.acquire(KEY).unwrap());
    assert!(breaker.acquire(KEY).is_ok());
}

/// A refund after a transition credits the new half-open: resilience4j's `releasePermission`,
/// failsafe-go, denoland/std #7306.
#[test]
fn a_late_refund_frees_no_probe() {
    let (breaker, clock) = due(|b| b);
    let lost = breaker.acquire(KEY).unwrap();
    clock.advance_ms(30_000);
    let _probe = breaker.acquire(KEY).unwrap();
    assert_eq!(lost.ignore(), Reported::Recorded);
    assert!(breaker.acquire(KEY).is_err(), "one is in flight");
}

/// A result of the closed state is charged to the half-open: recloser, failsafe-rs,
/// tower-resilience, resilience4j, Polly. Dropped without notice: gobreaker #122.
#[test]
fn late_results_are_stale_and_reported_as_such() {
    for outcome in [Outcome::Success, Outcome::Failure] {
        let (breaker, clock) = breaker(|b| b.failure_threshold(1));
        let late = breaker.acquire(KEY).unwrap();
        let _ = breaker.acquire(KEY).unwrap().failure();
        clock.advance_ms(30_000);
        let _probe = breaker.acquire(KEY).unwrap();
        assert_eq!(late.report(outcome), Reported::Stale);
        assert_eq!(state(&breaker), CircuitState::HalfOpen);
    }
}

/// An ignored result uses up the only probe: Polly #311 and #717. It counts as a success: recloser,
/// Polly.
#[test]
fn an_ignored_result_neither_closes_nor_uses_up_the_probe() {
    let (breaker, _) = due(|b| b);
    let _ = breaker.acquire(KEY).unwrap().ignore();
    assert_eq!(state(&breaker), CircuitState::HalfOpen);
    assert!(breaker.acquire(KEY).is_ok());

    let (closed, _) = self::breaker(|b| b.failure_threshold(2));
    let _ = closed.acquire(KEY).unwrap().failure();
    let _ = closed.acquire(KEY).unwrap().ignore();
    let _ = closed.acquire(KEY).unwrap().failure();
    assert_eq!(state(&closed), CircuitState::Open, "two in a row");
}

/// The state is open before its deadline is set: sentinel-golang #408, circuitbreaker-rs. (The
/// models show it for threads; this test shows the moment after.)
#[test]
fn a_new_opening_has_its_whole_time() {
    let (breaker, clock) = breaker(|b| b.failure_threshold(1));
    for _ in 0..3 {
        let _ = breaker.acquire(KEY).unwrap().failure();
        let rejected = breaker.acquire(KEY).map(drop).unwrap_err();
        assert_eq!(rejected.retry_after(), Duration::from_secs(30));
        clock.advance_ms(30_000);
    }
}

/// A question whether a call would be admitted takes a permit: resilience4j #858.
#[test]
fn a_look_takes_no_permit() {
    let (breaker, _) = due(|b| b);
    for _ in 0..10 {
        assert_eq!(breaker.retry_after(KEY), Some(Duration::ZERO));
        assert_eq!(state(&breaker), CircuitState::Open);
    }
    assert!(breaker.acquire(KEY).is_ok());
}

/// Callbacks under the lock deadlock when they use the breaker: gobreaker #37, sentinel-rust,
/// tower-resilience.
#[test]
fn a_listener_may_use_the_breaker() {
    let slot: Arc<Mutex<Option<Breaker>>> = Arc::default();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let (inner, ear) = (Arc::clone(&slot), Arc::clone(&seen));
    let (breaker, _) = breaker(move |b| {
        b.failure_threshold(1).on_state_change(move |change| {
            let breaker = inner.lock().unwrap().clone().unwrap();
            let rejected = breaker.acquire(&*change.key).is_err();
            ear.lock()
                .unwrap()
                .push((breaker.peek(&*change.key).unwrap().state, rejected));
        })
    });
    *slot.lock().unwrap() = Some(breaker.clone());
    let _ = breaker.acquire(KEY).unwrap().failure();
    *slot.lock().unwrap() = None;
    assert_eq!(*seen.lock().unwrap(), [(CircuitState::Open, true)]);
}

/// A count window doesn't slide: tower-resilience, circuitbreaker-rs. It needs one call more than
/// its length, and doesn't trip on the call that fills it: recloser #10. Size 1 fails: resilience4j
/// #2334.
#[test]
fn a_window_slides_and_needs_no_more_calls_than_its_length() {
    let window = |calls| {
        Policy::builder()
            .sliding_window(SlidingWindow::Calls(calls))
            .failure_rate_threshold(50)
    };
    for calls in [1, 2, 3, 16, 17, 1_000] {
        let (full, _) = breaker_under(&window(calls));
        for _ in 0..calls {
            let _ = full.acquire(KEY).unwrap().failure();
            if state(&full) == CircuitState::Open {
                break;
            }
        }
        assert_eq!(state(&full), CircuitState::Open, "{calls}");

        let (slid, _) = breaker_under(&window(calls));
        for _ in 0..10 * calls {
            let _ = slid.acquire(KEY).unwrap().success();
        }
        for _ in 0..calls.div_ceil(2) {
            assert_eq!(state(&slid), CircuitState::Closed, "{calls}");
            let _ = slid.acquire(KEY).unwrap().failure();
        }
        assert_eq!(state(&slid), CircuitState::Open, "old successes have left");
    }
}

/// A burst weighs less where calls come close together: moving averages, as in failsafe-rs and
/// linkerd's success rate.
#[test]
fn a_burst_counts_in_full() {
    for gap_ms in [0, 10, 900] {
        let (breaker, clock) = breaker_under(
            &Policy::builder()
                .sliding_window(SlidingWindow::Time(Duration::from_secs(10)))
                .failure_rate_threshold(50)
                .minimum_calls(10),
        );
        for _ in 0..10 {
            let _ = breaker.acquire(KEY).unwrap().failure();
            clock.advance_ms(gap_ms);
        }
        assert_eq!(state(&breaker), CircuitState::Open, "{gap_ms} ms apart");
    }
}

/// A counter compared with `==` goes past its threshold, and then never trips: Envoy #40697.
#[test]
fn a_count_past_its_threshold_trips() {
    let (breaker, _) = breaker(|b| b.failure_threshold(100));
    for _ in 0..10 {
        breaker.store().record_failure(KEY);
    }
    let mut lower = breaker.policies();
    lower = lower.key(
        KEY.into(),
        Policy::builder().failure_threshold(5).build().unwrap(),
    );
    breaker.set_policies(lower);
    let _ = breaker.acquire(KEY).unwrap().failure();
    assert_eq!(state(&breaker), CircuitState::Open);
}

/// The wall clock steps, and the circuit stays open for the size of the step: hoglet #25,
/// zio-openfeature #263, resilience4j, sentinel. The same happens here with such a clock: a time is
/// over when the clock shows its end. `SystemClock` never steps back. No answer names more than the
/// timeout, or a negative time: gh-aw-mcpg #10686.
#[test]
fn a_clock_that_steps_back_delays_recovery_by_the_step() {
    let (open, clock) = breaker(|b| b.failure_threshold(1));
    let _ = open.acquire(KEY).unwrap().failure();
    clock.set(0);
    assert_eq!(admitted_at(&open, &clock), START + 30_000);

    let (half_open, clock) = due(|b| b);
    let _lost = half_open.acquire(KEY).unwrap();
    clock.set(0);
    assert_eq!(admitted_at(&half_open, &clock), START + 60_000);

    let (open, clock) = breaker(|b| b.failure_threshold(1));
    let _ = open.acquire(KEY).unwrap().failure();
    clock.set(u64::MAX);
    assert!(open.acquire(KEY).is_ok());
}

/// Returns when a caller that asks each second is admitted. Checks that no answer is longer than
/// the timeout.
fn admitted_at(breaker: &Breaker, clock: &ManualClock) -> u64 {
    while let Err(rejected) = breaker.acquire(KEY).map(drop) {
        let wait = rejected.retry_after();
        assert!(
            !wait.is_zero() && wait <= Duration::from_secs(30),
            "{wait:?}"
        );
        clock.advance_ms(1_000);
    }
    clock.now_ms()
}

/// Huge durations overflow: failsafe-rs' exponential back-off, and Polly's test of it.
#[test]
fn huge_durations_saturate() {
    let (breaker, clock) = breaker_under(
        &Policy::builder()
            .failure_threshold(1)
            .reset_timeout(Duration::MAX)
            .backoff_factor(100.0)
            .reset_timeout_max(Duration::MAX)
            .jitter(100),
    );
    let _ = breaker.acquire(KEY).unwrap().failure();
    clock.advance(Duration::from_secs(3_000_000_000));
    let rejected = breaker.acquire(KEY).map(drop).unwrap_err();
    assert!(rejected.retry_after() > Duration::from_secs(1_000_000_000));
}

/// Fewer probes than successes required never close: kora #246, circuitbreaker-rs.
#[test]
fn fewer_probes_at_a_time_than_successes_required_still_close() {
    let (breaker, _) = due(|b| b.half_open_max(1).success_threshold(4));
    for _ in 0..4 {
        assert_ne!(state(&breaker), CircuitState::Closed);
        let _ = breaker.acquire(KEY).unwrap().success();
    }
    assert_eq!(state(&breaker), CircuitState::Closed);
}

/// The back-off doesn't grow, or a racing success undoes it: Envoy #26758, ldbc #731.
#[test]
fn back_off_grows_over_failed_probes_and_survives_a_late_success() {
    let (breaker, clock) =
        breaker_under(&Policy::builder().failure_threshold(1).backoff_factor(2.0));
    let late = breaker.acquire(KEY).unwrap();
    let _ = breaker.acquire(KEY).unwrap().failure();
    for secs in [30, 60, 120] {
        let rejected = breaker.acquire(KEY).map(drop).unwrap_err();
        assert_eq!(rejected.retry_after(), Duration::from_secs(secs));
        clock.advance(Duration::from_secs(secs));
        let _ = breaker.acquire(KEY).unwrap().failure();
    }
    assert_eq!(late.success(), Reported::Stale);
    let rejected = breaker.acquire(KEY).map(drop).unwrap_err();
    assert_eq!(rejected.retry_after(), Duration::from_secs(240));
}

/// Calls in flight that hang don't trip until they end: gobreaker #91, resilience4j #1597.
#[test]
fn hung_calls_trip_while_they_hang() {
    let (breaker, clock) = breaker_under(
        &Policy::builder()
            .hung_calls(3)
            .hung_call_duration(Duration::from_secs(5)),
    );
    let _out: Vec<_> = (0..3).map(|_| breaker.acquire(KEY).unwrap()).collect();
    clock.advance_ms(5_000);
    assert!(breaker.acquire(KEY).is_err());
}

/// Every key ever seen stays: resilience4j #650, #2243, fedify #916, GoModel #896. (`memory.rs`
/// tests the bound.)
#[test]
fn healthy_keys_are_not_kept() {
    let (breaker, _) = breaker(|b| b);
    for n in 0..1_000 {
        let key = format!("{n}");
        let _ = breaker.acquire(&*key).unwrap().success();
        assert!(breaker.peek(&*key).is_none());
    }
    assert!(breaker.is_empty());
}
