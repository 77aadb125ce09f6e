//! A device inside the test's own process, and a pretended collector that counts every report once, however often it comes.

use crate::consent;
use candor_agent::{
    Agent, Carrier, Choice, Extension, Flushed, Outcome, Request, Sending, Settings,
};
use candor_protocol::deidentify::ReportId;
use candor_protocol::report::{Connection, Disconnect, Failure, Family, Phase, Report, Tcp, What};
use candor_protocol::sketch::Sketch;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tempfile::TempDir;

/// Far longer than anything takes; only a fault makes it pass.
const PATIENCE: Duration = Duration::from_secs(60);

/// What became of a request, as the device hears it; it counts all the same unless it is `None`.
type Answer = dyn FnMut() -> Option<Outcome> + Send;

/// A collector in memory.
pub struct Counting {
    reports: Mutex<BTreeMap<String, Report>>,
    answer: Mutex<Box<Answer>>,
}

impl Counting {
    /// One that says truly that it has what it was sent.
    pub fn honest() -> Arc<Self> {
        Self::answering(|| Some(Outcome::Delivered))
    }

    /// One that keeps what it is sent whenever `answer` is something, and says that.
    pub fn answering(answer: impl FnMut() -> Option<Outcome> + Send + 'static) -> Arc<Self> {
        Arc::new(Self {
            reports: Mutex::default(),
            answer: Mutex::new(Box::new(answer)),
        })
    }

    /// Answers truly from now on.
    pub fn heal(&self) {
        *lock(&self.answer) = Box::new(|| Some(Outcome::Delivered));
    }

    /// How many windows of connections of this name were told.
    pub fn windows(&self, name: &str) -> usize {
        let reports = lock(&self.reports);
        let windows = reports.values().filter(|report| match &report.what {
            What::Connection(window) => window.name.as_str() == name,
            _ => false,
        });
        windows.count()
    }

    /// What all windows of connections of this name add up to.
    pub fn told(&self, name: &str) -> Told {
        let mut told = Told::default();
        for report in lock(&self.reports).values() {
            if let What::Connection(window) = &report.what
                && window.name.as_str() == name
            {
                told.add(window);
            }
        }
        told
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Carrier for Counting {
    fn send(&self, request: Request) -> Sending<'_> {
        let answer = (lock(&self.answer))();
        if answer.is_some() && request.gzip {
            let batch = candor_protocol::batch::unpack(&request.body).expect("a batch");
            let mut reports = lock(&self.reports);
            for (_, line) in batch.lines() {
                let report = Report::from_json(line).expect("a report");
                let id: &ReportId = &report.id;
                // The first one counts, as at a real collector.
                reports.entry(id.to_string()).or_insert(report);
            }
        }
        Box::pin(async move { answer.unwrap_or(Outcome::TryLater { after: None }) })
    }
}

/// An installation whose agent runs in this process. Only one may run at a time.
pub struct Device {
    dir: TempDir,
    collector: Arc<Counting>,
}

impl Device {
    /// A fresh installation that reports to `collector`.
    pub fn new(collector: Arc<Counting>) -> Self {
        Self {
            dir: tempfile::tempdir().expect("a directory"),
            collector,
        }
    }

    /// Its settings, for what a test changes.
    pub fn settings(&self) -> Settings {
        Settings::new(
            "im-demo",
            "1.4.0",
            "http://127.0.0.1:9",
            "ck_test",
            self.dir.path(),
        )
        .carrier(self.collector.clone())
    }

    /// Starts the agent.
    pub fn start(&self, settings: Settings) -> Agent {
        let consent = Choice::Granted(consent::given());
        Agent::start(Extension::On, consent, settings).expect("good settings")
    }

