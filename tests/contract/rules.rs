//! Rules: how circuits trip, stay open and recover, each on the breaker.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use breakerbox::{
    AfterHalfOpen, Cause, CircuitBreaker, CircuitState, ManualClock, Outcome, Policy,
    PolicyBuilder, PolicySet, Report, Reported, SlidingWindow,
};

/// 1 h after the clock's zero, so that the clock can step back.
const START: u64 = 3_600_000;

type Breaker = CircuitBreaker<String, std::hash::RandomState, ManualClock>;

const KEY: &str = "upstream";
const SUCCESS: Outcome = Outcome::Success;
const FAILURE: Outcome = Outcome::Failure;

/// A breaker under rules, its clock, and the causes of all changes that it announced.
struct Bench {
    breaker: Breaker,
    clock: ManualClock,
    causes: Arc<Mutex<Vec<(CircuitState, Cause)>>>,
}

impl Bench {
    fn new(settings: PolicyBuilder) -> Self {
        Self::under(settings.build().unwrap())
    }

    fn under(policy: Policy) -> Self {
        let clock = ManualClock::new(START);
        let causes = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&causes);
        let breaker = CircuitBreaker::builder()
            .clock(clock.clone())
            .policy(PolicySet::new(policy))
            .on_state_change(move |change| heard.lock().unwrap().push((change.to, change.cause)))
            .build()
            .unwrap();
        Self {
            breaker,
            clock,
            causes,
        }
    }

    fn call(&self, report: impl Into<Report>) -> Reported {
        self.breaker.acquire(KEY).unwrap().report(report)
    }

    fn calls(&self, times: u32, outcome: Outcome) {
        for _ in 0..times {
            assert_eq!(self.call(outcome), Reported::Recorded);
        }
    }

    fn took(&self, ms: u64, outcome: Outcome) {
        let permit = self.breaker.acquire(KEY).unwrap();
        self.clock.advance_ms(ms);
        assert_eq!(permit.report(outcome), Reported::Recorded);
    }

    fn state(&self) -> CircuitState {
        let circuit = self.breaker.peek(KEY);
        circuit.map_or(CircuitState::Closed, |circuit| circuit.state)
    }

    fn is_open(&self) -> bool {
        self.state() == CircuitState::Open
    }

    fn cause(&self) -> Cause {
        self.causes.lock().unwrap().last().unwrap().1
    }

    /// Returns how long it rejects from now on, in ms.
    fn rejects_for(&self) -> u64 {
        let rejected = self.breaker.acquire(KEY).map(drop).unwrap_err();
        let left = rejected.retry_after();
        assert_eq!(self.breaker.retry_after(KEY), Some(left));
        u64::try_from(left.as_millis()).unwrap()
    }

    /// Fails the probe that is due next, and returns how long the circuit rejects after that.
    fn reopened_for(&self) -> u64 {
        self.clock.advance_ms(self.rejects_for());
        self.calls(1, FAILURE);
        self.rejects_for()
    }
}

fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

fn of_calls(n: u32) -> PolicyBuilder {
    Policy::builder().sliding_window(SlidingWindow::Calls(n))
}

fn of_time(n: u64) -> PolicyBuilder {
    Policy::builder().sliding_window(SlidingWindow::Time(secs(n)))
}

#[test]
fn a_rate_opens_at_its_limit_from_the_minimum_on() {
    let bench = Bench::new(of_calls(20).failure_rate_threshold(50).minimum_calls(10));
    bench.calls(5, SUCCESS);
    bench.calls(4, FAILURE);
    assert!(!bench.is_open(), "9 calls");
    bench.calls(1, FAILURE);
    assert!(bench.is_open());
    let (failures, calls) = (5, 10);
    assert_eq!(bench.cause(), Cause::FailureRate { failures, calls });
}

#[test]
fn the_success_that_completes_the_minimum_opens() {
    let bench = Bench::new(of_calls(20).failure_rate_threshold(50).minimum_calls(10));
    bench.calls(9, FAILURE);
    assert!(!bench.is_open());
    bench.calls(1, SUCCESS);
    assert!(bench.is_open());
    let (failures, calls) = (9, 10);
    assert_eq!(bench.cause(), Cause::FailureRate { failures, calls });
}

