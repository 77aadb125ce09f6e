//! What arrives of what was recorded, and whether the rest is at least counted.

use crate::sides::{Side, Sides, device};
use candor_benches::sink::{Mood, Sink};
use candor_benches::table::{Cell, Row, Unit};
use candor_benches::tally::Tally;
use std::io;
use std::path::Path;
use std::time::Duration;

/// How many things happen back to back.
const BURST: usize = 10_000;
/// Devices that crash while their collector is away.
const DEVICES: usize = 10;
const LIMIT: Duration = Duration::from_secs(120);
/// How long a next start is watched for what it still sends.
const NEXT_START: Duration = Duration::from_secs(15);

/// What became of a burst.
#[derive(Default)]
struct Burst {
    delivered: Share,
    told: Share,
    each: Share,
}

/// A part of the whole, where there is one.
type Share = Option<f64>;

pub(crate) fn rows(sides: &Sides) -> io::Result<Vec<Row>> {
    let panics = |side: &Side| burst(side, "panics", |tally| (tally.events, tally.told_lost));
    let measures = |side: &Side| {
        burst(side, "measures", |tally| {
            (tally.measured, tally.told_lost_measured)
        })
    };
    let messages = |side: &Side| burst(side, "messages", |tally| (tally.events, tally.told_lost));
    let peer = sides.peer.as_ref();
    let mut rows = Vec::new();
    let both: [(&str, Burst, Burst); 3] = [
        (
            "caught panics",
            panics(&sides.ours)?,
            peer.map(panics).transpose()?.unwrap_or_default(),
        ),
        (
            "(messages)",
            Burst::default(),
            peer.map(messages).transpose()?.unwrap_or_default(),
        ),
        (
            "heartbeats (metrics)",
            measures(&sides.ours)?,
            peer.map(measures).transpose()?.unwrap_or_default(),
        ),
    ];
    for (words, ours, theirs) in both {
        let sum = |burst: &Burst| Some(burst.delivered? + burst.told?);
        let row = |name: &str, ours: Share, theirs: Share| {
            Row::new(format!("10,000 {words}: {name}"), Unit::Share, ours, theirs)
        };
        rows.push(row("accounted for", sum(&ours), sum(&theirs)).goal(1.0));
        rows.push(row("delivered", ours.delivered, theirs.delivered));
        rows.push(Row::new(
            format!("10,000 {words}: host's time each"),
            Unit::Nanos,
            ours.each,
            theirs.each,
        ));
    }
    let (ours, theirs) = sides.both(late)?;
    rows.push(
        Row::new(
            "crash, sink down: arrives at the next start",
            Unit::Share,
            ours,
            theirs,
        )
        .goal(1.0),
    );
    Ok(rows)
}

fn burst(side: &Side, scene: &str, of: fn(&Tally) -> (u64, u64)) -> io::Result<Burst> {
    let (sink, device) = (Sink::open(Mood::Up)?, device()?);
    let mut process = side.play_for(LIMIT, scene, &sink, device.path(), BURST)?;
    process.line("ready");
    process.say("go");
    let spent = process.number("took");
    process.wait()?;
    let all = |tally: &Tally| {
        let (delivered, told) = of(tally);
        delivered + told >= BURST as u64
    };
    let tally = next_start(side, &sink, device.path(), all)?;
    let (delivered, told) = of(&tally);
    Ok(Burst {
        delivered: Some(delivered as f64 / BURST as f64),
        told: Some(told as f64 / BURST as f64),
        each: spent.map(|spent| spent / BURST as f64),
    })
}

/// Starts the app once more and waits until what has arrived suffices, or does not come any more.
fn next_start(
    side: &Side,
    sink: &Sink,
    device: &Path,
    suffices: impl Fn(&Tally) -> bool,
) -> io::Result<Tally> {
    let process = side.play_for(LIMIT, "drain", sink, device, 0)?;
    let tally = sink.wait(NEXT_START, suffices);
    process.finish()?;
    Ok(tally)
}

/// The share of crashes, one on each device with nobody listening, that arrive when the app is started again.
fn late(side: &Side) -> io::Result<Cell> {
    let (down, up) = (Sink::open(Mood::Refused)?, Sink::open(Mood::Up)?);
    let mut devices = Vec::new();
    for _ in 0..DEVICES {
        let device = device()?;
        let mut process = side.play("panic", &down, device.path(), 0)?;
        process.line("ready");
        // Long enough to find out that nobody listens.
        std::thread::sleep(Duration::from_millis(100));
        process.say("go");
        process.wait()?;
        devices.push(device);
    }
    let mut started = Vec::new();
    for device in &devices {
        started.push(side.play_for(LIMIT, "drain", &up, device.path(), 0)?);
    }
    let tally = up.wait(NEXT_START, |tally| tally.events >= DEVICES as u64);
    for process in started {
        process.finish()?;
    }
    Ok(Cell::One(tally.events as f64 / DEVICES as f64))
}
