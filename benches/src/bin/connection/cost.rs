//! What one recorded event costs the thread that records it, alone and with eight threads at once.
//!
//! Eight threads record into the same connection. The figure is processor time of the threads that record, divided by the
//! events, so that a machine with other work to do measures the same. Time in which a thread waits for a mutex is not in
//! it, which is to the good of whoever has one.

use crate::device;
use candor_agent::{Live, Transport, name};
use candor_benches::stats::Sample;
use candor_benches::table::{Cell, Row, Table, Unit};
use hdrhistogram::Histogram;
use metrics::{Counter, Key};
use metrics_util::registry::{AtomicStorage, Registry};
use rustix::time::{ClockId, clock_gettime};
use std::io;
use std::sync::{Barrier, Mutex};
use std::time::Duration;

const THREADS: usize = 8;
const EVENTS: usize = 1_000_000;
const ROUNDS: usize = 15;

/// What the agent promises for one event, and how many times that under contention.
const GOAL_NANOS: f64 = 30.0;
const GOAL_TIMES: f64 = 3.0;

pub(crate) fn tables() -> io::Result<Vec<Table>> {
    let (agent, _dir) = device::quiet()?;
    let link = agent.connection(name!("longlink"), name!("gateway"), Transport::Tcp);
    let live = link.attempt().ready();
    let round_trips = round_trips();

    let ours = |event: &(dyn Fn(&Live, usize) + Sync)| both(&|at| event(&live, at), &|| ());
    let rtt = ours(&|live, at| live.rtt(round_trips[at % round_trips.len()]));
    let received = ours(&|live, _| live.received(400));
    let sent = ours(&|live, at| {
        live.sent(400);
        live.acknowledged(round_trips[at % round_trips.len()]);
    });

    let histogram =
        Histogram::<u64>::new_with_bounds(1, 600_000_000, 2).map_err(io::Error::other)?;
    let histogram = Mutex::new(histogram);
    let locked = both(
        &|at| {
            let micros = round_trips[at % round_trips.len()].as_micros() as u64;
            if let Ok(mut histogram) = histogram.lock() {
                let _ = histogram.record(micros);
            }
        },
        &|| (),
    );

    let registry = Registry::new(AtomicStorage);
    let key = Key::from_name("rtt");
    let bucket = registry.get_or_create_histogram(&key, std::sync::Arc::clone);
    let handle = metrics::Histogram::from_arc(bucket.clone());
    // Whoever exports these values drains them; that is not counted.
    let drained = both(
        &|at| handle.record(round_trips[at % round_trips.len()].as_secs_f64()),
        &|| bucket.clear(),
    );
    let counter = |name: &'static str| {
        let key = Key::from_name(name);
        Counter::from_arc(registry.get_or_create_counter(&key, std::sync::Arc::clone))
    };
    let (messages, bytes) = (counter("messages"), counter("bytes"));
    let counted = both(
        &|_| {
            messages.increment(1);
            bytes.increment(400);
        },
        &|| (),
    );
    agent.shutdown(Duration::from_secs(5));

    let mut hdr = Table::new(
        "recording connections, one event",
        "hdrhistogram in a mutex",
    );
    rows(&mut hdr, "heartbeat", &rtt, Some(&locked), 1.0);
    let mut metrics = Table::new("recording connections, one event", "metrics 0.24");
    rows(&mut metrics, "heartbeat", &rtt, Some(&drained), 1.0);
    rows(
        &mut metrics,
        "message received, 400 bytes",
        &received,
        Some(&counted),
        1.0,
    );
    rows(
        &mut metrics,
        "message sent and acknowledged",
        &sent,
        None,
        2.0,
    );
    Ok(vec![hdr, metrics])
}

/// Latencies as heartbeats have them: spread over a few powers of two, in no order.
fn round_trips() -> Vec<Duration> {
    let spread = |n: u64| {
        20_000 + (n * 7_919) % 30_000 + u64::from(n.is_multiple_of(17)) * (n * 104_729 % 900_000)
    };
    (0..1_024)
        .map(|n| Duration::from_micros(spread(n)))
        .collect()
}

/// Alone, and with eight threads.
struct Costs([Option<Sample>; 2]);

fn both(event: &(dyn Fn(usize) + Sync), after: &dyn Fn()) -> Costs {
    Costs([1, THREADS].map(|threads| {
        // The first rounds warm up.
        let rounds: Vec<f64> = (0..ROUNDS)
            .map(|_| {
                let cost = round(threads, event);
                after();
                cost
            })
            .collect();
        Sample::of(rounds.into_iter().skip(3))
    }))
}

fn round(threads: usize, event: &(dyn Fn(usize) + Sync)) -> f64 {
    let together = &Barrier::new(threads);
    let record = move |thread: usize| {
        together.wait();
        let began = processor_nanos();
        (0..EVENTS).for_each(|at| event(at + thread * 131));
        processor_nanos() - began
    };
    let spent: f64 = std::thread::scope(|scope| {
        let started: Vec<_> = (0..threads)
            .map(|thread| scope.spawn(move || record(thread)))
            .collect();
        let spent = started.into_iter().filter_map(|thread| thread.join().ok());
        spent.sum()
    });
    spent / (threads * EVENTS) as f64
}

/// Processor time of the calling thread.
fn processor_nanos() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 * 1e9 + time.tv_nsec as f64
}

fn rows(table: &mut Table, event: &str, ours: &Costs, peer: Option<&Costs>, events: f64) {
    let side = |costs: Option<&Costs>, index: usize| {
        Cell::from(costs.and_then(|costs| costs.0[index].clone()))
    };
    let times = |costs: Option<&Costs>| {
        let [alone, together] = &costs?.0;
        Some(together.as_ref()?.median() / alone.as_ref()?.median())
    };
    let row = |figure: String, index| {
        Row::new(
            figure,
            Unit::Nanos,
            side(Some(ours), index),
            side(peer, index),
        )
    };
    table.add(vec![
        row(format!("{event}, alone"), 0).goal(GOAL_NANOS * events),
        row(format!("{event}, {THREADS} threads"), 1).goal(GOAL_NANOS * GOAL_TIMES * events),
        Row::new(
            format!("{event}, {THREADS} threads : alone"),
            Unit::Count,
            times(Some(ours)),
            times(peer),
        ),
    ]);
}
