//! The table of the README.

use crate::measure::Row;
use crate::report::{count, ns, times};
use breakerbox_benches::subjects::{HANDLE, MUTEX, STORE};
use breakerbox_benches::work::Work;
use breakerbox_benches::world::Gate;

/// The rows that a reader asks for first, on one hot key.
const README: &[(&str, Work, &str, Gate)] = &[
    ("check, by handle", Work::Check, HANDLE, Gate::Down),
    (
        "check, by key, nothing open",
        Work::Check,
        STORE,
        Gate::Down,
    ),
    (
        "check, by key, another circuit open",
        Work::Check,
        STORE,
        Gate::Up,
    ),
    (
        "check and success, by handle",
        Work::CheckSuccess,
        HANDLE,
        Gate::Down,
    ),
    (
        "check and success, by key, nothing open",
        Work::CheckSuccess,
        STORE,
        Gate::Down,
    ),
    (
        "check and success, by key, another circuit open",
        Work::CheckSuccess,
        STORE,
        Gate::Up,
    ),
    (
        "record a failure, by key",
        Work::RecordFailure,
        STORE,
        Gate::Down,
    ),
    ("snapshot, by key", Work::Snapshot, STORE, Gate::Down),
];

/// A table for the README: nanoseconds of ours and of the mutex store, on one hot key.
pub(crate) fn markdown(rows: &[Row], threads: &[usize]) -> String {
    let mut table = String::from("| ns for one operation |");
    for &threads in threads {
        let on = count(threads, "thread");
        table += &format!(" {on} | mutex store | × |");
    }
    table += &format!("\n|---|{}\n", "--:|--:|--:|".repeat(threads.len()));
    for &(label, work, subject, gate) in README {
        table += &format!("| {label} |");
        for &threads in threads {
            let row = |subject| {
                rows.iter().find(|row| {
                    let cell = row.cell;
                    (cell.work, cell.gate, row.subject.name) == (work, gate, subject)
                        && (cell.keys, cell.threads) == (1, threads)
                })
            };
            if let (Some(own), Some(mutex)) = (row(subject), row(MUTEX)) {
                let (own_ns, mutex_ns) = (ns(own.median()), ns(mutex.median()));
                table += &format!(" {own_ns} | {mutex_ns} | {} |", times(mutex.over(own)));
            }
        }
        table += "\n";
    }
    table
}
