//! Looking inside: each field and each count is reached, and looking changes nothing.

use std::future::{pending, ready};
use std::hash::{BuildHasherDefault, DefaultHasher};
use std::sync::{Arc, Mutex};
use std::time::{Duration, UNIX_EPOCH};

use breakerbox::{
    AsyncCircuitBreaker, CallError, Cause, CircuitBreaker, CircuitState, CircuitStats,
    DroppedPermit, EjectionCap, Forced, Group, InMemoryCircuitBreakerStore, ManualClock, Outcome,
    Policy, PolicyBuilder, PolicySet, Reported, SlidingWindow, StateChange, Steering,
};

use CircuitState::{Closed, Disabled, ForcedOpen, HalfOpen, Open};

type Hasher = BuildHasherDefault<DefaultHasher>;
type Breaker = CircuitBreaker<String, Hasher, ManualClock>;

const START: u64 = 1_000_000;

fn breaker(policies: impl Into<PolicySet<String>>) -> (Breaker, ManualClock) {
    let clock = ManualClock::new(START);
    let builder = CircuitBreaker::builder()
        .hasher(Hasher::default())
        .clock(clock.clone())
        .policy(policies);
    (builder.build().unwrap(), clock)
}

fn policy(settings: impl FnOnce(PolicyBuilder) -> PolicyBuilder) -> Policy {
    settings(Policy::builder().failure_threshold(1))
        .build()
        .unwrap()
}

fn fail(breaker: &Breaker, key: &str) {
    assert_eq!(breaker.acquire(key).unwrap().failure(), Reported::Recorded);
}

fn stats(breaker: &Breaker, key: &str) -> CircuitStats {
    breaker.stats(key).expect("it is known")
}

