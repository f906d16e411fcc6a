//! Tail latency: each operation timed by itself, with more threads than processors, and while one
//! of them is stopped.
//!
//! `cargo bench -p breakerbox-benches --bench latency [-- --quick | --smoke] [--markdown]` prints
//! tables and the goals that are met, and writes `target/comparison/latency.json`.
//!
//! One operation is a check and, if it is admitted, a report: a success, but every 64th a failure.
//! It uses a thousand keys, all known and closed, while another circuit is open; nothing trips.
//! Three situations:
//! - *crowded*: twice as many threads as processors, each in a tight loop;
//! - *stopped*: one thread more than processors; at times one of them, chosen at random, gets a
//!   signal whose handler sleeps for 5 ms. It is stopped wherever it is, as by the scheduler: in
//!   its operation, with whatever it holds, or outside it. All contenders are stopped by the same
//!   means;
//! - *stopped, 2 µs between*: the same with other work between the operations, so that a thread is
//!   seldom in one.
//!
//! Operations that are themselves stopped by the signal don't count. An operation is *blocked* if
//! its thread gave up its processor of its own accord, to wait for another one, which Linux counts.
//! One that is preempted, spins or yields isn't. A stop *stalls all* if the other threads together
//! do less than a tenth of their usual work while it lasts: because they wait for the stopped one,
//! or, on a busy machine, because they had no processor. The row of *no operation* shows how often
//! it was the latter.
//!
//! It does **not** measure:
//! - arrivals at a fixed rate: threads ask again when they have been answered, so one that waits
//!   for 5 ms is one slow operation among many. The percentiles hide it; the time blocked and the
//!   stalls don't;
//! - the operation alone: each figure includes two readings of the clock. *no operation* is those
//!   readings alone, with the effects of scheduler and machine;
//! - transitions, rejections, creation and eviction, nor an asynchronous runtime.

#[cfg(target_os = "linux")]
mod contenders;
#[cfg(target_os = "linux")]
mod report;
#[cfg(target_os = "linux")]
mod stops;
#[cfg(target_os = "linux")]
mod workers;

#[cfg(not(target_os = "linux"))]
fn main() {
    println!("not measured: Linux alone tells whether a thread is blocked");
}

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    breakerbox_benches::results::run(bench)
}

#[cfg(target_os = "linux")]
fn bench() -> Result<(), Box<dyn std::error::Error>> {
    use breakerbox_benches::keys::Keys;
    use breakerbox_benches::options::Options;
    use breakerbox_benches::results;
    use report::Row;
    use std::thread;
    use std::time::Duration;
    use workers::{Seen, Situation, Turn};

    let options = Options::read(&[], &[])?;
    let rounds = options.pick(8, 2, 1);
    let turn = Turn {
        time: Duration::from_millis(options.pick(250, 50, 10)),
        stops: options.pick(50, 15, 1),
    };
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let cores = cores.min(stops::MOST / 2);
    let stopped = Situation {
        name: "stopped",
        threads: cores + 1,
        pause: Duration::ZERO,
        is_stopping: true,
    };
    let situations = [
        Situation {
            name: "crowded",
            threads: 2 * cores,
            is_stopping: false,
            ..stopped
        },
        stopped,
        Situation {
            name: "stopped, 2 µs between",
            pause: Duration::from_micros(2),
            ..stopped
        },
    ];

    stops::prepare()?;
    let keys = Keys::of(workers::KEYS, 1);
    let contenders = contenders::all(keys.names);
    println!(
        "For one check and report as its thread sees it, two clock readings included; no operation\n\
         is the readings alone. max: among those in which the thread was preempted. blocked: those in\n\
         which it slept until another one woke it; time blocked: their share of the threads' time.\n\
         stops that stall all: one thread is stopped for 5 ms, and the others do less than a tenth\n\
         of their usual work meanwhile, which a busy machine does to no operation too.\n"
    );
    let mut rows = Vec::new();
    for situation in situations {
        let mut seen: Vec<_> = contenders
            .iter()
            .map(|contender| Seen::nothing(situation, contender.name))
            .collect();
        for _ in 0..rounds {
            for (contender, seen) in contenders.iter().zip(&mut seen) {
                seen.measure(contender, turn)?;
            }
        }
        rows.extend(seen.iter().map(Row::of));
        println!("{}", report::table(situation, &rows).plain());
    }
    let markdown = report::table(stopped, &rows).markdown();
    let id = (&options, env!("CARGO_TARGET_TMPDIR"), "latency");
    results::give(id, &report::goals(&rows), Some(&markdown), &rows)?;
    Ok(())
}
