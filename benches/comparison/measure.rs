//! Rounds in which each subject has its turn, and what they say.

use breakerbox_benches::rounds::{quantile, ratio, take_turns};
use breakerbox_benches::threads;
use breakerbox_benches::work::{Case, Work, cases};
use breakerbox_benches::world::{Gate, KEYS, SEGMENT, World};

/// How long and how often is measured.
#[derive(Clone, Copy)]
pub(crate) struct Effort {
    pub(crate) rounds: usize,
    pub(crate) round_ns: f64,
}

/// One subject at one work, in one situation.
pub(crate) struct Row {
    pub(crate) work: Work,
    pub(crate) subject: &'static str,
    pub(crate) keys: usize,
    pub(crate) threads: usize,
    pub(crate) gate: Gate,
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

    /// Whether both were measured side by side.
    pub(crate) fn is_beside(&self, other: &Row) -> bool {
        let group = |row: &Row| (row.work, row.keys, row.threads, row.gate);
        group(self) == group(other)
    }
}

/// Every work, group by group; `each` sees a group's rows as soon as they are there.
pub(crate) fn all(
    works: &[Work],
    threads: usize,
    effort: Effort,
    mut each: impl FnMut(&[Row]),
) -> Vec<Row> {
    let mut rows = Vec::new();
    let counts = if threads == 1 {
        vec![1]
    } else {
        vec![1, threads]
    };
    for keys in KEYS {
        for gate in [Gate::Down, Gate::Up] {
            let world = World::new(keys, threads, gate);
            for &work in works {
                if gate == Gate::Up && !work.checks() {
                    continue;
                }
                for &threads in &counts {
                    let group = group(&world, (work, threads, gate), effort);
                    each(&group);
                    rows.extend(group);
                }
            }
        }
    }
    rows
}

fn group(world: &World, situation: (Work, usize, Gate), effort: Effort) -> Vec<Row> {
    let (work, threads, gate) = situation;
    let cases = cases(world, work);
    let ops: Vec<_> = cases
        .iter()
        .map(|case| ops(case, situation, effort))
        .collect();

    let rounds = take_turns(cases.len(), effort.rounds, |i| {
        cases[i].reset();
        threads::time(&cases[i], threads, ops[i])
    });
    // The next work finds every circuit clean.
    cases.iter().for_each(Case::reset);

    let row = |(case, rounds): (&Case<'_>, _)| Row {
        work,
        subject: case.subject,
        keys: case.keys,
        threads,
        gate,
        rounds,
    };
    cases.iter().zip(rounds).map(row).collect()
}

/// How many operations each thread does per round.
fn ops(case: &Case<'_>, (work, threads, _): (Work, usize, Gate), effort: Effort) -> usize {
    let list = case.segments * SEGMENT;
    let tries = (0..3).map(|_| {
        case.reset();
        threads::time(case, threads, list.max(8 * SEGMENT))
    });
    let ns = tries.fold(f64::INFINITY, f64::min);
    let wanted = (effort.round_ns / ns) as usize;
    // A whole pass at least: else another part of the keys would be warm in each round.
    wanted.clamp(list, work.most(case, threads))
}
