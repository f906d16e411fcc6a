//! Leaks: keys, listeners, classifiers, replaced policies, permits and handles are dropped when
//! their owners are.

use std::hash::{BuildHasher, Hash, Hasher, RandomState};
use std::sync::Arc;
use std::time::{Duration, Instant};

use breakerbox::{
    CircuitBreaker, CircuitState, EjectionCap, Group, InMemoryCircuitBreakerStore, ManualClock,
    Policy, PolicySet, SlidingWindow,
};

/// A counter of the objects that hold a clone of it.
type Token = Arc<()>;

#[derive(Clone)]
struct Key(String, #[allow(dead_code, reason = "held")] Token);

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl Eq for Key {}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl AsRef<str> for Key {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

/// A hasher that holds a token too.
#[derive(Clone)]
struct Holding(RandomState, #[allow(dead_code, reason = "held")] Token);

impl BuildHasher for Holding {
    type Hasher = <RandomState as BuildHasher>::Hasher;

    fn build_hasher(&self) -> Self::Hasher {
        self.0.build_hasher()
    }
}

fn policies(tokens: &Token, size: u32) -> PolicySet<Key> {
    let policy = Policy::builder()
        .sliding_window(SlidingWindow::Calls(size))
        .failure_rate_threshold(50)
        .build()
        .unwrap();
    let held = Arc::clone(tokens);
    let cap = EjectionCap::Percent(50);
    let members = ["a", "b"].map(|name| Key(name.to_owned(), Arc::clone(tokens)));
    PolicySet::new(policy)
        .class("few", Policy::default())
        .group("listed", Group::of(members, cap).unwrap())
        .classify(move |key: &Key| {
            let _ = &held;
            key.0.starts_with('f').then_some("few")
        })
}

/// Waits until all other tokens are dropped. Epochs free memory once threads have passed by often
/// enough.
fn until_only_ours(tokens: &Token) {
    let begin = Instant::now();
    while Arc::strong_count(tokens) > 1 {
        assert!(
            begin.elapsed() < Duration::from_secs(20),
            "{} are still held",
            Arc::strong_count(tokens) - 1
        );
        crossbeam_epoch::pin().flush();
        std::thread::yield_now();
    }
}

#[test]
fn everything_given_to_a_breaker_is_dropped() {
    let tokens = Token::default();
    let heard = Arc::clone(&tokens);
    let clock = ManualClock::new(1_000);
    let breaker: CircuitBreaker<Key, Holding, ManualClock> = CircuitBreaker::<Key>::keyed_builder()
        .hasher(Holding(RandomState::new(), Arc::clone(&tokens)))
        .clock(clock.clone())
        .max_circuits(100)
        .policy(policies(&tokens, 10))
        .on_state_change(move |_| {
            let _ = &heard;
        })
        .build()
        .unwrap();
    let key = |number: usize| Key(format!("{number}"), Arc::clone(&tokens));
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (breaker, clock, key, tokens) = (&breaker, &clock, &key, &tokens);
            scope.spawn(move || {
                for round in 0..20_000 {
                    let name = key((round * (thread + 1)) % 1_000);
                    if let Ok(permit) = breaker.acquire_owned(&name) {
                        match round % 5 {
                            0 => drop(permit),
                            1 | 2 => _ = permit.success(),
                            _ => _ = permit.failure(),
                        }
                    }
                    if let Ok(handle) = breaker.circuit(&name) {
                        let _ = handle.acquire().map(|permit| permit.success());
                    }
                    match round % 400 {
                        0 => breaker.set_policies(policies(tokens, 5 + (round % 50) as u32)),
                        100 => breaker.clear(),
                        200 => _ = breaker.store().transition(&name, CircuitState::Open),
                        300 => clock.advance_ms(10_000),
                        _ => {}
                    }
                }
            });
        }
    });
    assert!(Arc::strong_count(&tokens) > 1);
    // Outstanding permits and handles keep what they need, and no more.
    let handle = breaker.circuit(&key(1)).unwrap();
    let permit = breaker.acquire_owned(&key(2));
    drop(breaker);
    drop(handle);
    drop(permit);
    until_only_ours(&tokens);
}

/// A bare store: its circuits are dropped with its last clone or handle.
#[test]
fn a_store_is_dropped_with_its_last_handle() {
    let tokens = Token::default();
    let store: InMemoryCircuitBreakerStore<Key> =
        InMemoryCircuitBreakerStore::keyed_builder().build();
    for number in 0..1_000 {
        store.record_failure(&Key(number.to_string(), Arc::clone(&tokens)));
    }
    let handle = store
        .circuit(&Key("1".to_owned(), Arc::clone(&tokens)))
        .unwrap();
    drop(store);
    assert!(
        Arc::strong_count(&tokens) >= 1_000,
        "the handle keeps its store"
    );
    assert_eq!(handle.get_state().failure_count, 1);
    drop(handle);
    until_only_ours(&tokens);
}

/// Circuits that are reset, evicted or cleared don't keep their keys while the store lives on.
#[test]
fn removed_circuits_drop_their_keys() {
    let tokens = Token::default();
    let store: InMemoryCircuitBreakerStore<Key> =
        InMemoryCircuitBreakerStore::keyed_builder().build();
    for round in 0..10 {
        for number in 0..1_000 {
            store.record_failure(&Key(format!("{round} {number}"), Arc::clone(&tokens)));
        }
        store.clear();
    }
    // They are freed in batches: some may be left.
    let left = Arc::strong_count(&tokens) - 1;
    assert!(left < 2_000, "{left} keys of 10,000");
    drop(store);
    until_only_ours(&tokens);
}