#[test]
fn a_window_of_calls_slides_call_by_call() {
    let bench = Bench::new(of_calls(10).failure_rate_threshold(50));
    bench.calls(4, FAILURE);
    bench.calls(6, SUCCESS);
    // The four oldest leave one by one as others come in.
    for _ in 0..4 {
        bench.calls(1, FAILURE);
        assert!(!bench.is_open());
    }
    bench.calls(1, FAILURE);
    assert!(bench.is_open(), "5 of the last 10");
}

#[test]
fn a_window_of_one_call_holds_that_call() {
    let bench = Bench::new(of_calls(1).failure_rate_threshold(100));
    bench.calls(100, SUCCESS);
    bench.calls(1, FAILURE);
    assert!(bench.is_open());
}

#[test]
fn a_window_of_time_forgets_older_calls() {
    let settings = || of_time(10).failure_rate_threshold(50).minimum_calls(4);
    for (gap_ms, opens) in [(0, true), (2_000, true), (3_000, true), (4_000, false)] {
        let bench = Bench::new(settings());
        for _ in 0..4 {
            bench.calls(1, FAILURE);
            bench
                .clock
                .advance_ms(if bench.is_open() { 0 } else { gap_ms });
        }
        assert_eq!(bench.is_open(), opens, "4 failures, {gap_ms} ms apart");
    }
}

#[test]
fn idle_gaps_of_any_length_empty_a_window_of_time() {
    for gap_ms in [11_000, 100_000, 1 << 32, 1 << 40] {
        let bench = Bench::new(of_time(10).failure_rate_threshold(50).minimum_calls(4));
        bench.calls(3, FAILURE);
        bench.clock.advance_ms(gap_ms);
        bench.calls(3, FAILURE);
        assert!(!bench.is_open(), "{gap_ms} ms between");
        bench.calls(1, FAILURE);
        assert!(bench.is_open());
    }
}

#[test]
fn a_clock_that_steps_back_leaves_windows_valid() {
    // By less than the window: no call is lost. By more: the window begins anew.
    for (back_ms, missing) in [(1, 2), (9_000, 2), (3_600_000, 4)] {
        let bench = Bench::new(of_time(10).failure_rate_threshold(50).minimum_calls(4));
        bench.calls(2, FAILURE);
        bench.clock.set(START - back_ms);
        bench.calls(missing - 1, FAILURE);
        assert!(!bench.is_open(), "{back_ms} ms back");
        bench.calls(1, FAILURE);
        assert!(bench.is_open(), "{back_ms} ms back");
        assert!(bench.rejects_for() <= 30_000, "and it rejects no longer");
    }
}

#[test]
fn slow_calls_open_whether_they_failed_or_not() {
    let bench = Bench::new(
        of_calls(10)
            .slow_call_rate_threshold(50)
            .slow_call_duration(secs(1))
            .minimum_calls(4),
    );
    bench.took(999, SUCCESS);
    bench.took(0, FAILURE);
    bench.took(1_000, SUCCESS);
    assert!(!bench.is_open());
    bench.took(5_000, FAILURE);
    assert!(bench.is_open());
    let (slow, calls) = (2, 4);
    assert_eq!(bench.cause(), Cause::SlowCallRate { slow, calls });

    // A slow probe is no recovery.
    bench.clock.advance_ms(30_000);
    bench.took(1_000, SUCCESS);
    assert!(bench.is_open());
    bench.clock.advance_ms(30_000);
    bench.took(999, SUCCESS);
    assert_eq!(bench.state(), CircuitState::Closed);
}

#[test]
fn a_report_may_state_the_duration_of_its_call() {
    let settings = of_calls(2).slow_call_rate_threshold(100);
    let bench = Bench::new(settings.slow_call_duration(secs(1)));
    for _ in 0..2 {
        let _ = bench.call(Report::from(SUCCESS).took(secs(1)));
    }
    assert!(bench.is_open());
}

#[test]
fn hung_calls_open_before_they_end() {
    let settings = Policy::builder().hung_calls(2).hung_call_duration(secs(10));
    let bench = Bench::new(settings);
    let hanging: Vec<_> = (0..3)
        .map(|_| bench.breaker.acquire(KEY).unwrap())
        .collect();
    bench.clock.advance_ms(9_999);
    bench.calls(1, SUCCESS);
    bench.clock.advance_ms(1);
    assert!(bench.breaker.acquire(KEY).is_err());
    assert_eq!(bench.cause(), Cause::HungCalls { calls: 3 });
    for permit in hanging {
        assert_eq!(permit.success(), Reported::Stale);
    }
}

