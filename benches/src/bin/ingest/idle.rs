//! A collector that nobody sends anything to.

use candor_benches::serving::Serving;
use candor_benches::table::{Cell, Row, Table, Unit};
use std::io;
use std::time::{Duration, Instant};

/// Processor time is counted in hundredths of a second: a thousandth of a core shows after ten seconds.
const LEAST: Duration = Duration::from_secs(20);

pub(crate) fn table(time: Duration) -> io::Result<Table> {
    let serving = Serving::start()?;
    // What happens at the start is no rest.
    std::thread::sleep(Duration::from_secs(1));
    let (start, cpu) = (Instant::now(), serving.cpu());
    std::thread::sleep(time.max(LEAST));
    let busy = (serving.cpu() - cpu) / start.elapsed().as_secs_f64();
    let mut table = Table::new("at rest", "");
    table.add([
        Row::new(
            "memory",
            Unit::Bytes,
            serving.resident().0 as f64,
            Cell::None,
        )
        .goal(15.0 * 1_048_576.0),
        Row::new(
            "processor time in a second",
            Unit::Nanos,
            busy * 1e9,
            Cell::None,
        )
        .goal(1e6),
    ]);
    Ok(table)
}
