//! Connections: how many, how long, and how they end.

use super::tls::Tls;
use crate::ingest::Limits;
use crate::metrics::Metrics;
use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// Bytes of a head with all its headers; what an agent sends has some 300. A longer one is answered 431.
const HEAD_BYTES: usize = 16 * 1024;

/// Headers of a request.
const HEADERS: usize = 64;

/// Connections beyond the limit that are told so, rather than closed without a word.
const TOLD: usize = 64;

/// How long such a one is listened to.
const TELLING: Duration = Duration::from_secs(1);

/// How long it waits before the next connection when the system has none to give, such as when files are used up.
const PAUSE: Duration = Duration::from_millis(100);

/// What is said to a connection beyond the limit.
const FULL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 2\r\nconnection: close\r\ncontent-type: application/json\r\n\
    content-length: 75\r\n\r\n{\"error\":\"busy\",\"message\":\"too many connections are open; try again later\"}";

/// Connections under way.
pub(super) struct Connections {
    router: Router,
    http: http1::Builder,
    head: Duration,
    tls: Option<Arc<Tls>>,
    metrics: Arc<Metrics>,
    open: Arc<Semaphore>,
    told: Arc<Semaphore>,
    ending: GracefulShutdown,
}

impl Connections {
    pub(super) fn new(
        router: Router,
        limits: &Limits,
        tls: Option<Arc<Tls>>,
        metrics: Arc<Metrics>,
    ) -> Self {
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new())
            .header_read_timeout(limits.head)
            .max_buf_size(HEAD_BYTES)
            .max_headers(HEADERS);
        Self {
            router,
            http,
            head: limits.head,
            tls,
            metrics,
            open: Arc::new(Semaphore::new(limits.connections)),
            told: Arc::new(Semaphore::new(TOLD)),
            ending: GracefulShutdown::new(),
        }
    }

    /// Takes connections until `stop` ends.
    pub(super) async fn accept(&self, listener: &TcpListener, stop: impl Future<Output = ()>) {
        tokio::pin!(stop);
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = &mut stop => return,
            };
            match accepted {
                // Where it comes from is nobody's business here.
                Ok((stream, _)) => self.serve(stream),
                Err(error) if is_of_the_other_side(&error) => {}
                Err(error) => {
                    tracing::error!(%error, "no connection can be taken; trying again");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    fn serve(&self, stream: TcpStream) {
        let Ok(place) = self.open.clone().try_acquire_owned() else {
            return self.refuse(stream);
        };
        // A small answer must not wait for the acknowledgement of an earlier one. It is sent all the same if this fails.
        let _ = stream.set_nodelay(true);
        let connected = self.metrics.connected();
        let (http, service) = (self.http.clone(), self.service());
        let watcher = self.ending.watcher();
        match &self.tls {
            None => {
                tokio::spawn(async move {
                    converse(http, service, stream, watcher).await;
                    drop((place, connected));
                });
            }
            Some(tls) => {
                let (acceptor, head) = (tls.acceptor(), self.head);
                tokio::spawn(async move {
                    match timeout(head, acceptor.accept(stream)).await {
                        Ok(Ok(stream)) => converse(http, service, stream, watcher).await,
                        // Scanners and broken clients; the address would be of use, and is not told.
                        _ => tracing::debug!("a handshake of TLS failed"),
                    }
                    drop((place, connected));
                });
            }
        }
    }

    fn service(&self) -> TowerToHyperService<Router> {
        TowerToHyperService::new(self.router.clone())
    }

    fn refuse(&self, mut stream: TcpStream) {
        self.metrics.not_connected();
        // Whoever speaks TLS could not read it.
        if self.tls.is_some() {
            return;
        }
        let Ok(place) = self.told.clone().try_acquire_owned() else {
            return;
        };
        tokio::spawn(async move {
            let telling = async {
                stream.write_all(FULL).await?;
                stream.shutdown().await?;
                // What was sent is read, since an unread rest would take the answer back.
                let mut rest = [0; 1024];
                while stream.read(&mut rest).await? > 0 {}
                io::Result::Ok(())
            };
            let _ = timeout(TELLING, telling).await;
            drop(place);
        });
    }

    /// Lets what is being served end, for at most `grace`. Whether all of it did.
    pub(super) async fn end(self, grace: Duration) -> bool {
        timeout(grace, self.ending.shutdown()).await.is_ok()
    }
}

/// Serves one connection until it ends.
async fn converse(
    http: http1::Builder,
    service: TowerToHyperService<Router>,
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    watcher: Watcher,
) {
    let connection = http.serve_connection(TokioIo::new(stream), service);
    if let Err(error) = watcher.watch(connection).await {
        // Its text is of hyper's own words.
        tracing::debug!(%error, "a connection ended early");
    }
}

/// Whether a connection was given up before it was taken.
fn is_of_the_other_side(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
    )
}
