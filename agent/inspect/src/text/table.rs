//! Columns that line up.

use super::page::{Page, Style, width};

/// A cell and how it looks.
pub(crate) type Cell = (Style, String);

/// Where the text of a column stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Align {
    Left,
    Right,
}

/// Puts `rows` on the page, two spaces between columns, each column as wide as its widest cell.
pub(crate) fn put(page: &mut Page, indent: usize, aligns: &[Align], rows: &[Vec<Cell>]) {
    let widest = |column: usize| {
        rows.iter()
            .filter_map(|row| row.get(column))
            .map(|(_, text)| width(text))
            .max()
            .unwrap_or_default()
    };
    let widths: Vec<usize> = (0..aligns.len()).map(widest).collect();
    for row in rows {
        page.put(Style::Plain, &" ".repeat(indent));
        for (column, (style, text)) in row.iter().enumerate() {
            let missing = widths
                .get(column)
                .map_or(0, |widest| widest.saturating_sub(width(text)));
            let blank = " ".repeat(missing);
            if column > 0 {
                page.put(Style::Plain, "  ");
            }
            if aligns.get(column) == Some(&Align::Right) {
                page.put(Style::Plain, &blank).put(*style, text);
            } else {
                page.put(*style, text).put(Style::Plain, &blank);
            }
        }
        page.end();
    }
}

/// A cell without a look of its own.
pub(crate) fn plain(text: impl Into<String>) -> Cell {
    (Style::Plain, text.into())
}

/// A cell that can be passed over.
pub(crate) fn faint(text: impl Into<String>) -> Cell {
    (Style::Faint, text.into())
}
