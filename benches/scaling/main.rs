//! Checks the model of `BENCHMARKS.md`, *Scaling*: the cost of a write to shared memory for the
//! threads that check, and the share of keys that are looked up while many circuits are open.
//!
//! `cargo bench -p breakerbox-benches --bench scaling [-- --quick | --smoke] [--markdown]` prints
//! two tables and writes `target/comparison/scaling.json`.
//!
//! - *Writes*: one thread, then all but one, check without pause, by handle and by key over a
//!   thousand known keys; another thread moves a circuit that no call uses, or lets it fail and
//!   recover, N times a second. The time that the checks lose per write is what the model calls the
//!   transfer of a line.
//! - *Open circuits*: one thread checks by key while N *other* circuits are open. The prediction
//!   mixes the times with one and with the most of them, by the share of the filter's stripes that
//!   the model says are taken.
//!
//! It does **not** measure other sockets, or more cores than there are: that stays a model.

mod open;
mod writes;

use breakerbox_benches::keys::Keys;
use breakerbox_benches::options::Options;
use breakerbox_benches::results;
use serde_json::json;
use std::error::Error;
use std::process::ExitCode;
use std::thread;

/// Keys that are checked.
const KEYS: usize = 1_000;

#[derive(Clone, Copy)]
struct Length {
    rounds: usize,
    ops: usize,
}

fn main() -> ExitCode {
    results::run(bench)
}

fn bench() -> Result<(), Box<dyn Error>> {
    let options = Options::read(&[], &[])?;
    let cores = thread::available_parallelism().map_or(1, usize::from);
    if cores < 2 {
        println!("not measured: two threads have to run at the same time, and there is one core");
        return Ok(());
    }
    let (rounds, ops) = options.pick((31, 400_000), (11, 200_000), (1, 2_000));
    let length = Length { rounds, ops };
    let keys = &Keys::of(KEYS, cores);
    let (writes, open) = (writes::measure(keys, length), open::measure(keys, length));
    let open_table = open::table(&open);
    println!("{}\n{}", writes::table(&writes).plain(), open_table.plain());
    let recorded = writes::table(writes.iter().filter(|row| row.is_recorded(cores)));
    let markdown = [recorded.markdown(), open_table.markdown()].join("\n");
    let json = json!({ "writes": writes, "open": open });
    let id = (&options, env!("CARGO_TARGET_TMPDIR"), "scaling");
    results::give(id, &[], Some(&markdown), &json)?;
    Ok(())
}
