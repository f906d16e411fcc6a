//! A table of text, for a terminal and as Markdown, and how its figures are written.

use std::fmt::Write;

/// The first column names the row.
pub struct Table {
    head: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub fn new(head: &[&str]) -> Self {
        Self {
            head: head.iter().map(|&cell| cell.to_owned()).collect(),
            rows: Vec::new(),
        }
    }

    pub fn push(&mut self, row: Vec<String>) {
        assert_eq!(row.len(), self.head.len(), "a cell for each column");
        self.rows.push(row);
    }

    pub fn plain(&self) -> String {
        let lines = || [&self.head].into_iter().chain(&self.rows);
        let width = |column: usize| lines().map(|line| line[column].chars().count()).max();
        let widths: Vec<_> = (0..self.head.len())
            .map(|column| width(column).unwrap_or(0))
            .collect();
        let mut text = String::new();
        for line in lines() {
            let _ = write!(text, "  {:<1$}", line[0], widths[0]);
            for (cell, width) in line.iter().zip(&widths).skip(1) {
                let _ = write!(text, "  {cell:>width$}");
            }
            text.push('\n');
        }
        text
    }

    pub fn markdown(&self) -> String {
        let mut text = format!("| {} |\n", self.head.join(" | "));
        let _ = writeln!(text, "|---|{}", "--:|".repeat(self.head.len() - 1));
        for row in &self.rows {
            let _ = writeln!(text, "| {} |", row.join(" | "));
        }
        text
    }
}

/// `met` or `MISSED`.
pub fn verdict(is_met: bool) -> &'static str {
    if is_met { "met" } else { "MISSED" }
}

/// Nanoseconds in the unit that suits them, with three significant digits, about; a dash for none.
pub fn duration(ns: f64) -> String {
    if ns.is_nan() {
        return "–".into();
    }
    let (value, unit) = match ns.abs() {
        1e9.. => (ns / 1e9, "s"),
        1e6.. => (ns / 1e6, "ms"),
        1e3.. => (ns / 1e3, "µs"),
        _ => (ns, "ns"),
    };
    match value.abs() {
        // There are no parts of nanoseconds to be seen on a clock.
        _ if unit == "ns" => format!("{value:.0} ns"),
        99.95.. => format!("{value:.0} {unit}"),
        9.995.. => format!("{value:.1} {unit}"),
        _ => format!("{value:.2} {unit}"),
    }
}

pub fn percent(part: f64) -> String {
    match part * 100.0 {
        percent @ 9.95.. => format!("{percent:.0} %"),
        percent @ 0.95.. => format!("{percent:.1} %"),
        percent => format!("{percent:.2} %"),
    }
}
