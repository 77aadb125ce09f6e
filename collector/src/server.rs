//! The server: routes, and an end that loses nothing.

mod health;
mod listen;
mod tls;

pub use tls::CertificateFiles;

use crate::ingest::{Ingest, Limits};
use crate::privacy::retention;
use crate::routes::Routes;
use crate::state::State;
use crate::store::Store;
use crate::{alerts, api, dashboard, late};
use axum::Router;
use axum::http::StatusCode;
use axum::routing::any;
use health::Health;
use listen::Connections;
use std::future::Future;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tls::Tls;
use tokio::net::TcpListener;

/// How often what was only counted in memory is written down.
const WRITE_DOWN: Duration = Duration::from_secs(2);

/// What is said where pages are not served.
const NOT_IN_PLAIN: &str = "Whoever signs in here would send the password in plain text. Give the collector a certificate (--tls-certificate, \
                            --tls-key); or say --pages-tls-proxy yes, if a proxy in front of it speaks TLS and nobody else \
                            reaches this address; or start it with --listen 127.0.0.1:PORT.\n";

/// How the collector serves.
#[derive(Debug)]
pub struct Serving {
    /// How much is done at a time.
    pub limits: Limits,
    /// The certificate; without one it speaks plain HTTP.
    pub tls: Option<CertificateFiles>,
    /// Where the collector's own figures are served besides, for a network that only operators reach.
    pub metrics: Option<TcpListener>,
    /// The data directory, of whose disk the room is told.
    pub data: Option<PathBuf>,
    /// How long it still takes connections after it was told to stop, while it says that it is not ready: so long do balancers
    /// of load need to notice.
    pub drain: Duration,
    /// How long requests that are being served may go on after that.
    pub grace: Duration,
}

impl Default for Serving {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            tls: None,
            metrics: None,
            data: None,
            drain: Duration::ZERO,
            grace: Duration::from_secs(10),
        }
    }
}

/// Serves plain HTTP until `shutdown` ends, then finishes what was accepted and stops the store.
///
/// # Errors
/// When the listener cannot be used.
pub async fn run<S: Store>(
    listener: TcpListener,
    state: State<S>,
    limits: Limits,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let serving = Serving {
        limits,
        ..Serving::default()
    };
    run_as(listener, state, serving, shutdown).await
}

/// Serves until `shutdown` ends, then finishes what was accepted and stops the store.
///
/// # Errors
/// When the listener or the certificate cannot be used.
pub async fn run_as<S: Store>(
    listener: TcpListener,
    state: State<S>,
    serving: Serving,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let loopback = listener.local_addr()?.ip().is_loopback();
    if state.door.is_open() {
        if !loopback {
            return Err(io::Error::other(
                "pages without sign-in are served on a loopback address alone; leave out --pages-sign-in none",
            ));
        }
        tracing::warn!(
            "nobody is asked to sign in: whoever reaches this address may see and change everything"
        );
    }
    let pages = loopback || state.door.is_secure();
    if !pages {
        tracing::warn!(
            "the dashboard and /api are not served in plain HTTP on an address that others reach"
        );
    }
    if state.small.is_lax() {
        tracing::warn!(
            "classes that few installations are in are shown: this is for deployments whose every installation belongs to \
             whoever looks"
        );
    }
    let Serving {
        limits,
        tls,
        metrics,
        data,
        drain,
        grace,
    } = serving;
    let tls = tls.map(Tls::open).transpose().map_err(io::Error::other)?;
    let tls = tls.map(Arc::new);
    let ingest = Ingest::new(state.clone(), limits);
    let health = Health::new(state.clone(), ingest.clone(), data);
    let router = router(state.clone(), &ingest, &health, pages);
    let figures = state.metrics.clone();
    let connections = Connections::new(router, &limits, tls.clone(), figures.clone());

    // What goes on beside; it ends with the server.
    let mut beside = tokio::task::JoinSet::new();
    beside.spawn(retention::run(state.clone()));
    if state.alerts.tells() {
        beside.spawn(alerts::run(state.clone()));
    }
    beside.spawn(late::run(state.clone()));
    let counting = ingest.clone();
    beside.spawn(async move {
        loop {
            tokio::time::sleep(WRITE_DOWN).await;
            counting.write_down().await;
        }
    });
    if let Some(tls) = tls {
        beside.spawn(async move { tls.look_after(&figures).await });
    }
    if let Some(listener) = metrics {
        let router = health.metrics_routes().and(health.routes()).unguarded();
        let own = Connections::new(router, &limits, None, state.metrics.clone());
        beside.spawn(async move { own.accept(&listener, std::future::pending()).await });
    }

    let stop = async {
        shutdown.await;
        tracing::info!("stopping: finishing what was accepted");
        health.drain();
        tokio::time::sleep(drain).await;
    };
    connections.accept(&listener, stop).await;
    drop(listener);
    if !connections.end(grace).await {
        tracing::warn!("connections that did not end in time are closed");
    }
    beside.shutdown().await;
    ingest.write_down().await;
    if let Err(error) = state.store.stop().await {
        tracing::error!(%error, "the store did not stop as it should");
    }
    Ok(())
}

