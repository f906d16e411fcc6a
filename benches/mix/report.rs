//! The results: tables, goals, and for programs.

use crate::contenders::{Contender, NOTHING, Rule};
use crate::requests::Times;
use breakerbox_benches::contenders::{BREAKER, MUTEX, STORE};
use breakerbox_benches::results::Goal;
use breakerbox_benches::rounds::{quantile, ratio};
use breakerbox_benches::table::{Table, count, ns, times};
use serde::Serialize;

/// The least speed of store and breaker, as a multiple of the mutex store's, and the most that
/// their 99th percentile may be of its.
const GOALS: [(Rule, f64); 2] = [(Rule::Calls, 2.3), (Rule::Time, 1.3)];
const P99: f64 = 1.3;

/// One contender in one situation; times are those of a request.
#[derive(Clone, Serialize)]
pub(crate) struct Row {
    contender: &'static str,
    rule: &'static str,
    threads: usize,
    is_cold: bool,
    mean_ns: f64,
    p50_ns: f64,
    p99_ns: f64,
    /// The mean, the mutex store's divided by this one's; `NaN` for no operation.
    speed: f64,
    /// The 99th percentile, this one's divided by the mutex store's.
    p99_cost: f64,
}

impl Row {
    /// Makes the rows of a situation from the rounds of each contender.
    pub(crate) fn all(
        contenders: &[Contender],
        times: &[Vec<Times>],
        threads: usize,
        is_cold: bool,
    ) -> Vec<Self> {
        // The readings of the clock cost the same whatever is between them.
        let nothing = times[0].iter().map(|times| times.p50).collect::<Vec<_>>();
        let nothing = quantile(&nothing, 0.5);
        let figures = |i: usize, of: fn(&Times) -> f64| -> Vec<f64> {
            let own = times[i].iter().map(of);
            own.map(|ns| (ns - nothing).max(0.1)).collect()
        };
        let is_mutex = |rule| move |it: &Contender| it.name == MUTEX && it.rule == rule;
        let row = |(i, contender): (usize, &Contender)| {
            let (mean, p99) = (figures(i, |it| it.mean), figures(i, |it| it.p99));
            let mutex = contenders.iter().position(is_mutex(contender.rule));
            let over =
                |own: &[f64], of| mutex.map_or(f64::NAN, |mutex| ratio(own, &figures(mutex, of)));
            Self {
                contender: contender.name,
                rule: contender.rule.label(),
                threads,
                is_cold,
                mean_ns: quantile(&mean, 0.5),
                p50_ns: quantile(&figures(i, |it| it.p50), 0.5),
                p99_ns: quantile(&p99, 0.5),
                speed: 1.0 / over(&mean, |it| it.mean),
                p99_cost: over(&p99, |it| it.p99),
            }
        };
        let all = contenders.iter().enumerate().map(row);
        all.filter(|row| row.contender != NOTHING).collect()
    }

    fn is_own(&self) -> bool {
        [STORE, BREAKER].contains(&self.contender)
    }
}

impl Rule {
    fn label(self) -> &'static str {
        match self {
            Rule::None => "none",
            Rule::Calls => "100 calls",
            Rule::Time => "10 s",
        }
    }
}

/// Makes the table of one situation.
pub(crate) fn table(rows: &[Row]) -> Table {
    let first = &rows[0];
    let caches = if first.is_cold { "cold" } else { "hot" };
    let title = format!("{caches}, {}", count(first.threads, "thread"));
    let mut table = Table::new(&[
        &title,
        "rule",
        "mean, ns",
        "p50",
        "p99",
        "× mutex",
        "its p99 ×",
    ]);
    for row in rows {
        let name = match row.contender {
            own if row.is_own() || own.starts_with(STORE) => format!("**{own}**"),
            other => other.to_owned(),
        };
        table.push(vec![
            name,
            row.rule.to_owned(),
            ns(row.mean_ns),
            ns(row.p50_ns),
            ns(row.p99_ns),
            times(row.speed),
            times(row.p99_cost),
        ]);
    }
    table
}

/// Returns the tables with cold caches, with one thread and with all.
pub(crate) fn section(rows: &[Row], cores: usize) -> String {
    let mut text = String::new();
    let mut counts = vec![1, cores];
    counts.dedup();
    for threads in counts {
        let rows = rows
            .iter()
            .filter(|row| row.is_cold && row.threads == threads);
        let rows: Vec<_> = rows.cloned().collect();
        text += &format!("{}\n", table(&rows).markdown());
    }
    text
}

pub(crate) fn goals(rows: &[Row]) -> Vec<Goal> {
    let mut goals = Vec::new();
    for row in rows.iter().filter(|row| row.is_own()) {
        let least = GOALS.iter().find(|(rule, _)| rule.label() == row.rule);
        let Some((_, least)) = least else { continue };
        let caches = if row.is_cold { "cold" } else { "hot" };
        let threads = count(row.threads, "thread");
        let subject = format!("{}, {}, {caches}, {threads}", row.contender, row.rule);
        goals.push(Goal {
            label: format!("{subject}: ≥ {least} × the mutex store"),
            found: times(row.speed),
            is_met: row.speed >= *least,
        });
        goals.push(Goal {
            label: format!("{subject}: p99 ≤ {P99} × the mutex store's"),
            found: times(row.p99_cost),
            is_met: row.p99_cost <= P99,
        });
        let is_rival = |it: &&Row| {
            !it.contender.starts_with(STORE)
                && !it.is_own()
                && (it.rule, it.threads, it.is_cold) == (row.rule, row.threads, row.is_cold)
        };
        let rivals = rows.iter().filter(is_rival);
        let fastest = rivals.min_by(|a, b| a.mean_ns.total_cmp(&b.mean_ns));
        goals.extend(fastest.map(|fastest| Goal {
            label: format!("{subject}: no subject faster ({})", fastest.contender),
            found: times(row.mean_ns / fastest.mean_ns),
            is_met: row.mean_ns <= fastest.mean_ns,
        }));
    }
    goals
}
