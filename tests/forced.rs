//! States that a policy forces: on keys without a circuit, for as long as it says, and on no
//! others.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use breakerbox::{
    CircuitBreaker, CircuitState, DroppedPermit, Forced, ManualClock, Outcome, Policy,
    PolicyBuilder, PolicySet, Reported, SlidingWindow,
};

type Breaker = CircuitBreaker<String, std::hash::RandomState, ManualClock>;

fn policy(settings: PolicyBuilder) -> Policy {
    settings.build().unwrap()
}

fn threshold(failures: u32) -> Policy {
    let settings = Policy::builder().failure_threshold(failures);
    policy(settings.reset_timeout(Duration::from_secs(7)))
}

fn forced(failures: u32, forced: impl Into<Option<Forced>>) -> Policy {
    policy(threshold(failures).to_builder().forced(forced))
}

fn breaker(policies: PolicySet<String>) -> (Breaker, ManualClock) {
    let clock = ManualClock::new(1_000);
    let builder = CircuitBreaker::builder().clock(clock.clone());
    let breaker = builder.policy(policies).max_circuits(100).build();
    (breaker.unwrap(), clock)
}

/// Returns whether the key is admitted, by key and by a new handle alike.
fn admits(breaker: &Breaker, key: &str) -> bool {
    let by_key = breaker.acquire(key).map(|permit| permit.ignore()).is_ok();
    let handle = breaker.circuit(key).unwrap();
    assert_eq!(handle.acquire().is_ok(), by_key, "{key} by handle");
    assert_eq!(breaker.acquire_owned(key).is_ok(), by_key, "{key}, owned");
    by_key
}

fn fail(breaker: &Breaker, key: &str, times: u32) {
    for _ in 0..times {
        assert_eq!(breaker.acquire(key).unwrap().failure(), Reported::Recorded);
    }
}

fn state(breaker: &Breaker, key: &str) -> Option<CircuitState> {
    breaker.peek(key).map(|circuit| circuit.state)
}

#[test]
fn the_most_specific_policy_forces() {
    let (open, disabled) = (forced(1, Forced::Open), forced(1, Forced::Disabled));
    let set = PolicySet::new(threshold(1))
        .key("/a/exact".into(), disabled)
        .prefix("/a/", open)
        .prefix("/a/b/", threshold(1))
        .class("batch", open)
        .classify(|key: &String| key.ends_with("/export").then_some("batch"));
    let (breaker, _) = breaker(set);
    for (key, forced) in [
        ("/a/x", Some(Forced::Open)),
        ("/a/exact", Some(Forced::Disabled)),
        ("/a/b/x", None),
        ("/orders/export", Some(Forced::Open)),
        ("/orders", None),
    ] {
        assert_eq!(breaker.forced(key), forced, "{key}");
        assert_eq!(breaker.policy(key).forced(), forced, "{key}");
        assert_eq!(admits(&breaker, key), forced != Some(Forced::Open), "{key}");
    }
    breaker.set_policies(PolicySet::new(open));
    assert!(!admits(&breaker, "/anything"), "the default too");
}

#[test]
fn unknown_keys_are_rejected_and_stay_unknown() {
    let (breaker, clock) = breaker(PolicySet::new(forced(1, Forced::Open)));
    clock.advance(Duration::from_secs(1_000_000));
    let rejected = breaker.acquire("k").map(drop).unwrap_err();
    assert_eq!(rejected.state(), CircuitState::ForcedOpen);
    assert_eq!(rejected.retry_after_secs(), 7, "the reset timeout");
    assert_eq!(
        breaker.retry_after("k"),
        None,
        "it ends when the policy is lifted"
    );
    assert_eq!(breaker.store().rejections(), 1);
    assert!(breaker.is_empty());
}

