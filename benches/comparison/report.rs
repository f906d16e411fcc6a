//! The results, for a terminal and for programs.

use crate::goals::{Judged, Verdict};
use crate::measure::Row;
use breakerbox_benches::contenders::{FLOOR, MUTEX};
use breakerbox_benches::table::{count, ns, times};
use serde_json::{Value, json};

/// Prints the rows of one scenario, with their ratios to its mutex store and to its floor.
pub(crate) fn print(rows: &[Row]) {
    let [first, ..] = rows else { return };
    let scenario = first.scenario;
    let threads = count(scenario.threads, "thread");
    println!("\n{}, {threads}    ({scenario})", scenario.situation());
    println!(
        "  {:<24} {:>9} {:>17}  {:>11} {:>8}",
        "", "ns", "10 % – 90 %", "mutex store", "floor"
    );
    let beside = |name| rows.iter().find(|row| row.contender.name == name);
    for row in rows {
        let spread = format!("{} – {}", ns(row.low()), ns(row.high()));
        let speed = beside(MUTEX).map_or(String::new(), |mutex| times(mutex.over(row)));
        let cost = beside(FLOOR).map_or(String::new(), |floor| times(row.over(floor)));
        let median = ns(row.median());
        println!(
            "  {:<24} {median:>9} {spread:>17}  {speed:>11} {cost:>8}",
            row.contender.name
        );
    }
}

pub(crate) fn legend() {
    println!(
        "ns: median of the rounds, for one operation as each thread sees it. mutex store: how many\n\
         times as fast as it. floor: how many times as long as the bare atomic operation takes."
    );
}

/// Prints each goal, and under it the scenarios in which it was missed.
pub(crate) fn print_goals(goals: &[Judged]) {
    println!("\nGoals");
    for judged in goals {
        let (met, of) = (judged.met(), judged.scenarios.len());
        let verdict = if met == of { "met" } else { "MISSED" };
        println!(
            "  {verdict:<6} {met:>2} of {of:>2}  {}",
            judged.goal.label()
        );
        for verdict in &judged.scenarios {
            if !verdict.is_met || of <= 2 {
                print_verdict(verdict);
            }
        }
    }
    println!("  {}", summary(goals));
}

fn print_verdict(verdict: &Verdict) {
    let Verdict {
        scenario,
        against,
        ratio,
        is_met,
    } = verdict;
    let missed = if *is_met { "" } else { "  missed" };
    println!("{:>26}  {scenario}, {against}{missed}", times(*ratio));
}

pub(crate) fn summary(goals: &[Judged]) -> String {
    let is_met = |judged: &&Judged| judged.met() == judged.scenarios.len();
    let met = goals.iter().filter(is_met).count();
    format!("{met} of {} goals are met.", goals.len())
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
