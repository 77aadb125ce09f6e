//! How long a host that panics is held before its process is gone.

use crate::sides::{LIMIT, Side, Sides, device};
use candor_benches::sink::{Mood, Sink};
use candor_benches::stats::Sample;
use candor_benches::table::{Cell, Row, Unit};
use std::io;
use std::time::Duration;

const PROCESSES: usize = 11;

pub(crate) fn rows(sides: &Sides) -> io::Result<Vec<Row>> {
    let (ours, theirs) = sides.both(|side| deaths(side, "hello-panic", Mood::Refused))?;
    let figure = "panic until gone, without an agent";
    let mut rows = vec![Row::new(figure, Unit::Nanos, ours, theirs)];
    for mood in Mood::ALL {
        let (ours, theirs) = sides.both(|side| deaths(side, "panic", mood))?;
        let figure = format!("panic until gone, {}", mood.name());
        rows.push(Row::new(figure, Unit::Nanos, ours, theirs).goal(1e6));
    }
    Ok(rows)
}

fn deaths(side: &Side, scene: &str, mood: Mood) -> io::Result<Cell> {
    let mut times = Vec::new();
    for _ in 0..PROCESSES {
        let (sink, device) = (Sink::open(mood)?, device()?);
        let mut process = side.play(scene, &sink, device.path(), 0)?;
        if scene == "panic" {
            process.line("ready");
            // In the middle of an upload, where there is one.
            sink.wait(Duration::from_millis(300), |tally| tally.requests > 0);
        }
        process.say("go");
        let at: Option<u128> = process.line("at").and_then(|at| at.parse().ok());
        let ended = process.wait()?;
        if ended.out_of_time {
            return Ok(Cell::NoEnd(LIMIT));
        }
        times.extend(at.map(|at| ended.at.saturating_sub(at) as f64));
    }
    Ok(Sample::of(times).into())
}
