//! The project's commands, run as `cargo xtask COMMAND`.

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
mod mutate;
mod process;
mod project;
mod sections;
mod table;
mod test;

use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser, Subcommand};

use crate::error::{Error, Result};
use crate::project::Project;

/// The project's commands.
#[derive(Debug, Parser)]
#[command(
    bin_name = "cargo xtask",
    after_help = "CONTRIBUTING.md says how long each takes and how to read what it prints."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// Show all output of what runs
    #[arg(long, global = true)]
    verbose: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run every check that this machine can run, one ring after another
    Test(test::Args),
    /// Run the loom models, with the executions and time of each
    Loom(loom::Args),
    /// Hold what threads saw of the real types against the contract
    Histories(histories::HistoriesArgs),
    /// Run every pair of operations, one within the other at each of its steps
    Pairs(histories::PairsArgs),
    /// Try the recorded mutations, then all of the words, and show whether each is killed
    Mutate(mutate::Args),
    /// Run every fuzz target in turn
    Fuzz(fuzz::Args),
    /// Run the benches that compare: tables, and JSON in target/comparison
    Bench(bench::Args),
    /// Draw what the measurements wrote
    Charts(charts::Args),
    /// Count what each hot operation executes, and compare with what is recorded
    Instructions(instructions::Args),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(&Project::find(), cli.command, cli.verbose) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Error::Usage(why)) => Cli::command().error(ErrorKind::InvalidValue, why).exit(),
        Err(Error::Told) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(project: &Project, command: Command, verbose: bool) -> Result<()> {
    if !matches!(command, Command::Bench(_) | Command::Charts(_)) {
        process::say_what_is_scrubbed();
    }
    match command {
        Command::Test(args) => test::command(project, &args, verbose),
        Command::Loom(args) => loom::command(project, &args, verbose),
        Command::Histories(args) => histories::command(project, &args, verbose),
        Command::Pairs(args) => histories::pairs_command(project, &args, verbose),
        Command::Mutate(args) => mutate::command(project, &args, verbose),
        Command::Fuzz(args) => fuzz::command(project, &args, verbose),
        Command::Bench(args) => bench::command(project, &args),
        Command::Charts(args) => charts::command(project, args),
        Command::Instructions(args) => instructions::command(project, &args, verbose),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_understood(line: &str) -> bool {
        let words = line.split_whitespace();
        Cli::try_parse_from(["cargo xtask"].into_iter().chain(words)).is_ok()
    }

    #[test]
    fn command_lines_that_make_sense_are_understood() {
        Cli::command().debug_assert();
        let lines = "test; test --only fmt,clippy --list --verbose; test --quick --only loom; \
            test --sample all; loom one_wins --bound 3 --replay; loom --mutations --verbose; \
            histories random --seed 8625878334 --count 1; pairs scene --only first:second; \
            mutate --only permit-too-new,other; mutate --sample 3; mutate --words --verbose; \
            fuzz words --seconds 60 --minimize; bench --quick --only=memory,latency --markdown; \
            bench --record --from a; charts --from a --to b; instructions --record --markdown";
        for line in lines.split(';') {
            assert!(is_understood(line), "{line}");
        }
        let lines = "; tets; test --only; test --only fnt; test --sample some; test --sample 0; \
            test --quick --sample 3; loom --bound x; loom --replay; loom a --replay --mutations; \
            histories --count 0; mutate --words --sample 3; mutate --sample 0; fuzz --seconds 1s; \
            bench --from a; bench --only nonsense; charts nonsense; instructions --nonsense";
        for line in lines.split(';') {
            assert!(!is_understood(line), "{line}");
        }
    }
}
