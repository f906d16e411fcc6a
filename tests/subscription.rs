//! A bounded subscription: changes in order, none twice, and dropped ones counted.
#![cfg(feature = "subscription")]

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use breakerbox::{CircuitState, InMemoryCircuitBreakerStore, Subscription};

type Store = InMemoryCircuitBreakerStore<u64>;

fn store(capacity: usize) -> (Store, Subscription<u64>) {
    let store = Store::keyed();
    let changes = store.subscribe(capacity);
    (store, changes)
}

#[test]
fn changes_that_fit_are_received_in_order_and_the_rest_counted() {
    for (capacity, room) in [(0, 1), (1, 1), (3, 3)] {
        let (store, changes) = store(capacity);
        for key in 0..5 {
            store.transition(&key, CircuitState::Open);
        }
        assert_eq!((changes.len() as u64, changes.dropped()), (room, 5 - room));
        for key in 0..room {
            assert_eq!(changes.try_next().unwrap().key, key);
        }
        assert!(changes.try_next().is_none() && changes.is_empty());
        // There is room again, however often a change is taken.
        for _ in 0..2 * capacity + 2 {
            store.transition(&9, CircuitState::Open);
            assert_eq!(changes.next_blocking().unwrap().key, 9);
        }
        assert_eq!(changes.dropped(), 5 - room);
        drop(store);
        assert!(changes.next_blocking().is_none(), "no change can follow");
    }
}

/// Memory is taken for the changes that wait, not for the capacity.
#[test]
fn a_subscription_of_any_capacity_is_made() {
    for capacity in [1 << 31, usize::MAX / 2, usize::MAX] {
        let (store, changes) = store(capacity);
        store.transition(&1, CircuitState::Open);
        store.transition(&2, CircuitState::Open);
        assert_eq!((changes.len(), changes.dropped()), (2, 0));
        assert_eq!(changes.try_next().unwrap().key, 1);
    }
}

/// A key that counts its clones.
#[derive(Clone)]
struct Counted(Arc<u64>);

impl PartialEq for Counted {
    fn eq(&self, other: &Self) -> bool {
        *self.0 == *other.0
    }
}

impl Eq for Counted {}

