//! How long a store takes to answer what pages ask, and how long the pages take, at two sizes.
//!
//! `cargo run --release -p candor-benches --bin questions [REPORTS] [--issues ISSUES] [--store STORE] [--keep DIRECTORY] [--live]`: fills a store through its trait with made-up
//! crashes of 30 days, one hundredth as many issues as reports but no more than ISSUES, and a fifth as many connection windows and ends of runs, and asks each question with ever
//! other parameters. Ids ascend, where those of agents are random, and the store is filled with more memory than it has by itself, since that
//! takes long; neither changes what is asked. The first size is 100,000 crashes (or a tenth of REPORTS, if that is less), the second REPORTS (1,000,000); ratios
//! are between the two. Goals are those of 1 M reports and 10,000 issues, on one machine, with nobody else asking.
//!
//! STORE is `clickhouse` for Debian's `clickhouse-server`, started for this, or `clickhouse://...` for one that is there, in databases of
//! that name with the number of reports behind it, which must not be there yet. Without it the embedded store is measured; with `--keep`
//! it stands in DIRECTORY afterwards, and is asked again, instead of filled again, by the next run that names it.
//!
//! With `--live` every page is asked right after one more crash was kept, so that nothing is answered from what was remembered of that day.

use candor_benches::build::check_release;
use candor_benches::engine::Engine;
use candor_collector::access::{Door, IngestKey};
use candor_collector::dashboard;
use candor_collector::grouping::{Explanation, Grouped};
use candor_collector::privacy::Office;
use candor_collector::state::{Clock, State};
use candor_collector::store::sqlite::CACHE_MIB;
use candor_collector::store::triage::{By, Change, Person, StateKind, Until};
use candor_collector::store::{Incoming, IssueFilter, IssueId, IssueKind, Sort, Span, Store};
use candor_protocol::deidentify::{AppName, CleanText, Pseudonym, Release, ReportId, RunId};
use candor_protocol::moment::{Moment, Precision};
use candor_protocol::name;
use candor_protocol::report::{
    Arch, Cause, Circumstances, Connection, Crash, Device, Exit, Network, Os, Phase, PhaseTimes,
    Report, Run, Stack, Thread, Transport, What,
};
use candor_protocol::sketch::Sketch;
use candor_symbols::Symbols;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tower::ServiceExt;

/// What is asked next.
type Asked<'a> = Box<dyn FnMut(&mut StdRng) -> IssueFilter + 'a>;

/// 2026-03-14 09:00 UTC.
const NOW: u64 = 1_773_478_800;
const HOUR: u64 = 3_600;
const DAYS: u64 = 30;
/// How often each question is asked, and how often at least where that takes longer than [`LONG`].
const TIMES: u32 = 100;
const LEAST: u32 = 30;
const LONG: Duration = Duration::from_secs(6);
/// How often it is said how far the store is filled.
const EVERY: Duration = Duration::from_secs(15);
/// A file beside a store that was filled to the end.
const FILLED: &str = "filled";
/// Batches that a store is filled with, of so many reports each.
const BATCHES: usize = 50;
const LEAST_BATCH: usize = 20_000;
const MOST_BATCH: usize = 200_000;
/// MiB of pages in memory while a store is filled.
const FILLING_MIB: u32 = 2_048;
const RELEASES: [&str; 12] = [
    "1.0.0", "1.0.1", "1.1.0", "1.2.0", "1.3.0", "1.4.0", "2.0.0", "2.0.1", "2.1.0", "2.2.0",
    "2.3.0", "2.4.0",
];
const OS_VERSIONS: [&str; 6] = ["5.15", "6.1", "6.6", "6.8", "6.11", "6.12"];

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// A question, its name and the goals of its percentiles, in milliseconds.
#[derive(Clone, Copy)]
struct Goal {
    name: &'static str,
    p50: Option<f64>,
    p95: Option<f64>,
    p99: Option<f64>,
}

const fn goal(name: &'static str, p50: Option<f64>, p99: Option<f64>) -> Goal {
    Goal {
        name,
        p50,
        p95: None,
        p99,
    }
}

