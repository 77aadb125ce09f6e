//! `GET /api/v1/issues` and `GET /api/v1/issues/{id}`: what the list and the page of an issue show, for programs.

use super::told::Told;
use super::{answer, app_of, failed, refuse, words};
use crate::access::Visitor;
use crate::alerts::settings::Mute;
use crate::dashboard::filter;
use crate::grouping::Explanation;
use crate::ingest::json;
use crate::privacy::groups::{self, Merged, SafeIssue, SafeIssues};
use crate::state::State;
use crate::statistics::Share;
use crate::store::triage::{self, Turn};
use crate::store::{Breakdown, IssueFilter, IssueId, IssueKind, IssueRow, Span, Store, StoreError};
use axum::extract::{Path, Query, State as Given};
use axum::http::StatusCode;
use axum::response::Response;
use candor_protocol::deidentify::{Release, ReportId};
use candor_protocol::report::Report;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The most issues of one answer.
const MOST: u32 = 1_000;
/// Those of an answer that says nothing about it.
const USUAL: u32 = 50;

/// What is asked, word by word.
type Asked = BTreeMap<String, String>;

/// What is asked of a list. Read word by word, as the page's address is: a word that is none restricts nothing.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "it tells which words there are")]
struct ListWords {
    /// The app.
    app: String,
    /// The first second of the range.
    from: u64,
    /// The first second after the range.
    to: u64,
    /// `crash`, `caught` or `freeze`.
    kind: Option<String>,
    /// `open`, `regressed`, `resolved`, `ignored` or `all`; without it open and regressed ones.
    state: Option<String>,
    /// Words that are looked for in what happened, in a message's template and in the names of frames that count.
    q: Option<String>,
    /// Only those with a report of this release.
    release: Option<String>,
    /// Only those with a report of this operating system and version.
    os: Option<String>,
    /// Only those with a report of this class of machine.
    device: Option<String>,
    /// Only those that this person looks after; `-` for nobody.
    who: Option<String>,
    /// `own` or `other`: whether they were grouped by frames of the app's own code.
    own: Option<String>,
    /// `new`: only those first seen in the range.
    seen: Option<String>,
    /// First seen from this second on.
    first_from: Option<u64>,
    /// First seen before this second.
    first_to: Option<u64>,
    /// Last seen from this second on.
    last_from: Option<u64>,
    /// Last seen before this second.
    last_to: Option<u64>,
    /// `reports`, `rising`, `last` or `new`; without it most installations first.
    sort: Option<String>,
    /// How many are passed over.
    offset: Option<u32>,
    /// The most of one answer: 50, at most 1,000.
    limit: Option<u32>,
}

/// What is asked of one issue.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "it tells which words there are")]
struct OneWords {
    /// The app.
    app: String,
    /// The first second of the range.
    from: u64,
    /// The first second after the range.
    to: u64,
    /// Everything but `by_release` is of this release.
    release: Option<String>,
}

/// What is asked of reports.
#[derive(Deserialize, JsonSchema)]
pub(super) struct Reading {
    /// The app.
    app: String,
    /// Only those of this release.
    #[schemars(with = "Option<String>")]
    release: Option<Release>,
    /// Only those that follow this one.
    #[schemars(with = "Option<String>")]
    before: Option<ReportId>,
    /// The most of one answer: 10, at most 50. Each one is written into the audit trail.
    limit: Option<u32>,
}

/// Reports of an issue, newest first.
#[derive(Serialize, JsonSchema)]
struct Reports {
    #[schemars(with = "Vec<words::Report>")]
    reports: Vec<Report>,
}

pub(super) fn told() -> Vec<Told> {
    vec![
        Told::get(
            "/api/v1/issues",
            "Issues of a range: the list of the pages, with its filters and its search.",
        )
        .asks::<ListWords>()
        .answers::<List>()
        .refuses(400, "The range is missing.")
        .refuses(404, "There is no such app."),
        Told::get(
            "/api/v1/issues/{id}",
            "One issue: what its page shows of all installations.",
        )
        .asks::<OneWords>()
        .answers::<Page>()
        .refuses(400, "The range is missing.")
        .refuses(
            404,
            "There is no such app or issue, or it is not shown in this release.",
        ),
        Told::get(
            "/api/v1/issues/{id}/reports",
            "Single reports of an issue, newest first.",
        )
        .asks::<Reading>()
        .answers::<Reports>()
        .refuses(404, "There is no such app or issue."),
    ]
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Issues")]
struct List {
    /// How many there are, whatever is passed over.
    total: u64,
    issues: Vec<Row>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "IssueRow")]
