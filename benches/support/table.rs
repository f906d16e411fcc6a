//! A table of text, for a terminal and as Markdown, and the format of its figures.

use std::fmt::Write;

/// A table whose first column names the row.
pub struct Table {
    head: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub fn new(head: &[&str]) -> Self {
        Self {
            head: head.iter().map(|&name| name.to_owned()).collect(),
            rows: Vec::new(),
        }
    }

    pub fn push(&mut self, row: Vec<String>) {
        assert_eq!(row.len(), self.head.len(), "a field for each column");
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
            for (field, width) in line.iter().zip(&widths).skip(1) {
                let _ = write!(text, "  {field:>width$}");
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

/// Formats a count with its noun, such as `10,000 keys`.
pub fn count(number: usize, of: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    let digits = number.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    format!("{text} {of}{plural}")
}

/// Formats nanoseconds with about three significant digits.
pub fn ns(value: f64) -> String {
    match value {
        10.0.. if value >= 99.95 => format!("{value:.0}"),
        9.995.. => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

pub fn times(ratio: f64) -> String {
    format!("{} ×", ns(ratio))
}

/// Formats nanoseconds in the unit that suits them; a dash for none.
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
    match unit {
        // A clock shows no fractions of nanoseconds.
        "ns" => format!("{value:.0} ns"),
        _ => format!("{} {unit}", self::ns(value)),
    }
}

pub fn percent(part: f64) -> String {
    match part * 100.0 {
        percent @ 9.95.. => format!("{percent:.0} %"),
        percent @ 0.95.. => format!("{percent:.1} %"),
        percent => format!("{percent:.2} %"),
    }
}
