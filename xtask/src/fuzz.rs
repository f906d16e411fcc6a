//! `cargo xtask fuzz`: every fuzz target in turn, for a while.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::args::Args;
use crate::error::{AtPath, Error, Result};
use crate::installed;
use crate::process::{Log, Run, say_what_is_scrubbed};
use crate::project::Project;
use crate::table::Table;

/// The sanitizers that libFuzzer runs with are a nightly compiler's.
const TOOLCHAIN: &str = "nightly";

/// How one target did.
#[derive(Debug)]
pub(crate) struct Fuzzed {
    pub(crate) target: String,
    pub(crate) inputs: Option<u64>,
    /// Edges of the program that some input takes, and all that there are, those of libraries too.
    edges: Option<(u64, u64)>,
    /// Why it is not well, if it is not.
    pub(crate) problem: Option<String>,
}

/// Why nothing was fuzzed.
#[derive(Debug)]
pub(crate) enum Unable {
    /// The machine has no nightly toolchain.
    NoNightly,
    /// Something that could be had is missing.
    Missing(String),
}

pub(crate) fn command(project: &Project, mut args: Args) -> Result<()> {
    let seconds = args.number("--seconds")?.unwrap_or(60);
    let minimize = args.flag("--minimize");
    let verbose = args.flag("--verbose");
    let only = args.positional()?;
    args.finish()?;
    say_what_is_scrubbed();

    let log = Log::create(
        project,
        "fuzz",
        if verbose { |_| true } else { is_progress },
    )?;
    let mut targets = targets(project).map_err(|unable| Error::failed(unable.to_string()))?;
    if let Some(only) = only {
        targets.retain(|target| *target == only);
        if targets.is_empty() {
            return Err(Error::usage(format!("there is no fuzz target `{only}`")));
        }
    }
    let cargo_fuzz = prepare(project, &log).map_err(|unable| Error::failed(unable.to_string()))?;
    let results = run(project, &cargo_fuzz, &targets, seconds, &log)?;

    let mut table = Table::new(["target", ">inputs", ">edges taken", "result"]);
    for result in &results {
        table.row([
            result.target.clone(),
            result.inputs.map_or("?".to_owned(), |n| n.to_string()),
            result
                .edges
                .map_or("?".to_owned(), |(taken, all)| format!("{taken} of {all}")),
            result.problem.clone().unwrap_or("ok".to_owned()),
        ]);
    }
    println!("\n{table}");
    if results.iter().all(|result| result.problem.is_none()) {
        if minimize {
            for target in &targets {
                keep(project, &cargo_fuzz, target, &log)?;
            }
        }
        return Ok(());
    }
    if !verbose {
        eprintln!("{}\n", log.tail(60));
    }
    Err(Error::failed(format!(
        "fuzzing found something; the whole output: {}",
        project.relative(log.path())
    )))
}

/// The names of the fuzz targets.
pub(crate) fn targets(project: &Project) -> std::result::Result<Vec<String>, Unable> {
    if !project.has("fuzz/Cargo.toml") {
        return Err(Unable::Missing("there is no fuzz/Cargo.toml".to_owned()));
    }
    let manifest = project
        .manifest("fuzz/Cargo.toml")
        .map_err(|error| Unable::Missing(error.to_string()))?;
    let names: Vec<_> = manifest.values("bin", "name").map(str::to_owned).collect();
    if names.is_empty() {
        return Err(Unable::Missing("fuzz/Cargo.toml has no [[bin]]".to_owned()));
    }
    Ok(names)
}

/// Finds cargo-fuzz, or installs it into the target directory.
pub(crate) fn prepare(project: &Project, log: &Log) -> std::result::Result<PathBuf, Unable> {
    if installed::nightly(project, log).is_none() {
        return Err(Unable::NoNightly);
    }
    installed::tool(project, "cargo-fuzz", log).map_err(|error| Unable::Missing(error.to_string()))
}

/// Runs each target for its share of `seconds`, which do not count the building.
pub(crate) fn run(
    project: &Project,
    cargo_fuzz: &Path,
    targets: &[String],
    seconds: u64,
    log: &Log,
) -> Result<Vec<Fuzzed>> {
    let share = (seconds / targets.len().max(1) as u64).max(1);
    let fuzz = |command: &str, target: &str| {
        Run::with_toolchain(TOOLCHAIN, cargo_fuzz, project.root())
            .args(["fuzz", command, "--target-dir"])
            .args([project.target("fuzz")])
            .args([target])
    };
    let mut results = Vec::new();
    for target in targets {
        let mut fuzzed = Fuzzed {
            target: target.clone(),
            inputs: None,
            edges: None,
            problem: None,
        };
        if fuzz("build", target).run(log)?.success {
            let ran = fuzz("run", target)
                .args(corpus(project, target)?)
                .args(["--", &format!("-max_total_time={share}")])
                .limit(Duration::from_secs(share + 120))
                .run(log)?;
            fuzzed.inputs = inputs(&ran.output);
            fuzzed.edges = edges(&ran.output);
            if !ran.success {
                fuzzed.problem = Some(match written(&ran.output) {
                    Some(input) => format!("CRASH: {}", project.relative(Path::new(input))),
                    None if ran.timed_out => "did not end in time".to_owned(),
                    None => "failed without an input to show".to_owned(),
                });
            }
        } else {
            fuzzed.problem = Some("does not build".to_owned());
        }
        results.push(fuzzed);
    }
    Ok(results)
}

