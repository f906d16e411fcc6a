//! What a ring is, what it may answer, and the table of all answers.

use std::fmt;

use crate::counts;
use crate::error::Result;
use crate::installed::Unable;
use crate::process::{Log, Ran};
use crate::project::Project;
use crate::table::Table;

/// One kind of check.
#[derive(Debug)]
pub(crate) struct Ring {
    pub(crate) name: &'static str,
    pub(crate) what: &'static str,
    pub(crate) kind: Kind,
    pub(crate) run: fn(&Context<'_>) -> Result<Outcome>,
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

/// What a ring works with.
#[derive(Debug)]
pub(crate) struct Context<'a> {
    pub(crate) project: &'a Project,
    pub(crate) log: &'a Log,
    /// Mutations to try.
    pub(crate) sample: usize,
    pub(crate) quick: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Passed,
    Failed,
    /// Something is missing that could be there: under CI this is a failure.
    Missing,
    /// The machine cannot run it, and nothing in the repository can change that.
    Impossible,
}

/// What a ring showed.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) verdict: Verdict,
    /// What was counted if it passed, else why it didn't.
    pub(crate) note: String,
}

impl Outcome {
    pub(crate) fn passed(count: impl Into<String>) -> Self {
        Self::new(Verdict::Passed, count)
    }

    pub(crate) fn failed(why: impl Into<String>) -> Self {
        Self::new(Verdict::Failed, why)
    }

    pub(crate) fn missing(why: impl Into<String>) -> Self {
        Self::new(Verdict::Missing, why)
    }

    pub(crate) fn impossible(why: impl Into<String>) -> Self {
        Self::new(Verdict::Impossible, why)
    }

    /// Returns passed with that count, if the child succeeded.
    pub(crate) fn of(success: bool, count: impl Into<String>) -> Self {
        let verdict = if success {
            Verdict::Passed
        } else {
            Verdict::Failed
        };
        Self::new(verdict, count)
    }

    /// Returns failed over these problems, or passed with that count where there are none.
    pub(crate) fn unless(problems: &[String], count: impl Into<String>) -> Self {
        if problems.is_empty() {
            Self::passed(count)
        } else {
            Self::failed(problems.join("; "))
        }
    }

    /// Returns passed if tests ran and none failed.
    pub(crate) fn of_tests(ran: &Ran) -> Self {
        match counts::judge(ran) {
            Ok(counts) => Self::passed(counts.to_string()),
            Err(why) => Self::failed(why),
        }
    }

    fn new(verdict: Verdict, note: impl Into<String>) -> Self {
        Self {
            verdict,
            note: note.into(),
        }
    }
}

impl From<Unable> for Outcome {
    fn from(unable: Unable) -> Self {
        match unable {
            Unable::Missing(why) => Self::missing(why),
            Unable::Impossible(why) => Self::impossible(why),
        }
    }
}

/// A ring that is through.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) outcome: Outcome,
    pub(crate) seconds: f64,
}

impl Row {
    /// Returns the end of the line that announced the ring.
    pub(crate) fn line(&self) -> String {
        let (verdict, note) = (self.verdict(), &self.outcome.note);
        match verdict {
            "NOT RUN" => format!("{verdict}: {note}"),
            _ => format!("{verdict:8} {:6.1} s  {note}", self.seconds)
                .trim_end()
                .to_owned(),
        }
    }

    fn verdict(&self) -> &'static str {
        match self.outcome.verdict {
            Verdict::Passed => "passed",
            Verdict::Failed => "FAILED",
            Verdict::Missing | Verdict::Impossible => "NOT RUN",
        }
    }
}

/// All rings of a run.
#[derive(Debug, Default)]
pub(crate) struct Summary {
    pub(crate) rows: Vec<Row>,
    /// Whether a ring that could have run counts as failed.
    pub(crate) strict: bool,
    /// What `--quick` did not ask.
    pub(crate) left_out: Option<String>,
}

impl Summary {
    pub(crate) fn failed(&self) -> usize {
        let missing = if self.strict {
            self.count(Verdict::Missing)
        } else {
            0
        };
        self.count(Verdict::Failed) + missing
    }

    fn count(&self, verdict: Verdict) -> usize {
        let same = |row: &&Row| row.outcome.verdict == verdict;
        self.rows.iter().filter(same).count()
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = Table::new(["ring", "result", ">seconds", ""]);
        for row in &self.rows {
            let result = match row.outcome.verdict {
                Verdict::Missing if self.strict => "NOT RUN, which fails under CI",
                _ => row.verdict(),
            };
            let seconds = format!("{:.1}", row.seconds);
            table.row([&row.name, &result, &seconds, &row.outcome.note]);
        }
        writeln!(f, "{table}")?;
        if let Some(left_out) = &self.left_out {
            writeln!(f, "left out by --quick: {left_out}\n")?;
        }
        let (passed, failed) = (self.count(Verdict::Passed), self.failed());
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

    fn closing_line(strict: bool, outcomes: impl IntoIterator<Item = Outcome>) -> String {
        let row = |outcome| Row {
            name: "ring",
            outcome,
            seconds: 1.0,
        };
        let summary = Summary {
            rows: outcomes.into_iter().map(row).collect(),
            strict,
            left_out: None,
        };
        summary.to_string().lines().last().unwrap().to_owned()
    }

    #[test]
    fn the_closing_line_counts_rings() {
        assert_eq!(
            closing_line(false, [Outcome::passed("")]),
            "1 passed, 0 failed"
        );
        let outcomes = || [Outcome::impossible(""), Outcome::missing("")];
        assert_eq!(
            closing_line(false, outcomes()),
            "0 passed, 0 failed, 2 skipped"
        );
        // Only the impossible is skipped there.
        assert_eq!(
            closing_line(true, outcomes()),
            "0 passed, 1 failed, 1 skipped"
        );
    }
}
