//! A crash.

use super::page::{Page, Style};
use super::{crumbs, excerpt, show, threads};
use crate::view::crash::{Crash, meaning};

pub(crate) fn put(page: &mut Page, crash: &Crash, full: bool) {
    let did = match (crash.cause, crash.fatal) {
        ("panic", _) => "panicked",
        (_, true) => "crashed",
        (_, false) => "got the signal",
    };
    threads::put(page, &crash.thread, did, full);
    excerpt::put(page, crash.excerpt.as_ref());
    crumbs::put(page, &crash.crumbs, "this crash", full);
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
