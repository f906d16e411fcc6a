//! `cargo xtask bench`: runs the benches that compare, and writes down what they say.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{fs, thread};

use clap::builder::PossibleValuesParser;

use crate::charts;
use crate::error::{AtPath, Error, Result, bail};
use crate::project::Project;
use crate::sections;

/// The arguments of `bench`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The comparison alone, or what --only names, with fewer cells and shorter rounds
    #[arg(long)]
    quick: bool,
    /// These benches and no others
    #[arg(long, value_name = "NAME", value_delimiter = ',',
        value_parser = PossibleValuesParser::new(BENCHES.map(|(name, _)| name)))]
    only: Vec<String>,
    /// Print the tables of the documents too
    #[arg(long)]
    markdown: bool,
    /// Put the tables into BENCHMARKS.md, and draw docs/charts
    #[arg(long)]
    record: bool,
    /// Record what was measured on another machine, as CONTRIBUTING.md describes
    #[arg(long, value_name = "DIR", requires = "record")]
    from: Option<PathBuf>,
}

/// Names, and by which arguments cargo runs each.
#[rustfmt::skip] // a table
const BENCHES: [(&str, &str); 9] = [
    ("comparison", "breakerbox-benches --bench comparison --"),
    ("threads", "breakerbox-benches --bench comparison -- --threads"),
    ("mix", "breakerbox-benches --bench mix --"),
    ("latency", "breakerbox-benches --bench latency --"),
    ("trips", "breakerbox-benches --bench trips --"),
    ("memory", "breakerbox-benches --bench memory --"),
    ("scaling", "breakerbox-benches --bench scaling --"),
    ("words", "breakerbox-benches --bench words --"),
    ("end-to-end", "breakerbox-gateway --bench end_to_end --"),
];

/// The document with the tables.
const DOCUMENT: &str = "BENCHMARKS.md";

/// Returns the sections of the document that a bench prints with `--markdown`; the rest is in its
/// JSON.
fn sections_of(bench: &str) -> impl Iterator<Item = &str> {
    let figures = (bench == "comparison").then_some("figures");
    let own = (!["trips", "words"].contains(&bench)).then_some(bench);
    figures.into_iter().chain(own)
}

impl Args {
    /// Returns what was asked for, in a fixed order, each once.
    fn benches(&self) -> Vec<(&'static str, &'static str)> {
        let is_chosen = |&(bench, _): &(&str, &str)| match &self.only[..] {
            [] => !self.quick || ["comparison", "mix"].contains(&bench),
            only => only.iter().any(|name| name == bench),
        };
        BENCHES.into_iter().filter(is_chosen).collect()
    }

    /// Returns the command line that asks for the same of one bench.
    fn of(&self, bench: &str) -> String {
        let quick = if self.quick { " --quick" } else { "" };
        format!("cargo xtask bench{quick} --only {bench}")
    }
}

pub(crate) fn command(project: &Project, args: &Args) -> Result<()> {
    let benches = args.benches();
    if args.record {
        // Not after half an hour.
        for section in benches.iter().flat_map(|(bench, _)| sections_of(bench)) {
            sections::expect(project, DOCUMENT, section)?;
        }
    }
    match &args.from {
        Some(from) => record_from(project, args, from)?,
        None => measure(project, args)?,
    }
    if !args.record {
        println!("\n`cargo xtask charts` draws what was measured.");
        return Ok(());
    }
    println!();
    let measured = args.from.clone();
    let measured = measured.unwrap_or_else(|| project.target("comparison"));
    match benches.iter().any(|(bench, _)| *bench == "threads") {
        true => charts::draw(project, &measured, &project.path("docs/charts")),
        false => Ok(()),
    }
}

/// Runs the benches, and records each as soon as it has come to its end.
fn measure(project: &Project, args: &Args) -> Result<()> {
    let mut failed = Vec::new();
    for (bench, arguments) in args.benches() {
        println!("== {}", args.of(bench));
        match run(project, arguments, args)? {
            Some(output) if args.record => record(project, args, bench, &machine(), &output)?,
            Some(_) => {}
            None => failed.push(bench),
        }
    }
    if !failed.is_empty() {
        bail!("did not come to its end: {}", failed.join(", "));
    }
    Ok(())
}

/// Records what was printed on another machine, which may have no Cargo, if all of it is there.
fn record_from(project: &Project, args: &Args, from: &Path) -> Result<()> {
    let read = |name: &str| {
        let path = from.join(name);
        fs::read_to_string(&path).at(&path)
    };
    let machine = read("machine.txt")?;
    let benches = args.benches();
    let read_one = |(bench, _): &(&str, _)| read(&format!("{bench}.txt"));
    let outputs = benches.iter().map(read_one).collect::<Result<Vec<_>>>()?;
    for ((bench, _), output) in benches.iter().zip(outputs) {
        record(project, args, bench, machine.trim(), &output)?;
    }
    Ok(())
}

/// Puts what was printed into its sections, which begin by saying how it was measured, and where.
fn record(project: &Project, args: &Args, bench: &str, machine: &str, output: &str) -> Result<()> {
    for section in sections_of(bench) {
        let printed = sections::printed(output, section);
        let printed = printed.map_err(|why| Error::failed(format!("{bench} has printed {why}")))?;
        let text = format!("`{}`, on {machine}.\n\n{printed}", args.of(bench));
        sections::put(project, DOCUMENT, section, &text)?;
        println!("recorded in {DOCUMENT}: {section}");
    }
    Ok(())
}

/// Returns what the bench has printed; none if it failed.
///
/// Not a logged child: the tables belong on the terminal as they are, and flags such as target-cpu
/// are the caller's to choose.
fn run(project: &Project, arguments: &str, args: &Args) -> Result<Option<String>> {
    let unable = |error| Error::failed(format!("cargo could not be started: {error}"));
    let mut child = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["bench", "--package"])
        .args(arguments.split(' '))
        .args(args.quick.then_some("--quick"))
        .args((args.markdown || args.record).then_some("--markdown"))
        .current_dir(project.root())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(unable)?;
    let mut output = String::new();
    let lines = child.stdout.take().map(|pipe| BufReader::new(pipe).lines());
    for line in lines.into_iter().flatten().map_while(|line| line.ok()) {
        println!("{line}");
        output += &format!("{line}\n");
    }
    let status = child.wait().map_err(unable)?;
    Ok(status.success().then_some(output))
}

/// Names this machine: `2 cores (AMD EPYC 7B13, Linux)`.
fn machine() -> String {
    let cores = match thread::available_parallelism().map_or(1, usize::from) {
        1 => "1 core".to_owned(),
        cores => format!("{cores} cores"),
    };
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        (name.trim() == "model name").then_some(value.trim())
    });
    let model = model.unwrap_or(std::env::consts::ARCH);
    let system = match std::env::consts::OS {
        "linux" => "Linux",
        other => other,
    };
    format!("{cores} ({model}, {system})")
}
