//! Which class an I/O error, an HTTP status or an address belongs to.

use super::{Disconnect, Failure, Family};
use std::io;
use std::net::SocketAddr;

impl Failure {
    /// The class of an I/O error.
    pub fn of(error: &io::Error) -> Self {
        use io::ErrorKind as Io;
        match error.kind() {
            Io::TimedOut | Io::WouldBlock => Self::Timeout,
            Io::ConnectionRefused => Self::Refused,
            Io::ConnectionReset | Io::ConnectionAborted | Io::BrokenPipe => Self::Reset,
            Io::HostUnreachable | Io::NetworkUnreachable | Io::NetworkDown => Self::Unreachable,
            Io::UnexpectedEof | Io::NotConnected | Io::WriteZero => Self::ClosedByPeer,
            Io::InvalidData => Self::Protocol,
            Io::PermissionDenied
            | Io::AddrInUse
            | Io::AddrNotAvailable
            | Io::OutOfMemory
            | Io::QuotaExceeded
            | Io::ResourceBusy => Self::Local,
            Io::Interrupted => Self::Cancelled,
            _ if is_lookup(error) => Self::ResolveFailed,
            _ if is_out_of_files(error) => Self::Local,
            _ => Self::Other,
        }
    }

    /// The class of an HTTP status (RFC 9110, section 15); `None` where the server has answered and the connection is not
    /// at fault, whatever the app makes of the answer.
    pub fn of_status(status: u16) -> Option<Self> {
        match status {
            401 | 403 | 407 => Some(Self::AuthRefused),
            408 | 504 => Some(Self::Timeout),
            429 => Some(Self::Overloaded),
            505 => Some(Self::Protocol),
            500..600 => Some(Self::Overloaded),
            _ => None,
        }
    }
}

/// The resolver's errors have no kind of their own; the standard library begins all of them with these words.
fn is_lookup(error: &io::Error) -> bool {
    error.to_string().starts_with("failed to lookup address")
}

/// Too many open files, in the process (24) or in the system (23): the numbers of Linux, Android, macOS and iOS.
fn is_out_of_files(error: &io::Error) -> bool {
    cfg!(unix) && matches!(error.raw_os_error(), Some(23 | 24))
}

impl Disconnect {
    /// The reason in an I/O error on a connection in service.
    pub fn of(error: &io::Error) -> Self {
        Self::from_failure(Failure::of(error))
    }

    /// The reason where a connection in service met what makes an attempt fail.
    pub const fn from_failure(failure: Failure) -> Self {
        match failure {
            Failure::Timeout => Self::Timeout,
            Failure::Reset => Self::Reset,
            Failure::Unreachable => Self::NetworkLost,
            Failure::ClosedByPeer => Self::ClosedByPeer,
            Failure::Protocol => Self::Protocol,
            Failure::TlsFailed => Self::TlsFailed,
            Failure::Local => Self::Local,
            Failure::AuthRefused => Self::AuthExpired,
            Failure::Cancelled => Self::ClosedByUs,
            Failure::Backgrounded => Self::Backgrounded,
            Failure::NetworkChanged => Self::NetworkChanged,
            Failure::Overloaded => Self::ServerShutdown,
            Failure::Refused | Failure::ResolveFailed | Failure::Other => Self::Other,
        }
    }

    /// Whether the service is not wanted any more, so that what follows is no time without it.
    pub const fn ends_the_wish(self) -> bool {
        matches!(self, Self::ClosedByUs | Self::Backgrounded | Self::Kicked)
    }
}

impl Family {
    /// The family of an address, and nothing else of it. An IPv4 address inside an IPv6 one counts as IPv4.
    pub fn of(address: &SocketAddr) -> Self {
        match address {
            SocketAddr::V6(v6) if v6.ip().to_ipv4_mapped().is_none() => Self::V6,
            _ => Self::V4,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{TcpListener, TcpStream, ToSocketAddrs};

    #[test]
    fn errors_of_this_system_have_their_class() {
        let port = TcpListener::bind("127.0.0.1:0").unwrap();
        let free = port.local_addr().unwrap();
        assert_eq!(
            Failure::of(&TcpListener::bind(free).unwrap_err()),
            Failure::Local
        );
        drop(port);
        assert_eq!(
            Failure::of(&TcpStream::connect(free).unwrap_err()),
            Failure::Refused
        );
        // A label of 64 letters is no name, so no resolver has to be asked.
        let lookup = (format!("{}.example", "x".repeat(64)).as_str(), 1)
            .to_socket_addrs()
            .map(|_| ())
            .unwrap_err();
        assert_eq!(Failure::of(&lookup), Failure::ResolveFailed);
        #[cfg(target_os = "linux")]
        {
            // The broadcast address of the loopback network: nothing can be connected to there.
            let nowhere = TcpStream::connect("127.255.255.255:1").unwrap_err();
            assert_eq!(Failure::of(&nowhere), Failure::Unreachable);
            assert_eq!(Disconnect::of(&nowhere), Disconnect::NetworkLost);
            let files = io::Error::from_raw_os_error(24);
            assert_eq!(Failure::of(&files), Failure::Local);
        }
    }

    #[test]
    fn a_status_is_a_failure_only_where_the_server_could_not_or_would_not_serve() {
        let classes = [
            (200, None),
            (304, None),
            (404, None),
            (401, Some(Failure::AuthRefused)),
            (429, Some(Failure::Overloaded)),
            (503, Some(Failure::Overloaded)),
            (504, Some(Failure::Timeout)),
            (505, Some(Failure::Protocol)),
            (600, None),
        ];
        for (status, class) in classes {
            assert_eq!(Failure::of_status(status), class, "{status}");
        }
    }

    #[test]
    fn an_address_is_only_its_family() {
        let family = |text: &str| Family::of(&text.parse().unwrap());
        assert_eq!(family("127.0.0.1:1"), Family::V4);
        assert_eq!(family("[::1]:1"), Family::V6);
        assert_eq!(family("[::ffff:127.0.0.1]:1"), Family::V4);
    }
}
