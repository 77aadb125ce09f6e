//! The chat server: accepts logins, answers pings, takes each message once and delivers it.

mod hub;
mod peer;

use std::io;
use std::sync::{Arc, Mutex};

use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// Connections served at once; one more is closed at once. Enough for a demo, and a bound.
const MAX_PEERS: usize = 4096;

/// Serves until `shutdown` resolves, then closes every connection.
///
/// # Errors
/// Those of `accept` that do not concern one connection alone.
pub async fn run(listener: TcpListener, shutdown: impl Future<Output = ()>) -> io::Result<()> {
    let hub = Arc::new(Mutex::new(hub::Hub::default()));
    let mut peers = JoinSet::new();
    tokio::pin!(shutdown);
    loop {
        tokio::select! {
            () = &mut shutdown => return Ok(()),
            Some(_) = peers.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) if peers.len() < MAX_PEERS => {
                    peers.spawn(peer::serve(stream, Arc::clone(&hub)));
                }
                Ok(_) => {}
                // The connection was gone before it was accepted.
                Err(e) if e.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(e) => return Err(e),
            },
        }
    }
}
