//! Threads that start together, and stop when the first is done: nobody is timed without the
//! company that the number of threads promises.

use super::work::Case;
use super::world::SEGMENT;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use std::{fs, thread};

/// How a round went.
#[derive(Clone, Copy, Debug)]
pub struct Timed {
    /// Nanoseconds that one operation takes, as each thread sees it.
    pub ns: f64,
    /// Whether no thread was taken off its core, as far as the system tells: on a machine that others
    /// use, one may have had to wait while the round was over for the rest.
    pub undisturbed: bool,
}

/// Nanoseconds that one operation of `case` takes, as each of `threads` threads sees it, while
/// they do `ops` each, or fewer if another is faster.
pub fn time(case: &Case<'_>, threads: usize, ops: usize) -> f64 {
    timed(case, threads, ops).ns
}

/// As [`time`], and whether the threads had their cores.
pub fn timed(case: &Case<'_>, threads: usize, ops: usize) -> Timed {
    let (ready, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
    let work = |thread: usize| {
        // Different threads begin in different parts of their lists too.
        let mut segment = (0..case.segments)
            .cycle()
            .skip(thread * case.segments / threads);
        let mut next = || case.run(thread, segment.next().unwrap_or(0));
        // The whole list: the turns of the others have taken it out of the cache.
        (0..case.segments).for_each(|_| next());

        let switches = switches();
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
        (per_ns(done, took), switches == self::switches())
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

/// How often this thread was taken off its core; where the system doesn't tell, never.
fn switches() -> Option<u64> {
    let status = fs::read_to_string("/proc/thread-self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("nonvoluntary_ctxt_switches:"))?;
    line.trim().parse().ok()
}

/// As [`timed`] on one thread, while another does `other` without a pause. `other` writes, and is
/// reset before it can have done more than `most` operations.
pub fn timed_beside(case: &Case<'_>, ops: usize, other: &Case<'_>, most: usize) -> Timed {
    let (ready, stop) = (AtomicBool::new(false), AtomicBool::new(false));
    thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let before = switches();
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
            before == switches()
        });
        while !ready.load(Ordering::Relaxed) {
            std::hint::spin_loop();
        }
        let timed = timed(case, 1, ops);
        stop.store(true, Ordering::Relaxed);
        Timed {
            undisturbed: writer.join().unwrap() && timed.undisturbed,
            ..timed
        }
    })
}

fn per_ns(ops: usize, took: Duration) -> f64 {
    ops as f64 / took.as_secs_f64() / 1e9
}
