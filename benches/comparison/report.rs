//! The results, for a terminal and for programs.

use crate::goals::{Judged, Verdict};
use crate::measure::Row;
use breakerbox_benches::subjects::{FETCH_ADD, LOAD, MUTEX};
use serde_json::{Value, json};

/// The rows of one cell, with their ratios to its mutex store and to its floor.
pub(crate) fn print(rows: &[Row]) {
    let [first, ..] = rows else { return };
    let cell = first.cell;
    println!(
        "\n{}, {}, {}, {}, {}    ({cell})",
        cell.work.label(),
        count(cell.keys, "key"),
        cell.distribution.label(),
        count(cell.threads, "thread"),
        cell.gate.label()
    );
    println!(
        "  {:<34} {:>9} {:>17}  {:>11} {:>8}",
        "", "ns", "10 % – 90 %", "mutex store", "floor"
    );
    let beside = |name| rows.iter().find(|row| row.subject.name == name);
    let floor = beside(LOAD).or(beside(FETCH_ADD));
    for row in rows {
        let spread = format!("{} – {}", ns(row.low()), ns(row.high()));
        let speed = beside(MUTEX).map_or(String::new(), |mutex| times(mutex.over(row)));
        let cost = floor.map_or(String::new(), |floor| times(row.over(floor)));
        let median = ns(row.median());
        println!(
            "  {:<34} {median:>9} {spread:>17}  {speed:>11} {cost:>8}",
            row.subject.name
        );
    }
}

pub(crate) fn legend() {
    println!(
        "ns: median of the rounds, for one operation as each thread sees it. mutex store: how many\n\
         times as fast as it. floor: how many times as long as the bare atomic operation takes."
    );
}

/// Each goal, and under it the cells in which it was missed.
pub(crate) fn print_goals(goals: &[Judged]) {
    println!("\nGoals");
    for Judged { goal, cells } in goals {
        let met = cells.iter().filter(|verdict| verdict.is_met).count();
        let is_met = met == cells.len();
        let verdict = if is_met { "met" } else { "MISSED" };
        println!(
            "  {verdict:<6} {met:>2} of {:>2}  {}",
            cells.len(),
            goal.label()
        );
        for verdict in cells {
            if !verdict.is_met || cells.len() <= 2 {
                print_verdict(verdict);
            }
        }
    }
    let met = goals
        .iter()
        .filter(|judged| judged.cells.iter().all(|verdict| verdict.is_met))
        .count();
    println!("  {met} of {} met", goals.len());
}

fn print_verdict(verdict: &Verdict) {
    let Verdict {
        cell,
        against,
        ratio,
        is_met,
    } = verdict;
    let missed = if *is_met { "" } else { "  missed" };
    println!("{:>26}  {cell}, {against}{missed}", times(*ratio));
}

pub(crate) fn json(rows: &[Row]) -> Value {
    let row = |row: &Row| {
        json!({
            "work": row.cell.work.label(),
            "subject": row.subject.name,
            "hasher": row.subject.hasher,
            "keys": row.cell.keys,
            "distribution": row.cell.distribution.label(),
            "threads": row.cell.threads,
            "state": row.cell.gate.label(),
            "median_ns": row.median(),
            "low_ns": row.low(),
            "high_ns": row.high(),
        })
    };
    rows.iter().map(row).collect()
}

/// `10,000 keys`.
pub(crate) fn count(number: usize, of: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    let digits = number.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    format!("{text} {of}{plural}")
}

/// Three significant digits, about.
pub(crate) fn ns(value: f64) -> String {
    match value {
        10.0.. if value >= 99.95 => format!("{value:.0}"),
        9.995.. => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

pub(crate) fn times(ratio: f64) -> String {
    format!("{} ×", ns(ratio))
}