/// Every route there is, where pages are served.
fn everything<S: Store>(state: &State<S>, ingest: &Ingest<S>, health: &Health<S>) -> Routes {
    api::documented(
        Routes::with(())
            .and(health.routes())
            .and(ingest.routes())
            .and(health.metrics_routes())
            .and(api::routes(state.clone()))
            .and(dashboard::routes(state.clone())),
    )
}

/// Every route there is, where pages are served: for whoever wants to know, or to serve them in a way of its own.
pub fn routes<S: Store>(state: &State<S>, limits: Limits) -> Routes {
    let ingest = Ingest::new(state.clone(), limits);
    let health = Health::new(state.clone(), ingest.clone(), None);
    everything(state, &ingest, &health)
}

fn router<S: Store>(
    state: State<S>,
    ingest: &Ingest<S>,
    health: &Health<S>,
    pages: bool,
) -> Router {
    if pages {
        let router = everything(&state, ingest, health).guarded(&state);
        dashboard::with_lost(router, state)
    } else {
        let open = health.routes().and(ingest.routes()).guarded(&state);
        open.fallback(any(async || (StatusCode::FORBIDDEN, NOT_IN_PLAIN)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::privacy::Office;
    use crate::store::sqlite::SqliteStore;
    use axum::body::{Body, to_bytes};
    use axum::http::Request;
    use candor_symbols::Symbols;
    use tower::ServiceExt;

    /// Status and text of what `path` answers where pages are or are not served.
    async fn get(path: &str, pages: bool) -> (StatusCode, String) {
        let data = tempfile::tempdir().unwrap();
        let state = State::new(
            SqliteStore::open(data.path()).unwrap(),
            Symbols::open([data.path()]),
            Office::open(data.path()).unwrap(),
        );
        let request = Request::get(path).body(Body::empty()).unwrap();
        let ingest = Ingest::new(state.clone(), Limits::default());
        let health = Health::new(state.clone(), ingest.clone(), None);
        let answer = router(state, &ingest, &health, pages)
            .oneshot(request)
            .await
            .unwrap();
        let (head, body) = answer.into_parts();
        (
            head.status,
            String::from_utf8(to_bytes(body, 1 << 20).await.unwrap().to_vec()).unwrap(),
        )
    }

    #[tokio::test]
    async fn the_dashboard_is_not_served_in_plain_to_others() {
        for path in ["/", "/issues", "/api/v1/ledger?app=im", "/metrics"] {
            let (status, text) = get(path, false).await;
            assert_eq!(status, StatusCode::FORBIDDEN, "{path}");
            assert!(text.contains("--tls-certificate"), "{text}");
            assert_eq!(get(path, true).await.0, StatusCode::UNAUTHORIZED, "{path}");
        }
        assert_eq!(get("/healthz", false).await.0, StatusCode::OK);
        assert_eq!(
            get("/v1/batches", false).await.0,
            StatusCode::METHOD_NOT_ALLOWED
        );
    }
}
