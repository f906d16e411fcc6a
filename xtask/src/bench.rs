//! `cargo xtask bench`: runs the benches that compare, and writes down what they say.

mod record;

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::args::Args;
use crate::charts;
use crate::error::{AtPath, Error, Result};
use crate::project::Project;

/// A bench, and the sections of documents that it prints with `--markdown`; the rest is in its JSON.
struct Bench {
    name: &'static str,
    package: &'static str,
    target: &'static str,
    arguments: &'static [&'static str],
    sections: &'static [Section],
}

impl Bench {
    /// The JSON that it writes.
    fn data(&self) -> String {
        format!("{}.json", self.name)
    }
}

struct Section {
    file: &'static str,
    name: &'static str,
}

const fn bench(
    name: &'static str,
    package: &'static str,
    target: &'static str,
    sections: &'static [Section],
) -> Bench {
    Bench {
        name,
        package,
        target,
        arguments: &[],
        sections,
    }
}

const fn section(file: &'static str, name: &'static str) -> Section {
    Section { file, name }
}

const OURS: &str = "breakerbox-benches";
const FIGURES: &str = "BENCHMARKS.md";

const BENCHES: [Bench; 8] = [
    bench(
        "comparison",
        OURS,
        "comparison",
        &[
            section("README.md", "figures"),
            section(FIGURES, "comparison"),
        ],
    ),
    Bench {
        arguments: &["--threads"],
        ..bench(
            "threads",
            OURS,
            "comparison",
            &[section(FIGURES, "threads")],
        )
    },
    bench("latency", OURS, "latency", &[section(FIGURES, "latency")]),
    bench("trips", OURS, "trips", &[]),
    bench("memory", OURS, "memory", &[section(FIGURES, "memory")]),
    bench("scaling", OURS, "scaling", &[section(FIGURES, "scaling")]),
    bench("words", OURS, "words", &[]),
    bench(
        "end-to-end",
        "breakerbox-gateway",
        "end_to_end",
        &[section(FIGURES, "end-to-end")],
    ),
];

/// The arguments.
struct Options {
    quick: bool,
    markdown: bool,
    record: bool,
    /// The folder of what was measured elsewhere.
    from: Option<Elsewhere>,
    benches: Vec<&'static Bench>,
}

impl Options {
    fn take(mut args: Args) -> Result<Self> {
        let quick = args.flag("--quick");
        let record = args.flag("--record");
        let markdown = args.flag("--markdown");
        let from = args.value("--from")?.map(|folder| Elsewhere(folder.into()));
        if from.is_some() && !record {
            return Err(Error::usage("--from says what to --record"));
        }
        let benches = match args.list("--only")? {
            Some(names) => chosen(&names)?,
            None if quick => vec![&BENCHES[0]],
            None => BENCHES.iter().collect(),
        };
        args.finish()?;
        Ok(Self {
            quick,
            markdown,
            record,
            from,
            benches,
        })
    }

    /// Returns the first line of a section: the command that wrote it, and the machine.
    fn with(&self, bench: &Bench, machine: &str) -> String {
        format!("`{}`, on {machine}.", self.of(bench))
    }

    /// Returns the command line that asks for the same of one bench.
    fn of(&self, bench: &Bench) -> String {
        let quick = if self.quick { " --quick" } else { "" };
        format!("cargo xtask bench{quick} --only {}", bench.name)
    }
}

/// A folder with what benches have printed on another machine, which may have no Cargo, and the
/// JSON that they wrote.
struct Elsewhere(PathBuf);

impl Elsewhere {
    fn read(&self, name: &str) -> Result<String> {
        let path = self.0.join(name);
        fs::read_to_string(&path).at(&path)
    }

    /// As a section names it: `16 cores (AMD EPYC 7B13, Linux)`.
    fn machine(&self) -> Result<String> {
        Ok(self.read("machine.txt")?.trim().to_owned())
    }

    fn output(&self, bench: &Bench) -> Result<String> {
        self.read(&format!("{}.txt", bench.name))
    }
}

