//! `POST /v1/erasures`: erases what was sent under the given pseudonyms.

use super::refusal::{ERASURE_BYTES, Refusal, json};
use super::{Ingest, body, check_encoding, check_type};
use crate::privacy::erasure::{self, Wanted};
use crate::privacy::receipt::Receipt;
use crate::store::Store;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use candor_protocol::answer::Erasure;
use candor_protocol::deidentify::AppName;
use candor_protocol::limits::ERASURE_PSEUDONYMS;

const TYPES: &[&str] = &["application/json"];

/// [`candor_protocol::answer::Erased`], with what proves it.
#[derive(serde::Serialize)]
struct Erased {
    reports: u64,
    receipt: Receipt,
}

pub(super) async fn take<S: Store>(State(ingest): State<Ingest<S>>, request: Request) -> Response {
    let (parts, mut body) = request.into_parts();
    let mut app = None;
    match accept(&ingest, &parts.headers, &mut body, &mut app).await {
        Ok(erased) => json(StatusCode::OK, &erased),
        Err(refusal) => {
            body::discard(body, &refusal).await;
            refusal.log(app.as_ref());
            refusal.into_response()
        }
    }
}

async fn accept<S: Store>(
    ingest: &Ingest<S>,
    headers: &HeaderMap,
    body: &mut Body,
    app: &mut Option<AppName>,
) -> Result<Erased, Refusal> {
    let app = app.insert(ingest.authenticate(headers).await?);
    check_type(headers, TYPES)?;
    check_encoding(headers, "identity")?;
    let _reading = ingest.reading.try_acquire().map_err(|_| Refusal::Busy)?;
    let bytes = body::read(headers, body, ERASURE_BYTES, ingest.limits.body).await?;
    let erasure: Erasure = serde_json::from_slice(&bytes).map_err(|_| {
        Refusal::Erasure(
            "a request for erasure is `{\"pseudonyms\":[...]}` with 32 hexadecimal digits each",
        )
    })?;
    if erasure.pseudonyms.len() > ERASURE_PSEUDONYMS {
        return Err(Refusal::Erasure(
            "a request for erasure names at most 128 pseudonyms; send several",
        ));
    }
    let wanted = Wanted::Installations(erasure.pseudonyms);
    let receipt = erasure::erase(&ingest.state, "agent", app, &wanted).await?;
    Ok(Erased {
        reports: receipt.statement.reports,
        receipt,
    })
}
