//! How long a host waits that leaves in good order and gives its telemetry 300 ms.

use crate::sides::{LIMIT, Side, Sides, device};
use candor_benches::sink::{Mood, Sink};
use candor_benches::stats::Sample;
use candor_benches::table::{Cell, Row, Unit};
use std::io;
use std::time::Duration;

const PROCESSES: usize = 5;
/// Things that are still to be sent: few, and more than a short queue holds.
const FEW: usize = 10;
const MANY: usize = 100;

pub(crate) fn rows(sides: &Sides) -> io::Result<Vec<Row>> {
    let mut rows = Vec::new();
    for scene in ["flush", "shutdown"] {
        let mut cases: Vec<_> = Mood::ALL.map(|mood| (mood, FEW, "")).into();
        cases.push((Mood::Silent, MANY, ", much to send"));
        for (mood, number, words) in cases {
            let (ours, theirs) = sides.both(|side| ends(side, scene, mood, number))?;
            let figure = format!("{scene}(300 ms), {}{words}", mood.name());
            rows.push(Row::new(figure, Unit::Nanos, ours, theirs).goal(310e6));
        }
    }
    Ok(rows)
}

fn ends(side: &Side, scene: &str, mood: Mood, number: usize) -> io::Result<Cell> {
    let mut times = Vec::new();
    for _ in 0..PROCESSES {
        let (sink, device) = (Sink::open(mood)?, device()?);
        let mut process = side.play(scene, &sink, device.path(), number)?;
        process.line("ready");
        sink.wait(Duration::from_millis(300), |tally| tally.requests > 0);
        process.say("go");
        match process.number("took") {
            Some(time) => times.push(time),
            None => return Ok(Cell::NoEnd(LIMIT)),
        }
    }
    Ok(Sample::of(times).into())
}
