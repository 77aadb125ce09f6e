//! What programs may ask.

mod connections;
mod health;
mod privacy;

use crate::ingest::json;
use crate::state::State;
use crate::store::{Intake, Store, StoreError};
use axum::Router;
use axum::extract::{Query, State as Given};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::get;
use candor_protocol::answer::Refusal;
use candor_protocol::deidentify::AppName;
use candor_protocol::sketch::Sketch;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Questions of programs.
pub fn router<S: Store>(state: State<S>) -> Router {
    Router::new()
        .route("/api/v1/ledger", get(ledger::<S>))
        .route("/api/v1/health", get(health::health::<S>))
        .route("/api/v1/ledger/days", get(ledger_days::<S>))
        .route("/api/v1/connections", get(connections::connections::<S>))
        .with_state(state.clone())
        .merge(privacy::router(state))
}

#[derive(Deserialize)]
struct About {
    app: String,
}

/// A latency: how many values, and three of their percentiles in the unit of its name, each within 1 %.
#[derive(Debug, Serialize)]
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

fn no_such_app() -> Response {
    let message = "there is no app of this name".to_owned();
    json(
        StatusCode::NOT_FOUND,
        &Refusal {
            error: "unknown_app".to_owned(),
            message,
            line: None,
        },
    )
}

fn failed(error: &StoreError) -> Response {
    tracing::error!(%error, "a question of a program was not answered");
    let message = "the store did not answer; the log says why".to_owned();
    json(
        StatusCode::INTERNAL_SERVER_ERROR,
        &Refusal {
            error: "fault".to_owned(),
            message,
            line: None,
        },
    )
}

#[derive(Deserialize)]
struct Days {
    app: String,
    #[serde(default = "Days::usual")]
    days: u32,
}

impl Days {
    fn usual() -> u32 {
        7
    }
}

/// What arrived by one key on one day.
#[derive(Serialize)]
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
) -> Response {
    const DAY: u64 = 86_400;
    let Ok(app) = AppName::parse(&about.app) else {
        return no_such_app();
    };
    let now = state.clock.now();
    let from = (now - now % DAY + DAY).saturating_sub(u64::from(about.days) * DAY);
    let asked = async {
        let known = state.store.apps().await?.contains(&app);
        let intake = state.store.intake(&app, from, u64::MAX).await?;
        Ok::<_, StoreError>(known.then_some(intake))
    };
    match asked.await {
        Ok(Some(intake)) => {
            let days: Vec<DayOfKey> = intake.into_iter().map(DayOfKey::from).collect();
            json(StatusCode::OK, &days)
        }
        Ok(None) => no_such_app(),
        Err(error) => failed(&error),
    }
}

/// `GET /api/v1/ledger?app=NAME`: what arrived and what became of it.
async fn ledger<S: Store>(Given(state): Given<State<S>>, Query(about): Query<About>) -> Response {
    let Ok(app) = AppName::parse(&about.app) else {
        return no_such_app();
    };
    let asked = async {
        let known = state.store.apps().await?.contains(&app);
        Ok::<_, StoreError>(if known {
            Some(state.store.ledger(&app).await?)
        } else {
            None
        })
    };
    match asked.await {
        Ok(Some(ledger)) => json(StatusCode::OK, &ledger),
        Ok(None) => no_such_app(),
        Err(error) => failed(&error),
    }
}
