//! What the main loop tells the app.

use std::time::Duration;

use super::{DialError, Ending};

/// Something happened.
#[derive(Debug)]
pub enum Event {
    /// The connection is in service.
    Ready {
        /// From the start of the attempt.
        took: Duration,
    },
    /// An attempt failed; the next starts by itself.
    Failed {
        /// At which step, and why.
        error: DialError,
        /// Wait before the next attempt.
        retry_in: Duration,
    },
    /// The connection was in service and is lost; the next attempt starts by itself.
    Lost {
        /// How.
        ending: Ending,
        /// Wait before the next attempt.
        retry_in: Duration,
    },
    /// The server has taken one message more.
    Acknowledged {
        /// Id of the message.
        id: u64,
        /// Between carrying it and the acknowledgement; `None` if it was carried more than once, or this thread was held up.
        took: Option<Duration>,
    },
    /// The server answered a ping.
    RoundTrip(Duration),
    /// Somebody wrote.
    Delivered {
        /// Who.
        from: String,
        /// What.
        text: String,
    },
    /// A message was not taken, because too many wait already.
    OutboxFull,
}

/// Where the main loop stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Status {
    /// Whether the connection is in service.
    pub ready: bool,
    /// Messages taken from the app so far.
    pub queued: u64,
    /// Messages the server has taken so far.
    pub acknowledged: u64,
    /// Messages delivered to the app so far.
    pub delivered: u64,
    /// Connections that came into service so far.
    pub connections: u64,
}