/// No page takes longer.
const fn page(name: &'static str) -> Goal {
    Goal {
        name,
        p50: None,
        p95: Some(100.0),
        p99: None,
    }
}

async fn run() -> Result<(), String> {
    check_release()?;
    let Arguments {
        most,
        issues,
        store,
        keep,
        live,
    } = arguments()?;
    let engine = Engine::of(store.as_deref())?;
    if keep.is_some() && !matches!(engine, Engine::Embedded) {
        return Err("only the embedded store is kept in a directory".to_owned());
    }
    println!("measuring {}", engine.name());
    let least = (most / 10).min(100_000);
    let small = measure(&engine, keep.as_deref(), (least, issues), live).await?;
    let large = measure(&engine, keep.as_deref(), (most, issues), live).await?;
    println!(
        "\n{:<46}{:>9}{:>9}{:>9}{:>10}{:>9}  goal",
        format!("ms at {most} reports"),
        "p50",
        "p95",
        "p99",
        format!("{least}"),
        "ratio"
    );
    for ((goal, small), (_, large)) in small.iter().zip(&large) {
        let (p50, p95, p99) = (at(large, 0.5), at(large, 0.95), at(large, 0.99));
        let before = at(small, 0.5);
        let verdict = |got: f64, wanted: Option<f64>, word: &str| match wanted {
            Some(wanted) if got <= wanted => format!(" {word} <= {wanted} met"),
            Some(wanted) => format!(" {word} <= {wanted} MISSED"),
            None => String::new(),
        };
        println!(
            "{:<46}{p50:>9.2}{p95:>9.2}{p99:>9.2}{before:>10.2}{:>9.1} {}{}{}",
            goal.name,
            p50 / before,
            verdict(p50, goal.p50, "p50"),
            verdict(p95, goal.p95, "p95"),
            verdict(p99, goal.p99, "p99"),
        );
    }
    Ok(())
}

/// How many reports, of how many issues at most, in which store, kept where, and whether more arrive.
struct Arguments {
    most: u32,
    issues: u32,
    store: Option<String>,
    keep: Option<PathBuf>,
    live: bool,
}

fn arguments() -> Result<Arguments, String> {
    let (mut most, mut issues, mut store, mut keep) = (1_000_000, u32::MAX, None, None);
    let mut live = false;
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        if word == "--store" {
            store = Some(words.next().ok_or("--store names no store")?);
        } else if word == "--keep" {
            let directory = words.next().ok_or("--keep names no directory")?;
            keep = Some(PathBuf::from(directory));
        } else if word == "--live" {
            live = true;
        } else if word == "--issues" {
            let number = words.next().and_then(|number| number.parse().ok());
            issues = number
                .filter(|issues| *issues > 0)
                .ok_or("ISSUES is a number, from 1 on")?;
        } else {
            let reports: u32 = word.parse().map_err(|_| "REPORTS is a number")?;
            most = reports.max(1_000);
        }
    }
    Ok(Arguments {
        most,
        issues,
        store,
        keep,
        live,
    })
}

