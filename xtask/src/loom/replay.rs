//! `cargo xtask loom --replay`: a failing model once more, from the execution that failed.

use super::{HARNESS, cargo_test};
use crate::error::{AtPath, Error, Result};
use crate::process::{Log, Run};
use crate::project::Project;

/// Runs the model until it fails, with loom noting each execution before it begins, and then again
/// from the one noted last, with every step of it told.
pub(super) fn command(project: &Project, model: &str, bound: Option<u32>) -> Result<()> {
    let checkpoint = project.target("xtask/loom-checkpoint.json");
    if checkpoint.exists() {
        // Another model's, or another build's, would lead anywhere.
        std::fs::remove_file(&checkpoint).at(&checkpoint)?;
    }
    let run = || -> Run {
        cargo_test(project.root(), &project.target("loom"), bound)
            .env("LOOM_CHECKPOINT_FILE", &checkpoint.to_string_lossy())
            .env("LOOM_CHECKPOINT_INTERVAL", "1")
            .args(["--features", "loom/checkpoint"])
    };
    let log = Log::create(project, "loom-replay", |_| false)?;
    println!("looking for the execution that fails; noting each makes it slower");
    let listed = run()
        .args(["--", model, "--list", "--include-ignored"])
        .run(&log)?;
    if !listed.success {
        println!("{}", log.tail(40));
        return Err(Error::failed("the models do not build"));
    }
    let name = only(&listed.output, model).map_err(Error::failed)?;
    let select = ["--", "--exact", name];
    let first = run().args(select).args(HARNESS).run(&log)?;
    if first.success {
        return Err(Error::failed(format!("{name} does not fail")));
    }
    if !checkpoint.exists() {
        println!("{}", log.tail(40));
        return Err(Error::failed(format!(
            "{name} fails before its first execution"
        )));
    }
    let log = Log::create(project, "loom-replay", |_| true)?;
    run()
        .env("LOOM_LOG", "trace")
        .env("LOOM_LOCATION", "1")
        .args(select)
        .args(HARNESS)
        .run(&log)?;
    Err(Error::failed(format!(
        "{name} fails; the whole output: {}",
        project.relative(log.path())
    )))
}

/// The one test of the harness's listing that `model` means: a name in full, or part of one alone.
fn only<'a>(listing: &'a str, model: &str) -> std::result::Result<&'a str, String> {
    let names: Vec<_> = listing
        .lines()
        .filter_map(|line| line.strip_suffix(": test"))
        .collect();
    let in_full = |name: &&&str| **name == model || name.rsplit("::").next() == Some(model);
    match names[..] {
        [] => Err(format!("there is no model `{model}`")),
        [name] => Ok(name),
        _ => names
            .iter()
            .find(in_full)
            .copied()
            .ok_or_else(|| format!("`{model}` may be any of {}", names.join(", "))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_model_is_found_in_the_listing() {
        let listing = "trip::one_wins: test\ntrip::one_wins_twice: test\n\n2 tests, 0 benchmarks\n";
        assert_eq!(only(listing, "one_wins"), Ok("trip::one_wins"));
        assert_eq!(only(listing, "trip::one_wins"), Ok("trip::one_wins"));
        assert_eq!(only("a::b: test\n", "a"), Ok("a::b"));
        assert_eq!(
            only(listing, "one"),
            Err("`one` may be any of trip::one_wins, trip::one_wins_twice".to_owned())
        );
        assert!(only("0 tests, 0 benchmarks\n", "one").is_err());
    }
}
