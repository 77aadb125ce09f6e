//! `GET /api/v1/health`: what the overview shows, for programs.

use super::{Times, answer, app_of, span};
use crate::privacy::groups::{self, Merged};
use crate::state::State;
use crate::store::{Health, ReleaseRow, Store};
use axum::extract::{Query, State as Given};
use axum::response::Response;
use candor_protocol::deidentify::Release;
use candor_protocol::report::Exit;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What is asked: the app, and the range in seconds since 1970-01-01 UTC.
#[derive(Debug, Deserialize)]
pub(super) struct About {
    app: String,
    from: u64,
    to: u64,
}

#[derive(Debug, Serialize)]
struct Answer {
    runs: u64,
    /// Runs whose exit is known.
    ended: u64,
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
}

#[derive(Debug, Serialize)]
struct ByRelease {
    of: Release,
    figures: Counts,
}

#[derive(Debug, Serialize)]
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

impl From<(Health, Merged<ReleaseRow>)> for Answer {
    fn from((health, releases): (Health, Merged<ReleaseRow>)) -> Self {
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
        }
    }
}

pub(super) async fn health<S: Store>(
    Given(state): Given<State<S>>,
    Query(about): Query<About>,
) -> Result<Response, Response> {
    let app = app_of(&state, &about.app).await?;
    let span = span(about.from, about.to, None);
    let asked = async {
        let health = state.store.health(&app, span).await?;
        let releases = groups::releases(&state, &app, span).await?;
        Ok(Answer::from((health, releases)))
    };
    Ok(answer(asked.await))
}
