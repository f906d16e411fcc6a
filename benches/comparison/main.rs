//! The comparison with what people use instead: maps behind locks, concurrent maps, and other
//! crates' circuit breakers.
//!
//! `cargo bench -p breakerbox-benches --bench comparison [-- --quick | --smoke | --list …]` prints a
//! table with ratios and which goals are met, and writes `target/comparison/results.json`. Without
//! further words it measures a list of cells, each a work in a situation; `--cell` and other words
//! choose (see `options.rs`), and then nothing is written. With `--threads` it measures fewer
//! subjects with more and more threads, and writes `threads.json`.
//!
//! It measures what one operation costs in a tight loop: on one key and on up to a million, asked
//! for equally often or by Zipf's law; at one thread, at as many as there are cores and at twice as
//! many; with nothing open (the gate is down), with some *other* circuit open (up), and with one of
//! a hundred. Subjects that are compared take turns, round by round, in one process; a ratio is the
//! median of the rounds' ratios. Every circuit is known to every subject beforehand (but to `store,
//! unknown key`), closed and clean, and failures stay below the threshold: counts are zeroed between
//! rounds before any could be full. A storm alone reaches it, and is asserted to trip breakerbox's
//! circuit once in each round.
//!
//! Every map exists with the standard library's hasher and with foldhash, which the peers' map has
//! always. The subjects with a coarse clock take part where the time is read. Peers do what they
//! can: none has a raw `record_failure` or a snapshot, and only recloser and tower-resilience have a
//! rule over a window of calls (the latter's isn't sliding).
//!
//! It does **not** measure:
//! - probes, transitions by hand, creating, resetting or evicting circuits, nor memory;
//! - latency with cold caches, as a server meets between two requests, nor tails: the spread is
//!   that of rounds, each a mean of thousands of operations.

mod cells;
mod goals;
mod markdown;
mod measure;
mod options;
mod progress;
mod report;
mod tables;

use breakerbox_benches::results;
use breakerbox_benches::subjects::SUBJECTS;
use measure::{Measurement, Row};
use options::{List, Options};
use progress::Progress;
use std::process::ExitCode;
use std::thread;

fn main() -> ExitCode {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let options = match Options::read(cores) {
        Ok(options) => options,
        Err(message) => {
            eprintln!("{message}");
            return ExitCode::FAILURE;
        }
    };
    if options.lists {
        list(&options, cores);
        return ExitCode::SUCCESS;
    }

    report::legend();
    let rows = measure(&options, cores);
    let goals = goals::judge(&rows, cores);
    report::print_goals(&goals);
    if options.markdown && options.list == List::ByThreads {
        results::print_section("threads", &tables::by_threads(&rows, &goals));
    } else if options.markdown {
        let mut counts = vec![1, cores];
        counts.dedup();
        results::print_section("figures", &markdown::markdown(&rows, &counts));
        results::print_section("comparison", &tables::all(&rows, &goals, cores));
    }
    if !options.is_whole {
        return ExitCode::SUCCESS;
    }
    let json = report::json(&rows);
    match results::write(env!("CARGO_TARGET_TMPDIR"), options.list.file(), &json) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("the results could not be written: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure(options: &Options, cores: usize) -> Vec<Row> {
    let mut measurement = Measurement::new(options.effort, cores);
    let mut progress = Progress::of(options.cells.len());
    let mut rows = Vec::new();
    for &cell in &options.cells {
        progress.begin(cell);
        let of_cell = measurement.cell(cell, |subject| options.wants(subject));
        progress.end();
        report::print(&of_cell);
        rows.extend(of_cell);
    }
    rows
}

fn list(options: &Options, cores: usize) {
    let quick = cells::quick(cores);
    for cell in &options.cells {
        let mark = if quick.contains(cell) { "  quick" } else { "" };
        println!("{cell}{mark}");
    }
    println!("{} cells\n", options.cells.len());
    for subject in SUBJECTS {
        println!("{}", subject.name);
    }
    println!("{} subjects", SUBJECTS.len());
}
