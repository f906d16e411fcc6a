//! `cargo xtask test`: every ring that this machine can run, and what each showed.

mod demo;
mod dependencies;
mod layers;
mod litmus;
mod paths;
mod rebuilt;
mod ring;
mod rings;
mod tools;

use std::io::Write;
use std::num::{NonZeroUsize, ParseIntError};
use std::time::Instant;

use clap::builder::{PossibleValue, PossibleValuesParser};

use crate::error::{Error, Result};
use crate::process::{Log, NOTHING, Run};
use crate::project::Project;

use ring::{Context, Kind, Ring, Summary};
use rings::RINGS;

/// The arguments of `test`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Run what answers within 5 minutes, once built: for the middle of a change, not for its end
    #[arg(long)]
    quick: bool,
    /// Run these rings and no others
    #[arg(long, value_name = "RING", value_delimiter = ',', value_parser = ring_names())]
    only: Vec<String>,
    /// Name the rings and run nothing
    #[arg(long)]
    list: bool,
    /// Recorded mutations to try, a number or `all`
    #[arg(long, value_name = "K", default_value = "5", value_parser = sample, conflicts_with = "quick")]
    sample: usize,
}

fn ring_names() -> PossibleValuesParser {
    PossibleValuesParser::new(RINGS.map(|ring| PossibleValue::new(ring.name).help(ring.what)))
}

fn sample(value: &str) -> std::result::Result<usize, ParseIntError> {
    match value {
        "all" => Ok(usize::MAX),
        _ => value.parse().map(NonZeroUsize::get),
    }
}

pub(crate) fn command(project: &Project, args: &Args, verbose: bool) -> Result<()> {
    let rings = chosen(&args.only, args.quick)?;
    if args.list {
        for Ring { name, what, .. } in rings {
            println!("{name:12}  {what}");
        }
        return Ok(());
    }
    let mut summary = Summary {
        strict: std::env::var_os("CI").is_some_and(|ci| !ci.is_empty() && ci != "false"),
        left_out: (args.quick && args.only.is_empty()).then(left_out),
        ..Summary::default()
    };
    let mut broken = false;
    for (at, ring) in rings.iter().enumerate() {
        let log = &Log::create(project, ring.name, verbose, NOTHING)?;
        print!("[{:>2}/{}] {:12} ", at + 1, rings.len(), ring.name);
        if verbose {
            println!("{}", ring.what);
        }
        std::io::stdout().flush().ok();

        let context = Context {
            project,
            log,
            quick: args.quick,
            sample: args.sample,
        };
        let start = Instant::now();
        let answer = if broken && ring.kind != Kind::Source {
            Err(Error::Missing("the workspace does not compile".to_owned()))
        } else {
            ring.run(&context)
        };
        let is_missing = matches!(answer, Err(Error::Missing(_) | Error::Impossible(_)));
        let is_failed = answer.is_err() && !is_missing;
        let seconds = start.elapsed().as_secs_f64();
        println!("{}", summary.push(ring.name, answer, seconds));
        if is_failed && !verbose {
            log.print_tail("    | ");
            println!("{}\n", log.failed(""));
        }
        // It may have been more than a lint.
        let check = || Run::cargo("check --workspace --all-targets --all-features");
        broken |= is_failed && ring.name == "clippy" && !check().works(log);
    }
    println!("\n{summary}");
    match summary.counts() {
        (_, 0) => Ok(()),
        // Nothing may follow the closing line, which others read.
        _ => Err(Error::Told),
    }
}

fn chosen(only: &[String], quick: bool) -> Result<Vec<Ring>> {
    let is_named = |ring: &Ring| only.iter().any(|name| name == ring.name);
    let mut rings = Vec::from(RINGS);
    rings.retain(|ring| is_named(ring) || only.is_empty() && !(quick && ring.kind == Kind::Full));
    match rings.iter().find(|ring| quick && ring.kind == Kind::Full) {
        Some(Ring { name, .. }) => Err(Error::Usage(format!("`{name}` has no --quick form"))),
        None => Ok(rings),
    }
}

/// Says what a quick run does not show.
fn left_out() -> String {
    let full = RINGS.iter().filter(|ring| ring.kind == Kind::Full);
    let full: Vec<_> = full.map(|ring| ring.name).collect();
    format!("{}; of {}", full.join(", "), rings::SHORTENED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quick_run_has_what_it_does_not_leave_out() {
        let quick = chosen(&[], true).unwrap().len();
        let left_out = left_out();
        let names = left_out.split("; ").next().unwrap().split(", ");
        assert_eq!(quick + names.count(), RINGS.len());
        let only = |names: &[&str]| {
            let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
            chosen(&names, true)
        };
        assert_eq!(only(&["loom", "fmt"]).unwrap()[0].name, "fmt");
        assert!(only(&["fmt", "stress"]).is_err());
    }
}
