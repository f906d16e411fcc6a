//! Stops a thread at any of its steps, or lets user code panic there: the others go on, and the
//! contract allows all answers.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use breakerbox::__steps::{Step, with_hook};

use crate::program::Program;
use crate::run::{Bench, Use, Verdict};

const PROGRAMS: u64 = 1_000;

/// Runs the program's first thread; before its `nth` step, all others run to their end, and so does
/// the rest of the history. `None`: it has fewer steps.
fn stopped(program: &Program, nth: u64) -> Option<Verdict> {
    let (bench, before, mut threads) = Bench::prepare(program, Use::AsMeant);
    let mut first = threads.remove(0);
    let steps = Rc::new(Cell::new(0));
    let others = Rc::new(RefCell::new(None));
    let hook = {
        let (steps, others) = (Rc::clone(&steps), Rc::clone(&others));
        let (bench, program) = (bench.clone(), program.clone());
        let threads = RefCell::new(threads);
        move |_| {
            let step = steps.replace(steps.get() + 1);
            if step != nth {
                return;
            }
            let mut all = threads.take();
            for (seen, steps) in all.iter_mut().zip(&program.threads[1..]) {
                bench.run(steps, seen);
            }
            all.push(bench.ask_all(&program));
            *others.borrow_mut() = Some(all);
        }
    };
    with_hook(hook, || bench.run(&program.threads[0], &mut first));
    let mut all = others.take()?;
    all.extend([before, first]);
    Some(bench.judge(program, all))
}

/// Runs the program's threads one after the other; the first one's `nth` call of user code
/// (comparing keys, hashing them, the clock) panics. `None`: it has fewer.
fn panicked(program: &Program, nth: u64) -> Option<Verdict> {
    let (bench, before, mut threads) = Bench::prepare(program, Use::AsMeant);
    let calls = Rc::new(Cell::new(0));
    let hook = {
        let calls = Rc::clone(&calls);
        move |step| {
            if step == Step::User && calls.replace(calls.get() + 1) == nth {
                // Prints no message, unlike a panic.
                std::panic::resume_unwind(Box::new("planted"));
            }
        }
    };
    with_hook(hook, || bench.run(&program.threads[0], &mut threads[0]));
    if calls.get() <= nth {
        return None;
    }
    for (seen, steps) in threads.iter_mut().zip(&program.threads).skip(1) {
        bench.run(steps, seen);
    }
    threads.extend([before, bench.ask_all(program)]);
    let verdict = bench.judge(program, threads);
    bench.assert_at_rest();
    Some(verdict)
}

/// Judges every program at each of its stops.
fn everywhere(name: &str, stop: fn(&Program, u64) -> Option<Verdict>) {
    let (said, heard) = channel();
    // On its own thread, so that waiting for a stopped thread shows as a failure.
    let work = std::thread::spawn(move || {
        let mut stops = 0;
        for seed in 0..PROGRAMS {
            let program = Program::random(seed);
            for nth in 0.. {
                said.send((seed, nth)).unwrap();
                let Some(verdict) = stop(&program, nth) else {
                    break;
                };
                stops += 1;
                if let Verdict::Refuted(lines) = verdict {
                    panic!(
                        "program {seed}, stopped before step {nth}:\n  {}\n{program:?}",
                        lines.join("\n  ")
                    );
                }
            }
        }
        stops
    });
    let mut last = None;
    loop {
        match heard.recv_timeout(Duration::from_secs(30)) {
            Ok(at) => last = Some(at),
            Err(RecvTimeoutError::Timeout) => panic!("others wait for what has stopped: {last:?}"),
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    match work.join() {
        Ok(stops) => {
            println!("{name}: {stops} stops, in {PROGRAMS} programs");
            assert!(stops > PROGRAMS);
        }
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

#[test]
fn a_stopped_thread_hinders_no_other() {
    everywhere("a stopped thread", stopped);
}

#[test]
fn a_panic_loses_its_own_operation_at_most() {
    everywhere("a panic", panicked);
}