#[test]
fn failures_while_disabled_do_not_count() {
    let (breaker, clock) = breaker(PolicySet::new(forced(1, Forced::Disabled)));
    fail(&breaker, "k", 10);
    assert!(breaker.is_empty(), "and no circuit is created");
    let handle = breaker.circuit("k").unwrap();
    for _ in 0..10 {
        assert_eq!(handle.acquire().unwrap().failure(), Reported::Recorded);
    }
    assert_eq!(handle.peek().unwrap().failure_count, 0);

    // The state of its circuit doesn't matter, and stays.
    breaker.store().transition("k", CircuitState::Open);
    clock.advance_ms(30_000);
    fail(&breaker, "k", 1);
    assert_eq!(state(&breaker, "k"), Some(CircuitState::Open));
    assert_eq!(breaker.retry_after("k"), None, "nothing rejects");
    breaker.store().transition("k", CircuitState::HalfOpen);
    let permits: Vec<_> = (0..3).map(|_| breaker.acquire("k").unwrap()).collect();
    assert!(permits.iter().all(|permit| !permit.is_probe()));
}

#[test]
fn a_circuit_continues_when_the_policy_is_lifted() {
    let (breaker, clock) = breaker(PolicySet::new(threshold(3)));
    fail(&breaker, "counts", 2);
    fail(&breaker, "open", 3);
    let set = |state| PolicySet::new(forced(3, state));
    for forced in [Forced::Open, Forced::Disabled] {
        breaker.set_policies(set(Some(forced)));
        for key in ["counts", "open"] {
            assert_eq!(admits(&breaker, key), forced == Forced::Disabled);
        }
        assert_eq!(breaker.peek("counts").unwrap().failure_count, 2);
    }
    breaker.set_policies(set(None));
    assert!(breaker.acquire("open").is_err());
    clock.advance_ms(7_000);
    assert!(
        breaker.acquire("open").unwrap().is_probe(),
        "its open time passed meanwhile"
    );
    fail(&breaker, "counts", 1);
    assert_eq!(state(&breaker, "counts"), Some(CircuitState::Open));
}

#[test]
fn a_window_and_its_calls_in_flight_continue() {
    let settings = Policy::builder()
        .sliding_window(SlidingWindow::Calls(4))
        .minimum_calls(4)
        .failure_rate_threshold(100)
        .hung_calls(2)
        .hung_call_duration(Duration::from_secs(60));
    let disabled = policy(settings.clone().forced(Forced::Disabled));
    let policy = policy(settings);
    let (breaker, clock) = breaker(PolicySet::new(policy));
    let handle = breaker.circuit("k").unwrap();
    fail(&breaker, "k", 3);
    let hangs = breaker.acquire("k").unwrap();
    breaker.set_policies(PolicySet::new(disabled));
    let (free, also) = (handle.acquire().unwrap(), breaker.acquire("k").unwrap());
    clock.advance(Duration::from_secs(60));
    breaker.set_policies(PolicySet::new(policy));
    assert!(
        breaker.acquire("k").is_ok(),
        "one call hangs, two have no slot"
    );
    drop((free, also));
    assert_eq!(state(&breaker, "k"), Some(CircuitState::Closed));
    assert_eq!(hangs.failure(), Reported::Recorded);
    assert_eq!(state(&breaker, "k"), Some(CircuitState::Open), "the fourth");
}

#[test]
fn a_probe_from_before_is_given_back() {
    let (breaker, clock) = breaker(PolicySet::new(threshold(1)));
    fail(&breaker, "k", 1);
    clock.advance_ms(7_000);
    let probe = breaker.acquire("k").unwrap();
    assert!(probe.is_probe() && breaker.acquire("k").is_err());
    breaker.set_policies(PolicySet::new(forced(1, Forced::Open)));
    assert_eq!(probe.failure(), Reported::Recorded);
    assert_eq!(
        state(&breaker, "k"),
        Some(CircuitState::HalfOpen),
        "its outcome changes nothing"
    );
    breaker.set_policies(PolicySet::new(threshold(1)));
    assert!(breaker.acquire("k").unwrap().is_probe());
}

#[test]
fn a_dropped_permit_does_not_count() {
    let drops = Policy::builder().dropped_permit(DroppedPermit::Failure);
    let (breaker, _) = breaker(PolicySet::new(policy(drops.forced(Forced::Disabled))));
    drop(breaker.acquire("k").unwrap());
    assert!(breaker.is_empty());
}

