//! The memory of a circuit: bytes per key that are allocated and not freed.
//!
//! `cargo bench -p breakerbox-benches --bench memory [-- --quick | --smoke] [--markdown]` prints
//! tables and the goals that are met, and writes `target/comparison/memory.json`.
//!
//! A store is made without keys and without a hint of their number. Each key then has its calls:
//! one that succeeds (*healthy*), one that fails (*failed once*), or 19 that succeed and one that
//! fails, under rules over the last 100 calls or the last 10 s. The growth of the allocated memory,
//! divided by the keys, is the memory of a key. Keys are strings of 23 bytes; their heap bytes and
//! their 24-byte `String`s count, and the JSON also has the figure without the former.
//!
//! It does **not** measure:
//! - the allocator's overhead: its headers, and the rounding up of sizes;
//! - other numbers of keys: maps grow by doubling, so a key's share varies by as much as a factor
//!   of two between numbers;
//! - an empty store, or memory that is allocated only while a map grows. Memory that a map has
//!   retired and not yet freed by itself counts;
//! - longer windows: only tower-resilience's window of time grows with its calls.

#[path = "../../tests/support/allocation.rs"]
mod allocation;
mod contenders;

use breakerbox_benches::contenders::STORE;
use breakerbox_benches::keys::Keys;
use breakerbox_benches::options::Options;
use breakerbox_benches::results::{self, Goal};
use breakerbox_benches::table::{Table, count};
use contenders::State;
use serde::Serialize;
use std::error::Error;
use std::process::ExitCode;

#[derive(Serialize)]
struct Row {
    contender: &'static str,
    state: &'static str,
    keys: usize,
    bytes_per_key: f64,
    bytes_without_key: f64,
}

fn main() -> ExitCode {
    results::run(bench)
}

fn bench() -> Result<(), Box<dyn Error>> {
    let options = Options::read(&[], &[])?;
    let counts: &[usize] = options.pick(&[10_000, 1_000_000], &[10_000, 50_000], &[1_000]);
    let (mut rows, mut markdown) = (Vec::new(), String::new());
    for &keys in counts {
        let names = Keys::of(keys, 1).names;
        for contender in contenders::all() {
            for &state in contender.states {
                let bytes_per_key = (contender.bytes)(names, state) as f64 / keys as f64;
                let key = contender.copies(state) * names[0].len();
                rows.push(Row {
                    contender: contender.name,
                    state: state.label(),
                    keys,
                    bytes_per_key,
                    bytes_without_key: bytes_per_key - key as f64,
                });
            }
        }
        let table = table(&rows, keys);
        println!("{}", table.plain());
        markdown = table.markdown();
    }
    let id = (&options, env!("CARGO_TARGET_TMPDIR"), "memory");
    results::give(id, &goals(&rows), Some(&markdown), &rows)?;
    Ok(())
}

/// Makes a row for each contender, and a column for each state. The largest number of keys is
/// recorded.
fn table(rows: &[Row], keys: usize) -> Table {
    let title = format!("bytes per key, {}", count(keys, "key"));
    let head: Vec<_> = [&*title]
        .into_iter()
        .chain(State::ALL.map(State::label))
        .collect();
    let mut table = Table::new(&head);
    let mut done = Vec::new();
    for first in rows.iter().filter(|row| row.keys == keys) {
        if done.contains(&first.contender) {
            continue;
        }
        done.push(first.contender);
        let field = |state: State| {
            let id = (first.contender, state.label(), keys);
            let found = rows
                .iter()
                .find(|row| (row.contender, row.state, row.keys) == id);
            found.map_or("–".to_owned(), |row| format!("{:.0}", row.bytes_per_key))
        };
        let mut line = vec![first.contender.to_owned()];
        line.extend(State::ALL.map(field));
        table.push(line);
    }
    table
}

fn goals(rows: &[Row]) -> Vec<Goal> {
    /// The bytes beside the key of a circuit that has failed: the `String` and its heap bytes.
    const MOST: f64 = 192.0;
    let mut goals = Vec::new();
    for row in rows.iter().filter(|row| row.contender == STORE) {
        let beside = row.bytes_without_key - size_of::<String>() as f64;
        let (bytes, is_met, label) = match row.state {
            "healthy" => (
                row.bytes_per_key,
                row.bytes_per_key == 0.0,
                "nothing for a key that never failed",
            ),
            "failed once" => (
                beside,
                beside <= MOST,
                "≤ 192 beside its key, its String included, for one that did",
            ),
            _ => continue,
        };
        goals.push(Goal {
            label: format!("{label}, {}", count(row.keys, "key")),
            found: format!("{bytes:.1}"),
            is_met,
        });
    }
    goals
}
