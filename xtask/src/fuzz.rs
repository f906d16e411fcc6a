//! `cargo xtask fuzz`: every fuzz target in turn, for a while.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::error::{AtPath, Error, Result, bail};
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
}

/// The sanitizers that libFuzzer runs with are a nightly compiler's.
const TOOLCHAIN: &str = "nightly";

const MANIFEST: &str = "fuzz/Cargo.toml";

/// The result of one target.
#[derive(Debug)]
pub(crate) struct Fuzzed {
    pub(crate) target: String,
    pub(crate) inputs: u64,
    /// Edges of the program that some input takes, and all that there are, those of libraries too.
    edges: Option<(u64, u64)>,
    /// The reason why it failed, if it did.
    pub(crate) problem: Option<String>,
}

pub(crate) fn command(project: &Project, args: &Args, verbose: bool) -> Result<()> {
    let is_progress = |line: &str| line.starts_with("$ ") || line.starts_with("Done ");
    let log = &Log::create(project, "fuzz", verbose, is_progress)?;
    let mut targets = targets(project)?;
    if let Some(only) = &args.target {
        let known = targets.join(", ");
        targets.retain(|target| target == only);
        if targets.is_empty() {
            let why = format!("there is no fuzz target `{only}`; there are {known}");
            return Err(Error::Usage(why));
        }
    }
    let fuzz = Fuzz::prepare(project, log)?;
    let results = fuzz.run(&targets, args.seconds)?;

    let mut table = Table::new(["target", ">inputs", ">edges taken", "result"]);
    for one in &results {
        let edges = one.edges.map(|(taken, all)| format!("{taken} of {all}"));
        let (edges, problem) = (edges.unwrap_or_default(), one.problem.as_deref());
        table.row([&one.target, &one.inputs, &edges, &problem.unwrap_or("ok")]);
    }
    println!("\n{table}");
    if results.iter().any(|result| result.problem.is_some()) {
        log.print_tail("");
        return Err(log.failed("fuzzing found something"));
    }
    let mut minimized = targets.iter().filter(|_| args.minimize);
    minimized.try_for_each(|target| fuzz.keep(target))
}

/// Returns the names of the fuzz targets.
pub(crate) fn targets(project: &Project) -> Result<Vec<String>> {
    let manifest = project.toml(MANIFEST)?;
    let programs = manifest.get("bin").and_then(|programs| programs.as_array());
    let programs = programs.map(Vec::as_slice).unwrap_or_default();
    let names = programs.iter().filter_map(|one| one.get("name")?.as_str());
    let names: Vec<_> = names.map(str::to_owned).collect();
    if names.is_empty() {
        bail!("{MANIFEST} has no [[bin]]");
    }
    Ok(names)
}

/// The tool that fuzzes, and its log.
#[derive(Debug)]
pub(crate) struct Fuzz<'a> {
    project: &'a Project,
    cargo_fuzz: PathBuf,
    log: &'a Log,
}

impl<'a> Fuzz<'a> {
    /// Finds cargo-fuzz, or installs it into the target directory.
    pub(crate) fn prepare(project: &'a Project, log: &'a Log) -> Result<Self> {
        installed::nightly(log)?;
        let cargo_fuzz = installed::tool(project, "cargo-fuzz", log)?;
        Ok(Self {
            project,
            cargo_fuzz,
            log,
        })
    }

    /// Runs each target for its share of `seconds`, which do not count the building.
    pub(crate) fn run(&self, targets: &[String], seconds: u64) -> Result<Vec<Fuzzed>> {
        let share = (seconds / targets.len().max(1) as u64).max(1);
        let fuzzed = targets.iter().map(|target| self.run_one(target, share));
        fuzzed.collect()
    }

    fn run_one(&self, target: &str, seconds: u64) -> Result<Fuzzed> {
        let mut fuzzed = Fuzzed {
            target: target.to_owned(),
            inputs: 0,
            edges: None,
            problem: Some(format!("{target} does not build")),
        };
        if !self.cargo("build", target).works(self.log) {
            return Ok(fuzzed);
        }
        let fuzz = self.cargo("run", target).args(self.corpus(target)?);
        let ran = fuzz
            .args(["--", &format!("-max_total_time={seconds}")])
            .limit(Duration::from_secs(seconds.saturating_add(120)))
            .run(self.log)?;
        fuzzed.inputs = inputs(&ran.output).unwrap_or(0);
        fuzzed.edges = edges(&ran.output);
        let problem = match written(&ran.output) {
            _ if ran.success && fuzzed.inputs > 0 => None,
            _ if ran.success => Some("tried no input".to_owned()),
            Some(input) => Some(format!("CRASHES: {}", self.project.relative(input))),
            None if ran.timed_out => Some("did not end in time".to_owned()),
            None => Some("failed without an input to show".to_owned()),
        };
        fuzzed.problem = problem.map(|problem| format!("{target} {problem}"));
        Ok(fuzzed)
    }

    fn cargo(&self, command: &str, target: &str) -> Run {
        Run::with_toolchain(TOOLCHAIN, &self.cargo_fuzz)
            .args(["fuzz", command, "--target-dir"])
            .args([self.project.target("fuzz")])
            .args([target])
    }

    /// Replaces the recorded inputs of a target by the fewest that take all edges known so far.
    fn keep(&self, target: &str) -> Result<()> {
        let fewest = self.project.target(&format!("fuzz/fewest/{target}"));
        files::empty_dir(&fewest)?;
        let merge = self.cargo("run", target).args([&fewest]);
        let merge = merge.args(self.corpus(target)?);
        let merge = merge.words("-- -merge=1 -use_counters=0");
        if !merge.works(self.log) {
            bail!("{target}: the inputs could not be merged");
        }
        let kept = self.project.path(&format!("fuzz/corpus/{target}"));
        files::empty_dir(&kept)?;
        for input in files::below(&fewest)? {
            let to = kept.join(input.file_name().unwrap_or_default());
            std::fs::copy(&input, &to).at(&to)?;
        }
        Ok(())
    }

    /// Returns where new inputs go, outside the tracked files, and then the recorded seeds if any.
    fn corpus(&self, target: &str) -> Result<Vec<PathBuf>> {
        let own = self.project.target(&format!("fuzz/corpus/{target}"));
        std::fs::create_dir_all(&own).at(&own)?;
        let seeds = self.project.path(&format!("fuzz/corpus/{target}"));
        let seeds = seeds.exists().then_some(seeds);
        Ok([own].into_iter().chain(seeds).collect())
    }
}

/// Reads where libFuzzer says that it wrote the input that fails.
fn written(output: &str) -> Option<&Path> {
    let (_, path) = output.split_once("Test unit written to ")?;
    path.lines().next().map(|path| Path::new(path.trim_end()))
}

/// Reads libFuzzer's `Done N runs in S second(s)`.
fn inputs(output: &str) -> Option<u64> {
    let (_, done) = output.rsplit_once("\nDone ")?;
    done.split_once(" runs in ")?.0.parse().ok()
}

/// Reads libFuzzer's `cov: N`, and of how many: `INFO: Loaded 1 modules   (N inline 8-bit counters)`.
fn edges(output: &str) -> Option<(u64, u64)> {
    let number = |text: &str| text.split_whitespace().next()?.parse().ok();
    let (_, loaded) = output.split_once("INFO: Loaded")?;
    let (_, taken) = output.rsplit_once(" cov: ")?;
    Some((number(taken)?, number(loaded.split_once('(')?.1)?))
}
