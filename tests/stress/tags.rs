//! Tests that need millions of repetitions to show a bug.

use std::time::Duration;

use breakerbox::{CircuitState, InMemoryCircuitBreakerStore, ManualClock, Policy, Reported};

/// A call is in flight while the store counts 2^22 generations, so that the tag of its circuit's
/// words is the same again.
#[test]
fn an_in_flight_slot_belongs_to_its_whole_generation() {
    let clock = ManualClock::new(1_000_000);
    let store = InMemoryCircuitBreakerStore::<u64>::keyed_builder()
        .clock(clock.clone())
        .build();
    let second = Duration::from_secs(1);
    let policy = Policy::builder().hung_calls(1).hung_call_duration(second);
    let policy = policy.build().unwrap();
    let old = store.acquire(&1, &policy).unwrap();
    let (circuit, other) = (store.circuit(&1).unwrap(), store.circuit(&2).unwrap());
    circuit.transition(CircuitState::Closed);
    for _ in 2..1 << 22 {
        other.transition(CircuitState::Closed);
    }
    circuit.transition(CircuitState::Closed);
    let hangs = store.acquire(&1, &policy).unwrap();
    assert_eq!(hangs.generation() - old.generation(), 1 << 22);
    assert_eq!(store.release(&1, old, &policy), Reported::Stale);
    clock.advance(second);
    assert!(store.acquire(&1, &policy).is_err(), "the later call hangs");
}