/// The benches of these names, in their own order, each once.
fn chosen(names: &[String]) -> Result<Vec<&'static Bench>> {
    if let Some(name) = names
        .iter()
        .find(|name| BENCHES.iter().all(|bench| bench.name != **name))
    {
        let known = BENCHES.each_ref().map(|bench| bench.name).join(", ");
        return Err(Error::usage(format!(
            "there is no bench `{name}`; there are {known}"
        )));
    }
    let is_named = |bench: &&Bench| names.iter().any(|name| name == bench.name);
    Ok(BENCHES.iter().filter(is_named).collect())
}

pub(crate) fn command(project: &Project, args: Args) -> Result<()> {
    let options = Options::take(args)?;
    if options.record {
        // Not after half an hour.
        for bench in &options.benches {
            record::expect(project, bench)?;
        }
    }
    let measured = match &options.from {
        Some(elsewhere) => {
            record_from(project, &options, elsewhere)?;
            elsewhere.0.clone()
        }
        None => {
            measure(project, &options)?;
            project.target("comparison")
        }
    };
    if options.record {
        println!();
        let data: Vec<_> = options.benches.iter().map(|bench| bench.data()).collect();
        charts::draw_some(project, &measured, &project.path("docs/charts"), &data)
    } else {
        println!("\n`cargo xtask charts` draws what was measured.");
        Ok(())
    }
}

/// Runs the benches, and records each as soon as it has come to its end.
fn measure(project: &Project, options: &Options) -> Result<()> {
    let mut failed = Vec::new();
    for bench in &options.benches {
        match run(project, bench, options)? {
            Some(output) if options.record => {
                record::put(
                    project,
                    bench,
                    &options.with(bench, &record::machine()),
                    &output,
                )?;
            }
            Some(_) => {}
            None => failed.push(bench.name),
        }
    }
    if failed.is_empty() {
        return Ok(());
    }
    Err(Error::failed(format!(
        "did not come to its end: {}",
        failed.join(", ")
    )))
}

/// Records what was printed elsewhere, if all of it is there.
fn record_from(project: &Project, options: &Options, elsewhere: &Elsewhere) -> Result<()> {
    let machine = elsewhere.machine()?;
    let outputs = options.benches.iter().map(|bench| elsewhere.output(bench));
    let outputs = outputs.collect::<Result<Vec<_>>>()?;
    for (bench, output) in options.benches.iter().zip(outputs) {
        record::put(project, bench, &options.with(bench, &machine), &output)?;
    }
    Ok(())
}

/// Runs a bench, and returns what it has printed; none if it failed.
///
/// Not a logged child: the tables belong on the terminal as they are, and flags such as target-cpu
/// are the caller's to choose.
fn run(project: &Project, bench: &Bench, options: &Options) -> Result<Option<String>> {
    let unable = |error| Error::failed(format!("cargo could not be started: {error}"));
    println!("== {}", options.of(bench));
    let mut child = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["bench", "--package", bench.package])
        .args(["--bench", bench.target, "--"])
        .args(bench.arguments)
        .args(options.quick.then_some("--quick"))
        .args((options.markdown || options.record).then_some("--markdown"))
        .current_dir(project.root())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(unable)?;
    let mut output = String::new();
    if let Some(pipe) = child.stdout.take() {
        for line in BufReader::new(pipe).lines().map_while(|line| line.ok()) {
            println!("{line}");
            output += &line;
            output.push('\n');
        }
    }
    let status = child.wait().map_err(unable)?;
    Ok(status.success().then_some(output))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(line: &str) -> Result<Vec<&'static str>> {
        let args = Args::new(line.split_whitespace().map(str::to_owned));
        let options = Options::take(args)?;
        Ok(options.benches.iter().map(|bench| bench.name).collect())
    }

    #[test]
    fn the_quick_form_is_the_comparison_alone() {
        assert_eq!(names("--quick"), Ok(vec!["comparison"]));
        assert_eq!(names("").map(|all| all.len()), Ok(BENCHES.len()));
        assert_eq!(
            names("--quick --only memory,latency"),
            Ok(vec!["latency", "memory"])
        );
    }

    #[test]
    fn what_is_not_known_is_named() {
        let error = names("--only latency,nonsense").expect_err("there is no such bench");
        assert!(error.to_string().contains("`nonsense`"), "{error}");
        assert!(names("--end-to-end").is_err());
        assert!(names("--only").is_err());
    }
}
