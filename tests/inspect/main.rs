//! Statistics: each field and each count is reached, and a look has no effect.

mod circuits;
mod totals;

use std::hash::{BuildHasherDefault, DefaultHasher};

use breakerbox::{
    CircuitBreaker, CircuitStats, ManualClock, Policy, PolicyBuilder, PolicySet, Reported,
};

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
