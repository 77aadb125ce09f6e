//! What is taken where much is kept already: ids are random, so that every report touches other pages of a store than the one before.

use super::throughput::{SINGLE, pool_of, send};
use candor_benches::corpus::Corpus;
use candor_benches::serving::Serving;
use candor_benches::table::{Row, Table, Unit};
use std::io;
use std::path::Path;
use std::time::Duration;

/// MiB of the store that stay in memory: what it has by itself, and what an operator may give it.
const CACHES: [u32; 3] = [16, 256, 2_048];

/// Single crashes for a filled store, next to the same for an empty one.
pub(crate) fn table(corpus: &Corpus, time: Duration, filled: &Path) -> io::Result<Table> {
    // Other reports than those of an earlier run, none of which is taken twice.
    let mut first = rand::random_range(0..u32::MAX / 4);
    let empty = send(Serving::start()?, corpus, &SINGLE, first, time)?;
    let mut table = Table::new("crashes, one a request, to a large store", "empty store");
    for cache in CACHES {
        first += pool_of(1, time);
        let taken = send(Serving::on(filled, cache)?, corpus, &SINGLE, first, time)?;
        table.add([
            Row::new(
                format!("{cache} MiB in memory: reports"),
                Unit::Rate,
                taken.rate,
                empty.rate,
            ),
            Row::new(
                "  processor time of one",
                Unit::Nanos,
                taken.cpu_us * 1e3,
                empty.cpu_us * 1e3,
            ),
            Row::new(
                "  acknowledged in, p50",
                Unit::Nanos,
                taken.took.quantile(0.5),
                empty.took.quantile(0.5),
            ),
            Row::new(
                "  acknowledged in, p99",
                Unit::Nanos,
                taken.took.quantile(0.99),
                empty.took.quantile(0.99),
            ),
            Row::new("  read of one", Unit::Bytes, taken.moved.0, empty.moved.0),
            Row::new(
                "  written of one",
                Unit::Bytes,
                taken.moved.1,
                empty.moved.1,
            ),
            Row::new("  memory, at most", Unit::Bytes, taken.peak, empty.peak),
        ]);
    }
    Ok(table)
}
