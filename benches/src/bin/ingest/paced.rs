//! A steady load that the collector is well able to take: how soon a report is acknowledged, how soon it stands on its page,
//! and what people who look at pages cost.

use candor_benches::client::Client;
use candor_benches::corpus::{Corpus, HOURS, Mix, START};
use candor_benches::serving::Serving;
use candor_benches::stats::Sample;
use candor_benches::table::{Cell, Row, Table, Unit};
use std::io;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// Reports a second.
const RATE: u32 = 2_000;

/// Pages a second.
const VIEWS: u32 = 20;

/// Connections that send, and that look.
const SENDERS: u32 = 32;

/// The pages that people look at, of the range that the reports are in.
const PAGES: [&str; 4] = ["/", "/issues", "/freezes", "/connections"];

/// Number of the report that is asked for on its page: none that is sent otherwise.
const PROBES: u32 = 1 << 30;

pub(crate) fn table(corpus: &Corpus, time: Duration) -> io::Result<Table> {
    let alone = run(corpus, time, 0)?;
    let watched = run(corpus, time, VIEWS)?;
    let mut table = Table::new(format!("{RATE} reports/s, one a request"), "20 views/s");
    let nanos = |of: &Option<Sample>, q| of.as_ref().map(|sample| sample.quantile(q));
    table.add([
        Row::new(
            "acknowledged in, p50",
            Unit::Nanos,
            nanos(&alone.took, 0.5),
            nanos(&watched.took, 0.5),
        ),
        Row::new(
            "acknowledged in, p99",
            Unit::Nanos,
            nanos(&alone.took, 0.99),
            nanos(&watched.took, 0.99),
        )
        .goal(25e6),
        Row::new(
            "on its page, p50",
            Unit::Nanos,
            nanos(&alone.seen, 0.5),
            nanos(&watched.seen, 0.5),
        ),
        Row::new(
            "on its page, p99",
            Unit::Nanos,
            nanos(&alone.seen, 0.99),
            nanos(&watched.seen, 0.99),
        )
        .goal(100e6),
        Row::new("acknowledged", Unit::Rate, alone.rate, watched.rate).goal(f64::from(RATE) * 0.95),
        Row::new(
            "processor time of a report",
            Unit::Nanos,
            alone.cpu_us * 1e3,
            watched.cpu_us * 1e3,
        ),
        Row::new("memory, at most", Unit::Bytes, alone.peak, watched.peak).goal(96.0 * 1_048_576.0),
        Row::new(
            "a page, p50",
            Unit::Nanos,
            Cell::None,
            nanos(&watched.looked, 0.5),
        ),
        Row::new(
            "a page, p95",
            Unit::Nanos,
            Cell::None,
            nanos(&watched.looked, 0.95),
        ),
        Row::new(
            "what looking costs ingest",
            Unit::Share,
            1.0,
            watched.rate / alone.rate,
        )
        .goal(0.9),
    ]);
    Ok(table)
}

struct Run {
    rate: f64,
    cpu_us: f64,
    peak: f64,
    took: Option<Sample>,
    seen: Option<Sample>,
    looked: Option<Sample>,
}

