//! `cargo xtask loom`: the models of `loom-tests`, with what each explored.

mod replay;

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::args::Args;
use crate::error::{Error, Result};
use crate::mutate;
use crate::process::{Log, Ran, Run, say_what_is_scrubbed};
use crate::project::Project;
use crate::table::Table;

/// The cfg builds the models; the assertions are loom's means to find what goes wrong.
const FLAGS: &str = "--cfg breakerbox_loom -C debug-assertions=on";

/// The one model that claims to explore a single execution: it shows what loom does not see, and
/// checks by itself what it saw.
const BLIND_SPOT: &str = "loom_misses_a_load_before_an_update";

/// The one test that is no model: it fails where the models aren't built.
const GUARD: &str = "enabled::models_are_built";

/// What one model reports when it is through.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Model {
    pub(crate) name: String,
    pub(crate) executions: u64,
    pub(crate) time: String,
}

/// A run of models, and whatever speaks against it.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) models: Vec<Model>,
    pub(crate) problems: Vec<String>,
}

pub(crate) fn command(project: &Project, mut args: Args) -> Result<()> {
    let bound = args.number("--bound")?;
    let mutations = args.flag("--mutations");
    let replay = args.flag("--replay");
    let verbose = args.flag("--verbose");
    let filter = args.positional()?;
    args.finish()?;
    if !project.has("loom-tests/tests") {
        return Err(Error::failed("there are no models: loom-tests/tests"));
    }
    say_what_is_scrubbed();
    if replay {
        let filter = filter.ok_or_else(|| Error::usage("--replay needs the model's name"))?;
        return replay::command(project, &filter, bound);
    }

    let show = if verbose { |_: &str| true } else { is_model };
    let log = Log::create(project, "loom", show)?;
    println!("building the models; their own target directory makes the first build a long one");
    let report = run(project, filter.as_deref(), bound, &log)?;
    if !report.models.is_empty() {
        println!("\n{}", table(&report.models));
    }
    if mutations {
        mutate::all(project, verbose)?;
    }
    if report.problems.is_empty() {
        return Ok(());
    }
    if !verbose {
        eprintln!("{}\n", log.tail(60));
    }
    let problems = report.problems.join("\n       ");
    Err(Error::failed(format!(
        "{problems}\nthe whole output: {}",
        project.relative(log.path())
    )))
}

/// Runs the models that `filter` selects, at `bound` or at their own bounds.
pub(crate) fn run(
    project: &Project,
    filter: Option<&str>,
    bound: Option<u32>,
    log: &Log,
) -> Result<Report> {
    let built = cargo_test(project.root(), &project.target("loom"), bound)
        .args(["--no-run"])
        .run(log)?;
    let Some(program) = executable(&built.output).filter(|_| built.success) else {
        return Ok(Report {
            models: Vec::new(),
            problems: vec!["the models do not build".to_owned()],
        });
    };
    let program = project.root().join(program);
    let listed = Run::new(&program, project.root())
        .args(["--list", "--include-ignored"])
        .args(filter)
        .run(log)?;
    let names: Vec<&str> = listed.output.lines().filter_map(test_name).collect();
    let ran = each_alone(project, &program, &names, bound, log)?;

    let mut problems = Vec::new();
    let failed: Vec<_> = ran.iter().filter(|(_, ran)| !ran.success).collect();
    if !failed.is_empty() {
        let names: Vec<_> = failed.iter().map(|(at, _)| names[*at]).collect();
        problems.push(format!("failed: {}", names.join(", ")));
    }
    if !listed.success || names.iter().all(|name| *name == GUARD) {
        problems.push("no model ran".to_owned());
    }
    let mut models = Vec::new();
    for (at, ran) in &ran {
        let told: Vec<_> = ran.output.lines().filter_map(parse).collect();
        if told.is_empty() && ran.success && names[*at] != GUARD {
            problems.push(format!("{} explored nothing", names[*at]));
        }
        models.extend(told);
    }
    problems.extend(
        models
            .iter()
            .filter(|model| model.executions <= 1 && model.name != BLIND_SPOT)
            .map(|model| {
                format!(
                    "{} explored one execution only: its threads share nothing that loom sees",
                    model.name
                )
            }),
    );
    Ok(Report { models, problems })
}

