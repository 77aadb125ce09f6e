//! `/issues`: what goes wrong.

use super::entry::{Entry, Trouble};
use super::format;
use super::issue_row::{IssueLine, lines};
use super::shell::{Choice, Shell};
use super::visit::Visit;
use super::words::{Words, fill};
use crate::state::State;
use crate::store::{IssueFilter, IssueKind, IssueRow, Store};
use askama::Template;
use axum::extract::State as Given;
use axum::response::Response;
use std::cmp::Reverse;

/// Issues of one page of the list.
const PAGE: usize = 50;

/// `GET /issues`.
pub(crate) async fn page<S: Store>(Given(state): Given<State<S>>, entry: Entry) -> Response {
    entry.answer(show(&state, &entry).await)
}

async fn show<'a, S: Store>(state: &State<S>, entry: &'a Entry) -> Result<Issues<'a>, Trouble> {
    let wanted = Wanted::read(&entry.visit);
    let filter = IssueFilter {
        kind: wanted.kind.store_kind(),
        ..IssueFilter::all(entry.span, entry.now)
    };
    let found = state.store.issues(&entry.app, filter).await?.rows;
    let all = found.len();
    let chosen = wanted.choose(found);
    let w = entry.words();
    let from = (wanted.page * PAGE).min(chosen.len());
    let to = (from + PAGE).min(chosen.len());
    let turn = |page: usize| entry.visit.here(&[("page", &page.to_string())]);
    Ok(Issues {
        w,
        shell: &entry.shell,
        kinds: Kind::ALL
            .into_iter()
            .map(|kind| Choice {
                href: entry.visit.here(&[("kind", kind.word()), ("page", "")]),
                label: kind.name(w).to_owned(),
                current: kind == wanted.kind,
            })
            .collect(),
        kind: wanted.kind.word(),
        sorts: Sort::ALL
            .into_iter()
            .map(|sort| Choice {
                href: entry.visit.here(&[("sort", sort.word()), ("page", "")]),
                label: sort.name(w).to_owned(),
                current: sort == wanted.sort,
            })
            .collect(),
        sort: wanted.sort.word(),
        lines: lines(entry, &chosen, from..to),
        shown: fill(
            w.issues_shown,
            &[
                &(from + 1).min(to),
                &to,
                &format::count(chosen.len() as u64),
            ],
        ),
        earlier: (from > 0).then(|| turn(wanted.page - 1)),
        later: (to < chosen.len()).then(|| turn(wanted.page + 1)),
        filtered: all > 0 && chosen.is_empty(),
        reset: entry.visit.page("/issues", &[]),
        longer: entry.longer(),
        query: wanted.text,
        range: entry.visit.get("range").unwrap_or_default().to_owned(),
        to: entry.visit.get("to").unwrap_or_default().to_owned(),
    })
}

#[derive(Template)]
#[template(path = "issues.html")]
struct Issues<'a> {
    w: &'static Words,
    shell: &'a Shell,
    kinds: Vec<Choice>,
    kind: &'static str,
    sorts: Vec<Choice>,
    sort: &'static str,
    query: String,
    range: String,
    to: String,
    lines: Vec<IssueLine>,
    shown: String,
    earlier: Option<String>,
    later: Option<String>,
    /// There are issues, and the filter leaves none of them.
    filtered: bool,
    reset: String,
    longer: Option<Choice>,
}

/// Which issues are wanted, and in which order.
#[derive(Debug)]
struct Wanted {
    kind: Kind,
    sort: Sort,
    /// In small letters.
    text: String,
    page: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    All,
    Crash,
    Caught,
    Freeze,
}

impl Kind {
    const ALL: [Self; 4] = [Self::All, Self::Crash, Self::Caught, Self::Freeze];

