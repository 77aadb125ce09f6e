//! What a turn and a ping cost the thread that is watched.

use candor_benches::table::{Cell, Row, Unit};
use std::io;
use std::time::Duration;

pub(crate) fn rows() -> io::Result<Vec<Row>> {
    let device = tempfile::tempdir()?;
    let mut host = crate::host("calls", device.path(), Duration::from_secs(60))?;
    let turn = host.number("turn");
    let ping = host.number("ping");
    host.wait()?;
    Ok(vec![
        Row::new("a turn", Unit::Nanos, turn, Cell::None).goal(30.0),
        Row::new(
            "a ping, run once by the loop",
            Unit::Nanos,
            ping,
            Cell::None,
        )
        .goal(2_000.0),
    ])
}
