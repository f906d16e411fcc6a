//! `cargo xtask loom --replay`: a failing model once more, from the execution that failed.

use super::{HARNESS, cargo_test, test_name};
use crate::error::{AtPath, Error, Result};
use crate::process::{Log, NOTHING, Run};
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
    let run = || run().args(["--exact", name]).words(HARNESS);
    if run().run(&log)?.success {
        return Err(Error::failed(format!("{name} does not fail")));
    }
    if !checkpoint.exists() {
        log.print_tail("");
        return Err(log.failed(format!("{name} fails before its first execution")));
    }
    let log = Log::create(project, "loom-replay", true, NOTHING)?;
    run()
        .env("LOOM_LOG", "trace")
        .env("LOOM_LOCATION", "1")
        .run(&log)?;
    Err(log.failed(format!("{name} fails")))
}

/// Returns the one test of the harness's listing that `model` means: a name in full, or part of one
/// alone.
fn only<'a>(listing: &'a str, model: &str) -> std::result::Result<&'a str, String> {
    let names: Vec<_> = listing.lines().filter_map(test_name).collect();
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
        let listing = "trip::one_wins: test\ntrip::one_wins_twice: test\n\n2 tests, 0 benchmarks\n";
        assert_eq!(only(listing, "one_wins"), Ok("trip::one_wins"));
        assert_eq!(only(listing, "trip::one_wins"), Ok("trip::one_wins"));
        assert_eq!(only("a::b: test\n", "a"), Ok("a::b"));
        assert!(
            only(listing, "one")
                .unwrap_err()
                .contains("trip::one_wins_twice")
        );
        assert!(only("0 tests, 0 benchmarks\n", "one").is_err());
    }
}
