//! Lines of source code.

use super::page::{Page, Style};
use crate::sources::Excerpt;

/// The lines, with the one that is meant marked.
pub(crate) fn put(page: &mut Page, excerpt: Option<&Excerpt>) {
    let Some(excerpt) = excerpt else { return };
    page.gap()
        .put(Style::Strong, &excerpt.file)
        .line(Style::Faint, ", as it is now");
    for (number, line) in (excerpt.first..).zip(&excerpt.lines) {
        let (mark, style) = if number == excerpt.line {
            ("> ", Style::Bad)
        } else {
            ("  ", Style::Plain)
        };
        page.put(style, mark)
            .put(Style::Faint, &format!("{number:>5}  "))
            .line(style, line);
    }
}