/// Fills a store and asks it everything: each question and how long it took, sorted.
async fn measure(
    engine: &Engine,
    keep: Option<&Path>,
    (reports, issues): (u32, u32),
    live: bool,
) -> Result<Vec<(Goal, Vec<Duration>)>, String> {
    let app = AppName::parse("im").map_err(|_| "no name")?;
    let issues = issues.min(reports / 100);
    let passing = tempfile::tempdir().map_err(|error| error.to_string())?;
    let directory = match keep {
        Some(keep) => keep.join(format!("{reports}-{issues}")),
        None => passing.path().to_owned(),
    };
    std::fs::create_dir_all(&directory).map_err(|error| error.to_string())?;
    let name = reports.to_string();
    let filled = directory.join(FILLED);
    if filled.exists() {
        println!("{reports} reports of {issues} issues were kept before");
    } else {
        let began = Instant::now();
        let store = engine.open(&directory, &name, FILLING_MIB).await?;
        fill(&store, &app, reports, issues).await?;
        store.stop().await.map_err(|error| error.to_string())?;
        println!(
            "{reports} reports of {issues} issues kept in {:.0} s",
            began.elapsed().as_secs_f64()
        );
        std::fs::write(filled, []).map_err(|error| error.to_string())?;
    }
    let store = engine.open(&directory, &name, CACHE_MIB).await?;
    let office = Office::open(&directory).map_err(|error| error.to_string())?;
    let no_files: [PathBuf; 0] = [];
    let mut state = State::new(store, Symbols::open(no_files), office);
    state.clock = Clock::new(|| NOW);
    state.door = Arc::new(Door::of(&directory).open());
    let pages = dashboard::router(state.clone());
    let mut random = StdRng::seed_from_u64(2);
    let mut measured = Vec::new();

    let span = |days: u64| Span {
        from: NOW - days * 24 * HOUR,
        to: NOW,
        step: HOUR * days.max(1),
    };
    let list = |days| IssueFilter {
        limit: 50,
        states: vec![StateKind::Open, StateKind::Regressed],
        ..IssueFilter::all(span(days), NOW)
    };
    let sorts = [
        Sort::Installs,
        Sort::Reports,
        Sort::Rising,
        Sort::Newest,
        Sort::LastSeen,
    ];
    let mut asked: Vec<(Goal, Asked<'_>)> = vec![
        (
            goal("store: list of a day", Some(10.0), Some(30.0)),
            Box::new(|_| list(1)),
        ),
        (
            goal(
                "store: list of a day, any order and page",
                Some(10.0),
                Some(30.0),
            ),
            Box::new(|random| IssueFilter {
                sort: sorts[random.random_range(0..sorts.len())],
                offset: random.random_range(0..4) * 50,
                ..list(1)
            }),
        ),
        (
            goal("store: list of a week", Some(10.0), Some(30.0)),
            Box::new(|_| list(7)),
        ),
        (
            goal("store: list of 30 days", None, None),
            Box::new(|_| list(30)),
        ),
        (
            goal("store: a week of one release", None, Some(100.0)),
            Box::new(|random| IssueFilter {
                release: Some(RELEASES[random.random_range(0..RELEASES.len())].to_owned()),
                ..list(7)
            }),
        ),
        (
            goal("store: search of a day", None, Some(100.0)),
            Box::new(move |random| IssueFilter {
                text: format!("load_{:x}", random.random_range(0..issues)),
                ..list(1)
            }),
        ),
        (
            goal("store: search of 30 days", None, Some(100.0)),
            Box::new(move |random| IssueFilter {
                text: format!("load_{:x}", random.random_range(0..issues)),
                ..list(30)
            }),
        ),
    ];
    for (goal, filter) in &mut asked {
        let mut times = Vec::new();
        while asks_again(&times) {
            let filter = filter(&mut random);
            let began = Instant::now();
            let found = state.store.issues(&app, filter).await;
            times.push(began.elapsed());
            found.map_err(|error| error.to_string())?;
        }
        measured.push(told(*goal, times));
    }
    drop(asked);
    let mut times = Vec::new();
    while asks_again(&times) {
        let id = IssueId(some_issue(&mut random, issues));
        let began = Instant::now();
        let found = state.store.issue(&app, id, span(7), NOW).await;
        times.push(began.elapsed());
        found.map_err(|error| error.to_string())?;
    }
    measured.push(told(
        goal("store: an issue, a week", Some(8.0), None),
        times,
    ));

    let by = || By {
        who: Person::new("bench").unwrap_or_else(|| unreachable!("it is a name")),
        at: NOW,
    };
    let mut times = Vec::new();
    for turn in 0..TIMES {
        let id = IssueId(some_issue(&mut random, issues));
        let change = match turn % 3 {
            0 => Change::Resolve(None),
            1 => Change::Ignore(Until::Installs(10)),
            _ => Change::Reopen,
        };
        let began = Instant::now();
        let done = state.store.triage(&app, &[id], change, by()).await;
        times.push(began.elapsed());
        done.map_err(|error| error.to_string())?;
    }
    measured.push(told(
        goal("store: a change of an issue", None, Some(30.0)),
        times,
    ));

    type Address = Box<dyn Fn(&mut StdRng) -> String>;
    let addresses: [(Goal, Address); 14] = [
        (
            page("page: overview, a week"),
            Box::new(|_| "/?app=im&range=7d".to_owned()),
        ),
        (
            page("page: overview, 30 days"),
            Box::new(|_| "/?app=im&range=30d".to_owned()),
        ),
        (
            page("page: connections, a week"),
            Box::new(|_| "/connections?app=im&range=7d".to_owned()),
        ),
        (
            page("page: connections, 30 days"),
            Box::new(|_| "/connections?app=im&range=30d".to_owned()),
        ),
        (
            page("page: connections of a network, a week"),
            Box::new(|_| "/connections?app=im&range=7d&network=wifi".to_owned()),
        ),
        (
            page("page: releases, 30 days"),
            Box::new(|_| "/releases?app=im&range=30d".to_owned()),
        ),
        (
            page("page: releases, a week"),
            Box::new(|_| "/releases?app=im&range=7d".to_owned()),
        ),
        (
            page("page: an issue, a week"),
            Box::new(move |random| {
                format!(
                    "/issues/{}?app=im&range=7d",
                    IssueId(some_issue(random, issues))
                )
            }),
        ),
        (
            page("page: issues of a release, a week"),
            Box::new(|random| {
                let release = RELEASES[random.random_range(0..RELEASES.len())];
                format!("/issues?app=im&range=7d&release={release}")
            }),
        ),
        (
            page("page: issues of a system, a week"),
            Box::new(|random| {
                let os = OS_VERSIONS[random.random_range(0..OS_VERSIONS.len())];
                format!("/issues?app=im&range=7d&os=linux%20{os}")
            }),
        ),
        (
            goal("page: issues, a day", Some(10.0), Some(30.0)),
            Box::new(|_| "/issues?app=im&range=24h".to_owned()),
        ),
        (
            goal("page: issues, a week", Some(10.0), Some(30.0)),
            Box::new(|_| "/issues?app=im&range=7d".to_owned()),
        ),
        (
            goal("page: search, a day", None, Some(100.0)),
            Box::new(move |random| {
                format!("/issues?app=im&q=load_{:x}", random.random_range(0..issues))
            }),
        ),
        (
            goal("page: an issue, a day", Some(8.0), None),
            Box::new(move |random| {
                format!("/issues/{}?app=im", IssueId(some_issue(random, issues)))
            }),
        ),
    ];
    // Others than an earlier run kept.
    let mut more = u64::from(reports) + u64::from(rand::random::<u32>());
    for (goal, address) in &addresses {
        let (mut times, mut bytes) = (Vec::new(), 0);
        while asks_again(&times) {
            if live {
                more += 1;
                let crash = incoming(more, issues, u64::from(reports), &mut random)?;
                let kept = state.store.keep(&app, vec![crash], NOW).await;
                kept.map_err(|error| error.to_string())?;
            }
            let request = axum::http::Request::get(address(&mut random))
                .body(axum::body::Body::empty())
                .map_err(|error| error.to_string())?;
            let began = Instant::now();
            let Ok(answer) = pages.clone().oneshot(request).await;
            if !answer.status().is_success() {
                return Err(format!("{}: {}", goal.name, answer.status()));
            }
            let body = axum::body::to_bytes(answer.into_body(), usize::MAX).await;
            times.push(began.elapsed());
            bytes = body.map_err(|error| error.to_string())?.len();
        }
        print!("{bytes:>9} bytes ");
        measured.push(told(*goal, times));
    }
    Ok(measured)
}

