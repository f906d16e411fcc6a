//! Tables for the terminal: columns as wide as their widest cell.

/// Rows of text under a header.
#[derive(Debug)]
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
    right: Vec<bool>,
}

impl Table {
    /// A header; a name that begins with `>` makes its column stand on the right.
    pub(crate) fn new<const N: usize>(header: [&str; N]) -> Self {
        Self {
            right: header.iter().map(|name| name.starts_with('>')).collect(),
            rows: vec![
                header
                    .iter()
                    .map(|name| name.trim_start_matches('>').to_owned())
                    .collect(),
            ],
        }
    }

    pub(crate) fn row<const N: usize>(&mut self, cells: [String; N]) {
        debug_assert_eq!(N, self.right.len(), "as many cells as columns");
        self.rows.push(cells.into());
    }
}

impl std::fmt::Display for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let width = |column: usize| {
            let cells = self.rows.iter().map(|row| row[column].chars().count());
            cells.max().unwrap_or(0)
        };
        let widths: Vec<_> = (0..self.right.len()).map(width).collect();
        for row in &self.rows {
            let mut line = String::new();
            for ((cell, &width), &right) in row.iter().zip(&widths).zip(&self.right) {
                line += &if right {
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
        table.row(["a".into(), "12345678".into(), String::new()]);
        table.row(["longer".into(), "1".into(), "because".into()]);
        let text = "\
\u{20} name       count  why
\u{20} a       12345678
\u{20} longer         1  because
";
        assert_eq!(table.to_string(), text);
    }
}
