//! Rounds in which each subject has its turn, and what they say.

use crate::cells::{Cell, MILLION, is_crowded};
use breakerbox_benches::case::Case;
use breakerbox_benches::rounds::{quantile, ratio, take_turns};
use breakerbox_benches::subjects::{
    MUTEX, PAPAYA, PAPAYA_FAST, STORE, STORE_FAST, STORE_FEW, SUBJECTS, Subject,
};
use breakerbox_benches::threads;
use breakerbox_benches::world::World;

/// How long and how often is measured.
#[derive(Clone, Copy)]
pub(crate) struct Effort {
    pub(crate) rounds: usize,
    pub(crate) round_ns: f64,
    /// Rounds of more threads than cores: as long as it takes for each to have had a core.
    pub(crate) crowded: (usize, f64),
    /// Of a million keys only those subjects that goals are about: others take long to make.
    pub(crate) is_lean: bool,
}

/// What is worth making for a million keys in a short run.
const LEAN: &[&str] = &[STORE, STORE_FAST, STORE_FEW, PAPAYA, PAPAYA_FAST, MUTEX];

/// One subject in one cell.
pub(crate) struct Row {
    pub(crate) cell: Cell,
    pub(crate) subject: &'static Subject,
    /// Nanoseconds per operation, by round.
    rounds: Vec<f64>,
}

impl Row {
    pub(crate) fn median(&self) -> f64 {
        quantile(&self.rounds, 0.5)
    }

    /// Nine rounds of ten took longer.
    pub(crate) fn low(&self) -> f64 {
        quantile(&self.rounds, 0.1)
    }

    /// Nine rounds of ten took less.
    pub(crate) fn high(&self) -> f64 {
        quantile(&self.rounds, 0.9)
    }

    /// How many times longer than `other` it takes: the median of the rounds' own ratios, so that
    /// what disturbs a round disturbs both.
    pub(crate) fn over(&self, other: &Row) -> f64 {
        ratio(&self.rounds, &other.rounds)
    }
}

/// Every cell, one by one, with those subjects that are `wanted`.
pub(crate) struct Measurement {
    effort: Effort,
    cores: usize,
    /// The latest: the next cell may be of the same.
    world: Option<World>,
}

impl Measurement {
    pub(crate) fn new(effort: Effort, cores: usize) -> Self {
        Self {
            effort,
            cores,
            world: None,
        }
    }

    pub(crate) fn cell(&mut self, cell: Cell, wanted: impl Fn(&Subject) -> bool) -> Vec<Row> {
        let (effort, cores) = (self.effort, self.cores);
        let world = self.world(cell);
        let lean = effort.is_lean && cell.keys >= MILLION;
        let subjects = SUBJECTS
            .iter()
            .filter(|subject| wanted(subject) && (!lean || LEAN.contains(&subject.name)));
        let (subjects, cases): (Vec<_>, Vec<_>) = subjects
            .filter_map(|subject| Some((subject, subject.case(world, cell.work)?)))
            .unzip();

        let (rounds, round_ns) = match is_crowded(cell.threads, cores) {
            true => effort.crowded,
            false => (effort.rounds, effort.round_ns),
        };
        let lengths = cases
            .iter()
            .map(|case| length(case, cell, round_ns, rounds));
        let (ops, rounds): (Vec<_>, Vec<_>) = lengths.unzip();
        let taken = take_turns(&rounds, |i| time(&cases[i], cell, ops[i]));
        if cell.work.fills() {
            // The next work finds every circuit clean.
            cases.iter().for_each(Case::reset);
        }

        let row = |(subject, rounds)| Row {
            cell,
            subject,
            rounds,
        };
        subjects.into_iter().zip(taken).map(row).collect()
    }

    fn world(&mut self, cell: Cell) -> &World {
        let threads = cell.threads.max(2 * self.cores);
        let rules = cell.work.rules();
        let fits = |world: &World| {
            let keys = world.keys;
            (keys.names.len(), world.rules) == (cell.keys, rules) && keys.threads >= threads
        };
        if !self.world.as_ref().is_some_and(fits) {
            // Both at once might be too much for the memory.
            self.world = None;
        }
        let world = self
            .world
            .get_or_insert_with(|| World::new(cell.keys, threads, rules));
        world.enter(cell.gate, cell.distribution);
        world
    }
}

fn time(case: &Case<'_>, cell: Cell, ops: usize) -> f64 {
    if cell.work.fills() {
        case.make_room(threads::all(case, ops), cell.work.most(cell.threads));
    }
    let ns = threads::time(case, cell.threads, ops);
    case.assert_one_trip();
    ns
}

/// How many operations each thread does per round, and in how many rounds of at most so many.
///
/// A round has to be long enough for what it measures. Where a subject takes a second for that, as
/// those do that all threads wait for, the first few rounds have to do: their spread means less, and
/// they are far from whatever they are compared with.
fn length(case: &Case<'_>, cell: Cell, round_ns: f64, rounds: usize) -> (usize, usize) {
    /// Of all rounds of a subject in a cell.
    const MOST_NS: f64 = 1.5e9;
    const FEWEST: usize = 5;

    let most = cell.work.most(cell.threads);
    let (ns, ops) = if cell.work.is_fixed() {
        (time(case, cell, most), most)
    } else {
        let least = threads::least(case);
        let mut ns = time(case, cell, least);
        if ns * least as f64 <= 0.1 * MOST_NS {
            ns = (0..2).fold(ns, |ns, _| ns.min(time(case, cell, least)));
        }
        let most = most - threads::all(case, 0);
        (ns, ((round_ns / ns) as usize).clamp(least, most))
    };
    let round = ns * (ops + threads::warm_up(case)) as f64;
    let affordable = (MOST_NS / round) as usize;
    (ops, affordable.max(FEWEST).min(rounds))
}
