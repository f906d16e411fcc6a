//! The scenarios that are measured: a work, a number of keys, a number of threads, and a condition.

use breakerbox_benches::fixture::Condition::{self, AllClosed, OneOpen};
use breakerbox_benches::table::count;
use breakerbox_benches::work::Work;
use std::fmt;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Scenario {
    pub(crate) work: Work,
    pub(crate) keys: usize,
    pub(crate) threads: usize,
    pub(crate) condition: Condition,
}

pub(crate) const MANY: usize = 10_000;
pub(crate) const MILLION: usize = 1_000_000;
const BOTH: &[Condition] = &Condition::ALL;

/// Returns the scenarios of a run without options, with one thread and with one for each core.
pub(crate) fn standard(cores: usize) -> Vec<Scenario> {
    let threads = &[1, cores];
    let mut all = Vec::new();
    for work in [Work::Check, Work::CheckSuccess] {
        add(&mut all, work, &[1, MANY, MILLION], threads, BOTH);
    }
    for work in [Work::CheckFailure, Work::RecordFailure, Work::Snapshot] {
        add(&mut all, work, &[1, MANY], threads, &[AllClosed]);
    }
    add(&mut all, Work::Storm, &[1], threads, &[AllClosed]);
    for work in [Work::WINDOWED, Work::TIMED].concat() {
        add(&mut all, work, &[1, MANY], threads, &[AllClosed]);
    }
    for work in [Work::WINDOWED[0], Work::TIMED[0]] {
        add(&mut all, work, &[1, MANY], threads, &[OneOpen]);
    }
    sorted(all)
}

/// Returns the standard scenarios without those of a million keys, which take long to set up.
pub(crate) fn quick(cores: usize) -> Vec<Scenario> {
    let mut all = standard(cores);
    all.retain(|scenario| scenario.keys < MILLION);
    all
}

/// Returns scenarios that show that the bench still runs: every work, with few keys.
pub(crate) fn smoke(cores: usize) -> Vec<Scenario> {
    let mut all = Vec::new();
    for work in Work::ALL {
        add(&mut all, work, &[1], &[cores], &[AllClosed]);
    }
    add(&mut all, Work::Check, &[2_000], &[2 * cores], BOTH);
    sorted(all)
}

/// Returns the scenarios for 1, 2, 4 .. threads, up to one for each core.
pub(crate) fn by_threads(cores: usize) -> Vec<Scenario> {
    let mut threads: Vec<_> = (0..).map(|n| 1 << n).take_while(|n| *n < cores).collect();
    threads.push(cores);
    let mut all = Vec::new();
    add(&mut all, Work::Check, &[1], &threads, BOTH);
    add(&mut all, Work::Check, &[MANY], &threads, &[OneOpen]);
    add(&mut all, Work::CheckSuccess, &[1, MANY], &threads, BOTH);
    add(&mut all, Work::CheckFailure, &[1], &threads, &[AllClosed]);
    add(
        &mut all,
        Work::RecordFailure,
        &[1, MANY],
        &threads,
        &[AllClosed],
    );
    add(&mut all, Work::Storm, &[1], &threads, &[AllClosed]);
    sorted(all)
}

fn add(
    all: &mut Vec<Scenario>,
    work: Work,
    keys: &[usize],
    threads: &[usize],
    conditions: &[Condition],
) {
    for &keys in keys {
        for &threads in threads {
            for &condition in conditions {
                let scenario = Scenario {
                    work,
                    keys,
                    threads,
                    condition,
                };
                // A machine may have only one core.
                if !all.contains(&scenario) {
                    all.push(scenario);
                }
            }
        }
    }
}

/// Sorts scenarios so that few fixtures are made, and each enters few conditions.
pub(crate) fn sorted(mut scenarios: Vec<Scenario>) -> Vec<Scenario> {
    scenarios.sort_by_key(|scenario| {
        let rules = match scenario.work {
            Work::Storm => 1,
            Work::Windowed(_) => 2,
            Work::Timed(_) => 3,
            _ => 0,
        };
        let is_open = scenario.condition == OneOpen;
        (scenario.keys, rules, is_open, scenario.work)
    });
    scenarios
}

impl Scenario {
    /// Parses the name of a scenario; `all` stands for a thread for each core.
    pub(crate) fn parse(name: &str, cores: usize) -> Result<Self, String> {
        let unknown = || format!("{name}: not a scenario, such as check/10000/all/one-open");
        let number = |part: &str| part.parse().ok().filter(|&number| number > 0);
        let parts: Vec<_> = name.split('/').collect();
        let &[work, keys, threads, condition] = &*parts else {
            return Err(unknown());
        };
        let parsed = || {
            let mut conditions = Condition::ALL.into_iter();
            let threads = match threads {
                "all" => cores,
                other => number(other)?,
            };
            Some(Self {
                work: Work::ALL.into_iter().find(|it| slug(it.label()) == work)?,
                keys: number(keys)?,
                threads,
                condition: conditions.find(|it| slug(it.label()) == condition)?,
            })
        };
        let scenario = parsed().ok_or_else(unknown)?;
        if scenario.work == Work::Storm && scenario.keys > 1 {
            return Err(format!("{name}: a storm is on one key"));
        }
        Ok(scenario)
    }

    /// Describes the scenario without the number of threads.
    pub(crate) fn situation(self) -> String {
        let (work, condition) = (self.work.label(), self.condition.label());
        match self.work {
            Work::Storm => work.to_owned(),
            _ => format!("{work}, {}, {condition}", count(self.keys, "key")),
        }
    }
}

/// Writes the scenario as on a command line: `check+success/10000/2/one-open`.
impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (work, condition) = (slug(self.work.label()), slug(self.condition.label()));
        write!(f, "{work}/{}/{}/{condition}", self.keys, self.threads)
    }
}

fn slug(label: &str) -> String {
    label
        .replace(" + ", "+")
        .replace(", ", "-")
        .replace(" %", "%")
        .replace(' ', "-")
}
