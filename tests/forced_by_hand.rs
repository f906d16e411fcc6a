//! States that are forced by hand, on a prefix or on all keys: rules that hold for keys without a
//! circuit.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use breakerbox::{
    CircuitBreaker, CircuitState, Forced, InMemoryCircuitBreakerStore, Policy, PolicySet, Reported,
    Steering,
};

use CircuitState::{Closed, Disabled, ForcedOpen};
use Steering::{Disable, Enable, ForceClose, ForceOpen, Reset};

fn breaker() -> CircuitBreaker {
    CircuitBreaker::builder()
        .failure_threshold(1)
        .build()
        .unwrap()
}

fn admits(breaker: &CircuitBreaker, key: &str) -> bool {
    let by_key = breaker.acquire(key).is_ok();
    let handle = breaker.circuit(key).unwrap();
    assert_eq!(handle.acquire().is_ok(), by_key, "{key} by handle");
    let policy = breaker.policy(key);
    let bare = breaker.store().acquire(key, &policy).is_ok();
    assert_eq!(bare, by_key, "{key} by the store");
    by_key
}

#[test]
fn a_prefix_holds_for_keys_without_a_circuit() {
    for lifts in [Enable, ForceClose, Reset] {
        let breaker = breaker();
        let store = breaker.store();
        store.record_failure("/batch/known");
        let steered = store.steer_prefix("/batch/", ForceOpen);
        let keys: Vec<_> = steered.iter().map(|steered| &*steered.key).collect();
        assert_eq!(keys, ["/batch/known"], "the circuits that it changed");
        assert_eq!(store.forced("/batch/new"), Some(Forced::Open));
        let rejected = breaker.acquire("/batch/new").map(drop).unwrap_err();
        assert_eq!(rejected.state(), ForcedOpen);
        assert_eq!(rejected.retry_after_secs(), 30, "the reset timeout");
        assert_eq!(store.len(), 1, "a rejection creates nothing");
        assert!(!admits(&breaker, "/batch/known") && !admits(&breaker, "/batch/new"));
        assert!(admits(&breaker, "/other") && admits(&breaker, "/batch"));

        let _ = store.steer_prefix("/batch/", lifts);
        assert_eq!(store.forced("/batch/new"), None);
        assert!(admits(&breaker, "/batch/known") && admits(&breaker, "/batch/new"));
    }
}

#[test]
fn no_outcome_counts_while_a_prefix_is_disabled() {
    let breaker = breaker();
    let _ = breaker.steer_prefix("/b/", Disable);
    for _ in 0..10 {
        assert_eq!(
            breaker.acquire("/b/new").unwrap().failure(),
            Reported::Recorded
        );
    }
    assert!(breaker.is_empty());
    let handle = breaker.circuit("/b/new").unwrap();
    for _ in 0..10 {
        assert_eq!(handle.acquire().unwrap().failure(), Reported::Recorded);
    }
    assert_eq!(handle.peek().unwrap().failure_count, 0);
    // A circuit's own state shows, and rejects no call.
    breaker.store().transition("/b/new", CircuitState::Open);
    assert!(admits(&breaker, "/b/new"));
    assert_eq!(breaker.retry_after("/b/new"), None);
    let _ = breaker.steer_prefix("/b/", Enable);
    assert!(!admits(&breaker, "/b/new"), "its state decides again");
}

#[test]
fn the_longest_prefix_wins_until_a_shorter_command_replaces_it() {
    let breaker = breaker();
    let store = breaker.store();
    let _ = store.steer_prefix("/a/", ForceOpen);
    let _ = store.steer_prefix("/a/b/", Enable);
    let _ = store.steer_prefix("/a/b/c/", Disable);
    for (key, forced) in [
        ("/a/x", Some(Forced::Open)),
        ("/a/b/x", None),
        ("/a/b/c/x", Some(Forced::Disabled)),
        ("/x", None),
    ] {
        assert_eq!(breaker.forced(key), forced, "{key}");
        assert_eq!(admits(&breaker, key), forced != Some(Forced::Open), "{key}");
    }
    let _ = store.steer_prefix("/a/b/c/", Enable);
    assert_eq!(store.forced("/a/b/c/x"), None);
    let _ = store.steer_prefix("/a/", ForceOpen);
    for key in ["/a/x", "/a/b/x", "/a/b/c/x"] {
        assert!(!admits(&breaker, key), "{key}: the exception is gone");
    }
    let _ = store.steer_prefix("/a/b/", ForceOpen);
    let _ = store.steer_prefix("/", Enable);
    for key in ["/a/x", "/a/b/x", "/a/b/c/x"] {
        assert!(admits(&breaker, key), "{key}");
    }
}

