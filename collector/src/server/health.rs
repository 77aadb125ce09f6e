//! Whether the collector serves, and whether it can keep what comes; and its own figures.

use crate::access::Need;
use crate::ingest::Ingest;
use crate::routes::Routes;
use crate::state::State;
use crate::store::Store;
use axum::extract::State as Given;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::Mutex;

/// How long an answer of the store is believed: whoever asks often must not write often.
const BELIEVED: Duration = Duration::from_secs(1);

/// How long the store may take to say that it can write.
const PATIENCE: Duration = Duration::from_secs(5);

/// When the store was asked, and whether it can write.
type Said = (Instant, Result<(), String>);

/// What is known about the collector itself.
pub(super) struct Health<S> {
    state: State<S>,
    ingest: Ingest<S>,
    data: Option<PathBuf>,
    draining: Arc<AtomicBool>,
    /// When the store was last asked whether it can write, and what it said.
    asked: Arc<Mutex<Option<Said>>>,
}

impl<S> Clone for Health<S> {
    fn clone(&self) -> Self {
        Self {
            state: self.state.clone(),
            ingest: self.ingest.clone(),
            data: self.data.clone(),
            draining: self.draining.clone(),
            asked: self.asked.clone(),
        }
    }
}

impl<S: Store> Health<S> {
    /// `data` is a directory on the disk whose room is told.
    pub(super) fn new(state: State<S>, ingest: Ingest<S>, data: Option<PathBuf>) -> Self {
        Self {
            state,
            ingest,
            data,
            draining: Arc::default(),
            asked: Arc::default(),
        }
    }

    /// From now on the collector is not ready.
    pub(super) fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    /// `/healthz`: it serves. `/readyz`: it also can keep what comes.
    pub(super) fn routes(&self) -> Routes<Self> {
        Routes::with(self.clone())
            .get("/healthz", Need::Nothing, async || "ok\n")
            .get("/readyz", Need::Nothing, ready::<S>)
    }

    /// `/metrics`: what only whoever runs the collector should see.
    pub(super) fn metrics_routes(&self) -> Routes<Self> {
        Routes::with(self.clone()).get("/metrics", Need::Aggregates, metrics::<S>)
    }

    /// Whether it can keep what comes, or why not.
    async fn ready(&self) -> Result<(), String> {
        if self.draining.load(Ordering::Relaxed) {
            return Err("stopping".to_owned());
        }
        let mut asked = self.asked.lock().await;
        if let Some((when, said)) = &*asked
            && when.elapsed() < BELIEVED
        {
            return said.clone();
        }
        let said = match tokio::time::timeout(PATIENCE, self.state.store.writable()).await {
            Ok(said) => said.map_err(|error| error.to_string()),
            Err(_) => Err("the store does not answer".to_owned()),
        };
        if let Err(why) = &said {
            tracing::error!(why, "not ready: nothing can be kept");
        }
        *asked = Some((Instant::now(), said.clone()));
        said
    }
}

async fn ready<S: Store>(Given(health): Given<Health<S>>) -> Response {
    match health.ready().await {
        Ok(()) => "ready\n".into_response(),
        Err(why) => (
            StatusCode::SERVICE_UNAVAILABLE,
            format!("not ready: {why}\n"),
        )
            .into_response(),
    }
}

async fn metrics<S: Store>(Given(health): Given<Health<S>>) -> Response {
    let ready = health.ready().await.is_ok();
    let disk = health.data.as_deref().and_then(room);
    let metrics = &health.state.metrics;
    metrics.now(health.ingest.taken(), ready, disk);
    match metrics.text() {
        Ok(text) => {
            let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
            ([(header::CONTENT_TYPE, kind)], text).into_response()
        }
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// Bytes that may still be written to the disk of a directory.
fn room(data: &std::path::Path) -> Option<u64> {
    let disk = rustix::fs::statvfs(data).ok()?;
    disk.f_bavail.checked_mul(disk.f_frsize)
}
