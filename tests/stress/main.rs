//! Real threads: laws that hold however threads interleave, and proof that they did.
//!
//! Every test repeats its rounds until threads were seen to collide, and fails if they never do,
//! since a race that didn't happen shows nothing.

mod counts;
mod known;
mod removal;
mod tags;
mod winners;

use std::collections::BTreeMap;
use std::sync::{Arc, Barrier, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use breakerbox::{CircuitState, InMemoryCircuitBreakerStore, ManualClock, Policy, StateChange};

type Store = InMemoryCircuitBreakerStore<u64, std::hash::RandomState, ManualClock>;
type Heard = Arc<Mutex<Vec<StateChange<u64>>>>;

const THREADS: usize = 4;
/// Collisions that end a test.
const ENOUGH: usize = 50;
/// The time limit for seeing them, after which a test also ends with fewer rounds.
const TIME_LIMIT: Duration = Duration::from_secs(20);

fn listening() -> (Store, ManualClock, Heard) {
    let clock = ManualClock::new(1_000);
    let heard = Heard::default();
    let hears = Arc::clone(&heard);
    let store = InMemoryCircuitBreakerStore::keyed_builder()
        .clock(clock.clone())
        .on_state_change(move |change: &StateChange<u64>| {
            hears.lock().unwrap().push(change.clone())
        })
        .build();
    (store, clock, heard)
}

/// Repeats `round`, which returns the collisions that it saw, until there were enough.
fn until_they_collide(at_least: usize, mut round: impl FnMut(usize) -> usize) {
    let begin = Instant::now();
    let (mut rounds, mut collisions) = (0, 0);
    while rounds < at_least || collisions < ENOUGH {
        if begin.elapsed() >= TIME_LIMIT {
            // A slow or busy machine has fewer rounds, in which threads collide less often.
            assert!(collisions > 0, "in {rounds} rounds the threads never met");
            break;
        }
        collisions += round(rounds);
        rounds += 1;
    }
    println!(
        "{collisions} collisions in {rounds} rounds, {:?}",
        begin.elapsed()
    );
}

/// Runs `work` in N threads at the same time, each with its number.
fn together<R: Send>(threads: usize, work: impl Fn(usize) -> R + Sync) -> Vec<R> {
    let start = Barrier::new(threads);
    thread::scope(|scope| {
        let run = |number| {
            let (start, work) = (&start, &work);
            scope.spawn(move || {
                start.wait();
                work(number)
            })
        };
        let running: Vec<_> = (0..threads).map(run).collect();
        running
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    })
}

/// Checks the changes of each key in the order of their numbers: each number once, each change from
/// the state that the last one led to.
fn assert_chains(heard: &[StateChange<u64>]) {
    let mut chains: BTreeMap<u64, Vec<&StateChange<u64>>> = BTreeMap::new();
    for change in heard {
        chains.entry(change.key).or_default().push(change);
    }
    for chain in chains.values_mut() {
        chain.sort_by_key(|change| change.generation);
        let mut state = CircuitState::Closed;
        for pair in chain.windows(2) {
            assert!(
                pair[0].generation < pair[1].generation,
                "one number twice: {pair:?}"
            );
        }
        for change in chain {
            assert_eq!(change.from, state, "{change:?}");
            state = change.to;
        }
    }
    let mut numbers: Vec<u64> = heard.iter().map(|change| change.generation).collect();
    numbers.sort_unstable();
    assert!(
        numbers.windows(2).all(|pair| pair[0] != pair[1]),
        "numbers are unique in the whole store"
    );
}

/// Checks that nothing keeps the store from its fast path for `keys`, whose circuits are closed or
/// unknown: it then answers for each with its own latest number, else with the circuit's. (A quiet
/// summary shows in no answer, only in time: models and histories check it.)
fn assert_fast_path(store: &Store, keys: impl IntoIterator<Item = u64>, policy: &Policy) {
    const ELSEWHERE: u64 = u64::MAX;
    for key in keys {
        let circuit = store.circuit(&key).unwrap();
        let own = circuit.acquire(policy).unwrap().generation();
        // Another circuit takes a later number, and is closed again.
        store.transition(&ELSEWHERE, CircuitState::Open);
        store.transition(&ELSEWHERE, CircuitState::Closed);
        let of_store = store.acquire(&key, policy).unwrap().generation();
        assert!(of_store > own, "{key} is looked up: {of_store}, {own}");
    }
}
