//! A thread that stops for ever while the map grows: who goes on, and who may wait.

use std::cell::Cell;
use std::hash::{BuildHasherDefault, DefaultHasher};
use std::rc::Rc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use breakerbox::__steps::{Step, with_hook};
use breakerbox::{CircuitBreaker, CircuitState, Policy};

/// Fixed hashes: the map grows the same way each time.
type Hasher = BuildHasherDefault<DefaultHasher>;
type Breaker = CircuitBreaker<u64, Hasher>;

/// Circuits that are there before the map grows.
const KNOWN: u64 = 40;

/// Creates circuits until the map has grown twice. Stops at the `nth` key whose hash the map asks
/// for: says whether that is in the middle of a growth, and waits for the end of `go_on`.
fn victim(breaker: &Breaker, nth: u64, stops: Sender<bool>, go_on: Receiver<()>) {
    let moved = Rc::new(Cell::new(0));
    let moved_before = Rc::new(Cell::new(0));
    let hook = {
        let (moved, moved_before) = (Rc::clone(&moved), Rc::clone(&moved_before));
        move |step| {
            if step == Step::Moved && moved.replace(moved.get() + 1) == nth {
                // Of one creation the first is its own key; others make room for it.
                stops.send(moved_before.get() < nth).unwrap();
                let _ = go_on.recv();
            }
        }
    };
    with_hook(hook, || {
        let policy = Policy::default();
        for key in KNOWN..KNOWN + 200 {
            moved_before.set(moved.get());
            breaker.store().record_failure(&key);
            let _ = breaker.store().acquire(&key, &policy);
        }
    });
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
    /// Of them with a key on its way to a larger table.
    in_growth: usize,
    handles: usize,
    checks: usize,
    reports: usize,
    creations: usize,
}

/// `false`: the map asks for fewer hashes.
fn stop_at(nth: u64, waits: &mut Waits) -> bool {
    let breaker = CircuitBreaker::builder().hasher(Hasher::default());
    let breaker: Breaker = breaker.build().unwrap();
    for key in 0..KNOWN {
        let _ = breaker.acquire(&key).unwrap().failure();
    }
    let handle = breaker.circuit(&0).unwrap();
    // The gate is up.
    breaker.store().transition(&1, CircuitState::ForcedOpen);

    let (stops, has_stopped) = channel();
    let (hold, go_on) = channel();
    let stopped = {
        let breaker = breaker.clone();
        thread::spawn(move || victim(&breaker, nth, stops, go_on))
    };
    let Ok(in_growth) = has_stopped.recv() else {
        stopped.join().unwrap();
        return false;
    };
    waits.stops += 1;
    waits.in_growth += usize::from(in_growth);
    waits.handles += usize::from(!ends(move || {
        for _ in 0..100 {
            let _ = handle.acquire().unwrap().success();
        }
    }));
    waits.checks += usize::from(!ends({
        let breaker = breaker.clone();
        move || {
            for key in 0..KNOWN {
                let _ = breaker.acquire(&key);
                let _ = breaker.peek(&key);
            }
        }
    }));
    waits.reports += usize::from(!ends({
        let breaker = breaker.clone();
        move || {
            for key in 2..KNOWN {
                let _ = breaker.acquire(&key).unwrap().failure();
            }
        }
    }));
    waits.creations += usize::from(!ends(move || {
        for key in 1_000..1_050 {
            breaker.store().get_state(&key);
        }
    }));
    drop(hold);
    stopped.join().unwrap();
    true
}

#[test]
fn a_thread_that_stops_while_the_map_grows_holds_up_creations_at_most() {
    let mut waits = Waits::default();
    (0..).find(|nth| !stop_at(*nth, &mut waits));
    let Waits {
        stops,
        in_growth,
        creations,
        ..
    } = waits;
    println!(
        "a map that grows: {stops} stops, {in_growth} in a growth, {creations} creations wait"
    );
    assert!(waits.in_growth > 100, "{waits:?}");
    assert_eq!(
        (waits.handles, waits.checks, waits.reports),
        (0, 0, 0),
        "what exists is used without waiting: {waits:?}"
    );
}
