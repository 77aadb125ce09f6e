//! `GET /api/v1/releases`: what the page of releases shows, for programs.

use super::told::Told;
use super::{Times, app_of, failed, refuse, span};
use crate::dashboard::releases::asked::{self, Apart, Released, Risen, Verdict, Why};
use crate::ingest::json;
use crate::state::State;
use crate::statistics::{Interval, Share, wilson};
use crate::store::{IssueKind, ReleaseRow, Store};
use axum::extract::{Query, State as Given};
use axum::http::StatusCode;
use axum::response::Response;
use candor_protocol::deidentify::Release;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is asked: the app, the range in seconds since 1970-01-01 UTC, and the two releases that are compared.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct About {
    /// The app.
    app: String,
    /// The first second of the range.
    from: u64,
    /// The first second after the range.
    to: u64,
    /// The release that another one is compared with.
    a: Option<String>,
    /// The release that is compared.
    b: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Releases")]
struct Answer {
    /// Distinct installations, whatever their release.
    installs: u64,
    /// The latest first.
    releases: Vec<Row>,
    /// All releases that too few installations have to be told.
    others: Option<Counts>,
    /// Two of them side by side; none where there are no two.
    compared: Option<Compared>,
}

/// Ends of a 95 % interval.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Interval")]
struct Ends {
    low: f64,
    high: f64,
}

impl From<Interval> for Ends {
    fn from(Interval { low, high }: Interval) -> Self {
        Self { low, high }
    }
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ReleaseCounts")]
struct Counts {
    runs: u64,
    crashed_runs: u64,
    frozen_runs: u64,
    freezes: u64,
    attempts: u64,
    ready: u64,
    /// Where the share of runs without a crash lies.
    crash_free: Option<Ends>,
    /// Where the share of runs without a freeze lies.
    freeze_free: Option<Ends>,
    /// Where the share of attempts that ended in service lies.
    connected: Option<Ends>,
}

impl Counts {
    fn new(row: &ReleaseRow, frozen_runs: u64) -> Self {
        let lies = |share| wilson(share).map(Ends::from);
        Self {
            runs: row.runs,
            crashed_runs: row.crashed_runs,
            frozen_runs,
            freezes: row.freezes,
            attempts: row.attempts,
            ready: row.ready,
            crash_free: lies(asked::crash_free(row)),
            freeze_free: lies(asked::freeze_free(frozen_runs, row)),
            connected: lies(Share::new(row.ready, row.attempts)),
        }
    }
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Release")]
struct Row {
    #[schemars(with = "String")]
    of: Release,
    figures: Counts,
    installs: u64,
    ready_us: Times,
    /// Issues of the range that were first seen in it.
    new_issues: u64,
    /// When the day begins on which a run, a crash or a freeze of it was first counted, in the range or not, in seconds since 1970-01-01 UTC.
    first_seen: Option<u64>,
    /// The same of the day on which one was last counted.
    last_seen: Option<u64>,
}

impl From<&Released> for Row {
    fn from(release: &Released) -> Self {
        Self {
            of: release.row.release.clone(),
            figures: Counts::new(&release.row, release.frozen_runs),
            installs: release.row.installs,
            ready_us: (&release.ready_us).into(),
            new_issues: release.new_issues,
            first_seen: release.row.first_seen,
            last_seen: release.row.last_seen,
        }
    }
}

/// `b` less `a`.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Difference")]
struct Difference {
    difference: f64,
    interval: Ends,
    verdict: Verdict,
}

impl From<Apart> for Difference {
    fn from(apart: Apart) -> Self {
        Self {
            difference: apart.difference,
            interval: apart.interval.into(),
            verdict: apart.verdict,
        }
    }
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ComparedReleases")]
struct Compared {
    #[schemars(with = "String")]
    a: Release,
    #[schemars(with = "String")]
    b: Release,
    crash_free: Option<Difference>,
    freeze_free: Option<Difference>,
    connected: Option<Difference>,
    /// Issues that are new in `b`, or much more frequent there.
    issues: Vec<Issue>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "RisenIssue")]
struct Issue {
    id: String,
    kind: IssueKind,
    title: String,
    why: Why,
    /// Runs of `a` that met it; none where too few of its installations did to be told.
    runs_a: Option<u64>,
    runs_b: u64,
}

impl From<Risen> for Issue {
    fn from(risen: Risen) -> Self {
        Self {
            id: risen.row.id.to_string(),
            kind: risen.row.kind,
            title: risen.row.title,
            why: risen.why,
            runs_a: risen.before,
            runs_b: risen.row.runs,
        }
    }
}

pub(super) fn told() -> Vec<Told> {
    vec![
        Told::get(
            "/api/v1/releases",
            "Every release of a range, and two of them side by side.",
        )
        .asks::<About>()
        .answers::<Answer>()
        .refuses(
            404,
            "There is no such app, or a release that is to be compared is not shown.",
        ),
    ]
}

pub(super) async fn releases<S: Store>(
    Given(state): Given<State<S>>,
    Query(about): Query<About>,
) -> Result<Response, Response> {
    let app = app_of(&state, &about.app).await?;
    let span = span(about.from, about.to, None);
    let found = asked::releases(&state, &app, span).await;
    let found = found.map_err(|error| failed(&error))?;
    let pair = found.pair(about.a.as_deref(), about.b.as_deref());
    if pair.is_none() && (about.a.is_some() || about.b.is_some()) {
        return Err(refuse(
            StatusCode::NOT_FOUND,
            "unknown_release",
            "a release that is to be compared is not shown in this range: nothing arrived from it, or from too few installations",
        ));
    }
    let compared = match pair {
        None => None,
        Some((a, b)) => {
            let risen = asked::risen(&state, &app, span, (a, b), usize::MAX).await;
            let risen = risen.map_err(|error| failed(&error))?;
            Some(Compared {
                a: a.row.release.clone(),
                b: b.row.release.clone(),
                crash_free: asked::apart(a.crash_free(), b.crash_free()).map(Into::into),
                freeze_free: asked::apart(a.freeze_free(), b.freeze_free()).map(Into::into),
                connected: asked::apart(a.connected(), b.connected()).map(Into::into),
                issues: risen.first.into_iter().map(Into::into).collect(),
            })
        }
    };
    let answer = Answer {
        installs: found.installs,
        releases: found.shown.iter().map(Into::into).collect(),
        others: found
            .others
            .as_ref()
            .map(|row| Counts::new(row, found.others_frozen)),
        compared,
    };
    Ok(json(StatusCode::OK, &answer))
}
