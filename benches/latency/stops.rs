//! Stops one thread wherever it is, as a scheduler may: by a signal whose handler sleeps.

use nix::errno::Errno;
use nix::sys::pthread::{Pthread, pthread_kill};
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicU64, AtomicUsize};
use std::thread;
use std::time::{Duration, Instant};

/// The time that a thread is stopped.
pub(crate) const STOP: Duration = Duration::from_millis(5);

/// The most workers.
pub(crate) const MOST: usize = 256;

/// The state of a worker, in a cache line that only it writes to.
#[repr(align(128))]
pub(crate) struct Worker {
    /// Set while it is in an operation.
    pub(crate) inside: AtomicBool,
    /// Set when it is stopped, and cleared by the worker itself.
    pub(crate) stopped: AtomicBool,
    /// Its operations so far.
    pub(crate) done: AtomicU64,
}

pub(crate) static WORKERS: [Worker; MOST] = [const {
    Worker {
        inside: AtomicBool::new(false),
        stopped: AtomicBool::new(false),
        done: AtomicU64::new(0),
    }
}; MOST];

/// The worker to be stopped, for its handler.
static VICTIM: AtomicUsize = AtomicUsize::new(0);
static WAS_INSIDE: AtomicBool = AtomicBool::new(false);
static OTHERS_DID: AtomicU64 = AtomicU64::new(0);
static LASTED_NS: AtomicU64 = AtomicU64::new(0);
static IS_OVER: AtomicBool = AtomicBool::new(false);

/// The record of one stop.
#[derive(Clone, Copy)]
pub(crate) struct Stop {
    /// Set if the thread was in the middle of an operation.
    pub(crate) inside: bool,
    /// Operations of all other workers.
    pub(crate) others_did: u64,
    /// The length of the stop: longer than planned if no processor was free at its end.
    pub(crate) lasted: Duration,
}

/// Sleeps, and counts the operations that the other workers do meanwhile. It only uses what a
/// handler may: atomics, the clock, sleeping. None of that sets `errno` when it succeeds.
extern "C" fn stop(_: i32) {
    let victim = VICTIM.load(Acquire);
    WAS_INSIDE.store(WORKERS[victim].inside.load(Relaxed), Relaxed);
    WORKERS[victim].stopped.store(true, Relaxed);
    let before = done_by_others(victim);
    let started = Instant::now();
    thread::sleep(STOP);
    LASTED_NS.store(started.elapsed().as_nanos() as u64, Relaxed);
    OTHERS_DID.store(done_by_others(victim) - before, Relaxed);
    IS_OVER.store(true, Release);
}

fn done_by_others(victim: usize) -> u64 {
    let all = WORKERS.iter().map(|worker| worker.done.load(Relaxed));
    all.sum::<u64>() - WORKERS[victim].done.load(Relaxed)
}

/// Counts the operations of all workers.
pub(crate) fn done() -> u64 {
    WORKERS.iter().map(|worker| worker.done.load(Relaxed)).sum()
}

/// Installs the handler for the rest of the process's life.
pub(crate) fn prepare() -> Result<(), Errno> {
    let handler = SigHandler::Handler(stop);
    let action = SigAction::new(handler, SaFlags::SA_RESTART, SigSet::empty());
    // SAFETY: the handler only does what a signal handler may; see its comment.
    unsafe { sigaction(Signal::SIGUSR1, &action) }.map(|_| ())
}

/// Stops `thread`, which is worker `victim` and runs until this has returned. One at a time.
pub(crate) fn stop_one(victim: usize, thread: Pthread) -> Result<Stop, Errno> {
    IS_OVER.store(false, Relaxed);
    VICTIM.store(victim, Release);
    pthread_kill(thread, Signal::SIGUSR1)?;
    while !IS_OVER.load(Acquire) {
        thread::sleep(Duration::from_micros(200));
    }
    Ok(Stop {
        inside: WAS_INSIDE.load(Relaxed),
        others_did: OTHERS_DID.load(Relaxed),
        lasted: Duration::from_nanos(LASTED_NS.load(Relaxed)),
    })
}
