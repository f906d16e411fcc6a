//! Keys and hashers: every kind is looked up in its borrowed form, and none is special.

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::hash::{BuildHasher, Hash, Hasher};
use std::sync::Arc;

use breakerbox::{CircuitState, InMemoryCircuitBreakerStore, Outcome, Policy, Reported, ToKey};

#[test]
fn strings_of_every_owner() {
    let owned: InMemoryCircuitBreakerStore<String> = InMemoryCircuitBreakerStore::new();
    owned.record_failure("a");
    assert_eq!(owned.record_failure(&"a".to_owned()).failure_count, 2);

    let shared: InMemoryCircuitBreakerStore<Arc<str>> = InMemoryCircuitBreakerStore::keyed();
    shared.record_failure("a");
    let key: Arc<str> = "a".into();
    assert_eq!(shared.record_failure(&key).failure_count, 2);

    let boxed: InMemoryCircuitBreakerStore<Box<str>> = InMemoryCircuitBreakerStore::keyed();
    boxed.record_failure("a");
    assert_eq!(boxed.record_failure("a").failure_count, 2);

    let fixed: InMemoryCircuitBreakerStore<&'static str> = InMemoryCircuitBreakerStore::keyed();
    fixed.record_failure(&"a");
    assert_eq!(fixed.record_failure(&"a").failure_count, 2);
}

#[test]
fn numbers() {
    let store: InMemoryCircuitBreakerStore<u64> = InMemoryCircuitBreakerStore::keyed();
    for key in [0, 1, u64::MAX] {
        store.record_failure(&key);
        assert_eq!(store.record_failure(&key).failure_count, 2);
    }
    assert_eq!(store.len(), 3);
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Route {
    host: String,
    port: u16,
}

#[test]
fn types_of_the_user() {
    let store: InMemoryCircuitBreakerStore<Route> = InMemoryCircuitBreakerStore::keyed();
    let route = |port| Route {
        host: "api".to_owned(),
        port,
    };
    store.record_failure(&route(80));
    assert_eq!(store.record_failure(&route(80)).failure_count, 2);
    assert_eq!(store.record_failure(&route(81)).failure_count, 1);
    let handle = store.circuit(&route(80)).unwrap();
    assert_eq!(handle.key(), &route(80));
}

/// A borrowed form of the user's own, which tells whether it may be copied into a key.
#[derive(Debug)]
struct Id {
    number: u32,
    to_be_owned: bool,
}

impl PartialEq for Id {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}

impl Eq for Id {}

impl Hash for Id {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.number.hash(state);
    }
}

#[derive(PartialEq, Eq, Hash, Debug)]
struct Tenant(Id);

impl Borrow<Id> for Tenant {
    fn borrow(&self) -> &Id {
        &self.0
    }
}

impl ToKey<Tenant> for Id {
    fn to_key(&self) -> Tenant {
        assert!(
            self.to_be_owned,
            "a key is copied where a circuit is created, and nowhere else"
        );
        Tenant(Id { ..*self })
    }
}

#[test]
fn only_creation_copies_the_key() {
    let store: InMemoryCircuitBreakerStore<Tenant> = InMemoryCircuitBreakerStore::keyed();
    let policy = Policy::default();
    let create = Id {
        number: 7,
        to_be_owned: true,
    };
    let look = Id {
        number: 7,
        to_be_owned: false,
    };

    // Unknown: no circuit is created.
    assert_eq!(store.peek(&look), None);
    let permit = store.acquire(&look, &policy).unwrap();
    assert_eq!(
        store.report(&look, permit, Outcome::Success, &policy),
        Reported::Recorded
    );
    store.reset(&look);

    store.record_failure(&create);
    assert_eq!(store.record_failure(&look).failure_count, 2);
    assert_eq!(store.record_success(&look).success_count, 1);
    assert_eq!(store.get_state(&look).failure_count, 2);
    store.transition(&look, CircuitState::Open);
    assert!(store.acquire(&look, &policy).is_err());
    store.transition(&look, CircuitState::HalfOpen);
    let probe = store.acquire(&look, &policy).unwrap();
    assert_eq!(
        store.report(&look, probe, Outcome::Failure, &policy),
        Reported::Recorded
    );
    store.reset(&look);
    assert!(store.is_empty());
}

