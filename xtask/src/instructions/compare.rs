//! Counts against those recorded, and against the goals.

use std::cmp::Ordering;

use super::count::{Count, Counts, short};
use crate::table::Table;

/// The change of a count that goes unnoticed: a share, and a number of instructions.
const TOLERANCE: (f64, f64) = (0.02, 1.0);

/// A handle's check made slower on purpose, and what it was made from: the comparison has to see it.
pub(crate) const PLANTED: (&str, &str) = ("planted slowdown", "handle: check");

/// Operations that may execute no locked instruction, and the most instructions that each may take.
const GOALS: [(&str, f64); 8] = [
    ("handle: check", 10.0),
    ("handle: check, success", f64::MAX),
    ("key: check, all closed", 14.0),
    ("key: check, success, all closed", 29.0),
    ("breaker: check, all closed", f64::MAX),
    ("breaker: check, success, all closed", f64::MAX),
    ("breaker's handle: check", f64::MAX),
    ("breaker's handle: check, success", f64::MAX),
];

/// Returns how a count compares with the one recorded: greater is slower.
fn change(recorded: Count, now: Count) -> Ordering {
    if now.locked - recorded.locked > 0.5 {
        return Ordering::Greater;
    }
    let more = now.instructions - recorded.instructions;
    let (share, least) = TOLERANCE;
    if more.abs() < least || more.abs() <= share * recorded.instructions {
        return Ordering::Equal;
    }
    more.total_cmp(&0.0)
}

/// One operation.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) name: String,
    recorded: Option<Count>,
    pub(crate) now: Count,
}

impl Row {
    /// Returns how it has changed; equal where nothing is recorded that could be compared.
    fn change(&self) -> Ordering {
        change(self.recorded.unwrap_or(self.now), self.now)
    }
}

/// All operations, and what is wrong with them.
#[derive(Debug)]
pub(crate) struct Comparison {
    pub(crate) rows: Vec<Row>,
    pub(crate) problems: Vec<String>,
}

impl Comparison {
    /// Compares; `recorded` is none where counts of this machine can't be, and goals are judged
    /// nevertheless.
    pub(crate) fn new(now: &Counts, recorded: Option<&Counts>) -> Self {
        let (mut rows, mut problems) = (Vec::new(), Vec::new());
        let (planted, sound) = (now.get(PLANTED.0), now.get(PLANTED.1));
        let is_slower = |(sound, planted): (&Count, &Count)| change(*sound, *planted).is_gt();
        if !sound.zip(planted).is_some_and(is_slower) {
            let why = "goes unnoticed: the comparison shows nothing";
            problems.push(format!("the {} {why}", PLANTED.0));
        }
        for (name, most) in GOALS {
            match now.get(name) {
                Some(count) if count.instructions > most || count.locked > 0.0 => {
                    problems.push(format!("`{name}` takes {count}, and misses its goal"));
                }
                Some(_) => {}
                None => problems.push(format!("`{name}` has a goal, and there is none")),
            }
        }
        let gone = recorded.iter().flat_map(|recorded| recorded.keys());
        for gone in gone.filter(|name| !now.contains_key(*name)) {
            problems.push(format!("`{gone}` is recorded, and there is none"));
        }
        for (name, now) in now.iter().filter(|(name, _)| *name != PLANTED.0) {
            let row = Row {
                name: name.clone(),
                recorded: recorded.and_then(|recorded| recorded.get(name).copied()),
                now: *now,
            };
            match row.recorded {
                Some(before) if row.change().is_gt() => {
                    problems.push(format!("`{name}` takes {now}; recorded are {before}"));
                }
                None if recorded.is_some() => problems.push(format!("`{name}` is not recorded")),
                _ => {}
            }
            rows.push(row);
        }
        Self { rows, problems }
    }

    /// Names the operations that have become faster.
    pub(crate) fn faster(&self) -> Vec<&str> {
        let faster = self.rows.iter().filter(|row| row.change().is_lt());
        faster.map(|row| &*row.name).collect()
    }

    pub(crate) fn table(&self) -> Table<6> {
        let mut table = Table::new(["operation", ">recorded", ">now", ">locked", ">change", ""]);
        for row in &self.rows {
            let (mut recorded, mut share) = ("–".to_owned(), String::new());
            if let Some(before) = row.recorded {
                recorded = short(before.instructions);
                let more = row.now.instructions / before.instructions - 1.0;
                // A change that would read 0.0 % isn't told.
                if more.abs() >= 0.0005 {
                    share = format!("{:+.1} %", more * 100.0);
                }
            }
            let change = match row.change() {
                Ordering::Less => "faster",
                Ordering::Equal => "",
                Ordering::Greater => "SLOWER",
            };
            let (now, locked) = (short(row.now.instructions), short(row.now.locked));
            table.row([&row.name, &recorded, &now, &locked, &share, &change]);
        }
        table
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns counts with which nothing is wrong, but that those of `name` are changed to these
    /// instructions, and locked ones.
    fn counts(name: &str, changed: (f64, f64)) -> Counts {
        let mut counts = GOALS.map(|(name, _)| (name, (7.0, 0.0))).to_vec();
        counts.extend([("key: peek", (1000.0, 1.0)), (PLANTED.0, (9.0, 0.0))]);
        let count = |(other, sound)| {
            let (instructions, locked) = if other == name { changed } else { sound };
            let count = Count {
                instructions,
                locked,
            };
            (String::from(other), count)
        };
        counts.into_iter().map(count).collect()
    }

    fn compare(name: &str, changed: (f64, f64)) -> Comparison {
        let mut recorded = counts("", changed);
        recorded.shift_remove(PLANTED.0);
        Comparison::new(&counts(name, changed), Some(&recorded))
    }

    #[test]
    fn what_is_slower_is_noticed_and_a_little_is_not() {
        for (name, changed, problems) in [
            ("", (0.0, 0.0), 0),
            ("key: peek", (1020.0, 1.0), 0),
            ("key: peek", (1021.0, 1.0), 1),
            ("key: peek", (1000.0, 2.0), 1),
            ("key: peek", (900.0, 1.0), 0),
            ("handle: check", (7.9, 0.0), 0),
            ("handle: check", (8.0, 0.0), 1),
            // The slowdown that is planted shows nothing.
            (PLANTED.0, (7.5, 0.0), 1),
        ] {
            let found = compare(name, changed).problems;
            assert_eq!(found.len(), problems, "{name} {changed:?}: {found:?}");
        }
        let faster = compare("key: peek", (900.0, 1.0));
        assert_eq!(faster.faster(), ["key: peek"]);
    }

    #[test]
    fn goals_are_judged_where_nothing_can_be_compared() {
        let now = counts("handle: check", (11.0, 1.0));
        let problems = Comparison::new(&now, None).problems;
        assert_eq!(problems.len(), 2);
        assert!(problems[1].contains("11 instructions, 1 of them locked"));
    }

    #[test]
    fn operations_that_only_one_side_has_are_problems() {
        let mut now = counts("", (0.0, 0.0));
        let mut recorded = now.clone();
        recorded.shift_remove(PLANTED.0);
        recorded.shift_remove("key: peek");
        now.shift_remove(GOALS[1].0);
        let problems = Comparison::new(&now, Some(&recorded)).problems;
        let wanted = [
            "`handle: check, success` has a goal, and there is none",
            "`handle: check, success` is recorded, and there is none",
            "`key: peek` is not recorded",
        ];
        assert_eq!(problems, wanted);
    }
}
