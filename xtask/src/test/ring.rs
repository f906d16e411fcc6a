//! What a ring is, what it may answer, and the table of all answers.

use std::fmt;

use crate::counts;
use crate::error::{Error, Result};
use crate::process::{Log, Run};
use crate::project::Project;
use crate::table::Table;

/// One kind of check.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ring {
    pub(crate) kind: Kind,
    pub(crate) name: &'static str,
    pub(crate) what: &'static str,
    pub(crate) check: Check,
}

/// When a ring runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Always, also in a workspace that doesn't compile.
    Source,
    /// Under `--quick` too, perhaps in a shorter form.
    Quick,
    /// Without `--quick`.
    Full,
}

/// How a ring is asked.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Check {
    /// Passes if cargo does with these words.
    Cargo(&'static str),
    /// Passes if cargo does with these words, a test ran and none failed.
    Tests(&'static str),
    By(fn(&Context<'_>) -> Result<Outcome>),
}

/// What a ring works with.
#[derive(Debug)]
pub(crate) struct Context<'a> {
    pub(crate) project: &'a Project,
    pub(crate) log: &'a Log,
    /// Mutations to try.
    pub(crate) sample: usize,
    pub(crate) quick: bool,
}

impl Ring {
    pub(crate) fn run(&self, context: &Context<'_>) -> Outcome {
        let outcome = match self.check {
            Check::Cargo(line) => {
                let ran = Run::cargo(line).run(context.log);
                ran.map(|ran| Outcome::of(ran.success, ""))
            }
            Check::Tests(line) => Outcome::of_tests(Run::cargo(line), context.log),
            Check::By(run) => run(context),
        };
        outcome.unwrap_or_else(|error| match error {
            Error::Missing(why) => Outcome::new(Verdict::Missing, why),
            Error::Impossible(why) => Outcome::new(Verdict::Impossible, why),
            other => Outcome::failed(other.to_string()),
        })
    }
}

/// What a ring comes to, from the best to the worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Verdict {
    Passed,
    /// The machine cannot run it, and nothing in the repository can change that.
    Impossible,
    /// Something is missing that could be there: under CI this is a failure.
    Missing,
    Failed,
}

/// What a ring showed.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) verdict: Verdict,
    /// What was counted if it passed, else why it didn't.
    pub(crate) note: String,
}

impl Outcome {
    pub(crate) fn new(verdict: Verdict, note: impl Into<String>) -> Self {
        let note = note.into();
        Self { verdict, note }
    }

    pub(crate) fn passed(count: impl Into<String>) -> Self {
        Self::new(Verdict::Passed, count)
    }

    pub(crate) fn failed(why: impl Into<String>) -> Self {
        Self::new(Verdict::Failed, why)
    }

    /// Returns passed with that count, if the child succeeded.
    pub(crate) fn of(success: bool, count: impl Into<String>) -> Self {
        Self::new(
            if success {
                Verdict::Passed
            } else {
                Verdict::Failed
            },
            count,
        )
    }

    /// Returns failed over these problems, or passed with that count where there are none.
    pub(crate) fn unless(problems: &[String], count: impl Into<String>) -> Self {
        match problems {
            [] => Self::passed(count),
            problems => Self::failed(problems.join("; ")),
        }
    }

    /// Runs tests; passed if some ran and none failed.
    pub(crate) fn of_tests(tests: Run, log: &Log) -> Result<Self> {
        let judged = counts::judge(&tests.run(log)?);
        Ok(judged.map_or_else(Self::failed, |counts| Self::passed(counts.to_string())))
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Passed => "passed",
            Self::Failed => "FAILED",
            Self::Missing | Self::Impossible => "NOT RUN",
        })
    }
}

/// All rings of a run.
#[derive(Debug, Default)]
pub(crate) struct Summary {
    /// Each ring's name, what it showed, and the seconds that it took.
    pub(crate) rows: Vec<(&'static str, Outcome, f64)>,
    /// Whether a ring that could have run counts as failed.
    pub(crate) strict: bool,
    /// What `--quick` did not ask.
    pub(crate) left_out: Option<String>,
}

impl Summary {
    pub(crate) fn failed(&self) -> usize {
        let is_failed = |verdict| match verdict {
            Verdict::Missing => self.strict,
            verdict => verdict == Verdict::Failed,
        };
        self.count(is_failed)
    }

    fn count(&self, is_counted: impl Fn(Verdict) -> bool) -> usize {
        let rows = self.rows.iter();
        rows.filter(|(_, outcome, _)| is_counted(outcome.verdict))
            .count()
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = Table::new(["ring", "result", ">seconds", ""]);
        for (name, Outcome { verdict, note }, seconds) in &self.rows {
            let result = match verdict {
                Verdict::Missing if self.strict => "NOT RUN, which fails under CI",
                verdict => &verdict.to_string(),
            };
            table.row([name, &result, &format!("{seconds:.1}"), note]);
        }
        writeln!(f, "{table}")?;
        if let Some(left_out) = &self.left_out {
            writeln!(f, "left out by --quick: {left_out}\n")?;
        }
        let passed = self.count(|verdict| verdict == Verdict::Passed);
        let failed = self.failed();
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

    fn closing_line(strict: bool, verdicts: &[Verdict]) -> String {
        let row = |&verdict: &Verdict| ("ring", Outcome::new(verdict, ""), 1.0);
        let summary = Summary {
            rows: verdicts.iter().map(row).collect(),
            strict,
            left_out: None,
        };
        summary.to_string().lines().last().unwrap().to_owned()
    }

    #[test]
    fn the_closing_line_counts_rings() {
        use Verdict::*;
        assert_eq!(closing_line(false, &[Passed, Failed]), "1 passed, 1 failed");
        let missing = [Impossible, Missing];
        assert_eq!(
            closing_line(false, &missing),
            "0 passed, 0 failed, 2 skipped"
        );
        // Only the impossible is skipped there.
        assert_eq!(
            closing_line(true, &missing),
            "0 passed, 1 failed, 1 skipped"
        );
    }
}
