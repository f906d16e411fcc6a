//! Runs of the models, each in a process of its own, and what speaks against what they explored.

use std::path::Path;
use std::time::Duration;

use rayon::prelude::*;

use crate::error::Result;
use crate::process::{Log, Run};
use crate::project::Project;
use crate::table::Table;

/// The cfg builds the models; the assertions are loom's means to find what goes wrong.
const FLAGS: &str = "--cfg breakerbox_loom -C debug-assertions=on";

/// Loom panics over an empty value, so without a bound the variable is not set at all.
const BOUND: &str = "LOOM_MAX_PREEMPTIONS";

/// The one model that claims to explore a single execution: it shows what loom does not see, and
/// checks by itself what it saw.
const BLIND_SPOT: &str = "loom_misses_a_load_before_an_update";

/// The one test that is no model: it fails where the models aren't built.
const GUARD: &str = "enabled::models_are_built";

/// The arguments of the models' harness. One thread: within one process models wait for each other
/// where stacks are mapped.
pub(crate) const HARNESS: &str = "--include-ignored --nocapture --test-threads=1";

/// The report of one model.
#[derive(Debug)]
pub(crate) struct Model {
    name: String,
    pub(crate) executions: u64,
    time: String,
}

/// A run of models, and whatever speaks against it.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) models: Vec<Model>,
    /// The number of models that were explored with one preemption, because they took too long.
    pub(crate) cut: usize,
    pub(crate) problems: Vec<String>,
}

/// Returns `cargo test` of the models in the tree at `dir`.
pub(crate) fn cargo_test(dir: &Path, target: &Path, bound: Option<u32>) -> Run {
    let line = "test --release --package breakerbox-loom-tests --test models --target-dir";
    let run = Run::cargo(line).args([target]).dir(dir);
    run.env("RUSTFLAGS", FLAGS).env_if(BOUND, bound)
}

/// Returns the names in what the harness lists.
pub(super) fn names(listed: &str) -> Vec<&str> {
    let names = listed.lines().map(|line| line.strip_suffix(": test"));
    names.flatten().collect()
}

/// Runs the models that `filter` selects, with at most `bound` preemptions, or each model's own
/// number. A model that takes longer than `limit` is explored with one instead: none has fewer.
pub(crate) fn run(
    project: &Project,
    filter: Option<&str>,
    bound: Option<u32>,
    limit: Duration,
    log: &Log,
) -> Result<Report> {
    let build = cargo_test(project.root(), &project.target("loom"), None);
    let program = build.program("models", log);
    let program = program.ok_or_else(|| log.failed("the models do not build"))?;
    let list = Run::new(&program).words("--list --include-ignored");
    let listed = list.args(filter).output(log).unwrap_or_default();
    let names = names(&listed);
    let explore = |name: &str, bound: Option<u32>| {
        let run = Run::new(&program).args([name, "--exact"]);
        run.words(HARNESS).env_if(BOUND, bound)
    };
    // One by one: a few models take most of the time.
    let each = names.par_iter().with_max_len(1);
    let ran = each.map(|name| -> Result<_> {
        let ran = explore(name, bound).limit(limit).run(log)?;
        let is_cut = ran.timed_out;
        let cut = || explore(name, Some(1)).run(log);
        Ok((if is_cut { cut()? } else { ran }, is_cut))
    });
    let ran = ran.collect::<Result<Vec<_>>>()?;

    let (mut models, mut failed, mut problems) = (Vec::new(), Vec::new(), Vec::new());
    for (&name, (ran, _)) in names.iter().zip(&ran) {
        let told: Vec<_> = ran.output.lines().filter_map(parse).collect();
        if !ran.success {
            failed.push(name);
        } else if told.is_empty() && name != GUARD {
            problems.push(format!("{name} explored nothing"));
        }
        models.extend(told);
    }
    if !failed.is_empty() {
        problems.push(format!("failed: {}", failed.join(", ")));
    }
    if names.iter().all(|name| *name == GUARD) {
        problems.push("no model ran".to_owned());
    }
    let is_blind = |model: &&Model| model.executions <= 1 && model.name != BLIND_SPOT;
    problems.extend(models.iter().filter(is_blind).map(|Model { name, .. }| {
        format!("{name} explored one execution only: its threads share nothing that loom sees")
    }));
    let cut = ran.iter().filter(|(_, is_cut)| *is_cut).count();
    Ok(Report {
        models,
        cut,
        problems,
    })
}

pub(crate) fn table(models: &[Model]) -> Table<3> {
    let mut table = Table::new(["model", ">executions", ">time"]);
    for model in models {
        table.row([&model.name, &model.executions, &model.time]);
    }
    table
}

/// Reads `model NAME: N executions in T`; the harness may have begun the line with the test's name.
pub(super) fn parse(line: &str) -> Option<Model> {
    let (_, line) = line.split_once("model ")?;
    let (name, explored) = line.split_once(": ")?;
    let (executions, time) = explored.split_once(" executions in ")?;
    Some(Model {
        name: name.to_owned(),
        executions: executions.parse().ok()?,
        time: time.trim_end().to_owned(),
    })
}
