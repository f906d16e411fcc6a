//! Rounds in which each contender has its turn, and their figures.

use crate::scenarios::Scenario;
use breakerbox_benches::case::Case;
use breakerbox_benches::contenders::{CONTENDERS, Contender};
use breakerbox_benches::fixture::Fixture;
use breakerbox_benches::rounds::{quantile, ratio, take_turns};
use breakerbox_benches::threads;

/// The number of rounds, and the length of each.
#[derive(Clone, Copy)]
pub(crate) struct Effort {
    pub(crate) rounds: usize,
    pub(crate) round_ns: f64,
}

/// One contender in one scenario.
pub(crate) struct Row {
    pub(crate) scenario: Scenario,
    pub(crate) contender: &'static Contender,
    /// Nanoseconds per operation, by round.
    rounds: Vec<f64>,
}

impl Row {
    pub(crate) fn median(&self) -> f64 {
        quantile(&self.rounds, 0.5)
    }

    /// Returns the time below which one round of ten stayed.
    pub(crate) fn low(&self) -> f64 {
        quantile(&self.rounds, 0.1)
    }

    /// Returns the time below which nine rounds of ten stayed.
    pub(crate) fn high(&self) -> f64 {
        quantile(&self.rounds, 0.9)
    }

    /// Returns the factor by which it takes longer than `other`.
    pub(crate) fn over(&self, other: &Row) -> f64 {
        ratio(&self.rounds, &other.rounds)
    }
}

/// Measures scenarios one by one.
pub(crate) struct Measurement {
    effort: Effort,
    cores: usize,
    /// The latest fixture, which the next scenario may share.
    fixture: Option<Fixture>,
}

impl Measurement {
    pub(crate) fn new(effort: Effort, cores: usize) -> Self {
        Self {
            effort,
            cores,
            fixture: None,
        }
    }

    /// Measures the contenders that are `wanted`.
    pub(crate) fn scenario(
        &mut self,
        scenario: Scenario,
        wanted: impl Fn(&Contender) -> bool,
    ) -> Vec<Row> {
        let effort = self.effort;
        let fixture = self.fixture(scenario);
        let contenders = CONTENDERS.iter().filter(|contender| wanted(contender));
        let (contenders, cases): (Vec<_>, Vec<_>) = contenders
            .filter_map(|contender| Some((contender, contender.case(fixture, scenario.work)?)))
            .unzip();
        if let Some(calls) = scenario.work.fills_windows() {
            // Circuits that have been in use for a while.
            cases
                .iter()
                .for_each(|case| _ = threads::time(case, 1, calls * scenario.keys));
        }
        let lengths = cases.iter().map(|case| length(case, scenario, effort));
        let (ops, rounds): (Vec<_>, Vec<_>) = lengths.unzip();
        let taken = take_turns(&rounds, |i| time(&cases[i], scenario, ops[i]));
        if scenario.work.fills() {
            // The next work starts with every circuit clean.
            cases.iter().for_each(Case::reset);
        }
        let row = |(contender, rounds)| Row {
            scenario,
            contender,
            rounds,
        };
        contenders.into_iter().zip(taken).map(row).collect()
    }

    fn fixture(&mut self, scenario: Scenario) -> &Fixture {
        let threads = scenario.threads.max(2 * self.cores);
        let rules = scenario.work.rules();
        let fits = |fixture: &Fixture| {
            let keys = &fixture.keys;
            (keys.names.len(), fixture.rules) == (scenario.keys, rules)
                && keys.lists.len() >= threads
        };
        if !self.fixture.as_ref().is_some_and(fits) {
            // Two fixtures at once might not fit in memory.
            self.fixture = None;
        }
        let make = || Fixture::new(scenario.keys, threads, rules);
        let fixture = self.fixture.get_or_insert_with(make);
        fixture.enter(scenario.condition);
        fixture
    }
}

fn time(case: &Case<'_>, scenario: Scenario, ops: usize) -> f64 {
    let Scenario { work, threads, .. } = scenario;
    if work.fills() {
        case.make_room(threads::all(case, ops), work.most(threads));
    }
    let ns = threads::time(case, threads, ops);
    case.assert_one_trip();
    ns
}

/// Returns the number of operations of each thread per round, and the number of rounds.
///
/// A round has to be long enough for what it measures. If that takes a second, as with contenders
/// whose threads all wait for one another, a few rounds have to do: their spread means less, but
/// their figures are far from the others.
fn length(case: &Case<'_>, scenario: Scenario, effort: Effort) -> (usize, usize) {
    /// The most time of all rounds of a contender in a scenario.
    const MOST_NS: f64 = 1.5e9;
    const FEWEST: usize = 5;

    let most = scenario.work.most(scenario.threads);
    let (ns, ops) = if scenario.work.is_fixed() {
        (time(case, scenario, most), most)
    } else {
        let least = threads::least(case);
        let mut ns = time(case, scenario, least);
        if ns * least as f64 <= 0.1 * MOST_NS {
            ns = (0..2).fold(ns, |ns, _| ns.min(time(case, scenario, least)));
        }
        let most = most - threads::all(case, 0);
        let wanted = (effort.round_ns / ns) as usize;
        (ns, wanted.clamp(least, most))
    };
    let round = ns * (ops + threads::warm_up(case)) as f64;
    let affordable = (MOST_NS / round) as usize;
    (ops, affordable.max(FEWEST).min(effort.rounds))
}