/// Everything is sent when it is due, whether or not what came before was answered: what waits is counted as waiting.
fn run(corpus: &Corpus, time: Duration, views: u32) -> io::Result<Run> {
    let mut serving = Serving::start()?;
    // The last second of the day that the reports are of.
    serving.set_clock(START + HOURS * 3_600 - 1)?;
    let serving = &serving;
    let authorization = &serving.authorization();
    let total = RATE * time.as_secs() as u32;
    let pool: Vec<Vec<u8>> = (0..total)
        .map(|number| corpus.batch(Mix::Fleet, number, 1).0)
        .collect();
    let issue = probe_issue(corpus, serving, authorization)?;
    let (next, stop) = (AtomicU32::new(0), AtomicBool::new(false));
    let (took, seen, looked) = (
        Mutex::new(Vec::new()),
        Mutex::new(Vec::new()),
        Mutex::new(Vec::new()),
    );
    let (start, cpu) = (Instant::now(), serving.cpu());
    let mut wall = Duration::ZERO;
    std::thread::scope(|scope| {
        let senders: Vec<_> = (0..SENDERS)
            .map(|_| {
                scope.spawn(|| {
                    let mut client = Client::new(serving.address);
                    loop {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        let Some(body) = pool.get(number as usize) else {
                            return;
                        };
                        let due = start + Duration::from_secs(number.into()) / RATE;
                        std::thread::sleep(due.saturating_duration_since(Instant::now()));
                        let answer = client
                            .post("/v1/batches", authorization, body)
                            .expect("it answers");
                        if answer.status == 200 {
                            took.lock()
                                .expect("no panic")
                                .push(due.elapsed().as_nanos() as f64);
                        }
                    }
                })
            })
            .collect();
        scope.spawn(|| {
            let mut client = Client::new(serving.address);
            for number in PROBES.. {
                if stop.load(Ordering::Relaxed) {
                    return;
                }
                let (body, id) = probe(corpus, number);
                let path = format!("/issues/{issue}?report={id}&range=24h");
                let sent = Instant::now();
                client
                    .post("/v1/batches", authorization, &body)
                    .expect("it answers");
                // The first look has to find it: what was acknowledged is there.
                let page = client.get(&path).expect("it answers");
                assert!(
                    String::from_utf8_lossy(&page.body).contains(&id),
                    "{path}: {}",
                    page.status
                );
                seen.lock()
                    .expect("no panic")
                    .push(sent.elapsed().as_nanos() as f64);
                std::thread::sleep(Duration::from_millis(40));
            }
        });
        for viewer in 0..views {
            let (looked, stop) = (&looked, &stop);
            scope.spawn(move || {
                let mut client = Client::new(serving.address);
                std::thread::sleep(Duration::from_secs(viewer.into()) / views.max(1));
                while !stop.load(Ordering::Relaxed) {
                    let due = Instant::now();
                    let page = PAGES[viewer as usize % PAGES.len()];
                    let answer = client
                        .get(&format!("{page}?range=24h"))
                        .expect("it answers");
                    assert_eq!(answer.status, 200, "{page}");
                    looked
                        .lock()
                        .expect("no panic")
                        .push(due.elapsed().as_nanos() as f64);
                    std::thread::sleep(Duration::from_secs(1).saturating_sub(due.elapsed()));
                }
            });
        }
        senders
            .into_iter()
            .for_each(|sender| sender.join().expect("no panic"));
        wall = start.elapsed();
        stop.store(true, Ordering::Relaxed);
    });
    let sample = |of: Mutex<Vec<f64>>| Sample::of(of.into_inner().expect("no panic"));
    let acknowledged = took.lock().expect("no panic").len() as f64;
    Ok(Run {
        rate: acknowledged / wall.as_secs_f64(),
        cpu_us: (serving.cpu() - cpu) / acknowledged * 1e6,
        peak: serving.resident().1 as f64,
        took: sample(took),
        seen: sample(seen),
        looked: sample(looked),
    })
}

/// A crash that is always at the same place, and its id.
fn probe(corpus: &Corpus, number: u32) -> (Vec<u8>, String) {
    // Numbers that differ by the stacks' count have the same stack.
    let json = corpus.report(Mix::Crashes, 0);
    let id = format!("{number:032x}");
    let report = json.replacen(&json[7..39], &id, 1);
    let body = candor_protocol::batch::pack([report.as_str()]).expect("memory");
    (body, id)
}

/// The issue of the probes: the only one while nothing else was sent.
fn probe_issue(corpus: &Corpus, serving: &Serving, authorization: &str) -> io::Result<String> {
    let mut client = Client::new(serving.address);
    let (body, _) = probe(corpus, PROBES - 1);
    let answer = client.post("/v1/batches", authorization, &body)?;
    let page = client.get("/issues?range=24h")?;
    let text = String::from_utf8_lossy(&page.body).into_owned();
    let id = text.split("/issues/").skip(1).find_map(|rest| {
        let id: String = rest.chars().take_while(char::is_ascii_hexdigit).collect();
        (id.len() == 16).then_some(id)
    });
    let said = String::from_utf8_lossy(&answer.body).into_owned();
    id.ok_or_else(|| io::Error::other(format!("no issue is listed: {said}")))
}
