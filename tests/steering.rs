//! Steering by hand, by key, prefix and all; and calls whose results are classified.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use breakerbox::{
    CallError, Cause, CircuitBreaker, CircuitState, Classify, ManualClock, Outcome, Report,
    Steering,
};

use CircuitState::{Closed, Disabled, ForcedOpen, HalfOpen, Open};

type Breaker = CircuitBreaker<String, std::hash::RandomState, ManualClock>;
type Heard = Arc<Mutex<Vec<(String, CircuitState, CircuitState, Cause)>>>;

fn breaker() -> (Breaker, ManualClock, Heard) {
    let clock = ManualClock::new(1_000);
    let heard = Heard::default();
    let ear = Arc::clone(&heard);
    let breaker = CircuitBreaker::builder()
        .clock(clock.clone())
        .failure_threshold(1)
        .on_state_change(move |change| {
            let heard = (change.key.clone(), change.from, change.to, change.cause);
            ear.lock().unwrap().push(heard);
        })
        .build()
        .unwrap();
    (breaker, clock, heard)
}

const STATES: [CircuitState; 5] = [Closed, Open, HalfOpen, ForcedOpen, Disabled];

#[test]
fn every_action_in_every_state_returns_its_effect() {
    use Steering::{Disable, Enable, ForceClose, ForceOpen, Reset};
    for from in STATES {
        for (steering, to) in [
            (ForceOpen, Some(ForcedOpen)),
            (ForceClose, Some(Closed)),
            (Disable, Some(Disabled)),
            (
                Enable,
                matches!(from, ForcedOpen | Disabled).then_some(Closed),
            ),
            (Reset, Some(Closed)),
        ] {
            let (breaker, _, heard) = breaker();
            let store = breaker.store();
            store.record_failure("k");
            let before = store.transition("k", from);
            heard.lock().unwrap().clear();
            let steered = store.steer("k", steering).unwrap();
            assert_eq!(steered.key, "k");
            let expected = (from, to.unwrap_or(from), to.is_some());
            assert_eq!(
                (steered.from, steered.to, steered.changed),
                expected,
                "{steering:?}"
            );
            let after = store.peek("k");
            match steering {
                Reset => assert_eq!(after, None),
                Enable if to.is_none() => assert_eq!(after, Some(before)),
                _ => assert_eq!(after.map(|circuit| circuit.state), to),
            }
            let heard = heard.lock().unwrap();
            let cause = if steering == Reset {
                Cause::Reset
            } else {
                Cause::Manual
            };
            match to {
                // A reset of a closed circuit is no change of state.
                Some(_) if steering == Reset && from == Closed => assert!(heard.is_empty()),
                Some(to) => assert_eq!(*heard, [("k".to_string(), from, to, cause)]),
                None => assert!(heard.is_empty()),
            }
        }
    }
}

#[test]
fn only_actions_with_an_effect_create_circuits() {
    let (breaker, _, _) = breaker();
    let store = breaker.store();
    assert_eq!(store.steer("k", Steering::Enable), None);
    assert_eq!(store.steer("k", Steering::Reset), None);
    assert!(store.is_empty());
    let steered = store.steer("k", Steering::ForceOpen).unwrap();
    assert_eq!((steered.from, steered.to), (Closed, ForcedOpen));
    assert!(breaker.acquire("k").is_err());
}

#[test]
fn forced_states_last_until_they_are_lifted() {
    let (breaker, clock, _) = breaker();
    let _ = breaker.force_open("k");
    clock.advance(Duration::from_secs(1_000_000));
    assert!(breaker.acquire("k").is_err());
    let _ = breaker.disable("k");
    for _ in 0..10 {
        let _ = breaker.acquire("k").unwrap().failure();
    }
    assert_eq!(breaker.peek("k").unwrap().failure_count, 0);
    let _ = breaker.enable("k");
    let _ = breaker.acquire("k").unwrap().failure();
    assert_eq!(
        breaker.peek("k").unwrap().state,
        Open,
        "the rules decide again"
    );
}

