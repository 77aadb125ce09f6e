//! `POST /v1/batches`: keeps the reports of a batch and says so when they are on disk.

use super::refusal::{Refusal, json};
use super::{Ingest, body, check_encoding, check_type, decode};
use crate::store::{Kept, Store};
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use candor_protocol::answer::Accepted;
use candor_protocol::deidentify::AppName;
use candor_protocol::limits::BATCH_COMPRESSED_BYTES;

const TYPES: &[&str] = &[
    "application/x-ndjson",
    "application/gzip",
    "application/octet-stream",
];

pub(super) async fn take<S: Store>(State(ingest): State<Ingest<S>>, request: Request) -> Response {
    let (parts, mut body) = request.into_parts();
    let mut app = None;
    let outcome = accept(&ingest, &parts.headers, &mut body, &mut app).await;
    match outcome {
        Ok(accepted) => json(StatusCode::OK, &accepted),
        Err(refusal) => {
            body::discard(body, &refusal).await;
            refusal.log(app.as_ref());
            if let Some(app) = &app {
                ingest.count(app, &refusal).await;
            }
            refusal.into_response()
        }
    }
}

/// Keeps the batch. `app` is told as soon as it is known.
async fn accept<S: Store>(
    ingest: &Ingest<S>,
    headers: &HeaderMap,
    body: &mut Body,
    app: &mut Option<AppName>,
) -> Result<Accepted, Refusal> {
    let app = app.insert(ingest.authenticate(headers).await?);
    check_type(headers, TYPES)?;
    check_encoding(headers, "gzip")?;

    let reading = ingest.reading.try_acquire().map_err(|_| Refusal::Busy)?;
    let gzip = body::read(headers, body, BATCH_COMPRESSED_BYTES, ingest.limits.body).await?;
    let working = ingest
        .working
        .clone()
        .try_acquire_owned()
        .map_err(|_| Refusal::Busy)?;
    drop(reading);

    let symbols = ingest.state.symbols.clone();
    let decoding = tokio::task::spawn_blocking(move || {
        let decoded = decode::decode(&gzip, &symbols);
        // The place is held while the work goes on, also when the sender is gone.
        (decoded, working)
    });
    let (decoded, working) = decoding
        .await
        .map_err(|_| Refusal::Fault("decoding a batch ended with a panic".to_owned()))?;
    let reports = decoded?;
    let count = reports.len() as u32;
    let kept = ingest
        .state
        .store
        .keep(app, reports, ingest.state.clock.now())
        .await;
    drop(working);
    match kept? {
        Kept::Stored { stored, duplicates } => {
            tracing::debug!(%app, stored, duplicates, "a batch was kept");
            Ok(Accepted {
                stored,
                duplicates,
                narrowing: None,
            })
        }
        Kept::Erased { line } => Err(Refusal::Erased {
            line,
            reports: count,
        }),
    }
}
