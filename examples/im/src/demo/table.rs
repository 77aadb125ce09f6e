//! A table for a terminal: columns as wide as their widest cell.

use std::fmt;

/// Where the cells of all columns but the first stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Align {
    Left,
    Right,
}

/// A head and rows.
#[derive(Debug, Clone)]
pub(super) struct Table {
    rows: Vec<Vec<String>>,
    align: Align,
}

impl Table {
    pub(super) fn new<const N: usize>(head: [&str; N], align: Align) -> Self {
        Self {
            rows: vec![head.map(str::to_owned).into()],
            align,
        }
    }

    pub(super) fn words<const N: usize>(&mut self, cells: [&str; N]) {
        self.rows.push(cells.map(str::to_owned).into());
    }

    /// A row of words and then numbers.
    pub(super) fn row<const W: usize, const N: usize>(
        &mut self,
        words: [String; W],
        numbers: [u64; N],
    ) {
        self.rows.push(
            words
                .into_iter()
                .chain(numbers.map(|n| n.to_string()))
                .collect(),
        );
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = |column: usize| {
            self.rows
                .iter()
                .filter_map(|row| row.get(column))
                .map(|cell| cell.chars().count())
                .max()
        };
        for row in &self.rows {
            let mut line = String::new();
            for (column, cell) in row.iter().enumerate() {
                let width = width(column).unwrap_or_default();
                if column > 0 {
                    line.push_str("  ");
                }
                line.push_str(&match self.align {
                    Align::Right if column > 0 => format!("{cell:>width$}"),
                    _ => format!("{cell:<width$}"),
                });
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
    fn columns_are_as_wide_as_their_widest_cell_and_numbers_stand_to_the_right() {
        let mut table = Table::new(["kind", "n"], Align::Right);
        table.row(["connection".into()], [7]);
        table.row(["run".into()], [12]);
        assert_eq!(
            table.to_string(),
            "kind         n\nconnection   7\nrun         12\n"
        );
    }
}
