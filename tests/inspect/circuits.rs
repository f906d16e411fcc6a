//! The statistics that a circuit shows.

use std::sync::{Arc, Mutex};
use std::time::{Duration, UNIX_EPOCH};

use breakerbox::{
    CircuitBreaker, CircuitState, ManualClock, Outcome, PolicySet, SlidingWindow, StateChange,
};

use super::{Breaker, START, breaker, fail, policy, stats};
use CircuitState::{Closed, Disabled, ForcedOpen, HalfOpen, Open};

#[test]
fn an_unknown_circuit_shows_as_closed() {
    let (breaker, _) = breaker(policy(|p| p));
    let _ = breaker.acquire("k").unwrap().success();
    assert_eq!(breaker.stats("k"), None);
    assert_eq!(breaker.store().stats("k"), None);
    breaker.for_each_stats(|key, _| panic!("{key} is known"));
    fail(&breaker, "k");
    breaker.store().reset("k");
    assert_eq!(breaker.stats("k"), None);
}

#[test]
fn an_open_circuit_shows_its_end() {
    let (breaker, clock) = breaker(policy(|p| p.backoff_factor(2.0)));
    fail(&breaker, "k");
    assert_eq!(stats(&breaker, "k").open_until, Some(START + 30_000));
    clock.advance_ms(10_000);
    assert_eq!(stats(&breaker, "k").open_until, Some(START + 30_000));
    let at = UNIX_EPOCH + Duration::from_millis(START + 30_000);
    assert_eq!(stats(&breaker, "k").open_until_time(), Some(at));
    assert_eq!(breaker.store().stats("k"), breaker.stats("k"));

    // Its time is over, and no call has come.
    clock.advance_ms(20_000);
    assert_eq!(stats(&breaker, "k").open_until, Some(START + 30_000));
    fail(&breaker, "k");
    assert_eq!(stats(&breaker, "k").open_until, Some(START + 90_000));

    for (state, until) in [(ForcedOpen, None), (Closed, None), (Disabled, None)] {
        breaker.store().transition("k", state);
        let seen = stats(&breaker, "k");
        assert_eq!((seen.snapshot.state, seen.open_until), (state, until));
    }
}

/// Opened by hand, with no check that fixed its time: a look doesn't fix it either.
#[test]
fn a_time_that_is_not_fixed_comes_from_the_policy() {
    let (breaker, _) = breaker(policy(|p| p));
    breaker.store().transition("k", Open);
    assert_eq!(breaker.store().stats("k").unwrap().open_until, None);
    assert_eq!(stats(&breaker, "k").open_until, Some(START + 30_000));
    breaker.set_policies(PolicySet::new(policy(|p| {
        p.reset_timeout(Duration::from_secs(5))
    })));
    assert_eq!(stats(&breaker, "k").open_until, Some(START + 5_000));
    assert!(breaker.acquire("k").is_err());
    breaker.set_policies(PolicySet::new(policy(|p| p)));
    assert_eq!(stats(&breaker, "k").open_until, Some(START + 5_000));
    assert_eq!(
        breaker.store().stats("k").unwrap().open_until,
        Some(START + 5_000)
    );
}

#[test]
fn a_half_open_circuit_counts_its_probes() {
    let (breaker, clock) = breaker(policy(|p| p.half_open_max(3).success_threshold(3)));
    fail(&breaker, "k");
    clock.advance_ms(30_000);
    let mut probes: Vec<_> = (0..3).map(|_| breaker.acquire("k").unwrap()).collect();
    let seen = stats(&breaker, "k");
    assert_eq!((seen.snapshot.state, seen.probes_out), (HalfOpen, 3));
    assert_eq!((seen.open_until, seen.window), (None, None));
    let _ = probes.pop().unwrap().success();
    assert_eq!(stats(&breaker, "k").probes_out, 2);
    drop(probes.pop());
    assert_eq!(stats(&breaker, "k").probes_out, 1);
    let _ = probes.pop().unwrap().failure();
    assert_eq!(stats(&breaker, "k").probes_out, 0, "open again");

    // The slots of a lease that is over are handed out again, and count once.
    clock.advance_ms(30_000);
    let _lost: Vec<_> = (0..3).map(|_| breaker.acquire("k").unwrap()).collect();
    clock.advance_ms(30_000);
    let _probe = breaker.acquire("k").unwrap();
    assert_eq!(stats(&breaker, "k").probes_out, 1);
}

#[test]
fn a_window_shows_its_counts() {
    let slow = Duration::from_secs(1);
    for window in [
        SlidingWindow::Calls(3),
        SlidingWindow::Time(Duration::from_secs(10)),
    ] {
        let (breaker, clock) = breaker(policy(|p| {
            p.failure_threshold(1_000)
                .sliding_window(window)
                .failure_rate_threshold(100)
                .slow_call_rate_threshold(100)
                .slow_call_duration(slow)
                .minimum_calls(3)
        }));
        breaker.store().get_state("k");
        assert_eq!(stats(&breaker, "k").window, None, "no call yet");
        let call = |outcome, ms| {
            let permit = breaker.acquire("k").unwrap();
            clock.advance_ms(ms);
            let _ = permit.report(outcome);
            let seen = stats(&breaker, "k").window.unwrap();
            (seen.calls, seen.failures, seen.slow)
        };
        assert_eq!(call(Outcome::Success, 0), (1, 0, 0));
        assert_eq!(call(Outcome::Failure, 0), (2, 1, 0));
        assert_eq!(call(Outcome::Ignored, 0), (2, 1, 0));
        assert_eq!(call(Outcome::Failure, 1_000), (3, 2, 1));
        clock.advance_ms(10_000);
        let left = stats(&breaker, "k").window.unwrap();
        match window {
            SlidingWindow::Time(_) => assert_eq!((left.calls, left.slow), (0, 0)),
            _ => assert_eq!((left.calls, left.failures), (3, 2)),
        }
        breaker.store().transition("k", Closed);
        assert_eq!(stats(&breaker, "k").window, None, "it begins anew");
    }
}