#[test]
fn a_handle_made_before_or_after_obeys_the_rule() {
    let breaker = breaker();
    let store = breaker.store();
    let policy = Policy::default();
    let (before, unused) = (
        breaker.circuit("/b/1").unwrap(),
        breaker.circuit("/b/2").unwrap(),
    );
    let bare = store.circuit("/b/1").unwrap();
    unused.reset();
    let other = breaker.circuit("/c").unwrap();
    let _ = store.steer_prefix("/b/", ForceOpen);
    let after = breaker.circuit("/b/3").unwrap();
    let bare_after = store.circuit("/b/4").unwrap();
    for circuit in [&before, &unused, &after] {
        for state in [
            Closed,
            CircuitState::Open,
            CircuitState::HalfOpen,
            Disabled,
            ForcedOpen,
        ] {
            store.transition(circuit.key(), state);
            assert!(circuit.acquire().is_err(), "{} {state}", circuit.key());
            assert!(bare.acquire(&policy).is_err() && bare_after.acquire(&policy).is_err());
        }
        // Neither a reset in place nor a new life after it lets a call through.
        circuit.reset();
        assert!(circuit.acquire().is_err());
        circuit.get_state();
        assert!(circuit.acquire().is_err());
        store.record_failure(circuit.key());
        bare_after.watch(&policy);
        assert!(circuit.clone().acquire().is_err() && bare_after.acquire(&policy).is_err());
    }
    let elsewhere = other.acquire().unwrap();
    assert_eq!(elsewhere.success(), Reported::Recorded);

    let _ = store.steer_prefix("/b/", Reset);
    for circuit in [&before, &unused, &after] {
        assert!(circuit.acquire().is_ok(), "{}", circuit.key());
    }
    assert!(bare.acquire(&policy).is_ok() && bare_after.acquire(&policy).is_ok());
}

#[test]
fn a_single_command_shows_once_the_rule_is_lifted() {
    let breaker = breaker();
    let store = breaker.store();
    let _ = store.steer_prefix("/b/", ForceOpen);
    let _ = store.steer("/b/1", Disable);
    let _ = store.steer("/b/2", Enable);
    assert!(!admits(&breaker, "/b/1") && !admits(&breaker, "/b/2"));
    let _ = store.steer_prefix("/b/", Disable);
    let _ = store.steer("/b/1", ForceOpen);
    assert!(admits(&breaker, "/b/1"));
    assert_eq!(breaker.peek("/b/1").unwrap().state, ForcedOpen);
    // A command by closure makes no rule.
    let _ = store.steer_where(ForceOpen, |key| key.starts_with("/c/"));
    assert!(admits(&breaker, "/c/1"));
}

#[test]
fn all_is_the_empty_prefix_for_keys_of_any_type() {
    let store = InMemoryCircuitBreakerStore::<u64>::keyed();
    let policy = Policy::builder().failure_threshold(1).build().unwrap();
    store.record_failure(&1);
    assert_eq!(store.steer_all(ForceOpen).len(), 1);
    let handle = store.circuit(&2).unwrap();
    for key in [1, 2, 3] {
        assert!(store.acquire(&key, &policy).is_err(), "{key}");
    }
    assert!(handle.acquire(&policy).is_err());
    assert_eq!(store.steer_all(Disable).len(), 2);
    for key in [1, 2, 3] {
        let permit = store.acquire(&key, &policy).unwrap();
        let _ = store.report(&key, permit, breakerbox::Outcome::Failure, &policy);
    }
    assert_eq!(store.len(), 2);
    let _ = store.steer_all(Enable);
    for key in [1, 2, 3] {
        assert_eq!(store.forced(&key), None);
        assert!(store.acquire(&key, &policy).is_ok(), "{key}");
    }
    assert!(handle.acquire(&policy).is_ok());
}

#[test]
fn all_and_prefixes_combine() {
    let breaker = breaker();
    let store = breaker.store();
    let _ = store.steer_all(ForceOpen);
    let _ = store.steer_prefix("/health", Enable);
    assert!(admits(&breaker, "/health") && !admits(&breaker, "/x"));
    let _ = store.steer_all(Enable);
    assert!(admits(&breaker, "/health") && admits(&breaker, "/x"));
}

