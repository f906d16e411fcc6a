//! `cargo xtask fuzz`: every fuzz target in turn, for a while.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::error::{AtPath, Error, Result};
use crate::files;
use crate::installed;
use crate::process::{Log, Run};
use crate::project::Project;
use crate::table::Table;

/// The arguments of `fuzz`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// This target and no other
    target: Option<String>,
    /// Time for all targets together
    #[arg(long, value_name = "N", default_value_t = 60)]
    seconds: u64,
    /// Then record the fewest inputs that take every edge
    #[arg(long)]
    minimize: bool,
    /// Show all output of what runs
    #[arg(long)]
    verbose: bool,
}

/// The sanitizers that libFuzzer runs with are a nightly compiler's.
const TOOLCHAIN: &str = "nightly";

const MANIFEST: &str = "fuzz/Cargo.toml";

/// How one target did.
#[derive(Debug)]
pub(crate) struct Fuzzed {
    pub(crate) target: String,
    pub(crate) inputs: u64,
    /// Edges of the program that some input takes, and all that there are, those of libraries too.
    edges: Option<(u64, u64)>,
    /// Why it is not well, if it is not.
    pub(crate) problem: Option<String>,
}

pub(crate) fn command(project: &Project, args: &Args) -> Result<()> {
    let is_progress = |line: &str| line.starts_with("$ ") || line.starts_with("Done ");
    let log = Log::create(project, "fuzz", args.verbose, is_progress)?;
    let mut targets = targets(project)?;
    if let Some(only) = &args.target {
        if !targets.contains(only) {
            let known = targets.join(", ");
            return Err(Error::Usage(format!(
                "there is no fuzz target `{only}`; there are {known}"
            )));
        }
        targets.retain(|target| target == only);
    }
    let cargo_fuzz = prepare(project, &log)?;
    let results = run(project, &cargo_fuzz, &targets, args.seconds, &log)?;

    let mut table = Table::new(["target", ">inputs", ">edges taken", "result"]);
    for Fuzzed {
        target,
        inputs,
        edges,
        problem,
    } in &results
    {
        let edges = edges.map_or("?".to_owned(), |(taken, all)| format!("{taken} of {all}"));
        table.row([target, inputs, &edges, &problem.as_deref().unwrap_or("ok")]);
    }
    println!("\n{table}");
    if results.iter().all(|result| result.problem.is_none()) {
        let minimized = if args.minimize { &targets[..] } else { &[] };
        return minimized
            .iter()
            .try_for_each(|target| keep(project, &cargo_fuzz, target, &log));
    }
    log.print_tail("");
    Err(log.failed("fuzzing found something"))
}

/// Returns the names of the fuzz targets.
pub(crate) fn targets(project: &Project) -> Result<Vec<String>> {
    let manifest = project.toml(MANIFEST)?;
    let programs = manifest.get("bin").and_then(|programs| programs.as_array());
    let names = programs
        .into_iter()
        .flatten()
        .filter_map(|program| program["name"].as_str());
    let names: Vec<_> = names.map(str::to_owned).collect();
    if names.is_empty() {
        return Err(Error::failed(format!("{MANIFEST} has no [[bin]]")));
    }
    Ok(names)
}

/// Finds cargo-fuzz, or installs it into the target directory.
pub(crate) fn prepare(project: &Project, log: &Log) -> Result<PathBuf> {
    installed::nightly(log)?;
    installed::tool(project, "cargo-fuzz", log)
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
    targets
        .iter()
        .map(|target| fuzz(project, cargo_fuzz, target, share, log))
        .collect()
}

