//! Counts against those recorded, and against the goals.

use super::count::Count;
use super::recorded::{Recorded, short};
use crate::table::Table;

/// By how much a count may change unnoticed, in both respects: a share, and instructions.
const TOLERANCE: (f64, f64) = (0.02, 1.0);

/// A handle's check made slower on purpose, and what it was made from: the comparison has to see it.
pub(crate) const PLANTED: (&str, &str) = ("planted slowdown", "handle: check");

/// The most instructions that an operation may take, and locked ones among them.
const GOALS: [(&str, Option<f64>, f64); 8] = [
    ("handle: check", Some(10.0), 0.0),
    ("handle: check, success", None, 0.0),
    ("key: check, gate down", None, 0.0),
    ("key: check, success, gate down", None, 0.0),
    ("breaker: check, gate down", None, 0.0),
    ("breaker: check, success, gate down", None, 0.0),
    ("breaker's handle: check", None, 0.0),
    ("breaker's handle: check, success", None, 0.0),
];

/// How a count compares with the one recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    None,
    Faster,
    Slower,
    /// Nothing is recorded, or nothing that could be compared.
    Unknown,
}

impl Change {
    fn of(recorded: Count, now: Count) -> Self {
        if now.locked - recorded.locked > 0.5 {
            return Self::Slower;
        }
        let more = now.instructions - recorded.instructions;
        let (share, least) = TOLERANCE;
        if more.abs() < least || more.abs() <= share * recorded.instructions {
            Self::None
        } else if more > 0.0 {
            Self::Slower
        } else {
            Self::Faster
        }
    }
}

/// One operation.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) name: String,
    recorded: Option<Count>,
    pub(crate) now: Count,
    change: Change,
}

/// All operations, and what is wrong with them.
#[derive(Debug, Default)]
pub(crate) struct Comparison {
    pub(crate) rows: Vec<Row>,
    pub(crate) problems: Vec<String>,
}

impl Comparison {
    /// Compares; `recorded` is none where counts of this machine can't be, and goals are judged
    /// nevertheless.
    pub(crate) fn new(now: &[(String, Count)], recorded: Option<&Recorded>) -> Self {
        let mut comparison = Self::default();
        let problems = &mut comparison.problems;
        check_planted(now, problems);
        judge(now, problems);
        for gone in recorded.iter().flat_map(|recorded| recorded.counts.keys()) {
            if find(now, gone).is_none() {
                problems.push(format!("`{gone}` is recorded, and there is none"));
            }
        }
        for (name, now) in now.iter().filter(|(name, _)| name != PLANTED.0) {
            let before = recorded.and_then(|recorded| recorded.counts.get(name).copied());
            let change = before.map_or(Change::Unknown, |before| Change::of(before, *now));
            match before {
                Some(before) if change == Change::Slower => problems.push(format!(
                    "`{name}` takes {} instructions, {} of them locked; recorded are {} and {}",
                    short(now.instructions),
                    short(now.locked),
                    short(before.instructions),
                    short(before.locked)
                )),
                None if recorded.is_some() => problems.push(format!("`{name}` is not recorded")),
                _ => {}
            }
            comparison.rows.push(Row {
                name: name.clone(),
                recorded: before,
                now: *now,
                change,
            });
        }
        comparison
    }

    /// Names the operations that have become faster.
    pub(crate) fn faster(&self) -> Vec<&str> {
        let faster = self.rows.iter().filter(|row| row.change == Change::Faster);
        faster.map(|row| &*row.name).collect()
    }

    pub(crate) fn table(&self) -> Table<6> {
        let mut table = Table::new(["operation", ">recorded", ">now", ">change", ">locked", ""]);
        for row in &self.rows {
            let instructions = |count: Count| short(count.instructions);
            let recorded = row.recorded.map_or("–".to_owned(), instructions);
            let percent = row.recorded.map(|before| percent(before, row.now));
            let locked = match row.recorded.map(|before| short(before.locked)) {
                Some(before) if before != short(row.now.locked) => {
                    format!("{before} → {}", short(row.now.locked))
                }
                _ => short(row.now.locked),
            };
            let change = match row.change {
                Change::None | Change::Unknown => "",
                Change::Faster => "faster",
                Change::Slower => "SLOWER",
            };
            let (now, percent) = (instructions(row.now), percent.unwrap_or_default());
            table.row([&row.name, &recorded, &now, &percent, &locked, &change]);
        }
        table
    }
}

fn find(counts: &[(String, Count)], name: &str) -> Option<Count> {
    let found = counts.iter().find(|(other, _)| other == name);
    found.map(|&(_, count)| count)
}