#[test]
fn clear_lifts_states_forced_by_hand() {
    let breaker = breaker();
    let handle = breaker.circuit("/b/1").unwrap();
    for clear in [
        InMemoryCircuitBreakerStore::clear,
        InMemoryCircuitBreakerStore::destroy,
    ] {
        let _ = breaker.steer_prefix("/b/", ForceOpen);
        assert!(handle.acquire().is_err());
        clear(breaker.store());
        assert!(breaker.is_empty());
        assert!(handle.acquire().is_ok() && admits(&breaker, "/b/2"));
    }
}

/// A command by hand comes before a policy; shadow applies to it as to every rejection.
#[test]
fn a_command_by_hand_comes_before_a_policy() {
    let disabled = Policy::builder().forced(Forced::Disabled).build().unwrap();
    let shadow = Policy::builder().shadow(true).build().unwrap();
    let set = PolicySet::default()
        .prefix("/d/", disabled)
        .prefix("/s/", shadow);
    let breaker = CircuitBreaker::builder().policy(set).build().unwrap();
    let _ = breaker.steer_all(ForceOpen);
    assert!(!admits(&breaker, "/d/1") && !admits(&breaker, "/x"));
    assert!(breaker.acquire("/s/1").is_ok());
    assert_eq!(breaker.shadowed(), 1);
    let _ = breaker.steer_all(Enable);
    for _ in 0..10 {
        let _ = breaker.acquire("/d/1").unwrap().failure();
    }
    assert_eq!(breaker.peek("/d/1").unwrap().failure_count, 0);
}

/// An export keeps the change that a command made to a circuit, not the command's rule. A rule that
/// has to outlast the store is a policy.
#[cfg(feature = "serde")]
#[test]
fn a_policy_outlasts_a_restart() {
    let file = r#"prefixes."/batch/" = { forced = "open" }"#;
    let start = || {
        let set: PolicySet<String> = toml::from_str(file).unwrap();
        CircuitBreaker::builder().policy(set).build().unwrap()
    };
    let before = start();
    let _ = before.steer_prefix("/hand/", ForceOpen);
    before.store().record_failure("/batch/1");
    let after = start();
    after.import(before.store().export()).unwrap();
    assert!(!admits(&after, "/batch/1") && !admits(&after, "/batch/2"));
    assert!(admits(&after, "/hand/1") && admits(&after, "/other"));
}

/// A check that begins after the command has returned obeys it, by key and by handle, whatever
/// other threads do to the circuits meanwhile.
#[test]
fn commands_hold_while_other_threads_use_the_circuits() {
    let breaker = breaker();
    let store = breaker.store();
    let stop = AtomicBool::new(false);
    let handle = breaker.circuit("/b/kept").unwrap();
    thread::scope(|scope| {
        for thread in 0..2 {
            let (stop, handle, breaker) = (&stop, handle.clone(), &breaker);
            scope.spawn(move || {
                let states = [Closed, CircuitState::Open, Closed, Disabled];
                for round in 0.. {
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                    match (round + thread) % 4 {
                        0 => drop(breaker.store().transition(handle.key(), states[round % 4])),
                        1 => handle.reset(),
                        2 => drop(handle.get_state()),
                        _ => drop(breaker.circuit("/b/kept").unwrap()),
                    }
                    let _ = breaker.acquire("/b/other").map(|permit| permit.failure());
                }
            });
        }
        for round in 0..2_000 {
            let key = format!("/b/{round}");
            let _ = store.steer_prefix("/b/", ForceOpen);
            for _ in 0..20 {
                assert!(handle.acquire().is_err(), "{round}");
            }
            assert!(
                breaker.acquire(&*key).is_err()
                    && breaker.circuit(&key).unwrap().acquire().is_err()
            );
            let _ = store.steer_prefix("/b/", if round % 2 == 0 { Enable } else { Reset });
            assert!(breaker.acquire(&*key).is_ok());
        }
        stop.store(true, Ordering::Relaxed);
    });
    let _ = store.steer_prefix("/b/", Reset);
    assert!(handle.acquire().is_ok() && store.forced("/b/kept").is_none());
}

/// Racing commands leave no rule behind once all are lifted.
#[test]
fn racing_commands_leave_no_rule_behind() {
    let breaker = breaker();
    let store = breaker.store();
    thread::scope(|scope| {
        for prefix in ["/a/", "/a/b/", "/c/"] {
            scope.spawn(move || {
                for round in 0..500 {
                    let steering = [ForceOpen, Disable, Enable, Reset][round % 4];
                    let _ = store.steer_prefix(prefix, steering);
                }
            });
        }
    });
    let _ = store.steer_all(Enable);
    for key in ["/a/x", "/a/b/x", "/c/x"] {
        assert_eq!(store.forced(key), None);
        assert!(admits(&breaker, key));
    }
}
