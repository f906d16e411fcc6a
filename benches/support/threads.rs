//! Threads that start together, and stop when the first is done: nobody is timed without the
//! company that the number of threads promises.

use super::case::Case;
use super::keys::SEGMENT;
use super::peers::timers;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Lists of up to so many segments are gone through as a whole, before a turn and in it.
const WHOLE: usize = 64;

/// Operations that begin the turn of each thread, untimed: those of others have taken everything
/// out of the cache. Of a longer list most keys are in no cache anyway.
pub fn warm_up(case: &Case<'_>) -> usize {
    let segments = if case.segments <= WHOLE {
        case.segments
    } else {
        WHOLE / 4
    };
    segments * SEGMENT
}

/// The fewest operations that a turn is worth: all of a short list, or another part of the keys
/// would be warm in each.
pub fn least(case: &Case<'_>) -> usize {
    warm_up(case).max(8 * SEGMENT)
}

/// What a thread does at most where `ops` are asked for.
pub fn all(case: &Case<'_>, ops: usize) -> usize {
    warm_up(case) + ops + SEGMENT
}

/// Nanoseconds that one operation of `case` takes, as each of `threads` threads sees it, while
/// they do `ops` each, or fewer if another is faster. Threads that wait for a core count as
/// running: an operation takes so much longer.
pub fn time(case: &Case<'_>, threads: usize, ops: usize) -> f64 {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let warm_up = warm_up(case) / SEGMENT;
    let first = case.advance(warm_up + ops.div_ceil(SEGMENT));
    let (ready, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
    let started = OnceLock::new();
    let work = |thread: usize| {
        let _timers = timers().enter();
        // Different threads begin in different parts of their lists too.
        let offset = thread * case.segments / threads;
        let mut segment = (0..case.segments).cycle().skip(first + offset);
        let mut next = || case.run(thread, segment.next().unwrap_or(0));
        (0..warm_up).for_each(|_| next());

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
        per_ns(done, took)
    };

    let rate: f64 = thread::scope(|scope| {
        let work = &work;
        let others: Vec<_> = (1..threads)
            .map(|thread| scope.spawn(move || work(thread)))
            .collect();
        let own = work(0);
        own + others
            .into_iter()
            .map(|other| other.join().unwrap())
            .sum::<f64>()
    });
    threads as f64 / rate
}

fn per_ns(ops: usize, took: Duration) -> f64 {
    ops as f64 / took.as_secs_f64() / 1e9
}
