//! Counts against those recorded, and against the goals.

use super::count::Count;
use super::recorded::short;
use crate::table::Table;

/// By how much a count may change unnoticed, in both respects: a share, and instructions.
const TOLERANCE: (f64, f64) = (0.02, 1.0);

/// A handle's check made slower on purpose, and what it was made from: the comparison has to see it.
pub(crate) const PLANTED: (&str, &str) = ("planted slowdown", "handle: check");

/// The most instructions that an operation may take, and locked ones among them.
const GOALS: [(&str, Option<f64>, f64); 8] = [
    ("handle: check", Some(10.0), 0.0),
    ("handle: check, success", None, 0.0),
    ("key: check, all closed", None, 0.0),
    ("key: check, success, all closed", None, 0.0),
    ("breaker: check, all closed", None, 0.0),
    ("breaker: check, success, all closed", None, 0.0),
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
    /// `recorded`: none where counts of this machine can't be compared; goals are judged all the
    /// same.
    pub(crate) fn new(now: Vec<(String, Count)>, recorded: Option<&[(String, Count)]>) -> Self {
        let mut comparison = Self::default();
        comparison.check_planted(&now);
        comparison.judge(&now);
        let find = |counts: &[(String, Count)], name: &str| {
            let found = counts.iter().find(|(other, _)| other == name);
            found.map(|&(_, count)| count)
        };
        for (gone, _) in recorded.unwrap_or_default() {
            if find(&now, gone).is_none() {
                comparison.problem(format!("`{gone}` is recorded, and there is none"));
            }
        }
        for (name, now) in now {
            if name == PLANTED.0 {
                continue;
            }
            let before = recorded.and_then(|recorded| find(recorded, &name));
            let change = before.map_or(Change::Unknown, |before| Change::of(before, now));
            match before {
                Some(before) if change == Change::Slower => {
                    comparison.problem(slower(&name, before, now));
                }
                None if recorded.is_some() => {
                    comparison.problem(format!("`{name}` is not recorded"));
                }
                _ => {}
            }
            comparison.rows.push(Row {
                name,
                recorded: before,
                now,
                change,
            });
        }
        comparison
    }

    /// Whether a slowdown would be noticed at all.
    fn check_planted(&mut self, now: &[(String, Count)]) {
        let count = |name| now.iter().find(|(other, _)| other == name);
        let (Some((_, planted)), Some((_, healthy))) = (count(PLANTED.0), count(PLANTED.1)) else {
            return self.problem(format!("`{}` or `{}` is missing", PLANTED.0, PLANTED.1));
        };
        if Change::of(*healthy, *planted) != Change::Slower {
            self.problem(format!(
                "the {} goes unnoticed: the comparison shows nothing",
                PLANTED.0
            ));
        }
    }

    fn judge(&mut self, now: &[(String, Count)]) {
        for (name, instructions, locked) in GOALS {
            let Some((_, count)) = now.iter().find(|(other, _)| other == name) else {
                self.problem(format!("`{name}` has a goal, and there is none"));
                continue;
            };
            if let Some(most) = instructions.filter(|&most| count.instructions > most) {
                let count = short(count.instructions);
                self.problem(format!(
                    "`{name}` takes {count} instructions, the goal is {most}"
                ));
            }
            if count.locked > locked {
                let count = short(count.locked);
                self.problem(format!(
                    "`{name}` executes {count} locked instructions, the goal is {locked}"
                ));
            }
        }
    }

    fn problem(&mut self, problem: String) {
        self.problems.push(problem);
    }

    /// Names of the operations that have become faster.
    pub(crate) fn faster(&self) -> Vec<&str> {
        let faster = self.rows.iter().filter(|row| row.change == Change::Faster);
        faster.map(|row| &*row.name).collect()
    }

    pub(crate) fn table(&self) -> Table {
        let mut table = Table::new(["operation", ">recorded", ">now", ">change", ">locked", ""]);
        for row in &self.rows {
            let (recorded, change) = match row.recorded {
                None => ("–".to_owned(), String::new()),
                Some(before) => (short(before.instructions), percent(before, row.now)),
            };
            table.row([
                row.name.clone(),
                recorded,
                short(row.now.instructions),
                change,
                match row.recorded {
                    Some(before) if short(before.locked) != short(row.now.locked) => {
                        format!("{} → {}", short(before.locked), short(row.now.locked))
                    }
                    _ => short(row.now.locked),
                },
                match row.change {
                    Change::None | Change::Unknown => String::new(),
                    Change::Faster => "faster".to_owned(),
                    Change::Slower => "SLOWER".to_owned(),
                },
            ]);
        }
        table
    }
}

