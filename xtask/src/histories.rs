//! `cargo xtask histories` and `cargo xtask pairs`: what threads saw of the real types, stopped at
//! any step, against the contract; and every pair of operations, one within the other.

use std::path::Path;

use crate::args::Args;
use crate::counts::{Counts, failures};
use crate::error::{Error, Result};
use crate::process::{Log, Run, say_what_is_scrubbed};
use crate::project::Project;

/// The cfg builds atomics that tell of each step.
const FLAGS: &str = "--cfg breakerbox_steps -C debug-assertions=on";

/// What the tests' harness is told: they print what they saw.
pub(crate) const HARNESS: [&str; 1] = ["--nocapture"];

/// The tests that are built with the steps.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Steps {
    /// Random programs, against the sequential contract.
    Histories,
    /// Every pair of operations, one within the other.
    Pairs,
}

impl Steps {
    fn name(self) -> &'static str {
        match self {
            Self::Histories => "histories",
            Self::Pairs => "pairs",
        }
    }
}

pub(crate) fn command(project: &Project, mut args: Args) -> Result<()> {
    let count = args.number::<u64>("--count")?;
    let seed = args.number::<u64>("--seed")?;
    let set = [("BREAKERBOX_HISTORIES", count), ("BREAKERBOX_SEED", seed)];
    let set = set.map(|(name, value)| (name, value.map(|value| value.to_string())));
    run(project, Steps::Histories, args, &set)
}

pub(crate) fn pairs_command(project: &Project, mut args: Args) -> Result<()> {
    let only = args.value("--only")?;
    run(project, Steps::Pairs, args, &[("BREAKERBOX_PAIRS", only)])
}

/// Runs these tests, with variables that are set where they have a value.
fn run(
    project: &Project,
    steps: Steps,
    mut args: Args,
    set: &[(&str, Option<String>)],
) -> Result<()> {
    let verbose = args.flag("--verbose");
    let filter = args.positional()?;
    args.finish()?;
    say_what_is_scrubbed();
    let show = if verbose { |_: &str| true } else { is_tally };
    let log = Log::create(project, steps.name(), show)?;
    let mut run = cargo_test(steps, project.root(), &project.target("steps"));
    for (name, value) in set {
        if let Some(value) = value {
            run = run.env(name, value);
        }
    }
    let ran = run
        .args(["--no-fail-fast", "--"])
        .args(filter)
        .args(HARNESS)
        .run(&log)?;
    let counts = Counts::parse(&ran.output);
    if ran.success && counts.passed > 0 {
        println!("{counts}");
        return Ok(());
    }
    if !verbose {
        eprintln!("{}\n", log.tail(60));
    }
    Err(Error::failed(match failures(&ran.output)[..] {
        [] => "no test ran, or they do not build".to_owned(),
        ref names => format!("failed: {}", names.join(", ")),
    }))
}

/// `cargo test` of these tests in the tree at `dir`.
pub(crate) fn cargo_test(steps: Steps, dir: &Path, target: &Path) -> Run {
    Run::cargo(dir)
        .env("RUSTFLAGS", FLAGS)
        .args(["test", "--release", "--package", "breakerbox-loom-tests"])
        .args(["--test", steps.name(), "--target-dir"])
        .args([target])
}

fn is_tally(line: &str) -> bool {
    [" histories, ", " stops, ", " pairs, "]
        .iter()
        .any(|tally| line.contains(tally))
}
