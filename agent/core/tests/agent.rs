//! The agent in a process that lives: what it records, keeps, sends, and forgets.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods
)]

use candor_agent::local::Device;
use candor_agent::*;
use candor_protocol::answer::Erasure;
use candor_protocol::report::{Exit, FreezeEnd, Kind, LossReason, Lost, Report, What};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

/// Far longer than anything here takes; only a fault makes it pass.
const PATIENCE: Duration = Duration::from_secs(20);

/// What the pretended collector does with a request.
type Manner = dyn Fn(&Request) -> Option<Outcome> + Send + Sync;

/// A carrier that answers as it is told and remembers what arrived. `None` means that it never answers.
struct Recording {
    manner: Mutex<Box<Manner>>,
    requests: Mutex<Vec<(Request, Option<Outcome>)>>,
    arrived: Condvar,
}

impl Recording {
    fn new(manner: impl Fn(&Request) -> Option<Outcome> + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self {
            manner: Mutex::new(Box::new(manner)),
            requests: Mutex::default(),
            arrived: Condvar::new(),
        })
    }

    fn accepting() -> Arc<Self> {
        Self::new(|_| Some(Outcome::Delivered))
    }

    fn change(&self, manner: impl Fn(&Request) -> Option<Outcome> + Send + Sync + 'static) {
        *self.manner.lock().unwrap() = Box::new(manner);
    }

    /// The reports of the batches that were accepted.
    fn reports(&self) -> Vec<Report> {
        let requests = self.requests.lock().unwrap();
        let accepted = requests
            .iter()
            .filter(|(request, outcome)| request.gzip && *outcome == Some(Outcome::Delivered));
        accepted
            .flat_map(|(request, _)| reports_in(request))
            .collect()
    }

    /// Waits until a request arrives that `matches`.
    fn wait_for(&self, matches: impl Fn(&Request) -> bool) -> Request {
        let found = |requests: &Vec<(Request, Option<Outcome>)>| {
            requests
                .iter()
                .map(|(request, _)| request)
                .find(|request| matches(request))
                .cloned()
        };
        let requests = self.requests.lock().unwrap();
        let (requests, _) = self
            .arrived
            .wait_timeout_while(requests, PATIENCE, |requests| found(requests).is_none())
            .unwrap();
        found(&requests).expect("the request never came")
    }
}

impl Carrier for Recording {
    fn send(&self, request: Request) -> Sending<'_> {
        let outcome = (self.manner.lock().unwrap())(&request);
        self.requests
            .lock()
            .unwrap()
            .push((request, outcome.clone()));
        self.arrived.notify_all();
        Box::pin(async move {
            match outcome {
                Some(outcome) => outcome,
                None => std::future::pending().await,
            }
        })
    }
}

fn reports_in(request: &Request) -> Vec<Report> {
    let batch = candor_protocol::batch::unpack(&request.body).unwrap();
    batch
        .lines()
        .map(|(_, line)| Report::from_json(line).unwrap())
        .collect()
}

fn consent() -> Consent {
    Consent {
        sdk: "im-sdk".into(),
        operator: "Example Ltd".into(),
        purposes: vec!["find faults".into()],
        policy_version: "3".into(),
        text_sha256: "0".repeat(64),
        locale: "en".into(),
        given_at: 1_000,
        catalogue: CATALOGUE,
        age: Age::Unknown,
    }
}

fn settings(dir: &Path, carrier: &Arc<Recording>) -> Settings {
    Settings::new("im-demo", "1.4.0", "http://127.0.0.1:9", "ck_test", dir)
        .precision(Precision::Minute)
        .carrier(carrier.clone())
}

fn start(dir: &Path, carrier: &Arc<Recording>) -> Agent {
    Agent::start(
        Extension::On,
        Choice::Granted(consent()),
        settings(dir, carrier),
    )
    .unwrap()
}

