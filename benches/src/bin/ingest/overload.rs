//! Five times as much as the collector can take.

use super::throughput::{self, BATCHES};
use candor_benches::client::Client;
use candor_benches::corpus::{Corpus, Mix};
use candor_benches::serving::Serving;
use candor_benches::stats::Sample;
use candor_benches::table::{Cell, Row, Table, Unit};
use std::io;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// How many times as much.
const TIMES: f64 = 5.0;

/// Connections at a time: so many that those which wait for an acknowledgement do not keep the others from being due.
const SENDERS: u32 = 256;

pub(crate) fn table(corpus: &Corpus, time: Duration) -> io::Result<Table> {
    let usual = throughput::measure(corpus, &BATCHES, time)?;
    let over = run(corpus, usual.rate * TIMES, time)?;
    let mut table = Table::new("five times as much as is taken", "as much");
    let nanos = |of: &Option<Sample>, q| of.as_ref().map(|sample| sample.quantile(q));
    let answered = over.taken + over.refused.as_ref().map_or(0, Sample::count) as f64;
    table.add([
        Row::new("offered", Unit::Rate, over.offered, usual.rate),
        Row::new("acknowledged", Unit::Rate, over.rate, usual.rate).goal(usual.rate * 0.9),
        Row::new(
            "requests acknowledged",
            Unit::Share,
            over.taken / answered,
            1.0,
        ),
        Row::new(
            "refused in, p50",
            Unit::Nanos,
            nanos(&over.refused, 0.5),
            Cell::None,
        ),
        Row::new(
            "refused in, p99",
            Unit::Nanos,
            nanos(&over.refused, 0.99),
            Cell::None,
        )
        .goal(5e6),
        Row::new(
            "refused with Retry-After",
            Unit::Share,
            over.told,
            Cell::None,
        )
        .goal(1.0),
        Row::new("answered at all", Unit::Share, over.answered, 1.0).goal(1.0),
        Row::new("memory, at most", Unit::Bytes, over.peak, Cell::None).goal(128.0 * 1_048_576.0),
    ]);
    Ok(table)
}

struct Over {
    offered: f64,
    rate: f64,
    /// Requests that were acknowledged.
    taken: f64,
    refused: Option<Sample>,
    /// The share of refusals that say when to come again, and of requests that were acknowledged or refused.
    told: f64,
    answered: f64,
    peak: f64,
}

fn run(corpus: &Corpus, reports: f64, time: Duration) -> io::Result<Over> {
    let serving = Serving::start()?;
    let authorization = serving.authorization();
    let requests = (reports * time.as_secs_f64() / f64::from(BATCHES.size)) as u32;
    let every = time / requests.max(1);
    let pool: Vec<Vec<u8>> = (0..requests)
        .map(|index| {
            corpus
                .batch(Mix::Crashes, index * BATCHES.size, BATCHES.size)
                .0
        })
        .collect();
    let next = AtomicU32::new(0);
    let (taken, refused) = (AtomicU32::new(0), Mutex::new(Vec::new()));
    let (told, other) = (AtomicU32::new(0), AtomicU32::new(0));
    let start = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..SENDERS {
            scope.spawn(|| {
                let mut client = Client::new(serving.address);
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let Some(body) = pool.get(number as usize) else {
                        return;
                    };
                    let due = start + every * number;
                    std::thread::sleep(due.saturating_duration_since(Instant::now()));
                    let sent = Instant::now();
                    match client.post("/v1/batches", &authorization, body) {
                        Ok(answer) if answer.status == 200 => {
                            taken.fetch_add(1, Ordering::Relaxed);
                        }
                        Ok(answer) if matches!(answer.status, 429 | 503) => {
                            refused
                                .lock()
                                .expect("no panic")
                                .push(sent.elapsed().as_nanos() as f64);
                            told.fetch_add(
                                u32::from(answer.retry_after.is_some()),
                                Ordering::Relaxed,
                            );
                        }
                        _ => {
                            other.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                }
            });
        }
    });
    let wall = start.elapsed().as_secs_f64();
    let refused = refused.into_inner().expect("no panic");
    let taken = f64::from(taken.into_inner());
    Ok(Over {
        offered: f64::from(requests * BATCHES.size) / wall,
        rate: taken * f64::from(BATCHES.size) / wall,
        taken,
        told: f64::from(told.into_inner()) / (refused.len() as f64).max(1.0),
        answered: (taken + refused.len() as f64) / f64::from(requests),
        refused: Sample::of(refused),
        peak: serving.resident().1 as f64,
    })
}
