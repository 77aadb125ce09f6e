//! `POST /v1/symbols`: a file with names for addresses, as it is; what the command `symbols add` does with it.

use super::told::Told;
use super::{About, answer, app_of, refuse};
use crate::access::{Need, Visitor};
use crate::ingest::{json, next};
use crate::routes::Routes;
use crate::state::State;
use crate::store::Store;
use crate::symbol_files::{self, Added, NotAdded};
use axum::extract::{Query, Request, State as Given};
use axum::http::{StatusCode, header};
use axum::response::Response;
use schemars::JsonSchema;
use serde::Serialize;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc};
use tokio::time::timeout;

/// The most bytes of a file: debug information of a browser engine has some two thousand million.
const MOST: u64 = 4 << 30;

/// Files that arrive at the same time.
const ARRIVING: usize = 4;

/// How long the next piece of a file may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Pieces that wait for the disk.
const PIECES: usize = 16;

/// What uploads share.
struct Uploads<S> {
    state: State<S>,
    arriving: Arc<Semaphore>,
    /// One file at a time is read and stored, so that two of the same build do not meet.
    storing: Arc<Semaphore>,
    most: u64,
}

impl<S> Clone for Uploads<S> {
    fn clone(&self) -> Self {
        Self {
            state: self.state.clone(),
            arriving: self.arriving.clone(),
            storing: self.storing.clone(),
            most: self.most,
        }
    }
}

pub(super) fn routes<S: Store>(state: State<S>) -> Routes<impl Clone + Send + Sync + 'static> {
    let uploads = Uploads {
        state,
        arriving: Arc::new(Semaphore::new(ARRIVING)),
        storing: Arc::new(Semaphore::new(1)),
        most: MOST,
    };
    Routes::with(uploads)
        .post("/v1/symbols", Need::Symbols, add::<S>)
        .get("/api/v1/symbols/unnamed", Need::Symbols, unnamed::<S>)
}

pub(super) fn told() -> Vec<Told> {
    let bytes =
        serde_json::json!({ "type": "string", "contentMediaType": "application/octet-stream" });
    vec![
        Told::post(
            "/v1/symbols",
            "Takes a file with names for addresses, as it is.",
        )
        .takes_as("application/octet-stream", bytes)
        .answers::<Taken>()
        .refuses(400, "It has no symbols, or did not arrive whole.")
        .refuses(413, "It is too large.")
        .refuses(415, "Its type is not application/octet-stream.")
        .refuses(503, "Other files are arriving.")
        .refuses(507, "It could not be stored; the log says why."),
        Told::get(
            "/api/v1/symbols/unnamed",
            "Builds that were met in stacks without their symbols, those behind most reports first.",
        )
        .asks::<About>()
        .answers::<Vec<Missing>>()
        .refuses(404, "There is no such app."),
    ]
}

/// What was in a file.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "SymbolsTaken")]
struct Taken {
    builds: Vec<Build>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "SymbolsOfBuild")]
struct Build {
    /// What reports call it.
    build: String,
    /// Whether its symbols were there before; then nothing changed.
    known: bool,
    /// What is missing of it.
    remarks: Vec<String>,
}

impl From<Added> for Build {
    fn from(added: Added) -> Self {
        Self {
            build: added.build.to_string(),
            known: added.known,
            remarks: added.remarks.iter().map(ToString::to_string).collect(),
        }
    }
}

/// A build that was met without its symbols.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "BuildWithoutSymbols")]
struct Missing {
    build: String,
    /// Base name of its file; empty where no report tells it.
    module: String,
    /// Issues that it was met in, and their reports of the releases in which it was.
    issues: u64,
    reports: u64,
    first_seen: u64,
    last_seen: u64,
    /// Whether its symbols were added meanwhile: its reports are being looked at.
    added: bool,
}

/// `GET /api/v1/symbols/unnamed?app=`: builds that were met in stacks without their symbols, those behind most reports first.
async fn unnamed<S: Store>(
    Given(uploads): Given<Uploads<S>>,
    Query(about): Query<About>,
) -> Response {
    let state = &uploads.state;
    let app = match app_of(state, &about.app).await {
        Ok(app) => app,
        Err(refused) => return refused,
    };
    let found = state.store.unnamed(&app).await.map(|unnamed| {
        let unnamed = unnamed.into_iter().map(|one| Missing {
            added: state.symbols.has(&one.build),
            build: one.build.to_string(),
            module: one.module,
            issues: one.issues,
            reports: one.reports,
            first_seen: one.first_seen,
            last_seen: one.last_seen,
        });
        unnamed.collect::<Vec<_>>()
    });
    answer(found)
}

/// A directory that is gone with this value.
struct Beside(PathBuf);

