//! What could not be kept.

use super::page::{Page, Style};
use super::table::{self, Align, faint, plain};
use crate::view::loss::{Loss, meaning};

pub(crate) fn put(page: &mut Page, loss: &Loss) {
    page.gap();
    let mut rows = vec![["COUNT", "KIND", "WHY"].map(faint).to_vec()];
    rows.extend(loss.lost.iter().map(|lost| {
        vec![
            (Style::Notice, lost.count.to_string()),
            plain(lost.kind.to_string()),
            plain(format!("{}: {}", lost.reason, meaning(lost.reason))),
        ]
    }));
    table::put(page, 2, &[Align::Right, Align::Left, Align::Left], &rows);
}
