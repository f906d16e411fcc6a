//! Eviction: the circuits that make room when the store is full, and those that stay.

use std::cell::RefCell;
use std::hash::{Hash, Hasher};
use std::time::Duration;

use breakerbox::{
    CircuitBreaker, CircuitBreakerBuilder, CircuitState, InMemoryCircuitBreakerStore, ManualClock,
    Outcome, Policy, Report, SlidingWindow, StoreHandle,
};

use CircuitState::HalfOpen;

type Breaker = CircuitBreaker<u64, std::hash::RandomState, ManualClock>;
type Builder = CircuitBreakerBuilder<u64, std::hash::RandomState, ManualClock>;

const KEY: u64 = u64::MAX;

fn breaker_with(with: impl FnOnce(Builder) -> Builder) -> (Breaker, ManualClock) {
    let clock = ManualClock::new(1_000_000_000);
    let builder = CircuitBreaker::keyed_builder().clock(clock.clone());
    (with(builder).build().unwrap(), clock)
}

/// Makes a breaker of which one failure opens a circuit.
fn breaker(with: impl FnOnce(Builder) -> Builder) -> (Breaker, ManualClock) {
    breaker_with(|b| with(b.failure_threshold(1)))
}

/// Uses new keys, each of which fails once and so has a circuit.
fn invent(breaker: &Breaker, keys: std::ops::Range<u64>) {
    for key in keys {
        breaker.store().record_failure(&key);
    }
}

/// Makes the circuit of [`KEY`] half-open.
fn half_open(breaker: &Breaker, clock: &ManualClock) {
    let _ = breaker.acquire(&KEY).unwrap().failure();
    let left = breaker.retry_after(&KEY).unwrap();
    clock.advance(left);
    let _ = breaker.acquire(&KEY).unwrap().success();
    assert_eq!(breaker.peek(&KEY).map(|it| it.state), Some(HalfOpen));
}

/// While no circuit changes state, each sweep looks at other positions than the one before, and so
/// finds the one circuit of many that may be evicted.
#[test]
fn the_one_evictable_circuit_is_evicted() {
    let store_of_64 = || {
        let (breaker, _) = breaker(|b| b.max_circuits(64));
        for key in 0..63 {
            let _ = breaker.force_open(&key);
        }
        breaker.store().record_failure(&63);
        breaker
    };
    for round in 0..50 {
        let breaker = store_of_64();
        invent(&breaker, 100..5_100);
        assert!(breaker.store().evicted() > 0, "round {round}");
    }
}

#[test]
fn a_half_open_circuit_in_use_stays() {
    let ttl = Duration::from_secs(10);
    let (breaker, clock) = breaker(|b| b.max_circuits(64).success_threshold(100).open_ttl(ttl));
    half_open(&breaker, &clock);
    for second in 0..90 {
        clock.advance_ms(1_000);
        let _ = breaker.acquire(&KEY).unwrap().success();
        invent(&breaker, second * 100..second * 100 + 100);
        let state = breaker.peek(&KEY).map(|it| it.state);
        assert_eq!(state, Some(HalfOpen), "after {second} s");
    }
    // It is evicted when it is no longer in use.
    clock.advance(ttl * 2);
    invent(&breaker, 100_000..101_000);
    clock.advance(ttl * 2);
    invent(&breaker, 200_000..201_000);
    assert_eq!(breaker.peek(&KEY), None);
}

/// A probe takes long: no report comes meanwhile, but calls are rejected.
#[test]
fn a_half_open_circuit_that_rejects_calls_stays() {
    let policy = Policy::builder()
        .failure_threshold(1)
        .success_threshold(2)
        .probe_lease(Duration::from_secs(3_600))
        .build()
        .unwrap();
    let ttl = Duration::from_secs(10);
    let (breaker, clock) = breaker_with(|b| b.policy(policy).max_circuits(64).open_ttl(ttl));
    half_open(&breaker, &clock);
    let _probe = breaker.acquire(&KEY).unwrap();
    for second in 0..60 {
        clock.advance_ms(1_000);
        assert!(breaker.acquire(&KEY).is_err(), "after {second} s");
        let state = breaker.peek(&KEY).map(|it| it.state);
        assert_eq!(state, Some(HalfOpen), "after {second} s");
        breaker.store().record_failure(&second);
    }
}

/// By default a circuit stays for ten times its open time, also while it is half-open.
#[test]
fn a_half_open_circuit_stays_as_long_as_an_open_one() {
    let hour = Duration::from_secs(3_600);
    let (breaker, clock) = breaker(|b| b.max_circuits(64).success_threshold(2).reset_timeout(hour));
    half_open(&breaker, &clock);
    clock.advance(hour * 9);
    invent(&breaker, 0..1_000);
    assert_eq!(breaker.peek(&KEY).map(|it| it.state), Some(HalfOpen));
    clock.advance(hour * 2);
    invent(&breaker, 1_000..2_000);
    assert_eq!(breaker.peek(&KEY), None);
}