#[test]
fn what_is_not_known_is_closed() {
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
fn an_open_circuit_says_until_when() {
    let (breaker, clock) = breaker(policy(|p| p.backoff_factor(2.0)));
    fail(&breaker, "k");
    assert_eq!(stats(&breaker, "k").open_until, Some(START + 30_000));
    clock.advance_ms(10_000);
    assert_eq!(stats(&breaker, "k").open_until, Some(START + 30_000));
    let at = UNIX_EPOCH + Duration::from_millis(START + 30_000);
    assert_eq!(stats(&breaker, "k").open_until_time(), Some(at));
    assert_eq!(breaker.store().stats("k"), breaker.stats("k"));

    // Its time is over, and no call has asked.
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

/// By hand, no check has fixed the time yet: a look doesn't either.
#[test]
fn a_time_that_is_not_fixed_is_what_the_policy_would_say() {
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
fn a_window_shows_what_it_holds() {
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
fn rejections_are_counted_by_key() {
    let shadow = policy(|p| p.shadow(true));
    let set = PolicySet::new(policy(|p| p)).prefix("quiet/", shadow);
    let (breaker, _) = breaker(set);
    for key in ["a", "b", "quiet/c"] {
        fail(&breaker, key);
    }
    for (key, calls) in [("a", 3), ("b", 2), ("quiet/c", 4)] {
        for _ in 0..calls {
            let _ = breaker.acquire(key).map(|permit| permit.ignore());
        }
    }
    let a = breaker.circuit("a").unwrap();
    assert!(a.acquire().is_err());
    assert!(breaker.store().acquire("b", &policy(|p| p)).is_err());
    let counts = |key| {
        let seen = stats(&breaker, key);
        (seen.rejected, seen.shadowed)
    };
    assert_eq!(counts("a"), (4, 0));
    assert_eq!(counts("b"), (3, 0));
    assert_eq!(counts("quiet/c"), (0, 4));
    let totals = breaker.totals();
    assert_eq!((totals.rejected, totals.shadowed), (7, 4));
    assert_eq!(totals.rejected, breaker.store().rejections());
    assert_eq!(totals.shadowed, breaker.shadowed());

    // The bare store knows no shadow: it rejects.
    assert!(breaker.store().acquire("quiet/c", &shadow).is_err());
    assert_eq!(counts("quiet/c"), (1, 4));

    let mut all = Vec::new();
    breaker.for_each_stats(|key, seen| all.push((key.clone(), seen)));
    all.sort_by(|one, other| one.0.cmp(&other.0));
    let one_by_one = ["a", "b", "quiet/c"].map(|key| (key.to_owned(), stats(&breaker, key)));
    assert_eq!(all, one_by_one);

    // A handle keeps its circuit's counts over a reset; without one they begin anew.
    breaker.store().reset("a");
    breaker.store().reset("b");
    fail(&breaker, "a");
    fail(&breaker, "b");
    assert_eq!((counts("a"), counts("b")), ((4, 0), (0, 0)));
}

/// Where a state is forced on the key, the circuit isn't asked.
#[test]
fn what_is_forced_counts_in_total() {
    let closed = policy(|p| p.forced(Forced::Open));
    let set = PolicySet::new(policy(|p| p)).prefix("closed/", closed);
    let (breaker, _) = breaker(set);
    breaker.store().get_state("closed/a");
    assert!(breaker.acquire("closed/a").is_err());
    let b = breaker.circuit("by-hand/b").unwrap();
    breaker
        .store()
        .steer_prefix("by-hand/", Steering::ForceOpen);
    assert!(breaker.acquire("by-hand/b").is_err());
    assert!(b.acquire().is_err());
    assert_eq!(breaker.totals().rejected, 3);
    assert_eq!(stats(&breaker, "closed/a").rejected, 0);
    assert_eq!(stats(&breaker, "by-hand/b").rejected, 0);

    // A circuit that is forced open by its own key rejects by itself.
    breaker.store().steer("c", Steering::ForceOpen);
    assert!(breaker.acquire("c").is_err());
    assert_eq!(stats(&breaker, "c").rejected, 1);
}

#[test]
fn openings_are_counted_by_cause() {
    let window = |p: PolicyBuilder| {
        p.failure_threshold(1_000)
            .sliding_window(SlidingWindow::Calls(10))
    };
    let second = Duration::from_secs(1);
    let hung = policy(|p| {
        p.failure_threshold(1_000)
            .hung_calls(1)
            .hung_call_duration(second)
    });
    let pair = ["of a pair", "held back"].map(String::from);
    let pair = Group::of(pair, EjectionCap::AllButOne).unwrap();
    let set = PolicySet::new(policy(|p| p))
        .key(
            "total-failures".into(),
            policy(|p| p.failure_counting(breakerbox::FailureCounting::TotalFailures)),
        )
        .key(
            "failures-in-window".into(),
            policy(|p| window(p).failures_in_window(1)),
        )
        .key(
            "failure-rate".into(),
            policy(|p| window(p).failure_rate_threshold(1).minimum_calls(1)),
        )
        .key(
            "slow-call-rate".into(),
            policy(|p| {
                window(p)
                    .slow_call_rate_threshold(1)
                    .slow_call_duration(Duration::from_millis(1))
                    .minimum_calls(1)
            }),
        )
        .key("hung-calls".into(), hung)
        .key(
            "half-open-timeout".into(),
            policy(|p| p.half_open_timeout(second)),
        )
        .group("pair", pair);
    let (breaker, clock) = breaker(set);
    let opened = |label: &str| breaker.totals().opened.by(label);
    for key in [
        "consecutive-failures",
        "total-failures",
        "failures-in-window",
        "failure-rate",
    ] {
        fail(&breaker, key);
        assert_eq!(opened(key), 1, "{key}");
    }
    let slow = breaker.acquire("slow-call-rate").unwrap();
    clock.advance_ms(1);
    let _ = slow.success();
    assert_eq!(opened("slow-call-rate"), 1);
    let _hangs = breaker.acquire("hung-calls").unwrap();
    clock.advance(second);
    assert!(breaker.acquire("hung-calls").is_err());
    assert_eq!(opened("hung-calls"), 1);

    fail(&breaker, "half-open-timeout");
    clock.advance_ms(30_000);
    let _probe = breaker.acquire("half-open-timeout").unwrap();
    clock.advance(second);
    assert!(breaker.acquire("half-open-timeout").is_err());
    assert_eq!(opened("half-open-timeout"), 1);

    fail(&breaker, "consecutive-failures");
    assert_eq!(opened("probes-failed"), 1);
    breaker.store().transition("manual", Open);
    breaker.store().steer("manual", Steering::ForceOpen);
    breaker.store().transition("manual", Closed);
    assert_eq!(opened("manual"), 2, "forced open counts too");

    fail(&breaker, "of a pair");
    fail(&breaker, "held back");
    let totals = breaker.totals();
    assert_eq!(totals.held_back, 1);
    assert_eq!(totals.opened.total(), 12);
    assert_eq!(
        totals.opened.iter().map(|(_, count)| count).sum::<u64>(),
        12
    );
    assert_eq!(opened("reset-timeout"), 0, "it opens nothing");
    for (label, _) in totals.opened.iter() {
        assert!(Cause::LABELS.contains(&label));
    }
}

#[test]
fn what_became_of_calls_is_counted() {
    let failure = policy(|p| p.dropped_permit(DroppedPermit::Failure));
    let set = PolicySet::new(policy(|p| p.failure_threshold(2))).key("drops".into(), failure);
    let (breaker, _) = breaker(set);
    let late = breaker.acquire("k").unwrap();
    let later = breaker.acquire_owned("k").unwrap();
    let ignored = breaker.circuit("k").unwrap();
    let ignored = ignored.acquire_owned().unwrap();
    fail(&breaker, "k");
    fail(&breaker, "k");
    assert_eq!(late.failure(), Reported::Stale);
    assert_eq!(later.success(), Reported::Stale);
    assert_eq!(ignored.ignore(), Reported::Stale);
    let totals = breaker.totals();
    assert_eq!((totals.failed, totals.stale, totals.dropped), (3, 3, 0));

    drop(breaker.acquire("other").unwrap());
    drop(breaker.acquire_owned("other").unwrap());
    drop(breaker.circuit("other").unwrap().acquire().unwrap());
    assert_eq!((breaker.totals().dropped, breaker.totals().failed), (3, 3));
    drop(breaker.acquire("drops").unwrap());
    assert_eq!(stats(&breaker, "drops").snapshot.state, Open);
    assert_eq!((breaker.totals().dropped, breaker.totals().failed), (4, 4));
    let _ = breaker.acquire("other").unwrap().success();
    let _ = breaker.acquire("other").unwrap().ignore();
    let _ = breaker.clone().call("other", || Err::<(), _>(()));
    let totals = breaker.totals();
    assert_eq!((totals.dropped, totals.failed), (4, 5));
    assert_eq!(
        (totals.timed_out, totals.evicted, totals.untracked),
        (0, 0, 0)
    );
}

#[cfg(feature = "tokio")]
#[tokio::test(start_paused = true)]
async fn calls_that_take_too_long_are_counted() {
    let second = Duration::from_secs(1);
    let builder = CircuitBreaker::<String>::builder();
    let breaker = builder.call_timeout(second).build().unwrap();
    let hangs = breaker.call_async("k", pending::<Result<(), ()>>());
    assert_eq!(hangs.await, Err(CallError::TimedOut(second)));
    let handle = breaker.circuit("k").unwrap();
    let hangs = handle.call_async(pending::<Result<(), ()>>());
    assert_eq!(hangs.await, Err(CallError::TimedOut(second)));
    assert!(
        breaker
            .call_async("k", ready(Ok::<_, ()>(())))
            .await
            .is_ok()
    );
    // Cancelled from outside, it is one that was dropped.
    let cancelled = breaker.call_async("k", pending::<Result<(), ()>>());
    let _ = tokio::time::timeout(second / 2, cancelled).await;
    let totals = breaker.totals();
    assert_eq!((totals.timed_out, totals.failed, totals.dropped), (2, 2, 1));
}

#[cfg(feature = "tokio")]
#[tokio::test(start_paused = true)]
async fn a_breaker_over_any_store_counts_its_calls() {
    let second = Duration::from_secs(1);
    let store = Arc::new(InMemoryCircuitBreakerStore::<String>::new());
    let set = PolicySet::new(policy(|p| p)).prefix("quiet/", policy(|p| p.shadow(true)));
    let breaker = AsyncCircuitBreaker::<str>::builder(store)
        .policy(set)
        .call_timeout(second)
        .build()
        .unwrap();
    let late = breaker.acquire("k").await.unwrap();
    let hangs = breaker.call_async("k", pending::<Result<(), ()>>());
    assert_eq!(hangs.await, Err(CallError::TimedOut(second)));
    assert_eq!(late.success().await, Some(Reported::Stale));
    assert!(breaker.acquire("k").await.is_err());
    breaker.acquire("quiet/k").await.unwrap().failure().await;
    let untracked = breaker.acquire("quiet/k").await.unwrap();
    assert!(untracked.is_untracked());
    drop(untracked);
    drop(breaker.acquire("other").await.unwrap());
    let totals = breaker.clone().totals();
    let calls = (
        totals.failed,
        totals.timed_out,
        totals.stale,
        totals.dropped,
    );
    assert_eq!(calls, (2, 1, 1, 1));
    assert_eq!((totals.rejected, totals.shadowed), (1, 1));
    assert_eq!(totals.opened.total(), 0, "known to the store");
}

#[test]
fn a_change_says_for_how_long() {
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
    breaker.store().steer("k", Steering::ForceOpen);
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

/// Two breakers live the same life, and one of them is looked at all the time.
#[test]
fn looking_changes_nothing() {
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

/// Of many threads each rejection counts, whether in place or in shards.
#[test]
fn rejections_by_many_threads_are_all_counted() {
    let (breaker, _) = breaker(policy(|p| p));
    fail(&breaker, "k");
    let each = if cfg!(miri) { 20 } else { 20_000 };
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let handle = breaker.circuit("k").unwrap();
                for _ in 0..each {
                    assert!(breaker.acquire("k").is_err() && handle.acquire().is_err());
                }
            });
        }
    });
    assert_eq!(stats(&breaker, "k").rejected, 8 * each);
    assert_eq!(breaker.totals().rejected, 8 * each);
}
