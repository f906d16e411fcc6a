//! The results, for a terminal and for programs.

use crate::measure::Row;
use breakerbox_benches::contenders::{FLOOR, MUTEX};
use breakerbox_benches::table::{Table, count, ns, times};
use serde_json::{Value, json};

/// Prints the rows of one scenario, with their ratios to its mutex store and to its floor.
pub(crate) fn print(rows: &[Row]) {
    let [first, ..] = rows else { return };
    let scenario = first.scenario;
    let threads = count(scenario.threads, "thread");
    println!("\n{}, {threads}    ({scenario})", scenario.situation());
    let beside = |name| rows.iter().find(|row| row.contender.name == name);
    let mut table = Table::new(&["", "ns", "10 % – 90 %", "mutex store", "floor"]);
    for row in rows {
        table.push(vec![
            row.contender.name.to_owned(),
            ns(row.median()),
            format!("{} – {}", ns(row.low()), ns(row.high())),
            beside(MUTEX).map_or(String::new(), |mutex| times(mutex.over(row))),
            beside(FLOOR).map_or(String::new(), |floor| times(row.over(floor))),
        ]);
    }
    print!("{}", table.plain());
}

pub(crate) fn legend() {
    println!(
        "ns: median of the rounds, for one operation as each thread sees it. mutex store: how many\n\
         times as fast as it. floor: how many times as long as the bare atomic operation takes."
    );
}

pub(crate) fn json(rows: &[Row]) -> Value {
    let row = |row: &Row| {
        json!({
            "work": row.scenario.work.label(),
            "contender": row.contender.name,
            "keys": row.scenario.keys,
            "threads": row.scenario.threads,
            "condition": row.scenario.condition.label(),
            "median_ns": row.median(),
            "low_ns": row.low(),
            "high_ns": row.high(),
        })
    };
    rows.iter().map(row).collect()
}
