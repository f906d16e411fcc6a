//! Counts against those recorded, and against the goals.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use super::count::{Count, short};
use crate::table::Table;

/// The change of a count that goes unnoticed: a share, and a number of instructions.
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
        let recorded = self.recorded.unwrap_or(self.now);
        change(recorded, self.now)
    }
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
    pub(crate) fn new(now: &[(String, Count)], recorded: Option<&BTreeMap<String, Count>>) -> Self {
        let mut comparison = Self::default();
        let problems = &mut comparison.problems;
        check_planted(now, problems);
        judge(now, problems);
        for gone in recorded.iter().flat_map(|recorded| recorded.keys()) {
            if find(now, gone).is_none() {
                problems.push(format!("`{gone}` is recorded, and there is none"));
            }
        }
        for (name, now) in now.iter().filter(|(name, _)| name != PLANTED.0) {
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
            comparison.rows.push(row);
        }
        comparison
    }

    /// Names the operations that have become faster.
    pub(crate) fn faster(&self) -> Vec<&str> {
        let faster = self.rows.iter().filter(|row| row.change().is_lt());
        faster.map(|row| &*row.name).collect()
    }

    pub(crate) fn table(&self) -> Table<6> {
        let mut table = Table::new(["operation", ">recorded", ">now", ">locked", ">change", ""]);
        for row in &self.rows {
            let before = row.recorded.map(|before| before.instructions);
            let recorded = before.map_or("–".to_owned(), short);
            let share = before.map_or(0.0, |before| row.now.instructions / before - 1.0);
            let change = match row.change() {
                Ordering::Less => "faster",
                Ordering::Equal => "",
                Ordering::Greater => "SLOWER",
            };
            let (now, locked) = (short(row.now.instructions), short(row.now.locked));
            let mut percent = format!("{:+.1} %", share * 100.0);
            if share.is_nan() || share.abs() < 0.0005 {
                percent.clear();
            }
            table.row([&row.name, &recorded, &now, &locked, &percent, &change]);
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
    let [slow, sound] = [planted, healthy].map(|name| find(now, name));
    let is_noticed = slow
        .zip(sound)
        .map(|(slow, sound)| change(sound, slow).is_gt());
    if is_noticed != Some(true) {
        problems.push(format!(
            "the {planted} goes unnoticed: the comparison shows nothing"
        ));
    }
}

fn judge(now: &[(String, Count)], problems: &mut Vec<String>) {
    for (name, most, most_locked) in GOALS {
        let Some(count) = find(now, name) else {
            problems.push(format!("`{name}` has a goal, and there is none"));
            continue;
        };
        let most = most.unwrap_or(f64::MAX);
        if count.instructions > most || count.locked > most_locked {
            problems.push(format!("`{name}` takes {count}, and misses its goal"));
        }
    }
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

    /// Returns counts with which nothing is wrong, but that those of `name` are changed.
    fn counts(name: &str, changed: Count) -> Vec<(String, Count)> {
        let mut counts = GOALS.map(|(name, ..)| (name, count(7.0, 0.0))).to_vec();
        counts.extend([
            ("key: peek", count(1000.0, 1.0)),
            (PLANTED.0, count(9.0, 0.0)),
        ]);
        let change = |(other, count)| {
            (
                String::from(other),
                if other == name { changed } else { count },
            )
        };
        counts.into_iter().map(change).collect()
    }

    fn compare(name: &str, changed: Count) -> Comparison {
        let recorded = counts("", changed).into_iter();
        let recorded = recorded.filter(|(name, _)| name != PLANTED.0).collect();
        Comparison::new(&counts(name, changed), Some(&recorded))
    }

    #[test]
    fn what_is_slower_is_noticed_and_a_little_is_not() {
        for (name, changed, problems) in [
            ("", count(0.0, 0.0), 0),
            ("key: peek", count(1020.0, 1.0), 0),
            ("key: peek", count(1021.0, 1.0), 1),
            ("key: peek", count(1000.0, 2.0), 1),
            ("key: peek", count(900.0, 1.0), 0),
            ("handle: check", count(7.9, 0.0), 0),
            ("handle: check", count(8.0, 0.0), 1),
            // The slowdown that is planted shows nothing.
            (PLANTED.0, count(7.5, 0.0), 1),
        ] {
            let found = compare(name, changed).problems;
            assert_eq!(found.len(), problems, "{name} {changed:?}: {found:?}");
        }
        assert_eq!(
            compare("key: peek", count(900.0, 1.0)).faster(),
            ["key: peek"]
        );
    }

    #[test]
    fn goals_are_judged_where_nothing_can_be_compared() {
        let now = counts("handle: check", count(11.0, 1.0));
        let problems = Comparison::new(&now, None).problems;
        assert_eq!(problems.len(), 2);
        assert!(problems[1].contains("11 instructions, 1 of them locked"));
    }

    #[test]
    fn operations_that_only_one_side_has_are_problems() {
        let now = counts("", count(0.0, 0.0));
        let mut recorded: BTreeMap<_, _> = now.iter().cloned().collect();
        recorded.remove(PLANTED.0);
        let count = recorded.remove("key: peek").unwrap();
        recorded.insert("gone".to_owned(), count);
        let problems = Comparison::new(&now, Some(&recorded)).problems;
        assert_eq!(
            problems,
            [
                "`gone` is recorded, and there is none",
                "`key: peek` is not recorded"
            ]
        );
    }
}
