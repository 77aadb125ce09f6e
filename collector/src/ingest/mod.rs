//! Bytes to stored reports. What is wrong is refused by name, never repaired, and nothing is stored of it.

mod batches;
mod body;
mod decode;
mod erasures;
mod newer;
mod refusal;

pub use refusal::Refusal;
pub(crate) use refusal::json;

use crate::access::KeyHash;
use crate::state::State;
use crate::store::{Store, StoreError};
use axum::Router;
use axum::http::HeaderMap;
use axum::http::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE};
use axum::routing::post;
use candor_protocol::deidentify::AppName;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// How much is done at a time; everything above is refused at once with `Retry-After`, so that there is no queue that nobody
/// sees.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Requests whose body is being read: each holds at most
    /// [`BATCH_COMPRESSED_BYTES`](candor_protocol::limits::BATCH_COMPRESSED_BYTES) in memory.
    pub reading: usize,
    /// Requests that are decoded or wait for the store: each holds a few times
    /// [`BATCH_BYTES`](candor_protocol::limits::BATCH_BYTES) at most.
    pub working: usize,
    /// How long a body may take to arrive.
    pub body: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            reading: 128,
            working: 64,
            body: Duration::from_secs(30),
        }
    }
}

/// What the handlers of ingest share.
struct Ingest<S> {
    state: State<S>,
    reading: Arc<Semaphore>,
    working: Arc<Semaphore>,
    limits: Limits,
}

impl<S> Clone for Ingest<S> {
    fn clone(&self) -> Self {
        Self {
            state: self.state.clone(),
            reading: self.reading.clone(),
            working: self.working.clone(),
            limits: self.limits,
        }
    }
}

/// The routes that agents use.
pub fn router<S: Store>(state: State<S>, limits: Limits) -> Router {
    let ingest = Ingest {
        state,
        reading: Arc::new(Semaphore::new(limits.reading)),
        working: Arc::new(Semaphore::new(limits.working)),
        limits,
    };
    Router::new()
        .route("/v1/batches", post(batches::take::<S>))
        .route("/v1/erasures", post(erasures::take::<S>))
        .with_state(ingest)
}

impl<S: Store> Ingest<S> {
    /// The app whose key is presented.
    async fn authenticate(&self, headers: &HeaderMap) -> Result<AppName, Refusal> {
        let header = headers.get(AUTHORIZATION).ok_or(Refusal::MissingKey)?;
        let (scheme, key) = header
            .to_str()
            .ok()
            .and_then(|text| text.split_once(' '))
            .ok_or(Refusal::MissingKey)?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(Refusal::MissingKey);
        }
        let key = KeyHash::of_presented(key.trim()).ok_or(Refusal::UnknownKey)?;
        self.state
            .store
            .app_of_key(key)
            .await?
            .ok_or(Refusal::UnknownKey)
    }

    /// Notes in the ledger that reports of an app were refused. What the store cannot count is only logged: the sender hears
    /// the refusal all the same.
    async fn count(&self, app: &AppName, refusal: &Refusal) {
        if !refusal.is_final() {
            return;
        }
        let counted = self
            .state
            .store
            .count_refused(
                app,
                refusal.word(),
                refusal.reports(),
                self.state.clock.now(),
            )
            .await;
        if let Err(error) = counted {
            tracing::warn!(%app, %error, reason = refusal.word(), "a refusal could not be counted");
        }
    }
}

/// Whether the body may be of this type; a sender that says nothing is believed.
fn check_type(headers: &HeaderMap, accepted: &'static [&'static str]) -> Result<(), Refusal> {
    match headers.get(CONTENT_TYPE) {
        None => Ok(()),
        Some(value) => {
            let essence = value
                .to_str()
                .ok()
                .and_then(|text| text.split(';').next())
                .unwrap_or_default()
                .trim();
            let fits = accepted
                .iter()
                .any(|accepted| essence.eq_ignore_ascii_case(accepted));
            if fits {
                Ok(())
            } else {
                Err(Refusal::ContentType(accepted))
            }
        }
    }
}

/// Whether the body may be encoded like this.
fn check_encoding(headers: &HeaderMap, accepted: &'static str) -> Result<(), Refusal> {
    match headers.get(CONTENT_ENCODING) {
        None => Ok(()),
        Some(value) if value.as_bytes().eq_ignore_ascii_case(accepted.as_bytes()) => Ok(()),
        Some(_) => Err(Refusal::ContentEncoding(accepted)),
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Busy => Self::Busy,
            StoreError::Unavailable(_) | StoreError::Stopped => {
                Self::Unavailable(error.to_string())
            }
            StoreError::AppExists | StoreError::NoApp | StoreError::Fault(_) => {
                Self::Fault(error.to_string())
            }
        }
    }
}
