//! The situations that are measured: a work, how many keys, how they are distributed, how many
//! threads, and what is open.

use breakerbox_benches::keys::Distribution::{self, Uniform, Zipf};
use breakerbox_benches::work::Work;
use breakerbox_benches::world::Gate::{self, Down, Hundredth, Up};
use std::fmt;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Cell {
    pub(crate) work: Work,
    pub(crate) keys: usize,
    pub(crate) distribution: Distribution,
    pub(crate) threads: usize,
    pub(crate) gate: Gate,
}

pub(crate) const MANY: usize = 10_000;
pub(crate) const MILLION: usize = 1_000_000;
const GATES: [(&str, Gate); 3] = [("down", Down), ("up", Up), ("1%", Hundredth)];

/// More threads than cores wait for each other.
pub(crate) fn is_crowded(threads: usize, cores: usize) -> bool {
    threads > cores
}

/// What a run without further words measures.
pub(crate) fn standard(cores: usize) -> Vec<Cell> {
    let (one, all, twice) = (1, cores, 2 * cores);
    let mut cells = Cells::default();
    for work in [Work::Check, Work::CheckSuccess] {
        cells.add(work, &[1], &[Uniform], &[one, all, twice], &[Down, Up]);
        cells.add(work, &[16], &[Uniform], &[one, all], &[Down, Up]);
        cells.add(work, &[MANY], &[Uniform], &[one, all, twice], &[Down, Up]);
        cells.add(work, &[MANY], &[Zipf], &[one, all], &[Down, Up]);
        cells.add(work, &[MANY], &[Uniform, Zipf], &[one, all], &[Hundredth]);
        cells.add(work, &[MILLION], &[Uniform], &[one, all], &[Down, Up]);
        cells.add(work, &[MILLION], &[Zipf], &[one, all], &[Up]);
    }
    let keys = [1, 16, MANY];
    cells.add(
        Work::CheckFailure,
        &keys,
        &[Uniform],
        &[one, all],
        &[Down, Up],
    );
    cells.add(
        Work::RecordFailure,
        &keys,
        &[Uniform],
        &[one, all, twice],
        &[Down],
    );
    cells.add(Work::RecordFailure, &[MANY], &[Zipf], &[one, all], &[Down]);
    cells.add(Work::Snapshot, &keys, &[Uniform], &[one, all], &[Down]);
    cells.add(Work::Snapshot, &[MANY], &[Zipf], &[one, all], &[Down]);
    cells.add(Work::Snapshot, &[MILLION], &[Uniform], &[one, all], &[Down]);
    cells.add(Work::Storm, &[1], &[Uniform], &[one, all, twice], &[Down]);
    cells.add(
        Work::Windowed,
        &[1, MANY],
        &[Uniform],
        &[one, all],
        &[Down, Up],
    );
    cells.sorted()
}

/// Those that the goals and the README's table are about.
pub(crate) fn quick(cores: usize) -> Vec<Cell> {
    let threads = &[1, cores];
    let mut cells = Cells::default();
    cells.add(Work::Check, &[1, MANY], &[Uniform], threads, &[Down, Up]);
    cells.add(Work::Check, &[MILLION], &[Uniform], threads, &[Down, Up]);
    cells.add(Work::CheckSuccess, &[1], &[Uniform], threads, &[Down, Up]);
    cells.add(
        Work::RecordFailure,
        &[1, MANY],
        &[Uniform],
        threads,
        &[Down],
    );
    cells.add(Work::Snapshot, &[1], &[Uniform], threads, &[Down]);
    cells.add(Work::Storm, &[1], &[Uniform], &[cores], &[Down]);
    cells.sorted()
}

/// How it goes on with more and more threads, up to one for each core.
pub(crate) fn by_threads(cores: usize) -> Vec<Cell> {
    let mut threads: Vec<_> = (0..).map(|n| 1 << n).take_while(|n| *n < cores).collect();
    threads.push(cores);
    let mut cells = Cells::default();
    let both = [Down, Up];
    cells.add(Work::Check, &[1], &[Uniform], &threads, &[Down]);
    cells.add(Work::Check, &[1, MANY], &[Uniform], &threads, &[Up]);
    cells.add(Work::CheckSuccess, &[1, MANY], &[Uniform], &threads, &both);
    for work in [Work::CheckFailure, Work::RecordFailure] {
        cells.add(work, &[1, MANY], &[Uniform], &threads, &[Down]);
    }
    cells.add(Work::Storm, &[1], &[Uniform], &threads, &[Down]);
    cells.add(Work::Windowed, &[1], &[Uniform], &threads, &[Down]);
    cells.sorted()
}

