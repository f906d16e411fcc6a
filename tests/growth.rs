//! A thread that stops for ever while the map grows: who goes on, and who may wait.
//!
//! The map hashes its keys anew when it moves them into a larger table, in the user's code; a
//! hasher that stops there is a thread that stops in the middle of the growth.

use std::cell::Cell;
use std::hash::{Hash, Hasher};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use breakerbox::{CircuitBreaker, CircuitState, Limits};

thread_local! {
    /// Keys that this thread still hashes before it stops.
    static HASHES_LEFT: Cell<Option<u64>> = const { Cell::new(None) };
}

/// Tells that a thread has stopped, and keeps it so.
#[derive(Debug)]
struct Stop {
    stopped: Sender<()>,
    go_on: Mutex<Receiver<()>>,
}

#[derive(Clone, Debug)]
struct Key(u64, Arc<Stop>);

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl Eq for Key {}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        if let Some(left) = HASHES_LEFT.get() {
            HASHES_LEFT.set(left.checked_sub(1));
            if left == 0 {
                self.1.stopped.send(()).unwrap();
                // Until the test is over.
                let _ = self.1.go_on.lock().unwrap().recv();
            }
        }
        self.0.hash(state);
    }
}

/// Whether `work` ends while the other thread is stopped.
fn ends(work: impl FnOnce() + Send + 'static) -> bool {
    let (done, finished) = channel();
    thread::spawn(move || {
        work();
        let _ = done.send(());
    });
    finished.recv_timeout(Duration::from_secs(2)).is_ok()
}

/// What was done while another thread stood still, and how often it had to wait.
#[derive(Default, Debug)]
struct Waits {
    stops: usize,
    handles: usize,
    checks: usize,
    reports: usize,
    creations: usize,
}

fn stop_at(nth: u64, waits: &mut Waits) -> bool {
    let (stopped, has_stopped) = channel();
    let (go_on, held) = channel();
    let stop = Arc::new(Stop {
        stopped,
        go_on: Mutex::new(held),
    });
    let key = |number| Key(number, Arc::clone(&stop));
    let breaker: CircuitBreaker<Key> = CircuitBreaker::builder().build().unwrap();
    let known = 40;
    for number in 0..known {
        let _ = breaker.acquire(&key(number)).unwrap().failure();
    }
    let handle = breaker.circuit(&key(0)).unwrap();
    // The gate is up: every check looks into the map.
    breaker
        .store()
        .transition(&key(1), CircuitState::ForcedOpen);

    let victim = {
        let (breaker, stop) = (breaker.clone(), Arc::clone(&stop));
        thread::spawn(move || {
            let limits = Limits::default();
            HASHES_LEFT.set(Some(nth));
            for number in known..known + 200 {
                let key = Key(number, Arc::clone(&stop));
                breaker.store().record_failure(&key);
                let _ = breaker.store().acquire(&key, &limits);
            }
            HASHES_LEFT.set(None);
            let _ = stop.stopped.send(());
        })
    };
    has_stopped.recv().unwrap();
    let over = victim.is_finished() || {
        thread::sleep(Duration::from_millis(1));
        victim.is_finished()
    };
    if !over {
        waits.stops += 1;
        waits.handles += usize::from(!ends({
            let handle = handle.clone();
            move || {
                for _ in 0..100 {
                    let _ = handle.acquire().unwrap().success();
                }
            }
        }));
        waits.checks += usize::from(!ends({
            let (breaker, keys) = (breaker.clone(), (0..known).map(key).collect::<Vec<_>>());
            move || {
                for key in &keys {
                    let _ = breaker.acquire(key);
                    let _ = breaker.peek(key);
                }
            }
        }));
        waits.reports += usize::from(!ends({
            let (breaker, keys) = (breaker.clone(), (2..known).map(key).collect::<Vec<_>>());
            move || {
                for key in &keys {
                    let _ = breaker.acquire(key).unwrap().failure();
                }
            }
        }));
        waits.creations += usize::from(!ends({
            let (breaker, keys) = (breaker, (1_000..1_050).map(key).collect::<Vec<_>>());
            move || {
                for key in &keys {
                    breaker.store().get_state(key);
                }
            }
        }));
    }
    drop(go_on);
    victim.join().unwrap();
    !over
}

#[test]
fn a_thread_that_stops_while_the_map_grows_holds_up_creations_at_most() {
    let mut waits = Waits::default();
    let mut nth = 0;
    // Every hash of the first growth, and some of the later ones.
    while stop_at(nth, &mut waits) {
        nth += if nth < 150 { 1 } else { 37 };
    }
    println!("{waits:?}");
    assert!(waits.stops > 100, "{waits:?}");
    assert_eq!(
        (waits.handles, waits.checks, waits.reports),
        (0, 0, 0),
        "what exists is used without waiting: {waits:?}"
    );
}
