//! Reading a body within its limits.

use super::refusal::Refusal;
use axum::body::{Body, Bytes, HttpBody};
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use std::future::poll_fn;
use std::pin::Pin;
use std::time::Duration;
use tokio::time::timeout;

/// Bytes of a body that nobody wants which are read all the same: a sender that is still writing hears the answer only if it
/// can finish; when the connection is closed on it, it sees a broken connection and tries again.
const DISCARDED: usize = 4 * 1024 * 1024;

/// How long that may take.
const DISCARDING: Duration = Duration::from_secs(5);

/// How many bytes a body has at most, by what was announced; `limit` where it comes in chunks.
pub(super) fn announced(headers: &HeaderMap, limit: usize) -> Result<usize, Refusal> {
    let announced = headers
        .get(CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if announced.is_none() && !headers.contains_key(TRANSFER_ENCODING) {
        return Err(Refusal::LengthRequired);
    }
    if announced.is_some_and(|length| length > limit) {
        return Err(Refusal::BodyTooLarge(limit));
    }
    Ok(announced.unwrap_or(limit))
}

/// Reads a body of at most `limit` bytes that arrives within `time`. Memory is taken as it arrives, not as it was announced.
pub(super) async fn read(
    body: &mut Body,
    limit: usize,
    time: Duration,
) -> Result<Vec<u8>, Refusal> {
    let reading = async {
        let mut bytes = Vec::new();
        while let Some(data) = next(body).await {
            let data = data?;
            if bytes.len() + data.len() > limit {
                return Err(Refusal::BodyTooLarge(limit));
            }
            bytes.extend_from_slice(&data);
        }
        Ok(bytes)
    };
    timeout(time, reading)
        .await
        .unwrap_or(Err(Refusal::SlowBody))
}

/// Reads the rest of a body and forgets it, up to a limit; not of a sender that was too slow already.
pub(super) async fn discard(mut body: Body, refusal: &Refusal) {
    if matches!(refusal, Refusal::SlowBody | Refusal::BrokenBody) {
        return;
    }
    let discarding = async {
        let mut seen = 0;
        while let Some(Ok(data)) = next(&mut body).await {
            seen += data.len();
            if seen > DISCARDED {
                return;
            }
        }
    };
    // Too slow or too much: then the connection is closed.
    let _ = timeout(DISCARDING, discarding).await;
}

/// The next piece of a body; trailers are passed over.
pub(crate) async fn next(body: &mut Body) -> Option<Result<Bytes, Refusal>> {
    loop {
        let frame = poll_fn(|context| Pin::new(&mut *body).poll_frame(context)).await?;
        match frame.map(|frame| frame.into_data()) {
            Ok(Ok(data)) => return Some(Ok(data)),
            Ok(Err(_trailers)) => {}
            Err(_broken) => return Some(Err(Refusal::BrokenBody)),
        }
    }
}
