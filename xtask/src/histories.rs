//! `cargo xtask histories` and `cargo xtask pairs`: what threads saw of the real types, stopped at
//! any step, against the contract; and every pair of operations, one within the other.

use std::path::Path;

use clap::value_parser;

use crate::counts;
use crate::error::Result;
use crate::process::{Log, Run};
use crate::project::Project;

/// The arguments of `histories`.
#[derive(Debug, clap::Args)]
pub(crate) struct HistoriesArgs {
    /// The tests whose names contain this
    filter: Option<String>,
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
    /// The tests whose names contain this
    filter: Option<String>,
    /// The pairs whose names contain this, each compared with every order: "breaker, window,
    /// failed: to closed / acquire"
    #[arg(long, value_name = "PAIR")]
    only: Option<String>,
}

/// The cfg builds atomics that tell of each step.
const FLAGS: &str = "--cfg breakerbox_steps -C debug-assertions=on";

/// The arguments of the tests' harness: they print what they saw.
pub(crate) const HARNESS: &str = "--nocapture";

pub(crate) fn command(project: &Project, args: &HistoriesArgs, verbose: bool) -> Result<()> {
    let tests = cargo_test("histories", project.root(), &project.target("steps"));
    let tests = tests.env_if("BREAKERBOX_HISTORIES", args.count);
    let tests = tests.env_if("BREAKERBOX_SEED", args.seed);
    let log = Log::create(project, "histories", verbose, is_tally)?;
    run(tests.words("--no-fail-fast").args(&args.filter), &log)
}

pub(crate) fn pairs_command(project: &Project, args: &PairsArgs, verbose: bool) -> Result<()> {
    let tests = cargo_test("pairs", project.root(), &project.target("steps"));
    let tests = tests.env_if("BREAKERBOX_PAIRS", args.only.as_ref());
    let log = Log::create(project, "pairs", verbose, is_tally)?;
    run(tests.words("--no-fail-fast").args(&args.filter), &log)
}

fn run(tests: Run, log: &Log) -> Result<()> {
    let ran = tests.words("--").words(HARNESS).run(log)?;
    let counts = counts::judge(&ran).map_err(|why| {
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
