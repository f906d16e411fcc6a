//! Accesses of each hot operation to shared words, as the atomics that tell of each access count.

use crate::error::{Error, Result, bail};
use crate::histories;
use crate::process::Log;
use crate::project::Project;

/// One operation.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Accesses {
    pub(crate) name: String,
    /// Loads and updates; look-ups in the map; slots, which are policies and windows read or
    /// replaced under a pin of the epoch; statistics; cache lines touched, and written.
    pub(crate) counts: [u64; 7],
}

/// Returns every operation of ours; an error if one that must not write does.
pub(crate) fn run(project: &Project, log: &Log) -> Result<Vec<Accesses>> {
    let ran = histories::cargo_test("histories", project.root(), &project.target("steps"))
        .words("-- accesses:: --test-threads=1")
        .words(histories::HARNESS)
        .output(log);
    let wrong = "the accesses of operations are not what they should be, or don't build";
    let told = ran.ok_or_else(|| Error::failed(wrong))?;
    let all: Vec<_> = told.lines().filter_map(parse).collect();
    if all.is_empty() {
        bail!("the accesses of no operation were told");
    }
    Ok(all)
}

/// Reads `accesses: NAME: loads N, …`, wherever the test harness has put it on its line.
fn parse(line: &str) -> Option<Accesses> {
    let (_, told) = line.split_once("accesses: ")?;
    let (name, counts) = told.split_once(": loads ")?;
    let words = counts.split([' ', ',']);
    let counts: Vec<_> = words.filter_map(|word| word.parse().ok()).collect();
    Some(Accesses {
        name: name.to_owned(),
        counts: counts.try_into().ok()?,
    })
}
