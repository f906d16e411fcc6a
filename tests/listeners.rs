//! Listeners: called exactly once for each transition, and free to call the store.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use breakerbox::{
    CircuitBreaker, CircuitState, InMemoryCircuitBreakerStore, ManualClock, Outcome, Policy,
    StateChange,
};

use CircuitState::{Closed, Disabled, ForcedOpen, HalfOpen, Open};

type Store = InMemoryCircuitBreakerStore<String, std::hash::RandomState, ManualClock>;
type Heard = Arc<Mutex<Vec<StateChange<String>>>>;

const START: u64 = 1_000;

fn listening() -> (Store, ManualClock, Heard) {
    let clock = ManualClock::new(START);
    let heard = Heard::default();
    let store = InMemoryCircuitBreakerStore::builder()
        .clock(clock.clone())
        .on_state_change(note_in(&heard))
        .build();
    (store, clock, heard)
}

fn note_in(heard: &Heard) -> impl Fn(&StateChange<String>) + Send + Sync + 'static {
    let heard = Arc::clone(heard);
    move |change| heard.lock().unwrap().push(change.clone())
}

fn steps(heard: &Heard) -> Vec<(CircuitState, CircuitState)> {
    heard
        .lock()
        .unwrap()
        .iter()
        .map(|change| (change.from, change.to))
        .collect()
}

#[test]
fn the_transitions_of_a_circuit_are_announced_in_order() {
    let (store, clock, heard) = listening();
    let policy = Policy::builder().failure_threshold(1).build().unwrap();
    let permit = store.acquire("a", &policy).unwrap();
    let _ = store.report("a", permit, Outcome::Failure, &policy);
    clock.advance_ms(30_000);
    let _lost = store.acquire("a", &policy).unwrap();
    clock.advance_ms(30_000);
    let probe = store.acquire("a", &policy).unwrap();
    let _ = store.report("a", probe, Outcome::Success, &policy);
    store.transition("a", Disabled);

    let heard = heard.lock().unwrap();
    let told: Vec<_> = heard.iter().map(|c| (c.from, c.to, c.at)).collect();
    assert_eq!(
        told,
        [
            (Closed, Open, START),
            (Open, HalfOpen, START + 30_000),
            (HalfOpen, Closed, START + 60_000),
            (Closed, Disabled, START + 60_000),
        ]
    );
    assert!(heard.iter().all(|change| change.key == "a"));
    assert!(heard.is_sorted_by(|a, b| a.generation < b.generation));
}

#[test]
fn only_transitions_are_announced() {
    let (store, _, heard) = listening();
    let policy = Policy::default();
    store.get_state("a");
    store.record_failure("a");
    store.record_success("a");
    let permit = store.acquire("a", &policy).unwrap();
    let _ = store.report("a", permit, Outcome::Failure, &policy);
    let _ = store.circuit("b").unwrap();
    store.reset("a");
    store.clear();
    store.reset("never seen");
    assert_eq!(steps(&heard), []);
}

#[test]
fn a_transition_to_the_same_state_is_announced() {
    let (store, _, heard) = listening();
    for state in CircuitState::ALL {
        store.transition("a", state);
        store.transition("a", state);
    }
    let told = steps(&heard);
    for (pair, state) in told.chunks(2).zip(CircuitState::ALL) {
        assert_eq!(pair[0].1, state);
        assert_eq!(pair[1], (state, state));
    }
    assert_eq!(told.len(), 10);
}

#[test]
fn removing_a_circuit_announces_that_it_closes() {
    for pinned in [false, true] {
        for remove in [
            |store: &Store| store.reset("a"),
            Store::clear,
            Store::destroy,
        ] {
            let (store, _, heard) = listening();
            let handle = pinned.then(|| store.circuit("a").unwrap());
            store.transition("a", ForcedOpen);
            remove(&store);
            remove(&store);
            assert_eq!(steps(&heard), [(Closed, ForcedOpen), (ForcedOpen, Closed)]);
            drop(handle);
        }
    }
}

#[test]
fn changes_by_handles_and_breakers_are_announced() {
    let heard = Heard::default();
    let breaker = CircuitBreaker::builder()
        .failure_threshold(1)
        .on_state_change(note_in(&heard))
        .clock(ManualClock::new(START))
        .build()
        .unwrap();
    let circuit = breaker.circuit("a").unwrap();
    let _ = circuit.acquire().unwrap().failure();
    let handle = breaker.store().circuit("a").unwrap();
    handle.transition(HalfOpen);
    let _ = breaker.call("a", || Ok::<_, ()>(()));
    assert_eq!(
        steps(&heard),
        [(Closed, Open), (Open, HalfOpen), (HalfOpen, Closed)]
    );
}

