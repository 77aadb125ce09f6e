//! `POST /v1/batches`: keeps the reports of a batch and says so when they are on disk.

use super::refusal::{Refusal, json};
use super::{Ingest, body, check_encoding, check_type, decode};
use crate::privacy::audit::{Deed, Did};
use crate::store::{Kept, Store};
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use candor_protocol::answer::{Accepted, Quarantined};
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
                note(&ingest, app, &refusal);
            }
            refusal.into_response()
        }
    }
}

/// Writes down, once an hour, that reports of another region came.
fn note<S: Store>(ingest: &Ingest<S>, app: &AppName, refusal: &Refusal) {
    let Refusal::Region(why) = refusal else {
        return;
    };
    let deed = Deed {
        who: "agent",
        did: Did::RegionRefused,
        app: Some(app),
        what: why.clone(),
    };
    // Nothing was done, so what cannot be written down is only in the log.
    let _ = ingest
        .state
        .office
        .note_once(ingest.state.clock.now(), &deed);
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
    if let Some(sunset) = ingest.state.office.sunset_of(app)? {
        let now = ingest.state.clock.now();
        ingest
            .state
            .store
            .count_refused(app, "sunset", 1, now)
            .await?;
        tracing::info!(%app, "an agent was told that the service has ended");
        return Ok(Accepted {
            sunset: Some(sunset),
            ..Accepted::default()
        });
    }

    let reading = ingest.reading.try_acquire().map_err(|_| Refusal::Busy)?;
    let gzip = body::read(headers, body, BATCH_COMPRESSED_BYTES, ingest.limits.body).await?;
    let working = ingest
        .working
        .clone()
        .try_acquire_owned()
        .map_err(|_| Refusal::Busy)?;
    drop(reading);

    let symbols = ingest.state.symbols.clone();
    let (settings, named) = (ingest.state.office.settings()?, app.clone());
    let decoding = tokio::task::spawn_blocking(move || {
        let decoded = decode::decode(&gzip, &symbols, &named, &settings);
        // The place is held while the work goes on, also when the sender is gone.
        (decoded, working)
    });
    let (decoded, working) = decoding
        .await
        .map_err(|_| Refusal::Fault("decoding a batch ended with a panic".to_owned()))?;
    let decode::Decoded { reports, leaks } = decoded?;
    let count = (reports.len() + leaks.len()) as u32;
    let now = ingest.state.clock.now();
    let kept = ingest.state.store.keep(app, reports, now).await?;
    let quarantined: Vec<Quarantined> = leaks
        .iter()
        .map(|(line, leak)| Quarantined {
            line: *line,
            field: leak.field.to_owned(),
            reason: leak.reason.to_owned(),
        })
        .collect();
    if !leaks.is_empty() && matches!(kept, Kept::Stored { .. }) {
        for (_, leak) in &leaks {
            let release = leak.release.as_ref().map(tracing::field::display);
            let (field, reason) = (leak.field, leak.reason);
            tracing::warn!(%app, release, field, reason, "an agent leaks: a report was not kept");
        }
        let leaks = leaks.into_iter().map(|(_, leak)| leak).collect();
        ingest.state.store.quarantine(app, leaks, now).await?;
    }
    drop(working);
    match kept {
        Kept::Stored { stored, duplicates } => {
            tracing::debug!(%app, stored, duplicates, "a batch was kept");
            Ok(Accepted {
                stored,
                duplicates,
                quarantined,
                ..Accepted::default()
            })
        }
        Kept::Erased { line } => Err(Refusal::Erased {
            line,
            reports: count,
        }),
    }
}
