//! A bounded subscription: in order, nothing twice, and what is dropped is counted.
#![cfg(feature = "subscription")]

use breakerbox::{CircuitState, InMemoryCircuitBreakerStore, Subscription};

type Store = InMemoryCircuitBreakerStore<u64>;

fn store(capacity: usize) -> (Store, Subscription<u64>) {
    let store = Store::new();
    let changes = store.subscribe(capacity);
    (store, changes)
}

#[test]
fn what_fits_is_received_in_order_and_the_rest_counted() {
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
        // There is room again.
        store.transition(&9, CircuitState::Open);
        assert_eq!(changes.try_next().unwrap().key, 9);
        drop(store);
        assert!(
            changes.next_blocking().is_none(),
            "nothing can come any more"
        );
    }
}

#[test]
fn a_subscriber_that_is_gone_holds_nothing_up() {
    let (store, changes) = store(1);
    drop(changes);
    for key in 0..5 {
        store.transition(&key, CircuitState::Open);
    }
    assert_eq!(store.len(), 5);
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
