//! As many reports as the collector takes, and what one costs.

use super::floor;
use candor_benches::client::Client;
use candor_benches::corpus::{Corpus, Mix};
use candor_benches::serving::Serving;
use candor_benches::stats::Sample;
use candor_benches::table::{Cell, Row, Table, Unit};
use std::io;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// Resident memory under full load, at most.
const MEMORY: f64 = 96.0 * 1_048_576.0;

/// Times the floor's processor time, at most.
const TIMES: f64 = 2.5;

/// One load.
pub(crate) struct Load {
    name: &'static str,
    mix: Mix,
    /// Reports of a request.
    pub(crate) size: u32,
    senders: u32,
    /// Reports a second, at least.
    goal: f64,
}

const LOADS: [Load; 4] = [
    SINGLE,
    BATCHES,
    Load {
        name: "fleet mix, one a request",
        mix: Mix::Fleet,
        size: 1,
        senders: 32,
        goal: 4_000.0,
    },
    Load {
        name: "fleet mix, batches of 100",
        mix: Mix::Fleet,
        size: 100,
        senders: 8,
        goal: 8_000.0,
    },
];

/// The load that is also sent to a store that holds much.
pub(crate) const SINGLE: Load = Load {
    name: "crashes, one a request",
    mix: Mix::Crashes,
    size: 1,
    senders: 32,
    goal: 4_000.0,
};

/// The load that is also sent five times.
pub(crate) const BATCHES: Load = Load {
    name: "crashes, batches of 100",
    mix: Mix::Crashes,
    size: 100,
    senders: 8,
    goal: 8_000.0,
};

/// Measures the loads whose names hold `which`.
pub(crate) fn table(corpus: &Corpus, time: Duration, which: &str) -> io::Result<Table> {
    let mut table = Table::new("as much as is taken", "floor");
    for load in LOADS.into_iter().filter(|load| load.name.contains(which)) {
        let name = load.name;
        let taken = measure(corpus, &load, time)?;
        let floor = floor::floor(corpus, load.mix, load.size, time / 3);
        table.add([
            Row::new(
                format!("{name}: reports"),
                Unit::Rate,
                taken.rate,
                floor.rate,
            )
            .goal(load.goal),
            Row::new(
                "  processor time of one",
                Unit::Nanos,
                taken.cpu_us * 1e3,
                floor.cpu_us * 1e3,
            )
            .goal((floor.cpu_us * TIMES).min(200.0) * 1e3),
            Row::new(
                "  acknowledged in, p50",
                Unit::Nanos,
                taken.took.quantile(0.5),
                Cell::None,
            ),
            Row::new(
                "  acknowledged in, p99",
                Unit::Nanos,
                taken.took.quantile(0.99),
                Cell::None,
            ),
            Row::new("  memory, at most", Unit::Bytes, taken.peak, Cell::None).goal(MEMORY),
            Row::new("  disk a report", Unit::Bytes, taken.disk, taken.body).goal(1_536.0),
        ]);
    }
    Ok(table)
}

/// What was taken.
pub(crate) struct Taken {
    pub(crate) rate: f64,
    pub(crate) cpu_us: f64,
    pub(crate) took: Sample,
    pub(crate) peak: f64,
    disk: f64,
    /// Bytes of a report that were read and written, whether or not they were in memory.
    pub(crate) moved: (f64, f64),
    /// Bytes of JSON of a report.
    body: f64,
}

pub(crate) fn measure(corpus: &Corpus, load: &Load, time: Duration) -> io::Result<Taken> {
    send(Serving::start()?, corpus, load, 0, time)
}

/// Sends as much as is taken, from the report of this number on.
pub(crate) fn send(
    mut serving: Serving,
    corpus: &Corpus,
    load: &Load,
    first: u32,
    time: Duration,
) -> io::Result<Taken> {
    let authorization = serving.authorization();
    // A pool of bodies, made before the clock runs: the senders must not take the collector's processor time.
    let pool: Vec<Vec<u8>> = (0..pool_of(load.size, time))
        .map(|index| first + index * load.size)
        .map(|first| corpus.batch(load.mix, first, load.size).0)
        .collect();
    let body = corpus.batch(load.mix, 0, 100).1 as f64 / 100.0;
    let (next, took) = (AtomicU32::new(0), Mutex::new(Vec::new()));
    let (disk, (read, written)) = (serving.disk(), serving.moved());
    let (start, cpu) = (Instant::now(), serving.cpu());
    std::thread::scope(|scope| {
        for _ in 0..load.senders {
            scope.spawn(|| {
                let mut client = Client::new(serving.address);
                let mut mine = Vec::new();
                while start.elapsed() < time {
                    let Some(body) = pool.get(next.fetch_add(1, Ordering::Relaxed) as usize) else {
                        break;
                    };
                    let sent = Instant::now();
                    let answer = client.post("/v1/batches", &authorization, body);
                    let answer = answer.expect("it answers");
                    assert_eq!(
                        answer.status,
                        200,
                        "{}",
                        String::from_utf8_lossy(&answer.body)
                    );
                    mine.push(sent.elapsed().as_nanos() as f64);
                }
                took.lock().expect("no panic").extend(mine);
            });
        }
    });
    let (wall, cpu) = (start.elapsed(), serving.cpu() - cpu);
    let took = took.into_inner().expect("no panic");
    let reports = took.len() as f64 * f64::from(load.size);
    let moved = serving.moved();
    Ok(Taken {
        moved: (
            (moved.0 - read) as f64 / reports,
            (moved.1 - written) as f64 / reports,
        ),
        rate: reports / wall.as_secs_f64(),
        cpu_us: cpu / reports * 1e6,
        took: Sample::of(took).ok_or_else(|| io::Error::other("nothing was acknowledged"))?,
        peak: serving.resident().1 as f64,
        disk: serving.settled_disk()?.saturating_sub(disk) as f64 / reports,
        body,
    })
}

/// More batches than can be taken in the time: 20,000 reports a second in batches, 12,000 alone.
pub(crate) fn pool_of(size: u32, time: Duration) -> u32 {
    let rate = if size > 1 { 20_000 } else { 12_000 };
    (rate * time.as_secs() as u32).div_ceil(size)
}
