//! `cargo xtask instructions`: what each hot operation executes, against what was recorded.

mod accesses;
mod compare;
mod count;
mod markdown;
mod recorded;

use crate::args::Args;
use crate::error::{Error, Result};
use crate::installed;
use crate::process::{Log, say_what_is_scrubbed};
use crate::project::Project;

use compare::{Comparison, PLANTED};
use count::Machine;
use recorded::Recorded;

pub(crate) fn command(project: &Project, mut args: Args) -> Result<()> {
    let record = args.flag("--record");
    let as_markdown = args.flag("--markdown");
    let verbose = args.flag("--verbose");
    args.finish()?;
    say_what_is_scrubbed();
    let show = if verbose {
        |_: &str| true
    } else {
        |_: &str| false
    };
    let log = Log::create(project, "instructions", show)?;
    run(project, &log, record, as_markdown).map_err(|error| {
        let whole = project.relative(log.path());
        match error {
            Error::Failed(why) => Error::failed(format!("{why}\nthe whole output: {whole}")),
            other => other,
        }
    })
}

fn run(project: &Project, log: &Log, record: bool, as_markdown: bool) -> Result<()> {
    let machine = Machine::here(project, log)?;
    let recorded = match Recorded::read(project) {
        Err(_) if record => None,
        recorded => Some(recorded?),
    };
    let counts = count::all(project, log, record)?;
    let comparable = recorded
        .as_ref()
        .filter(|recorded| recorded.machine == machine);
    let comparison = Comparison::new(counts.clone(), comparable.map(|known| &*known.counts));
    println!("{}", comparison.table());
    if let (Some(recorded), None) = (&recorded, comparable) {
        println!("NOT COMPARED: {}\n", differs(&recorded.machine, &machine));
    }
    if !comparison.faster().is_empty() && !record {
        let faster = comparison.faster().join("`, `");
        println!(
            "faster than recorded: `{faster}`; `cargo xtask instructions --record` keeps it\n"
        );
    }

    let accesses = accesses::run(project, log)?;
    println!("{}", accesses::table(&accesses));
    if as_markdown {
        println!("{}", markdown::table(&comparison.rows, &accesses));
    }
    let mut problems = comparison.problems;
    if record {
        // Goals stay goals; that something is slower than it was is what is recorded now.
        problems = Comparison::new(counts.clone(), None).problems;
        let counts = counts.into_iter().filter(|(name, _)| name != PLANTED.0);
        let counts = counts.collect();
        Recorded { machine, counts }.write(project)?;
        markdown::put(project, &markdown::table(&comparison.rows, &accesses))?;
        println!("recorded in {} and {}", recorded::FILE, markdown::FILE);
    }
    if problems.is_empty() {
        Ok(())
    } else {
        Err(Error::failed(problems.join("\n       ")))
    }
}

/// How the counts of a ring end.
#[derive(Debug)]
pub(crate) enum Checked {
    /// That many operations are as recorded.
    Same(usize),
    Different(Vec<String>),
    /// The machine isn't the one that was recorded on.
    Incomparable(String),
    /// What counts isn't there.
    Missing(String),
}

/// Compares the counts, and nothing else.
pub(crate) fn check(project: &Project, log: &Log) -> Result<Checked> {
    let recorded = Recorded::read(project)?;
    let machine = Machine::here(project, log)?;
    if recorded.machine.target != machine.target {
        return Ok(Checked::Incomparable(differs(&recorded.machine, &machine)));
    }
    if let Err(error) = installed::valgrind(project, log) {
        return Ok(Checked::Missing(error.to_string()));
    }
    let counts = count::all(project, log, false)?;
    let is_same = recorded.machine == machine;
    let comparison = Comparison::new(counts, is_same.then_some(&*recorded.counts));
    log.line(&comparison.table().to_string());
    Ok(if !comparison.problems.is_empty() {
        Checked::Different(comparison.problems)
    } else if is_same {
        Checked::Same(comparison.rows.len())
    } else {
        Checked::Incomparable(differs(&recorded.machine, &machine))
    })
}

fn differs(recorded: &Machine, here: &Machine) -> String {
    let parts = [
        (&recorded.rustc, &here.rustc),
        (&recorded.target, &here.target),
        (&recorded.libc, &here.libc),
    ];
    let different = parts.iter().filter(|(recorded, here)| recorded != here);
    let (recorded, here): (Vec<&str>, Vec<&str>) = different
        .map(|(recorded, here)| (recorded.as_str(), here.as_str()))
        .unzip();
    format!(
        "recorded with {}, here is {}; `cargo xtask instructions --record` records anew",
        recorded.join(", "),
        here.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_is_named() {
        let machine = |rustc: &str| Machine {
            rustc: rustc.to_owned(),
            target: "x86_64-unknown-linux-gnu".to_owned(),
            libc: "2.36".to_owned(),
        };
        assert_eq!(
            differs(&machine("rustc 1.95.0"), &machine("rustc 1.96.0")),
            "recorded with rustc 1.95.0, here is rustc 1.96.0; \
             `cargo xtask instructions --record` records anew"
        );
    }
}