#[test]
fn circuits_are_steered_by_prefix_closure_and_all() {
    let (breaker, _, heard) = breaker();
    let store = breaker.store();
    for key in ["/a/1", "/a/2", "/b/1"] {
        store.get_state(key);
    }
    let keys = |steered: Vec<breakerbox::Steered<String>>| {
        let mut keys: Vec<_> = steered.into_iter().map(|steered| steered.key).collect();
        keys.sort();
        keys
    };
    assert_eq!(
        keys(store.steer_prefix("/a/", Steering::ForceOpen)),
        ["/a/1", "/a/2"]
    );
    assert_eq!(keys(store.steer_prefix("/c", Steering::ForceOpen)), [""; 0]);
    assert!(breaker.acquire("/b/1").is_ok());
    assert_eq!(
        store
            .steer_all(Steering::Enable)
            .iter()
            .filter(|s| s.changed)
            .count(),
        2
    );
    assert_eq!(heard.lock().unwrap().len(), 4);
    let ends = |key: &String| key.ends_with('1');
    assert_eq!(
        keys(store.steer_where(Steering::Reset, ends)),
        ["/a/1", "/b/1"]
    );
    assert_eq!(store.len(), 1);

    let handle = breaker.circuit("/a/2").unwrap();
    assert_eq!(store.steer_all(Steering::Reset).len(), 1);
    assert!(store.is_empty());
    assert!(handle.acquire().is_ok(), "the handle stays usable");
}

#[test]
fn the_classifier_decides_how_a_result_counts() {
    let by_status = |status: &u16| match status {
        500.. => Outcome::Failure,
        400.. => Outcome::Ignored,
        _ => Outcome::Success,
    };
    let (breaker, clock, _) = breaker();
    for (status, state) in [(200, None), (404, None), (500, Some(Open))] {
        assert_eq!(breaker.call_with("k", &by_status, || status), Ok(status));
        assert_eq!(breaker.peek("k").map(|circuit| circuit.state), state);
    }
    assert!(breaker.call_with("k", &by_status, || 200).is_err());

    // An ignored probe changes nothing, and is given back.
    clock.advance_ms(30_000);
    assert_eq!(breaker.call_with("k", &by_status, || 404), Ok(404));
    assert_eq!(breaker.peek("k").unwrap().state, HalfOpen);
    assert_eq!(breaker.call_with("k", &by_status, || 204), Ok(204));
    assert_eq!(breaker.peek("k").unwrap().state, Closed);
}

#[test]
fn a_classifier_that_panics_is_a_failed_call() {
    struct Bomb;
    impl Classify<u32> for Bomb {
        fn classify(&self, _: &u32) -> Report {
            panic!("no idea")
        }
    }
    let (breaker, _, _) = breaker();
    let call = || breaker.call_with("k", &Bomb, || 1);
    assert!(catch_unwind(AssertUnwindSafe(call)).is_err());
    assert_eq!(breaker.peek("k").unwrap().state, Open);
}

#[tokio::test]
async fn futures_are_classified_too() {
    let even = |n: &u32| {
        if n.is_multiple_of(2) {
            Outcome::Success
        } else {
            Outcome::Failure
        }
    };
    let (breaker, _, _) = breaker();
    let handle = breaker.circuit("handle").unwrap();
    assert_eq!(
        breaker.call_async_with("k", &even, async { 2 }).await,
        Ok(2)
    );
    assert_eq!(
        breaker.call_async_with("k", &even, async { 3 }).await,
        Ok(3)
    );
    let rejected = breaker.call_async_with("k", &even, async { 2 }).await;
    assert!(matches!(rejected, Err(CallError::Rejected(_))));
    assert_eq!(handle.call_async_with(&even, async { 3 }).await, Ok(3));
    assert!(handle.call_with(&even, || 2).is_err());
}