#[test]
fn listeners_are_called_in_the_order_they_were_added() {
    let calls = Arc::new(Mutex::new(Vec::new()));
    let mut builder = InMemoryCircuitBreakerStore::builder();
    for number in 0..3 {
        let calls = Arc::clone(&calls);
        builder = builder.on_state_change(move |_| calls.lock().unwrap().push(number));
    }
    let store = builder.build();
    store.transition("a", Open);
    store.transition("a", Closed);
    assert_eq!(*calls.lock().unwrap(), [0, 1, 2, 0, 1, 2]);
}

/// Panics without a message.
fn panic_quietly() -> ! {
    std::panic::resume_unwind(Box::new("listener"))
}

#[test]
fn a_panic_in_a_listener_is_contained() {
    let heard = Heard::default();
    let breaker = CircuitBreaker::builder()
        .failure_threshold(1)
        .on_state_change(|_: &StateChange<String>| panic_quietly())
        .on_state_change(note_in(&heard))
        .clock(ManualClock::new(START))
        .build()
        .unwrap();
    assert_eq!(
        breaker.acquire("a").unwrap().failure(),
        breakerbox::Reported::Recorded
    );
    assert_eq!(
        steps(&heard),
        [(Closed, Open)],
        "the next listener is still called"
    );
    assert!(breaker.acquire("a").is_err());
    breaker.clear();
    breaker.store().transition("a", Open);
    breaker.reset("a");
    assert_eq!(breaker.call("a", || Ok::<_, ()>(1)), Ok(1));
    assert_eq!(steps(&heard).len(), 4);
}

/// The payload of a panic may itself panic when it is dropped.
#[test]
fn a_panic_whose_payload_panics_is_contained() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic_quietly();
        }
    }
    let store = InMemoryCircuitBreakerStore::builder()
        .on_state_change(|_| std::panic::resume_unwind(Box::new(Bomb)))
        .build();
    assert_eq!(store.transition("a", Open).state, Open);
}

/// Makes a store whose listener calls the store itself.
fn calling_back(
    then: impl Fn(&InMemoryCircuitBreakerStore, &StateChange<String>) + Send + Sync + 'static,
) -> InMemoryCircuitBreakerStore {
    let itself: Arc<OnceLock<InMemoryCircuitBreakerStore>> = Arc::default();
    let inside = Arc::clone(&itself);
    let store = InMemoryCircuitBreakerStore::builder()
        .on_state_change(move |change| then(inside.get().unwrap(), change))
        .build();
    itself.set(store.clone()).unwrap();
    store
}

#[test]
fn a_listener_may_use_the_circuit_that_changed() {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let store = calling_back(move |store, change| {
        counted.fetch_add(1, Ordering::Relaxed);
        assert_eq!(store.peek(&*change.key).unwrap().state, change.to);
        assert_eq!(store.get_state(&*change.key).state, change.to);
        store.record_success(&*change.key);
        store.record_failure(&*change.key);
        let handle = store.circuit(&*change.key).unwrap();
        assert_eq!(
            handle.acquire(&Policy::default()).is_err(),
            change.to == Open
        );
        store.for_each(|_, _| {});
        let _ = (store.len(), store.snapshots());
    });
    let after = store.transition("a", Open);
    assert_eq!(
        (after.failure_count, after.success_count),
        (0, 0),
        "listeners run after the step"
    );
    let now = store.get_state("a");
    assert_eq!((now.failure_count, now.success_count), (1, 1));
    assert_eq!(calls.load(Ordering::Relaxed), 1);
}

#[test]
fn a_listener_may_move_the_circuit_on() {
    let told = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&told);
    let store = calling_back(move |store, change| {
        heard.lock().unwrap().push((change.from, change.to));
        if change.to == Open {
            store.transition(&*change.key, ForcedOpen);
        }
    });
    let policy = Policy::builder().failure_threshold(1).build().unwrap();
    let permit = store.acquire("a", &policy).unwrap();
    let _ = store.report("a", permit, Outcome::Failure, &policy);
    assert_eq!(*told.lock().unwrap(), [(Closed, Open), (Open, ForcedOpen)]);
    assert_eq!(store.peek("a").unwrap().state, ForcedOpen);
}

#[test]
fn a_listener_may_reset_or_clear() {
    for clear in [false, true] {
        let store = calling_back(move |store, change| match (change.to, clear) {
            (Open, false) => store.reset(&*change.key),
            (Open, true) => store.clear(),
            _ => {}
        });
        store.record_failure("other");
        let returned = store.transition("a", Open);
        assert_eq!(returned.state, Open, "the snapshot of the step itself");
        assert_eq!(store.peek("a"), None);
        assert_eq!(store.len(), usize::from(!clear));
        assert!(store.acquire("a", &Policy::default()).is_ok());
    }
}

#[test]
fn listeners_may_nest_deeply() {
    let store = calling_back(|store, change| {
        let depth = store.record_failure("depth").failure_count;
        if depth < 50 {
            let to = if change.to == Open { Closed } else { Open };
            store.transition(&*change.key, to);
        }
    });
    store.transition("a", Open);
    assert_eq!(store.get_state("depth").failure_count, 50);
    assert_eq!(store.get_state("a").state, Closed);
}
