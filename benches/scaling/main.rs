//! What the model of `BENCHMARKS.md`, *Scaling*, says and a machine can check: what a write of what
//! all read costs those who check, and how many keys are looked up while many circuits are open.
//!
//! `cargo bench -p breakerbox-benches --bench scaling [-- --quick | --smoke] [--markdown]` prints
//! two tables and writes `target/comparison/scaling.json`.
//!
//! - *Writes*: one thread, then all but one, check without pause, by handle and by key over a
//!   thousand known keys; another one moves a circuit that nobody asks for, or lets it fail and
//!   recover, so many times a second. What the check takes longer than without, each time, is what
//!   the model calls the transfer of a line.
//! - *Open circuits*: one thread checks by key while so many *other* circuits are open. Predicted is
//!   a mix of what it takes with one and with the most of them, by the share of the filter's slots
//!   that the model says are taken.
//!
//! It does **not** measure other sockets, or more cores than there are: that stays a model.

mod open;
mod transitions;

use breakerbox_benches::keys::Keys;
use breakerbox_benches::options::{Effort, Options};
use breakerbox_benches::results;
use breakerbox_benches::threads::Timed;
use serde_json::json;
use std::process::ExitCode;
use std::{io, thread};

/// How often a round is taken in which a thread loses its core.
const TRIES: usize = 20;

/// Keys that are asked for.
const KEYS: usize = 1_000;

#[derive(Clone, Copy)]
struct Length {
    rounds: usize,
    ops: usize,
}

fn main() -> ExitCode {
    let run = Options::from_arguments().and_then(|options| run(options).map_err(|e| e.to_string()));
    match run {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: Options) -> io::Result<()> {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    if cores < 2 {
        println!("not measured: two threads have to run at the same time, and there is one core");
        return Ok(());
    }
    let (rounds, ops) = options
        .effort
        .pick((31, 400_000), (11, 200_000), (1, 2_000));
    let length = Length { rounds, ops };
    let keys = Keys::of(KEYS, cores);
    let transitions = transitions::measure(keys, length);
    let open = open::measure(keys, length);

    let (transitions_table, open_table) = (transitions::table(&transitions), open::table(&open));
    println!("{}\n{}", transitions_table.plain(), open_table.plain());
    if options.effort == Effort::Smoke {
        return Ok(());
    }
    if options.markdown {
        let tables = [transitions_table.markdown(), open_table.markdown()];
        results::print_section("scaling", &tables.join("\n"));
    }
    let json = json!({
        "transitions": transitions::json(&transitions),
        "open": open::json(&open),
    });
    results::write(env!("CARGO_TARGET_TMPDIR"), "scaling.json", &json)
}

/// The first try in which no thread lost its core, or the last.
fn undisturbed(mut time: impl FnMut() -> Timed) -> f64 {
    let mut last = time();
    for _ in 1..TRIES {
        if last.undisturbed {
            break;
        }
        last = time();
    }
    last.ns
}
