//! Threads that time each of their operations.

use crate::contenders::Contender;
use crate::stops::{self, Stop, WORKERS};
use breakerbox_benches::switches::Switches;
use hdrhistogram::Histogram;
use nix::errno::Errno;
use nix::sys::pthread::{Pthread, pthread_self};
use std::hint::spin_loop;
use std::mem;
use std::sync::Barrier;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::thread;
use std::time::{Duration, Instant};

/// Keys, each used equally often.
pub(crate) const KEYS: usize = 1_000;

/// One call in N fails.
const FAILS: usize = 64;

/// The work of the threads.
#[derive(Clone, Copy)]
pub(crate) struct Situation {
    pub(crate) name: &'static str,
    pub(crate) threads: usize,
    /// Other work between two operations.
    pub(crate) pause: Duration,
    pub(crate) is_stopping: bool,
}

/// The measurements of one contender in one situation.
pub(crate) struct Seen {
    pub(crate) situation: Situation,
    pub(crate) contender: &'static str,
    pub(crate) latencies: Histogram<u64>,
    pub(crate) blocked: Blocked,
    pub(crate) stops: Vec<Stop>,
    /// Operations while no thread was stopped, and the length of that time.
    pub(crate) unhindered: (u64, Duration),
}

/// Operations in which a thread gave up its processor of its own accord, to wait for another one.
#[derive(Clone, Copy, Default)]
pub(crate) struct Blocked {
    pub(crate) operations: u64,
    pub(crate) longest: Duration,
    pub(crate) time: Duration,
    /// The time of the threads, blocked or not.
    pub(crate) time_of_all: Duration,
}

/// Operations that take less are not examined: asking the system costs a tenth of that, and a
/// thread that sleeps takes longer.
const LOOK: Duration = Duration::from_micros(5);

/// The length of one turn: the time itself, or a number of stops.
#[derive(Clone, Copy)]
pub(crate) struct Turn {
    pub(crate) time: Duration,
    pub(crate) stops: usize,
}

impl Seen {
    pub(crate) fn nothing(situation: Situation, contender: &'static str) -> Self {
        Self {
            situation,
            contender,
            latencies: histogram(),
            blocked: Blocked::default(),
            stops: Vec::new(),
            unhindered: (0, Duration::ZERO),
        }
    }

    /// Adds a turn of `contender`.
    pub(crate) fn measure(&mut self, contender: &Contender<'_>, turn: Turn) -> Result<(), Errno> {
        let Situation { threads, pause, .. } = self.situation;
        let over = AtomicBool::new(false);
        let ready = Barrier::new(threads + 1);
        thread::scope(|scope| {
            let workers: Vec<_> = (0..threads)
                .map(|worker| {
                    let (sender, receiver) = std::sync::mpsc::channel::<Pthread>();
                    let (over, ready) = (&over, &ready);
                    let handle = scope.spawn(move || {
                        let _ = sender.send(pthread_self());
                        ready.wait();
                        work(contender, worker, pause, over)
                    });
                    (handle, receiver)
                })
                .collect();
            ready.wait();
            let ids: Vec<_> = workers
                .iter()
                .filter_map(|(_, receiver)| receiver.recv().ok())
                .collect();
            let outcome = self.watch(&ids, turn);
            over.store(true, Relaxed);
            for (worker, _) in workers {
                let (latencies, blocked) = worker.join().unwrap();
                self.latencies += latencies;
                self.blocked.add(blocked);
            }
            outcome
        })
    }

    /// Lets the workers run, and stops one after another.
    fn watch(&mut self, ids: &[Pthread], turn: Turn) -> Result<(), Errno> {
        if !self.situation.is_stopping {
            thread::sleep(turn.time);
            return Ok(());
        }
        for _ in 0..turn.stops {
            let (before, started) = (stops::done(), Instant::now());
            thread::sleep(Duration::from_micros(fastrand::u64(2_000..6_000)));
            self.unhindered.0 += stops::done() - before;
            self.unhindered.1 += started.elapsed();
            let victim = fastrand::usize(0..ids.len());
            self.stops.push(stops::stop_one(victim, ids[victim])?);
        }
        Ok(())
    }
}

/// Does operations until the time is over. Returns the time of each, except those in which the
/// thread was stopped.
fn work(
    contender: &Contender<'_>,
    index: usize,
    pause: Duration,
    over: &AtomicBool,
) -> (Histogram<u64>, Blocked) {
    let (mut latencies, mut blocked) = (histogram(), Blocked::default());
    let (began, mut sleeps) = (Instant::now(), Switches::so_far().voluntary);
    let own = &WORKERS[index];
    let mut random = fastrand::Rng::with_seed(index as u64);
    let mut done = own.done.load(Relaxed);
    for n in 0_usize.. {
        if n % 64 == 0 && over.load(Relaxed) {
            break;
        }
        let key = random.usize(0..KEYS);
        let fails = n % FAILS == FAILS - 1;
        let started = Instant::now();
        own.inside.store(true, Relaxed);
        (contender.call)(key, fails);
        own.inside.store(false, Relaxed);
        let took = started.elapsed();
        done += 1;
        own.done.store(done, Relaxed);
        if own.stopped.load(Relaxed) {
            own.stopped.store(false, Relaxed);
            sleeps = Switches::so_far().voluntary;
        } else {
            latencies.saturating_record(took.as_nanos() as u64);
            if took >= LOOK {
                let before = mem::replace(&mut sleeps, Switches::so_far().voluntary);
                // Unless it was stopped since, which makes it sleep too.
                if sleeps > before && !own.stopped.load(Relaxed) {
                    blocked.note(took);
                }
            }
        }
        if !pause.is_zero() {
            let until = Instant::now() + pause;
            while Instant::now() < until {
                spin_loop();
            }
        }
    }
    blocked.time_of_all = began.elapsed();
    (latencies, blocked)
}

impl Blocked {
    fn note(&mut self, time: Duration) {
        self.operations += 1;
        self.longest = self.longest.max(time);
        self.time += time;
    }

    fn add(&mut self, other: Self) {
        self.operations += other.operations;
        self.longest = self.longest.max(other.longest);
        self.time += other.time;
        self.time_of_all += other.time_of_all;
    }
}

/// Makes a histogram up to a minute, to two significant digits.
fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 60_000_000_000, 2).expect("valid bounds")
}
