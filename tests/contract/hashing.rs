//! The calls of the user's code on keys: one of the hasher, comparisons only for equal hashes.

use std::hash::{BuildHasher, DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use breakerbox::{
    CircuitBreaker, CircuitState, InMemoryCircuitBreakerStore, ManualClock, Outcome, PermitToken,
    Policy, SlidingWindow, Steering, ToKey,
};

/// A hasher that counts its calls.
#[derive(Clone, Default, Debug)]
struct Counting(Arc<AtomicU64>);

impl BuildHasher for Counting {
    type Hasher = DefaultHasher;

    fn build_hasher(&self) -> DefaultHasher {
        self.0.fetch_add(1, Ordering::Relaxed);
        DefaultHasher::new()
    }
}

impl Counting {
    #[track_caller]
    fn expect<R>(&self, hashes: u64, what: impl FnOnce() -> R) -> R {
        let before = self.0.load(Ordering::Relaxed);
        let result = what();
        assert_eq!(self.0.load(Ordering::Relaxed) - before, hashes);
        result
    }
}

fn counted() -> (InMemoryCircuitBreakerStore<u64, Counting>, Counting) {
    let counting = Counting::default();
    let store = InMemoryCircuitBreakerStore::keyed_builder().hasher(counting.clone());
    (store.build(), counting)
}

#[test]
fn each_operation_of_the_store_hashes_once() {
    let (store, hasher) = counted();
    let policy = Policy::builder().failure_threshold(2).build().unwrap();
    let check = |key: u64| store.acquire(&key, &policy).unwrap();
    let report = |key: u64, permit: PermitToken, outcome| {
        let _ = store.report(&key, permit, outcome, &policy);
    };

    // No circuit is open, and none has a failure to forget.
    let permit = hasher.expect(0, || check(1));
    hasher.expect(0, || report(1, permit, Outcome::Success));

    hasher.expect(1, || store.peek(&1));
    hasher.expect(1, || store.get_state(&1)); // creates
    hasher.expect(1, || store.record_success(&2)); // creates
    hasher.expect(1, || store.record_failure(&3)); // creates
    hasher.expect(1, || store.record_failure(&3));
    hasher.expect(1, || store.transition(&4, CircuitState::Closed)); // creates
    hasher.expect(1, || store.steer(&5, Steering::Disable)); // creates
    hasher.expect(1, || store.circuit(&6).unwrap()); // creates
    hasher.expect(1, || store.reset(&3));
    hasher.expect(1, || store.reset(&3)); // is unknown

    let permit = check(7);
    hasher.expect(1, || report(7, permit, Outcome::Failure)); // creates
    let permit = check(8);
    hasher.expect(1, || report(8, permit, Outcome::Success)); // 7 has a failure
    let permit = check(7);
    hasher.expect(1, || report(7, permit, Outcome::Success)); // forgets it
    for _ in 0..2 {
        let permit = check(7);
        hasher.expect(1, || report(7, permit, Outcome::Failure));
    }
    hasher.expect(1, || store.acquire(&7, &policy).unwrap_err());
    let _ = hasher.expect(1, || check(8)); // 7 is open
    let permit = check(8);
    store.reset(&8);
    hasher.expect(1, || report(8, permit, Outcome::Failure)); // creates
}

#[test]
fn each_call_of_the_breaker_hashes_once() {
    let hasher = Counting::default();
    let breaker: CircuitBreaker<u64, Counting> = CircuitBreaker::keyed_builder()
        .hasher(hasher.clone())
        .failure_threshold(2)
        .build()
        .unwrap();
    let healthy = || breaker.acquire(&1).unwrap().success();
    let _ = hasher.expect(0, healthy);
    for _ in 0..2 {
        let permit = hasher.expect(0, || breaker.acquire(&2).unwrap());
        let _ = hasher.expect(1, || permit.failure()); // the first one creates, the second one opens
    }
    hasher.expect(1, || breaker.acquire(&2).unwrap_err());
    hasher.expect(1, || breaker.retry_after(&2));
    // The check asks the filter, and no circuit has a failure to forget.
    let _ = hasher.expect(1, healthy);
    breaker.store().record_failure(&3);
    // The report takes the hash of the check.
    let _ = hasher.expect(1, healthy);
}

#[test]
fn operations_on_all_circuits_hash_nothing() {
    let (store, hasher) = counted();
    let known = 3_000;
    // The map grows from nothing, and moves its entries many times.
    hasher.expect(known, || {
        for key in 0..known {
            store.record_failure(&key);
        }
    });
    hasher.expect(0, || store.snapshots());
    hasher.expect(0, || store.steer_all(Steering::ForceOpen));
    hasher.expect(0, || store.clear());
    assert!(store.is_empty());
}

#[test]
fn an_eviction_hashes_nothing() {
    let hasher = Counting::default();
    let store: InMemoryCircuitBreakerStore<u64, Counting> =
        InMemoryCircuitBreakerStore::keyed_builder()
            .hasher(hasher.clone())
            .max_circuits(100)
            .build();
    hasher.expect(1_000, || {
        for key in 0..1_000 {
            store.get_state(&key);
        }
    });
    assert!(store.evicted() > 800);
}

/// A key that may only be compared with equal keys.
#[derive(Clone, Debug)]
struct Shy(u64);

impl PartialEq for Shy {
    fn eq(&self, other: &Self) -> bool {
        assert_eq!(self.0, other.0, "keys of other hashes are not compared");
        true
    }
}

impl Eq for Shy {}

impl Hash for Shy {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

#[test]
fn keys_are_compared_where_their_hashes_are_equal() {
    let store = InMemoryCircuitBreakerStore::<Shy>::keyed_builder()
        .hasher(Counting::default())
        .build();
    for round in 1..=2 {
        for key in (0..3_000).map(Shy) {
            assert_eq!(store.record_failure(&key).failure_count, round);
        }
    }
}

/// A hasher by which all keys are alike.
#[derive(Clone, Default)]
struct Alike;

impl BuildHasher for Alike {
    type Hasher = Alike;

    fn build_hasher(&self) -> Alike {
        Alike
    }
}

impl Hasher for Alike {
    fn write(&mut self, _: &[u8]) {}

    fn finish(&self) -> u64 {
        7
    }
}

/// A hasher that can't tell keys apart costs time alone: calls count for their own circuit, even
/// where successes are taken by hash.
#[test]
fn keys_with_equal_hashes_have_windows_of_their_own() {
    for window in [
        SlidingWindow::Calls(20),
        SlidingWindow::Time(Duration::from_secs(10)),
    ] {
        let policy = Policy::builder().sliding_window(window);
        let policy = policy.minimum_calls(20).failure_rate_threshold(50);
        let breaker = CircuitBreaker::builder()
            .policy(policy.build().unwrap())
            .hasher(Alike)
            .build()
            .unwrap();
        let call = |key: &str, fails: bool| {
            let permit = breaker.acquire(key).unwrap();
            let _ = match fails {
                true => permit.failure(),
                false => permit.success(),
            };
        };
        let calls = |key: &str| breaker.stats(key).unwrap().window.unwrap().calls;
        // Known by hash from some call on.
        (0..60).for_each(|_| call("known", false));
        let known = calls("known");
        (0..19).for_each(|_| call("other", false));
        assert_eq!((calls("other"), calls("known")), (19, known));
        call("other", true);
        assert_eq!((calls("other"), calls("known")), (20, known));
        (0..10).for_each(|_| call("other", false));
        let window = breaker.stats("known").unwrap().window.unwrap();
        assert_eq!((window.calls, window.failures), (known, 0));
    }
}

/// A key whose `Hash` leaves a field out, as it may.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Route {
    host: &'static str,
    path: &'static str,
}

impl Hash for Route {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.host.hash(state);
    }
}