fn percent(before: Count, now: Count) -> String {
    let share = (now.instructions / before.instructions - 1.0) * 100.0;
    if before.instructions == 0.0 || share.abs() < 0.05 {
        return String::new();
    }
    format!("{share:+.1} %")
}

fn slower(name: &str, before: Count, now: Count) -> String {
    let (instructions, locked) = (short(now.instructions), short(now.locked));
    format!(
        "`{name}` takes {instructions} instructions, {locked} of them locked; recorded are {} and {}",
        short(before.instructions),
        short(before.locked)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(instructions: f64, locked: f64) -> Count {
        Count {
            instructions,
            locked,
        }
    }

    /// Counts with which nothing is wrong, but that those of `name` are changed.
    fn counts(name: &str, changed: Count) -> Vec<(String, Count)> {
        let mut counts: Vec<_> = GOALS
            .iter()
            .map(|&(name, ..)| (name.to_owned(), count(7.0, 0.0)))
            .collect();
        counts.push(("key: peek".to_owned(), count(1000.0, 1.0)));
        counts.push((PLANTED.0.to_owned(), count(9.0, 0.0)));
        for (other, count) in &mut counts {
            if other == name {
                *count = changed;
            }
        }
        counts
    }

    fn problems(name: &str, changed: Count) -> Vec<String> {
        let recorded = counts("", count(0.0, 0.0));
        Comparison::new(counts(name, changed), Some(&recorded)).problems
    }

    #[test]
    fn two_percent_more_pass_and_a_little_beyond_does_not() {
        assert_eq!(problems("", count(0.0, 0.0)), [""; 0]);
        assert_eq!(problems("key: peek", count(1020.0, 1.0)), [""; 0]);
        assert_eq!(
            problems("key: peek", count(1021.0, 1.0)),
            ["`key: peek` takes 1021 instructions, 1 of them locked; recorded are 1000 and 1"]
        );
    }

    #[test]
    fn one_instruction_more_is_noticed_where_there_are_few() {
        assert_eq!(problems("handle: check", count(7.9, 0.0)), [""; 0]);
        assert_eq!(problems("handle: check", count(8.0, 0.0)).len(), 1);
    }

    #[test]
    fn a_locked_instruction_more_is_noticed_however_many_others_there_are() {
        assert_eq!(problems("key: peek", count(1000.0, 2.0)).len(), 1);
    }

    #[test]
    fn faster_is_said_and_no_problem() {
        let recorded = counts("", count(0.0, 0.0));
        let now = counts("key: peek", count(900.0, 1.0));
        let comparison = Comparison::new(now, Some(&recorded));
        assert_eq!(comparison.problems, [""; 0]);
        assert_eq!(comparison.faster(), ["key: peek"]);
    }

    #[test]
    fn goals_are_judged_where_nothing_can_be_compared() {
        let now = counts("handle: check", count(11.0, 1.0));
        let problems = Comparison::new(now, None).problems;
        assert_eq!(
            problems,
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
        let mut recorded = counts("", count(0.0, 0.0));
        let now = counts("", count(0.0, 0.0));
        recorded[0].0 = "gone".to_owned();
        assert_eq!(
            Comparison::new(now, Some(&recorded)).problems,
            [
                "`gone` is recorded, and there is none",
                "`handle: check` is not recorded"
            ]
        );
    }
}