impl Drop for Beside {
    fn drop(&mut self) {
        // What is left is found by its name, and is in nobody's way.
        let _ = fs::remove_dir_all(&self.0);
    }
}

async fn add<S: Store>(
    Given(uploads): Given<Uploads<S>>,
    visitor: Visitor,
    request: Request,
) -> Response {
    match take(&uploads, request).await {
        Ok(builds) => {
            tracing::info!(
                builds = builds.len(),
                who = visitor.who(),
                "symbols were added"
            );
            let builds = builds.into_iter().map(Build::from).collect();
            json(StatusCode::OK, &Taken { builds })
        }
        Err(refused) => refused,
    }
}

async fn take<S: Store>(uploads: &Uploads<S>, request: Request) -> Result<Vec<Added>, Response> {
    let kind = request.headers().get(header::CONTENT_TYPE);
    // A website can make a browser send anything but this without being asked first.
    if kind.is_none_or(|kind| kind != "application/octet-stream") {
        return Err(refuse(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "content_type",
            "the body is one file as it is, and its type application/octet-stream",
        ));
    }
    let busy = |_| {
        let message = "other files are arriving; try again later";
        refuse(StatusCode::SERVICE_UNAVAILABLE, "busy", message)
    };
    let _place = uploads.arriving.clone().try_acquire_owned().map_err(busy)?;
    let data = uploads.state.office.data().to_owned();
    let number: [u8; 8] = rand::random();
    let name = format!("incoming-{:016x}", u64::from_be_bytes(number));
    let beside = Beside(data.join(name));
    let file = beside.0.join("upload");
    fs::create_dir_all(&beside.0).map_err(|error| unstored(&error))?;
    arrive(uploads.most, request, file.clone()).await?;

    let turn = uploads.storing.clone().acquire_owned().await;
    let adding = tokio::task::spawn_blocking(move || {
        let added = symbol_files::add(&data, &file);
        drop((turn, beside));
        added
    });
    let added = adding
        .await
        .map_err(|error| unstored(&io::Error::other(error)))?;
    added.map_err(|why| match why {
        NotAdded::NotSymbols(why) => {
            refuse(StatusCode::BAD_REQUEST, "not_symbols", &why.to_string())
        }
        NotAdded::Io(error) => unstored(&error),
    })
}

/// Writes a body to a file, piece by piece.
async fn arrive(most: u64, request: Request, file: PathBuf) -> Result<(), Response> {
    let mut body = request.into_body();
    let (pieces, mut waiting) = mpsc::channel::<axum::body::Bytes>(PIECES);
    let writing = tokio::task::spawn_blocking(move || {
        let mut file = File::create(file)?;
        while let Some(piece) = waiting.blocking_recv() {
            file.write_all(&piece)?;
        }
        io::Result::Ok(())
    });
    let broken = || {
        refuse(
            StatusCode::BAD_REQUEST,
            "broken_body",
            "the body did not arrive whole",
        )
    };
    let mut seen: u64 = 0;
    let mut refused = None;
    loop {
        let piece = match timeout(PATIENCE, next(&mut body)).await {
            Ok(Some(Ok(piece))) => piece,
            Ok(None) => break,
            Ok(Some(Err(_))) | Err(_) => {
                refused = Some(broken());
                break;
            }
        };
        seen += piece.len() as u64;
        if seen > most {
            let message = format!("a file has at most {most} bytes");
            refused = Some(refuse(StatusCode::PAYLOAD_TOO_LARGE, "too_large", &message));
            break;
        }
        // Whoever writes has given up, and says why below.
        if pieces.send(piece).await.is_err() {
            break;
        }
    }
    drop(pieces);
    let written = writing
        .await
        .map_err(io::Error::other)
        .and_then(|written| written);
    match (refused, written) {
        (Some(refused), _) => Err(refused),
        (None, Err(error)) => Err(unstored(&error)),
        (None, Ok(())) => Ok(()),
    }
}

fn unstored(error: &io::Error) -> Response {
    tracing::error!(%error, "a symbol file cannot be stored");
    let message = "it could not be stored; the log says why";
    refuse(StatusCode::INSUFFICIENT_STORAGE, "fault", message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;

    #[tokio::test]
    async fn a_file_that_is_too_large_is_not_taken() {
        let data = tempfile::tempdir().unwrap();
        let file = data.path().join("upload");
        for (bytes, status) in [(10, None), (11, Some(StatusCode::PAYLOAD_TOO_LARGE))] {
            let request = Request::new(Body::from(vec![7; bytes]));
            let arrived = arrive(10, request, file.clone()).await;
            assert_eq!(arrived.err().map(|refused| refused.status()), status);
        }
    }
}
