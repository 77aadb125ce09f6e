//! Reports in few words.

use crate::grouping::{Explanation, Grouped};
use crate::store::{Incoming, IssueId, IssueKind, Kept, Span, Store};
use candor_protocol::deidentify::{AppName, CleanText, Name, Pseudonym, ReportId, RunId};
use candor_protocol::moment::{Moment, Precision};
use candor_protocol::report::{
    Activity, Arch, Cause, Circumstances, Connection, Crash, Device, Disconnect, Disconnects, Exit,
    Failure, Failures, Family, Freeze, FreezeEnd, Kind, Loss, LossReason, Lost, Network, Os, Phase,
    PhaseTimes, Report, Run, Stack, Tcp, Thread, Transport, Tries, Wait, What,
};
use candor_protocol::sketch::Sketch;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

pub(super) const HOUR: u64 = 3_600;
/// When the reports of these stories begin.
pub(super) const START: u64 = 1_700_002_800;
/// Everything that they tell of, by the hour.
pub(super) const DAY: Span = Span {
    from: START,
    to: START + 24 * HOUR,
    step: HOUR,
};

pub(super) fn app() -> AppName {
    "im".parse().unwrap()
}

fn bytes(number: u32) -> [u8; 16] {
    let mut bytes = [0xc5; 16];
    bytes[..4].copy_from_slice(&number.to_be_bytes());
    bytes
}

pub(super) fn pseudonym(who: u32) -> Pseudonym {
    Pseudonym::from_bytes(bytes(who))
}

pub(super) fn id(number: u32) -> ReportId {
    ReportId::from_bytes(bytes(number))
}

pub(super) fn sketch(values: &[u64]) -> Sketch {
    let mut sketch = Sketch::default();
    values.iter().for_each(|value| sketch.record(*value));
    sketch
}

/// One life of a process: whose, which, of which release, in which hour.
#[derive(Debug, Clone)]
pub(super) struct Life {
    pub(super) who: u32,
    pub(super) run: u32,
    pub(super) release: &'static str,
    pub(super) hour: u64,
    /// Seconds after the full hour, for reports that tell the minute.
    pub(super) past: u64,
    pub(super) os_version: &'static str,
    pub(super) region: Option<Name>,
    pub(super) reconnects: u32,
}

impl Life {
    pub(super) fn new(who: u32, run: u32) -> Self {
        Self {
            who,
            run,
            release: "1.0",
            hour: 0,
            past: 0,
            os_version: "12.4",
            region: None,
            reconnects: 1,
        }
    }

    /// The same in every later hour or release: reports borrow it.
    fn with(&self, change: impl FnOnce(&mut Self)) -> Self {
        let mut life = self.clone();
        change(&mut life);
        life
    }

    pub(super) fn release(&self, release: &'static str) -> Self {
        self.with(|life| life.release = release)
    }

    pub(super) fn hour(&self, hour: u64) -> Self {
        self.with(|life| life.hour = hour)
    }

    /// Reports that tell the minute.
    pub(super) fn minute(&self, minute: u64) -> Self {
        self.with(|life| life.past = minute * 60)
    }

    pub(super) fn os_version(&self, version: &'static str) -> Self {
        self.with(|life| life.os_version = version)
    }

    pub(super) fn region(&self, region: Name) -> Self {
        self.with(|life| life.region = Some(region))
    }

    /// Windows with this many attempts to get back a lost service.
    pub(super) fn reconnects(&self, reconnects: u32) -> Self {
        self.with(|life| life.reconnects = reconnects)
    }

    fn incoming(&self, number: u32, what: What, issue: Option<Grouped>) -> Incoming {
        let report = Report {
            id: id(number),
            at: Moment::round(START + self.hour * HOUR + self.past, Precision::Minute),
            run: RunId::from_bytes(bytes(self.run)),
            pseudonym: pseudonym(self.who),
            release: self.release.parse().unwrap(),
            device: Device::coarse(Os::Linux, Some(self.os_version), Arch::X86_64, 8, 16 << 30),
            what,
        };
        let json = serde_json::to_string(&report).unwrap();
        Incoming::new(number + 1, report, &json, issue)
    }

    pub(super) fn run(&self, number: u32, exit: Option<Exit>, uptime_ms: u64) -> Incoming {
        let uptime_ms = (uptime_ms > 0).then_some(uptime_ms);
        self.incoming(
            number,
            What::Run(Run {
                exit,
                uptime_ms,
                last: None,
            }),
            None,
        )
    }

    pub(super) fn crash(&self, number: u32, issue: u64, fatal: bool) -> Incoming {
        let crash = Crash {
            cause: Cause::Panic {
                message: CleanText::scrub("boom"),
                at: None,
                signal: None,
            },
            fatal,
            thread: Thread {
                main: true,
                name: None,
                stack: Stack::default(),
            },
            others: vec![],
            modules: vec![],
            uptime_ms: 500,
            around: Circumstances::default(),
            crumbs: vec![],
            notes: vec![],
        };
        self.incoming(
            number,
            What::Crash(crash),
            Some(grouped(IssueKind::Crash, issue)),
        )
    }

