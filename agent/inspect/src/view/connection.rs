//! A window of a connection.

use super::amount::percent;
use candor_protocol::report::{self, Disconnect, Failures, Family, Network, Transport};
use candor_protocol::sketch::Sketch;
use serde::Serialize;

/// What one connection did in one window. Latencies in microseconds.
#[derive(Debug, Serialize)]
pub(crate) struct Window {
    pub(crate) name: String,
    pub(crate) endpoint: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) region: Option<String>,
    pub(crate) transport: Transport,
    pub(crate) network: Network,
    pub(crate) seconds: u32,
    pub(crate) attempts: u32,
    pub(crate) ready: u32,
    pub(crate) reconnects: u32,
    pub(crate) failures: Vec<Failures>,
    pub(crate) tries: Vec<Tried>,
    pub(crate) disconnects: Vec<Ended>,
    pub(crate) times: Vec<Times>,
    pub(crate) network_changes: u32,
    pub(crate) sent: u32,
    pub(crate) received: u32,
    pub(crate) sent_bytes: u64,
    pub(crate) received_bytes: u64,
    pub(crate) up_ms: u64,
    pub(crate) down_ms: u64,
    /// Share of the time in service; missing when there was neither service nor the wish for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) up_percent: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tcp: Option<Tcp>,
}

/// Addresses of one family at one place in the order.
#[derive(Debug, Serialize)]
pub(crate) struct Tried {
    pub(crate) family: Family,
    pub(crate) order: u8,
    pub(crate) tried: u32,
    pub(crate) connected: u32,
    /// Half of those that answered did so within this many microseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) p50_us: Option<u64>,
}

/// Ends of service for one reason.
#[derive(Debug, Serialize)]
pub(crate) struct Ended {
    pub(crate) reason: Disconnect,
    pub(crate) count: u32,
    /// Half of them had lasted at most this many milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) lasted_p50_ms: Option<u64>,
}

/// What the system's TCP said; its latencies are among the times.
#[derive(Debug, Serialize)]
pub(crate) struct Tcp {
    pub(crate) samples: u32,
    pub(crate) segments: u64,
    pub(crate) retransmits: u64,
    pub(crate) lost: u64,
    /// Bytes a second, the median.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) delivery_rate: Option<u64>,
}

/// How long something took.
#[derive(Debug, Serialize)]
pub(crate) struct Times {
    /// A phase, or one of the words below.
    pub(crate) what: &'static str,
    pub(crate) count: u64,
    pub(crate) p50_us: u64,
    pub(crate) p95_us: u64,
    pub(crate) p99_us: u64,
}

impl Times {
    fn of(what: &'static str, sketch: &Sketch) -> Option<Self> {
        Some(Self {
            what,
            count: sketch.count(),
            p50_us: sketch.quantile(0.50)?,
            p95_us: sketch.quantile(0.95)?,
            p99_us: sketch.quantile(0.99)?,
        })
    }
}

impl Window {
    pub(crate) fn of(window: &report::Connection) -> Self {
        let phases = window
            .phases
            .iter()
            .filter_map(|phase| Times::of(phase.phase.as_str(), &phase.took_us));
        let mut whole = vec![
            ("ready", &window.ready_us),
            ("rtt", &window.rtt_us),
            ("ack", &window.ack_us),
            ("stall", &window.stall_us),
            ("outage", &window.outage_us),
            ("backoff", &window.backoff_us),
        ];
        if let Some(tcp) = &window.tcp {
            whole.extend([
                ("tcp_rtt", &tcp.rtt_us),
                ("tcp_rtt_var", &tcp.rtt_var_us),
                ("tcp_min_rtt", &tcp.min_rtt_us),
            ]);
        }
        let whole = whole
            .into_iter()
            .filter_map(|(what, sketch)| Times::of(what, sketch));
        let known = window.up_ms.saturating_add(window.down_ms);
        Self {
            name: window.name.to_string(),
            endpoint: window.endpoint.to_string(),
            region: window.region.as_ref().map(ToString::to_string),
            transport: window.transport,
            network: window.network,
            seconds: window.seconds,
            attempts: window.attempts,
            ready: window.ready,
            reconnects: window.reconnects,
            failures: window.failures.clone(),
            tries: window.tries.iter().map(Tried::of).collect(),
            disconnects: window.disconnects.iter().map(Ended::of).collect(),
            network_changes: window.network_changes,
            times: phases.chain(whole).collect(),
            sent: window.sent,
            received: window.received,
            sent_bytes: window.sent_bytes,
            received_bytes: window.received_bytes,
            up_ms: window.up_ms,
            down_ms: window.down_ms,
            up_percent: (known > 0).then(|| (percent(window.up_ms, known) * 10.0).round() / 10.0),
            tcp: window.tcp.as_ref().map(|tcp| Tcp {
                samples: tcp.samples,
                segments: tcp.segments,
                retransmits: tcp.retransmits,
                lost: tcp.lost,
                delivery_rate: tcp.delivery_rate.quantile(0.5),
            }),
        }
    }
}

impl Tried {
    fn of(tries: &report::Tries) -> Self {
        Self {
            family: tries.family,
            order: tries.order,
            tried: tries.tried,
            connected: tries.connected,
            p50_us: tries.took_us.quantile(0.5),
        }
    }
}

impl Ended {
    fn of(ended: &report::Disconnects) -> Self {
        Self {
            reason: ended.reason,
            count: ended.count,
            lasted_p50_ms: ended.lasted_ms.quantile(0.5),
        }
    }
}