/// Runs one target.
fn fuzz(
    project: &Project,
    cargo_fuzz: &Path,
    target: &str,
    seconds: u64,
    log: &Log,
) -> Result<Fuzzed> {
    let mut fuzzed = Fuzzed {
        target: target.to_owned(),
        inputs: 0,
        edges: None,
        problem: Some("does not build".to_owned()),
    };
    if !cargo_fuzz_run(project, cargo_fuzz, "build", target)
        .run(log)?
        .success
    {
        return Ok(fuzzed);
    }
    let ran = cargo_fuzz_run(project, cargo_fuzz, "run", target)
        .args(corpus(project, target)?)
        .args(["--", &format!("-max_total_time={seconds}")])
        .limit(Duration::from_secs(seconds.saturating_add(120)))
        .run(log)?;
    fuzzed.inputs = inputs(&ran.output).unwrap_or(0);
    fuzzed.edges = edges(&ran.output);
    fuzzed.problem = match written(&ran.output) {
        _ if ran.success && fuzzed.inputs > 0 => None,
        _ if ran.success => Some("tried no input".to_owned()),
        Some(input) => Some(format!("CRASH: {}", project.relative(Path::new(input)))),
        None if ran.timed_out => Some("did not end in time".to_owned()),
        None => Some("failed without an input to show".to_owned()),
    };
    Ok(fuzzed)
}

fn cargo_fuzz_run(project: &Project, cargo_fuzz: &Path, command: &str, target: &str) -> Run {
    Run::with_toolchain(TOOLCHAIN, cargo_fuzz)
        .args(["fuzz", command, "--target-dir"])
        .args([project.target("fuzz")])
        .args([target])
}

/// Replaces the recorded inputs of a target by the fewest that take all edges known so far.
fn keep(project: &Project, cargo_fuzz: &Path, target: &str, log: &Log) -> Result<()> {
    let fewest = project.target(&format!("fuzz/fewest/{target}"));
    files::empty_dir(&fewest)?;
    let merge = cargo_fuzz_run(project, cargo_fuzz, "run", target)
        .args([&fewest])
        .args(corpus(project, target)?)
        .words("-- -merge=1 -use_counters=0");
    if !merge.run(log)?.success {
        return Err(Error::failed(format!(
            "{target}: the inputs could not be merged"
        )));
    }
    let kept = project.path(&format!("fuzz/corpus/{target}"));
    files::empty_dir(&kept)?;
    for input in files::below(&fewest)? {
        let to = kept.join(input.file_name().unwrap_or_default());
        std::fs::copy(&input, &to).at(&to)?;
    }
    Ok(())
}

/// Returns where new inputs go, outside the tracked files, and then the recorded seeds if any.
fn corpus(project: &Project, target: &str) -> Result<Vec<PathBuf>> {
    let own = project.target(&format!("fuzz/corpus/{target}"));
    std::fs::create_dir_all(&own).at(&own)?;
    let seeds = project.path(&format!("fuzz/corpus/{target}"));
    let seeds = seeds.exists().then_some(seeds);
    Ok([own].into_iter().chain(seeds).collect())
}

/// Reads where libFuzzer says that it wrote the input that fails.
fn written(output: &str) -> Option<&str> {
    let (_, path) = output.split_once("Test unit written to ")?;
    path.lines().next().map(str::trim_end)
}

/// Reads libFuzzer's `Done N runs in S second(s)`.
fn inputs(output: &str) -> Option<u64> {
    let line = output
        .lines()
        .rev()
        .find_map(|line| line.strip_prefix("Done "))?;
    line.split_once(" runs in ")?.0.parse().ok()
}

/// Reads libFuzzer's `cov: N`, and of how many: `INFO: Loaded 1 modules   (N inline 8-bit counters)`.
fn edges(output: &str) -> Option<(u64, u64)> {
    let number = |text: &str| text.split_whitespace().next()?.parse().ok();
    let (_, loaded) = output.split_once("INFO: Loaded")?;
    let (_, taken) = output.rsplit_once(" cov: ")?;
    Some((number(taken)?, number(loaded.split_once('(')?.1)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_fuzzer_says_is_read() {
        let output = "INFO: Loaded 1 modules   (21404 inline 8-bit counters): 21404 [0x5, 0x6),\n\
                      #2\tINITED cov: 3 ft: 4\n#900\tDONE   cov: 40 ft: 5 corp: 1/1b\n\
                      Test unit written to /a/crash-1\nDone 900000 runs in 6 second(s)\n";
        assert_eq!(edges(output), Some((40, 21_404)));
        assert_eq!(inputs(output), Some(900_000));
        assert_eq!(written(output), Some("/a/crash-1"));
        assert_eq!(inputs("==1== ERROR: libFuzzer: deadly signal"), None);
    }
}