#[test]
fn keys_that_hash_a_part_of_themselves_have_windows_of_their_own() {
    let window = SlidingWindow::Time(Duration::from_secs(10));
    let policy = Policy::builder().sliding_window(window);
    let policy = policy.minimum_calls(100).failure_rate_threshold(50);
    let breaker = CircuitBreaker::keyed_builder()
        .policy(policy.build().unwrap())
        .build()
        .unwrap();
    let [one, other] = ["/one", "/other"].map(|path| Route { host: "h", path });
    for _ in 0..50 {
        let _ = breaker.acquire(&one).unwrap().success();
    }
    for _ in 0..10 {
        let _ = breaker.acquire(&other).unwrap().success();
    }
    let calls = |key| breaker.stats(key).unwrap().window.unwrap().calls;
    assert_eq!((calls(&one), calls(&other)), (50, 10));
}

/// A form of a key that has a text, but is more than that.
struct RouteForm(Route);

impl PartialEq for RouteForm {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl Eq for RouteForm {}

impl Hash for RouteForm {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl std::borrow::Borrow<RouteForm> for OwnRoute {
    fn borrow(&self) -> &RouteForm {
        &self.0
    }
}

#[derive(PartialEq, Eq, Hash)]
struct OwnRoute(RouteForm);

impl Clone for OwnRoute {
    fn clone(&self) -> Self {
        OwnRoute(RouteForm(self.0.0.clone()))
    }
}

impl ToKey<OwnRoute> for RouteForm {
    fn to_key(&self) -> OwnRoute {
        OwnRoute(RouteForm(self.0.clone()))
    }

