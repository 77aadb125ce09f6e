//! What starting costs the thread that starts, in a fresh process each time.

use crate::sides::{Side, Sides, device};
use candor_benches::sink::{Mood, Sink};
use candor_benches::stats::Sample;
use candor_benches::table::{Cell, Row, Unit};
use std::io;

const PROCESSES: usize = 31;

pub(crate) fn rows(sides: &Sides) -> io::Result<Vec<Row>> {
    let (off, peer_off) = sides.both(|side| fresh(side, "start-off"))?;
    let (first, peer_first) = sides.both(|side| fresh(side, "start-on"))?;
    let (later, peer_later) = sides.both(again)?;
    Ok(vec![
        Row::new("start, off (peer: without DSN)", Unit::Nanos, off, peer_off).goal(5_000.0),
        Row::new(
            "start, first on this device",
            Unit::Nanos,
            first,
            peer_first,
        )
        .goal(500_000.0),
        Row::new("start, later", Unit::Nanos, later, peer_later).goal(500_000.0),
    ])
}

/// On a new device each time.
fn fresh(side: &Side, scene: &str) -> io::Result<Cell> {
    let sink = Sink::open(Mood::Up)?;
    let mut times = Vec::new();
    for _ in 0..PROCESSES {
        let device = device()?;
        let mut process = side.play(scene, &sink, device.path(), 0)?;
        times.extend(process.number("took"));
        process.finish()?;
    }
    Ok(Sample::of(times).into())
}

/// On one device, where each run before this one was killed.
fn again(side: &Side) -> io::Result<Cell> {
    let sink = Sink::open(Mood::Up)?;
    let device = device()?;
    side.play("drain", &sink, device.path(), 0)?.finish()?;
    let mut times = Vec::new();
    for _ in 0..PROCESSES {
        let mut process = side.play("start-on", &sink, device.path(), 0)?;
        times.extend(process.number("took"));
        process.finish()?;
    }
    Ok(Sample::of(times).into())
}
