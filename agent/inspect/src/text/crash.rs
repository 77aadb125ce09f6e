//! A crash.

use super::page::{Page, Style};
use super::show;
use super::table::{self, Align, faint, plain};
use super::threads;
use crate::view::amount::{count, millis};
use crate::view::crash::{Crash, meaning};
use crate::view::phrase::crumb_values;
use candor_protocol::report::Crumb;

pub(crate) fn put(page: &mut Page, crash: &Crash, full: bool) {
    let did = match (crash.cause, crash.fatal) {
        ("panic", _) => "panicked",
        (_, true) => "crashed",
        (_, false) => "got the signal",
    };
    threads::put(page, &crash.thread, did, full);
    put_crumbs(page, &crash.crumbs, full);
    threads::put_others(page, &crash.others, full);
    let threads = || std::iter::once(&crash.thread).chain(&crash.others);
    show::put_modules(
        page,
        &crash.modules.iter().collect::<Vec<_>>(),
        0,
        threads().any(|thread| thread.stack.lacks_names()),
    );
    threads::put_doubts(page, threads());
    for note in &crash.notes {
        page.gap()
            .paragraph(Style::Notice, 0, &format!("Note: {}.", meaning(*note)));
    }
}

/// What the app did before, down to the crash.
fn put_crumbs(page: &mut Page, crumbs: &[Crumb], full: bool) {
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
    rows.push(vec![faint("0"), (Style::Bad, "this crash".to_owned())]);
    table::put(page, 2, &[Align::Right, Align::Left, Align::Left], &rows);
}
