//! The time from a trip to the first rejection in another thread.
//!
//! `cargo bench -p breakerbox-benches --bench trips [-- --quick | --smoke]` prints a table and the
//! goals that are met, and writes `target/comparison/trips.json`. It fails if a check is admitted
//! that began after the trip had returned.
//!
//! Two threads run at the same time. One reports the fifth failure of a call that was admitted
//! before; the other checks the same circuit without pause, and reads the clock after each check.
//! The bench measures the time from the start of that report, and from its return, to the end of
//! the first check that is rejected. Each trip has a circuit of its own.
//!
//! It does **not** measure:
//! - a watcher that sleeps or does something else in between, nor more than one;
//! - the time until the closing of a circuit is seen, or a trip by a window's rule;
//! - threads that don't run: a trip during which one of the two was preempted is left out, and
//!   counted (on Linux only). A trip in which one waits for a lock is kept.

mod contenders;
mod race;

use breakerbox_benches::contenders::{HANDLE, STORE};
use breakerbox_benches::keys::Keys;
use breakerbox_benches::options::Options;
use breakerbox_benches::results::{self, Goal};
use breakerbox_benches::rounds::quantile;
use breakerbox_benches::table::{Table, duration};
use contenders::{ByHandle, ByKey};
use race::Trip;
use serde::Serialize;
use std::error::Error;
use std::process::ExitCode;
use std::thread;

const STORE_OPEN: &str = "store, others open";

type Race = fn(&[String]) -> Vec<Trip>;

/// The contenders. Each round makes all circuits anew, since tripped ones are of no further use.
const RACES: [(&str, Race); 3] = [
    (HANDLE, |keys| race::run(&ByHandle::new(keys), keys.len())),
    (STORE, |keys| {
        race::run(&ByKey::new(keys, false), keys.len())
    }),
    (STORE_OPEN, |keys| {
        race::run(&ByKey::new(keys, true), keys.len())
    }),
];

#[derive(Serialize)]
struct Row {
    contender: &'static str,
    trips: usize,
    left_out: usize,
    from_start_p50_ns: f64,
    from_start_p99_ns: f64,
    from_return_p50_ns: f64,
    from_return_p99_ns: f64,
    report_p50_ns: f64,
    late_admissions: usize,
}

impl Row {
    fn of(contender: &'static str, trips: &[Trip]) -> Self {
        let ran: Vec<_> = trips.iter().filter(|trip| trip.ran).collect();
        let at = |of: fn(&Trip) -> f64, part| {
            let times: Vec<_> = ran.iter().map(|trip| of(trip)).collect();
            quantile(&times, part)
        };
        Self {
            contender,
            trips: ran.len(),
            left_out: trips.len() - ran.len(),
            from_start_p50_ns: at(|trip| trip.from_start, 0.5),
            from_start_p99_ns: at(|trip| trip.from_start, 0.99),
            from_return_p50_ns: at(|trip| trip.from_return, 0.5),
            from_return_p99_ns: at(|trip| trip.from_return, 0.99),
            report_p50_ns: at(|trip| trip.report, 0.5),
            late_admissions: trips.iter().map(|trip| trip.late).sum(),
        }
    }
}

fn main() -> ExitCode {
    results::run(bench)
}

fn bench() -> Result<(), Box<dyn Error>> {
    let options = Options::read(&[], &[])?;
    if thread::available_parallelism().map_or(1, usize::from) < 2 {
        println!("not measured: two threads have to run at the same time, and there is one core");
        return Ok(());
    }
    let keys = Keys::of(options.pick(1_000, 1_000, 50), 1);
    let mut trips = RACES.map(|_| Vec::new());
    for _ in 0..options.pick(11, 1, 1) {
        for ((_, race), trips) in RACES.iter().zip(&mut trips) {
            trips.extend(race(keys.names));
        }
    }
    let rows: Vec<_> = RACES
        .iter()
        .zip(&trips)
        .map(|((name, _), trips)| Row::of(name, trips))
        .collect();

    println!(
        "median, p99: from the start of the report that trips to the end of the first check that\n\
         the other thread saw rejected; after return: from the report's return, negative where the\n\
         rejection was first. late admissions: checks that were admitted and had begun after the\n\
         return; seen by an atomic flag, not by the clock. left out: trips during which one of the\n\
         two threads was preempted; their late admissions count.\n"
    );
    print!("{}", table(&rows).plain());
    if rows.iter().any(|row| row.late_admissions > 0) {
        return Err("a check was admitted after the trip had returned".into());
    }
    let goal = |row: &Row| Goal {
        label: format!(
            "median below 1 µs from the start of the report: {}",
            row.contender
        ),
        found: duration(row.from_start_p50_ns),
        is_met: row.from_start_p50_ns < 1_000.0,
    };
    let goals: Vec<_> = rows.iter().map(goal).collect();
    let id = (&options, env!("CARGO_TARGET_TMPDIR"), "trips");
    results::give(id, &goals, None, &rows)?;
    Ok(())
}

fn table(rows: &[Row]) -> Table {
    let mut table = Table::new(&[
        "first rejection elsewhere",
        "median",
        "p99",
        "after return: median",
        "p99",
        "late admissions",
        "left out",
    ]);
    for row in rows {
        let times = [
            row.from_start_p50_ns,
            row.from_start_p99_ns,
            row.from_return_p50_ns,
            row.from_return_p99_ns,
        ];
        let mut line = vec![row.contender.to_owned()];
        line.extend(times.map(duration));
        line.push(row.late_admissions.to_string());
        line.push(format!("{} of {}", row.left_out, row.left_out + row.trips));
        table.push(line);
    }
    table
}
