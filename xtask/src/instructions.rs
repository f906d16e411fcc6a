//! `cargo xtask instructions`: what each hot operation executes, against what was recorded.

mod accesses;
mod compare;
mod count;
mod recorded;

use crate::error::{Error, Result};
use crate::installed;
use crate::process::{Log, NOTHING};
use crate::project::Project;
use crate::sections;

use accesses::Accesses;
use compare::{Comparison, PLANTED};
use count::{Machine, short};
use recorded::Recorded;

/// The arguments of `instructions`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Record the counts anew, in benches/instructions.toml and BENCHMARKS.md
    #[arg(long)]
    record: bool,
    /// Print the table of BENCHMARKS.md too
    #[arg(long)]
    markdown: bool,
}

/// The document that has the table.
const DOCUMENT: &str = "BENCHMARKS.md";

pub(crate) fn command(project: &Project, args: &Args, verbose: bool) -> Result<()> {
    let log = Log::create(project, "instructions", verbose, NOTHING)?;
    run(project, &log, args).map_err(|error| log.failed(error))
}

fn run(project: &Project, log: &Log, args: &Args) -> Result<()> {
    let machine = Machine::here(log)?;
    let recorded = match Recorded::read(project) {
        Err(_) if args.record => None,
        recorded => Some(recorded?),
    };
    installed::valgrind(log)?;
    let mut counts = count::all(log, args.record)?;
    let is_same = |recorded: &&Recorded| recorded.machine == machine;
    let comparable = recorded.as_ref().filter(is_same);
    let comparison = Comparison::new(&counts, comparable.map(|recorded| &recorded.counts));
    println!("{}", comparison.table());
    if let (Some(recorded), None) = (&recorded, comparable) {
        println!("NOT COMPARED: {}\n", differs(&recorded.machine, &machine));
    }
    let faster = comparison.faster().join("`, `");
    if !faster.is_empty() && !args.record {
        println!("faster than recorded, which `--record` keeps: `{faster}`\n");
    }

    // Run whatever is printed: they fail where an operation writes that must not.
    let accesses = accesses::run(project, log)?;
    let markdown = markdown(&comparison, &accesses);
    if args.markdown {
        println!("{markdown}");
    }
    let mut problems = comparison.problems;
    if args.record {
        // Goals stay goals; that something is slower than it was is what is recorded now.
        problems = Comparison::new(&counts, None).problems;
        counts.shift_remove(PLANTED.0);
        recorded::write(project, &machine, &counts)?;
        sections::put(project, DOCUMENT, "instructions", &markdown)?;
        println!("recorded in {} and {DOCUMENT}", recorded::FILE);
    }
    if problems.is_empty() {
        return Ok(());
    }
    Err(Error::failed(problems.join("\n       ")))
}

/// Compares the counts, and nothing else; returns the number of operations.
pub(crate) fn check(project: &Project, log: &Log) -> Result<usize> {
    let recorded = Recorded::read(project)?;
    let machine = Machine::here(log)?;
    let is_same = recorded.machine == machine;
    let unable = || Error::Impossible(differs(&recorded.machine, &machine));
    if recorded.machine.target != machine.target {
        return Err(unable());
    }
    installed::valgrind(log)?;
    let counts = count::all(log, false)?;
    let comparison = Comparison::new(&counts, is_same.then_some(&recorded.counts));
    log.line(&comparison.table().to_string());
    if !comparison.problems.is_empty() {
        return Err(Error::failed(comparison.problems.join("; ")));
    }
    let count = comparison.rows.len();
    is_same.then_some(count).ok_or_else(unable)
}

fn differs(recorded: &Machine, here: &Machine) -> String {
    format!("recorded with {recorded}, here is {here}; `instructions --record` records anew")
}

/// Writes the counts as the table of the document.
fn markdown(comparison: &Comparison, accesses: &[Accesses]) -> String {
    let mut table = String::from(
        "| operation | instructions | locked | words read | words updated | look-ups | lines touched | lines written |\n\
         |---|--:|--:|--:|--:|--:|--:|--:|\n",
    );
    for row in &comparison.rows {
        let (name, count) = (&row.name, row.now);
        let told = match accesses.iter().find(|one| one.name == *name) {
            Some(one) => {
                let [loads, updates, look_ups, _, statistics, touched, written] = one.counts;
                // A statistic is a word and a line of the thread's own.
                let own = [updates, touched, written].map(|count| count + statistics);
                let [updates, touched, written] = own;
                format!("{loads} | {updates} | {look_ups} | {touched} | {written}")
            }
            None => [""; 5].join(" | "),
        };
        let (instructions, locked) = (short(count.instructions), short(count.locked));
        table += &format!("| {name} | {instructions} | {locked} | {told} |\n");
    }
    table
}
