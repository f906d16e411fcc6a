//! The counts as a table of `BENCHMARKS.md`.

use std::fmt::Write;

use super::accesses::Accesses;
use super::compare::Row;
use super::recorded::short;
use crate::error::Result;
use crate::project::Project;
use crate::sections;

pub(crate) const FILE: &str = "BENCHMARKS.md";

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
    sections::put(project, FILE, "instructions", table)
}
