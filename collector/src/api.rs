//! What programs may ask.

mod alerts;
mod connections;
mod document;
mod freezes;
mod health;
mod issues;
mod operated;
mod privacy;
mod releases;
mod runs;
mod symbols;
mod told;
mod triage;
mod words;

pub(crate) use document::documented;

use crate::access::Need;
use crate::ingest::json;
use crate::routes::Routes;
use crate::state::State;
use crate::store::{Intake, Span, Store, StoreError};
use axum::Router;
use axum::body;
use axum::extract::{Query, Request as HttpRequest, State as Given};
use axum::http::{StatusCode, header};
use axum::response::Response;
use candor_protocol::answer::Refusal;
use candor_protocol::deidentify::AppName;
use candor_protocol::sketch::Sketch;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The largest body of a request.
const BODY: usize = 64 * 1024;

/// Questions of programs.
pub fn routes<S: Store>(state: State<S>) -> Routes<State<S>> {
    Routes::with(state.clone())
        .get("/api/v1/ledger", Need::Aggregates, ledger::<S>)
        .get("/api/v1/health", Need::Aggregates, health::health::<S>)
        .get("/api/v1/ledger/days", Need::Aggregates, ledger_days::<S>)
        .get(
            "/api/v1/connections",
            Need::Aggregates,
            connections::connections::<S>,
        )
        .get("/api/v1/alerts", Need::Aggregates, alerts::alerts::<S>)
        .get("/api/v1/issues", Need::Aggregates, issues::issues::<S>)
        .post("/api/v1/issues", Need::Triage, triage::change::<S>)
        .get("/api/v1/issues/{id}", Need::Aggregates, issues::issue::<S>)
        .get(
            "/api/v1/releases",
            Need::Aggregates,
            releases::releases::<S>,
        )
        .get(
            "/api/v1/issues/{id}/reports",
            Need::Reports,
            issues::reports::<S>,
        )
        .get("/api/v1/runs", Need::Aggregates, runs::runs::<S>)
        .get("/api/v1/freezes", Need::Aggregates, freezes::freezes::<S>)
        .and(operated::routes(state.clone()))
        .and(privacy::routes(state.clone()))
        .and(symbols::routes(state))
}

/// The same, served.
pub fn router<S: Store>(state: State<S>) -> Router {
    routes(state.clone()).guarded(&state)
}

/// What is asked.
#[derive(Deserialize, JsonSchema)]
struct About {
    /// The app.
    app: String,
}

/// A latency: how many values, and three of their percentiles in the unit of its name, each within 1 %.
#[derive(Debug, Serialize, JsonSchema)]
struct Times {
    count: u64,
    p50: Option<u64>,
    p95: Option<u64>,
    p99: Option<u64>,
}

impl From<&Sketch> for Times {
    fn from(sketch: &Sketch) -> Self {
        Self {
            count: sketch.count(),
            p50: sketch.quantile(0.5),
            p95: sketch.quantile(0.95),
            p99: sketch.quantile(0.99),
        }
    }
}

/// The range that is asked about, in steps of `step`; without one, the range is one.
fn span(from: u64, to: u64, step: Option<u64>) -> Span {
    Span {
        from,
        to,
        step: step.unwrap_or(to.saturating_sub(from)).max(60),
    }
}

/// A refusal as programs read it.
pub(crate) fn refuse(status: StatusCode, error: &str, message: &str) -> Response {
    let refusal = Refusal {
        error: error.to_owned(),
        message: message.to_owned(),
        line: None,
    };
    json(status, &refusal)
}

fn no_such_app() -> Response {
    refuse(
        StatusCode::NOT_FOUND,
        "unknown_app",
        "there is no app of this name",
    )
}

fn failed(error: &StoreError) -> Response {
    tracing::error!(%error, "a question of a program was not answered");
    refuse(
        StatusCode::INTERNAL_SERVER_ERROR,
        "fault",
        "the store did not answer; the log says why",
    )
}

fn answer(found: Result<impl Serialize, StoreError>) -> Response {
    match found {
        Ok(found) => json(StatusCode::OK, &found),
        Err(error) => failed(&error),
    }
}

/// What a body says. A website can make a browser post a form or a text to this machine, but not JSON without being asked first.
async fn read<T: DeserializeOwned>(request: HttpRequest, form: &str) -> Result<T, Response> {
    let bad = || refuse(StatusCode::BAD_REQUEST, "bad_request", form);
    let kind = request.headers().get(header::CONTENT_TYPE);
    if !kind.is_some_and(|kind| kind.as_bytes().starts_with(b"application/json")) {
        return Err(refuse(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "content_type",
            "the body's type must be application/json",
        ));
    }
    let bytes = body::to_bytes(request.into_body(), BODY)
        .await
        .map_err(|_| bad())?;
    serde_json::from_slice(&bytes).map_err(|_| bad())
}

/// Whether there is such an app; if not, what is answered.
async fn known<S: Store>(state: &State<S>, app: &AppName) -> Result<(), Response> {
    match state.store.apps().await {
        Ok(apps) if apps.contains(app) => Ok(()),
        Ok(_) => Err(no_such_app()),
        Err(error) => Err(failed(&error)),
    }
}

/// The app of this name; what is answered if there is none.
async fn app_of<S: Store>(state: &State<S>, name: &str) -> Result<AppName, Response> {
    let app = AppName::parse(name).map_err(|_| no_such_app())?;
    known(state, &app).await?;
    Ok(app)
}

/// What is asked.
#[derive(Deserialize, JsonSchema)]
struct Days {
    /// The app.
    app: String,
    /// How many days, today included.
    #[serde(default = "Days::usual")]
    days: u32,
}

impl Days {
    fn usual() -> u32 {
        7
    }
}

/// What arrived by one key on one day.
#[derive(Serialize, JsonSchema)]
struct DayOfKey {
    day: u64,
    key: Option<String>,
    received: u64,
    stored: u64,
    duplicates: u64,
    refused: BTreeMap<String, u64>,
    limited: BTreeMap<String, u64>,
}

impl From<Intake> for DayOfKey {
    fn from(intake: Intake) -> Self {
        Self {
            received: intake.received(),
            day: intake.day,
            key: intake.key.map(|key| key.to_string()),
            stored: intake.stored,
            duplicates: intake.duplicates,
            refused: intake.refused,
            limited: intake.limited,
        }
    }
}

/// `GET /api/v1/ledger/days?app=NAME&days=N`: what arrived in the last `days` days (7), today included, by day and key.
async fn ledger_days<S: Store>(
    Given(state): Given<State<S>>,
    Query(about): Query<Days>,
) -> Result<Response, Response> {
    const DAY: u64 = 86_400;
    let app = app_of(&state, &about.app).await?;
    let now = state.clock.now();
    let from = (now - now % DAY + DAY).saturating_sub(u64::from(about.days) * DAY);
    let intake = state.store.intake(&app, from, u64::MAX).await;
    let days = intake.map(|days| days.into_iter().map(DayOfKey::from).collect::<Vec<_>>());
    Ok(answer(days))
}

/// `GET /api/v1/ledger?app=NAME`: what arrived and what became of it.
async fn ledger<S: Store>(
    Given(state): Given<State<S>>,
    Query(about): Query<About>,
) -> Result<Response, Response> {
    let app = app_of(&state, &about.app).await?;
    Ok(answer(state.store.ledger(&app).await))
}
