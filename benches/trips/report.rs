//! The results: tables, goals, and for programs.

use crate::race::{Seen, Trip};
use breakerbox_benches::table::{Table, duration, verdict};
use serde_json::{Value, json};

/// From the start of the report that trips.
const GOAL_NS: f64 = 1_000.0;

pub(crate) fn table(seen: &[Seen]) -> Table {
    let mut table = Table::new(&[
        "first rejection elsewhere",
        "trips",
        "median",
        "p99",
        "after return: median",
        "p99",
        "report: median",
        "late admissions",
        "left out",
    ]);
    for of in seen {
        let [start, back, report] = of.times();
        table.push(vec![
            of.subject.into(),
            start.len().to_string(),
            duration(quantile(&start, 0.5)),
            duration(quantile(&start, 0.99)),
            duration(quantile(&back, 0.5)),
            duration(quantile(&back, 0.99)),
            duration(quantile(&report, 0.5)),
            of.late().to_string(),
            (of.trips.len() - start.len()).to_string(),
        ]);
    }
    table
}

pub(crate) fn print_goals(seen: &[Seen], ours: &[&str]) {
    println!("\nGoals");
    for of in seen.iter().filter(|of| ours.contains(&of.subject)) {
        let median = quantile(&of.times()[0], 0.5);
        println!(
            "  {:<6} {:>8}  median below 1 µs from the start of the report: {}",
            match median.is_nan() {
                true => "–",
                false => verdict(median < GOAL_NS),
            },
            duration(median),
            of.subject
        );
        let late = of.late();
        println!(
            "  {:<6} {late:>8}  no check admitted that began after the trip had returned: {}",
            verdict(late == 0),
            of.subject
        );
    }
}

pub(crate) fn json(seen: &[Seen]) -> Value {
    let row = |of: &Seen| {
        let [start, back, report] = of.times();
        json!({
            "subject": of.subject,
            "trips": start.len(),
            "left_out": of.trips.len() - start.len(),
            "from_start_p50_ns": quantile(&start, 0.5),
            "from_start_p99_ns": quantile(&start, 0.99),
            "from_return_p50_ns": quantile(&back, 0.5),
            "from_return_p99_ns": quantile(&back, 0.99),
            "report_p50_ns": quantile(&report, 0.5),
            "late_admissions": of.late(),
        })
    };
    seen.iter().map(row).collect()
}

impl Seen {
    pub(crate) fn late(&self) -> usize {
        self.trips.iter().map(|trip| trip.late).sum()
    }

    /// From the start of the reports, from their return, and how long they took; sorted. Without
    /// trips that are left out.
    fn times(&self) -> [Vec<f64>; 3] {
        let sorted = |of: fn(&Trip) -> f64| {
            let ran = self.trips.iter().filter(|trip| trip.ran);
            let mut times: Vec<_> = ran.map(of).collect();
            times.sort_by(f64::total_cmp);
            times
        };
        [
            sorted(|trip| trip.from_start),
            sorted(|trip| trip.from_return),
            sorted(|trip| trip.report),
        ]
    }
}

/// The value that a share of `part` of the sorted values is at or below; not a number if there is
/// none.
fn quantile(sorted: &[f64], part: f64) -> f64 {
    if sorted.is_empty() {
        return f64::NAN;
    }
    let rank = (part * sorted.len() as f64).ceil() as usize;
    sorted[rank.clamp(1, sorted.len()) - 1]
}
