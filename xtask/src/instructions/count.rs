//! Counts what one run of each hot operation executes, by callgrind.

use std::fmt;
use std::path::Path;

use indexmap::IndexMap;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result, bail};
use crate::process::{Log, Run};

/// The loop alone, which is taken off every other count.
const NOTHING: &str = "nothing";

/// Operations of the shorter of two runs. A multiple of 128, after which many pins
/// crossbeam-epoch tidies up: the longer run has exactly twice as many of those.
const TIMES: u64 = 1024;

/// Operations and their counts, in the order of the program that has them.
pub(crate) type Counts = IndexMap<String, Count>;

/// The instructions that one operation executes.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
pub(crate) struct Count {
    pub(crate) instructions: f64,
    /// Locked ones among them, each a write that takes its cache line from all others.
    pub(crate) locked: f64,
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (instructions, locked) = (short(self.instructions), short(self.locked));
        write!(f, "{instructions} instructions, {locked} of them locked")
    }
}

/// Everything that counts depend on beside the source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Machine {
    pub(crate) rustc: String,
    pub(crate) target: String,
    /// Its version: comparing and copying bytes is the C library's.
    pub(crate) libc: String,
}

impl Machine {
    pub(crate) fn here(log: &Log) -> Result<Self> {
        let version = Run::new("rustc").args(["-vV"]).output(log);
        let version = version.ok_or_else(|| Error::failed("rustc does not say what it is"))?;
        let host = version.lines().find_map(|line| line.strip_prefix("host: "));
        // Where there is no `ldd` there is no callgrind either.
        let ldd = Run::new("ldd").words("--version").output(log);
        let ldd = ldd.unwrap_or_default();
        let (ldd, _) = ldd.split_once('\n').unwrap_or_default();
        let libc = ldd.split(' ').next_back().filter(|libc| !libc.is_empty());
        Ok(Self {
            rustc: version.lines().next().unwrap_or_default().to_owned(),
            target: host.unwrap_or_default().to_owned(),
            libc: libc.unwrap_or("unknown").to_owned(),
        })
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [rustc, target, libc] = [&self.rustc, &self.target, &self.libc];
        write!(f, "{rustc}, {target}, C library {libc}")
    }
}

/// Counts every operation; the loop around them is taken off.
///
/// `twice`: each is counted again, and a different count is an error.
pub(crate) fn all(log: &Log, twice: bool) -> Result<Counts> {
    // As measured: by the profile of benches.
    let build = Run::cargo("bench --package breakerbox-benches --bench instructions");
    let program = build.program("instructions", log);
    let program = program.ok_or_else(|| Error::failed("the hot operations do not build"))?;
    let listed = Run::new(&program).output(log).unwrap_or_default();
    let names: Vec<_> = listed.lines().collect();
    let counts = names.par_iter().map(|name| {
        let first = count(&program, name, log)?;
        if twice && count(&program, name, log)? != first {
            bail!("`{name}` is not the same each time");
        }
        Ok(((*name).to_owned(), first))
    });
    let mut counts = counts.collect::<Result<Counts>>()?;
    let Some(around) = counts.shift_remove(NOTHING) else {
        bail!("there is no operation `{NOTHING}`");
    };
    for count in counts.values_mut() {
        count.instructions -= around.instructions;
        count.locked -= around.locked;
    }
    Ok(counts)
}

fn count(program: &Path, name: &str, log: &Log) -> Result<Count> {
    let total = |times: u64| {
        let run = Run::new("valgrind")
            .words("--tool=callgrind --collect-bus=yes --callgrind-out-file=/dev/null")
            .args([program])
            .args([name, &times.to_string()]);
        let counted = run.output(log).and_then(|output| collected(&output));
        counted.ok_or_else(|| Error::failed(format!("callgrind could not count `{name}`")))
    };
    let (once, twice) = (total(TIMES)?, total(2 * TIMES)?);
    let each = |once: u64, twice: u64| twice.saturating_sub(once) as f64 / TIMES as f64;
    Ok(Count {
        instructions: each(once.0, twice.0),
        locked: each(once.1, twice.1),
    })
}

/// The instructions and the locked ones that callgrind has counted.
fn collected(output: &str) -> Option<(u64, u64)> {
    let (_, counts) = output.split_once("Collected :")?;
    let mut numbers = counts.lines().next()?.split_whitespace().map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

/// Writes a count without decimals where it has none; what takes place now and then has two.
pub(crate) fn short(count: f64) -> String {
    let text = format!("{count:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
