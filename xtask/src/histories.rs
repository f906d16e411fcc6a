//! `cargo xtask histories` and `cargo xtask pairs`: what threads saw of the real types, stopped at
//! any step, against the contract; and every pair of operations, one within the other.

use std::path::Path;

use clap::value_parser;

use crate::counts;
use crate::error::Result;
use crate::process::{Log, Run};
use crate::project::Project;

/// What both commands take.
#[derive(Debug, clap::Args)]
struct Common {
    /// The tests whose names contain this
    filter: Option<String>,
    /// Show all output of what runs
    #[arg(long)]
    verbose: bool,
}

/// The arguments of `histories`.
#[derive(Debug, clap::Args)]
pub(crate) struct HistoriesArgs {
    #[command(flatten)]
    common: Common,
    /// Random programs for each scheduler, 4000 without it
    #[arg(long, value_name = "N", value_parser = value_parser!(u64).range(1..))]
    count: Option<u64>,
    /// The first of the programs, another each time without it
    #[arg(long, value_name = "S")]
    seed: Option<u64>,
}

/// The arguments of `pairs`.
#[derive(Debug, clap::Args)]
pub(crate) struct PairsArgs {
    #[command(flatten)]
    common: Common,
    /// The pairs whose names contain this, each compared with every order: "breaker, window,
    /// failed: to closed / acquire"
    #[arg(long, value_name = "PAIR")]
    only: Option<String>,
}

/// The cfg builds atomics that tell of each step.
const FLAGS: &str = "--cfg breakerbox_steps -C debug-assertions=on";

/// What the tests' harness is told: they print what they saw.
pub(crate) const HARNESS: &str = "--nocapture";

pub(crate) fn command(project: &Project, args: &HistoriesArgs) -> Result<()> {
    let text = |number: Option<u64>| number.map(|number| number.to_string());
    let set = [
        ("BREAKERBOX_HISTORIES", text(args.count)),
        ("BREAKERBOX_SEED", text(args.seed)),
    ];
    run(project, "histories", &args.common, &set)
}

pub(crate) fn pairs_command(project: &Project, args: &PairsArgs) -> Result<()> {
    let set = [("BREAKERBOX_PAIRS", args.only.clone())];
    run(project, "pairs", &args.common, &set)
}

/// Runs these tests, with variables that are set where they have a value.
fn run(
    project: &Project,
    name: &str,
    Common { filter, verbose }: &Common,
    set: &[(&str, Option<String>)],
) -> Result<()> {
    let log = Log::create(project, name, *verbose, is_tally)?;
    let mut run = cargo_test(name, project.root(), &project.target("steps"));
    for (variable, value) in set {
        if let Some(value) = value {
            run = run.env(variable, value);
        }
    }
    let run = run.words("--no-fail-fast --").args(filter).words(HARNESS);
    let counts = counts::judge(&run.run(&log)?).map_err(|why| {
        log.print_tail("");
        log.failed(why)
    })?;
    println!("{counts}");
    Ok(())
}

/// Returns `cargo test` of the tests `name`, which are built with the steps, in the tree at `dir`.
pub(crate) fn cargo_test(name: &str, dir: &Path, target: &Path) -> Run {
    Run::cargo("test --release --package breakerbox-loom-tests --test")
        .dir(dir)
        .env("RUSTFLAGS", FLAGS)
        .args([name, "--target-dir"])
        .args([target])
}

fn is_tally(line: &str) -> bool {
    let tallies = [" histories, ", " stops, ", " pairs, "];
    tallies.iter().any(|tally| line.contains(tally))
}