    pub(super) fn freeze(&self, number: u32, issue: u64, took_ms: u64) -> Incoming {
        let freeze = Freeze {
            watch: candor_protocol::name!("ui"),
            turn: Some(candor_protocol::name!("open-chat")),
            main: true,
            took_ms,
            threshold_ms: 1_000,
            not_responding_ms: Some(5_000),
            end: FreezeEnd::Recovered,
            activity: Activity::Blocked,
            wait: Some(Wait::Futex),
            cpu_percent: None,
            holder: None,
            stacks: vec![],
            modules: vec![],
        };
        self.incoming(
            number,
            What::Freeze(freeze),
            Some(grouped(IssueKind::Freeze, issue)),
        )
    }

    pub(super) fn window(
        &self,
        number: u32,
        endpoint: Name,
        network: Network,
        ready_us: &[u64],
    ) -> Incoming {
        let window = Connection {
            name: candor_protocol::name!("long-link"),
            endpoint,
            region: self.region.clone(),
            transport: Transport::Tcp,
            network,
            seconds: 60,
            attempts: ready_us.len() as u32 + 1,
            ready: ready_us.len() as u32,
            reconnects: self.reconnects,
            failures: vec![Failures {
                phase: Phase::Connect,
                failure: Failure::Timeout,
                count: 1,
            }],
            tries: vec![Tries {
                family: Family::V4,
                order: 2,
                tried: 3,
                connected: 1,
                took_us: sketch(&[40]),
            }],
            disconnects: vec![Disconnects {
                reason: Disconnect::HeartbeatTimeout,
                count: 2,
                lasted_ms: sketch(&[300_000, 301_000]),
            }],
            phases: vec![PhaseTimes {
                phase: Phase::Connect,
                took_us: sketch(ready_us),
            }],
            ready_us: sketch(ready_us),
            rtt_us: sketch(&[30_000, 31_000]),
            ack_us: sketch(&[9]),
            stall_us: sketch(&[70_000_000]),
            backoff_us: sketch(&[400_000]),
            outage_us: sketch(&[900_000]),
            network_changes: 1,
            sent: 5,
            received: 6,
            sent_bytes: 700,
            received_bytes: 800,
            up_ms: 50_000,
            down_ms: 10_000,
            tcp: Some(Tcp {
                samples: 2,
                rtt_us: sketch(&[20_000, 21_000]),
                rtt_var_us: sketch(&[500]),
                min_rtt_us: sketch(&[19_000]),
                segments: 100,
                retransmits: 3,
                lost: 1,
                delivery_rate: sketch(&[5_000_000]),
            }),
        };
        self.incoming(number, What::Connection(Box::new(window)), None)
    }

    pub(super) fn loss(&self, number: u32, count: u32) -> Incoming {
        let lost = vec![Lost {
            kind: Kind::Connection,
            reason: LossReason::SpoolFull,
            count,
        }];
        self.incoming(number, What::Loss(Loss { lost }), None)
    }
}

pub(super) fn grouped(kind: IssueKind, id: u64) -> Grouped {
    Grouped {
        id: IssueId(id),
        kind,
        title: format!("{} {id}", kind.as_str()),
        culprit: format!("im::culprit_{id}"),
        why: Explanation {
            rule: "sample-v1".to_owned(),
            facts: vec!["fact".to_owned()],
            frames: vec![format!("im::frame_{id}")],
            by_file: Vec::new(),
        },
        before: None,
    }
}

/// Keeps reports that must be kept: how many were stored, how many were duplicates.
pub(super) async fn keep(store: &impl Store, reports: Vec<Incoming>) -> (u32, u32) {
    match store.keep(&app(), reports, START).await.unwrap() {
        Kept::Stored { stored, duplicates } => (stored, duplicates),
        Kept::Erased { line } => panic!("line {line} counts as erased"),
    }
}

/// A store with the app `im`.
pub(super) async fn with_app<S: Store>(store: &S) -> &S {
    let key = crate::access::IngestKey::generate();
    store.add_app(&app(), key.hash()).await.unwrap();
    store
}

/// Futures that are under way at the same time.
pub(super) struct Together<F: Future>(Vec<Result<F::Output, Pin<Box<F>>>>);

impl<F: Future> Together<F> {
    /// Starts all of them before any is waited for.
    pub(super) async fn start(futures: impl IntoIterator<Item = F>) -> Self {
        let mut started = Self(
            futures
                .into_iter()
                .map(|future| Err(Box::pin(future)))
                .collect(),
        );
        poll_fn(|context| {
            started.poll(context);
            Poll::Ready(())
        })
        .await;
        started
    }

    /// Waits for all of them.
    pub(super) async fn finish(mut self) -> Vec<F::Output> {
        poll_fn(|context| {
            if self.poll(context) {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
        self.0.into_iter().filter_map(Result::ok).collect()
    }

    fn poll(&mut self, context: &mut Context<'_>) -> bool {
        for slot in &mut self.0 {
            if let Err(future) = slot
                && let Poll::Ready(output) = future.as_mut().poll(context)
            {
                *slot = Ok(output);
            }
        }
        self.0.iter().all(Result::is_ok)
    }
}
