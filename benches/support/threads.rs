//! Threads that start together, and stop when the first is done, so that each is timed beside as
//! many others as promised.

use super::case::Case;
use super::keys::SEGMENT;
use super::peers::timers;
use super::switches::Switches;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// The result of a round.
#[derive(Clone, Copy)]
pub struct Timed {
    /// The nanoseconds that one operation takes, as each thread sees it.
    pub ns: f64,
    /// Set if no thread was taken off its core, as far as the system tells. On a busy machine, one
    /// may have waited until the round was over for the rest.
    pub undisturbed: bool,
}

/// Lists of up to N segments are used as a whole, before a turn and in it.
const WHOLE: usize = 64;

/// Returns the untimed operations that begin the turn of each thread, since other turns have
/// emptied the cache. Most keys of a longer list are in no cache anyway.
pub fn warm_up(case: &Case<'_>) -> usize {
    let segments = if case.segments <= WHOLE {
        case.segments
    } else {
        WHOLE / 4
    };
    segments * SEGMENT
}

/// Returns the fewest operations of a turn: all of a short list, or each turn would warm another
/// part of the keys.
pub fn least(case: &Case<'_>) -> usize {
    warm_up(case).max(8 * SEGMENT)
}

/// Returns the most operations that a thread does when `ops` are asked for.
pub fn all(case: &Case<'_>, ops: usize) -> usize {
    warm_up(case) + ops + SEGMENT
}

/// Returns the nanoseconds that one operation of `case` takes, as each of `threads` threads sees
/// it, while they do `ops` each, or fewer if another is faster. Threads that wait for a core count
/// as running.
pub fn time(case: &Case<'_>, threads: usize, ops: usize) -> f64 {
    timed(case, threads, ops).ns
}

/// Times as [`time`] does, and returns whether the threads had their cores.
pub fn timed(case: &Case<'_>, threads: usize, ops: usize) -> Timed {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let warm_up = warm_up(case) / SEGMENT;
    let first = case.advance(warm_up + ops.div_ceil(SEGMENT));
    let (ready, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
    let started = OnceLock::new();
    let work = |thread: usize| {
        let _timers = timers().enter();
        // Different threads also begin in different parts of their lists.
        let offset = thread * case.segments / threads;
        let mut segment = (0..case.segments).cycle().skip(first + offset);
        let mut next = || case.run(thread, segment.next().unwrap_or(0));
        (0..warm_up).for_each(|_| next());

        let switches = Switches::so_far().involuntary;
        ready.fetch_add(1, Ordering::SeqCst);
        while ready.load(Ordering::SeqCst) < threads {
            if threads > cores {
                thread::yield_now();
            } else {
                std::hint::spin_loop();
            }
        }
        let started = *started.get_or_init(Instant::now);
        let mut done = 0;
        while done < ops && !stop.load(Ordering::Relaxed) {
            next();
            done += SEGMENT;
        }
        let took = started.elapsed();
        stop.store(true, Ordering::Relaxed);
        let undisturbed = Switches::so_far().involuntary == switches;
        (per_ns(done, took), undisturbed)
    };

    let all: Vec<_> = thread::scope(|scope| {
        let work = &work;
        let others: Vec<_> = (1..threads)
            .map(|thread| scope.spawn(move || work(thread)))
            .collect();
        let own = work(0);
        let others = others.into_iter().map(|other| other.join().unwrap());
        std::iter::once(own).chain(others).collect()
    });
    let rate: f64 = all.iter().map(|(rate, _)| rate).sum();
    Timed {
        ns: threads as f64 / rate,
        undisturbed: all.iter().all(|(_, undisturbed)| *undisturbed),
    }
}

/// Times as [`timed`] does, while one more thread does `other` without a pause. `other` writes, and
/// is reset before it can exceed `most` operations.
pub fn timed_beside(
    case: &Case<'_>,
    threads: usize,
    ops: usize,
    other: &Case<'_>,
    most: usize,
) -> Timed {
    let (ready, stop) = (AtomicBool::new(false), AtomicBool::new(false));
    thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let before = Switches::so_far().involuntary;
            while !stop.load(Ordering::Relaxed) {
                other.make_room(SEGMENT, most);
                other.run(1, 0);
                ready.store(true, Ordering::Relaxed);
            }
            Switches::so_far().involuntary == before
        });
        // A writer that panics is never ready; its panic shows when it is joined.
        while !ready.load(Ordering::Relaxed) && !writer.is_finished() {
            std::hint::spin_loop();
        }
        let timed = timed(case, threads, ops);
        stop.store(true, Ordering::Relaxed);
        Timed {
            undisturbed: writer.join().unwrap() && timed.undisturbed,
            ..timed
        }
    })
}

/// Returns the first try in which no thread lost its core, or the last. Rounds that are shorter
/// than a turn of the system's scheduler can pass undisturbed on a busy machine too.
pub fn undisturbed(mut time: impl FnMut() -> Timed) -> Timed {
    /// The most tries.
    const TRIES: usize = 20;
    let mut last = time();
    for _ in 1..TRIES {
        if last.undisturbed {
            break;
        }
        last = time();
    }
    last
}

fn per_ns(ops: usize, took: Duration) -> f64 {
    ops as f64 / took.as_secs_f64() / 1e9
}