/// Agents of one process share its signal handlers and its panic hook.
fn one_at_a_time() -> std::sync::MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn assert_balanced(dir: &Path) -> BTreeMap<Kind, u64> {
    let balance = Device::open(dir).status(0).unwrap().balance;
    for (kind, recorded) in &balance.recorded {
        let lost: u64 = balance
            .lost
            .get(kind)
            .into_iter()
            .flat_map(BTreeMap::values)
            .sum();
        let there =
            balance.delivered.get(kind).unwrap_or(&0) + balance.waiting.get(kind).unwrap_or(&0);
        assert_eq!(*recorded, there + lost, "{kind}: {balance:?}");
    }
    balance.recorded
}

#[test]
fn a_run_is_told_when_it_starts_and_when_it_ends() {
    let _turn = one_at_a_time();
    let (dir, collector) = (tempfile::tempdir().unwrap(), Recording::accepting());
    let agent = start(dir.path(), &collector);
    assert_eq!(agent.shutdown(PATIENCE), Flushed::All);
    let exits: Vec<Option<Exit>> = collector
        .reports()
        .iter()
        .map(|report| match &report.what {
            What::Run(run) => run.exit,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(exits, [None, Some(Exit::Clean)]);
    assert_eq!(
        assert_balanced(dir.path()),
        BTreeMap::from([(Kind::Run, 2)])
    );
    assert_eq!(
        std::fs::read_dir(dir.path().join("runs")).unwrap().count(),
        0,
        "the run left something"
    );
}

#[test]
fn what_a_connection_did_arrives_as_one_window() {
    let _turn = one_at_a_time();
    let (dir, collector) = (tempfile::tempdir().unwrap(), Recording::accepting());
    let agent = start(dir.path(), &collector);
    agent.network(Network::Wifi);
    let link = agent.connection(name!("longlink"), name!("gateway"), Transport::Tcp);
    link.attempt()
        .failed(Phase::Resolve, Failure::ResolveFailed);
    let mut attempt = link.attempt();
    attempt.done(Phase::Resolve);
    attempt.done(Phase::Connect);
    let live = attempt.ready();
    (1..=100).for_each(|millis| live.rtt(Duration::from_millis(millis)));
    live.ended(Disconnect::HeartbeatTimeout);
    assert_eq!(agent.shutdown(PATIENCE), Flushed::All);
    let reports = collector.reports();
    let windows: Vec<_> = reports
        .iter()
        .filter_map(|report| match &report.what {
            What::Connection(window) => Some(window),
            _ => None,
        })
        .collect();
    assert_eq!(windows.len(), 1);
    let window = windows[0];
    assert_eq!(
        (
            window.name.as_str(),
            window.endpoint.as_str(),
            window.network
        ),
        ("longlink", "gateway", Network::Wifi)
    );
    assert_eq!((window.attempts, window.ready), (2, 1));
    assert_eq!(window.disconnects[0].reason, Disconnect::HeartbeatTimeout);
    let median = window.rtt_us.quantile(0.5).unwrap() as f64;
    assert!((median - 50_000.0).abs() <= 500.0, "{median}");
}

#[test]
fn a_thread_that_stands_still_is_told_of_once_with_where_it_stood() {
    let _turn = one_at_a_time();
    let (dir, collector) = (tempfile::tempdir().unwrap(), Recording::accepting());
    let agent = start(dir.path(), &collector);
    let watch = agent.watch_with(name!("main_loop"), Duration::from_millis(200));
    {
        let _turn = watch.turn(name!("decode"));
        // The host's work, not a wait for the agent: it has to last longer than the threshold.
        std::thread::sleep(Duration::from_millis(900));
    }
    assert_eq!(agent.shutdown(PATIENCE), Flushed::All);
    let reports = collector.reports();
    let freezes: Vec<_> = reports
        .iter()
        .filter_map(|report| match &report.what {
            What::Freeze(freeze) => Some(freeze),
            _ => None,
        })
        .collect();
    assert_eq!(freezes.len(), 1);
    let freeze = freezes[0];
    assert_eq!(
        (
            freeze.watch.as_str(),
            freeze.turn.as_ref().unwrap().as_str()
        ),
        ("main_loop", "decode")
    );
    assert_eq!(freeze.end, FreezeEnd::Recovered);
    assert!(freeze.took_ms >= 890, "{}", freeze.took_ms);
    assert!(
        freeze
            .stacks
            .iter()
            .any(|seen| !seen.stack.frames.is_empty()),
        "{freeze:?}"
    );
}

#[test]
fn a_panic_that_was_caught_is_no_crash_of_the_run() {
    let _turn = one_at_a_time();
    let (dir, collector) = (tempfile::tempdir().unwrap(), Recording::accepting());
    let agent = start(dir.path(), &collector);
    let number = 13_800_138_000_u64;
    let caught = std::panic::catch_unwind(|| panic!("no session for {number}"));
    assert!(caught.is_err());
    assert_eq!(agent.shutdown(PATIENCE), Flushed::All);
    let reports = collector.reports();
    let crashes: Vec<_> = reports
        .iter()
        .filter_map(|report| match &report.what {
            What::Crash(crash) => Some(crash),
            _ => None,
        })
        .collect();
    assert_eq!(crashes.len(), 1);
    assert!(!crashes[0].fatal);
    assert!(crashes[0].thread.stack.frames.len() > 3);
    let line = serde_json::to_string(&reports).unwrap();
    assert!(
        line.contains("no session for") && !line.contains(&number.to_string()),
        "{line}"
    );
    let exits = reports.iter().filter_map(|report| match &report.what {
        What::Run(run) => run.exit,
        _ => None,
    });
    assert_eq!(exits.collect::<Vec<_>>(), [Exit::Clean]);
}

#[test]
fn what_could_not_be_sent_is_sent_by_the_next_start_and_nothing_twice() {
    let _turn = one_at_a_time();
    let dir = tempfile::tempdir().unwrap();
    let collector = Recording::new(|_| {
        Some(Outcome::TryLater {
            after: Some(Duration::ZERO),
        })
    });
    let agent = start(dir.path(), &collector);
    assert_ne!(agent.shutdown(PATIENCE), Flushed::All);
    drop(agent);
    assert_eq!(collector.reports(), []);
    assert_eq!(
        assert_balanced(dir.path()),
        BTreeMap::from([(Kind::Run, 2)])
    );

    collector.change(|_| Some(Outcome::Delivered));
    // The pause that the failure asked for is on the disk; a start after it is over is what is told here.
    std::fs::remove_file(dir.path().join("upload.json")).unwrap();
    let agent = start(dir.path(), &collector);
    assert_eq!(agent.shutdown(PATIENCE), Flushed::All);
    let mut ids: Vec<_> = collector.reports().iter().map(|report| report.id).collect();
    assert_eq!(ids.len(), 4);
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 4);
    assert_eq!(
        assert_balanced(dir.path()),
        BTreeMap::from([(Kind::Run, 4)])
    );
}

#[test]
fn a_report_that_the_collector_refuses_is_counted_and_the_collector_is_told() {
    let _turn = one_at_a_time();
    let dir = tempfile::tempdir().unwrap();
    let refused = Mutex::new(false);
    let collector = Recording::new(move |_| {
        let first = !std::mem::replace(&mut *refused.lock().unwrap(), true);
        Some(if first {
            Outcome::Refused { line: Some(2) }
        } else {
            Outcome::Delivered
        })
    });
    let agent = start(dir.path(), &collector);
    assert_eq!(agent.flush(PATIENCE), Flushed::All);
    assert_eq!(agent.shutdown(PATIENCE), Flushed::All);
    let losses: Vec<Lost> = collector
        .reports()
        .iter()
        .filter_map(|report| match &report.what {
            What::Loss(loss) => Some(loss.lost.clone()),
            _ => None,
        })
        .flatten()
        .collect();
    assert_eq!(
        losses,
        [Lost {
            kind: Kind::Run,
            reason: LossReason::Refused,
            count: 1
        }]
    );
    assert_balanced(dir.path());
}

#[test]
fn withdrawing_wipes_the_device_and_asks_for_erasure_until_it_is_answered() {
    let _turn = one_at_a_time();
    let (dir, collector) = (tempfile::tempdir().unwrap(), Recording::accepting());
    let agent = start(dir.path(), &collector);
    assert_eq!(agent.flush(PATIENCE), Flushed::All);
    let pseudonym = collector.reports()[0].pseudonym;
    collector.change(|_| {
        Some(Outcome::TryLater {
            after: Some(Duration::ZERO),
        })
    });
    agent.withdraw();
    let left: Vec<_> = std::fs::read_dir(dir.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert!(
        left.iter()
            .all(|name| name == "withdrawal.json" || name == "lock"),
        "{left:?}"
    );
    let request = collector.wait_for(|request| request.path == "/v1/erasures");
    collector.change(|_| Some(Outcome::Delivered));
    let deadline = std::time::Instant::now() + PATIENCE;
    while Device::open(dir.path()).status(0).unwrap().erasing {
        assert!(
            std::time::Instant::now() < deadline,
            "the erasure was never answered"
        );
        std::thread::yield_now();
    }
    let erasure: Erasure = serde_json::from_slice(&request.body).unwrap();
    assert_eq!(erasure.pseudonyms, [pseudonym]);
    assert_eq!(agent.flush(PATIENCE), Flushed::Inert);
}

#[test]
fn a_consent_that_was_withdrawn_does_not_come_back_by_a_host_that_forgot() {
    let _turn = one_at_a_time();
    let (dir, collector) = (tempfile::tempdir().unwrap(), Recording::accepting());
    let agent = start(dir.path(), &collector);
    assert_eq!(agent.flush(PATIENCE), Flushed::All);
    let before = collector.reports().len();
    collector.change(|request| (request.path == "/v1/batches").then_some(Outcome::Delivered));
    agent.withdraw();
    drop(agent);
    // The host's own record still says that the user agreed.
    let agent = start(dir.path(), &collector);
    assert_eq!(agent.flush(PATIENCE), Flushed::Inert);
    assert_eq!(
        collector.reports().len(),
        before,
        "something was sent under a consent that was withdrawn"
    );
    // A consent that is given anew counts.
    let again = Consent {
        given_at: u64::MAX / 2,
        ..consent()
    };
    let agent = Agent::start(
        Extension::On,
        Choice::Granted(again),
        settings(dir.path(), &collector),
    )
    .unwrap();
    assert_eq!(agent.shutdown(PATIENCE), Flushed::All);
    assert!(collector.reports().len() > before);
}

#[test]
fn without_the_flag_or_without_consent_nothing_is_made() {
    let (dir, collector) = (tempfile::tempdir().unwrap(), Recording::accepting());
    let home = dir.path().join("apm");
    let inert = [
        (Extension::Off, Choice::Granted(consent())),
        (Extension::Off, Choice::NotAsked),
        (Extension::On, Choice::NotAsked),
        (Extension::On, Choice::CouldNotAsk),
        (Extension::On, Choice::Declined),
        (Extension::On, Choice::Withdrawn),
    ];
    for (extension, choice) in inert {
        let agent = Agent::start(extension, choice, settings(&home, &collector)).unwrap();
        let watch = agent.watch(name!("main_loop"));
        drop(watch.turn(name!("decode")));
        agent
            .connection(name!("longlink"), name!("gateway"), Transport::Tcp)
            .attempt()
            .ready()
            .rtt(PATIENCE);
        agent.network(Network::Cell4g);
        assert_eq!(agent.flush(PATIENCE), Flushed::Inert);
        agent.withdraw();
        assert_eq!(agent.shutdown(PATIENCE), Flushed::Inert);
        assert!(!home.exists());
    }
    assert!(collector.requests.lock().unwrap().is_empty());
}

#[test]
fn a_handle_made_before_the_user_agreed_records_afterwards() {
    let _turn = one_at_a_time();
    let (dir, collector) = (tempfile::tempdir().unwrap(), Recording::accepting());
    let agent = Agent::start(
        Extension::On,
        Choice::NotAsked,
        settings(dir.path(), &collector),
    )
    .unwrap();
    let link = agent.connection(name!("longlink"), name!("gateway"), Transport::Tcp);
    link.attempt().failed(Phase::Connect, Failure::Timeout);
    agent.grant(consent()).unwrap();
    link.attempt().failed(Phase::Connect, Failure::Refused);
    assert_eq!(agent.shutdown(PATIENCE), Flushed::All);
    let failures: Vec<_> = collector
        .reports()
        .iter()
        .filter_map(|report| match &report.what {
            What::Connection(window) => Some(window.failures.clone()),
            _ => None,
        })
        .flatten()
        .map(|failures| failures.failure)
        .collect();
    assert_eq!(failures, [Failure::Refused]);
}

#[test]
fn flush_and_shutdown_come_back_although_the_collector_never_answers() {
    let _turn = one_at_a_time();
    let (dir, collector) = (tempfile::tempdir().unwrap(), Recording::new(|_| None));
    let agent = start(dir.path(), &collector);
    collector.wait_for(|request| request.path == "/v1/batches");
    assert_eq!(agent.flush(Duration::from_millis(50)), Flushed::Timeout);
    assert_eq!(agent.shutdown(Duration::from_millis(50)), Flushed::Timeout);
}

#[test]
fn a_consent_with_a_missing_part_does_not_start_the_agent() {
    let (dir, collector) = (tempfile::tempdir().unwrap(), Recording::accepting());
    let home = dir.path().join("apm");
    let incomplete = Choice::Granted(Consent {
        operator: String::new(),
        ..consent()
    });
    let error = Agent::start(Extension::On, incomplete, settings(&home, &collector)).unwrap_err();
    assert!(error.to_string().contains("operator"), "{error}");
    assert!(!home.exists());
}

/// Ends within the test's patience.
fn wait_until(what: &str, happened: impl Fn() -> bool) {
    let deadline = std::time::Instant::now() + PATIENCE;
    while !happened() {
        assert!(std::time::Instant::now() < deadline, "never: {what}");
        std::thread::yield_now();
    }
}

#[test]
fn a_pause_keeps_what_was_recorded_and_lasts_until_the_user_ends_it() {
    let _turn = one_at_a_time();
    let (dir, collector) = (tempfile::tempdir().unwrap(), Recording::accepting());
    let agent = start(dir.path(), &collector);
    assert_eq!(agent.flush(PATIENCE), Flushed::All);
    agent.pause();
    let before = collector.reports().len();
    assert_eq!(agent.flush(PATIENCE), Flushed::Inert);
    drop(agent);
    // A restart does not end it.
    let agent = start(dir.path(), &collector);
    assert_eq!(agent.flush(PATIENCE), Flushed::Inert);
    assert!(Device::open(dir.path()).status(0).unwrap().paused);
    assert_eq!(collector.reports().len(), before);
    agent.resume();
    assert_eq!(agent.shutdown(PATIENCE), Flushed::All);
    assert!(collector.reports().len() > before);
}

#[test]
fn the_inspector_can_pause_and_withdraw_while_the_app_runs() {
    let _turn = one_at_a_time();
    let (dir, collector) = (tempfile::tempdir().unwrap(), Recording::accepting());
    let agent = start(dir.path(), &collector);
    assert_eq!(agent.flush(PATIENCE), Flushed::All);
    let device = Device::open(dir.path());
    device.pause().unwrap();
    wait_until("the agent stops", || {
        agent.flush(Duration::from_millis(1)) == Flushed::Inert
    });
    device.erase().unwrap();
    device.resume().unwrap();
    agent.resume();
    assert_eq!(agent.flush(PATIENCE), Flushed::All);
    assert_eq!(
        device.erase().unwrap_err().kind(),
        std::io::ErrorKind::WouldBlock,
        "an app that runs is not disturbed"
    );
    let wiped = device.withdraw().unwrap();
    assert_eq!(wiped, candor_agent::local::Wiped::ByTheApp);
    agent.flush(Duration::ZERO);
    collector.wait_for(|request| request.path == "/v1/erasures");
    wait_until("everything is wiped", || {
        !dir.path().join("spool").exists() && !dir.path().join("identity.json").exists()
    });
}

#[test]
fn erasing_begins_anew_under_another_pseudonym() {
    let _turn = one_at_a_time();
    let (dir, collector) = (tempfile::tempdir().unwrap(), Recording::accepting());
    let agent = start(dir.path(), &collector);
    assert_eq!(agent.flush(PATIENCE), Flushed::All);
    let old = collector.reports()[0].pseudonym;
    agent.erase();
    let request = collector.wait_for(|request| request.path == "/v1/erasures");
    let erasure: Erasure = serde_json::from_slice(&request.body).unwrap();
    assert_eq!(erasure.pseudonyms, [old]);
    assert_eq!(agent.shutdown(PATIENCE), Flushed::All);
    let last = collector.reports().pop().unwrap();
    assert_ne!(last.pseudonym, old);
}

#[test]
fn what_the_collector_will_not_keep_counts_as_lost() {
    use candor_protocol::answer::{Accepted, Quarantined};
    let _turn = one_at_a_time();
    let dir = tempfile::tempdir().unwrap();
    let first = std::sync::atomic::AtomicBool::new(true);
    let collector = Recording::new(move |_: &Request| {
        let first = first.swap(false, std::sync::atomic::Ordering::Relaxed);
        let quarantined = first.then(|| Quarantined {
            line: 2,
            field: "release".to_owned(),
            reason: "alphabet".to_owned(),
        });
        Some(Outcome::Answered(Accepted {
            quarantined: quarantined.into_iter().collect(),
            ..Accepted::default()
        }))
    });
    let agent = start(dir.path(), &collector);
    assert_eq!(agent.flush(PATIENCE), Flushed::All);
    drop(agent);
    assert_balanced(dir.path());
    let balance = Device::open(dir.path()).status(0).unwrap().balance;
    assert_eq!(
        balance
            .lost
            .values()
            .flat_map(BTreeMap::values)
            .sum::<u64>(),
        1,
        "{balance:?}"
    );
}

/// A collector that is in `region` and takes whatever it gets.
fn collector_in(
    region: Option<&'static str>,
) -> impl Fn(&Request) -> Option<Outcome> + Send + Sync {
    move |_| {
        Some(Outcome::Answered(candor_protocol::answer::Accepted {
            region: region.map(|region| region.parse().unwrap()),
            ..Default::default()
        }))
    }
}

#[test]
fn nothing_that_was_recorded_goes_to_another_region_and_the_user_can_see_why() {
    let _turn = one_at_a_time();
    for elsewhere in [Some("eu-west"), None] {
        let dir = tempfile::tempdir().unwrap();
        let collector = Recording::new(collector_in(elsewhere));
        let settings = settings(dir.path(), &collector).region("cn-north");
        let agent = Agent::start(Extension::On, Choice::Granted(consent()), settings).unwrap();
        assert_ne!(agent.flush(Duration::from_millis(300)), Flushed::All);
        let device = Device::open(dir.path());
        wait_until("the status says why", || {
            device.status(0).unwrap().other_region
        });
        drop(agent);
        let requests = collector.requests.lock().unwrap();
        assert!(!requests.is_empty());
        for (request, _) in requests.iter() {
            assert_eq!(reports_in(request), [], "{elsewhere:?}");
        }
        let status = device.status(0).unwrap();
        assert!(
            status.spool_reports > 0 && status.failures > 0,
            "{status:?}"
        );
    }
}

#[test]
fn a_collector_of_our_region_is_asked_once_in_a_run_and_then_gets_everything() {
    let _turn = one_at_a_time();
    let dir = tempfile::tempdir().unwrap();
    let collector = Recording::new(collector_in(Some("cn-north")));
    let settings = settings(dir.path(), &collector).region("cn-north");
    let agent = Agent::start(Extension::On, Choice::Granted(consent()), settings).unwrap();
    assert_eq!(agent.flush(PATIENCE), Flushed::All);
    assert_eq!(agent.shutdown(PATIENCE), Flushed::All);
    let requests = collector.requests.lock().unwrap();
    let reports: Vec<usize> = (requests.iter().filter(|(request, _)| request.gzip))
        .map(|(request, _)| {
            let batch = candor_protocol::batch::unpack(&request.body).unwrap();
            assert_eq!(batch.header().region, Some("cn-north".parse().unwrap()));
            reports_in(request).len()
        })
        .collect();
    assert_eq!(reports[0], 0, "first it is asked where it is");
    assert!(
        reports.len() > 2 && reports[1..].iter().all(|count| *count > 0),
        "{reports:?}"
    );
    assert_eq!(Device::open(dir.path()).status(0).unwrap().failures, 0);
}

#[test]
fn what_the_collector_asks_to_leave_out_is_obeyed_at_once_and_after_a_restart() {
    use candor_protocol::answer::{Accepted, Narrowing};
    let _turn = one_at_a_time();
    let dir = tempfile::tempdir().unwrap();
    let saying = |narrowing: Narrowing| {
        move |_: &Request| {
            Some(Outcome::Answered(Accepted {
                stored: 1,
                narrowing: Some(narrowing.clone()),
                ..Accepted::default()
            }))
        }
    };
    let collector = Recording::new(saying(Narrowing {
        kinds_off: vec![Kind::Connection],
        ..Narrowing::default()
    }));
    let agent = start(dir.path(), &collector);
    assert_eq!(agent.flush(PATIENCE), Flushed::All);
    collector.change(|_| Some(Outcome::Delivered));
    let windows = || {
        let reports = collector.reports();
        let windows = reports
            .iter()
            .filter(|report| report.what.kind() == Kind::Connection);
        windows.count()
    };
    let use_connection = |agent: &Agent| {
        let link = agent.connection(name!("longlink"), name!("gateway"), Transport::Tcp);
        let live = link.attempt().ready();
        live.rtt(Duration::from_millis(20));
        assert_eq!(agent.flush(PATIENCE), Flushed::All);
    };
    use_connection(&agent);
    assert_eq!(windows(), 0, "obeyed at once");
    assert_eq!(agent.shutdown(PATIENCE), Flushed::All);
    let agent = start(dir.path(), &collector);
    use_connection(&agent);
    assert_eq!(windows(), 0, "obeyed after a restart");
    assert_eq!(agent.shutdown(PATIENCE), Flushed::All);
    // The kill switch: the agent goes away, and stays away until it is over.
    let tomorrow = std::time::SystemTime::now() + Duration::from_secs(24 * 3600);
    let tomorrow = tomorrow.duration_since(std::time::UNIX_EPOCH).unwrap();
    collector.change(saying(Narrowing {
        off_until: Some(tomorrow.as_secs()),
        ..Narrowing::default()
    }));
    let agent = start(dir.path(), &collector);
    wait_until("the agent goes away", || {
        agent.flush(Duration::from_millis(1)) == Flushed::Inert
    });
    drop(agent);
    let before = collector.requests.lock().unwrap().len();
    let agent = start(dir.path(), &collector);
    assert_eq!(agent.flush(PATIENCE), Flushed::Inert);
    assert_eq!(collector.requests.lock().unwrap().len(), before);
}

#[test]
fn a_consent_for_another_operator_or_of_a_child_allows_nothing() {
    let (dir, collector) = (tempfile::tempdir().unwrap(), Recording::accepting());
    let home = dir.path().join("apm");
    let terms = |operator: &str| Terms {
        operator: operator.into(),
        purposes: vec!["find faults".into()],
    };
    let start = |consent, terms| {
        let settings = settings(&home, &collector).terms(terms);
        Agent::start(Extension::On, Choice::Granted(consent), settings).map(|_| ())
    };
    let refused = start(consent(), terms("Another Ltd")).unwrap_err();
    assert!(refused.to_string().contains("ask again"), "{refused}");
    let child = Consent {
        age: Age::Under14,
        ..consent()
    };
    let refused = start(child, terms("Example Ltd")).unwrap_err();
    assert!(refused.to_string().contains("guardian"), "{refused}");
    assert!(!home.exists());
}

#[test]
fn everything_that_is_kept_can_be_exported_as_plain_json() {
    let _turn = one_at_a_time();
    let dir = tempfile::tempdir().unwrap();
    let collector = Recording::new(|_| Some(Outcome::TryLater { after: None }));
    let agent = start(dir.path(), &collector);
    assert!(matches!(agent.flush(PATIENCE), Flushed::Waiting(_)));
    let exported = Device::open(dir.path()).export().unwrap();
    let reports = exported["reports"].as_array().unwrap();
    assert_eq!(reports.len(), 1, "{exported}");
    let pseudonym = &reports[0]["report"]["pseudonym"];
    assert_eq!(&exported["pseudonyms"]["used"][0]["pseudonym"], pseudonym);
    assert_eq!(exported["agreed"]["consent"]["operator"], "Example Ltd");
    agent.shutdown(PATIENCE);
}
