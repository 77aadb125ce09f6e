//! The server: routes, and an end that loses nothing.

use crate::ingest::Limits;
use crate::privacy::retention;
use crate::state::State;
use crate::store::Store;
use crate::{api, dashboard, ingest};
use axum::Router;
use axum::http::StatusCode;
use axum::routing::any;
use std::future::Future;
use std::io;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// How long requests that are being served may go on after the collector was told to stop.
const GRACE: Duration = Duration::from_secs(10);

/// What the pages say where they are not served.
const LOOPBACK_ONLY: &str = "The dashboard has no sign-in, so it is served only where the collector listens on a loopback \
                             address. Start it with --listen 127.0.0.1:PORT, or reach it through a tunnel.\n";

/// Serves until `shutdown` ends, then finishes what was accepted and stops the store.
///
/// # Errors
/// When the listener cannot be used.
pub async fn run<S: Store>(
    listener: TcpListener,
    state: State<S>,
    limits: Limits,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let loopback = listener.local_addr()?.ip().is_loopback();
    if !loopback {
        tracing::warn!(
            "not listening on a loopback address: the dashboard and /api are not served"
        );
    }
    if state.small.is_lax() {
        tracing::warn!(
            "classes that few installations are in are shown: this is for deployments whose every installation belongs to \
             whoever looks"
        );
    }
    let router = router(state.clone(), limits, loopback);
    let forgetting = tokio::spawn(retention::run(state.clone()));
    let (stopping, stopped) = oneshot::channel();
    let serving = axum::serve(listener, router).with_graceful_shutdown(async move {
        shutdown.await;
        tracing::info!("stopping: finishing what was accepted");
        // The other end is gone only when serving has ended already.
        let _ = stopping.send(());
    });
    let overtime = async {
        match stopped.await {
            Ok(()) => tokio::time::sleep(GRACE).await,
            Err(_) => std::future::pending().await,
        }
    };
    let served = tokio::select! {
        served = serving.into_future() => served,
        () = overtime => {
            tracing::warn!("connections that did not end in time are closed");
            Ok(())
        }
    };
    forgetting.abort();
    if let Err(error) = state.store.stop().await {
        tracing::error!(%error, "the store did not stop as it should");
    }
    served
}

fn router<S: Store>(state: State<S>, limits: Limits, loopback: bool) -> Router {
    let open = api::health_router().merge(ingest::router(state.clone(), limits));
    if loopback {
        open.merge(api::router(state.clone()))
            .merge(dashboard::router(state))
    } else {
        open.fallback(any(async || (StatusCode::FORBIDDEN, LOOPBACK_ONLY)))
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

    /// Status and text of what `path` answers on a listener that is or is not on a loopback address.
    async fn get(path: &str, loopback: bool) -> (StatusCode, String) {
        let data = tempfile::tempdir().unwrap();
        let state = State::new(
            SqliteStore::open(data.path()).unwrap(),
            Symbols::open([data.path()]),
            Office::open(data.path()).unwrap(),
        );
        let request = Request::get(path).body(Body::empty()).unwrap();
        let answer = router(state, Limits::default(), loopback)
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
    async fn the_dashboard_is_served_on_loopback_addresses_only() {
        for path in ["/", "/issues", "/api/v1/ledger?app=im"] {
            let (status, text) = get(path, false).await;
            assert_eq!(status, StatusCode::FORBIDDEN, "{path}");
            assert!(text.contains("--listen 127.0.0.1"), "{text}");
            assert_ne!(get(path, true).await.0, StatusCode::FORBIDDEN, "{path}");
        }
        assert_eq!(get("/healthz", false).await.0, StatusCode::OK);
        assert_eq!(
            get("/v1/batches", false).await.0,
            StatusCode::METHOD_NOT_ALLOWED
        );
    }
}