/// Replaces the recorded inputs of a target by the fewest that take all edges known so far.
fn keep(project: &Project, cargo_fuzz: &Path, target: &str, log: &Log) -> Result<()> {
    let fewest = project.target(&format!("fuzz/fewest/{target}"));
    let _ = std::fs::remove_dir_all(&fewest);
    std::fs::create_dir_all(&fewest).at(&fewest)?;
    let merged = Run::with_toolchain(TOOLCHAIN, cargo_fuzz, project.root())
        .args(["fuzz", "run", "--target-dir"])
        .args([project.target("fuzz")])
        .args([target])
        .args([&fewest])
        .args(corpus(project, target)?)
        .args(["--", "-merge=1", "-use_counters=0"])
        .run(log)?;
    if !merged.success {
        return Err(Error::failed(format!(
            "{target}: the inputs could not be merged"
        )));
    }
    let kept = project.path(&format!("fuzz/corpus/{target}"));
    let _ = std::fs::remove_dir_all(&kept);
    std::fs::create_dir_all(&kept).at(&kept)?;
    for input in std::fs::read_dir(&fewest).at(&fewest)?.flatten() {
        let to = kept.join(input.file_name());
        std::fs::copy(input.path(), &to).at(&to)?;
    }
    Ok(())
}

/// Where new inputs go, outside the tracked files, and then the recorded seeds if there are any.
fn corpus(project: &Project, target: &str) -> Result<Vec<PathBuf>> {
    let own = project.target(&format!("fuzz/corpus/{target}"));
    std::fs::create_dir_all(&own).at(&own)?;
    let seeds = project.path(&format!("fuzz/corpus/{target}"));
    Ok(std::iter::once(own)
        .chain(seeds.exists().then_some(seeds))
        .collect())
}

/// Where libFuzzer says that it wrote the input that fails.
fn written(output: &str) -> Option<&str> {
    output
        .lines()
        .find_map(|line| Some(line.split_once("Test unit written to ")?.1.trim_end()))
}

/// Reads libFuzzer's `Done N runs in S second(s)`.
fn inputs(output: &str) -> Option<u64> {
    output.lines().rev().find_map(|line| {
        let (number, _) = line.strip_prefix("Done ")?.split_once(" runs in ")?;
        number.parse().ok()
    })
}

/// Reads libFuzzer's `cov: N`, and of how many: `INFO: Loaded 1 modules   (N inline 8-bit counters)`.
fn edges(output: &str) -> Option<(u64, u64)> {
    let number = |text: &str| text.split_whitespace().next()?.parse().ok();
    let all = output.lines().find(|line| line.contains("INFO: Loaded"))?;
    let all = number(all.split_once('(')?.1)?;
    let taken = output
        .lines()
        .rev()
        .find_map(|line| line.split_once(" cov: "))?;
    Some((number(taken.1)?, all))
}

fn is_progress(line: &str) -> bool {
    line.starts_with("$ ") || line.starts_with("Done ")
}

impl std::fmt::Display for Unable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NoNightly => f.write_str("fuzzing needs a nightly toolchain, and there is none"),
            Self::Missing(what) => f.write_str(what),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_inputs_is_read() {
        let output =
            "#2\tINITED cov: 3\n#900\tDONE cov: 4\nDone 900000 runs in 6 second(s)\nStat::x: 1\n";
        assert_eq!(inputs(output), Some(900_000));
        assert_eq!(inputs("==1== ERROR: libFuzzer: deadly signal"), None);
    }
    #[test]
    fn the_edges_are_read() {
        let output = "INFO: Loaded 1 modules   (21404 inline 8-bit counters): 21404 [0x5, 0x6),\n\
                      #2\tINITED cov: 3 ft: 4\n#900\tDONE   cov: 40 ft: 5 corp: 1/1b\n";
        assert_eq!(edges(output), Some((40, 21_404)));
        assert_eq!(edges("Done 3 runs in 1 second(s)"), None);
    }

    #[test]
    fn the_failing_input_is_named() {
        let output = "artifact_prefix='/a/'; Test unit written to /a/crash-1\nBase64: Bw==\n";
        assert_eq!(written(output), Some("/a/crash-1"));
        assert_eq!(written("Done 3 runs in 1 second(s)"), None);
    }
}
