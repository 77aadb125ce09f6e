//! A window of a connection.

use super::amount::percent;
use candor_protocol::report::{self, Disconnects, Failures, Network, Transport};
use candor_protocol::sketch::Sketch;
use serde::Serialize;

/// What one connection did in one window. Latencies in microseconds.
#[derive(Debug, Serialize)]
pub(crate) struct Window {
    pub(crate) name: String,
    pub(crate) endpoint: String,
    pub(crate) transport: Transport,
    pub(crate) network: Network,
    pub(crate) seconds: u32,
    pub(crate) attempts: u32,
    pub(crate) ready: u32,
    pub(crate) failures: Vec<Failures>,
    pub(crate) disconnects: Vec<Disconnects>,
    pub(crate) times: Vec<Times>,
    pub(crate) sent: u32,
    pub(crate) received: u32,
    pub(crate) sent_bytes: u64,
    pub(crate) received_bytes: u64,
    pub(crate) up_ms: u64,
    pub(crate) down_ms: u64,
    /// Share of the time in service; missing when there was neither service nor the wish for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) up_percent: Option<f64>,
}

/// How long something took.
#[derive(Debug, Serialize)]
pub(crate) struct Times {
    /// A phase, or `ready`, `rtt`, `ack`.
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
        let whole = [
            ("ready", &window.ready_us),
            ("rtt", &window.rtt_us),
            ("ack", &window.ack_us),
        ];
        let whole = whole
            .iter()
            .filter_map(|(what, sketch)| Times::of(what, sketch));
        let known = window.up_ms.saturating_add(window.down_ms);
        Self {
            name: window.name.to_string(),
            endpoint: window.endpoint.to_string(),
            transport: window.transport,
            network: window.network,
            seconds: window.seconds,
            attempts: window.attempts,
            ready: window.ready,
            failures: window.failures.clone(),
            disconnects: window.disconnects.clone(),
            times: phases.chain(whole).collect(),
            sent: window.sent,
            received: window.received,
            sent_bytes: window.sent_bytes,
            received_bytes: window.received_bytes,
            up_ms: window.up_ms,
            down_ms: window.down_ms,
            up_percent: (known > 0).then(|| (percent(window.up_ms, known) * 10.0).round() / 10.0),
        }
    }
}
