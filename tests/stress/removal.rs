//! Removal: resets and clears against records, reports, handles and each other.

use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize};
use std::thread;
use std::time::Instant;

use breakerbox::CircuitState::{Closed, Open};
use breakerbox::{CircuitBreakerSnapshot, CircuitState, Outcome, Policy, Reported};

use crate::{
    ENOUGH, Store, THREADS, TIME_LIMIT, assert_chains, assert_fast_path, listening, together,
    until_they_collide,
};

/// The ways to remove key 1.
const REMOVALS: [fn(&Store); 2] = [|store| store.reset(&1), |store| store.clear()];

/// The snapshot that a racing operation returned, and the circuit that was left.
type Race = (CircuitBreakerSnapshot, Option<CircuitBreakerSnapshot>);

/// Races `operation` against each removal of an existing circuit, with and without a handle.
fn race_removals(
    operation: impl Fn(&Store) -> CircuitBreakerSnapshot + Sync,
    check: impl Fn(Race),
) {
    for remove in REMOVALS {
        for pinned in [false, true] {
            let (store, ..) = listening();
            let (mut before, mut after) = (0, 0);
            until_they_collide(2_000, |_| {
                store.reset(&1);
                store.get_state(&1);
                let handle = pinned.then(|| store.circuit(&1).unwrap());
                let returned = together(2, |number| match number {
                    0 => Some(operation(&store)),
                    _ => {
                        remove(&store);
                        None
                    }
                });
                let left = store.peek(&1);
                assert_eq!(store.len(), usize::from(left.is_some()));
                check((returned[0].unwrap(), left));
                drop(handle);
                before += usize::from(left.is_none());
                after += usize::from(left.is_some());
                // Both orders happened, so there was a race.
                usize::from(before >= ENOUGH && after >= ENOUGH) * ENOUGH
            });
        }
    }
}

/// A record comes before a reset, which removes it, or after it, and stays.
#[test]
fn a_record_is_before_or_after_a_removal() {
    race_removals(
        |store| store.record_failure(&1),
        |(returned, left)| {
            assert_eq!(returned.failure_count, 1, "the snapshot includes it");
            assert!(
                left.is_none_or(|circuit| circuit.failure_count == 1),
                "{left:?}"
            );
        },
    );
    race_removals(
        |store| store.record_success(&1),
        |(returned, left)| {
            assert_eq!(returned.success_count, 1, "the snapshot includes it");
            assert!(
                left.is_none_or(|circuit| circuit.success_count == 1),
                "{left:?}"
            );
        },
    );
}

/// A transition comes before a reset, which removes it, or after it, and stays.
#[test]
fn a_transition_is_before_or_after_a_removal() {
    race_removals(
        |store| store.transition(&1, Open),
        |(returned, left)| {
            assert_eq!(returned.state, Open, "the snapshot includes it");
            assert!(left.is_none_or(|circuit| circuit.state == Open), "{left:?}");
        },
    );
}