#[test]
fn no_key_is_special() {
    let store: InMemoryCircuitBreakerStore<String> = InMemoryCircuitBreakerStore::new();
    let long = "k".repeat(1 << 20);
    let nearly = format!("{}j", &long[1..]);
    let keys = [
        "",
        " ",
        "\0",
        "a",
        "A",
        "ä",
        "\u{10ffff}",
        "*",
        "../..",
        &long,
        &nearly,
    ];
    for (times, key) in keys.iter().enumerate() {
        for _ in 0..=times {
            store.record_failure(*key);
        }
    }
    assert_eq!(store.len(), keys.len());
    for (times, key) in keys.iter().enumerate() {
        assert_eq!(store.get_state(*key).failure_count, times as u64 + 1);
        store.reset(*key);
        assert_eq!(store.peek(*key), None);
    }
    assert!(store.is_empty());
}

/// A hasher under which all keys collide, in the map and in every table of the store that uses the
/// hash.
#[derive(Clone, Copy, Default, Debug)]
struct Constant(u64);

impl BuildHasher for Constant {
    type Hasher = Constant;

    fn build_hasher(&self) -> Constant {
        *self
    }
}

impl Hasher for Constant {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _: &[u8]) {}
}

/// As many keys as collide without harm: the map doubles its table for every five more.
const COLLIDING: u64 = 40;

#[test]
fn keys_that_collide_are_kept_apart() {
    for hash in [0, 1, 1 << 63, u64::MAX] {
        let store = InMemoryCircuitBreakerStore::<u64>::keyed_builder()
            .hasher(Constant(hash))
            .build();
        for key in 0..COLLIDING {
            for _ in 0..=key % 3 {
                store.record_failure(&key);
            }
        }
        store.transition(&5, CircuitState::Open);
        for key in (0..COLLIDING).step_by(2) {
            store.reset(&key);
        }
        let left: BTreeMap<u64, _> = store.snapshots().into_iter().collect();
        let expected: Vec<u64> = (0..COLLIDING).filter(|key| key % 2 == 1).collect();
        assert_eq!(left.keys().copied().collect::<Vec<_>>(), expected);
        for (key, circuit) in left {
            assert_eq!(circuit.failure_count, key % 3 + 1);
            let open = circuit.state == CircuitState::Open;
            assert_eq!(open, key == 5);
            assert_eq!(store.acquire(&key, &Policy::default()).is_err(), open);
        }
    }
}

/// The one imprecision that the contract has; see `Store::may_lose` of the model.
#[test]
fn under_a_colliding_hash_a_removal_loses_at_most_calls_in_flight_on_unknown_keys() {
    let store = InMemoryCircuitBreakerStore::<u64>::keyed_builder()
        .hasher(Constant(0))
        .build();
    let policy = Policy::default();
    store.record_failure(&1);
    store.record_failure(&2);
    let known = store.acquire(&2, &policy).unwrap();
    let unknown = store.acquire(&3, &policy).unwrap();
    store.reset(&1);

    assert_eq!(
        store.report(&2, known, Outcome::Failure, &policy),
        Reported::Recorded
    );
    if store.report(&3, unknown, Outcome::Failure, &policy) == Reported::Stale {
        assert_eq!(store.peek(&3), None, "lost, not miscounted");
    }
    let later = store.acquire(&3, &policy).unwrap();
    assert_eq!(
        store.report(&3, later, Outcome::Failure, &policy),
        Reported::Recorded
    );
}

#[test]
fn clones_of_a_store_share_its_circuits() {
    let store = InMemoryCircuitBreakerStore::new();
    let same = store.clone();
    store.record_failure("a");
    assert_eq!(same.record_failure("a").failure_count, 2);
    same.clear();
    assert!(store.is_empty());

    let other = InMemoryCircuitBreakerStore::new();
    other.record_failure("a");
    assert!(store.is_empty(), "two stores share nothing");
}

#[test]
fn the_store_stays_usable_after_it_was_destroyed() {
    let store = InMemoryCircuitBreakerStore::new();
    for _ in 0..3 {
        store.transition("a", CircuitState::Open);
        store.destroy();
        assert!(store.is_empty());
        assert_eq!(store.record_failure("a").failure_count, 1);
    }
}

#[test]
fn every_circuit_is_visited_once() {
    let store: InMemoryCircuitBreakerStore<u64> = InMemoryCircuitBreakerStore::keyed();
    for key in 0..1_000 {
        store.record_failure(&key);
    }
    let mut visits = BTreeMap::new();
    store.for_each(|key, circuit| {
        assert_eq!(circuit.failure_count, 1);
        *visits.entry(*key).or_insert(0) += 1;
    });
    assert_eq!(visits.len(), 1_000);
    assert!(visits.values().all(|visits| *visits == 1));
}
