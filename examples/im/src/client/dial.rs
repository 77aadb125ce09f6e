//! From nothing to a connection that is logged in.

use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::net::TcpStream;

use crate::apm::{Dial, Metered};
use crate::config::Config;
use crate::wire::{self, Decoder, Frame};

/// A connection in service.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) from: ReadHalf<Metered<TcpStream>>,
    pub(super) to: WriteHalf<Metered<TcpStream>>,
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
            DialFault::Timeout => f.write_str("took too long"),
            DialFault::Refused(reason) => write!(f, "refused, {reason}"),
            DialFault::Closed => f.write_str("closed by the server"),
            DialFault::Protocol(what) => write!(f, "not understood, {what}"),
        }
    }
}

/// Each step is timed and counted by `dial`, and so is what fails; none takes longer than `dial`'s patience.
pub(super) async fn dial(
    config: &Config,
    who: Credentials,
    dial: &mut Dial,
) -> Result<Line, DialError> {
    let at = |step| {
        move |error: io::Error| DialError {
            step,
            fault: error.into(),
        }
    };
    let addresses = dial
        .resolve(&config.server)
        .await
        .map_err(at(Step::Resolve))?;
    let stream = dial
        .connect_to(&addresses)
        .await
        .map_err(at(Step::Connect))?;
    stream
        .get_ref()
        .set_nodelay(true)
        .map_err(at(Step::Connect))?;
    dial.login(login(config, who, stream))
        .await
        .map_err(|fault| DialError {
            step: Step::Login,
            fault,
        })
}

async fn login(
    config: &Config,
    who: Credentials,
    mut stream: Metered<TcpStream>,
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
            Ok(Some(Frame::LoginOk {})) => {
                // From here on the server says something at least as often as it is pinged.
                stream.expect(config.heartbeat + config.heartbeat_patience);
                let (from, to) = tokio::io::split(stream);
                return Ok(Line { from, to, decoder });
            }
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
        match e.kind() {
            io::ErrorKind::TimedOut => Self::Timeout,
            _ => Self::Io(e),
        }
    }
}