    const fn word(self) -> &'static str {
        match self {
            Self::All => "",
            Self::Crash => "crash",
            Self::Caught => "caught",
            Self::Freeze => "freeze",
        }
    }

    fn name(self, w: &'static Words) -> &'static str {
        match self {
            Self::All => w.all,
            Self::Crash => w.crashes,
            Self::Caught => w.caught_panics,
            Self::Freeze => w.freezes,
        }
    }

    const fn store_kind(self) -> Option<IssueKind> {
        match self {
            Self::All => None,
            Self::Crash | Self::Caught => Some(IssueKind::Crash),
            Self::Freeze => Some(IssueKind::Freeze),
        }
    }

    const fn takes(self, row: &IssueRow) -> bool {
        match self {
            Self::All => true,
            Self::Crash => matches!(row.kind, IssueKind::Crash) && row.fatal > 0,
            Self::Caught => matches!(row.kind, IssueKind::Crash) && row.reports > row.fatal,
            Self::Freeze => matches!(row.kind, IssueKind::Freeze),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sort {
    Installs,
    Reports,
    Last,
    New,
}

impl Sort {
    const ALL: [Self; 4] = [Self::Installs, Self::Reports, Self::Last, Self::New];

    const fn word(self) -> &'static str {
        match self {
            Self::Installs => "",
            Self::Reports => "reports",
            Self::Last => "last",
            Self::New => "new",
        }
    }

    fn name(self, w: &'static Words) -> &'static str {
        match self {
            Self::Installs => w.installs,
            Self::Reports => w.reports,
            Self::Last => w.last_seen,
            Self::New => w.first_seen,
        }
    }
}

impl Wanted {
    fn read(visit: &Visit) -> Self {
        let word = |key| visit.get(key).unwrap_or_default();
        Self {
            kind: Kind::ALL
                .into_iter()
                .find(|kind| kind.word() == word("kind"))
                .unwrap_or(Kind::All),
            sort: Sort::ALL
                .into_iter()
                .find(|sort| sort.word() == word("sort"))
                .unwrap_or(Sort::Installs),
            text: word("q").trim().to_owned(),
            page: word("page").parse::<u16>().unwrap_or(0).into(),
        }
    }

    fn choose(&self, rows: Vec<IssueRow>) -> Vec<IssueRow> {
        let text = self.text.to_lowercase();
        let says = |row: &IssueRow| {
            row.title.to_lowercase().contains(&text) || row.culprit.to_lowercase().contains(&text)
        };
        let mut rows: Vec<IssueRow> = rows
            .into_iter()
            .filter(|row| self.kind.takes(row) && says(row))
            .collect();
        // The sort is stable, so that equal rows stay in the store's order.
        match self.sort {
            Sort::Installs => rows.sort_by_key(|row| Reverse((row.installs, row.reports))),
            Sort::Reports => rows.sort_by_key(|row| Reverse(row.reports)),
            Sort::Last => rows.sort_by_key(|row| Reverse(row.last_seen)),
            Sort::New => rows.sort_by_key(|row| Reverse(row.first_seen)),
        }
        rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::IssueId;
    use axum::http::HeaderMap;
    use candor_protocol::deidentify::Release;

    fn row(title: &str, kind: IssueKind, reports: u64, fatal: u64, seen: u64) -> IssueRow {
        let release = Release::parse("1.0.0").unwrap();
        IssueRow {
            id: IssueId(reports),
            kind,
            title: title.to_owned(),
            culprit: "im::history::load".to_owned(),
            reports,
            fatal,
            runs: reports,
            installs: 1,
            first_seen: seen,
            last_seen: 1_000 - seen,
            first_release: release.clone(),
            last_release: release,
            spark: vec![],
            rising: 0,
            state: Default::default(),
            assignee: None,
            merged: 0,
        }
    }

    fn chosen(query: &str) -> Vec<String> {
        let rows = vec![
            row("SIGSEGV", IssueKind::Crash, 5, 5, 3),
            row("panic", IssueKind::Crash, 9, 2, 1),
            row("caught", IssueKind::Crash, 4, 0, 4),
            row("froze", IssueKind::Freeze, 7, 0, 2),
        ];
        let wanted = Wanted::read(&Visit::read("/issues", query, &HeaderMap::new()));
        wanted
            .choose(rows)
            .into_iter()
            .map(|row| row.title)
            .collect()
    }

    #[test]
    fn what_was_both_fatal_and_caught_is_in_both_lists() {
        assert_eq!(chosen("kind=crash"), ["panic", "SIGSEGV"]);
        assert_eq!(chosen("kind=caught"), ["panic", "caught"]);
    }

    #[test]
    fn most_installs_come_first_and_then_most_reports() {
        assert_eq!(chosen(""), ["panic", "froze", "SIGSEGV", "caught"]);
        assert_eq!(chosen("sort=new"), ["caught", "SIGSEGV", "froze", "panic"]);
        assert_eq!(chosen("sort=last"), ["panic", "froze", "SIGSEGV", "caught"]);
    }

    #[test]
    fn text_is_found_in_title_and_culprit_whatever_its_case() {
        assert_eq!(chosen("q=sigs"), ["SIGSEGV"]);
        assert_eq!(chosen("q=HISTORY").len(), 4);
        assert!(chosen("q=elsewhere").is_empty());
    }
}
