//! A network that can be lost on purpose: a TCP proxy on loopback between the client and its server.

mod relay;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// How the network behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Bytes arrive `delay` later, and up to `jitter` later still, in order.
    Forward {
        /// One way.
        delay: Duration,
        /// On top, drawn evenly for each piece.
        jitter: Duration,
    },
    /// Open connections are reset, new ones refused.
    Refuse,
    /// Open connections are reset, new ones reset once they are accepted.
    Reset,
    /// Nothing is lost and nothing arrives, until the mode changes.
    Stall,
}

impl Mode {
    /// A network without faults.
    pub const CLEAR: Self = Self::Forward {
        delay: Duration::ZERO,
        jitter: Duration::ZERO,
    };
}

/// A running proxy, on a thread of its own, so that it goes on while its user is frozen. Dropping it closes all connections.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    mode: watch::Sender<Option<Mode>>,
    thread: Option<JoinHandle<()>>,
}

impl Proxy {
    /// Starts forwarding from a free port of 127.0.0.1 to `upstream`.
    ///
    /// # Errors
    /// When no port, no thread or no runtime is to be had.
    pub fn start(upstream: SocketAddr, mode: Mode) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let (port, listener) = {
            let _entered = runtime.enter();
            let port = Port::reserve()?;
            let listener = port.listen()?;
            (port, listener)
        };
        let address = port.address;
        let (mode, modes) = watch::channel(Some(mode));
        let thread = std::thread::Builder::new()
            .name("im-network".into())
            .spawn(move || runtime.block_on(run(port, listener, upstream, modes)))?;
        Ok(Self {
            address,
            mode,
            thread: Some(thread),
        })
    }

    /// Where the client connects to.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on the network behaves like this.
    pub fn set(&self, mode: Mode) {
        let _ = self.mode.send(Some(mode));
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.mode.send(None);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn run(
    port: Port,
    listener: TcpListener,
    upstream: SocketAddr,
    mut modes: watch::Receiver<Option<Mode>>,
) {
    let mut listener = Some(listener);
    let mut connections = JoinSet::new();
    loop {
        let Some(mode) = *modes.borrow_and_update() else {
            return;
        };
        match mode {
            Mode::Refuse => listener = None,
            _ if listener.is_none() => listener = port.listen().ok(),
            _ => {}
        }
        tokio::select! {
            changed = modes.changed() => if changed.is_err() { return },
            Some(_) = connections.join_next() => {}
            Ok((stream, _)) = accept(listener.as_ref()) => {
                connections.spawn(relay::serve(stream, upstream, modes.clone()));
            }
        }
    }
}

async fn accept(listener: Option<&TcpListener>) -> io::Result<(tokio::net::TcpStream, SocketAddr)> {
    match listener {
        Some(listener) => listener.accept().await,
        None => std::future::pending().await,
    }
}

/// A port kept by a socket that is bound and never listens: while the proxy refuses, nobody else can take the port.
#[derive(Debug)]
struct Port {
    address: SocketAddr,
    _keeper: TcpSocket,
}

impl Port {
    fn reserve() -> io::Result<Self> {
        let keeper = shared_socket((Ipv4Addr::LOCALHOST, 0).into())?;
        Ok(Self {
            address: keeper.local_addr()?,
            _keeper: keeper,
        })
    }

    fn listen(&self) -> io::Result<TcpListener> {
        shared_socket(self.address)?.listen(64)
    }
}

fn shared_socket(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseport(true)?;
    socket.bind(address)?;
    Ok(socket)
}
