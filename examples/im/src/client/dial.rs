//! From nothing to a connection that is logged in.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

use crate::apm::{Attempt, Phase};
use crate::config::Config;
use crate::wire::{self, Decoder, Frame};

/// A connection in service.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) stream: TcpStream,
    pub(super) decoder: Decoder,
}

/// Who logs in.
#[derive(Debug, Clone)]
pub(super) struct Credentials {
    pub(super) token: String,
    pub(super) session: u64,
    pub(super) seen: u64,
}

/// An attempt that failed.
#[derive(Debug)]
pub struct DialError {
    /// Where.
    pub step: Step,
    /// Why.
    pub fault: DialFault,
}

/// One step of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// From a name to addresses.
    Resolve,
    /// From an address to a TCP connection.
    Connect,
    /// From a TCP connection to one in service.
    Login,
}

/// Why a step failed.
#[derive(Debug)]
pub enum DialFault {
    /// The system says so.
    Io(io::Error),
    /// The name stands for no address.
    NoAddress,
    /// The step took too long.
    Timeout,
    /// The server does not want us; its reason.
    Refused(String),
    /// The server closed the connection instead of answering.
    Closed,
    /// The server said something it must not say here.
    Protocol(String),
}

impl std::fmt::Display for DialError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self.step {
            Step::Resolve => "resolving the server's name: ",
            Step::Connect => "connecting: ",
            Step::Login => "logging in: ",
        })?;
        match &self.fault {
            DialFault::Io(e) => write!(f, "{e}"),
            DialFault::NoAddress => f.write_str("no such address"),
            DialFault::Timeout => f.write_str("took too long"),
            DialFault::Refused(reason) => write!(f, "refused, {reason}"),
            DialFault::Closed => f.write_str("closed by the server"),
            DialFault::Protocol(what) => write!(f, "not understood, {what}"),
        }
    }
}

pub(super) async fn dial(
    config: &Config,
    who: Credentials,
    attempt: &mut Attempt,
) -> Result<Line, DialError> {
    let addresses = in_time(
        Step::Resolve,
        config.dial_patience,
        lookup_host(&config.server),
    )
    .await?;
    attempt.done(Phase::Resolve);
    let stream = in_time(Step::Connect, config.dial_patience, connect(addresses)).await?;
    attempt.done(Phase::Connect);
    let line = in_time(
        Step::Login,
        config.dial_patience,
        login(config, who, stream),
    )
    .await?;
    attempt.done(Phase::Login);
    Ok(line)
}

async fn in_time<T, F: Into<DialFault>>(
    step: Step,
    patience: Duration,
    doing: impl Future<Output = Result<T, F>>,
) -> Result<T, DialError> {
    match timeout(patience, doing).await {
        Ok(result) => result.map_err(|e| DialError {
            step,
            fault: e.into(),
        }),
        Err(_) => Err(DialError {
            step,
            fault: DialFault::Timeout,
        }),
    }
}

/// The first address that answers, in the resolver's order.
async fn connect(
    addresses: impl Iterator<Item = std::net::SocketAddr>,
) -> Result<TcpStream, DialFault> {
    let mut last = DialFault::NoAddress;
    for address in addresses {
        match TcpStream::connect(address).await {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
            Err(e) => last = e.into(),
        }
    }
    Err(last)
}

async fn login(
    config: &Config,
    who: Credentials,
    mut stream: TcpStream,
) -> Result<Line, DialFault> {
    let Credentials {
        token,
        session,
        seen,
    } = who;
    let mut bytes = Vec::new();
    wire::encode(
        &Frame::Login {
            user: config.user.clone(),
            token,
            session,
            seen,
        },
        &mut bytes,
    )
    .map_err(|e| DialFault::Protocol(e.to_string()))?;
    stream.write_all(&bytes).await?;
    let mut decoder = Decoder::default();
    loop {
        match decoder.next_frame() {
            Ok(Some(Frame::LoginOk {})) => return Ok(Line { stream, decoder }),
            Ok(Some(Frame::LoginRefused { reason })) => return Err(DialFault::Refused(reason)),
            Ok(Some(_)) => return Err(DialFault::Protocol("an answer before the login".into())),
            Err(e) => return Err(DialFault::Protocol(e.to_string())),
            Ok(None) => {}
        }
        bytes.clear();
        if stream.read_buf(&mut bytes).await? == 0 {
            return Err(DialFault::Closed);
        }
        decoder.feed(&bytes);
    }
}

impl From<io::Error> for DialFault {
    fn from(e: io::Error) -> Self {
        Self::Io(e)
    }
}
