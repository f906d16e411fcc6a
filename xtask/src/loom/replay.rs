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
    let select = ["--", "--exact", model];
    let first = run().args(select).args(HARNESS).run(&log)?;
    if first.success {
        return Err(Error::failed(format!(
            "no model called `{model}` fails; its whole name is needed"
        )));
    }
    if !checkpoint.exists() {
        println!("{}", log.tail(40));
        return Err(Error::failed("the models do not build"));
    }
    let log = Log::create(project, "loom-replay", |_| true)?;
    run()
        .env("LOOM_LOG", "trace")
        .env("LOOM_LOCATION", "1")
        .args(select)
        .args(HARNESS)
        .run(&log)?;
    Err(Error::failed(format!(
        "{model} fails; the whole output: {}",
        project.relative(log.path())
    )))
}
