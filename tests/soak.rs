//! A long run of all operations at once: memory doesn't grow. The short form counts live bytes,
//! which react at once; the long form reads the resident size.
//!
//! `BREAKERBOX_SOAK=2000000000 cargo test --release --all-features --test soak -- --nocapture` is
//! the long form. The resident size depends on the allocator too: docs/verification.md has the
//! figures for two of them.
#![cfg(all(target_os = "linux", feature = "serde"))]

#[path = "support/allocation.rs"]
mod allocation;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use breakerbox::{CircuitBreaker, CircuitState, ManualClock, Policy, PolicySet, SlidingWindow};

type Breaker = CircuitBreaker<String, std::hash::RandomState, ManualClock>;

/// The number of operations without one in the environment.
const SHORT: u64 = 20_000_000;
/// The number of operations from which on the resident memory of the second half may be only 1 %
/// more.
const LONG: u64 = 1_000_000_000;
const THREADS: u64 = 4;
/// The number of looks at the memory in each half: the number of circuits at a look varies by a
/// tenth.
const LOOKS: u64 = 10;
const LONG_LOOKS: u64 = 100;
const KEYS: u64 = 50_000;
const MAX: usize = 20_000;

/// Returns the memory that is allocated and not freed, in KiB.
fn live() -> u64 {
    allocation::bytes().unsigned_abs() / 1_024
}

/// Returns the resident memory, in KiB.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux has it");
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().nth(1));
    number.expect("a size").parse().expect("a number")
}

/// Returns the median of the later looks: the memory that the map has yet to free varies.
fn later_median(looks: &[u64]) -> u64 {
    let mut later = looks[looks.len() / 2..].to_vec();
    later.sort_unstable();
    later[later.len() / 2]
}

fn policies(round: u64) -> PolicySet<String> {
    let policy = Policy::builder()
        .failure_threshold(3 + (round % 5) as u32)
        .reset_timeout(Duration::from_millis(50));
    let windowed = |window| {
        let policy = Policy::builder()
            .sliding_window(window)
            .failure_rate_threshold(50)
            .reset_timeout(Duration::from_millis(20));
        policy.build().unwrap()
    };
    PolicySet::new(policy.build().unwrap())
        .prefix(
            "1",
            windowed(SlidingWindow::Calls(20 + (round % 3) as u32 * 20)),
        )
        .prefix(
            "2",
            windowed(SlidingWindow::Time(Duration::from_millis(500))),
        )
}

/// Makes one call of a proxy and, at times, other operations. Returns the number of operations.
fn call(breaker: &Breaker, names: &[String], random: &mut fastrand::Rng) -> u64 {
    // A few keys have most of the calls.
    let share = random.f64();
    let key = &names[(share * share * share * KEYS as f64) as usize];
    let fails = random.u8(..) < 3 || (key.len() == 2 && random.bool());
    let done = match breaker.acquire(key) {
        Err(_) => 1,
        Ok(permit) => {
            match (fails, random.u8(..)) {
                (_, 0) => drop(permit),
                (true, _) => _ = permit.failure(),
                (false, _) => _ = permit.success(),
            }
            2
        }
    };
    match random.u32(..1_000_000) {
        0..5_000 => {
            if let Ok(handle) = breaker.circuit(key) {
                let _ = handle.acquire().map(|permit| permit.success());
            }
            done + 3
        }
        5_000..10_000 => {
            if let Ok(permit) = breaker.acquire_owned(key) {
                let _ = permit.failure();
            }
            done + 2
        }
        10_000..13_000 => {
            breaker.reset(key);
            done + 1
        }
        13_000..14_000 => {
            breaker.store().transition(key, CircuitState::ForcedOpen);
            breaker.reset(key);
            done + 2
        }
        14_000..14_005 => {
            breaker.set_policies(policies(random.u64(..)));
            done + 1
        }
        14_005..14_006 => {
            let exported = breaker.export();
            breaker.clear();
            let _ = breaker.import(exported);
            done + 3
        }
        _ => done,
    }
}

#[test]
#[cfg_attr(debug_assertions, ignore = "in release, by the stress ring")]
fn memory_does_not_grow() {
    let operations = std::env::var("BREAKERBOX_SOAK").map_or(SHORT, |value| {
        value
            .parse()
            .unwrap_or_else(|_| panic!("BREAKERBOX_SOAK takes a number, not `{value}`"))
    });
    let clock = ManualClock::new(1_000_000);
    let heard = Arc::new(AtomicU64::new(0));
    let hears = Arc::clone(&heard);
    let breaker: Breaker = CircuitBreaker::builder()
        .clock(clock.clone())
        .max_circuits(MAX)
        .policy(policies(0))
        .on_state_change(move |_| {
            hears.fetch_add(1, Relaxed);
        })
        .build()
        .unwrap();
    let names: Vec<String> = (0..KEYS).map(|key| key.to_string()).collect();
    let is_long = operations >= LONG;
    let looks = if is_long { LONG_LOOKS } else { LOOKS };
    let each = operations / (2 * looks);
    // Full from the start, so that its size is constant.
    for name in &names {
        let _ = breaker.acquire(name).map(|permit| permit.failure());
    }
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let begin = Instant::now();
    let mut done = 0;
    let mut seen = Vec::new();
    for look in 0..2 * looks {
        let ran: u64 = thread::scope(|scope| {
            let run = |number| {
                let (breaker, names, clock) = (&breaker, &names, &clock);
                scope.spawn(move || {
                    let mut random = fastrand::Rng::with_seed(seed ^ (look * THREADS + number));
                    let mut ran = 0;
                    while ran < each / THREADS {
                        ran += call(breaker, names, &mut random);
                        if random.u16(..) < 16 {
                            clock.advance_ms(1);
                        }
                    }
                    ran
                })
            };
            let running: Vec<_> = (0..THREADS).map(run).collect();
            running
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .sum()
        });
        done += ran;
        seen.push((live(), resident()));
        assert!(breaker.len() <= MAX);
    }
    let (lives, residents): (Vec<u64>, Vec<u64>) = seen.into_iter().unzip();
    let halves = |seen: &[u64]| {
        let (first, second) = seen.split_at(looks as usize);
        (later_median(first), later_median(second))
    };
    println!(
        "{done} operations in {:.1?}: live {:?} KiB in the first half and the second, resident \
         {:?}; {} transitions, {} evicted",
        begin.elapsed(),
        halves(&lives),
        halves(&residents),
        heard.load(Relaxed),
        breaker.store().evicted(),
    );
    println!("live: {lives:?}\nresident: {residents:?}");
    assert!(done >= operations);
    assert!(heard.load(Relaxed) > 0 && breaker.store().evicted() > 0);
    let ((half, end), percent) = if is_long {
        (halves(&residents), 1)
    } else {
        (halves(&lives), 20)
    };
    assert!(
        end <= half + half * percent / 100,
        "{half} KiB, then {end} KiB: it grows"
    );
}
