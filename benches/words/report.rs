//! The results: a table, and for programs.

use crate::{NAMES, Row};
use breakerbox_benches::rounds::{quantile, ratio};
use breakerbox_benches::table::Table;
use serde_json::{Value, json};

pub(crate) fn table(rows: &[Row]) -> Table {
    let [wide, coarse, ours] = NAMES;
    let mut table = Table::new(&[
        "ns for one operation (10 % – 90 % of rounds)",
        wide,
        coarse,
        ours,
        "128 / ours",
        "64 / ours",
    ]);
    for row in rows {
        let [wide, coarse, ours] = &row.rounds[..] else {
            unreachable!("there are three contenders");
        };
        let mut line = vec![row.label.clone()];
        line.extend([wide, coarse, ours].map(|times| {
            let [low, median, high] = [0.1, 0.5, 0.9].map(|part| quantile(times, part));
            format!("{median:.2} ({low:.2} – {high:.2})")
        }));
        line.extend([wide, coarse].map(|times| format!("{:.2} ×", ratio(times, ours))));
        table.push(line);
    }
    table
}

pub(crate) fn json(rows: &[Row]) -> Value {
    let of_row = |row: &Row| {
        let contenders = NAMES.iter().zip(&row.rounds).map(|(contender, times)| {
            json!({
                "work": row.label,
                "contender": contender,
                "median_ns": quantile(times, 0.5),
                "low_ns": quantile(times, 0.1),
                "high_ns": quantile(times, 0.9),
            })
        });
        contenders.collect::<Vec<_>>()
    };
    rows.iter().flat_map(of_row).collect()
}
