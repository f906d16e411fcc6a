//! Tables for the terminal: columns as wide as their widest cell.

use std::fmt;

/// Rows of text under a header.
#[derive(Debug)]
pub(crate) struct Table<const N: usize> {
    rows: Vec<[String; N]>,
    right: [bool; N],
}

impl<const N: usize> Table<N> {
    /// Begins with a header; a name that begins with `>` makes its column stand on the right.
    pub(crate) fn new(header: [&str; N]) -> Self {
        Self {
            right: header.map(|name| name.starts_with('>')),
            rows: vec![header.map(|name| name.trim_start_matches('>').to_owned())],
        }
    }

    pub(crate) fn row(&mut self, cells: [&dyn fmt::Display; N]) {
        self.rows.push(cells.map(|cell| cell.to_string()));
    }
}

impl<const N: usize> fmt::Display for Table<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let length = |row: &[String; N], column: usize| row[column].chars().count();
        for row in &self.rows {
            let mut line = String::new();
            for (column, cell) in row.iter().enumerate() {
                let lengths = self.rows.iter().map(|row| length(row, column));
                let width = lengths.max().unwrap_or(0);
                line += &if self.right[column] {
                    format!("  {cell:>width$}")
                } else {
                    format!("  {cell:<width$}")
                };
            }
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up() {
        let mut table = Table::new(["name", ">count", "why"]);
        table.row([&"a", &12345678, &""]);
        table.row([&"longer", &1, &"because"]);
        let text = "  name       count  why\n  a       12345678\n  longer         1  because\n";
        assert_eq!(table.to_string(), text);
    }
}