#[test]
fn a_change_tells_its_duration() {
    let heard: Arc<Mutex<Vec<StateChange<String>>>> = Arc::default();
    let ear = Arc::clone(&heard);
    let clock = ManualClock::new(START);
    let breaker = CircuitBreaker::builder()
        .clock(clock.clone())
        .policy(policy(|p| {
            p.backoff_factor(2.0)
                .retry_after_max(Duration::from_secs(300))
        }))
        .on_state_change(move |change| ear.lock().unwrap().push(change.clone()))
        .build()
        .unwrap();
    let _ = breaker.acquire("k").unwrap().failure();
    clock.advance_ms(30_000);
    let wish = breakerbox::Report::from(Outcome::Failure).retry_after(Duration::from_secs(200));
    let _ = breaker.acquire("k").unwrap().report(wish);
    breaker.store().transition("k", Open);
    let _ = breaker.force_open("k");
    breaker.store().reset("k");
    let heard = heard.lock().unwrap();
    let told: Vec<_> = heard.iter().map(|c| (c.to, c.open_for)).collect();
    let seconds = |s| Some(Duration::from_secs(s));
    assert_eq!(
        told,
        [
            (Open, seconds(30)),
            (HalfOpen, None),
            (Open, seconds(200)),
            (Open, None),
            (ForcedOpen, None),
            (Closed, None),
        ]
    );
    let at = UNIX_EPOCH + Duration::from_millis(START);
    assert_eq!((heard[0].at, heard[0].at_time()), (START, at));
    assert_eq!(heard[2].cause.as_str(), "probes-failed");
}

/// Two breakers get the same calls, and one of them is looked at after each step.
#[test]
fn looks_have_no_effect() {
    let steps = if cfg!(miri) { 200 } else { 20_000 };
    let policy = policy(|p| {
        p.failure_threshold(3)
            .sliding_window(SlidingWindow::Time(Duration::from_millis(500)))
            .failure_rate_threshold(50)
            .minimum_calls(4)
            .half_open_max(2)
            .reset_timeout(Duration::from_millis(50))
            .backoff_factor(2.0)
            .jitter(20)
    });
    let (seen, seen_clock) = breaker(policy);
    let (unseen, unseen_clock) = breaker(policy);
    let mut random = fastrand::Rng::with_seed(7);
    let mut permits = Vec::new();
    for step in 0..steps {
        let key = ["a", "b", "c"][random.usize(0..3)];
        let action = random.u8(0..20);
        let ms = random.u64(0..60);
        let state = CircuitState::ALL[random.usize(0..5)];
        match action {
            0 => [&seen_clock, &unseen_clock].map(|clock| clock.advance_ms(ms)),
            1 => [&seen, &unseen].map(|breaker| {
                breaker.store().transition(key, state);
            }),
            2 => [&seen, &unseen].map(|breaker| breaker.store().reset(key)),
            3..11 => {
                let asked = [&seen, &unseen].map(|breaker| breaker.acquire_owned(key));
                let [one, other] = asked;
                assert_eq!(one.is_ok(), other.is_ok(), "step {step}");
                match (one, other) {
                    (Ok(one), Ok(other)) => permits.push((one, other)),
                    (one, other) => assert_eq!(one.err(), other.err(), "step {step}"),
                }
                [(), ()]
            }
            _ if permits.is_empty() => continue,
            _ => {
                let (one, other) = permits.swap_remove(random.usize(0..permits.len()));
                let outcome = match action {
                    11..15 => Outcome::Failure,
                    15..19 => Outcome::Success,
                    _ => Outcome::Ignored,
                };
                assert_eq!(one.report(outcome), other.report(outcome), "step {step}");
                [(), ()]
            }
        };
        let one = seen.stats(key);
        assert_eq!(one, seen.stats(key));
        seen.store().stats(key);
        seen.for_each_stats(|_, _| ());
        seen.totals();
        assert_eq!(seen.peek(key), unseen.peek(key), "step {step}");
        #[cfg(feature = "serde")]
        if step % 100 == 0 {
            let sorted = |breaker: &Breaker| {
                let export = breaker.store().export();
                let all = export.iter().map(|(key, one)| (key.clone(), *one));
                let mut all: Vec<_> = all.collect();
                all.sort_by(|one, other| one.0.cmp(&other.0));
                all
            };
            assert_eq!(sorted(&seen), sorted(&unseen), "step {step}");
        }
    }
    assert_eq!(seen.totals(), unseen.totals());
}
