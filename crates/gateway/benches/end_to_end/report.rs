//! The results, for a terminal and for programs.

use serde_json::{Value, json};

use crate::Effort;
use crate::down::{RATE, Run as DownRun, Scenario, TURN, WORKERS};
use crate::goals::{Judged, both};
use crate::saturation::{CONNECTIONS, CONTENDERS, Contender, Difference, Run, Saturation};
use crate::stats::{mean, median, quantile};
use crate::upstream::Mode;

/// A figure of one run at saturation.
type Figure = (&'static str, fn(&Run) -> Option<f64>);

pub(crate) const FIGURES: [Figure; 4] = [
    ("requests/s", |run| Some(run.rate)),
    ("p50", |run| Some(run.p50)),
    ("p99", |run| Some(run.p99)),
    ("gateway's CPU", |run| run.cpu),
];

impl Contender {
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::On => "breaker on",
            Self::Off => "breaker off",
            Self::OffAgain => "off, once more",
            Self::Direct => "no gateway",
        }
    }
}

impl Mode {
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Well => "nothing down",
            Self::Refuses => "refuses",
            Self::Hangs => "hangs",
        }
    }
}

pub(crate) fn legend(effort: Effort) {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    println!(
        "End to end, on {cores} cores that gateway, upstreams and callers share; {CONNECTIONS} connections at saturation.\n\
         Medians of {} rounds with new gateways, which take turns of {:?} each, {} times; p50 and p99 in ms, of all\n\
         requests of a round. CPU: µs of processor time of the gateway for a request; cores: that it kept busy.\n\
         spread: how far the middle half of all rounds with the breaker off reaches. Turn by turn: the median of\n\
         what a turn differs by from the next one with the breaker off, and where that median is with 95 %.",
        effort.rounds, effort.slice, effort.slices
    );
}

pub(crate) fn saturation(all: &Saturation) {
    println!(
        "\nAt saturation\n  {:<16} {:>10} {:>17} {:>8} {:>8} {:>8} {:>7}",
        "", "requests/s", "25 % – 75 %", "p50", "p99", "CPU", "cores"
    );
    for contender in CONTENDERS {
        row(contender.label(), all.of(contender));
    }
    println!(
        "\n  {:<30} {:>8} {:>8}   turn by turn (95 %)",
        "difference from off", "medians", "spread"
    );
    for contender in [Contender::On, Contender::OffAgain] {
        for (label, figure) in FIGURES {
            if let Some(found) = all.difference(contender, figure) {
                let label = format!("{}: {label}", contender.label());
                println!("  {label:<30} {}", difference(found));
            }
        }
    }
}

fn row(label: &str, runs: &[Run]) {
    let of = |figure: fn(&Run) -> f64| runs.iter().map(figure).collect::<Vec<_>>();
    let known = |figure: fn(&Run) -> Option<f64>, digits| {
        let values: Option<Vec<_>> = runs.iter().map(figure).collect();
        values.map_or("–".to_owned(), |values| {
            format!("{:.digits$}", median(&values))
        })
    };
    let rates = of(|run| run.rate);
    let spread = format!(
        "{:.0} – {:.0}",
        quantile(&rates, 0.25),
        quantile(&rates, 0.75)
    );
    println!(
        "  {label:<16} {:>10.0} {spread:>17} {:>8.2} {:>8.2} {:>8} {:>7}",
        median(&rates),
        median(&of(|run| run.p50)),
        median(&of(|run| run.p99)),
        known(|run| run.cpu, 1),
        known(|run| run.cores, 2),
    );
}

pub(crate) fn percent(share: f64) -> String {
    format!("{:+.1} %", share * 100.0)
}

/// Formats the differences turn by turn.
pub(crate) fn paired(found: Difference) -> String {
    let [middle, low, high] = found.paired.map(percent);
    format!("{middle} ({low} – {high})")
}

fn difference(found: Difference) -> String {
    let spread = format!("{:.1} %", found.spread * 100.0);
    let medians = percent(found.medians);
    format!("{medians:>8} {spread:>8}   {}", paired(found))
}

/// The figures of one scenario with an upstream down.
#[derive(Debug)]
pub(crate) struct Summary {
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    /// The calls made after the opening.
    pub(crate) afterwards: [f64; 2],
    pub(crate) healthy: [f64; 2],
    pub(crate) opened: Option<f64>,
    /// Medians of the runs.
    pub(crate) calls: f64,
    pub(crate) tried: f64,
    pub(crate) seen: f64,
    pub(crate) worked: f64,
}

impl Summary {
    pub(crate) fn of(scenario: &Scenario) -> Self {
        let quantiles = |of: fn(&DownRun) -> &[f64]| {
            let values = scenario.all(of);
            [0.5, 0.99].map(|part| quantile(&values, part))
        };
        let [p50, p99] = quantiles(|run| &run.down);
        let opened: Vec<_> = scenario.runs.iter().filter_map(|run| run.opened).collect();
        Self {
            p50,
            p99,
            afterwards: quantiles(|run| &run.afterwards),
            healthy: quantiles(|run| &run.healthy),
            opened: (!opened.is_empty()).then(|| median(&opened)),
            calls: median(&scenario.each(|run| run.down.len() as f64)),
            tried: median(&scenario.each(|run| run.tried as f64)),
            seen: median(&scenario.each(|run| run.seen as f64)),
            worked: median(&scenario.each(|run| run.worked)),
        }
    }
}