/// Every work and every subject, with few keys.
pub(crate) fn smoke(cores: usize) -> Vec<Cell> {
    let mut cells = Cells::default();
    for work in Work::ALL {
        cells.add(work, &[1], &[Uniform], &[cores], &[Down]);
    }
    cells.add(Work::Check, &[2_000], &[Zipf], &[2 * cores], &[Down, Up]);
    cells.add(Work::CheckSuccess, &[2_000], &[Uniform], &[1], &[Hundredth]);
    cells.sorted()
}

#[derive(Default)]
struct Cells(Vec<Cell>);

impl Cells {
    fn add(
        &mut self,
        work: Work,
        keys: &[usize],
        distributions: &[Distribution],
        threads: &[usize],
        gates: &[Gate],
    ) {
        for &keys in keys {
            for &distribution in distributions {
                for &threads in threads {
                    for &gate in gates {
                        let cell = Cell {
                            work,
                            keys,
                            distribution,
                            threads,
                            gate,
                        };
                        // One thread may be all that there are cores for.
                        if !self.0.contains(&cell) {
                            self.0.push(cell);
                        }
                    }
                }
            }
        }
    }

    /// Few worlds, and those in few states.
    fn sorted(mut self) -> Vec<Cell> {
        sort(&mut self.0);
        self.0
    }
}

pub(crate) fn sort(cells: &mut [Cell]) {
    cells.sort_by_key(|cell| {
        let rules = match cell.work {
            Work::Storm => 1,
            Work::Windowed => 2,
            _ => 0,
        };
        let gate = GATES.iter().position(|&(_, gate)| gate == cell.gate);
        let work = Work::ALL.iter().position(|&work| work == cell.work);
        (cell.keys, rules, gate, cell.distribution == Zipf, work)
    });
}

impl Cell {
    /// A cell by its name; `all` and `twice` stand for threads too.
    pub(crate) fn parse(name: &str, cores: usize) -> Result<Self, String> {
        let parts: Vec<_> = name.split('/').collect();
        let &[work, keys, distribution, threads, gate] = &*parts else {
            return Err(format!(
                "{name}: not a cell, which is as check/10000/zipf/2/up"
            ));
        };
        let unknown = |what: &str, part: &str| format!("{name}: no {what} is called {part:?}");
        let number = |what: &str, part: &str| match part.parse() {
            Ok(number) if number > 0 => Ok(number),
            _ => Err(unknown(what, part)),
        };
        let cell = Self {
            work: Work::ALL
                .into_iter()
                .find(|it| slug(*it) == work)
                .ok_or_else(|| unknown("work", work))?,
            keys: number("number of keys", keys)?,
            distribution: [Uniform, Zipf]
                .into_iter()
                .find(|it| it.label() == distribution)
                .ok_or_else(|| unknown("distribution", distribution))?,
            threads: match threads {
                "all" => cores,
                "twice" => 2 * cores,
                number_of => number("number of threads", number_of)?,
            },
            gate: GATES
                .into_iter()
                .find(|it| it.0 == gate)
                .ok_or_else(|| unknown("state", gate))?
                .1,
        };
        if cell.work == Work::Storm && cell.keys > 1 {
            return Err(format!("{name}: a storm is on one key"));
        }
        Ok(cell)
    }
}

/// As it is written on a command line: `check+success/10000/zipf/2/up`.
impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let gate = GATES.iter().find(|(_, gate)| *gate == self.gate);
        write!(
            f,
            "{}/{}/{}/{}/{}",
            slug(self.work),
            self.keys,
            self.distribution.label(),
            self.threads,
            gate.map_or("", |(slug, _)| slug)
        )
    }
}

fn slug(work: Work) -> String {
    work.label().replace(' ', "")
}
