//! The results: tables, goals, and for programs.

use crate::stops::Stop;
use crate::subjects::{HANDLE, STORE};
use crate::workers::{Blocked, Seen, Situation};
use breakerbox_benches::table::{Table, duration, percent, verdict};
use serde_json::{Value, json};

/// In a stall the others together do less than this part of their usual work.
const STALL: f64 = 0.1;

pub(crate) fn title(situation: Situation) -> String {
    let Situation { name, threads, .. } = situation;
    format!("{name}, {threads} threads")
}

/// The rows of one situation.
pub(crate) fn table(seen: &[Seen]) -> Table {
    let mut table = Table::new(&[
        "check + report",
        "p50",
        "p99",
        "p99.9",
        "max",
        "operations",
        "of them blocked",
        "longest block",
        "time blocked",
        "stops that stall all",
        "of those in an operation",
    ]);
    for of in seen {
        let blocked = of.blocked;
        let at = |quantile| duration(of.latencies.value_at_quantile(quantile) as f64);
        let share = |part: usize, all: usize| match all {
            0 => "–".into(),
            _ => format!("{part} of {all}"),
        };
        let (stalls, inside, inside_stalls) = of.stalls();
        table.push(vec![
            of.subject.into(),
            at(0.5),
            at(0.99),
            at(0.999),
            duration(of.latencies.max() as f64),
            of.latencies.len().to_string(),
            blocked.operations.to_string(),
            duration(blocked.longest.as_nanos() as f64),
            percent(blocked.share()),
            share(stalls, of.stops.len()),
            share(inside_stalls, inside),
        ]);
    }
    table
}

pub(crate) fn print_goals(seen: &[Vec<Seen>]) {
    println!("\nGoals");
    for group in seen {
        let beside = |subject| group.iter().find(|of| of.subject == subject);
        for own in [HANDLE, STORE].into_iter().filter_map(beside) {
            let blocked = own.blocked.operations;
            println!(
                "  {:<6} {blocked:>4}  operations that wait for another thread: {}, {}",
                verdict(blocked == 0),
                own.subject,
                title(own.situation)
            );
        }
    }
}

pub(crate) fn json(seen: &[Vec<Seen>]) -> Value {
    let row = |of: &Seen| {
        let at = |quantile| of.latencies.value_at_quantile(quantile);
        let recorded = of.latencies.iter_recorded();
        let histogram: Vec<_> = recorded
            .map(|step| (step.value_iterated_to(), step.count_since_last_iteration()))
            .collect();
        let (stalls, inside, inside_stalls) = of.stalls();
        json!({
            "situation": of.situation.name,
            "subject": of.subject,
            "threads": of.situation.threads,
            "p50_ns": at(0.5),
            "p99_ns": at(0.99),
            "p999_ns": at(0.999),
            "max_ns": of.latencies.max(),
            "count": of.latencies.len(),
            "blocked": of.blocked.operations,
            "blocked_longest_ns": of.blocked.longest.as_nanos() as u64,
            "blocked_share": of.blocked.share(),
            "stops": of.stops.len(),
            "stalls": stalls,
            "stops_inside": inside,
            "stalls_inside": inside_stalls,
            "histogram": histogram,
        })
    };
    seen.iter().flatten().map(row).collect()
}

impl Blocked {
    /// Of the threads' time.
    fn share(&self) -> f64 {
        self.time.as_secs_f64() / self.time_of_all.as_secs_f64()
    }
}

impl Seen {
    /// Stops that stalled all others, stops in an operation, and those that are both.
    fn stalls(&self) -> (usize, usize, usize) {
        let (done, time) = self.unhindered;
        let usual = done as f64 / time.as_secs_f64();
        let is_stall =
            |stop: &&Stop| (stop.others_did as f64) < STALL * usual * stop.lasted.as_secs_f64();
        let inside = || self.stops.iter().filter(|stop| stop.inside);
        (
            self.stops.iter().filter(is_stall).count(),
            inside().count(),
            inside().filter(is_stall).count(),
        )
    }
}
