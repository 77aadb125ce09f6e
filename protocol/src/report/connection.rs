//! A connection window: one minute-scale summary of one named connection.

use super::stack::is_zero;
use super::words;
use crate::deidentify::Name;
use crate::limits;
use crate::sketch::Sketch;
use serde::{Deserialize, Serialize};

/// What one named connection did in one window of time. Latencies are in microseconds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Connection {
    /// The developer's name of the connection.
    pub name: Name,
    /// The developer's name of what it leads to; never an address.
    pub endpoint: Name,
    /// What carries it.
    pub transport: Transport,
    /// The network it ran over.
    pub network: Network,
    /// Length of the window in seconds.
    pub seconds: u32,
    /// Attempts to connect that ended in this window.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub attempts: u32,
    /// Those that ended in service.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub ready: u32,
    /// Those that failed, by phase and class.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failures: Vec<Failures>,
    /// Connections in service that ended, by reason.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub disconnects: Vec<Disconnects>,
    /// How long each phase that ended well took.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub phases: Vec<PhaseTimes>,
    /// From the start of an attempt until the connection was in service.
    #[serde(default, skip_serializing_if = "Sketch::is_empty")]
    pub ready_us: Sketch,
    /// Round trips of heartbeats.
    #[serde(default, skip_serializing_if = "Sketch::is_empty")]
    pub rtt_us: Sketch,
    /// From sending a message until it was acknowledged.
    #[serde(default, skip_serializing_if = "Sketch::is_empty")]
    pub ack_us: Sketch,
    /// Messages sent.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub sent: u32,
    /// Messages received.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub received: u32,
    /// Bytes sent.
    #[serde(default, skip_serializing_if = "is_none")]
    pub sent_bytes: u64,
    /// Bytes received.
    #[serde(default, skip_serializing_if = "is_none")]
    pub received_bytes: u64,
    /// Milliseconds in service.
    #[serde(default, skip_serializing_if = "is_none")]
    pub up_ms: u64,
    /// Milliseconds without service, between the end of one connection and the next one in service.
    #[serde(default, skip_serializing_if = "is_none")]
    pub down_ms: u64,
}

fn is_none(number: &u64) -> bool {
    *number == 0
}

/// Attempts that failed in the same way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Failures {
    /// The phase that failed.
    pub phase: Phase,
    /// How it failed.
    pub failure: Failure,
    /// How often.
    pub count: u32,
}

/// Connections that ended for the same reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Disconnects {
    /// Why.
    pub reason: Disconnect,
    /// How often.
    pub count: u32,
}

/// How long a phase took.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PhaseTimes {
    /// Which phase.
    pub phase: Phase,
    /// Its durations in microseconds.
    pub took_us: Sketch,
}

words! {
    /// What carries a connection.
    pub enum Transport {
        /// Plain TCP.
        Tcp = "tcp",
        /// TLS over TCP.
        Tls = "tls",
        /// WebSocket.
        WebSocket = "websocket",
        /// HTTP.
        Http = "http",
        /// QUIC.
        Quic = "quic",
    }
}

words! {
    /// The kind of network, as the host tells it.
    pub enum Network {
        /// Not told.
        Unknown = "unknown",
        /// No network.
        None = "none",
        /// Wi-Fi.
        Wifi = "wifi",
        /// A cable.
        Ethernet = "ethernet",
        /// Mobile, second generation.
        Cell2g = "2g",
        /// Mobile, third generation.
        Cell3g = "3g",
        /// Mobile, fourth generation.
        Cell4g = "4g",
        /// Mobile, fifth generation.
        Cell5g = "5g",
    }
}

words! {
    /// The phases of an attempt to connect, in their order.
    pub enum Phase {
        /// Resolving the name.
        Resolve = "resolve",
        /// Connecting to the address.
        Connect = "connect",
        /// TLS handshake.
        Tls = "tls",
        /// The application's own handshake or login.
        Login = "login",
        /// Waiting for the first byte of the answer.
        FirstByte = "first_byte",
    }
}