/// An eviction of a clean circuit makes no difference to calls in flight.
#[test]
fn calls_from_before_a_clean_eviction_count_after_it() {
    let (breaker, _) = breaker(|b| b.max_circuits(64).failure_threshold(2));
    breaker.get_state(&KEY);
    let permits = [(); 2].map(|()| breaker.acquire_owned(&KEY).unwrap());
    for key in 0..1_000 {
        breaker.get_state(&key);
    }
    assert_eq!(breaker.peek(&KEY), None);
    for permit in permits {
        let _ = permit.report(Outcome::Failure);
    }
    let state = breaker.peek(&KEY).map(|it| it.state);
    assert_eq!(state, Some(CircuitState::Open));
}

/// A long open time that an upstream asked for once keeps its own circuit, and no other.
#[test]
fn one_long_opening_keeps_no_other_circuit() {
    let day = Duration::from_secs(86_400);
    let policy = Policy::builder()
        .failure_threshold(1)
        .retry_after_max(day)
        .build()
        .unwrap();
    let (breaker, clock) = breaker_with(|b| b.policy(policy).max_circuits(64));
    let long = Report::from(Outcome::Failure).retry_after(day);
    let _ = breaker.acquire(&1_000).unwrap().report(long);
    breaker.reset(&1_000);
    for key in 0..64 {
        breaker.store().transition(&key, HalfOpen);
        let _probe = breaker.acquire(&key).unwrap();
    }
    clock.advance(day);
    invent(&breaker, 2_000..2_064);
    invent(&breaker, 3_000..3_064);
    assert!(breaker.store().evicted() > 32);
}

thread_local! {
    /// A handle whose circuit changes state each time that two keys are compared.
    static CHANGES: RefCell<Option<StoreHandle<Alike>>> = const { RefCell::new(None) };
}

/// A key with the hash of all others, so that each look-up compares keys.
#[derive(Clone, Eq)]
struct Alike(u64);

impl PartialEq for Alike {
    fn eq(&self, other: &Self) -> bool {
        CHANGES.with_borrow(|handle| {
            if let Some(handle) = handle {
                handle.transition(CircuitState::Closed);
            }
        });
        self.0 == other.0
    }
}

impl Hash for Alike {
    fn hash<H: Hasher>(&self, _: &mut H) {}
}

/// It looks again after each change of state elsewhere, and counts once.
#[test]
fn a_call_that_a_full_store_admits_is_untracked_once() {
    let second = Duration::from_secs(1);
    let hung = Policy::builder().hung_calls(1).hung_call_duration(second);
    let policy = hung.build().unwrap();
    let store = InMemoryCircuitBreakerStore::<Alike>::keyed_builder()
        .max_circuits(1)
        .build();
    CHANGES.set(store.circuit(&Alike(0)).ok());
    for calls in 1..=3 {
        let _ = store.acquire(&Alike(calls), &policy).unwrap();
        assert_eq!(store.untracked(), calls);
    }
    CHANGES.set(None);
}

/// A circuit whose successes are taken by hash looks used to each sweep: circuits without failures
/// that no call uses go before it.
#[test]
fn a_busy_circuit_that_is_known_by_hash_stays() {
    let windows = [
        SlidingWindow::Calls(20),
        SlidingWindow::Time(Duration::from_secs(10)),
    ];
    for window in windows {
        let policy = Policy::builder().sliding_window(window);
        let policy = policy.minimum_calls(20).failure_rate_threshold(50);
        let breaker = CircuitBreaker::builder()
            .policy(policy.build().unwrap())
            // So many that a sweep finds enough of the others in its first pass.
            .max_circuits(2_048)
            .build()
            .unwrap();
        let succeed = |key: &str| {
            let _ = breaker.acquire(key).unwrap().success();
        };
        (0..100).for_each(|_| succeed("busy"));
        let since = breaker.get_state("busy").last_state_change;
        for round in 0..20_000 {
            succeed(&format!("once-{round}"));
            (0..3).for_each(|_| succeed("busy"));
            let stats = breaker.stats("busy").unwrap();
            let calls = stats.window.map_or(0, |window| window.calls);
            assert!(
                calls >= 20,
                "{calls} calls in round {round}: it was evicted"
            );
        }
        assert!(breaker.store().evicted() > 1_000);
        assert_eq!(breaker.get_state("busy").last_state_change, since);
    }
}
