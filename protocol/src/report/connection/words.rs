//! The closed lists of connection windows.

use crate::report::words;

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
        /// Mobile, of a generation that was not told.
        Cell = "cell",
    }
}

words! {
    /// Families of addresses.
    pub enum Family {
        /// IPv4.
        V4 = "v4",
        /// IPv6.
        V6 = "v6",
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
        /// Closed by us: the host gave it up.
        Cancelled = "cancelled",
        /// The app went to the background.
        Backgrounded = "backgrounded",
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
        /// A better connection took its place.
        Replaced = "replaced",
        /// The device slept, and the connection did not outlive it.
        Suspended = "suspended",
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
