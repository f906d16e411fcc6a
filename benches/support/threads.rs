//! Threads that start together, and stop when the first is done: nobody is timed without the
//! company that the number of threads promises.

use super::work::Case;
use super::world::SEGMENT;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Nanoseconds that one operation of `case` takes, as each of `threads` threads sees it, while
/// they do `ops` each, or fewer if another is faster.
pub fn time(case: &Case<'_>, threads: usize, ops: usize) -> f64 {
    let (ready, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
    let work = |thread: usize| {
        // Different threads begin in different parts of their lists too.
        let mut segment = (0..case.segments)
            .cycle()
            .skip(thread * case.segments / threads);
        let mut next = || case.run(thread, segment.next().unwrap_or(0));
        // The whole list: the turns of the others have taken it out of the cache.
        (0..case.segments).for_each(|_| next());

        ready.fetch_add(1, Ordering::SeqCst);
        while ready.load(Ordering::SeqCst) < threads {
            std::hint::spin_loop();
        }
        let started = Instant::now();
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

/// As [`time`] on one thread, while another does `other` without a pause. `other` writes, and is
/// reset before it can have done more than `most` operations.
pub fn time_beside(case: &Case<'_>, ops: usize, other: &Case<'_>, most: usize) -> f64 {
    let (ready, stop) = (AtomicBool::new(false), AtomicBool::new(false));
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut done = 0;
            while !stop.load(Ordering::Relaxed) {
                other.run(1, 0);
                done += SEGMENT;
                if done + SEGMENT > most {
                    other.reset();
                    done = 0;
                }
                ready.store(true, Ordering::Relaxed);
            }
        });
        while !ready.load(Ordering::Relaxed) {
            std::hint::spin_loop();
        }
        let ns = time(case, 1, ops);
        stop.store(true, Ordering::Relaxed);
        ns
    })
}

fn per_ns(ops: usize, took: Duration) -> f64 {
    ops as f64 / took.as_secs_f64() / 1e9
}
