//! `cargo xtask histories`: what threads saw of the real types, stopped at any step, against the
//! contract.

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

pub(crate) fn command(project: &Project, mut args: Args) -> Result<()> {
    let count = args.number::<u64>("--count")?;
    let seed = args.number::<u64>("--seed")?;
    let verbose = args.flag("--verbose");
    let filter = args.positional()?;
    args.finish()?;
    say_what_is_scrubbed();
    let show = if verbose { |_: &str| true } else { is_tally };
    let log = Log::create(project, "histories", show)?;
    let mut run = cargo_test(project.root(), &project.target("steps"));
    for (name, value) in [("BREAKERBOX_HISTORIES", count), ("BREAKERBOX_SEED", seed)] {
        if let Some(value) = value {
            run = run.env(name, &value.to_string());
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

/// `cargo test` of the histories in the tree at `dir`.
pub(crate) fn cargo_test(dir: &Path, target: &Path) -> Run {
    Run::cargo(dir)
        .env("RUSTFLAGS", FLAGS)
        .args(["test", "--release", "--package", "breakerbox-loom-tests"])
        .args(["--test", "histories", "--target-dir"])
        .args([target])
}

fn is_tally(line: &str) -> bool {
    line.contains(" histories, ") || line.contains(" stops, ")
}
