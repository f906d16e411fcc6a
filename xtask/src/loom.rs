//! `cargo xtask loom`: the models of `loom-tests`, with what each explored; and a failing model once
//! more, step by step.

pub(crate) mod models;

use std::time::Duration;

use crate::error::{AtPath, Error, Result, bail};
use crate::mutate;
use crate::process::{Log, NOTHING, Run};
use crate::project::Project;

/// The arguments of `loom`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The models whose names contain this
    filter: Option<String>,
    /// The most preemptions of an execution, instead of each model's own bound
    #[arg(long, value_name = "N")]
    bound: Option<u32>,
    /// Then try all recorded mutations
    #[arg(long, conflicts_with = "replay")]
    mutations: bool,
    /// Run the failing execution of the one model again, step by step
    #[arg(long, requires = "filter")]
    replay: bool,
}

pub(crate) fn command(project: &Project, args: &Args, verbose: bool) -> Result<()> {
    let filter = args.filter.as_deref();
    if let Some(model) = filter.filter(|_| args.replay) {
        return replay(project, model, args.bound);
    }
    let is_report = |line: &str| models::parse(line).is_some();
    let log = Log::create(project, "loom", verbose, is_report)?;
    println!("building the models; their own target directory makes the first build a long one");
    let report = models::run(project, filter, args.bound, Duration::MAX, &log)?;
    println!("\n{}", models::table(&report.models));
    if args.mutations {
        mutate::all(project, verbose)?;
    }
    if report.problems.is_empty() {
        return Ok(());
    }
    log.print_tail("");
    Err(log.failed(report.problems.join("\n       ")))
}

/// Runs the model until it fails, with loom noting each execution before it begins, and then again
/// from the one noted last, with every step of it told.
fn replay(project: &Project, model: &str, bound: Option<u32>) -> Result<()> {
    let checkpoint = project.target("xtask/loom-checkpoint.json");
    if checkpoint.exists() {
        // Another model's, or another build's, would lead anywhere.
        std::fs::remove_file(&checkpoint).at(&checkpoint)?;
    }
    let run = || -> Run {
        models::cargo_test(project.root(), &project.target("loom"), bound)
            .env("LOOM_CHECKPOINT_FILE", &checkpoint)
            .env("LOOM_CHECKPOINT_INTERVAL", "1")
            .words("--features loom/checkpoint --")
    };
    let log = Log::create(project, "loom-replay", false, NOTHING)?;
    println!("looking for the execution that fails; noting each makes it slower");
    let list = run().args([model]).words("--list --include-ignored");
    let Some(listed) = list.output(&log) else {
        log.print_tail("");
        return Err(log.failed("the models do not build"));
    };
    let name = only(&listed, model).map_err(Error::Usage)?;
    let run = || run().args(["--exact", name]).words(models::HARNESS);
    if run().run(&log)?.success {
        bail!("{name} does not fail");
    }
    if !checkpoint.exists() {
        log.print_tail("");
        return Err(log.failed(format!("{name} fails before its first execution")));
    }
    let log = Log::create(project, "loom-replay", true, NOTHING)?;
    let traced = run().env("LOOM_LOG", "trace").env("LOOM_LOCATION", "1");
    traced.run(&log)?;
    Err(log.failed(format!("{name} fails")))
}

/// Returns the one test of the harness's listing that `model` means: a name in full, or part of one
/// alone.
fn only<'a>(listing: &'a str, model: &str) -> std::result::Result<&'a str, String> {
    let names = models::names(listing);
    let in_full = |name: &&&str| **name == model || name.rsplit("::").next() == Some(model);
    match names[..] {
        [] => Err(format!("there is no model `{model}`")),
        [name] => Ok(name),
        _ => {
            let named = names.iter().find(in_full).copied();
            named.ok_or_else(|| format!("`{model}` may be any of {}", names.join(", ")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_model_is_found_in_the_listing() {
        let listing = "a::wins: test\na::wins_twice: test\n\n2 tests, 0 benchmarks\n";
        assert_eq!(only(listing, "wins"), Ok("a::wins"));
        assert_eq!(only("a::wins_twice: test\n", "twice"), Ok("a::wins_twice"));
        assert!(only(listing, "win").is_err() && only(listing, "loses").is_err());
    }
}
