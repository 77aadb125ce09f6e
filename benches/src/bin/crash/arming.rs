//! What starting to record costs the calling thread, and in memory.

use crate::sides::{Side, Sides};
use candor_benches::stats::Sample;
use candor_benches::table::{Cell, Row, Unit};

const PROCESSES: usize = 31;

pub(crate) fn rows(sides: &Sides) -> Result<Vec<Row>, String> {
    let (ours, peer) = (arm(sides, Side::Ours)?, arm(sides, Side::Peer)?);
    Ok(vec![
        Row::new("arming, on the calling thread", Unit::Nanos, ours.0, peer.0).goal(500e3),
        Row::new("memory more than before", Unit::Bytes, ours.1, peer.1).goal(1_048_576.0),
    ])
}

/// Time and memory.
fn arm(sides: &Sides, side: Side) -> Result<(Cell, Cell), String> {
    let (mut times, mut sizes) = (Vec::new(), Vec::new());
    for _ in 0..PROCESSES {
        let host = sides
            .play(side, "arm", "-")
            .map_err(|error| error.to_string())?;
        let Some(mut host) = host else { break };
        times.extend(host.process.number("took"));
        sizes.extend(host.process.number("more"));
        host.left().map_err(|error| error.to_string())?;
    }
    Ok((Sample::of(times).into(), Sample::of(sizes).into()))
}
