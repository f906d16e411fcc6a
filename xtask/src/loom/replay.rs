//! `cargo xtask loom --replay`: a failing model once more, from the execution that failed.

use super::{HARNESS, cargo_test, test_name};
use crate::error::{AtPath, Error, Result, bail};
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
        bail!("{name} does not fail");
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
        let listing = "a::wins: test\na::wins_twice: test\n\n2 tests, 0 benchmarks\n";
        assert_eq!(only(listing, "wins"), Ok("a::wins"));
        assert_eq!(only("a::wins_twice: test\n", "twice"), Ok("a::wins_twice"));
        assert!(only(listing, "win").is_err() && only(listing, "loses").is_err());
    }
}
