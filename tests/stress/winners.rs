//! Transitions: of racing threads exactly one wins, and every thread sees it.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize};
use std::thread;
use std::time::Instant;

use breakerbox::CircuitState::{Closed, ForcedOpen, HalfOpen, Open};
use breakerbox::{Outcome, Policy, Reported};

use crate::{
    ENOUGH, THREADS, TIME_LIMIT, assert_chains, assert_fast_path, listening, together,
    until_they_collide,
};

/// Exactly one of many racing failures opens; the others count before it or are stale after it.
#[test]
fn one_trip_per_opening() {
    let (store, _, heard) = listening();
    let policy = Policy::builder().failure_threshold(3).build().unwrap();
    until_they_collide(2_000, |round| {
        let key = round as u64 % 8;
        store.transition(&key, Closed);
        heard.lock().unwrap().clear();
        let reports = together(THREADS, |_| {
            let permits: Vec<_> = (0..3)
                .filter_map(|_| store.acquire(&key, &policy).ok())
                .collect();
            let report = |permit| store.report(&key, permit, Outcome::Failure, &policy);
            permits.into_iter().map(report).collect::<Vec<_>>()
        });
        let reports: Vec<_> = reports.into_iter().flatten().collect();
        let stale = reports
            .iter()
            .filter(|report| **report == Reported::Stale)
            .count();
        assert_eq!(reports.len() - stale, 3, "three failures count, no more");
        let circuit = store.get_state(&key);
        assert_eq!((circuit.state, circuit.failure_count), (Open, 3));
        let heard = heard.lock().unwrap();
        assert_eq!(heard.len(), 1, "{heard:?}");
        assert_eq!((heard[0].from, heard[0].to), (Closed, Open));
        assert!(
            store.acquire(&key, &policy).is_err(),
            "every later check sees a trip"
        );
        stale
    });
    store.clear();
    assert_fast_path(&store, 0..8, &policy);
}

/// At most N probes are in flight in a half-open generation, whatever threads acquire and give
/// back.
#[test]
fn never_more_probes_than_allowed() {
    for allowed in [1, 3] {
        let (store, clock, heard) = listening();
        let policy = Policy::builder()
            .half_open_max(allowed)
            .success_threshold(100)
            .build()
            .unwrap();
        let now = AtomicU64::new(1_000);
        let handle = store.circuit(&1).unwrap();
        until_they_collide(2_000, |_| {
            store.transition(&1, Open);
            let due = now.fetch_add(30_000, Relaxed) + 30_000;
            // The first check fixes its open time.
            assert!(store.acquire(&1, &policy).is_err());
            clock.set(due);
            let out: Mutex<BTreeMap<u64, u32>> = Mutex::default();
            let rejections = AtomicUsize::new(0);
            together(THREADS, |number| {
                for turn in 0..8 {
                    let answer = match number % 2 {
                        0 => store.acquire(&1, &policy),
                        _ => handle.acquire(&policy),
                    };
                    let Ok(probe) = answer else {
                        rejections.fetch_add(1, Relaxed);
                        continue;
                    };
                    assert!(probe.is_probe(), "an unhealthy circuit admits probes only");
                    let generation = probe.generation();
                    {
                        let mut out = out.lock().unwrap();
                        let probes = out.entry(generation).or_default();
                        *probes += 1;
                        assert!(
                            *probes <= allowed,
                            "{probes} probes of {allowed} are in flight"
                        );
                    }
                    if turn % 2 == 0 {
                        thread::yield_now();
                    }
                    *out.lock().unwrap().get_mut(&generation).unwrap() -= 1;
                    let outcome = if turn == 7 {
                        Outcome::Success
                    } else {
                        Outcome::Ignored
                    };
                    assert_eq!(handle.report(probe, outcome, &policy), Reported::Recorded);
                }
            });
            assert_eq!(out.lock().unwrap().len(), 1, "one half-open generation");
            rejections.into_inner()
        });
        assert_chains(&heard.lock().unwrap());
    }
}

