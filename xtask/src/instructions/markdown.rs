//! The counts as a table of `BENCHMARKS.md`.

use std::fmt::Write;

use super::accesses::Accesses;
use super::compare::Row;
use super::recorded::short;
use crate::error::{AtPath, Error, Result};
use crate::project::Project;

pub(crate) const FILE: &str = "BENCHMARKS.md";

/// What stands around the table in the file.
const MARKS: [&str; 2] = ["<!-- instructions -->\n", "<!-- /instructions -->"];

pub(crate) fn table(rows: &[Row], accesses: &[Accesses]) -> String {
    let mut table = String::from(
        "| operation | instructions | locked | words read | words updated | look-ups | lines touched | lines written |\n\
         |---|--:|--:|--:|--:|--:|--:|--:|\n",
    );
    for row in rows {
        let Row { name, now, .. } = row;
        let (instructions, locked) = (short(now.instructions), short(now.locked));
        let _ = write!(table, "| {name} | {instructions} | {locked} |");
        let told = match accesses.iter().find(|one| one.name == *name) {
            // A statistic is a word and a line of the thread's own.
            Some(one) => [
                one.loads,
                one.updates + one.statistics,
                one.look_ups,
                one.touched + one.statistics,
                one.written + one.statistics,
            ]
            .map(|count| count.to_string()),
            None => [const { String::new() }; 5],
        };
        let _ = writeln!(table, " {} |", told.join(" | "));
    }
    table
}

/// Puts the table in its place in the file.
pub(crate) fn put(project: &Project, table: &str) -> Result<()> {
    let path = project.path(FILE);
    let text = std::fs::read_to_string(&path).at(&path)?;
    let new = replaced(&text, table).ok_or_else(|| {
        let [begin, end] = MARKS.map(str::trim);
        Error::failed(format!("{FILE} has no `{begin}` with a `{end}` after it"))
    })?;
    std::fs::write(&path, new).at(&path)
}

/// `text` with what is between the marks replaced.
fn replaced(text: &str, table: &str) -> Option<String> {
    let [begin, end] = MARKS;
    let (before, rest) = text.split_once(begin)?;
    let (_, after) = rest.split_once(end)?;
    Some(format!("{before}{begin}{table}{end}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_between_the_marks_is_replaced() {
        let text = "a\n<!-- instructions -->\nold\n<!-- /instructions -->\nb\n";
        let new = "a\n<!-- instructions -->\nnew\n<!-- /instructions -->\nb\n";
        assert_eq!(replaced(text, "new\n").as_deref(), Some(new));
        assert_eq!(replaced("a\n<!-- instructions -->\nold\n", "new\n"), None);
    }
}