pub(super) struct Row {
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
    #[schemars(with = "String")]
    first_release: Release,
    #[schemars(with = "String")]
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

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Issue")]
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
    /// That alerts tell nothing of it.
    muted: Option<Mute>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "IssueMember")]
struct Member {
    id: String,
    title: String,
    why: Explanation,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "IssueClasses")]
struct Classes {
    shown: Vec<Class>,
    /// Those together that too few installations have to be told.
    others: Option<Counts>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "IssueClass")]
struct Class {
    of: String,
    figures: Counts,
    /// Whether far more of its runs met the issue than of all runs, beyond chance.
    over: bool,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "IssueCounts")]
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

impl Classes {
    /// Classes, compared with all runs.
    fn new(merged: &Merged<Breakdown>, all: Share) -> Self {
        let shown = merged.shown.iter().map(|row| Class {
            of: row.label.clone(),
            figures: row.into(),
            over: groups::is_over(row, all),
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

/// The most single reports of one answer.
const READ: u32 = 50;

/// `GET /api/v1/issues/{id}/reports?app=NAME`. No report is told that the audit trail does not know of.
pub(super) async fn reports<S: Store>(
    Given(state): Given<State<S>>,
    Path(id): Path<String>,
    visitor: Visitor,
    Query(reading): Query<Reading>,
) -> Result<Response, Response> {
    let app = app_of(&state, &reading.app).await?;
    let id: IssueId = id.parse().map_err(|()| unknown())?;
    let limit = reading.limit.unwrap_or(10).min(READ);
    let (release, before) = (reading.release.as_ref(), reading.before);
    let read = state.store.issue_reports(&app, id, release, limit, before);
    let reports = read.await.map_err(|error| failed(&error))?;
    let (now, who) = (state.clock.now(), visitor.who());
    for report in &reports {
        let noted = state.office.note_read(now, &who, &app, report.id.as_str());
        noted.map_err(|error| failed(&error))?;
    }
    Ok(json(StatusCode::OK, &Reports { reports }))
}

/// The runs that met an issue, where it is looked at, of all runs there.
fn of_part(safe: &SafeIssue) -> Share {
    Share::new(safe.page.row.runs, safe.page.runs_total)
}

fn unknown() -> Response {
    let message = "there is no issue of this number";
    refuse(StatusCode::NOT_FOUND, "unknown_issue", message)
}

fn unknown_release() -> Response {
    refuse(
        StatusCode::NOT_FOUND,
        "unknown_release",
        "the issue is not shown in this release in this range: it was not met there, or by too few installations",
    )
}

/// `GET /api/v1/issues/{id}?app=NAME&from=SECONDS&to=SECONDS`; with `release=VERSION` all but `by_release` is of that release.
pub(super) async fn issue<S: Store>(
    Given(state): Given<State<S>>,
    Path(id): Path<String>,
    Query(asked): Query<Asked>,
) -> Result<Response, Response> {
    let span = span(&asked).ok_or_else(no_range)?;
    let name = asked.get("app").map(String::as_str).unwrap_or_default();
    let app = app_of(&state, name).await?;
    let id: IssueId = id.parse().map_err(|()| unknown())?;
    let release = match asked.get("release") {
        Some(release) => Some(Release::parse(release).map_err(|_| unknown_release())?),
        None => None,
    };
    let found = groups::issue(&state, &app, id, release.as_ref(), span).await;
    let page = match found {
        Ok(None) => return Err(unknown()),
        Ok(Some(safe)) if safe.within != release => return Err(unknown_release()),
        Ok(Some(safe)) => Ok({
            let (numbers, now) = (safe.page.numbers(), state.clock.now());
            let muted = state.alerts.mute(&app, &numbers, now);
            let muted =
                muted.map_err(|error| failed(&StoreError::Unavailable(error.to_string())))?;
            Page {
                by_release: Classes::new(
                    &safe.by_release,
                    Share::new(safe.whole.runs, safe.whole.runs_total),
                ),
                by_os: Classes::new(&safe.by_os, of_part(&safe)),
                by_device: Classes::new(&safe.by_device, of_part(&safe)),
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
                muted,
                history: safe.page.turns,
                row: safe.page.row.into(),
            }
        }),
        Err(error) => Err(error),
    };
    Ok(answer(page))
}