/// A call that began before a reset never counts after it; one that met none always does.
#[test]
fn calls_from_before_a_reset_are_stale() {
    for pinned in [false, true] {
        let (store, ..) = listening();
        let policy = Policy::builder()
            .failure_threshold(1_000_000)
            .build()
            .unwrap();
        let handle = pinned.then(|| store.circuit(&1).unwrap());
        // Odd while the reset of an existing circuit runs.
        let turn = AtomicU64::new(0);
        let done = AtomicBool::new(false);
        let (late, in_time) = (AtomicUsize::new(0), AtomicUsize::new(0));
        thread::scope(|scope| {
            for _ in 1..THREADS {
                scope.spawn(|| {
                    for round in 0u64.. {
                        if done.load(Relaxed) {
                            break;
                        }
                        let before = turn.load(SeqCst);
                        let permit = match &handle {
                            Some(handle) => handle.acquire(&policy).unwrap(),
                            None => store.acquire(&1, &policy).unwrap(),
                        };
                        let admitted = turn.load(SeqCst);
                        if round % 16 == 0 {
                            thread::yield_now();
                        }
                        let asked = turn.load(SeqCst);
                        let reported = store.report(&1, permit, Outcome::Failure, &policy);
                        let after = turn.load(SeqCst);
                        // The first reset that began after the permit ended before the report.
                        let next_begins = admitted + 1 + admitted % 2;
                        if asked > next_begins {
                            assert_eq!(reported, Reported::Stale);
                            late.fetch_add(1, Relaxed);
                        }
                        if before == after && before.is_multiple_of(2) {
                            assert_eq!(reported, Reported::Recorded);
                            in_time.fetch_add(1, Relaxed);
                        }
                    }
                });
            }
            let begin = Instant::now();
            let mut resets = 0;
            while resets < 20_000 || late.load(Relaxed) < ENOUGH || in_time.load(Relaxed) < ENOUGH {
                store.get_state(&1);
                turn.fetch_add(1, SeqCst);
                store.reset(&1);
                turn.fetch_add(1, SeqCst);
                resets += 1;
                if resets % 8 == 0 {
                    thread::yield_now();
                }
                if begin.elapsed() > TIME_LIMIT {
                    break;
                }
            }
            done.store(true, Relaxed);
        });
        let (late, in_time) = (late.into_inner(), in_time.into_inner());
        println!("{late} reports met a reset, {in_time} met none");
        assert!(
            late >= ENOUGH && in_time >= ENOUGH,
            "{late} met a reset, {in_time} met none"
        );
    }
}

/// All operations at once on a few keys; afterwards all is consistent, and the summary is quiet.
#[test]
fn the_summary_is_quiet_again_whatever_happens() {
    const KEYS: u64 = 6;
    let (store, clock, heard) = listening();
    let policy = Policy::builder()
        .failure_threshold(2)
        .half_open_max(2)
        .build()
        .unwrap();
    let unpinned = AtomicUsize::new(0);
    let churn = |round: usize| {
        let stale = together(THREADS, |number| {
            let mut dice = Dice(1 + (round * THREADS + number) as u64);
            let mut permits = Vec::new();
            let mut handles = Vec::new();
            let mut stale = 0;
            for _ in 0..500 {
                let key = dice.roll(KEYS);
                match dice.roll(24) {
                    0 => store.reset(&key),
                    1 if dice.roll(8) == 0 => store.clear(),
                    2 => {
                        let to = CircuitState::ALL[dice.roll(5) as usize];
                        store.transition(&key, to);
                    }
                    3 => {
                        store.transition(&key, Closed);
                    }
                    4 => handles.push(store.circuit(&key).unwrap()),
                    5 | 6 => {
                        unpinned.fetch_add(usize::from(handles.pop().is_some()), Relaxed);
                    }
                    7 => clock.advance_ms(15_000),
                    8 => {
                        store.record_failure(&key);
                    }
                    9 => {
                        if let Some(handle) = handles.last() {
                            handle.reset();
                            handle.record_success();
                        }
                    }
                    10..=15 => {
                        if let Ok(permit) = store.acquire(&key, &policy) {
                            permits.push((key, permit));
                        }
                    }
                    _ => {
                        if let Some((key, permit)) = permits.pop() {
                            let outcome = match dice.roll(4) {
                                0 => Outcome::Success,
                                1 => Outcome::Ignored,
                                _ => Outcome::Failure,
                            };
                            let report = store.report(&key, permit, outcome, &policy);
                            stale += usize::from(report == Reported::Stale);
                        }
                    }
                }
            }
            stale
        });
        assert_eq!(store.len(), store.snapshots().len());
        stale.into_iter().sum()
    };
    until_they_collide(200, churn);

    let known = store.snapshots();
    for (number, (key, _)) in known.iter().enumerate() {
        match number % 2 {
            0 => store.reset(key),
            _ => {
                store.transition(key, Closed);
            }
        }
    }
    assert_fast_path(&store, 0..KEYS, &policy);
    store.clear();
    assert_eq!((store.len(), store.snapshots().len()), (0, 0));
    assert_fast_path(&store, 0..KEYS, &policy);
    assert_chains(&heard.lock().unwrap());
    assert!(unpinned.into_inner() > 0);
}

/// A xorshift generator, the same in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29) ^ 0x5bd1_e995;
        (self.0 >> 16) % sides
    }
}
