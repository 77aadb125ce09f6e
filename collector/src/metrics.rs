//! The collector's own figures, for whoever watches over it: counts and times, by words of the collector's own. No name of an
//! app, no key, no address, and nothing that was sent.

use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// What requests wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue)]
pub enum Stage {
    /// Their body is being read.
    Reading,
    /// They are decoded or wait for the store.
    Working,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answer {
    request: &'static str,
    answer: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Outcome {
    outcome: &'static str,
    reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct At {
    stage: Stage,
}

/// Seconds at which times are told apart: from a commit on a fast disk to what nobody waits for.
const SECONDS: [f64; 12] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0,
];

/// The figures. Counting is an atomic addition.
pub struct Metrics {
    registry: Registry,
    requests: Family<Answer, Counter>,
    asked: AtomicU64,
    reports: Family<Outcome, Counter>,
    certificates: Family<Outcome, Counter>,
    acknowledged: Histogram,
    committed: Histogram,
    last_stored: Gauge,
    connections: Gauge,
    connections_refused: Counter,
    places: Family<At, Gauge>,
    bytes: Family<At, Gauge>,
    ready: Gauge,
    disk: Gauge,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix("candor"),
            requests: Family::default(),
            asked: AtomicU64::new(0),
            reports: Family::default(),
            certificates: Family::default(),
            acknowledged: Histogram::new(SECONDS),
            committed: Histogram::new(SECONDS),
            last_stored: Gauge::default(),
            connections: Gauge::default(),
            connections_refused: Counter::default(),
            places: Family::default(),
            bytes: Family::default(),
            ready: Gauge::default(),
            disk: Gauge::default(),
        };
        metrics.register();
        metrics
    }
}

impl Metrics {
    fn register(&mut self) {
        let Self { registry, .. } = self;
        let help = "Requests of agents, by what was answered";
        registry.register("requests", help, self.requests.clone());
        let help = "Reports that arrived, by what became of them";
        registry.register("reports", help, self.reports.clone());
        let help = "Times that the certificate was read again, by whether it could be used";
        registry.register("certificate_reads", help, self.certificates.clone());
        let help = "From the head of a request until its reports are on disk";
        registry.register_with_unit(
            "acknowledge",
            help,
            Unit::Seconds,
            self.acknowledged.clone(),
        );
        let help = "From handing reports to the store until they are on disk";
        registry.register_with_unit("commit", help, Unit::Seconds, self.committed.clone());
        let help =
            "When a report was last stored, in seconds since 1970; 0 for never since the start";
        registry.register(
            "last_stored_timestamp_seconds",
            help,
            self.last_stored.clone(),
        );
        let help = "Connections that are open";
        registry.register("connections", help, self.connections.clone());
        let help = "Connections that were closed at once, since too many were open";
        registry.register(
            "connections_refused",
            help,
            self.connections_refused.clone(),
        );
        let help = "Requests of agents that are being served, by stage";
        registry.register("places", help, self.places.clone());
        let help = "Memory that requests of agents may take now, by stage";
        registry.register_with_unit("places", help, Unit::Bytes, self.bytes.clone());
        let help = "1 while the store can be written and the collector is not stopping, else 0";
        registry.register("ready", help, self.ready.clone());
        let help = "Room on the disk that reports are kept on; 0 where that is not known";
        registry.register_with_unit("disk_available", help, Unit::Bytes, self.disk.clone());
    }

    /// A request of an agent was answered with `answer`, a word.
    pub fn answered(&self, request: &'static str, answer: &'static str) {
        self.asked.fetch_add(1, Ordering::Relaxed);
        self.requests
            .get_or_create(&Answer { request, answer })
            .inc();
    }

    /// How many requests of agents were answered since the start.
    pub fn asked(&self) -> u64 {
        self.asked.load(Ordering::Relaxed)
    }

    fn came(&self, outcome: &'static str, reason: &'static str, reports: u32) {
        if reports > 0 {
            self.reports
                .get_or_create(&Outcome { outcome, reason })
                .inc_by(reports.into());
        }
    }

    /// Reports were kept at `now`, in seconds since 1970.
    pub fn kept(&self, stored: u32, duplicates: u32, now: u64) {
        self.came("stored", "", stored);
        self.came("duplicate", "", duplicates);
        if stored > 0 {
            self.last_stored.set(i64::try_from(now).unwrap_or(i64::MAX));
        }
    }

    /// Reports were refused for good.
    pub fn refused(&self, reason: &'static str, reports: u32) {
        self.came("refused", reason, reports);
    }

    /// Reports were sent away and may come again.
    pub fn limited(&self, reason: &'static str, reports: u32) {
        self.came("limited", reason, reports);
    }

    /// How long an agent waited for its answer.
    pub fn acknowledged(&self, took: Duration) {
        self.acknowledged.observe(took.as_secs_f64());
    }

    /// How long the store took.
    pub fn committed(&self, took: Duration) {
        self.committed.observe(took.as_secs_f64());
    }

    /// A connection was opened; it is open until what is returned is gone.
    pub fn connected(&self) -> Connected {
        self.connections.inc();
        Connected(self.connections.clone())
    }

    /// A connection was closed at once.
    pub fn not_connected(&self) {
        self.connections_refused.inc();
    }

    /// The certificate was read again.
    pub fn certificate_read(&self, usable: bool) {
        let outcome = if usable { "used" } else { "refused" };
        let reason = "";
        self.certificates
            .get_or_create(&Outcome { outcome, reason })
            .inc();
    }

    /// What is only known when somebody asks.
    pub fn now(&self, taken: [(Stage, usize, usize); 2], ready: bool, disk: Option<u64>) {
        let number = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
        for (stage, places, bytes) in taken {
            let at = At { stage };
            self.places.get_or_create(&at).set(number(places));
            self.bytes.get_or_create(&at).set(number(bytes));
        }
        self.ready.set(ready.into());
        let disk = i64::try_from(disk.unwrap_or_default());
        self.disk.set(disk.unwrap_or(i64::MAX));
    }

    /// All figures in the text form of OpenMetrics, which Prometheus reads.
    ///
    /// # Errors
    /// Never in practice: it writes into memory.
    pub fn text(&self) -> Result<String, fmt::Error> {
        let mut said = String::new();
        text::encode(&mut said, &self.registry)?;
        Ok(said)
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics")
    }
}

/// A connection that is open.
#[derive(Debug)]
pub struct Connected(Gauge);

impl Drop for Connected {
    fn drop(&mut self) {
        self.0.dec();
    }
}
