//! One thread trips circuits, the other checks them without pause.

use crate::contenders::{Contender, THRESHOLD};
use breakerbox_benches::switches::Switches;
use std::hint::spin_loop;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::{Acquire, Release};
use std::thread;
use std::time::{Duration, Instant};

/// Checks that may be admitted after a trip before the watcher gives up on it.
const MOST_ADMITTED: usize = 1_000_000;

/// One trip, in nanoseconds.
#[derive(Clone, Copy)]
pub(crate) struct Trip {
    /// From the start of the report that trips to the end of the first check that is rejected.
    pub(crate) from_start: f64,
    /// From the report's return; negative if the rejection was first.
    pub(crate) from_return: f64,
    /// The time that the report took.
    pub(crate) report: f64,
    /// Checks that were admitted although they began after the report had returned.
    pub(crate) late: usize,
    /// Set if both threads ran, or waited for each other, all the time.
    pub(crate) ran: bool,
}

/// The watcher's half of a trip.
struct Rejection {
    at: Instant,
    late: usize,
    ran: bool,
}

/// Trips `trips` circuits of `contender`, one after another.
pub(crate) fn run<C: Contender>(contender: &C, trips: usize) -> Vec<Trip> {
    // Each counts trips: the circuit is closed and four failures along; the watcher is checking it;
    // the report that trips has returned; the watcher was rejected.
    let [prepared, watching, tripped, rejected] = [const { AtomicUsize::new(0) }; 4];
    thread::scope(|scope| {
        let watcher = scope.spawn(|| {
            let watch = |trip| {
                wait(&prepared, trip + 1);
                let preempted = Switches::so_far().involuntary;
                watching.store(trip + 1, Release);
                let mut rejection = watch(contender, trip, &tripped);
                rejection.ran = preempted == Switches::so_far().involuntary;
                rejected.store(trip + 1, Release);
                rejection
            };
            (0..trips).map(watch).collect::<Vec<_>>()
        });
        let trip = |trip| {
            let permit = contender.check(trip);
            for _ in 1..THRESHOLD {
                let other = contender.check(trip).expect("closed");
                contender.fail(trip, other);
            }
            prepared.store(trip + 1, Release);
            wait(&watching, trip + 1);
            let preempted = Switches::so_far().involuntary;
            // Not at the same place of the watcher's loop each time.
            pause(Duration::from_nanos(2_000 + trip as u64 * 37 % 1_000));
            let start = Instant::now();
            contender.fail(trip, permit.expect("closed"));
            let end = Instant::now();
            tripped.store(trip + 1, Release);
            let ran = preempted == Switches::so_far().involuntary;
            wait(&rejected, trip + 1);
            contender.after(trip);
            (start, end, ran)
        };
        let reports: Vec<_> = (0..trips).map(trip).collect();
        let rejections = watcher.join().unwrap();
        reports
            .into_iter()
            .zip(rejections)
            .map(|((start, end, ran), rejection)| Trip {
                from_start: between(start, rejection.at),
                from_return: between(end, rejection.at),
                report: between(start, end),
                late: rejection.late,
                ran: ran && rejection.ran,
            })
            .collect()
    })
}

/// Checks a circuit until it is rejected.
fn watch<C: Contender>(contender: &C, circuit: usize, tripped: &AtomicUsize) -> Rejection {
    let mut late = 0;
    loop {
        // Not by the clock: two processors' clocks needn't agree to the nanosecond. A check that
        // follows this load begins after the report's return.
        let is_late = tripped.load(Acquire) > circuit;
        let is_admitted = contender.check(circuit).is_some();
        let at = Instant::now();
        if is_admitted && is_late {
            late += 1;
        }
        if !is_admitted || late == MOST_ADMITTED {
            return Rejection {
                at,
                late,
                ran: true,
            };
        }
    }
}

fn wait(counter: &AtomicUsize, for_at_least: usize) {
    while counter.load(Acquire) < for_at_least {
        spin_loop();
    }
}

fn pause(time: Duration) {
    let started = Instant::now();
    while started.elapsed() < time {
        spin_loop();
    }
}

fn between(start: Instant, end: Instant) -> f64 {
    let ns = |time: Duration| time.as_nanos() as f64;
    ns(end.saturating_duration_since(start)) - ns(start.saturating_duration_since(end))
}
