//! Real threads: what must hold however they interleave, and proof that they did.
//!
//! Every test repeats its rounds until threads were seen to collide, and fails if they never do:
//! a race that didn't take place shows nothing.

mod counts;
mod removal;
mod winners;

use std::collections::BTreeMap;
use std::sync::{Arc, Barrier, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use breakerbox::{CircuitState, InMemoryCircuitBreakerStore, Limits, ManualClock, StateChange};

type Store = InMemoryCircuitBreakerStore<u64, std::hash::RandomState, ManualClock>;
type Heard = Arc<Mutex<Vec<StateChange<u64>>>>;

const THREADS: usize = 4;
/// Collisions that end a test.
const ENOUGH: usize = 50;
/// How long a test goes on until it has seen them.
const PATIENCE: Duration = Duration::from_secs(20);

fn listening() -> (Store, ManualClock, Heard) {
    let clock = ManualClock::new(1_000);
    let heard = Heard::default();
    let hears = Arc::clone(&heard);
    let store = InMemoryCircuitBreakerStore::builder()
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
        assert!(
            begin.elapsed() < PATIENCE,
            "{collisions} collisions in {rounds} rounds: the threads hardly met"
        );
        collisions += round(rounds);
        rounds += 1;
    }
    println!(
        "{collisions} collisions in {rounds} rounds, {:?}",
        begin.elapsed()
    );
}

/// Runs `work` with each thread's number on all of them, begun together.
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

/// The changes of each key in their true order: no number twice, each from where the last led to.
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
        "numbers are of the whole store"
    );
}

/// Whether no circuit of the store rejects, by the store's own reckoning: it then answers for
/// every key with one number, else for a known circuit with the circuit's own.
fn assert_gate_is_down(store: &Store, limits: &Limits) {
    const WITNESS: u64 = u64::MAX;
    let own = store
        .circuit(&WITNESS)
        .unwrap()
        .acquire(limits)
        .unwrap()
        .generation();
    // Another circuit draws a later number, and is closed again.
    let other = WITNESS - 1;
    store.transition(&other, CircuitState::Open);
    let of_circuit = store.acquire(&WITNESS, limits).unwrap().generation();
    store.transition(&other, CircuitState::Closed);
    let of_store = store.acquire(&WITNESS, limits).unwrap().generation();
    assert_eq!(
        of_circuit, own,
        "the gate is up while another circuit is open"
    );
    assert!(of_store > own, "the gate is down again when it is closed");
}
