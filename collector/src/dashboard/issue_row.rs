//! An issue as a row of a list.

use super::chart::{Spark, Tone};
use super::entry::Entry;
use super::words::fill;
use super::{format, history, window};
use crate::store::triage::StateKind;
use crate::store::{IssueKind, IssueRow};
use std::ops::Range;

/// An issue as a row of a list.
#[derive(Debug, Clone)]
pub(crate) struct IssueLine {
    pub(crate) href: String,
    /// The class in the style sheet: `crash`, `caught` or `freeze`.
    pub(crate) class: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) title: String,
    /// Where it is, unless the title says so.
    pub(crate) culprit: String,
    pub(crate) spark: Spark,
    pub(crate) installs: String,
    pub(crate) reports: String,
    /// The same with its noun.
    pub(crate) many: String,
    pub(crate) runs: String,
    pub(crate) last: String,
    pub(crate) last_exact: String,
    /// The release it was first seen in, and the last one where that is another.
    pub(crate) releases: String,
    /// First seen within the stretch of time that is shown.
    pub(crate) new: bool,
    /// Its number.
    pub(crate) id: String,
    /// Its state as a class in the style sheet; empty while it is open.
    pub(crate) state: &'static str,
    /// The word for it, and more about it.
    pub(crate) state_word: &'static str,
    pub(crate) state_text: String,
    /// Who looks after it, if anybody does.
    pub(crate) assignee: String,
    /// Says that alerts tell nothing of it; empty where they do, or where nobody has looked.
    pub(crate) muted: String,
}

/// What an issue is called, and in which colour.
pub(crate) fn kind_of(entry: &Entry, row: &IssueRow) -> (&'static str, &'static str, Tone) {
    let w = entry.words();
    match row.kind {
        IssueKind::Freeze => (w.freeze, "freeze", Tone::Freeze),
        IssueKind::Crash if row.fatal == 0 && row.reports > 0 => (w.caught, "caught", Tone::Quiet),
        IssueKind::Crash => (w.crash, "crash", Tone::Crash),
    }
}

impl IssueLine {
    /// The row for `row`.
    pub(crate) fn new(entry: &Entry, row: &IssueRow) -> Self {
        let (kind, class, tone) = kind_of(entry, row);
        let spark: Vec<u64> = row.spark.iter().map(|&count| u64::from(count)).collect();
        let (first, last) = (row.first_release.as_str(), row.last_release.as_str());
        Self {
            href: entry.visit.page(&format!("/issues/{}", row.id), &[]),
            class,
            kind,
            title: row.title.clone(),
            culprit: if row.title.contains(&row.culprit) {
                String::new()
            } else {
                row.culprit.clone()
            },
            spark: Spark::new(entry.words(), tone, &spark),
            installs: format::count(row.installs),
            reports: format::count(row.reports),
            many: fill(entry.words().t_many, &[&format::count(row.reports)]),
            runs: format::count(row.runs),
            last: format::ago(row.last_seen, entry.now, entry.visit.lang),
            last_exact: window::exact(row.last_seen),
            releases: if first == last {
                first.to_owned()
            } else {
                format!("{first} – {last}")
            },
            new: row.first_seen >= entry.span.from,
            id: row.id.to_string(),
            state: match row.state.kind() {
                StateKind::Open => "",
                kind => kind.as_str(),
            },
            state_word: history::state_word(entry.words(), row.state.kind()),
            state_text: history::state_text(entry.words(), &row.state),
            assignee: row
                .assignee
                .as_ref()
                .map_or_else(String::new, |who| who.as_str().to_owned()),
            muted: String::new(),
        }
    }
}

/// Whether all issues of a list are new, as with the first reports of an app; then none is marked.
pub(crate) fn are_all_new<'a>(entry: &Entry, all: impl IntoIterator<Item = &'a IssueRow>) -> bool {
    let mut all = all.into_iter();
    all.all(|row| row.first_seen >= entry.span.from)
}

/// The rows `shown` of a list.
pub(crate) fn lines(entry: &Entry, all: &[IssueRow], shown: Range<usize>) -> Vec<IssueLine> {
    let all_new = are_all_new(entry, all);
    let shown = all.get(shown).unwrap_or_default();
    shown
        .iter()
        .map(|row| {
            let mut line = IssueLine::new(entry, row);
            line.new &= !all_new;
            line
        })
        .collect()
}
