//! `candor list`.

use super::page::{Page, Style, cut};
use super::table::{self, Align, faint, plain};
use crate::view::amount::count;
use crate::view::list::{Line, Listing, UnreadFile};
use candor_protocol::report::Kind;

/// Longer sentences are cut: `candor show` has the whole.
const SENTENCE: usize = 120;

pub(crate) fn render(listing: &Listing, colour: bool) -> String {
    let mut page = Page::new(colour);
    if listing.reports.is_empty() {
        let kind = listing
            .kind
            .map_or(String::new(), |kind| format!(" of kind {kind}"));
        page.line(Style::Plain, &format!("No reports{kind} on this device."));
        page.line(
            Style::Faint,
            "Either everything was sent, or nothing was recorded; `candor status` tells which.",
        );
    } else {
        let mut rows = vec![["ID", "KIND", "WHEN", "STATE", "WHAT"].map(faint).to_vec()];
        rows.extend(listing.reports.iter().map(row));
        table::put(&mut page, 0, &[Align::Left; 5], &rows);
        page.gap().line(Style::Faint, &summary(&listing.reports));
    }
    put_unread(&mut page, &listing.unread);
    page.finish()
}

fn row(line: &Line) -> Vec<table::Cell> {
    let kind = match line.kind {
        Kind::Crash => Style::Bad,
        Kind::Freeze => Style::Notice,
        Kind::Run | Kind::Loss | Kind::Connection => Style::Plain,
    };
    vec![
        (Style::Strong, line.short.clone()),
        (kind, line.kind.to_string()),
        plain(&line.at),
        plain(state(line.state)),
        plain(cut(&line.summary, SENTENCE)),
    ]
}

fn state(state: &str) -> &'static str {
    if state == "waiting" {
        "waiting"
    } else {
        "in a dump"
    }
}

fn summary(lines: &[Line]) -> String {
    let waiting = lines.iter().filter(|line| line.state == "waiting").count();
    let mut parts = Vec::new();
    if waiting > 0 {
        parts.push(format!(
            "{} waiting to be sent",
            count(waiting as u64, "report")
        ));
    }
    if waiting < lines.len() {
        let dumps = count((lines.len() - waiting) as u64, "report");
        parts.push(format!("{dumps} in a dump, told at the app's next start"));
    }
    format!("{}. `candor show ID` shows one.", parts.join("; "))
}

/// Says which files are not shown.
pub(crate) fn put_unread(page: &mut Page, unread: &[UnreadFile]) {
    /// A directory that is not the agent's may hold any number.
    const MOST: usize = 10;
    if unread.is_empty() {
        return;
    }
    page.gap();
    let files = count(unread.len() as u64, "file");
    page.line(Style::Notice, &format!("{files} not shown, or not wholly:"));
    for file in unread.iter().take(MOST) {
        page.line(Style::Plain, &format!("  {}: {}", file.file, file.reason));
    }
    if unread.len() > MOST {
        page.line(
            Style::Faint,
            &format!("  and {} more; --json names them all", unread.len() - MOST),
        );
    }
}
