//! From a name to a connection in service, timed by itself.

use crate::Metered;
use crate::classify::Failing;
use candor_agent::{Attempt, Connection, Failure, Family, Live, Phase};
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::{TcpStream, ToSocketAddrs, lookup_host};
use tokio::time::timeout;

/// One attempt, step by step. A step that fails or takes too long ends the attempt and is counted with its class; what is
/// done afterwards is counted no more. Dropped before [`ready`](Self::ready), the attempt counts as cancelled.
#[derive(Debug)]
pub struct Dial {
    attempt: Attempt,
    patience: Duration,
}

/// How long one step, or one address, may take unless something else is said.
const PATIENCE: Duration = Duration::from_secs(15);

/// Resolves `host` and connects to the first of its addresses that answers, each for at most 15 seconds.
///
/// # Errors
/// As of [`Dial::connect`].
pub async fn connect(
    link: &Connection,
    host: impl ToSocketAddrs,
) -> io::Result<(Metered<TcpStream>, Dial)> {
    let mut dial = Dial::new(link);
    let stream = dial.connect(host).await?;
    Ok((stream, dial))
}

impl Dial {
    /// An attempt begins.
    pub fn new(link: &Connection) -> Self {
        Self {
            attempt: link.attempt(),
            patience: PATIENCE,
        }
    }

    /// How long one step, and each address, may take. Default: 15 s.
    #[must_use]
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Resolves `host` and connects to the first of its addresses that answers, in the resolver's order. Only the family and
    /// the order of an address are counted.
    ///
    /// # Errors
    /// The resolver's, or that of the last address; [`io::ErrorKind::TimedOut`] when it took too long.
    pub async fn connect(&mut self, host: impl ToSocketAddrs) -> io::Result<Metered<TcpStream>> {
        let addresses = self.resolve(host).await?;
        self.connect_to(&addresses).await
    }

    /// Resolves `host`. There is at least one address.
    ///
    /// # Errors
    /// The resolver's; [`io::ErrorKind::TimedOut`] when it took too long.
    pub async fn resolve(&mut self, host: impl ToSocketAddrs) -> io::Result<Vec<SocketAddr>> {
        let looking = async {
            let addresses: Vec<SocketAddr> = lookup_host(host).await?.collect();
            if addresses.is_empty() {
                // In the words of the standard library's resolver, so that it has the same class.
                let none = "failed to lookup address information: the name stands for none";
                return Err(io::Error::new(io::ErrorKind::NotFound, none));
            }
            Ok(addresses)
        };
        self.step(Phase::Resolve, looking).await
    }

    /// Connects to the first address that answers.
    ///
    /// # Errors
    /// That of the last address; [`io::ErrorKind::TimedOut`] when it took too long.
    pub async fn connect_to(&mut self, addresses: &[SocketAddr]) -> io::Result<Metered<TcpStream>> {
        let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
        for address in addresses {
            self.attempt.trying(Family::of(address));
            match in_time(self.patience, TcpStream::connect(address)).await {
                Ok(stream) => {
                    self.attempt.done(Phase::Connect);
                    return Ok(self.meter(stream));
                }
                Err(error) => last = error,
            }
        }
        self.fail(Phase::Connect, last.failure());
        Err(last)
    }

    #[cfg(unix)]
    fn meter(&mut self, stream: TcpStream) -> Metered<TcpStream> {
        Metered::tcp(stream, self.attempt.meter())
    }

    #[cfg(not(unix))]
    fn meter(&mut self, stream: TcpStream) -> Metered<TcpStream> {
        Metered::new(stream, self.attempt.meter())
    }

    /// Agrees on TLS over `stream`.
    ///
    /// # Errors
    /// Those of the handshake; [`io::ErrorKind::TimedOut`] when it took too long.
    #[cfg(feature = "tls")]
    pub async fn tls<S>(
        &mut self,
        connector: &tokio_rustls::TlsConnector,
        name: rustls::pki_types::ServerName<'static>,
        stream: S,
    ) -> io::Result<tokio_rustls::client::TlsStream<S>>
    where
        S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
    {
        self.step(Phase::Tls, connector.connect(name, stream)).await
    }

    /// Waits for the app's own handshake or login.
    ///
    /// # Errors
    /// Those of the login; [`io::ErrorKind::TimedOut`] when it took too long.
    pub async fn login<T, E>(&mut self, login: impl Future<Output = Result<T, E>>) -> Result<T, E>
    where
        E: Failing + From<io::Error>,
    {
        self.step(Phase::Login, login).await
    }

    /// Waits for the first byte of the answer.
    ///
    /// # Errors
    /// Those of the answer; [`io::ErrorKind::TimedOut`] when it took too long.
    pub async fn first_byte<T, E>(
        &mut self,
        answer: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E>
    where
        E: Failing + From<io::Error>,
    {
        self.step(Phase::FirstByte, answer).await
    }

    /// The connection is in service.
    pub fn ready(self) -> Live {
        self.attempt.ready()
    }

    /// The attempt failed for a reason that only the app knows, such as [`Failure::NetworkChanged`].
    pub fn failed(self, phase: Phase, failure: Failure) {
        self.attempt.failed(phase, failure);
    }

    async fn step<T, E>(
        &mut self,
        phase: Phase,
        doing: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E>
    where
        E: Failing + From<io::Error>,
    {
        let done = in_time(self.patience, doing).await;
        match &done {
            Ok(_) => self.attempt.done(phase),
            Err(error) => {
                let class = match (phase, error.failure()) {
                    (Phase::Resolve, Failure::Other) => Failure::ResolveFailed,
                    (_, class) => class,
                };
                self.fail(phase, class);
            }
        }
        done
    }

    fn fail(&mut self, phase: Phase, failure: Failure) {
        let spent = Connection::default().attempt();
        std::mem::replace(&mut self.attempt, spent).failed(phase, failure);
    }
}

async fn in_time<T, E: From<io::Error>>(
    patience: Duration,
    doing: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    match timeout(patience, doing).await {
        Ok(done) => done,
        Err(_) => Err(io::Error::from(io::ErrorKind::TimedOut).into()),
    }
}