#[test]
fn a_forced_state_outlasts_eviction_and_reset() {
    let set = PolicySet::new(threshold(1)).prefix("/b/", forced(1, Forced::Open));
    let (breaker, _) = breaker(set);
    breaker.get_state("/b/1");
    let handle = breaker.circuit("/b/2").unwrap();
    for n in 0..1_000 {
        breaker.get_state(&*format!("/{n}"));
    }
    assert!(breaker.peek("/b/1").is_none(), "evicted");
    for state in [
        CircuitState::Open,
        CircuitState::Closed,
        CircuitState::Disabled,
    ] {
        assert!(!admits(&breaker, "/b/1") && handle.acquire().is_err());
        breaker.store().transition(handle.key(), state);
        assert!(!admits(&breaker, "/b/1") && handle.acquire().is_err());
        handle.reset();
    }
    breaker.clear();
    assert!(!admits(&breaker, "/b/1") && handle.acquire().is_err());
}

#[test]
fn shadow_only_counts_what_is_forced() {
    let set = PolicySet::new(policy(forced(1, Forced::Open).to_builder().shadow(true)));
    let (breaker, _) = breaker(set);
    assert_eq!(breaker.acquire("k").unwrap().failure(), Reported::Recorded);
    assert_eq!((breaker.shadowed(), breaker.store().rejections()), (1, 0));
    let handle = breaker.circuit("k").unwrap();
    assert_eq!(handle.acquire().unwrap().failure(), Reported::Recorded);
    assert_eq!(breaker.shadowed(), 2);
    assert_eq!(handle.peek().unwrap().failure_count, 0);
}

#[test]
fn the_bare_store_obeys_the_policy_that_it_is_given() {
    let (breaker, _) = breaker(PolicySet::default());
    let store = breaker.store();
    let open = forced(1, Forced::Open);
    let disabled = forced(1, Forced::Disabled);
    assert_eq!(
        store.acquire("k", &open).unwrap_err().state(),
        CircuitState::ForcedOpen
    );
    let permit = store.acquire("k", &disabled).unwrap();
    assert_eq!(
        store.report("k", permit, Outcome::Failure, &disabled),
        Reported::Recorded
    );
    assert!(store.is_empty());
    let circuit = store.circuit("k").unwrap();
    circuit.watch(&open);
    assert!(circuit.acquire(&open).is_err());
    circuit.watch(&threshold(1));
    assert!(circuit.acquire(&threshold(1)).is_ok());
}

/// Other keys keep the fast paths: their checks create nothing, and their handles aren't watched.
#[test]
fn other_keys_keep_the_fast_paths() {
    let set = PolicySet::new(threshold(2)).prefix("/b/", forced(1, Forced::Open));
    let (breaker, _) = breaker(set);
    fail(&breaker, "/a", 1);
    assert_eq!(breaker.acquire("/a").unwrap().success(), Reported::Recorded);
    assert_eq!(breaker.peek("/a").unwrap().failure_count, 0, "forgotten");
    fail(&breaker, "/a", 2);
    assert!(breaker.acquire("/a").is_err());
    assert_eq!(breaker.acquire("/c").unwrap().success(), Reported::Recorded);
    assert_eq!(breaker.len(), 1);
}

/// A check that begins after the policies were replaced uses the new ones.
#[test]
fn policies_are_replaced_while_calls_run() {
    let (breaker, _) = breaker(PolicySet::new(threshold(1)));
    let (stop, asked) = (AtomicBool::new(false), AtomicU64::new(0));
    let handle = breaker.circuit("kept").unwrap();
    thread::scope(|scope| {
        for thread in 0..2 {
            let (breaker, stop, asked) = (&breaker, &stop, &asked);
            scope.spawn(move || {
                let kept = breaker.circuit("kept").unwrap();
                while !stop.load(Ordering::Relaxed) {
                    let _ = breaker
                        .acquire(&*format!("key {thread}"))
                        .map(|p| p.success());
                    let _ = kept.acquire().map(|permit| permit.success());
                    asked.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        for round in 0..500 {
            breaker.set_policies(PolicySet::new(forced(1, Forced::Open)));
            let key = format!("{round}");
            assert!(breaker.acquire(&*key).is_err() && handle.acquire().is_err());
            breaker.set_policies(PolicySet::new(threshold(1)));
            assert!(breaker.acquire(&*key).is_ok() && handle.acquire().is_ok());
        }
        while asked.load(Ordering::Relaxed) < 100 {
            thread::yield_now();
        }
        stop.store(true, Ordering::Relaxed);
    });
    assert_eq!(breaker.len(), 1);
}
