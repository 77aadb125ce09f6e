//! What cannot be avoided: gunzip, parse into borrowed structs, one insert in one transaction a batch.

use super::throughput::pool_of;
use candor_benches::corpus::{Corpus, Mix};
use candor_benches::serving::cpu_of;
use std::io::Read;
use std::time::{Duration, Instant};

/// What the floor does.
pub(crate) struct Floor {
    pub(crate) rate: f64,
    pub(crate) cpu_us: f64,
}

/// Takes the same batches for `time`.
pub(crate) fn floor(corpus: &Corpus, mix: Mix, size: u32, time: Duration) -> Floor {
    #[derive(serde::Deserialize)]
    struct Line<'a> {
        #[serde(borrow)]
        id: &'a str,
        at: i64,
        #[serde(borrow)]
        run: &'a str,
        #[serde(borrow)]
        pseudonym: &'a str,
        #[serde(borrow)]
        release: &'a str,
    }
    let data = tempfile::tempdir().expect("a directory");
    let mut db = rusqlite::Connection::open(data.path().join("floor.db")).expect("a database");
    for (name, value) in [
        ("page_size", "16384"),
        ("journal_mode", "WAL"),
        ("synchronous", "FULL"),
    ] {
        db.pragma_update(None, name, value).expect("a setting");
    }
    db.execute_batch(
        "CREATE TABLE report (seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, at INTEGER, run TEXT, pseudonym TEXT,
         release TEXT, body TEXT)",
    )
    .expect("a table");
    let pool: Vec<Vec<u8>> = (0..pool_of(size, time))
        .map(|index| corpus.batch(mix, index * size, size).0)
        .collect();
    let (start, cpu, mut reports) = (Instant::now(), cpu_of("self"), 0u32);
    for body in &pool {
        if start.elapsed() >= time {
            break;
        }
        let mut text = String::new();
        flate2::read::GzDecoder::new(&body[..])
            .read_to_string(&mut text)
            .expect("gzip");
        let tx = db.transaction().expect("a transaction");
        for json in text.lines().skip(1) {
            let line: Line<'_> = serde_json::from_str(json).expect("a report");
            tx.prepare_cached("INSERT INTO report (id, at, run, pseudonym, release, body) VALUES (?, ?, ?, ?, ?, ?)")
                .and_then(|mut insert| insert.execute((line.id, line.at, line.run, line.pseudonym, line.release, json)))
                .expect("an insert");
            reports += 1;
        }
        tx.commit().expect("a commit");
    }
    let (wall, cpu) = (start.elapsed().as_secs_f64(), cpu_of("self") - cpu);
    Floor {
        rate: f64::from(reports) / wall,
        cpu_us: cpu / f64::from(reports) * 1e6,
    }
}
