//! Breakerbox's store, alone and with a handle for each key.

use crate::allocation::bytes;
use crate::subjects::{State, growth};
use breakerbox::{InMemoryCircuitBreakerStore, Outcome, Policy, SlidingWindow};
use breakerbox_benches::rules::Rules;
use std::time::Duration;

fn limits(state: State) -> Policy {
    let window = match state {
        State::Healthy | State::FailedOnce => return Rules::OUT_OF_REACH.limits(),
        State::Calls => SlidingWindow::Calls(100),
        State::Time => SlidingWindow::Time(Duration::from_secs(10)),
    };
    let builder = Policy::builder()
        .sliding_window(window)
        .failure_rate_threshold(Rules::PERCENT);
    builder.build().unwrap()
}

pub(crate) fn store(keys: &[String], state: State) -> i64 {
    let limits = limits(state);
    let store: InMemoryCircuitBreakerStore = InMemoryCircuitBreakerStore::new();
    growth(store, keys, state, |store, key, fails| {
        let permit = store.acquire(key, &limits).expect("closed");
        store.report(key, permit, outcome(fails), &limits);
    })
}

/// A handle has a copy of its key, beside the store's.
pub(crate) fn handles(keys: &[String], state: State) -> i64 {
    let limits = limits(state);
    let store: InMemoryCircuitBreakerStore = InMemoryCircuitBreakerStore::new();
    let before = bytes();
    let handle = |key: &String| store.circuit(&**key).expect("there is room");
    let circuits: Vec<_> = keys.iter().map(handle).collect();
    for circuit in &circuits {
        for fails in state.calls() {
            let permit = circuit.acquire(&limits).expect("closed");
            circuit.report(permit, outcome(fails), &limits);
        }
    }
    bytes() - before
}

fn outcome(fails: bool) -> Outcome {
    match fails {
        true => Outcome::Failure,
        false => Outcome::Success,
    }
}