#[test]
fn any_of_several_rules_opens() {
    let both = || of_calls(20).failure_rate_threshold(50).failure_threshold(5);
    let bench = Bench::new(both());
    bench.calls(5, FAILURE);
    assert_eq!(bench.cause(), Cause::ConsecutiveFailures { failures: 5 });

    let bench = Bench::new(both());
    for _ in 0..10 {
        bench.calls(1, FAILURE);
        assert!(!bench.is_open());
        bench.calls(1, SUCCESS);
    }
    let (failures, calls) = (10, 20);
    assert_eq!(bench.cause(), Cause::FailureRate { failures, calls });

    let bench = Bench::new(of_time(60).failures_in_window(3));
    for _ in 0..2 {
        bench.calls(1, FAILURE);
        bench.calls(50, SUCCESS);
    }
    assert!(!bench.is_open());
    bench.calls(1, FAILURE);
    let (failures, calls) = (3, 103);
    assert_eq!(bench.cause(), Cause::FailuresInWindow { failures, calls });
}

#[test]
fn ignored_calls_are_in_no_window() {
    let bench = Bench::new(of_calls(4).failure_rate_threshold(50));
    bench.calls(3, FAILURE);
    bench.calls(100, Outcome::Ignored);
    drop(bench.breaker.acquire(KEY).unwrap());
    assert!(!bench.is_open());
    bench.calls(1, FAILURE);
    assert!(bench.is_open());
}

#[test]
fn a_circuit_that_closes_begins_with_an_empty_window() {
    let bench = Bench::new(of_calls(4).failure_rate_threshold(50));
    bench.calls(4, FAILURE);
    bench.clock.advance_ms(30_000);
    bench.calls(1, SUCCESS);
    assert_eq!(bench.state(), CircuitState::Closed);
    bench.calls(3, FAILURE);
    assert!(!bench.is_open());
}

#[test]
fn a_call_that_outlives_its_circuit_counts_in_no_later_window() {
    let bench = Bench::new(of_calls(1).failure_rate_threshold(100));
    let late = bench.breaker.acquire(KEY).unwrap();
    bench.calls(1, FAILURE);
    bench.clock.advance_ms(30_000);
    bench.calls(1, SUCCESS);
    assert_eq!(late.failure(), Reported::Stale);
    assert_eq!(bench.state(), CircuitState::Closed);
}

#[test]
fn open_times_grow_to_their_cap_and_begin_again_after_a_stable_time() {
    let settings = || {
        Policy::builder()
            .failure_threshold(1)
            .reset_timeout(secs(1))
            .backoff_factor(3.0)
            .reset_timeout_max(secs(10))
            .stable_after(secs(60))
    };
    let bench = Bench::new(settings());
    bench.calls(1, FAILURE);
    assert_eq!(bench.rejects_for(), 1_000);
    for expected in [3_000, 9_000, 10_000, 10_000] {
        assert_eq!(bench.reopened_for(), expected);
    }
    // Closed for only a short while: the series goes on.
    bench.clock.advance_ms(10_000);
    bench.calls(1, SUCCESS);
    bench.clock.advance_ms(59_999);
    bench.calls(1, FAILURE);
    assert_eq!(bench.rejects_for(), 10_000);

    bench.clock.advance_ms(10_000);
    bench.calls(1, SUCCESS);
    bench.clock.advance_ms(60_000);
    bench.calls(1, FAILURE);
    assert_eq!(bench.rejects_for(), 1_000);
}

#[test]
fn jitter_lengthens_within_its_share_and_is_the_same_for_all_callers() {
    let mut times = std::collections::HashSet::new();
    let settings = Policy::builder().failure_threshold(1).jitter(50);
    let bench = Bench::new(settings);
    for _ in 0..50 {
        bench.calls(1, FAILURE);
        let ms = bench.rejects_for();
        assert!((30_000..=45_000).contains(&ms), "{ms}");
        assert_eq!(bench.rejects_for(), ms);
        times.insert(ms);
        bench.breaker.reset(KEY);
    }
    assert!(times.len() > 10, "{times:?}");
}

#[test]
fn an_upstream_sets_the_open_time_within_bounds() {
    for (asked, expected) in [(10, 30_000), (60, 60_000), (3_600, 120_000)] {
        let settings = Policy::builder().failure_threshold(1);
        let bench = Bench::new(settings.retry_after_max(secs(120)));
        let _ = bench.call(Report::from(FAILURE).retry_after(secs(asked)));
        assert_eq!(bench.rejects_for(), expected);
    }
}

