//! The results: tables, goals, and for programs.

use crate::stops::Stop;
use crate::workers::{Seen, Situation};
use breakerbox_benches::contenders::{HANDLE, STORE};
use breakerbox_benches::results::Goal;
use breakerbox_benches::table::{Table, duration, percent};
use serde::Serialize;

/// The share of their usual work below which the other threads count as stalled.
const STALL: f64 = 0.1;

#[derive(Serialize)]
pub(crate) struct Row {
    situation: &'static str,
    contender: &'static str,
    threads: usize,
    operations: u64,
    p50_ns: u64,
    p99_ns: u64,
    p999_ns: u64,
    max_ns: u64,
    blocked: u64,
    blocked_longest_ns: u64,
    /// A share of the threads' time.
    blocked_share: f64,
    stops: usize,
    stalls: usize,
    stops_inside: usize,
    stalls_inside: usize,
}

impl Row {
    pub(crate) fn of(seen: &Seen) -> Self {
        let (done, time) = seen.unhindered;
        let usual = done as f64 / time.as_secs_f64();
        let is_stall =
            |stop: &&Stop| (stop.others_did as f64) < STALL * usual * stop.lasted.as_secs_f64();
        let inside = || seen.stops.iter().filter(|stop| stop.inside);
        let at = |quantile| seen.latencies.value_at_quantile(quantile);
        let blocked = seen.blocked;
        Self {
            situation: seen.situation.name,
            contender: seen.contender,
            threads: seen.situation.threads,
            operations: seen.latencies.len(),
            p50_ns: at(0.5),
            p99_ns: at(0.99),
            p999_ns: at(0.999),
            max_ns: seen.latencies.max(),
            blocked: blocked.operations,
            blocked_longest_ns: blocked.longest.as_nanos() as u64,
            blocked_share: blocked.time.as_secs_f64() / blocked.time_of_all.as_secs_f64(),
            stops: seen.stops.len(),
            stalls: seen.stops.iter().filter(is_stall).count(),
            stops_inside: inside().count(),
            stalls_inside: inside().filter(is_stall).count(),
        }
    }
}

/// Makes a table of one situation.
pub(crate) fn table(situation: Situation, rows: &[Row]) -> Table {
    let title = format!("{}, {} threads", situation.name, situation.threads);
    let mut table = Table::new(&[
        &title,
        "p50",
        "p99",
        "p99.9",
        "max",
        "blocked",
        "time blocked",
        "stops that stall all",
    ]);
    for row in rows.iter().filter(|row| row.situation == situation.name) {
        let mut line = vec![row.contender.to_owned()];
        let times = [row.p50_ns, row.p99_ns, row.p999_ns, row.max_ns];
        line.extend(times.map(|ns| duration(ns as f64)));
        line.extend([row.blocked.to_string(), percent(row.blocked_share)]);
        line.push(match row.stops {
            0 => "–".to_owned(),
            stops => format!("{} of {stops}", row.stalls),
        });
        table.push(line);
    }
    table
}

pub(crate) fn goals(rows: &[Row]) -> Vec<Goal> {
    let own = rows
        .iter()
        .filter(|row| [HANDLE, STORE].contains(&row.contender));
    let goal = |row: &Row| Goal {
        label: format!(
            "operations that wait for another thread: {}, {}",
            row.contender, row.situation
        ),
        found: row.blocked.to_string(),
        is_met: row.blocked == 0,
    };
    own.map(goal).collect()
}
