//! Checks that the contract allows every history of a store.

use std::sync::{Arc, Mutex};

use breakerbox::__steps::with_hook;
use fastrand::Rng;

use crate::program::Program;
use crate::run::{Bench, Seen, Use, Verdict};

/// Reads a number from the environment.
fn number(name: &str, without: u64) -> u64 {
    std::env::var(name).map_or(without, |value| {
        let number = value.parse();
        number.unwrap_or_else(|_| panic!("{name} takes a number, not `{value}`"))
    })
}

/// Returns the seed of the first program: another one each time, unless one is given.
fn first_seed() -> u64 {
    number("BREAKERBOX_SEED", fastrand::u64(..1 << 40))
}

/// A tally of many histories.
#[derive(Default)]
struct Tally {
    histories: u64,
    /// Those under rules over a window.
    windows: u64,
    overlaps: u64,
    undecided: u64,
    refuted: Vec<String>,
}

impl Tally {
    fn note(&mut self, seed: u64, program: &Program, verdict: Verdict) {
        self.histories += 1;
        self.windows += u64::from(program.rules.more.window.is_some());
        match verdict {
            Verdict::Holds { overlaps } => self.overlaps += overlaps as u64,
            Verdict::TooMany => self.undecided += 1,
            Verdict::Refuted(lines) => self.refuted.push(format!(
                "no order explains this history (BREAKERBOX_SEED={seed}; bound {:?}, pinned {:?}):\n  \
                 {}\n{program:?}",
                program.max_circuits,
                program.pinned,
                lines.join("\n  ")
            )),
        }
    }

    fn check(&self, name: &str) {
        println!(
            "{name}: {} histories, {} with a window, {} overlaps, {} undecided, {} refuted",
            self.histories,
            self.windows,
            self.overlaps,
            self.undecided,
            self.refuted.len()
        );
        assert!(self.refuted.is_empty(), "{}", self.refuted.join("\n"));
        assert!(self.overlaps > self.histories / 4, "the threads hardly met");
        assert!(
            self.undecided * 1_000 <= self.histories,
            "too many to look at"
        );
    }
}

/// Runs programs under a scheduler that switches at any step, each in `each` schedules.
fn scheduled(first: u64, programs: u64, each: usize, usage: Use) -> Tally {
    let tally = Arc::new(Mutex::new(Tally::default()));
    // All tasks run on this one thread.
    with_hook(
        |_| shuttle::thread::yield_now(),
        || {
            for seed in first..first + programs {
                let program = Arc::new(Program::random(seed));
                let tally = Arc::clone(&tally);
                let scheduler = shuttle::scheduler::RandomScheduler::new_from_seed(seed, each);
                let mut config = shuttle::Config::new();
                config.failure_persistence = shuttle::FailurePersistence::None;
                shuttle::Runner::new(scheduler, config).run(move || {
                    let (bench, before, threads) = Bench::prepare(&program, usage);
                    let tasks: Vec<_> = threads
                        .into_iter()
                        .enumerate()
                        .map(|(at, mut seen)| {
                            let (bench, program) = (Arc::clone(&bench), Arc::clone(&program));
                            shuttle::thread::spawn(move || {
                                bench.run(&program.threads[at], &mut seen);
                                seen
                            })
                        })
                        .collect();
                    let mut all = vec![before];
                    all.extend(tasks.into_iter().map(|task| task.join().unwrap()));
                    all.push(bench.ask_all(&program));
                    let verdict = bench.judge(&program, all);
                    tally.lock().unwrap().note(seed, &program, verdict);
                });
            }
        },
    );
    Arc::into_inner(tally).unwrap().into_inner().unwrap()
}

#[test]
fn histories_of_a_random_scheduler() {
    let programs = number("BREAKERBOX_HISTORIES", 4_000);
    scheduled(first_seed(), programs, 5, Use::AsMeant).check("random scheduler");
}

/// Runs programs on real threads, which may yield at any step.
#[test]
fn histories_of_real_threads() {
    let first = first_seed();
    let programs = number("BREAKERBOX_HISTORIES", 4_000);
    let mut tally = Tally::default();
    for seed in first..first + programs {
        let program = Program::random(seed);
        for round in 0..2 {
            let (bench, before, threads) = Bench::prepare(&program, Use::AsMeant);
            let start = std::sync::Barrier::new(threads.len());
            let mut all = vec![before];
            all.extend(std::thread::scope(|scope| {
                let run = |(at, mut seen): (usize, Seen)| {
                    let (bench, program, start) = (&bench, &program, &start);
                    scope.spawn(move || {
                        let random =
                            std::cell::RefCell::new(Rng::with_seed(seed ^ round ^ at as u64));
                        let hook = move |_| {
                            if random.borrow_mut().u8(..4) == 0 {
                                std::thread::yield_now();
                            }
                        };
                        start.wait();
                        with_hook(hook, || bench.run(&program.threads[at], &mut seen));
                        seen
                    })
                };
                let running: Vec<_> = threads.into_iter().enumerate().map(run).collect();
                running
                    .into_iter()
                    .map(|thread| thread.join().unwrap())
                    .collect::<Vec<_>>()
            }));
            all.push(bench.ask_all(&program));
            tally.note(seed, &program, bench.judge(&program, all));
        }
    }
    tally.check("real threads");
}

/// Returns how many of 2,500 histories refute a planted mistake.
fn refutations(mistake: Use) -> usize {
    let tally = scheduled(1, 500, 5, mistake);
    let refuted = tally.refuted.len();
    println!("{mistake:?}: {refuted} of {} refuted", tally.histories);
    refuted
}

#[test]
fn planted_mistakes_are_found() {
    for mistake in [Use::ReadThenTransition, Use::SkipSuccesses] {
        assert!(refutations(mistake) > 0, "{mistake:?} isn't found");
    }
}
