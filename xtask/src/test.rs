//! `cargo xtask test`: every ring that this machine can run, and what each showed.

mod advisories;
mod demo;
mod dependencies;
mod layers;
mod litmus;
mod paths;
mod rebuilt;
mod ring;
mod rings;
mod summary;
mod tools;

use std::io::Write;
use std::time::Instant;

use crate::args::Args;
use crate::error::{Error, Result};
use crate::process::{Log, Run, say_what_is_scrubbed};
use crate::project::Project;

use ring::{Context, Outcome, Ring, Verdict};
use rings::RINGS;
use summary::{Row, Summary};

/// Mutations that a run tries without being told how many.
const SAMPLE: usize = 5;

/// How much of a failed ring's log is shown.
const TAIL: usize = 60;

pub(crate) fn command(project: &Project, mut args: Args) -> Result<()> {
    let only = args.list("--only")?;
    let list = args.flag("--list");
    let verbose = args.flag("--verbose");
    let sample = match args.value("--sample")?.as_deref() {
        None => Some(SAMPLE),
        Some("all") => None,
        Some(count) => Some(count.parse().map_err(|_| {
            Error::usage(format!("--sample takes a number or `all`, not `{count}`"))
        })?),
    };
    args.finish()?;
    let rings = chosen(only.as_deref())?;
    if list {
        for ring in rings {
            println!("{:12}  {}", ring.name, ring.what);
        }
        return Ok(());
    }
    say_what_is_scrubbed();

    let strict = std::env::var_os("CI").is_some_and(|ci| !ci.is_empty() && ci != "false");
    let mut summary = Summary::new(strict);
    let mut broken = false;
    for (at, ring) in rings.iter().enumerate() {
        let log = Log::create(
            project,
            ring.name,
            if verbose { |_| true } else { |_| false },
        )?;
        print!("[{:>2}/{}] {:12} ", at + 1, rings.len(), ring.name);
        if verbose {
            println!("{}", ring.what);
        }
        std::io::stdout().flush().ok();

        let context = Context {
            project,
            log: &log,
            sample,
        };
        let start = Instant::now();
        let outcome = if broken && ring.builds {
            Outcome::missing("the workspace does not compile")
        } else {
            (ring.run)(&context).unwrap_or_else(|error| Outcome::failed(error.to_string()))
        };
        let row = Row {
            name: ring.name,
            outcome,
            seconds: start.elapsed().as_secs_f64(),
        };
        println!("{}", row.line());
        if let (Verdict::Failed, false) = (&row.outcome.verdict, verbose) {
            println!("{}\n", indented(&log.tail(TAIL)));
            println!("the whole output: {}\n", project.relative(log.path()));
        }
        if ring.name == "clippy" && row.outcome.verdict == Verdict::Failed {
            broken = !compiles(&context);
        }
        summary.push(row);
    }
    println!("\n{summary}");
    if summary.failed() == 0 {
        Ok(())
    } else {
        // Nothing may follow the closing line, which others read.
        Err(Error::Told)
    }
}

fn chosen(only: Option<&[String]>) -> Result<Vec<&'static Ring>> {
    let Some(only) = only else {
        return Ok(RINGS.iter().collect());
    };
    if let Some(unknown) = only
        .iter()
        .find(|name| RINGS.iter().all(|ring| ring.name != **name))
    {
        let known = RINGS.map(|ring| ring.name).join(", ");
        return Err(Error::usage(format!(
            "there is no ring `{unknown}`; there are {known}"
        )));
    }
    let is_chosen = |ring: &&Ring| only.iter().any(|name| name == ring.name);
    Ok(RINGS.iter().filter(is_chosen).collect())
}

/// Whether it was more than a lint that clippy stumbled over.
fn compiles(context: &Context<'_>) -> bool {
    Run::cargo(context.project.root())
        .args(["check", "--workspace", "--all-targets", "--all-features"])
        .run(context.log)
        .is_ok_and(|ran| ran.success)
}

fn indented(text: &str) -> String {
    let lines: Vec<_> = text.lines().map(|line| format!("    | {line}")).collect();
    lines.join("\n")
}
