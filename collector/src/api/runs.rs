//! `GET /api/v1/runs`: how runs end, for programs.

use super::told::Told;
use super::{answer, app_of, span};
use crate::privacy::groups::{self, SafeExits};
use crate::state::State;
use crate::store::{ExitSum, Store};
use axum::extract::{Query, State as Given};
use axum::response::Response;
use candor_protocol::deidentify::Release;
use candor_protocol::report::Exit;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What is asked.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct About {
    /// The app.
    app: String,
    /// The first second of the range.
    from: u64,
    /// The first second after the range.
    to: u64,
    /// Seconds of a step; without it the range is one.
    step: Option<u64>,
}

/// How runs of a range ended.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Runs")]
struct Answer {
    /// By when they started, oldest first, without gaps.
    steps: Vec<Step>,
    by_release: Vec<ByRelease>,
    /// All releases that too few installations have to be told.
    others: Option<Ended>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "RunsOfStep")]
struct Step {
    /// When the step begins.
    at: u64,
    figures: Ended,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "RunsOfRelease")]
struct ByRelease {
    #[schemars(with = "String")]
    of: Release,
    figures: Ended,
}

/// Runs by how they ended.
#[derive(Debug, Serialize, JsonSchema)]
struct Ended {
    /// Runs that started.
    runs: u64,
    /// Those with at least one freeze.
    frozen: u64,
    /// Those whose exit is known, by exit; all others have not ended yet.
    #[schemars(with = "BTreeMap<String, u64>")]
    exits: BTreeMap<Exit, u64>,
}

impl From<&ExitSum> for Ended {
    fn from(sum: &ExitSum) -> Self {
        Self {
            runs: sum.runs,
            frozen: sum.frozen,
            exits: sum.exits.clone(),
        }
    }
}

impl From<SafeExits> for Answer {
    fn from(safe: SafeExits) -> Self {
        let steps = safe.steps.iter().map(|(at, sum)| Step {
            at: *at,
            figures: sum.into(),
        });
        let by_release = safe.by_release.shown.iter().map(|(of, sum)| ByRelease {
            of: of.clone(),
            figures: sum.into(),
        });
        Self {
            steps: steps.collect(),
            by_release: by_release.collect(),
            others: safe.by_release.other.as_ref().map(|(_, sum)| sum.into()),
        }
    }
}

pub(super) fn told() -> Vec<Told> {
    vec![
        Told::get("/api/v1/runs", "How runs ended, by step and by release.")
            .asks::<About>()
            .answers::<Answer>()
            .refuses(404, "There is no such app."),
    ]
}

/// `GET /api/v1/runs?app=NAME&from=SECONDS&to=SECONDS&step=SECONDS`.
pub(super) async fn runs<S: Store>(
    Given(state): Given<State<S>>,
    Query(about): Query<About>,
) -> Result<Response, Response> {
    let app = app_of(&state, &about.app).await?;
    let span = span(about.from, about.to, about.step);
    let found = groups::exits(&state, &app, span).await;
    Ok(answer(found.map(Answer::from)))
}