words! {
    /// Classes of failed attempts.
    pub enum Failure {
        /// No answer in time.
        Timeout = "timeout",
        /// Refused by the other side.
        Refused = "refused",
        /// Reset by the other side.
        Reset = "reset",
        /// No route to the host or the network.
        Unreachable = "unreachable",
        /// The name could not be resolved.
        ResolveFailed = "resolve_failed",
        /// The TLS handshake failed.
        TlsFailed = "tls_failed",
        /// Credentials were refused.
        AuthRefused = "auth_refused",
        /// The other side spoke something else.
        Protocol = "protocol",
        /// The other side closed the connection.
        ClosedByPeer = "closed_by_peer",
        /// Given up by the host.
        Cancelled = "cancelled",
        /// The network changed meanwhile.
        NetworkChanged = "network_changed",
        /// Refused for lack of permission or resources on the device.
        Local = "local",
        /// The server answered that it cannot serve now.
        Overloaded = "overloaded",
        /// Any other.
        Other = "other",
    }
}

words! {
    /// Why a connection in service ended.
    pub enum Disconnect {
        /// Closed by the host.
        ClosedByUs = "closed_by_us",
        /// Closed by the other side.
        ClosedByPeer = "closed_by_peer",
        /// Reset by the other side.
        Reset = "reset",
        /// Reading or writing did not end in time.
        Timeout = "timeout",
        /// A heartbeat was not answered.
        HeartbeatTimeout = "heartbeat_timeout",
        /// Messages were not acknowledged.
        AckTimeout = "ack_timeout",
        /// The network changed.
        NetworkChanged = "network_changed",
        /// The network went away.
        NetworkLost = "network_lost",
        /// The app went to the background.
        Backgrounded = "backgrounded",
        /// The other side spoke something else.
        Protocol = "protocol",
        /// Signed in elsewhere.
        Kicked = "kicked",
        /// Credentials are no longer valid.
        AuthExpired = "auth_expired",
        /// The server goes away for maintenance.
        ServerShutdown = "server_shutdown",
        /// TLS failed.
        TlsFailed = "tls_failed",
        /// Lack of resources on the device.
        Local = "local",
        /// The handle was dropped without a reason.
        Dropped = "dropped",
        /// Any other.
        Other = "other",
    }
}

impl Connection {
    pub(super) fn check(&self) -> Result<(), &'static str> {
        if self.failures.len() > limits::WINDOW_ENTRIES
            || self.disconnects.len() > limits::WINDOW_ENTRIES
            || self.phases.len() > Phase::ALL.len()
        {
            return Err("a connection window repeats its entries");
        }
        if self.seconds == 0 || self.seconds > 86_400 {
            return Err("a connection window is 1 to 86400 seconds long");
        }
        Ok(())
    }
}

impl Failure {
    /// The class of an I/O error.
    pub fn of(error: &std::io::Error) -> Self {
        use std::io::ErrorKind as Io;
        match error.kind() {
            Io::TimedOut | Io::WouldBlock => Self::Timeout,
            Io::ConnectionRefused => Self::Refused,
            Io::ConnectionReset | Io::ConnectionAborted | Io::BrokenPipe => Self::Reset,
            Io::HostUnreachable | Io::NetworkUnreachable | Io::NetworkDown => Self::Unreachable,
            Io::UnexpectedEof | Io::NotConnected => Self::ClosedByPeer,
            Io::InvalidData => Self::Protocol,
            Io::PermissionDenied | Io::AddrInUse | Io::AddrNotAvailable | Io::OutOfMemory => {
                Self::Local
            }
            Io::Interrupted => Self::Cancelled,
            _ => Self::Other,
        }
    }
}

impl Disconnect {
    /// The reason in an I/O error on a connection in service.
    pub fn of(error: &std::io::Error) -> Self {
        use std::io::ErrorKind as Io;
        match error.kind() {
            Io::TimedOut | Io::WouldBlock => Self::Timeout,
            Io::ConnectionReset | Io::ConnectionAborted | Io::BrokenPipe => Self::Reset,
            Io::HostUnreachable | Io::NetworkUnreachable | Io::NetworkDown => Self::NetworkLost,
            Io::UnexpectedEof | Io::NotConnected => Self::ClosedByPeer,
            Io::InvalidData => Self::Protocol,
            Io::OutOfMemory => Self::Local,
            _ => Self::Other,
        }
    }
}
