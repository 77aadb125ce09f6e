//! What programs may ask.

mod connections;
mod health;
mod privacy;

use crate::ingest::json;
use crate::state::State;
use crate::store::{Store, StoreError};
use axum::Router;
use axum::extract::{Query, State as Given};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::get;
use candor_protocol::answer::Refusal;
use candor_protocol::deidentify::AppName;
use candor_protocol::sketch::Sketch;
use serde::{Deserialize, Serialize};

/// Whether the collector serves: for whoever starts it.
pub fn health_router() -> Router {
    Router::new().route("/healthz", get(async || "ok\n"))
}

/// Questions of programs.
pub fn router<S: Store>(state: State<S>) -> Router {
    Router::new()
        .route("/api/v1/ledger", get(ledger::<S>))
        .route("/api/v1/health", get(health::health::<S>))
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
