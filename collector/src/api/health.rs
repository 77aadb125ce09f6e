//! `GET /api/v1/health`: what the overview shows, for programs.

use super::told::Told;
use super::{Times, answer, app_of, span};
use crate::privacy::groups::{self, Merged};
use crate::state::State;
use crate::store::{Health, Point, ReleaseRow, Store};
use axum::extract::{Query, State as Given};
use axum::response::Response;
use candor_protocol::deidentify::Release;
use candor_protocol::report::Exit;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use tokio::try_join;

/// What is asked.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct About {
    /// The app.
    app: String,
    /// The first second of the range.
    from: u64,
    /// The first second after the range.
    to: u64,
    /// Seconds of a step of the series; without it the range is one.
    step: Option<u64>,
}

/// How an app is.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Health")]
struct Answer {
    runs: u64,
    /// Runs whose exit is known.
    ended: u64,
    #[schemars(with = "BTreeMap<String, u64>")]
    exits: BTreeMap<Exit, u64>,
    crashed_runs: u64,
    frozen_runs: u64,
    installs: u64,
    crashes: u64,
    handled: u64,
    freezes: u64,
    run_ms: u64,
    attempts: u64,
    ready: u64,
    ready_us: Times,
    rtt_us: Times,
    /// Most runs first.
    by_release: Vec<ByRelease>,
    /// All releases that too few installations have to be told.
    others: Option<Counts>,
    /// Counts of each step, oldest first, without gaps.
    series: Vec<Step>,
}

/// Counts of one step.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "HealthOfStep")]
struct Step {
    /// When the step begins.
    at: u64,
    runs: u64,
    crashed_runs: u64,
    crashes: u64,
    freezes: u64,
    attempts: u64,
    ready: u64,
}

impl From<Point> for Step {
    fn from(point: Point) -> Self {
        Self {
            at: point.at,
            runs: point.runs,
            crashed_runs: point.crashed_runs,
            crashes: point.crashes,
            freezes: point.freezes,
            attempts: point.attempts,
            ready: point.ready,
        }
    }
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "HealthOfRelease")]
struct ByRelease {
    #[schemars(with = "String")]
    of: Release,
    figures: Counts,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "HealthCounts")]
struct Counts {
    runs: u64,
    crashed_runs: u64,
    freezes: u64,
    installs: u64,
    attempts: u64,
    ready: u64,
}

impl From<&ReleaseRow> for Counts {
    fn from(row: &ReleaseRow) -> Self {
        Self {
            runs: row.runs,
            crashed_runs: row.crashed_runs,
            freezes: row.freezes,
            installs: row.installs,
            attempts: row.attempts,
            ready: row.ready,
        }
    }
}

impl From<(Health, Merged<ReleaseRow>, Vec<Point>)> for Answer {
    fn from((health, releases, trend): (Health, Merged<ReleaseRow>, Vec<Point>)) -> Self {
        let by_release = releases.shown.iter().map(|row| ByRelease {
            of: row.release.clone(),
            figures: row.into(),
        });
        Self {
            runs: health.runs,
            ended: health.ended,
            exits: health.exits,
            crashed_runs: health.crashed_runs,
            frozen_runs: health.frozen_runs,
            installs: health.installs,
            crashes: health.crashes,
            handled: health.handled,
            freezes: health.freezes,
            run_ms: health.run_ms,
            attempts: health.attempts,
            ready: health.ready,
            ready_us: (&health.ready_us).into(),
            rtt_us: (&health.rtt_us).into(),
            by_release: by_release.collect(),
            others: releases.other.as_ref().map(Into::into),
            series: trend.into_iter().map(Step::from).collect(),
        }
    }
}

pub(super) fn told() -> Vec<Told> {
    vec![
        Told::get("/api/v1/health", "How an app is: what the overview shows.")
            .asks::<About>()
            .answers::<Answer>()
            .refuses(404, "There is no such app."),
    ]
}

pub(super) async fn health<S: Store>(
    Given(state): Given<State<S>>,
    Query(about): Query<About>,
) -> Result<Response, Response> {
    let app = app_of(&state, &about.app).await?;
    let span = span(about.from, about.to, about.step);
    let asked = async {
        let (health, releases, trend) = try_join!(
            state.store.health(&app, span),
            groups::releases(&state, &app, span),
            state.store.trend(&app, span),
        )?;
        Ok(Answer::from((health, releases.rows, trend)))
    };
    Ok(answer(asked.await))
}
