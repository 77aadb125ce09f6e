//! The latencies of a connection that pages tell of.

use crate::dashboard::labels::Label;
use crate::dashboard::words::Lang;
use crate::store::ConnectionSum;
use candor_protocol::report::Phase;
use candor_protocol::sketch::Sketch;

/// A latency of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Measure {
    /// From the start of an attempt until service.
    Ready,
    /// A phase of an attempt.
    Phase(Phase),
    /// A heartbeat's round trip.
    Rtt,
    /// Until a message is acknowledged.
    Ack,
    /// Nothing arrived for longer than expected.
    Stall,
    /// From the loss of service until its return.
    Outage,
    /// The wait before the next attempt.
    Backoff,
    /// What TCP measured.
    Tcp,
    /// The smallest that TCP measured.
    TcpMin,
}

impl Measure {
    /// All of them, in the order in which they are told.
    pub(super) fn all() -> impl Iterator<Item = Self> {
        [Self::Ready]
            .into_iter()
            .chain(Phase::ALL.iter().copied().map(Self::Phase))
            .chain([
                Self::Rtt,
                Self::Ack,
                Self::Outage,
                Self::Backoff,
                Self::Stall,
                Self::Tcp,
                Self::TcpMin,
            ])
    }

    /// The word in the address.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Phase(phase) => phase.as_str(),
            Self::Rtt => "rtt",
            Self::Ack => "ack",
            Self::Stall => "stall",
            Self::Outage => "outage",
            Self::Backoff => "backoff",
            Self::Tcp => "tcp",
            Self::TcpMin => "tcp_min",
        }
    }

    /// What it is called.
    pub(super) fn name(self, lang: Lang) -> &'static str {
        let w = lang.words();
        match self {
            Self::Ready => w.time_to_ready,
            Self::Phase(phase) => phase.label(lang),
            Self::Rtt => w.rtt,
            Self::Ack => w.ack,
            Self::Stall => w.stalls,
            Self::Outage => w.outages,
            Self::Backoff => w.backoff,
            Self::Tcp => w.tcp_rtt,
            Self::TcpMin => w.tcp_min_rtt,
        }
    }

    /// Its values, where there are any.
    pub(super) fn of(self, sum: &ConnectionSum) -> Option<&Sketch> {
        let sketch = match self {
            Self::Ready => &sum.ready_us,
            Self::Phase(phase) => sum.phases.get(&phase)?,
            Self::Rtt => &sum.rtt_us,
            Self::Ack => &sum.ack_us,
            Self::Stall => &sum.stall_us,
            Self::Outage => &sum.outage_us,
            Self::Backoff => &sum.backoff_us,
            Self::Tcp => &sum.tcp.rtt_us,
            Self::TcpMin => &sum.tcp.min_rtt_us,
        };
        (!sketch.is_empty()).then_some(sketch)
    }
}