/// Checks that a slowdown would be noticed at all.
fn check_planted(now: &[(String, Count)], problems: &mut Vec<String>) {
    let (planted, healthy) = PLANTED;
    match (find(now, planted), find(now, healthy)) {
        (Some(slow), Some(sound)) if Change::of(sound, slow) == Change::Slower => {}
        (Some(_), Some(_)) => {
            problems.push(format!(
                "the {planted} goes unnoticed: the comparison shows nothing"
            ));
        }
        _ => problems.push(format!("`{planted}` or `{healthy}` is missing")),
    }
}

fn judge(now: &[(String, Count)], problems: &mut Vec<String>) {
    for (name, most, locked) in GOALS {
        let Some(count) = find(now, name) else {
            problems.push(format!("`{name}` has a goal, and there is none"));
            continue;
        };
        if let Some(most) = most.filter(|&most| count.instructions > most) {
            let count = short(count.instructions);
            problems.push(format!(
                "`{name}` takes {count} instructions, the goal is {most}"
            ));
        }
        if count.locked > locked {
            let count = short(count.locked);
            problems.push(format!(
                "`{name}` executes {count} locked instructions, the goal is {locked}"
            ));
        }
    }
}

fn percent(before: Count, now: Count) -> String {
    let share = (now.instructions / before.instructions - 1.0) * 100.0;
    if before.instructions == 0.0 || share.abs() < 0.05 {
        return String::new();
    }
    format!("{share:+.1} %")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::instructions::count::Machine;

    fn count(instructions: f64, locked: f64) -> Count {
        Count {
            instructions,
            locked,
        }
    }

    /// Returns counts with which nothing is wrong, but that those of `name` are changed.
    fn counts(name: &str, changed: Count) -> Vec<(String, Count)> {
        let goals = GOALS.map(|(name, ..)| (name.to_owned(), count(7.0, 0.0)));
        let others = [
            ("key: peek".to_owned(), count(1000.0, 1.0)),
            (PLANTED.0.to_owned(), count(9.0, 0.0)),
        ];
        let all = goals.into_iter().chain(others);
        all.map(|(other, count)| {
            if other == name {
                (other, changed)
            } else {
                (other, count)
            }
        })
        .collect()
    }

    fn recorded() -> Recorded {
        let counts = counts("", count(0.0, 0.0)).into_iter();
        Recorded {
            machine: Machine {
                rustc: String::new(),
                target: String::new(),
                libc: String::new(),
            },
            counts: counts.filter(|(name, _)| name != PLANTED.0).collect(),
        }
    }

    fn problems(name: &str, changed: Count) -> Vec<String> {
        Comparison::new(&counts(name, changed), Some(&recorded())).problems
    }

    #[test]
    fn two_percent_more_or_one_instruction_pass_and_a_little_beyond_does_not() {
        assert_eq!(problems("", count(0.0, 0.0)), [""; 0]);
        assert_eq!(problems("key: peek", count(1020.0, 1.0)), [""; 0]);
        assert_eq!(
            problems("key: peek", count(1021.0, 1.0)),
            ["`key: peek` takes 1021 instructions, 1 of them locked; recorded are 1000 and 1"]
        );
        assert_eq!(problems("handle: check", count(7.9, 0.0)), [""; 0]);
        assert_eq!(problems("handle: check", count(8.0, 0.0)).len(), 1);
    }

    #[test]
    fn a_locked_instruction_more_is_noticed_however_many_others_there_are() {
        assert_eq!(problems("key: peek", count(1000.0, 2.0)).len(), 1);
    }

    #[test]
    fn faster_is_said_and_no_problem() {
        let now = counts("key: peek", count(900.0, 1.0));
        let comparison = Comparison::new(&now, Some(&recorded()));
        assert_eq!(comparison.problems, [""; 0]);
        assert_eq!(comparison.faster(), ["key: peek"]);
    }

    #[test]
    fn goals_are_judged_where_nothing_can_be_compared() {
        let now = counts("handle: check", count(11.0, 1.0));
        assert_eq!(
            Comparison::new(&now, None).problems,
            [
                "the planted slowdown goes unnoticed: the comparison shows nothing",
                "`handle: check` takes 11 instructions, the goal is 10",
                "`handle: check` executes 1 locked instructions, the goal is 0",
            ]
        );
    }

    #[test]
    fn a_planted_slowdown_that_shows_nothing_is_a_problem() {
        assert_eq!(problems(PLANTED.0, count(7.5, 0.0)).len(), 1);
    }

    #[test]
    fn operations_that_only_one_side_has_are_problems() {
        let mut recorded = recorded();
        let count = recorded.counts.remove("key: peek").unwrap();
        recorded.counts.insert("gone".to_owned(), count);
        assert_eq!(
            Comparison::new(&counts("", count), Some(&recorded)).problems,
            [
                "`gone` is recorded, and there is none",
                "`key: peek` is not recorded"
            ]
        );
    }
}
