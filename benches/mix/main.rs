//! A proxy's mix: many keys, some of them far more often than others, a few that fail, and caches
//! that other work has used between two requests.
//!
//! `cargo bench -p breakerbox-benches --bench mix [-- --quick | --smoke] [--markdown]` prints tables
//! and the goals that are met, and writes `target/comparison/mix.json`.
//!
//! A request is a check and, if it is admitted, a report. It asks for one of 10,000 keys, by Zipf's
//! law. One circuit in a hundred fails every fifth call, at random, which opens none; two are open
//! throughout. The rule is a failure rate of 50 % of at least 20 calls: of the last 100, or of the
//! last 10 s.
//! - *cold*: between two requests the thread writes to 256 KiB of memory of its own, as a server
//!   does that reads, parses and copies;
//! - *hot*: requests follow one another.
//!
//! Each request is timed by itself. The time that *no operation* takes, which is two readings of
//! the clock, is subtracted. The mean leaves out the slowest 2 %, which are interrupts. Contenders
//! take turns, round by round; a figure is the median of the rounds, a ratio that of the rounds'
//! ratios. The clock stands still for a contender while others have their turns.
//!
//! It does **not** measure transitions, nor keys that come and go.

mod clock;
mod contenders;
mod report;
mod requests;

use breakerbox_benches::options::Options;
use breakerbox_benches::results;
use breakerbox_benches::rounds::take_turns;
use clock::Turns;
use report::Row;
use requests::{Mix, Times};
use std::cell::RefCell;
use std::error::Error;
use std::process::ExitCode;
use std::thread;

fn main() -> ExitCode {
    results::run(bench)
}

fn bench() -> Result<(), Box<dyn Error>> {
    let options = Options::read(&[], &[])?;
    let (rounds, requests) = options.pick((25, 20_000), (9, 20_000), (1, 1_000));
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let mix = Mix::new(cores, requests);
    let contenders = contenders::all(&mix);
    let mut counts = vec![1, cores];
    counts.dedup();
    let turns = RefCell::new(Turns::of(contenders.len()));
    let mut rows = Vec::new();
    for is_cold in [true, false] {
        for &threads in &counts {
            let times = RefCell::new(vec![Vec::new(); contenders.len()]);
            take_turns(&vec![rounds; contenders.len()], |i| {
                let turn = || mix.time(&*contenders[i].request, threads, is_cold);
                let taken = turns.borrow_mut().run(i, turn);
                times.borrow_mut()[i].push(taken);
                taken.mean
            });
            let times: Vec<Vec<Times>> = times.into_inner();
            let of_situation = Row::all(&contenders, &times, threads, is_cold);
            println!("{}", report::table(&of_situation).plain());
            rows.extend(of_situation);
        }
    }
    let id = (&options, env!("CARGO_TARGET_TMPDIR"), "mix");
    let section = report::section(&rows, cores);
    results::give(id, &report::goals(&rows), Some(&section), &rows)?;
    Ok(())
}
