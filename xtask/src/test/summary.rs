//! The table that `cargo xtask test` ends with, and its closing line.

use super::ring::{Outcome, Verdict};
use crate::table::Table;

/// A ring that is through.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) outcome: Outcome,
    pub(crate) seconds: f64,
}

impl Row {
    /// The end of the line that announced the ring.
    pub(crate) fn line(&self) -> String {
        let (verdict, note) = (self.verdict(), &self.outcome.note);
        match self.outcome.verdict {
            Verdict::Passed => format!("{verdict:8} {:6.1} s  {note}", self.seconds),
            Verdict::Failed => format!("{verdict:8} {:6.1} s  {note}", self.seconds),
            Verdict::Missing | Verdict::Impossible => format!("{verdict}: {note}"),
        }
        .trim_end()
        .to_owned()
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
#[derive(Debug)]
pub(crate) struct Summary {
    rows: Vec<Row>,
    /// Whether a ring that could have run counts as failed.
    strict: bool,
}

impl Summary {
    pub(crate) fn new(strict: bool) -> Self {
        Self {
            rows: Vec::new(),
            strict,
        }
    }

    pub(crate) fn push(&mut self, row: Row) {
        self.rows.push(row);
    }

    pub(crate) fn failed(&self) -> usize {
        self.count(Verdict::Failed)
            + if self.strict {
                self.count(Verdict::Missing)
            } else {
                0
            }
    }

    fn count(&self, verdict: Verdict) -> usize {
        let same = |row: &&Row| row.outcome.verdict == verdict;
        self.rows.iter().filter(same).count()
    }
}

impl std::fmt::Display for Summary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut table = Table::new(["ring", "result", ">seconds", ""]);
        for row in &self.rows {
            let strictly = self.strict && row.outcome.verdict == Verdict::Missing;
            table.row([
                row.name.to_owned(),
                if strictly {
                    "NOT RUN, which fails under CI".to_owned()
                } else {
                    row.verdict().to_owned()
                },
                format!("{:.1}", row.seconds),
                row.outcome.note.clone(),
            ]);
        }
        writeln!(f, "{table}")?;
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
        let mut summary = Summary::new(strict);
        for outcome in outcomes {
            summary.push(Row {
                name: "ring",
                outcome,
                seconds: 1.0,
            });
        }
        summary.to_string().lines().last().unwrap().to_owned()
    }

    #[test]
    fn the_closing_line_counts_rings() {
        assert_eq!(
            closing_line(false, [Outcome::passed("")]),
            "1 passed, 0 failed"
        );
        assert_eq!(
            closing_line(false, [Outcome::failed(""), Outcome::missing("")]),
            "0 passed, 1 failed, 1 skipped"
        );
    }

    #[test]
    fn under_ci_only_the_impossible_is_skipped() {
        assert_eq!(
            closing_line(true, [Outcome::impossible(""), Outcome::missing("")]),
            "0 passed, 1 failed, 1 skipped"
        );
    }
}