#[test]
fn some_probes_may_fail() {
    let settings = Policy::builder()
        .failure_threshold(1)
        .half_open_max(5)
        .success_threshold(3)
        .probe_failures_allowed(1);
    let bench = Bench::new(settings.clone());
    bench.calls(1, FAILURE);
    bench.clock.advance_ms(30_000);
    bench.calls(2, SUCCESS);
    bench.calls(1, FAILURE);
    assert_eq!(bench.state(), CircuitState::HalfOpen);
    bench.calls(1, SUCCESS);
    assert_eq!(bench.state(), CircuitState::Closed);
    let (succeeded, probes) = (3, 4);
    assert_eq!(bench.cause(), Cause::ProbesSucceeded { succeeded, probes });

    let bench = Bench::new(settings);
    bench.calls(1, FAILURE);
    bench.clock.advance_ms(30_000);
    bench.calls(2, FAILURE);
    assert!(bench.is_open());
    let (failed, probes) = (2, 2);
    assert_eq!(bench.cause(), Cause::ProbesFailed { failed, probes });
}

#[test]
fn the_share_of_probes_decides() {
    let settings = Policy::builder().failure_threshold(1).half_open_max(10);
    let bench = Bench::new(settings.probe_failure_rate(10, 30));
    bench.calls(1, FAILURE);
    bench.clock.advance_ms(30_000);
    bench.calls(2, FAILURE);
    bench.calls(7, SUCCESS);
    assert_eq!(bench.state(), CircuitState::HalfOpen);
    bench.calls(1, SUCCESS);
    assert_eq!(bench.state(), CircuitState::Closed);

    bench.calls(1, FAILURE);
    bench.clock.advance_ms(30_000);
    bench.calls(3, FAILURE);
    assert!(bench.is_open(), "certain after 3 of 10");
}

#[test]
fn no_more_probes_are_in_flight_than_allowed() {
    let settings = Policy::builder().failure_threshold(1).half_open_max(3);
    let bench = Bench::new(settings.success_threshold(5));
    bench.calls(1, FAILURE);
    bench.clock.advance_ms(30_000);
    let mut out: Vec<_> = (0..3)
        .map(|_| bench.breaker.acquire(KEY).unwrap())
        .collect();
    assert!(bench.breaker.acquire(KEY).is_err());
    assert_eq!(out.pop().unwrap().ignore(), Reported::Recorded);
    let _one = bench.breaker.acquire(KEY).unwrap();
    assert!(bench.breaker.acquire(KEY).is_err());
}

#[test]
fn an_undecided_half_open_ends_as_configured() {
    for (after, expected) in [
        (AfterHalfOpen::Open, CircuitState::Open),
        (AfterHalfOpen::Closed, CircuitState::Closed),
    ] {
        let settings = Policy::builder().failure_threshold(1).success_threshold(2);
        let bench = Bench::new(settings.half_open_timeout(secs(5)).after_half_open(after));
        bench.calls(1, FAILURE);
        bench.clock.advance_ms(30_000);
        bench.calls(1, SUCCESS);
        bench.clock.advance_ms(4_999);
        drop(bench.breaker.acquire(KEY).unwrap());
        bench.clock.advance_ms(1);
        let _ = bench.breaker.acquire(KEY).map(drop);
        assert_eq!(bench.state(), expected);
        assert_eq!(bench.cause(), Cause::HalfOpenTimeout);
    }
}

#[test]
fn a_shadow_decides_and_announces_but_rejects_nothing() {
    let policy = Policy::builder().failure_threshold(2).shadow(true);
    let bench = Bench::under(policy.build().unwrap());
    bench.calls(2, FAILURE);
    assert!(bench.is_open());
    for _ in 0..3 {
        let permit = bench.breaker.acquire(KEY).unwrap();
        assert_eq!(permit.failure(), Reported::Recorded);
    }
    assert_eq!(bench.breaker.shadowed(), 3);
    assert_eq!(bench.breaker.store().rejections(), 0);
    bench.clock.advance_ms(30_000);
    bench.calls(1, SUCCESS);
    assert_eq!(bench.state(), CircuitState::Closed);
    let heard: Vec<_> = bench
        .causes
        .lock()
        .unwrap()
        .iter()
        .map(|(to, _)| *to)
        .collect();
    use CircuitState::{Closed, HalfOpen, Open};
    assert_eq!(heard, [Open, HalfOpen, Closed]);
}
