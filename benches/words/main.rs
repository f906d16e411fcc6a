//! Words: a circuit as one 128-bit word, as one 64-bit word with a coarse time, and as it is here.
//!
//! `cargo bench -p breakerbox-benches --bench words [-- --quick | --smoke]
//! [--markdown]` prints a table, which the section `Why 64-bit words` of `docs/design.md` reads, and
//! writes `target/comparison/words.json`. All threads work on one circuit; subjects take
//! turns, round by round; ratios are medians of the rounds' ratios. Flags of the compiler are the
//! caller's: `RUSTFLAGS=-C target-cpu=native` lets it use 128-bit instructions without asking the
//! processor first.
//!
//! The prototypes do less than ours: they have no generations, so a late report counts; no growing
//! open times, windows, handles nor removal. What they do is what a snapshot shows.

mod coarse;
mod report;
mod wide;

use breakerbox::{CircuitState, InMemoryCircuitBreakerStore, Outcome, Policy, StoreHandle};
use breakerbox_benches::case::Case;
use breakerbox_benches::keys::SEGMENT;
use breakerbox_benches::options::{self, Options};
use breakerbox_benches::rounds::take_turns;
use breakerbox_benches::threads::{Timed, timed, timed_beside};
use breakerbox_benches::{results, rules};
use coarse::Coarse;
use std::process::ExitCode;
use std::{io, thread};
use wide::Wide;

/// Operations between two resets, of all threads together: below what fills a count of 20 bits, or
/// trips a circuit.
const MOST: usize = 900_000;

const THRESHOLD: u32 = rules::Rules::OUT_OF_REACH.failure_threshold;

/// How often a round is taken in which a thread loses its core. Shorter rounds than a turn of the
/// system's scheduler can pass undisturbed on a busy machine too.
const TRIES: usize = 20;

const NAMES: [&str; 3] = ["one 128-bit word", "one 64-bit word, seconds", "ours"];

/// What a prototype knows of its circuit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Snapshot {
    state: State,
    failures: u64,
    successes: u64,
    /// Unix ms.
    last_failure: u64,
    /// Unix ms.
    since: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Closed,
    Open,
    HalfOpen,
}

impl State {
    /// From its two lowest bits.
    fn from_bits(bits: u64) -> Self {
        match bits & 3 {
            0 => Self::Closed,
            1 => Self::Open,
            _ => Self::HalfOpen,
        }
    }
}

#[derive(Clone, Copy)]
struct Rules {
    failure_threshold: u64,
    reset_timeout_ms: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Work {
    Check,
    Success,
    RecordSuccess,
    Failure,
    Snapshot,
}

impl Work {
    const ALL: [Self; 5] = [
        Self::Check,
        Self::Success,
        Self::RecordSuccess,
        Self::Failure,
        Self::Snapshot,
    ];

    fn label(self) -> &'static str {
        match self {
            Self::Check => "check",
            Self::Success => "check, success with nothing to forget",
            Self::RecordSuccess => "success that is counted",
            Self::Failure => "check, failure",
            Self::Snapshot => "snapshot",
        }
    }
}

struct World {
    wide: Wide,
    coarse: Coarse,
    ours: StoreHandle,
    limits: Policy,
}

impl World {
    fn new() -> Self {
        let rules = Rules {
            failure_threshold: THRESHOLD.into(),
            reset_timeout_ms: 30_000,
        };
        let store = InMemoryCircuitBreakerStore::new();
        let limits = Policy::builder().failure_threshold(THRESHOLD);
        Self {
            wide: Wide::new(rules),
            coarse: Coarse::new(rules),
            ours: store.circuit("words").expect("there is room"),
            limits: limits.build().expect("the settings are valid"),
        }
    }

    /// The three subjects, in the order of their names.
    fn cases(&self, work: Work) -> [Case<'_>; 3] {
        let limits = &self.limits;
        let [wide, coarse] = match work {
            Work::Check => [
                over(&self.wide, Wide::check),
                over(&self.coarse, Coarse::check),
            ],
            Work::Success => [
                over(&self.wide, |c| c.check() && c.success()),
                over(&self.coarse, |c| c.check() && c.success()),
            ],
            Work::RecordSuccess => [
                over(&self.wide, Wide::record_success),
                over(&self.coarse, Coarse::record_success),
            ],
            Work::Failure => [
                over(&self.wide, |c| c.check() && c.failure()),
                over(&self.coarse, |c| c.check() && c.failure()),
            ],
            Work::Snapshot => [
                over(&self.wide, Wide::snapshot),
                over(&self.coarse, Coarse::snapshot),
            ],
        };
        let report = |outcome| {
            move |circuit: &StoreHandle| {
                let permit = circuit.acquire(limits);
                permit.map(|permit| circuit.report(permit, outcome, limits))
            }
        };
        let ours = match work {
            Work::Check => over(&self.ours, |c| c.acquire(limits).is_ok()),
            Work::Success => over(&self.ours, report(Outcome::Success)),
            Work::RecordSuccess => over(&self.ours, StoreHandle::record_success),
            Work::Failure => over(&self.ours, report(Outcome::Failure)),
            Work::Snapshot => over(&self.ours, StoreHandle::peek),
        };
        [
            wide.reset_by(|| self.wide.reset()),
            coarse.reset_by(|| self.coarse.reset()),
            ours.reset_by(|| {
                self.ours.transition(CircuitState::Closed);
            }),
        ]
    }
}

