//! What a circuit takes: bytes per key that the allocator was asked for and that are not freed.
//!
//! `cargo bench -p breakerbox-benches --bench memory [-- --quick | --smoke] [--markdown]` prints a
//! table and which goals are met, and writes `target/comparison/memory.json`.
//!
//! A store is made that knows no key and wasn't told how many there will be. Each key then has its
//! calls: one that succeeds (*healthy*), one that fails (*failed once*), or 19 that succeed and
//! one that fails, under rules over the last 100 calls or the last 10 s. The growth of what is
//! allocated, divided by the keys, is what a key takes. Keys are strings of 23 bytes; their heap
//! bytes are in the first figure and not in the second, their 24-byte `String`s are in both.
//! 10,000 and 1,000,000 keys, `--quick`: 50,000.
//!
//! It does **not** measure:
//! - what the allocator adds: its headers, and the rounding up of sizes;
//! - what a map has retired and not freed yet by itself: that counts as taken;
//! - other numbers of keys: maps grow by doubling, so that a key's share of them varies by as much
//!   between two numbers;
//! - what an empty store takes, or what is allocated for a moment while a map grows;
//! - longer windows: only tower-resilience's window of time grows with its calls.

#[path = "../../tests/support/allocation.rs"]
mod allocation;
mod own;
mod report;
mod subjects;
mod windows;

use breakerbox_benches::keys::Keys;
use breakerbox_benches::options::{Effort, Options};
use breakerbox_benches::results;
use std::process::ExitCode;

fn main() -> ExitCode {
    let options = match Options::from_arguments() {
        Ok(options) => options,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    };
    let counts: &[usize] = match options.effort {
        Effort::Full => &[10_000, 1_000_000],
        Effort::Quick => &[10_000, 50_000],
        Effort::Smoke => &[1_000],
    };
    println!(
        "Bytes per key, as the allocator was asked for them: with the key's own bytes on the heap\n\
         (23 of them), and without.\n"
    );
    let mut rows = Vec::new();
    for &count in counts {
        let keys = &Keys::of(count, 1).names;
        rows.extend(subjects::all().map(|subject| subject.measure(keys)));
    }
    let table = report::table(&rows, counts);
    print!("{}", table.plain());
    if options.effort == Effort::Smoke {
        return ExitCode::SUCCESS;
    }
    report::print_goals(&rows);
    if options.markdown {
        results::print_section("memory", &table.markdown());
    }
    let json = report::json(&rows);
    match results::write(env!("CARGO_TARGET_TMPDIR"), "memory.json", &json) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("the results could not be written: {error}");
            ExitCode::FAILURE
        }
    }
}
