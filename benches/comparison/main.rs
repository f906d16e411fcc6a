//! The comparison with what people write instead: a map behind a lock.
//!
//! `cargo bench -p breakerbox-benches --bench comparison [-- --quick | --smoke] [--markdown]` prints a table with ratios
//! and which goals are met, and writes `target/comparison/results.json`. A word more, and only works
//! that have it in their name are measured, and nothing is written.
//!
//! It measures what one operation costs in a tight loop, on one key and on 10,000, at one thread
//! and at as many as there are cores, with nothing open (the gate is down) and with some *other*
//! circuit open (up). Subjects that are compared take turns, round by round, in one process; a
//! ratio is the median of the rounds' ratios. Every circuit is known to every subject beforehand
//! (but to `store, unknown key`), closed and clean, and failures stay below the threshold: counts
//! are zeroed between rounds, so that no count is ever full.
//!
//! It does **not** measure:
//! - transitions, rejections, probes, or a storm on a circuit that trips;
//! - creating, resetting or evicting circuits, nor memory;
//! - latency with cold caches, as a server meets between two requests, nor tails: the spread is
//!   that of rounds, each a mean of thousands of operations;
//! - more threads than cores, or other maps, locks and hashers than those named;
//! - other crates' circuit breakers.

mod goals;
mod measure;
mod report;

use breakerbox_benches::work::Work;
use measure::Effort;
use std::path::Path;
use std::process::ExitCode;
use std::{env, fs, io, thread};

const FULL: Effort = Effort {
    rounds: 61,
    round_ns: 4e6,
};
const QUICK: Effort = Effort {
    rounds: 21,
    round_ns: 1e6,
};
/// Whether it still runs; its figures mean nothing, and are not written.
const SMOKE: Effort = Effort {
    rounds: 1,
    round_ns: 1e4,
};

fn main() -> ExitCode {
    let (mut effort, mut is_bench, mut markdown) = (FULL, false, false);
    let mut filter = None;
    for argument in env::args().skip(1) {
        match &*argument {
            // Cargo says it for `cargo bench`, and not for `cargo test --benches`.
            "--bench" => is_bench = true,
            "--quick" => effort = QUICK,
            "--smoke" => effort = SMOKE,
            "--markdown" => markdown = true,
            option if option.starts_with('-') => {
                eprintln!("{option}: unknown; there are --quick, --smoke and --markdown");
                return ExitCode::FAILURE;
            }
            word => filter = Some(word.to_owned()),
        }
    }
    if !is_bench {
        effort = SMOKE;
    }

    let threads = thread::available_parallelism().map_or(1, usize::from);
    report::legend();
    let mut works = Work::ALL.to_vec();
    works.retain(|work| filter.iter().all(|word| work.label().contains(word)));
    let rows = measure::all(&works, threads, effort, report::print);
    if effort.rounds == SMOKE.rounds {
        return ExitCode::SUCCESS;
    }
    report::print_goals(&goals::judge(&rows));
    if markdown {
        let counts = if threads == 1 {
            vec![1]
        } else {
            vec![1, threads]
        };
        println!("\n{}", report::markdown(&rows, &counts));
    }
    if filter.is_some() {
        return ExitCode::SUCCESS;
    }
    match write(&report::json(&rows)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("the results could not be written: {error}");
            ExitCode::FAILURE
        }
    }
}

fn write(results: &serde_json::Value) -> io::Result<()> {
    // Cargo's directory for temporary files is in the target directory.
    let target = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .parent()
        .unwrap_or(Path::new("target"));
    let folder = target.join("comparison");
    fs::create_dir_all(&folder)?;
    let path = folder.join("results.json");
    fs::write(&path, format!("{results:#}\n"))?;
    println!("\n{}", path.display());
    Ok(())
}
