//! Counts: none is lost, and none is made up.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use breakerbox::{Outcome, Policy, Reported};

use crate::{THREADS, listening, together, until_they_collide};

/// Counts by many threads add up exactly, by key and by handle.
#[test]
fn no_count_is_lost() {
    const EACH: u64 = 20_000;
    let (store, ..) = listening();
    let overlaps = AtomicUsize::new(0);
    until_they_collide(4, |round| {
        let key = round as u64;
        together(THREADS, |number| {
            let handle = (number % 2 == 0).then(|| store.circuit(&key).unwrap());
            let mut last = 0;
            for n in 0..EACH {
                let circuit = match (&handle, n % 2) {
                    (Some(handle), 0) => handle.record_success(),
                    (Some(handle), _) => handle.record_failure(),
                    (None, 0) => store.record_success(&key),
                    (None, _) => store.record_failure(&key),
                };
                let seen = circuit.success_count + circuit.failure_count;
                assert!(seen > last, "counts only grow: {seen} after {last}");
                // Another thread counted since our last count.
                if seen > last + 1 && last > 0 {
                    overlaps.fetch_add(1, Relaxed);
                }
                last = seen;
            }
        });
        let circuit = store.get_state(&key);
        let half = THREADS as u64 * EACH / 2;
        assert_eq!((circuit.success_count, circuit.failure_count), (half, half));
        overlaps.swap(0, Relaxed)
    });
}

/// Reports in the closed state count exactly, while the threshold is out of reach.
#[test]
fn no_report_is_lost() {
    const EACH: u64 = 10_000;
    let (store, ..) = listening();
    let policy = Policy::builder()
        .failure_threshold(1_000_000)
        .build()
        .unwrap();
    until_they_collide(4, |round| {
        let key = round as u64;
        let seen = together(THREADS, |number| {
            let mut overlaps = 0;
            for n in 0..EACH {
                let permit = store.acquire(&key, &policy).unwrap();
                let before = store.peek(&key).map_or(0, |circuit| circuit.failure_count);
                assert_eq!(
                    store.report(&key, permit, Outcome::Failure, &policy),
                    Reported::Recorded
                );
                let after = store.get_state(&key).failure_count;
                overlaps += usize::from(after > before + 1 && n + number as u64 > 0);
            }
            overlaps
        });
        assert_eq!(store.get_state(&key).failure_count, THREADS as u64 * EACH);
        seen.into_iter().sum()
    });
}