/// Whether a question is asked once more.
fn asks_again(times: &[Duration]) -> bool {
    let (asked, took) = (times.len() as u32, times.iter().sum::<Duration>());
    asked < LEAST || (asked < TIMES && took < LONG)
}

/// Sorts what was measured, and prints it at once.
fn told(goal: Goal, mut times: Vec<Duration>) -> (Goal, Vec<Duration>) {
    times.sort();
    let [p50, p95, p99] = [0.5, 0.95, 0.99].map(|share| at(&times, share));
    println!(
        "{:<46} p50 {p50:>8.2} p95 {p95:>8.2} p99 {p99:>8.2} ms",
        goal.name
    );
    (goal, times)
}

/// What a share of these, sorted, is at most, in milliseconds.
fn at(times: &[Duration], share: f64) -> f64 {
    let index = ((times.len() - 1) as f64 * share).round() as usize;
    times[index].as_secs_f64() * 1_000.0
}

/// An issue, the frequent ones more often. Numbers are spread as hashes are.
fn some_issue(random: &mut StdRng, issues: u32) -> u64 {
    let share: f64 = random.random();
    number((f64::from(issues) * share.powi(3)) as u64)
}

fn number(issue: u64) -> u64 {
    issue.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

fn bytes(number: u64) -> [u8; 16] {
    let mut bytes = [0x5a; 16];
    bytes[..8].copy_from_slice(&number.to_be_bytes());
    bytes
}

/// A device of the crash `n`: it has another pseudonym every week.
fn someone(n: u64, reports: u64, random: &mut StdRng) -> Pseudonym {
    let week = n * DAYS * 24 / reports / (7 * 24);
    let device = random.random_range(0..reports / 4);
    Pseudonym::from_bytes(bytes((week << 32) + device + (1 << 50)))
}

async fn fill(store: &impl Store, app: &AppName, reports: u32, issues: u32) -> Result<(), String> {
    let failed = |error: candor_collector::store::StoreError| error.to_string();
    let key = IngestKey::generate();
    store.add_app(app, key.hash()).await.map_err(failed)?;
    let mut random = StdRng::seed_from_u64(1);
    let most = (reports as usize / BATCHES).clamp(LEAST_BATCH, MOST_BATCH);
    let mut batch = Vec::with_capacity(most);
    let mut began = Instant::now();
    for n in 0..reports {
        batch.push(incoming(
            u64::from(n),
            issues,
            u64::from(reports),
            &mut random,
        )?);
        if n.is_multiple_of(5) {
            for what in [window(&mut random), end(&mut random)] {
                batch.push(besides(
                    u64::from(n),
                    u64::from(reports),
                    what,
                    &mut random,
                )?);
            }
        }
        if batch.len() >= most || n + 1 == reports {
            let kept = std::mem::take(&mut batch);
            // As reports arrive: soon after what they tell of.
            store
                .keep(app, kept, told_at(n.into(), reports.into()))
                .await
                .map_err(failed)?;
            if began.elapsed() > EVERY {
                println!("{} of {reports} reports", n + 1);
                began = Instant::now();
            }
        }
    }
    let by = By {
        who: Person::new("bench").ok_or("no name")?,
        at: NOW,
    };
    let some: Vec<IssueId> = (0..u64::from(issues).min(900))
        .map(|issue| IssueId(number(issue * 3)))
        .collect();
    let resolved = store.triage(app, &some, Change::Resolve(None), by).await;
    resolved.map(|_| ()).map_err(failed)
}

/// When the crash `n` happened; those after the last one happen now.
fn told_at(n: u64, reports: u64) -> u64 {
    NOW - (DAYS * 24 - n.min(reports) * DAYS * 24 / reports) * HOUR
}

fn incoming(n: u64, issues: u32, reports: u64, random: &mut StdRng) -> Result<Incoming, String> {
    // In the order of time, as reports arrive.
    let at = told_at(n, reports);
    let pseudonym = someone(n, reports, random);
    let release = RELEASES[random.random_range(0..RELEASES.len())];
    let os = OS_VERSIONS[random.random_range(0..OS_VERSIONS.len())];
    let issue = some_issue(random, issues);
    let report = Report {
        id: ReportId::from_bytes(bytes(n)),
        at: Moment::round(at, Precision::Hour),
        run: RunId::from_bytes(bytes(n / 2 + (1 << 40))),
        pseudonym,
        release: Release::parse(release).map_err(|_| "no release")?,
        device: Device::coarse(Os::Linux, Some(os), Arch::X86_64, 8, 16 << 30),
        what: What::Crash(Crash {
            cause: Cause::Panic {
                message: CleanText::scrub("called `Option::unwrap()` on a `None` value"),
                at: None,
                signal: None,
            },
            fatal: true,
            thread: Thread {
                main: true,
                name: None,
                stack: Stack::default(),
            },
            others: Vec::new(),
            modules: Vec::new(),
            uptime_ms: 500,
            around: Circumstances::default(),
            crumbs: Vec::new(),
            notes: Vec::new(),
        }),
    };
    let json = serde_json::to_string(&report).map_err(|error| error.to_string())?;
    let culprit = format!("im::history::Loader::load_{issue:x}");
    let issue = Grouped {
        id: IssueId(issue),
        kind: IssueKind::Crash,
        title: "called `Option::unwrap()` on a `None` value".to_owned(),
        before: None,
        why: Explanation {
            rule: "panic-own-frames-v1".to_owned(),
            facts: vec!["unwrap on None".to_owned()],
            frames: (0..12)
                .map(|frame| match frame {
                    0 => culprit.clone(),
                    frame => {
                        format!("im::conversation::view::Model::step_{frame}_of_what_is_shown")
                    }
                })
                .collect(),
            by_file: Vec::new(),
        },
        culprit,
    };
    Ok(Incoming::new(1, report, &json, Some(issue)))
}

/// A report that is no crash, told around the time of the crash `n`.
fn besides(n: u64, reports: u64, what: What, random: &mut StdRng) -> Result<Incoming, String> {
    let pseudonym = someone(n, reports, random);
    let id = bytes(2 * n + u64::from(matches!(what, What::Run(_))) + (1 << 45));
    let release = RELEASES[random.random_range(0..RELEASES.len())];
    let os = OS_VERSIONS[random.random_range(0..2)];
    let report = Report {
        id: ReportId::from_bytes(id),
        at: Moment::round(told_at(n, reports), Precision::Hour),
        run: RunId::from_bytes(id),
        pseudonym,
        release: Release::parse(release).map_err(|_| "no release")?,
        device: Device::coarse(Os::Linux, Some(os), Arch::X86_64, 8, 16 << 30),
        what,
    };
    let json = serde_json::to_string(&report).map_err(|error| error.to_string())?;
    Ok(Incoming::new(1, report, &json, None))
}

fn end(random: &mut StdRng) -> What {
    What::Run(Run {
        exit: Some(Exit::Clean),
        uptime_ms: Some(random.random_range(1_000..1 << 22)),
        last: None,
    })
}

/// A minute of a connection over one of two networks.
fn window(random: &mut StdRng) -> What {
    let mut some = |most: u64, count: u32| {
        let mut sketch = Sketch::default();
        (0..count).for_each(|_| sketch.record(random.random_range(most / 10..most)));
        sketch
    };
    let (ready_us, connect_us) = (some(900_000, 2), some(200_000, 2));
    let (rtt_us, ack_us) = (some(300_000, 12), some(500_000, 5));
    What::Connection(Box::new(Connection {
        name: name!("longlink"),
        endpoint: name!("gateway"),
        region: None,
        transport: Transport::Tls,
        network: match random.random_range(0..3) {
            0 => Network::Cell4g,
            _ => Network::Wifi,
        },
        seconds: 60,
        attempts: 2,
        ready: 2,
        reconnects: 0,
        failures: Vec::new(),
        tries: Vec::new(),
        disconnects: Vec::new(),
        phases: vec![PhaseTimes {
            phase: Phase::Connect,
            took_us: connect_us,
        }],
        ready_us,
        rtt_us,
        ack_us,
        stall_us: Sketch::default(),
        backoff_us: Sketch::default(),
        outage_us: Sketch::default(),
        network_changes: 0,
        sent: 5,
        received: 6,
        sent_bytes: 700,
        received_bytes: 800,
        up_ms: 60_000,
        down_ms: 0,
        tcp: None,
    }))
}
