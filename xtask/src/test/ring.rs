//! Rings, their answers, and the table of all answers.

use std::fmt;

use crate::counts;
use crate::error::{Error, Result, bail};
use crate::process::{Log, Run};
use crate::project::Project;
use crate::table::Table;

/// The `rust-version` of the workspace, which this package takes.
pub(super) const RUST_VERSION: &str = env!("CARGO_PKG_RUST_VERSION");

/// One kind of check.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ring {
    pub(crate) kind: Kind,
    pub(crate) name: &'static str,
    pub(crate) what: &'static str,
    pub(crate) check: Check,
}

/// The runs that a ring takes part in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Always, also in a workspace that doesn't compile.
    Source,
    /// Under `--quick` too, perhaps in a shorter form.
    Quick,
    /// Without `--quick`.
    Full,
}

/// The way to ask a ring.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Check {
    /// Passes if cargo does with these words.
    Cargo(&'static str),
    /// Passes if cargo does with these words, a test ran and none failed.
    Tests(&'static str),
    By(fn(&Context<'_>) -> Answer),
}

/// The count of a ring that passed, or the reason why it didn't.
pub(crate) type Answer = Result<String>;

/// The surroundings of a ring.
#[derive(Debug)]
pub(crate) struct Context<'a> {
    pub(crate) project: &'a Project,
    pub(crate) log: &'a Log,
    /// Whether the ring is to take its shorter form.
    pub(crate) quick: bool,
    /// The number of recorded mutations to try.
    pub(crate) sample: usize,
}

impl Ring {
    pub(crate) fn run(&self, context: &Context<'_>) -> Answer {
        match self.check {
            Check::Cargo(line) => cargo(Run::cargo(line), context.log),
            Check::Tests(line) => tests(Run::cargo(line), context.log),
            Check::By(run) => run(context),
        }
    }
}

/// Runs a command; passed if it succeeds.
pub(crate) fn cargo(command: Run, log: &Log) -> Answer {
    if command.run(log)?.success {
        return Ok(String::new());
    }
    bail!("")
}

/// Runs tests; passed if some ran and none failed.
pub(crate) fn tests(tests: Run, log: &Log) -> Answer {
    let judged = counts::judge(&tests.run(log)?).map_err(Error::Failed)?;
    Ok(judged.to_string())
}

/// Returns failed over these problems, or passed with that count where there are none.
pub(crate) fn unless(problems: &[String], count: String) -> Answer {
    match problems {
        [] => Ok(count),
        problems => Err(Error::Failed(problems.join("; "))),
    }
}

/// Returns an answer in a word. A ring that could have run fails too, if `strict`.
fn verdict(answer: &Answer, strict: bool) -> &'static str {
    match answer {
        Ok(_) => "passed",
        Err(Error::Missing(_)) if strict => "NOT RUN, which fails under CI",
        Err(Error::Missing(_) | Error::Impossible(_)) => "NOT RUN",
        Err(_) => "FAILED",
    }
}

/// All rings of a run.
#[derive(Debug, Default)]
pub(crate) struct Summary {
    /// Each ring's name, its answer, and the seconds that it took.
    pub(crate) rows: Vec<(&'static str, Answer, f64)>,
    /// True if a ring that could have run counts as failed.
    pub(crate) strict: bool,
    /// The parts that `--quick` did not ask.
    pub(crate) left_out: Option<String>,
}

impl Summary {
    /// Adds a ring; returns the end of the line that announced it.
    pub(crate) fn push(&mut self, name: &'static str, answer: Answer, seconds: f64) -> String {
        let (verdict, note) = (verdict(&answer, false), note(&answer));
        self.rows.push((name, answer, seconds));
        let line = format!("{verdict:8} {seconds:6.1} s  {note}");
        line.trim_end().to_owned()
    }

    /// Counts the rings that passed and those that failed; the others were skipped.
    pub(crate) fn counts(&self) -> (usize, usize) {
        let all = self.rows.iter();
        let verdicts: Vec<_> = all.map(|row| verdict(&row.1, self.strict)).collect();
        let count = |wanted| verdicts.iter().filter(|one| **one == wanted).count();
        let passed = count("passed");
        (passed, verdicts.len() - passed - count("NOT RUN"))
    }
}

fn note(answer: &Answer) -> String {
    let note = answer.as_ref().cloned();
    note.unwrap_or_else(|error| error.to_string())
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = Table::new(["ring", "result", ">seconds", ""]);
        for (name, answer, seconds) in &self.rows {
            let verdict = verdict(answer, self.strict);
            table.row([name, &verdict, &format!("{seconds:.1}"), &note(answer)]);
        }
        writeln!(f, "{table}")?;
        if let Some(left_out) = &self.left_out {
            writeln!(f, "left out by --quick: {left_out}\n")?;
        }
        let (passed, failed) = self.counts();
        write!(f, "{passed} passed, {failed} failed")?;
        match self.rows.len() - passed - failed {
            0 => Ok(()),
            skipped => write!(f, ", {skipped} skipped"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_closing_line_counts_rings() {
        let closing_line = |strict| {
            let mut summary = Summary {
                strict,
                ..Summary::default()
            };
            let why = || "why".to_owned();
            let errors = [Error::Failed, Error::Missing, Error::Impossible];
            let answers = errors.map(|error| Err(error(why()))).into_iter();
            for answer in answers.chain([Ok(why())]) {
                summary.push("ring", answer, 1.0);
            }
            summary.to_string().lines().last().unwrap().to_owned()
        };
        assert_eq!(closing_line(false), "1 passed, 1 failed, 2 skipped");
        // Only the impossible is skipped there.
        assert_eq!(closing_line(true), "1 passed, 2 failed, 1 skipped");
    }
}
