//! What a connection holds, and what it allocates while it records.

use crate::{ALLOCATED, device};
use candor_agent::{
    Connection, Disconnect, Failure, Family, Network, Phase, TcpSample, Transport, name,
};
use candor_benches::table::{Row, Table, Unit};
use hdrhistogram::Histogram;
use stats_alloc::Region;
use std::io;
use std::time::Duration;

/// Events that are recorded while nothing may be allocated.
const EVENTS: u32 = 100_000;

pub(crate) fn tables() -> io::Result<Vec<Table>> {
    let (agent, _dir) = device::quiet()?;
    agent.network(Network::Wifi);
    // What the agent itself allocates as it starts is not the connection's.
    std::thread::sleep(Duration::from_millis(500));
    let mut table = Table::new("what a connection holds", "hdrhistogram, 2 digits");

    let named = Region::new(ALLOCATED);
    let link = agent.connection(name!("longlink"), name!("gateway"), Transport::Tcp);
    let held = |region: &Region<'_, _>| {
        let change = region.change();
        change.bytes_allocated as f64 - change.bytes_deallocated as f64
    };
    table.add(vec![Row::new(
        "a connection that has a name",
        Unit::Bytes,
        held(&named),
        candor_benches::table::Cell::None,
    )]);
    life(&link);
    let used = held(&named);
    // The same latencies: five phases and the whole, heartbeat, acknowledgement, stall, wait, outage, how long it lasted, an
    // address, and three of TCP.
    let peers = Region::new(ALLOCATED);
    let histograms: Result<Vec<_>, _> = (0..15)
        .map(|_| Histogram::<u32>::new_with_bounds(1, 600_000_000, 2))
        .collect();
    let histograms = histograms.map_err(io::Error::other)?;
    let theirs = held(&peers);
    drop(histograms);
    table.add(vec![
        Row::new(
            "one that has met everything, 15 latencies",
            Unit::Bytes,
            used,
            theirs,
        )
        .goal(192.0 * 1024.0),
    ]);

    life(&link);
    let least = (0..5)
        .map(|_| {
            let recording = Region::new(ALLOCATED);
            (0..EVENTS).for_each(|number| events(&link, number));
            recording.change().allocations
        })
        .min();
    table.add(vec![
        Row::new(
            format!("allocations in {} events", EVENTS * 10),
            Unit::Count,
            least.map(|count| count as f64),
            candor_benches::table::Cell::None,
        )
        .goal(0.0),
    ]);
    agent.shutdown(Duration::from_secs(5));
    Ok(vec![table])
}

/// Everything that can happen to a connection, once.
fn life(link: &Connection) {
    link.attempt().failed(Phase::Connect, Failure::Timeout);
    for _ in 0..2 {
        events(link, 1);
    }
}

/// An attempt with all its phases, a life, and its end: ten events and more.
fn events(link: &Connection, number: u32) {
    let took = Duration::from_micros(u64::from(number % 977) * 1_000);
    let mut attempt = link.attempt();
    attempt.done(Phase::Resolve);
    attempt.trying(Family::V4);
    attempt.done(Phase::Connect);
    let meter = attempt.meter();
    attempt.done(Phase::Tls);
    attempt.done(Phase::Login);
    attempt.done(Phase::FirstByte);
    let live = attempt.ready();
    live.rtt(took);
    live.acknowledged(took);
    live.sent(400);
    live.received(400);
    meter.received(4_000);
    meter.tcp(&TcpSample {
        rtt: Some(took),
        rtt_var: Some(took),
        min_rtt: Some(took),
        segments: 4,
        retransmits: 0,
        lost: 0,
        delivery_rate: None,
    });
    live.ended(Disconnect::Reset);
}