    fn as_text(&self) -> Option<&str> {
        Some(self.0.host)
    }
}

#[test]
fn forms_with_equal_texts_have_windows_of_their_own() {
    let window = SlidingWindow::Time(Duration::from_secs(10));
    let policy = Policy::builder().sliding_window(window);
    let policy = policy.minimum_calls(100).failure_rate_threshold(50);
    let policy = policy.build().unwrap();
    let store = InMemoryCircuitBreakerStore::<OwnRoute>::keyed();
    let [one, other] = ["/one", "/other"].map(|path| RouteForm(Route { host: "h", path }));
    for (key, calls) in [(&one, 50), (&other, 10)] {
        for _ in 0..calls {
            let permit = store.acquire(key, &policy).unwrap();
            let _ = store.report(key, permit, Outcome::Success, &policy);
        }
    }
    let calls = |key| store.stats(key).unwrap().window.unwrap().calls;
    assert_eq!((calls(&one), calls(&other)), (50, 10));
}

/// More circuits than there are entries, with windows of different lengths: none takes an entry whose
/// calls are still in another's window.
#[test]
fn a_short_window_takes_no_entry_of_a_long_one() {
    let of = |seconds| {
        let window = SlidingWindow::Time(Duration::from_secs(seconds));
        let policy = Policy::builder().sliding_window(window);
        let policy = policy.minimum_calls(1_000).failure_rate_threshold(50);
        policy.build().unwrap()
    };
    let store = InMemoryCircuitBreakerStore::builder()
        .clock(ManualClock::new(1_700_000_000_000))
        .capacity(4_000)
        .build();
    let call = |key: &str, policy: &Policy| {
        for _ in 0..12 {
            let permit = store.acquire(key, policy).unwrap();
            let _ = store.report(key, permit, Outcome::Success, policy);
        }
    };
    let long: Vec<_> = (0..4_000).map(|n| format!("long-{n}")).collect();
    long.iter().for_each(|key| call(key, &of(3_600)));
    (0..16_000).for_each(|n| call(&format!("short-{n}"), &of(1)));
    for key in &long {
        let window = store.stats(key.as_str()).unwrap().window.unwrap();
        assert_eq!(window.calls, 12, "{key}");
    }
}
