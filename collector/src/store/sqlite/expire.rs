//! Forgetting what is too old.

use super::delta::{Cell, Sign};
use super::writer::Work;
use super::{erase, meetings, past, present, sweep, triage};
use crate::store::{Expired, Expiry};
use candor_protocol::report::Kind;
use rusqlite::Params;
use std::collections::BTreeSet;

/// Reports that one transaction forgets: what writes meanwhile waits for it.
const MOST: usize = 5_000;

/// Some that are too old, and the same ones whenever it is asked: in the order of their index.
const OLD: &str = "seq IN
    (SELECT seq FROM report WHERE app = ? AND kind = ? AND arrived < ? ORDER BY arrived, release, os, device, seq LIMIT ?)";

pub(super) fn expire(work: &mut Work<'_>, app: &str, expiry: &Expiry) -> rusqlite::Result<Expired> {
    let Some(app) = work.app(app)? else {
        return Ok(Expired::default());
    };
    std::mem::take(&mut work.deltas).write(work.tx)?;
    let limit = |seconds: u64| i64::try_from(seconds).unwrap_or(i64::MAX);
    let mut expired = Expired::default();
    for (kind, before) in &expiry.reports {
        let old = (app, kind.as_str(), limit(*before), MOST);
        let met = meetings::of_reports(work.tx, OLD, old)?;
        meetings::count(work, app, &met, Sign::Take)?;
        let gone = forget(work, &format!("DELETE FROM report WHERE {OLD}"), old)?;
        meetings::count(work, app, &met, Sign::Add)?;
        expired.reports += gone as u64;
        expired.more |= gone == MOST;
        if *kind == Kind::Connection {
            forget(
                work,
                "DELETE FROM connection_install WHERE app = ? AND arrived < ?",
                (app, limit(*before)),
            )?;
        }
        if *kind == Kind::Run {
            expired.more |= forget_runs(work, app, (limit(*before), limit(expiry.future)))? == MOST;
        }
    }
    let range = (app, limit(expiry.summaries), limit(expiry.future));
    take_counts_out(work, range)?;
    past::cut(work.tx, app, expiry.summaries, expiry.future)?;
    let mut cells = 0;
    for summary in [
        "DELETE FROM run_count WHERE app = ? AND (at < ? OR at > ?)",
        "DELETE FROM fault_count WHERE app = ? AND (at < ? OR at > ?)",
        "DELETE FROM issue_count WHERE app = ? AND (at < ? OR at > ?)",
        "DELETE FROM freeze_sum WHERE app = ? AND (at < ? OR at > ?)",
        "DELETE FROM connection_sum WHERE app = ? AND (at < ? OR at > ?)",
        "DELETE FROM reconnect_minute WHERE app = ? AND (minute < ? OR minute > ?)",
    ] {
        cells += forget(work, summary, range)?;
    }
    cells += forget(
        work,
        "DELETE FROM ledger WHERE app = ? AND day < ?",
        (app, limit(expiry.ledger)),
    )?;
    cells += forget(
        work,
        "DELETE FROM quarantine WHERE app = ? AND day < ?",
        (app, limit(expiry.quarantine)),
    )?;
    expired.cells = cells as u64;
    if expired != Expired::default() {
        triage::recount(work.tx, app)?;
        erase::drop_empty(work, app)?;
        sweep::sweep(work)?;
    }
    triage::forget_gone(work.tx, app)?;
    Ok(expired)
}

/// Forgets some runs before and after a time, and tells how many.
fn forget_runs(
    work: &mut Work<'_>,
    app: i64,
    (before, after): (i64, i64),
) -> rusqlite::Result<usize> {
    let tx = work.tx;
    let mut query = tx.prepare_cached(
        "SELECT id, pseudonym FROM run WHERE app = ? AND (at < ? OR at > ?) LIMIT ?",
    )?;
    let old = query.query_map((app, before, after, MOST), |row| {
        Ok((row.get(0)?, row.get(1)?))
    })?;
    let old: Vec<(Vec<u8>, Vec<u8>)> = old.collect::<rusqlite::Result<_>>()?;
    let whom: BTreeSet<Vec<u8>> = old.iter().map(|(_, who)| who.clone()).collect();
    present::count_all(work, app, &whom, Sign::Take)?;
    for (run, _) in &old {
        forget(work, "DELETE FROM run WHERE app = ? AND id = ?", (app, run))?;
    }
    present::count_all(work, app, &whom, Sign::Add)?;
    Ok(old.len())
}

/// Takes what is counted of issues before and after a time out of their days.
fn take_counts_out(work: &mut Work<'_>, range: (i64, i64, i64)) -> rusqlite::Result<()> {
    let tx = work.tx;
    let mut query = tx.prepare_cached(
        "SELECT issue, at, release, os, device, reports, fatal FROM issue_count WHERE app = ? AND (at < ? OR at > ?)",
    )?;
    let mut rows = query.query(range)?;
    while let Some(row) = rows.next()? {
        let cell = Cell {
            app: range.0,
            at: row.get(1)?,
            release: row.get(2)?,
            os: row.get(3)?,
            device: row.get(4)?,
        };
        let (reports, fatal): (i64, i64) = (row.get(5)?, row.get(6)?);
        work.deltas.count(cell, row.get(0)?, -reports, -fatal);
    }
    drop(rows);
    std::mem::take(&mut work.deltas).write(tx)
}

fn forget(work: &Work<'_>, sql: &str, values: impl Params) -> rusqlite::Result<usize> {
    work.tx.prepare_cached(sql)?.execute(values)
}
