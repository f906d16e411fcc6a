//! The results: a table, goals, and for programs.

use crate::subjects::{Row, STORE, State};
use breakerbox_benches::table::{Table, verdict};
use serde_json::{Value, json};

/// For a key that has failed, beside the key: the string, and its bytes on the heap.
const GOAL: f64 = 192.0;

/// A row for each subject and state, columns for each number of keys.
pub(crate) fn table(rows: &[Row], counts: &[usize]) -> Table {
    let mut head = vec!["bytes per key".to_owned()];
    for count in counts {
        head.push(format!("{count} keys"));
        head.push("without key".into());
    }
    let head: Vec<_> = head.iter().map(|cell| &**cell).collect();
    let mut table = Table::new(&head);
    for first in rows.iter().filter(|row| row.keys == counts[0]) {
        let mut line = vec![format!("{}: {}", first.state.label(), first.subject)];
        for &count in counts {
            let is_it = |row: &&Row| {
                (row.subject, row.state, row.keys) == (first.subject, first.state, count)
            };
            if let Some(row) = rows.iter().find(is_it) {
                line.push(format!("{:.1}", row.bytes_per_key));
                line.push(format!("{:.1}", row.bytes_without_key));
            }
        }
        table.push(line);
    }
    table
}

pub(crate) fn print_goals(rows: &[Row]) {
    println!("\nGoals");
    for row in rows.iter().filter(|row| row.subject == STORE) {
        let (value, is_met, goal) = match row.state {
            State::Healthy => {
                let bytes = row.bytes_per_key;
                (bytes, bytes == 0.0, "nothing for a key that never failed")
            }
            State::FailedOnce => {
                let bytes = row.bytes_without_key - size_of::<String>() as f64;
                let goal = "≤ 192 beside its key, its String included, for one that did";
                (bytes, bytes <= GOAL, goal)
            }
            State::Calls | State::Time => continue,
        };
        println!(
            "  {:<6} {value:>6.1}  {goal}, {} keys",
            verdict(is_met),
            row.keys
        );
    }
}

pub(crate) fn json(rows: &[Row]) -> Value {
    let row = |row: &Row| {
        json!({
            "subject": row.subject,
            "keys": row.keys,
            "state": row.state.label(),
            "bytes_per_key": row.bytes_per_key,
            "bytes_without_key": row.bytes_without_key,
        })
    };
    rows.iter().map(row).collect()
}
