//! Tables for documents.

use crate::down::Case;
use crate::report::{FIGURES, Summary, paired, percent, sooner};
use crate::saturation::{Difference, Run, SUBJECTS, Saturation, Subject};
use crate::stats::median;

/// Between the marks by which `cargo xtask bench --record` finds them.
pub(crate) fn tables(saturation: &Saturation, down: &[Case]) -> String {
    let (saturated, broken) = (saturated(saturation), broken(down));
    format!("<!-- end-to-end -->\n{saturated}\n{broken}<!-- /end-to-end -->")
}

fn saturated(all: &Saturation) -> String {
    let mut table = String::from(
        "| at saturation | requests/s | p50 ms | p99 ms | gateway's CPU, µs |\n|---|--:|--:|--:|--:|\n",
    );
    for subject in SUBJECTS {
        let (label, runs) = (subject.label(), all.of(subject));
        let of = |figure: fn(&Run) -> f64| median(&runs.iter().map(figure).collect::<Vec<_>>());
        let cpu: Option<Vec<_>> = runs.iter().map(|run| run.cpu).collect();
        let cpu = cpu.map_or("–".to_owned(), |cpu| format!("{:.1}", median(&cpu)));
        let (rate, p50, p99) = (of(|run| run.rate), of(|run| run.p50), of(|run| run.p99));
        table += &format!("| {label} | {rate:.0} | {p50:.2} | {p99:.2} | {cpu} |\n");
    }
    for (label, subject) in [("on − off", Subject::On), ("off − off", Subject::OffAgain)] {
        let columns = |say: fn(Difference) -> String| {
            let figures = FIGURES.map(|(_, figure)| {
                let found = all.difference(subject, figure);
                found.map_or("–".to_owned(), say)
            });
            figures.join(" | ")
        };
        table += &format!(
            "| {label} | {} |\n",
            columns(|found| percent(found.medians))
        );
        table += &format!("| {label}, turn by turn (95 %) | {} |\n", columns(paired));
    }
    table
}

fn broken(cases: &[Case]) -> String {
    let mut table = String::from(
        "| an upstream down | breaker | p50 ms | p99 ms | opened after ms | then p99 ms | calls tried | healthy p50 ms | p99 ms | workers' answers/s |\n\
         |---|---|--:|--:|--:|--:|--:|--:|--:|--:|\n",
    );
    for case in cases {
        let found = Summary::of(case);
        let once = |value: Option<f64>, digits| {
            value.map_or("–".to_owned(), |value| format!("{value:.digits$}"))
        };
        let [healthy, healthy_p99] = found.healthy;
        table += &format!(
            "| {} | {} | {:.2} | {:.2} | {} | {} | {:.0} of {:.0} | {healthy:.2} | {healthy_p99:.2} | {:.0} |\n",
            case.mode.label(),
            case.breaker.label(),
            found.p50,
            found.p99,
            once(found.opened, 0),
            once(found.opened.map(|_| found.afterwards[1]), 2),
            found.tried,
            found.calls,
            found.worked,
        );
    }
    for line in sooner(cases) {
        table += &format!("\n{line}.\n");
    }
    table
}
