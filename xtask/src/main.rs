//! The project's commands, run as `cargo xtask COMMAND`.

mod args;
mod bench;
mod charts;
mod counts;
mod error;
mod files;
mod fuzz;
mod histories;
mod installed;
mod instructions;
mod loom;
mod manifest;
mod mutate;
mod process;
mod project;
mod sections;
mod table;
mod test;

use std::process::ExitCode;

use crate::args::Args;
use crate::error::{Error, Result};
use crate::project::Project;

const USAGE: &str = "\
usage: cargo xtask COMMAND [OPTION..]

  test                  every check that this machine can run, one ring after another
    --only RING[,RING]    these rings and no others
    --list                name the rings and run nothing
    --sample K|all        mutations to run, 5 without it
    --verbose             show the output of what runs, not only when it fails
  loom [MODEL-FILTER]   the loom models, with executions and time of each
    --bound N             preemption bound, instead of each model's own
    --mutations           then all recorded mutations
    --replay              the failing execution of the one model again, step by step
    --verbose
  histories [FILTER]    what threads saw of the real types, against the contract
    --count N             random programs for each scheduler, 4000 without it
    --seed S              the first of them, another each time without it
    --verbose
  pairs [FILTER]        every pair of operations, one within the other at each of its steps
    --only PAIR           the pairs whose names contain this, each compared with every order:
                          breaker, window, failed: to closed / acquire
    --verbose
  mutate                the recorded mutations, and all of the words, and whether each is killed
    --words               those of the words alone
    --only NAME[,NAME]    these and no others
    --sample K            some of them, other ones each day
    --verbose
  fuzz [TARGET]         every fuzz target in turn
    --seconds N           time for all of them together, 60 without it
    --minimize            then record the fewest inputs that take every edge
    --verbose
  bench                 all benches that compare: tables, and JSON in target/comparison
    --quick               the comparison alone, with fewer cells and shorter rounds
    --only NAME[,NAME]    these: comparison, threads, latency, trips, memory, scaling,
                          words, end-to-end
    --markdown            print the tables of the documents too
    --record              put them in BENCHMARKS.md and README.md, and draw docs/charts
    --from DIR            record what was measured on another machine, see CONTRIBUTING.md
  charts                pictures of what the measurements wrote
    --from DIR            the JSON, target/comparison without it
    --to DIR              the pictures, docs/charts without it
  instructions          what each hot operation executes, against what is recorded
    --record              record it anew, in benches/instructions.toml and BENCHMARKS.md
    --markdown            print the table of BENCHMARKS.md too
    --verbose

CONTRIBUTING.md says how long each takes and how to read what it prints.";

type Command = fn(&Project, Args) -> Result<()>;

const COMMANDS: [(&str, Command); 9] = [
    ("test", test::command),
    ("loom", loom::command),
    ("histories", histories::command),
    ("pairs", histories::pairs_command),
    ("mutate", mutate::command),
    ("fuzz", fuzz::command),
    ("bench", bench::command),
    ("charts", charts::command),
    ("instructions", instructions::command),
];

fn main() -> ExitCode {
    let mut args = Args::new(std::env::args().skip(1));
    if args.flag("--help") || args.flag("-h") {
        println!("{USAGE}");
        return ExitCode::SUCCESS;
    }
    match run(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Error::Usage(message)) => {
            eprintln!("error: {message}\n\n{USAGE}");
            ExitCode::from(2)
        }
        Err(Error::Failed(message)) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
        Err(Error::Told) => ExitCode::FAILURE,
    }
}

fn run(mut args: Args) -> Result<()> {
    let name = args
        .positional()?
        .ok_or_else(|| Error::usage("no command given"))?;
    let Some((_, command)) = COMMANDS.iter().find(|(known, _)| *known == name) else {
        let known = COMMANDS.map(|(name, _)| name).join(", ");
        return Err(Error::usage(format!(
            "there is no command `{name}`; there are {known}"
        )));
    };
    command(&Project::find(), args)
}