/// Runs each test in a process of its own, as many at a time as there are cores: within one process
/// models wait for each other where stacks are mapped. How each ended, in the order of `names`.
fn each_alone(
    project: &Project,
    program: &Path,
    names: &[&str],
    bound: Option<u32>,
    log: &Log,
) -> Result<Vec<(usize, Ran)>> {
    let next = AtomicUsize::new(0);
    let work = || -> Result<Vec<(usize, Ran)>> {
        let mut done = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(name) = names.get(at) else {
                return Ok(done);
            };
            let run = Run::new(program, project.root())
                .args([name, "--exact"])
                .args(HARNESS);
            done.push((at, bounded(run, bound).run(log)?));
        }
    };
    let workers = thread::available_parallelism().map_or(1, usize::from);
    let mut ran = thread::scope(|scope| {
        let workers: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        let mut all = Vec::new();
        for worker in workers {
            all.extend(worker.join().expect("a worker doesn't panic")?);
        }
        Ok(all)
    })?;
    ran.sort_by_key(|(at, _)| *at);
    Ok(ran)
}

/// The program in what `cargo test --no-run` prints: `Executable FILE (PROGRAM)`.
fn executable(output: &str) -> Option<&str> {
    let line = output.lines().find(|line| line.contains("Executable "))?;
    line.rsplit_once('(')?.1.strip_suffix(')')
}

/// The test in a line of what the harness lists.
fn test_name(line: &str) -> Option<&str> {
    line.strip_suffix(": test")
}

/// What the models' test harness is told. One thread: see [`each_alone`].
pub(crate) const HARNESS: [&str; 3] = ["--include-ignored", "--nocapture", "--test-threads=1"];

/// `cargo test` of the models in the tree at `dir`.
pub(crate) fn cargo_test(dir: &Path, target: &Path, bound: Option<u32>) -> Run {
    let run = Run::cargo(dir)
        .env("RUSTFLAGS", FLAGS)
        .args(["test", "--release", "--package", "breakerbox-loom-tests"])
        .args(["--test", "models", "--target-dir"])
        .args([target]);
    bounded(run, bound)
}

fn bounded(run: Run, bound: Option<u32>) -> Run {
    // Loom panics over an empty value, so without a bound the variable is not set at all.
    match bound {
        Some(bound) => run.env("LOOM_MAX_PREEMPTIONS", &bound.to_string()),
        None => run,
    }
}

pub(crate) fn table(models: &[Model]) -> Table {
    let mut table = Table::new(["model", ">executions", ">time"]);
    for model in models {
        table.row([
            model.name.clone(),
            model.executions.to_string(),
            model.time.clone(),
        ]);
    }
    table
}

fn is_model(line: &str) -> bool {
    parse(line).is_some()
}

/// Reads `model NAME: N executions in T`; the harness may have begun the line with the test's name.
fn parse(line: &str) -> Option<Model> {
    let (_, line) = line.split_once("model ")?;
    let (name, explored) = line.split_once(": ")?;
    let (executions, time) = explored.split_once(" executions in ")?;
    let executions = executions.replace([',', '_'], "").parse().ok()?;
    Some(Model {
        name: name.to_owned(),
        executions,
        time: time.trim_end().to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model(name: &str, executions: u64, time: &str) -> Option<Model> {
        Some(Model {
            name: name.to_owned(),
            executions,
            time: time.to_owned(),
        })
    }

    #[test]
    fn model_lines_are_read() {
        assert_eq!(
            parse("model one_wins: 1296 executions in 101.25ms"),
            model("one_wins", 1296, "101.25ms")
        );
        assert_eq!(
            parse("test trip::one_wins ... model one_wins: 12,960 executions in 1.2 s"),
            model("one_wins", 12960, "1.2 s")
        );
    }

    #[test]
    fn the_program_and_its_tests_are_found() {
        let output =
            "   Compiling a v0.1.0 (/a)\n  Executable tests/models/main.rs (t/models-1f)\n";
        assert_eq!(executable(output), Some("t/models-1f"));
        assert_eq!(executable("error: could not compile `a` (test)"), None);
        assert_eq!(test_name("trip::one_wins: test"), Some("trip::one_wins"));
        assert_eq!(test_name("2 tests, 0 benchmarks"), None);
    }

    #[test]
    fn other_lines_are_not() {
        assert_eq!(parse("running 3 tests"), None);
        assert_eq!(parse("model one_wins: many executions in 1 s"), None);
        assert_eq!(parse("the model ran: well"), None);
    }
}
