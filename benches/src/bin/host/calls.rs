//! What a call costs the thread that makes it.

use crate::sides::{Side, Sides, device};
use candor_benches::sink::{Mood, Sink};
use candor_benches::stats::Sample;
use candor_benches::table::{Cell, Row, Unit};
use std::io;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(60);

/// The name of a call in the programs, ours in words, and what stands for it at the peer.
const CALLS: [(&str, &str, &str); 5] = [
    ("rtt", "heartbeat", "metric"),
    ("crumb", "breadcrumb", "breadcrumb"),
    ("sent", "message sent", ""),
    ("attempt", "attempt, 3 phases, end", "message"),
    ("turn", "watched turn", ""),
];

/// The most nanoseconds that a call may take.
fn goal(name: &str) -> f64 {
    match name {
        // An attempt is five calls, each of which may cost what one may.
        "attempt" => 1_000.0,
        "crumb" => 60.0,
        _ => 200.0,
    }
}

pub(crate) fn rows(sides: &Sides) -> io::Result<Vec<Row>> {
    let (ours, theirs) = both(sides, "calls-off", 1)?;
    let mut rows = Vec::new();
    for (name, words, _) in CALLS
        .into_iter()
        .chain([("flush", "flush", ""), ("network", "network", "")])
    {
        let peer = match name {
            "rtt" | "crumb" => " (lazy breadcrumb)",
            "attempt" => " (message)",
            _ => "",
        };
        let figure = format!("off: {words}{peer}");
        let row = Row::new(
            figure,
            Unit::Nanos,
            first(&ours, name),
            first(&theirs, name),
        );
        // An attempt is five calls.
        rows.push(row.goal(if name == "attempt" { 10.0 } else { 2.0 }));
    }
    for threads in [1, 8] {
        let (ours, theirs) = both(sides, "calls-on", threads)?;
        for (name, words, peer) in CALLS {
            // A watch belongs to one thread.
            if name == "turn" && threads > 1 {
                continue;
            }
            for (index, quantile) in ["p50", "p99"].into_iter().enumerate() {
                let peer = if peer.is_empty() {
                    String::new()
                } else {
                    format!(" ({peer})")
                };
                let figure = match threads {
                    1 => format!("{words}{peer}, {quantile}"),
                    _ => format!("{words}, {threads} threads, {quantile}"),
                };
                let of = |calls: &[Call]| {
                    Cell::from(find(calls, name).and_then(|times| times.get(index).copied()))
                };
                let row = Row::new(figure, Unit::Nanos, of(&ours), of(&theirs));
                rows.push(row.goal(goal(name)));
            }
        }
    }
    let nothing = caught(&sides.ours, "hello-caught")?;
    let (ours, theirs) = sides.both(|side| Ok(caught(side, "caught")?.into()))?;
    rows.push(Row::new(
        "a panic until it is caught, without an agent",
        Unit::Nanos,
        nothing,
        Cell::None,
    ));
    rows.push(Row::new("a panic until it is caught", Unit::Nanos, ours, theirs).goal(100_000.0));
    Ok(rows)
}

type Call = (String, Vec<f64>);

fn both(sides: &Sides, scene: &str, threads: usize) -> io::Result<(Vec<Call>, Vec<Call>)> {
    let ours = calls(&sides.ours, scene, threads)?;
    let theirs = sides.peer.as_ref().map(|peer| calls(peer, scene, threads));
    Ok((ours, theirs.transpose()?.unwrap_or_default()))
}

/// What the program says of each call.
fn calls(side: &Side, scene: &str, threads: usize) -> io::Result<Vec<Call>> {
    let (sink, device) = (Sink::open(Mood::Up)?, device()?);
    let mut process = side.play_for(LIMIT, scene, &sink, device.path(), threads)?;
    process.say("go");
    let mut calls = Vec::new();
    while let Some(line) = process.line("call") {
        let mut words = line.split(' ');
        let name = words.next().unwrap_or_default().to_owned();
        calls.push((name, words.filter_map(|word| word.parse().ok()).collect()));
    }
    process.wait()?;
    Ok(calls)
}

fn find<'a>(calls: &'a [Call], name: &str) -> Option<&'a Vec<f64>> {
    calls
        .iter()
        .find(|(call, _)| call == name)
        .map(|(_, times)| times)
}

fn first(calls: &[Call], name: &str) -> Cell {
    find(calls, name)
        .and_then(|times| times.first().copied())
        .into()
}

/// Panics that are caught: the first four of each of ten processes.
fn caught(side: &Side, scene: &str) -> io::Result<Option<Sample>> {
    let sink = Sink::open(Mood::Up)?;
    let mut times = Vec::new();
    for _ in 0..10 {
        let device = device()?;
        let mut process = side.play(scene, &sink, device.path(), 4)?;
        std::thread::sleep(Duration::from_millis(200));
        process.say("go");
        while let Some(time) = process.number("caught") {
            times.push(time);
        }
        process.finish()?;
    }
    Ok(Sample::of(times))
}
