//! The results: for a terminal, for the README and for programs.

use crate::goals::Judged;
use crate::measure::Row;
use breakerbox_benches::work::{FETCH_ADD, HANDLE, LOAD, MUTEX, STORE, Work};
use breakerbox_benches::world::Gate;
use serde_json::{Value, json};

/// The rows of one group, with their ratios to its mutex store and to its floor.
pub(crate) fn print(group: &[Row]) {
    let [first, ..] = group else { return };
    println!(
        "\n{}, {}, {}, {}",
        first.work.label(),
        count(first.keys, "key"),
        count(first.threads, "thread"),
        first.gate.label()
    );
    println!(
        "  {:<18} {:>9} {:>17}  {:>11} {:>8}",
        "", "ns", "10 % – 90 %", "mutex store", "floor"
    );
    let beside = |subject| group.iter().find(|row| row.subject == subject);
    let floor = beside(LOAD).or(beside(FETCH_ADD));
    for row in group {
        let spread = format!("{} – {}", ns(row.low()), ns(row.high()));
        let speed = beside(MUTEX).map_or(String::new(), |mutex| times(mutex.over(row)));
        let cost = floor.map_or(String::new(), |floor| times(row.over(floor)));
        let median = ns(row.median());
        println!(
            "  {:<18} {median:>9} {spread:>17}  {speed:>11} {cost:>8}",
            row.subject
        );
    }
}

pub(crate) fn legend() {
    println!(
        "ns: median of the rounds, for one operation as each thread sees it. mutex store: how many\n\
         times as fast as it. floor: how many times as long as the bare atomic operation takes."
    );
}

pub(crate) fn print_goals(goals: &[Judged]) {
    println!("\nGoals");
    for Judged {
        goal,
        keys,
        threads,
        ratio,
        is_met,
    } in goals
    {
        println!(
            "  {:<6} {:>7}  {:<22} {} {}, {}, {}, {}",
            if *is_met { "met" } else { "MISSED" },
            times(*ratio),
            goal.bound(),
            goal.subject,
            goal.work.label(),
            goal.gate.label(),
            count(*keys, "key"),
            count(*threads, "thread"),
        );
    }
    let met = goals.iter().filter(|goal| goal.is_met).count();
    println!("  {met} of {} met", goals.len());
}

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
                    (row.work, row.gate, row.subject) == (work, gate, subject)
                        && (row.keys, row.threads) == (1, threads)
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

pub(crate) fn json(rows: &[Row]) -> Value {
    let row = |row: &Row| {
        json!({
            "work": row.work.label(),
            "subject": row.subject,
            "keys": row.keys,
            "threads": row.threads,
            "state": row.gate.label(),
            "median_ns": row.median(),
            "low_ns": row.low(),
            "high_ns": row.high(),
        })
    };
    rows.iter().map(row).collect()
}

fn count(number: usize, of: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {of}{plural}")
}

/// Three significant digits, about.
fn ns(value: f64) -> String {
    match value {
        10.0.. if value >= 99.95 => format!("{value:.0}"),
        9.995.. => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

fn times(ratio: f64) -> String {
    format!("{} ×", ns(ratio))
}
