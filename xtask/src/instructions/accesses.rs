//! What each hot operation does to shared words, as the atomics that tell of each access say.

use crate::error::{Error, Result};
use crate::histories;
use crate::histories::Steps;
use crate::process::Log;
use crate::project::Project;
use crate::table::Table;

/// Begins the lines that the test prints.
const PREFIX: &str = "accesses: ";

/// One operation.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Accesses {
    pub(crate) name: String,
    pub(crate) loads: u64,
    pub(crate) updates: u64,
    /// In the map.
    pub(crate) look_ups: u64,
    /// Reads and replacements of policies and windows, under a pin of the epoch.
    pub(crate) slots: u64,
    pub(crate) statistics: u64,
    /// Cache lines.
    pub(crate) touched: u64,
    pub(crate) written: u64,
}

/// Every operation of ours; an error if one that must not write does.
pub(crate) fn run(project: &Project, log: &Log) -> Result<Vec<Accesses>> {
    let ran = histories::cargo_test(Steps::Histories, project.root(), &project.target("steps"))
        .args(["--", "accesses::", "--test-threads=1"])
        .args(histories::HARNESS)
        .run(log)?;
    if !ran.success {
        return Err(Error::failed(
            "the accesses of operations are not what they should be, or their tests don't build",
        ));
    }
    let all: Vec<_> = ran.output.lines().filter_map(parse).collect();
    if all.is_empty() {
        return Err(Error::failed("the accesses of no operation were told"));
    }
    Ok(all)
}

/// `accesses: NAME: loads N, …`, wherever the test harness has put it on its line.
fn parse(line: &str) -> Option<Accesses> {
    let (_, told) = line.split_once(PREFIX)?;
    let (name, counts) = told.split_once(": loads ")?;
    let mut numbers = counts
        .split([' ', ','])
        .filter_map(|word| word.parse().ok());
    let mut next = || numbers.next();
    Some(Accesses {
        name: name.to_owned(),
        loads: next()?,
        updates: next()?,
        look_ups: next()?,
        slots: next()?,
        statistics: next()?,
        touched: next()?,
        written: next()?,
    })
}

pub(crate) fn table(all: &[Accesses]) -> Table {
    let mut table = Table::new([
        "operation",
        ">loads",
        ">updates",
        ">look-ups",
        ">slots",
        ">statistics",
        ">lines",
        ">written",
    ]);
    for one in all {
        table.row([
            one.name.clone(),
            one.loads.to_string(),
            one.updates.to_string(),
            one.look_ups.to_string(),
            one.slots.to_string(),
            one.statistics.to_string(),
            one.touched.to_string(),
            one.written.to_string(),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_test_tells_is_read() {
        let line = "test accesses::accesses_are_told ... accesses: handle: check, success: \
                    loads 2, updates 1, look-ups 3, slots 4, statistics 5, touched 6, written 7";
        let accesses = Accesses {
            name: "handle: check, success".to_owned(),
            loads: 2,
            updates: 1,
            look_ups: 3,
            slots: 4,
            statistics: 5,
            touched: 6,
            written: 7,
        };
        assert_eq!(parse(line), Some(accesses));
        assert_eq!(parse("test result: ok. 3 passed"), None);
    }
}
