//! The goals, and whether they are met.

use serde_json::{Value, json};

use crate::down::Scenario;
use crate::process::Breaker;
use crate::report::{paired, percent};
use crate::saturation::{Contender, Saturation};
use crate::stats::median;
use crate::upstream::Mode;

/// A greater difference, outside the spread, counts as one.
const MOST: f64 = 0.02;

/// A goal, the finding, and whether that meets it.
#[derive(Debug)]
pub(crate) struct Judged {
    pub(crate) goal: &'static str,
    pub(crate) found: String,
    pub(crate) is_met: bool,
}

impl Judged {
    pub(crate) fn json(&self) -> Value {
        json!({ "goal": self.goal, "found": self.found, "met": self.is_met })
    }
}

pub(crate) fn judge(saturation: &Saturation, down: &[Scenario]) -> Vec<Judged> {
    let mut judged: Vec<_> = throughput(saturation).into_iter().collect();
    judged.extend(sooner(
        down,
        Mode::Hangs,
        "an upstream hangs: half of its callers have their answer sooner than with the breaker off",
    ));
    judged.extend(sooner(
        down,
        Mode::Refuses,
        "an upstream refuses connections: half of its callers have their answer no later",
    ));
    judged.extend(workers(down));
    judged
}

fn throughput(saturation: &Saturation) -> Option<Judged> {
    let found = saturation.difference(Contender::On, |run| Some(run.rate))?;
    let chance = saturation.difference(Contender::OffAgain, |run| Some(run.rate))?;
    let apart = found.medians.abs();
    let inside = if apart < MOST {
        "below 2 %"
    } else if apart <= found.spread {
        "not below 2 %, but inside the spread"
    } else {
        "neither"
    };
    Some(Judged {
        goal: "at saturation: requests/s differ by less than 2 %, or less than the spread",
        found: format!(
            "{}, spread {:.1} %: {inside}; turn by turn {}; two with it off differ by {}",
            percent(found.medians),
            found.spread * 100.0,
            paired(found),
            percent(chance.medians)
        ),
        is_met: apart < MOST || apart <= found.spread,
    })
}

/// Returns `figure` of a mode with the breaker off and on.
pub(crate) fn both(
    down: &[Scenario],
    mode: Mode,
    figure: impl Fn(&Scenario) -> f64,
) -> Option<(f64, f64)> {
    let of = |breaker| {
        let scenario = down
            .iter()
            .find(|scenario| (scenario.mode, scenario.breaker) == (mode, breaker));
        scenario.map(&figure)
    };
    of(Breaker::Off).zip(of(Breaker::On))
}

fn sooner(down: &[Scenario], mode: Mode, goal: &'static str) -> Option<Judged> {
    let (off, on) = both(down, mode, |scenario| {
        median(&scenario.all(|run| &run.down))
    })?;
    Some(Judged {
        goal,
        found: format!("{on:.2} ms instead of {off:.2}"),
        is_met: on <= off,
    })
}

fn workers(down: &[Scenario]) -> Option<Judged> {
    let (off, on) = both(down, Mode::Hangs, |scenario| {
        median(&scenario.each(|run| run.worked))
    })?;
    Some(Judged {
        goal: "an upstream hangs: workers get more from the healthy one",
        found: format!("{on:.0} answers/s instead of {off:.0}"),
        is_met: on > off,
    })
}
