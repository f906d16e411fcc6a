//! In-flight slots: a finished call doesn't count as hung, and frees no other call's slot.

use std::time::Duration;

use breakerbox::{
    CircuitBreaker, DroppedPermit, ManualClock, Policy, PolicySet, Reported, SlidingWindow,
};

const KEY: &str = "upstream";
const SECOND: Duration = Duration::from_secs(1);

/// Opens when enough calls hang for a second.
fn hung(calls: u32) -> Policy {
    let settings = Policy::builder().hung_calls(calls);
    settings.hung_call_duration(SECOND).build().unwrap()
}

fn breaker(
    policy: Policy,
) -> (
    CircuitBreaker<String, std::hash::RandomState, ManualClock>,
    ManualClock,
) {
    let clock = ManualClock::new(1_000_000);
    let builder = CircuitBreaker::builder().clock(clock.clone());
    (
        builder.policy(PolicySet::new(policy)).build().unwrap(),
        clock,
    )
}

#[test]
fn a_dropped_permit_gives_back_its_in_flight_slot() {
    for dropped in [
        DroppedPermit::Ignored,
        DroppedPermit::Failure,
        DroppedPermit::FailureIfOlder(SECOND),
    ] {
        let policy = hung(1)
            .to_builder()
            .dropped_permit(dropped)
            .build()
            .unwrap();
        let (breaker, clock) = breaker(policy);
        let circuit = breaker.circuit(KEY).unwrap();
        drop(breaker.acquire(KEY).unwrap());
        drop(breaker.acquire_owned(KEY).unwrap());
        drop(circuit.acquire().unwrap());
        drop(circuit.acquire_owned().unwrap());
        clock.advance(SECOND);
        assert!(breaker.acquire(KEY).is_ok(), "{dropped:?}");
    }
}

/// The rules count calls in flight, then don't, then do again. The circuit may be evicted
/// meanwhile: its old calls have no slot in the new one.
#[test]
fn an_in_flight_slot_does_not_outlive_its_circuits_eviction() {
    let clock = ManualClock::new(1_000_000);
    let breaker = CircuitBreaker::builder()
        .clock(clock.clone())
        .max_circuits(16)
        .policy(PolicySet::new(hung(1)))
        .build()
        .unwrap();
    let old = breaker.acquire_owned(KEY).unwrap();
    breaker.set_policies(PolicySet::default());
    for other in 0..200 {
        breaker.get_state(format!("{other}").as_str());
    }
    breaker.set_policies(PolicySet::new(hung(1)));
    let hangs = breaker.acquire_owned(KEY).unwrap();
    let _ = old.success();
    clock.advance(SECOND);
    let rejected = breaker.acquire(KEY);
    assert!(rejected.is_err(), "the second call hangs");
    drop(hangs);
}

/// Rules with and without a window, and with and without counts of calls in flight, replace each
/// other. The slots are made once in a generation, so the first call frees its own.
#[test]
fn in_flight_slots_are_kept_while_rules_change() {
    let window = |settings: breakerbox::PolicyBuilder| {
        settings
            .sliding_window(SlidingWindow::Calls(10))
            .failure_rate_threshold(50)
    };
    let with_window = window(Policy::builder().hung_calls(1).hung_call_duration(SECOND));
    let sets = [
        PolicySet::new(with_window.build().unwrap()),
        PolicySet::new(hung(1)),
        PolicySet::default(),
        PolicySet::new(window(Policy::builder()).build().unwrap()),
        PolicySet::new(hung(1)),
    ];
    let (breaker, clock) = breaker(hung(1));
    let first = breaker.acquire_owned(KEY).unwrap();
    for set in sets {
        breaker.set_policies(set);
    }
    let second = breaker.acquire_owned(KEY).unwrap();
    assert_eq!(first.success(), Reported::Recorded);
    clock.advance(SECOND);
    assert!(breaker.acquire(KEY).is_err(), "the second call hangs");
    drop(second);
}