impl Hash for Counted {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

#[test]
fn the_last_clone_of_a_subscription_drops_the_queued_changes() {
    let key = Counted(Arc::new(7));
    let store = InMemoryCircuitBreakerStore::keyed();
    let changes = store.subscribe(1_000);
    for _ in 0..100 {
        store.transition(&key, CircuitState::Open);
    }
    let clone = changes.clone();
    drop(changes);
    assert_eq!(clone.len(), 100, "a clone is left");
    drop(clone);
    assert_eq!(Arc::strong_count(&key.0), 2, "this one and the store's");
}

/// A change that races with the drop is freed too, or was never queued.
#[test]
fn a_change_that_races_with_the_drop_is_not_kept() {
    let key = Counted(Arc::new(7));
    let store = InMemoryCircuitBreakerStore::keyed();
    for _ in 0..500 {
        let changes = store.subscribe(10);
        std::thread::scope(|scope| {
            scope.spawn(|| store.transition(&key, CircuitState::Open));
            scope.spawn(move || drop(changes));
        });
    }
    assert_eq!(Arc::strong_count(&key.0), 2, "this one and the store's");
}

#[test]
fn a_dropped_subscriber_delays_no_change() {
    let (store, changes) = store(1);
    drop(changes);
    for key in 0..5 {
        store.transition(&key, CircuitState::Open);
    }
    assert_eq!(store.len(), 5);
}

#[test]
fn each_subscription_receives_the_changes_after_it() {
    let store = Store::keyed();
    store.transition(&0, CircuitState::Open);
    let first = store.subscribe(10);
    store.transition(&1, CircuitState::Open);
    let second = store.subscribe(10);
    store.transition(&2, CircuitState::Open);
    drop(first.clone());
    drop(second);
    store.transition(&3, CircuitState::Open);
    let third = store.subscribe(10);
    let fourth = store.subscribe(10);
    drop(third);
    store.transition(&4, CircuitState::Open);
    // Replaced lists of subscriptions keep no subscription open.
    drop(store);
    let keys = |changes: Subscription<u64>| {
        std::iter::from_fn(move || changes.next_blocking().map(|change| change.key))
    };
    assert_eq!(keys(first).collect::<Vec<_>>(), [1, 2, 3, 4]);
    assert_eq!(keys(fourth).collect::<Vec<_>>(), [4]);
}

#[test]
fn listeners_of_the_builder_are_called_beside_subscriptions() {
    let (told, heard) = std::sync::mpsc::channel();
    let store = Store::keyed_builder()
        .on_state_change(move |change: &breakerbox::StateChange<u64>| {
            told.send(change.key).unwrap()
        })
        .build();
    let changes = store.subscribe(10);
    store.transition(&1, CircuitState::Open);
    drop(changes);
    store.transition(&2, CircuitState::Open);
    store.transition(&3, CircuitState::Open);
    drop(store);
    assert_eq!(heard.iter().collect::<Vec<_>>(), [1, 2, 3]);
}

/// A dropped subscription costs the next change its removal, and later ones nothing.
#[test]
fn a_dropped_subscription_is_removed() {
    let store = Store::keyed();
    let listeners = |number: usize| {
        let says = format!("{store:?}");
        assert!(says.contains(&format!("listeners: {number},")), "{says}");
    };
    let changes: Vec<_> = (0..3).map(|_| store.subscribe(1)).collect();
    listeners(3);
    drop(changes);
    store.transition(&1, CircuitState::Open);
    listeners(0);
    drop(store.subscribe(1));
    let _kept = store.subscribe(1);
    listeners(1);
}

#[tokio::test]
async fn a_subscription_is_a_stream() {
    use futures_core::Stream;
    use std::future::poll_fn;
    use std::pin::Pin;

    let (store, mut changes) = store(1);
    let task = tokio::spawn(async move {
        let mut keys = Vec::new();
        while let Some(change) = poll_fn(|cx| Pin::new(&mut changes).poll_next(cx)).await {
            keys.push(change.key);
        }
        keys
    });
    for key in 0..3 {
        store.transition(&key, CircuitState::Open);
        // The task takes it before the next one comes.
        tokio::task::yield_now().await;
        tokio::task::yield_now().await;
    }
    drop(store);
    assert_eq!(task.await.unwrap(), [0, 1, 2]);
}

/// Subscriptions that come and go while circuits change lose no change of the others.
#[test]
fn subscriptions_come_and_go_while_circuits_change() {
    let store = Store::keyed();
    let changes = store.subscribe(100_000);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                for _ in 0..500 {
                    let passing = store.subscribe(1);
                    store.transition(&0, CircuitState::Open);
                    assert!(passing.try_next().is_some());
                }
            });
        }
        scope.spawn(|| {
            for _ in 0..500 {
                store.transition(&1, CircuitState::Open);
            }
        });
    });
    assert_eq!((changes.len(), changes.dropped()), (1_500, 0));
    store.transition(&2, CircuitState::Open);
    assert!(format!("{store:?}").contains("listeners: 1,"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_receives_each_change_once() {
    let (store, changes) = store(100_000);
    let task = tokio::spawn(async move {
        let mut generations = Vec::new();
        while let Some(change) = changes.next().await {
            generations.push(change.generation);
        }
        (generations, changes.dropped())
    });
    let threads: Vec<_> = (0..2)
        .map(|_| {
            let store = store.clone();
            std::thread::spawn(move || {
                for round in 0..5_000_u64 {
                    store.transition(&(round % 7), CircuitState::Open);
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    drop(store);
    let (mut generations, dropped) = task.await.unwrap();
    assert_eq!((generations.len(), dropped), (10_000, 0));
    generations.sort_unstable();
    generations.dedup();
    assert_eq!(generations.len(), 10_000);
}
