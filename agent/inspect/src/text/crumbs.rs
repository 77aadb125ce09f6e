//! Breadcrumbs, as a small timeline.

use super::page::{Page, Style};
use super::table::{self, Align, faint, plain};
use crate::view::amount::{count, millis};
use crate::view::phrase::crumb_values;
use candor_protocol::report::Crumb;

/// What the app did before `this`, down to it.
pub(crate) fn put(page: &mut Page, crumbs: &[Crumb], this: &str, full: bool) {
    /// The last ones tell most.
    const LAST: usize = 15;
    if crumbs.is_empty() {
        return;
    }
    page.gap().line(
        Style::Strong,
        "What the app did before, and how long before",
    );
    let earlier = if full {
        0
    } else {
        crumbs.len().saturating_sub(LAST)
    };
    let mut rows = Vec::new();
    if earlier > 0 {
        let earlier = count(earlier as u64, "earlier one");
        rows.push(vec![faint(""), faint(format!("{earlier} (--full)"))]);
    }
    rows.extend(crumbs.iter().skip(earlier).map(|crumb| {
        vec![
            faint(millis(crumb.before_ms)),
            plain(crumb.name.to_string()),
            faint(crumb_values(&crumb.values)),
        ]
    }));
    rows.push(vec![faint("0"), (Style::Bad, this.to_owned())]);
    table::put(page, 2, &[Align::Right, Align::Left, Align::Left], &rows);
}
