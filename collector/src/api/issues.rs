//! `GET /api/v1/issues` and `GET /api/v1/issues/{id}`: what the list and the page of an issue show, for programs.

use super::{answer, app_of, refuse};
use crate::dashboard::filter;
use crate::grouping::Explanation;
use crate::privacy::groups::{self, Merged, SafeIssues};
use crate::state::State;
use crate::store::triage::{self, Turn};
use crate::store::{Breakdown, IssueFilter, IssueId, IssueKind, IssueRow, Span, Store};
use axum::extract::{Path, Query, State as Given};
use axum::http::StatusCode;
use axum::response::Response;
use candor_protocol::deidentify::Release;
use serde::Serialize;
use std::collections::BTreeMap;

/// The most issues of one answer.
const MOST: u32 = 1_000;
/// Those of an answer that says nothing about it.
const USUAL: u32 = 50;

/// What is asked, word by word.
type Asked = BTreeMap<String, String>;

#[derive(Serialize)]
struct List {
    /// How many there are, whatever is passed over.
    total: u64,
    issues: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    id: String,
    kind: IssueKind,
    title: String,
    culprit: String,
    state: triage::State,
    assignee: Option<triage::Person>,
    /// How many issues were merged into it.
    merged: u32,
    reports: u64,
    fatal: u64,
    runs: u64,
    installs: u64,
    rising: i64,
    first_seen: u64,
    last_seen: u64,
    first_release: Release,
    last_release: Release,
    /// Reports per step of the range.
    spark: Vec<u32>,
}

impl From<IssueRow> for Row {
    fn from(row: IssueRow) -> Self {
        Self {
            id: row.id.to_string(),
            kind: row.kind,
            title: row.title,
            culprit: row.culprit,
            state: row.state,
            assignee: row.assignee,
            merged: row.merged,
            reports: row.reports,
            fatal: row.fatal,
            runs: row.runs,
            installs: row.installs,
            rising: row.rising,
            first_seen: row.first_seen,
            last_seen: row.last_seen,
            first_release: row.first_release,
            last_release: row.last_release,
            spark: row.spark,
        }
    }
}

#[derive(Serialize)]
struct Page {
    #[serde(flatten)]
    row: Row,
    why: Explanation,
    /// All runs of the app in the range.
    runs_total: u64,
    by_release: Classes,
    by_os: Classes,
    by_device: Classes,
    members: Vec<Member>,
    /// What became of it, the latest first.
    history: Vec<Turn>,
}

#[derive(Serialize)]
struct Member {
    id: String,
    title: String,
    why: Explanation,
}

#[derive(Serialize)]
struct Classes {
    shown: Vec<Class>,
    /// Those together that too few installations have to be told.
    others: Option<Counts>,
}

#[derive(Serialize)]
struct Class {
    of: String,
    figures: Counts,
}

#[derive(Serialize)]
struct Counts {
    reports: u64,
    runs: u64,
    /// All runs of this class, whether or not they met the issue.
    all_runs: u64,
}

impl From<&Breakdown> for Counts {
    fn from(row: &Breakdown) -> Self {
        Self {
            reports: row.reports,
            runs: row.runs,
            all_runs: row.of,
        }
    }
}

impl From<Merged<Breakdown>> for Classes {
    fn from(merged: Merged<Breakdown>) -> Self {
        let shown = merged.shown.iter().map(|row| Class {
            of: row.label.clone(),
            figures: row.into(),
        });
        Self {
            shown: shown.collect(),
            others: merged.other.as_ref().map(Counts::from),
        }
    }
}

/// The range that is asked for: `from` and `to` in seconds since 1970-01-01 UTC, in steps of an hour or, where it has more than
/// 1,000 of them, of a day.
fn span(asked: &Asked) -> Option<Span> {
    const HOUR: u64 = 3_600;
    let bound = |key: &str| asked.get(key)?.parse::<u64>().ok();
    let (from, to) = (bound("from")?, bound("to")?);
    let step = match to.saturating_sub(from) > 1_000 * HOUR {
        true => 24 * HOUR,
        false => HOUR,
    };
    Some(Span { from, to, step })
}

fn no_range() -> Response {
    let message = "from and to are moments in seconds since 1970-01-01 UTC";
    refuse(StatusCode::BAD_REQUEST, "bad_question", message)
}

/// `GET /api/v1/issues?app=NAME&from=SECONDS&to=SECONDS`, with the words of the page's address: `kind`, `state`, `q`, `release`, `os`,
/// `device`, `who`, `own`, `first_from`, `first_to`, `last_from`, `last_to`, `sort`; `offset` and `limit` (50; at most 1,000).
pub(super) async fn issues<S: Store>(
    Given(state): Given<State<S>>,
    Query(asked): Query<Asked>,
) -> Result<Response, Response> {
    let get = |key: &str| asked.get(key).map(String::as_str);
    let span = span(&asked).ok_or_else(no_range)?;
    let app = app_of(&state, get("app").unwrap_or_default()).await?;
    let number = |key: &str| get(key).and_then(|word| word.parse::<u32>().ok());
    let filter = IssueFilter {
        offset: number("offset").unwrap_or(0),
        limit: number("limit").unwrap_or(USUAL).min(MOST),
        ..filter(get, span, state.clock.now())
    };
    let told = groups::issues(&state, &app, filter).await;
    Ok(answer(told.map(|SafeIssues { list, .. }| List {
        total: list.total,
        issues: list.rows.into_iter().map(Row::from).collect(),
    })))
}

/// `GET /api/v1/issues/{id}?app=NAME&from=SECONDS&to=SECONDS`.
pub(super) async fn issue<S: Store>(
    Given(state): Given<State<S>>,
    Path(id): Path<String>,
    Query(asked): Query<Asked>,
) -> Result<Response, Response> {
    let span = span(&asked).ok_or_else(no_range)?;
    let name = asked.get("app").map(String::as_str).unwrap_or_default();
    let app = app_of(&state, name).await?;
    let unknown = || {
        let message = "there is no issue of this number";
        refuse(StatusCode::NOT_FOUND, "unknown_issue", message)
    };
    let id: IssueId = id.parse().map_err(|()| unknown())?;
    let found = groups::issue(&state, &app, id, span).await;
    let page = match found {
        Ok(None) => return Err(unknown()),
        Ok(Some(safe)) => Ok(Page {
            by_release: safe.by_release.into(),
            by_os: safe.by_os.into(),
            by_device: safe.by_device.into(),
            why: safe.page.why,
            runs_total: safe.page.runs_total,
            members: safe
                .page
                .members
                .into_iter()
                .map(|one| Member {
                    id: one.id.to_string(),
                    title: one.title,
                    why: one.why,
                })
                .collect(),
            history: safe.page.turns,
            row: safe.page.row.into(),
        }),
        Err(error) => Err(error),
    };
    Ok(answer(page))
}
