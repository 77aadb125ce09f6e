//! `POST /v1/erasures`: erases what was sent under the given pseudonyms.

use super::refusal::{ERASURE_BYTES, Refusal, json};
use super::{Ingest, body, check_encoding, check_type};
use crate::access::Sender;
use crate::privacy::erasure::{self, Wanted};
use crate::privacy::receipt::Receipt;
use crate::store::Store;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use candor_protocol::answer::Erasure;
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
    let mut sender = None;
    let outcome = accept(&ingest, &parts.headers, &mut body, &mut sender).await;
    let word = outcome.as_ref().map_or_else(Refusal::word, |_| "erased");
    ingest.state.metrics.answered("erasures", word);
    match outcome {
        Ok(erased) => json(StatusCode::OK, &erased),
        Err(refusal) => {
            body::discard(body, &refusal).await;
            refusal.log(sender.as_ref().map(|sender| &sender.app));
            refusal.into_response()
        }
    }
}

async fn accept<S: Store>(
    ingest: &Ingest<S>,
    headers: &HeaderMap,
    body: &mut Body,
    sender: &mut Option<Sender>,
) -> Result<Erased, Refusal> {
    let app = &sender.insert(ingest.authenticate(headers).await?).app;
    check_type(headers, TYPES)?;
    check_encoding(headers, "identity")?;
    let announced = body::announced(headers, ERASURE_BYTES)?;
    let _reading = ingest.reading.take(app, announced).ok_or(Refusal::Busy)?;
    let bytes = body::read(body, ERASURE_BYTES, ingest.limits.body).await?;
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
