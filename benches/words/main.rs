//! Word layouts: a circuit as one 128-bit word, as one 64-bit word with a coarse time, and as in
//! breakerbox.
//!
//! `cargo bench -p breakerbox-benches --bench words [-- --quick | --smoke]` prints a table, the
//! source of the section `Why 64-bit words` of `docs/design.md`, and writes
//! `target/comparison/words.json`. All threads work on one circuit; contenders take turns, round by
//! round; ratios are medians of the rounds' ratios. The compiler's flags are the caller's:
//! `RUSTFLAGS=-C target-cpu=native` lets it use 128-bit instructions without asking the processor
//! first.
//!
//! The prototypes do less than breakerbox: they have no generations, so a late report counts; no
//! growing open times, windows, handles or removal. They do only what a snapshot shows.

mod coarse;
mod report;
mod wide;

use breakerbox::{CircuitState, InMemoryCircuitBreakerStore, Outcome, Policy, StoreHandle};
use breakerbox_benches::case::Case;
use breakerbox_benches::keys::SEGMENT;
use breakerbox_benches::options::Options;
use breakerbox_benches::rounds::take_turns;
use breakerbox_benches::table::count;
use breakerbox_benches::threads::{Timed, timed, timed_beside, undisturbed};
use breakerbox_benches::{results, rules};
use coarse::Coarse;
use std::error::Error;
use std::process::ExitCode;
use std::thread;
use wide::Wide;

/// Operations of all threads together between two resets: fewer than fill a count of 20 bits, or
/// trip a circuit.
const MOST: usize = 900_000;

const THRESHOLD: u32 = rules::Rules::OUT_OF_REACH.failure_threshold;

const NAMES: [&str; 3] = ["one 128-bit word", "one 64-bit word, seconds", "ours"];

/// A prototype's answer about its circuit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Snapshot {
    state: State,
    failures: u64,
    successes: u64,
    /// The Unix time in milliseconds.
    last_failure: u64,
    /// The Unix time in milliseconds.
    since: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Closed,
    Open,
    HalfOpen,
}

impl State {
    /// Returns the state in the two lowest bits.
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

struct Fixture {
    wide: Wide,
    coarse: Coarse,
    ours: StoreHandle,
    policy: Policy,
}

impl Fixture {
    fn new() -> Self {
        let rules = Rules {
            failure_threshold: THRESHOLD.into(),
            reset_timeout_ms: 30_000,
        };
        let store = InMemoryCircuitBreakerStore::new();
        let policy = Policy::builder().failure_threshold(THRESHOLD);
        Self {
            wide: Wide::new(rules),
            coarse: Coarse::new(rules),
            ours: store.circuit("words").expect("there is room"),
            policy: policy.build().expect("the settings are valid"),
        }
    }

    /// Makes the loops of the three contenders, in the order of their names.
    fn cases(&self, work: Work) -> [Case<'_>; 3] {
        let policy = &self.policy;
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
                let permit = circuit.acquire(policy);
                permit.map(|permit| circuit.report(permit, outcome, policy))
            }
        };
        let ours = match work {
            Work::Check => over(&self.ours, |c| c.acquire(policy).is_ok()),
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
    // At least two lists: a writer beside one thread has the second.
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

/// The rounds of each contender, in the order of their names.
struct Row {
    label: String,
    rounds: Vec<Vec<f64>>,
    /// The number of rounds that were disturbed in every try.
    disturbed: usize,
}

fn main() -> ExitCode {
    results::run(bench)
}

fn bench() -> Result<(), Box<dyn Error>> {
    let options = Options::read(&[], &[])?;
    let (rounds, round_ns) = options.pick((61, 1e6), (21, 5e5), (1, 1e4));
    let rows = measure(Effort { rounds, round_ns });
    println!(
        "{}\n128-bit atomics are lock-free here: {}; without asking the processor: {}.",
        report::table(&rows).plain(),
        portable_atomic::AtomicU128::is_lock_free(),
        portable_atomic::AtomicU128::is_always_lock_free(),
    );
    let disturbed: usize = rows.iter().map(|row| row.disturbed).sum();
    if disturbed > 0 {
        println!("The machine is busy: in {disturbed} rounds a thread lost its core in every try.");
    }
    let id = (&options, env!("CARGO_TARGET_TMPDIR"), "words");
    results::give(id, &[], None, &report::json(&rows))?;
    Ok(())
}

fn measure(effort: Effort) -> Vec<Row> {
    let fixture = Fixture::new();
    let mut counts = vec![1, available()];
    counts.dedup();
    let mut rows = Vec::new();
    for work in Work::ALL {
        for &threads in &counts {
            let cases = fixture.cases(work);
            let label = format!("{}, {}", work.label(), count(threads, "thread"));
            rows.push(row(label, effort, threads, |i, ops| {
                cases[i].reset();
                timed(&cases[i], threads, ops)
            }));
            cases.iter().for_each(Case::reset);
        }
    }
    if available() > 1 {
        for work in [Work::Check, Work::Snapshot] {
            let (cases, writers) = (fixture.cases(work), fixture.cases(Work::Failure));
            let label = format!("{} while another thread counts failures", work.label());
            rows.push(row(label, effort, 1, |i, ops| {
                writers[i].reset();
                timed_beside(&cases[i], 1, ops, &writers[i], MOST)
            }));
        }
    }
    rows
}

/// Returns the number of operations of each of `threads` threads in a round.
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
        let round = undisturbed(|| time(i, many[i]));
        disturbed += usize::from(!round.undisturbed);
        round.ns
    });
    Row {
        label,
        rounds,
        disturbed,
    }
}
