//! What a client with a heartbeat every 30 seconds sends in a day.
//!
//! The real agent runs with everything sixty times faster: windows of a second, a heartbeat every half second, and good news that
//! waits for half a minute instead of half an hour. Bytes are those of the bodies, as gzip, after the start.

use crate::device::{self, Nobody};
use candor_agent::{TcpSample, Transport, name};
use candor_benches::table::{Cell, Row, Table, Unit};
use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Serializer, V2DeflateSerializer};
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

/// How many times faster than in life.
const FASTER: u32 = 60;
/// Uploads of a day: good news waits for half an hour.
const UPLOADS: f64 = 48.0;
const HEARTBEAT: Duration = Duration::from_secs(30);
/// Long enough for two uploads after the first.
const MEASURED: Duration = Duration::from_secs(66);

pub(crate) fn tables() -> io::Result<Vec<Table>> {
    let mut table = Table::new(
        "a day with a heartbeat every 30 s, 48 uploads, gzip",
        "hdrhistogram V2 each minute",
    );
    let peer = peer()?;
    for (what, with_tcp) in [
        ("heartbeats", false),
        ("heartbeats and what TCP says", true),
    ] {
        let (bytes, sample) = measure(with_tcp)?;
        eprintln!("one upload of {what} ends in: {}", tail(&sample));
        let theirs = if with_tcp { Cell::None } else { peer.into() };
        table.add(vec![
            Row::new(what, Unit::Bytes, bytes * UPLOADS, theirs).goal(40_000.0),
        ]);
    }
    Ok(vec![table])
}

fn tail(line: &str) -> &str {
    line.split("\"what\":").last().unwrap_or_default()
}

/// Bytes of one upload, on average.
fn measure(with_tcp: bool) -> io::Result<(f64, String)> {
    let nobody = Arc::new(Nobody::default());
    let second = Duration::from_secs(60) / FASTER;
    let (agent, _dir) = device::start(&nobody, second, second, 30 * second)?;
    let link = agent.connection(name!("longlink"), name!("gateway"), Transport::Tls);
    let mut attempt = link.attempt();
    let meter = attempt.meter();
    let live = attempt.ready();
    let began = Instant::now();
    let mut steady = None;
    let mut number = 0u64;
    while began.elapsed() < MEASURED {
        std::thread::sleep(HEARTBEAT / FASTER);
        number += 1;
        // A round trip of some 40 ms that varies, and now and then a slow one.
        let spread = number * 7_919 % 9_000 + u64::from(number.is_multiple_of(29)) * 180_000;
        let took = Duration::from_micros(38_000 + spread);
        live.rtt(took);
        meter.sent(24);
        meter.received(24);
        live.sent(24);
        live.received(24);
        if with_tcp {
            meter.tcp(&TcpSample {
                rtt: Some(took / 2),
                rtt_var: Some(took / 20),
                min_rtt: Some(Duration::from_micros(17_000)),
                segments: 1,
                retransmits: u32::from(number.is_multiple_of(40)),
                lost: 0,
                delivery_rate: None,
            });
        }
        // The first upload tells of the start as well.
        if steady.is_none() && nobody.batches.load(Relaxed) > 0 {
            steady = Some((nobody.bytes.load(Relaxed), nobody.batches.load(Relaxed)));
        }
    }
    let (bytes, batches) = steady.unwrap_or_default();
    let bytes = nobody.bytes.load(Relaxed) - bytes;
    let batches = nobody.batches.load(Relaxed) - batches;
    let sample = nobody.last();
    agent.shutdown(Duration::from_secs(5));
    if batches == 0 {
        return Err(io::Error::other("nothing was sent"));
    }
    Ok((bytes as f64 / batches as f64, sample))
}

/// The two heartbeats of a minute in a histogram, packed by `hdrhistogram` itself, 1,440 times.
fn peer() -> io::Result<f64> {
    let mut histogram =
        Histogram::<u64>::new_with_bounds(1, 600_000_000, 2).map_err(io::Error::other)?;
    for micros in [41_000, 44_500] {
        histogram.record(micros).map_err(io::Error::other)?;
    }
    let mut bytes = Vec::new();
    let packed = V2DeflateSerializer::new().serialize(&histogram, &mut bytes);
    packed.map_err(|error| io::Error::other(format!("{error:?}")))?;
    Ok(bytes.len() as f64 * 1_440.0)
}