pub(crate) fn down(scenarios: &[Scenario]) {
    println!(
        "\nAn upstream down: {RATE} calls/s to it and {RATE} to a healthy route, in ms. tried: calls that were not\n\
         rejected; of those that an upstream refuses it sees none. opened: the first rejection.\n\
         workers: answers/s from the healthy route to {WORKERS} that call the other every {TURN}th time.\n  \
         {:<13} {:<8} {:>8} {:>8} {:>8} {:>16} {:>14} {:>16} {:>8}",
        "",
        "breaker",
        "p50",
        "p99",
        "opened",
        "then p50, p99",
        "tried, of all",
        "healthy p50, p99",
        "workers"
    );
    for scenario in scenarios {
        let found = Summary::of(scenario);
        let pair = |[p50, p99]: [f64; 2]| format!("{p50:.2}, {p99:.2}");
        let opened = found.opened.map(|ms| format!("{ms:.0}"));
        let afterwards = found.opened.map(|_| pair(found.afterwards));
        println!(
            "  {:<13} {:<8} {:>8.2} {:>8.2} {:>8} {:>16} {:>14} {:>16} {:>8.0}",
            scenario.mode.label(),
            scenario.breaker.label(),
            found.p50,
            found.p99,
            opened.as_deref().unwrap_or("–"),
            afterwards.as_deref().unwrap_or("–"),
            format!("{:.0}, {:.0}", found.tried, found.calls),
            pair(found.healthy),
            found.worked,
        );
    }
    for line in sooner(scenarios) {
        println!("  {line}");
    }
}

/// Says how much sooner callers of an upstream that is down get their answers.
pub(crate) fn sooner(scenarios: &[Scenario]) -> Vec<String> {
    let line = |mode: Mode| {
        let (off, on) = both(scenarios, mode, |scenario| Summary::of(scenario).p50)?;
        let (mean_off, mean_on) = both(scenarios, mode, |scenario| {
            mean(&scenario.all(|run| &run.down))
        })?;
        let times = off / on;
        let digits = if times < 10.0 { 1 } else { 0 };
        let mean = mean_off - mean_on;
        Some(format!(
            "{}: half of the callers have their answer within {on:.2} ms instead of {off:.2}, {times:.digits$} × as soon; \
             on average {:.2} ms {}",
            mode.label(),
            mean.abs(),
            if mean < 0.0 { "later" } else { "sooner" }
        ))
    };
    [Mode::Refuses, Mode::Hangs]
        .into_iter()
        .filter_map(line)
        .collect()
}

pub(crate) fn goals(goals: &[Judged]) {
    println!("\nGoals");
    for Judged {
        goal,
        found,
        is_met,
    } in goals
    {
        let verdict = if *is_met { "met" } else { "MISSED" };
        println!("  {verdict:<6} {goal}: {found}");
    }
    let met = goals.iter().filter(|goal| goal.is_met).count();
    println!("  {met} of {} met", goals.len());
}

pub(crate) fn saturation_json(all: &Saturation) -> Value {
    let runs = |runs: &[Run]| -> Value {
        let one = |run: &Run| {
            json!({
                "requests_per_second": run.rate,
                "p50_ms": run.p50,
                "p99_ms": run.p99,
                "gateway_cpu_us": run.cpu,
                "gateway_cores": run.cores,
            })
        };
        runs.iter().map(one).collect()
    };
    let difference = |contender| -> Value {
        let of = |(label, figure): Figure| {
            let found = all.difference(contender, figure)?;
            let [median, low, high] = found.paired;
            Some(json!({
                "figure": label,
                "of_medians": found.medians,
                "spread": found.spread,
                "by_turn": { "median": median, "low": low, "high": high },
            }))
        };
        FIGURES.into_iter().filter_map(of).collect()
    };
    json!({
        "connections": CONNECTIONS,
        "on": runs(all.of(Contender::On)),
        "off": runs(all.of(Contender::Off)),
        "off_again": runs(all.of(Contender::OffAgain)),
        "no_gateway": runs(all.of(Contender::Direct)),
        "difference_on": difference(Contender::On),
        "difference_off_again": difference(Contender::OffAgain),
    })
}

pub(crate) fn down_json(scenarios: &[Scenario]) -> Value {
    let one = |scenario: &Scenario| {
        let found = Summary::of(scenario);
        json!({
            "upstream": scenario.mode.label(),
            "breaker": scenario.breaker.label(),
            "runs": scenario.runs.len(),
            "p50_ms": found.p50,
            "p99_ms": found.p99,
            "p50_ms_of_runs": scenario.each(|run| median(&run.down)),
            "opened_ms": found.opened,
            "p50_p99_ms_once_open": found.opened.map(|_| found.afterwards),
            "healthy_p50_p99_ms": found.healthy,
            "calls": found.calls,
            "tried": found.tried,
            "seen_by_upstream": found.seen,
            "workers_answers_per_second": scenario.each(|run| run.worked),
        })
    };
    scenarios.iter().map(one).collect()
}
