//! The table of `BENCHMARKS.md`.

use crate::down::Scenario;
use crate::report::{FIGURES, Summary, paired};
use crate::saturation::{Contender, Run, Saturation};
use crate::stats::median;
use crate::upstream::Mode;

/// Returns the table between the marks by which `cargo xtask bench --record` finds it.
pub(crate) fn section(saturation: &Saturation, down: &[Scenario]) -> String {
    let mut table = String::from(
        "| upstream | breaker | p50 ms | p99 ms | calls tried | healthy route's p50 ms | its answers/s |\n\
         |---|---|--:|--:|--:|--:|--:|\n",
    );
    for (breaker, contender) in [("off", Contender::Off), ("on", Contender::On)] {
        let runs = saturation.of(contender);
        let of = |figure: fn(&Run) -> f64| median(&runs.iter().map(figure).collect::<Vec<_>>());
        let (p50, p99, rate) = (of(|run| run.p50), of(|run| run.p99), of(|run| run.rate));
        table +=
            &format!("| answers at once | {breaker} | {p50:.2} | {p99:.2} | – | – | {rate:.0} |\n");
    }
    for scenario in down.iter().filter(|scenario| scenario.mode != Mode::Well) {
        let found = Summary::of(scenario);
        table += &format!(
            "| {} | {} | {:.2} | {:.2} | {:.0} of {:.0} | {:.2} | {:.0} |\n",
            scenario.mode.label(),
            scenario.breaker.label(),
            found.p50,
            found.p99,
            found.tried,
            found.calls,
            found.healthy[0],
            found.worked,
        );
    }
    let differences = FIGURES.iter().filter_map(|&(label, figure)| {
        let found = saturation.difference(Contender::On, figure)?;
        Some(format!("{label} {}", paired(found)))
    });
    let differences: Vec<_> = differences.collect();
    format!(
        "<!-- end-to-end -->\n{table}\nOn − off, turn by turn (95 %): {}.\n<!-- /end-to-end -->",
        differences.join(", ")
    )
}