/// Exactly one probe's outcome decides: the others are stale.
#[test]
fn one_probe_decides() {
    let (store, _, heard) = listening();
    let policy = Policy::builder()
        .half_open_max(THREADS as u32)
        .build()
        .unwrap();
    let mut won = [0, 0];
    until_they_collide(2_000, |_| {
        store.transition(&1, HalfOpen);
        heard.lock().unwrap().clear();
        let reports = together(THREADS, |number| {
            let outcome = if number % 2 == 0 {
                Outcome::Success
            } else {
                Outcome::Failure
            };
            // `None`: it is decided already.
            let probe = store
                .acquire(&1, &policy)
                .ok()
                .filter(|permit| permit.is_probe())?;
            Some((outcome, store.report(&1, probe, outcome, &policy)))
        });
        let recorded = |report: &(Outcome, Reported)| report.1 == Reported::Recorded;
        let probes: Vec<_> = reports.into_iter().flatten().collect();
        let winners: Vec<_> = probes.iter().copied().filter(recorded).collect();
        assert_eq!(winners.len(), 1, "{probes:?}");
        let expected = match winners[0].0 {
            Outcome::Success => Closed,
            _ => Open,
        };
        won[usize::from(expected == Open)] += 1;
        assert_eq!(store.get_state(&1).state, expected);
        let heard = heard.lock().unwrap();
        assert_eq!(heard.len(), 1, "{heard:?}");
        assert_eq!((heard[0].from, heard[0].to), (HalfOpen, expected));
        probes.len() - winners.len()
    });
    assert!(won[0] > 0 && won[1] > 0, "both kinds won at times: {won:?}");
}

/// Exactly one of many checks after a lease gets another probe. The lost one's outcome still
/// counts.
#[test]
fn an_expired_lease_admits_one_probe() {
    let (store, clock, heard) = listening();
    let policy = Policy::builder().success_threshold(2).build().unwrap();
    until_they_collide(2_000, |_| {
        store.transition(&1, HalfOpen);
        let lost = store.acquire(&1, &policy).unwrap();
        clock.advance_ms(30_000);
        heard.lock().unwrap().clear();
        let answers = together(THREADS, |_| store.acquire(&1, &policy));
        let probes: Vec<_> = answers.iter().flatten().collect();
        assert_eq!(probes.len(), 1, "{answers:?}");
        let report = |permit, outcome| store.report(&1, permit, outcome, &policy);
        assert_eq!(report(lost, Outcome::Success), Reported::Recorded);
        assert!(store.acquire(&1, &policy).is_err(), "its slot is taken");
        assert!(heard.lock().unwrap().is_empty());
        assert_eq!(report(*probes[0], Outcome::Success), Reported::Recorded);
        assert_eq!(store.peek(&1).unwrap().state, Closed);
        answers.iter().filter(|answer| answer.is_err()).count()
    });
}

/// Every check of any kind that begins after a trip has returned sees it.
#[test]
fn every_check_after_a_trip_sees_it() {
    let (store, ..) = listening();
    let policy = Policy::default();
    let handle = store.circuit(&1).unwrap();
    let turn = AtomicU64::new(0);
    let done = AtomicBool::new(false);
    let (checks, meetings) = (AtomicUsize::new(0), AtomicUsize::new(0));
    thread::scope(|scope| {
        for by_handle in [false, true, false] {
            let (store, handle, turn, done) = (&store, &handle, &turn, &done);
            let (checks, meetings, policy) = (&checks, &meetings, &policy);
            scope.spawn(move || {
                while !done.load(Relaxed) {
                    let before = turn.load(SeqCst);
                    let admitted = match by_handle {
                        true => handle.acquire(policy).is_ok(),
                        false => store.acquire(&1, policy).is_ok(),
                    };
                    let after = turn.load(SeqCst);
                    // Odd: the trip has returned, and the recovery has not begun.
                    if before == after && before % 2 == 1 {
                        assert!(!admitted, "admitted after trip {before}");
                        checks.fetch_add(1, Relaxed);
                    }
                    meetings.fetch_add(usize::from(before != after), Relaxed);
                }
            });
        }
        let begin = Instant::now();
        let trips = 20_000;
        for trip in 0..trips {
            store.transition(&1, if trip % 2 == 0 { ForcedOpen } else { Open });
            turn.fetch_add(1, SeqCst);
            if trip % 64 == 0 {
                thread::yield_now();
            }
            turn.fetch_add(1, SeqCst);
            match trip % 4 {
                0 => store.reset(&1),
                1 => store.clear(),
                _ => {
                    store.transition(&1, Closed);
                }
            }
            if begin.elapsed() > TIME_LIMIT {
                break;
            }
        }
        done.store(true, Relaxed);
    });
    let (checks, meetings) = (checks.into_inner(), meetings.into_inner());
    println!("{checks} checks after a trip, {meetings} met one");
    assert!(
        checks >= ENOUGH && meetings >= ENOUGH,
        "{checks} checks, {meetings} meetings"
    );
}