    /// The collector.
    pub fn collector(&self) -> &Counting {
        &self.collector
    }
}

/// Has the agent tell everything, and ends it.
pub fn end(agent: &Agent) {
    assert_eq!(agent.shutdown(PATIENCE), Flushed::All);
}

/// What windows add up to; the fields are those of [`Connection`].
#[derive(Debug, Default, Clone, PartialEq)]
#[allow(missing_docs)]
pub struct Told {
    pub attempts: u32,
    pub ready: u32,
    pub reconnects: u32,
    pub failures: BTreeMap<(Phase, Failure), u32>,
    pub disconnects: BTreeMap<Disconnect, u32>,
    pub lasted_ms: Sketch,
    pub phases: BTreeMap<Phase, Sketch>,
    pub tries: BTreeMap<(Family, u8), (u32, u32)>,
    pub ready_us: Sketch,
    pub rtt_us: Sketch,
    pub ack_us: Sketch,
    pub stall_us: Sketch,
    pub backoff_us: Sketch,
    pub outage_us: Sketch,
    pub network_changes: u32,
    pub sent: (u32, u64),
    pub received: (u32, u64),
    pub up_ms: u64,
    pub down_ms: u64,
    pub tcp: Tcp,
}

impl Told {
    fn add(&mut self, window: &Connection) {
        self.attempts += window.attempts;
        self.ready += window.ready;
        self.reconnects += window.reconnects;
        for one in &window.failures {
            *self.failures.entry((one.phase, one.failure)).or_default() += one.count;
        }
        for one in &window.disconnects {
            *self.disconnects.entry(one.reason).or_default() += one.count;
            self.lasted_ms.merge(&one.lasted_ms);
        }
        for one in &window.phases {
            self.phases
                .entry(one.phase)
                .or_default()
                .merge(&one.took_us);
        }
        for one in &window.tries {
            let counts = self.tries.entry((one.family, one.order)).or_default();
            *counts = (counts.0 + one.tried, counts.1 + one.connected);
        }
        for (mine, theirs) in [
            (&mut self.ready_us, &window.ready_us),
            (&mut self.rtt_us, &window.rtt_us),
            (&mut self.ack_us, &window.ack_us),
            (&mut self.stall_us, &window.stall_us),
            (&mut self.backoff_us, &window.backoff_us),
            (&mut self.outage_us, &window.outage_us),
        ] {
            mine.merge(theirs);
        }
        self.network_changes += window.network_changes;
        self.sent = (self.sent.0 + window.sent, self.sent.1 + window.sent_bytes);
        self.received = (
            self.received.0 + window.received,
            self.received.1 + window.received_bytes,
        );
        self.up_ms += window.up_ms;
        self.down_ms += window.down_ms;
        if let Some(tcp) = &window.tcp {
            self.tcp.samples += tcp.samples;
            self.tcp.rtt_us.merge(&tcp.rtt_us);
            self.tcp.rtt_var_us.merge(&tcp.rtt_var_us);
            self.tcp.min_rtt_us.merge(&tcp.min_rtt_us);
            self.tcp.delivery_rate.merge(&tcp.delivery_rate);
            self.tcp.segments += tcp.segments;
            self.tcp.retransmits += tcp.retransmits;
            self.tcp.lost += tcp.lost;
        }
    }

    /// The smallest value of a phase: what a busy machine adds is not in it.
    pub fn least(&self, phase: Phase) -> Duration {
        least(&self.phases[&phase])
    }
}

/// The smallest value of a sketch of microseconds, to its precision.
pub fn least(sketch: &Sketch) -> Duration {
    Duration::from_micros(sketch.quantile(0.0).expect("a value"))
}

/// Whether `told` is `truth` within 5 % or 2 ms.
pub fn is_near(told: Duration, truth: Duration) -> bool {
    let slack = truth.mul_f64(0.05).max(Duration::from_millis(2));
    told.abs_diff(truth) <= slack
}

/// Asserts that `told` is `truth` within 5 % or 2 ms.
#[track_caller]
pub fn assert_near(what: &str, told: Duration, truth: Duration) {
    assert!(
        is_near(told, truth),
        "{what}: told {told:?}, and it was {truth:?}"
    );
}