fn over<'w, T: Sync, R>(target: &'w T, op: impl Fn(&'w T) -> R + Sync + 'w) -> Case<'w> {
    // Two lists at least: a writer beside one thread has the second.
    let threads = available().max(2);
    Case::new(vec![vec![target; SEGMENT]; threads], op)
}

fn available() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

#[derive(Clone, Copy)]
struct Effort {
    rounds: usize,
    round_ns: f64,
}

/// What was measured: rounds of each subject, in the order of their names.
struct Row {
    label: String,
    rounds: Vec<Vec<f64>>,
    /// How many rounds were disturbed in every try.
    disturbed: usize,
}

fn main() -> ExitCode {
    match Options::from_arguments().and_then(|options| run(options).map_err(|e| e.to_string())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: Options) -> io::Result<()> {
    let (rounds, round_ns) = options.effort.pick((61, 1e6), (21, 5e5), (1, 1e4));
    let rows = measure(Effort { rounds, round_ns });
    let lock_free = format!(
        "128-bit atomics are lock-free here: {}; without asking the processor: {}.",
        portable_atomic::AtomicU128::is_lock_free(),
        portable_atomic::AtomicU128::is_always_lock_free(),
    );
    let table = report::table(&rows);
    println!("{lock_free}\n\n{}", table.plain());
    let disturbed: usize = rows.iter().map(|row| row.disturbed).sum();
    if disturbed > 0 {
        println!(
            "The machine is busy: in {disturbed} rounds a thread lost its core in each of {TRIES} tries."
        );
    }
    if options.effort == options::Effort::Smoke {
        return Ok(());
    }
    if options.markdown {
        results::print_section("words", &format!("{}\n{lock_free}", table.markdown()));
    }
    let json = report::json(&rows);
    results::write(env!("CARGO_TARGET_TMPDIR"), "words.json", &json)
}

fn measure(effort: Effort) -> Vec<Row> {
    let world = World::new();
    let mut counts = vec![1, available()];
    counts.dedup();
    let mut rows = Vec::new();
    for work in Work::ALL {
        for &threads in &counts {
            let cases = world.cases(work);
            let label = format!("{}, {}", work.label(), count(threads));
            rows.push(row(label, effort, threads, |i, ops| {
                cases[i].reset();
                timed(&cases[i], threads, ops)
            }));
            cases.iter().for_each(Case::reset);
        }
    }
    if available() > 1 {
        for work in [Work::Check, Work::Snapshot] {
            let (cases, writers) = (world.cases(work), world.cases(Work::Failure));
            let label = format!("{} while another thread counts failures", work.label());
            rows.push(row(label, effort, 1, |i, ops| {
                writers[i].reset();
                timed_beside(&cases[i], 1, ops, &writers[i], MOST)
            }));
        }
    }
    rows
}

/// How many operations each of `threads` threads does in a round.
fn operations(effort: Effort, threads: usize, time: impl Fn(usize) -> Timed) -> usize {
    let tries = (0..3).map(|_| time(8 * SEGMENT).ns);
    let ns = tries.fold(f64::INFINITY, f64::min);
    let wanted = (effort.round_ns / ns) as usize;
    wanted.clamp(SEGMENT, MOST / threads)
}

fn row(label: String, effort: Effort, threads: usize, time: impl Fn(usize, usize) -> Timed) -> Row {
    let many = [0, 1, 2].map(|i| operations(effort, threads, |ops| time(i, ops)));
    let mut disturbed = 0;
    let rounds = take_turns(&[effort.rounds; NAMES.len()], |i| {
        let mut tries = (0..TRIES).map(|_| time(i, many[i]));
        let undisturbed = tries.find(|round| round.undisturbed);
        disturbed += usize::from(undisturbed.is_none());
        undisturbed.unwrap_or_else(|| time(i, many[i])).ns
    });
    Row {
        label,
        rounds,
        disturbed,
    }
}

fn count(threads: usize) -> String {
    match threads {
        1 => "1 thread".to_owned(),
        _ => format!("{threads} threads"),
    }
}
