//! Erasing installations: their reports go, every summary counts as if they had never arrived, and late ones are refused.

use super::delta::Sign;
use super::writer::Work;
use super::{keep, meetings, present, run, stamp, sweep};
use crate::store::{body, ids};
use candor_protocol::deidentify::Pseudonym;

pub(super) fn erase(
    work: &mut Work<'_>,
    app: &str,
    pseudonyms: &[Pseudonym],
    arrived: u64,
) -> rusqlite::Result<u64> {
    let Some(app) = work.app(app)? else {
        return Ok(0);
    };
    // What this transaction has counted so far has to be in the tables before anything is taken out of them.
    std::mem::take(&mut work.deltas).write(work.tx)?;
    let mut erased = 0;
    for pseudonym in pseudonyms {
        work.tx
            .prepare_cached(
                "INSERT INTO erased (app, pseudonym) VALUES (?, ?) ON CONFLICT DO NOTHING",
            )?
            .execute((app, ids::erased(pseudonym)))?;
        let pseudonym = ids::pseudonym(pseudonym);
        let met = meetings::of_reports(work.tx, "app = ? AND pseudonym = ?", (app, pseudonym))?;
        meetings::count(work, app, &met, Sign::Take)?;
        take_reports_out(work, app, &pseudonym)?;
        take_runs_out(work, app, &pseudonym)?;
        work.tx
            .prepare_cached("DELETE FROM connection_install WHERE app = ? AND pseudonym = ?")?
            .execute((app, pseudonym))?;
        erased += work
            .tx
            .prepare_cached("DELETE FROM report WHERE app = ? AND pseudonym = ?")?
            .execute((app, pseudonym))? as u64;
        // A run may have gone on under another pseudonym.
        meetings::count(work, app, &met, Sign::Add)?;
    }
    std::mem::take(&mut work.deltas).write(work.tx)?;
    work.deltas.ledger(app, arrived, "erased", "", "", erased);
    drop_empty(work, app)?;
    if erased > 0 {
        sweep::sweep(work)?;
    }
    Ok(erased)
}

/// Cells that count nothing any more, and issues that have no report in any.
pub(super) fn drop_empty(work: &Work<'_>, app: i64) -> rusqlite::Result<()> {
    for empty in [
        "DELETE FROM fault_count WHERE app = ? AND reports <= 0",
        "DELETE FROM issue_count WHERE app = ? AND reports <= 0",
        "DELETE FROM issue_release WHERE app = ? AND reports <= 0",
        "DELETE FROM unnamed WHERE app = ?1
         AND (issue, release) NOT IN (SELECT issue, release FROM issue_release WHERE app = ?1)",
        "DELETE FROM issue WHERE app = ?1 AND id NOT IN (SELECT issue FROM issue_count WHERE app = ?1)",
        "UPDATE issue SET
             first_seen = (SELECT min(at) FROM issue_count WHERE app = ?1 AND issue = id),
             last_seen = (SELECT max(at) FROM issue_count WHERE app = ?1 AND issue = id)
         WHERE app = ?1",
    ] {
        work.tx.prepare_cached(empty)?.execute([app])?;
    }
    stamp::said(work.tx, app)
}

fn take_reports_out(work: &mut Work<'_>, app: i64, pseudonym: &[u8; 16]) -> rusqlite::Result<()> {
    let tx = work.tx;
    let mut query =
        tx.prepare_cached("SELECT issue, written FROM report WHERE app = ? AND pseudonym = ?")?;
    take_out(work, app, query.query((app, pseudonym))?)
}

/// Takes reports out of the summaries; each row is an issue and a body.
pub(super) fn take_out(
    work: &mut Work<'_>,
    app: i64,
    mut rows: rusqlite::Rows<'_>,
) -> rusqlite::Result<()> {
    while let Some(row) = rows.next()? {
        let issue: Option<i64> = row.get(0)?;
        // Reports were checked when they came; one that today's rules refuse was counted by its circumstances all the same,
        // but what it said cannot be taken out any more.
        let Ok(report) = body::report(row.get_ref(1)?.as_blob()?) else {
            tracing::warn!(
                "a report that is erased cannot be read; it stays in the summaries, where it names nobody"
            );
            continue;
        };
        let cell = keep::cell(work, app, &report)?;
        keep::count(work, cell, &report, issue, Sign::Take)?;
    }
    Ok(())
}

fn take_runs_out(work: &mut Work<'_>, app: i64, pseudonym: &[u8; 16]) -> rusqlite::Result<()> {
    present::count(work, app, pseudonym, Sign::Take)?;
    let tx = work.tx;
    let mut query = tx.prepare_cached("SELECT * FROM run WHERE app = ? AND pseudonym = ?")?;
    let runs = query
        .query_map((app, pseudonym), run::read)?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    runs.iter()
        .for_each(|run| work.deltas.run(run::counted(run), Sign::Take));
    tx.prepare_cached("DELETE FROM run WHERE app = ? AND pseudonym = ?")?
        .execute((app, pseudonym))?;
    Ok(())
}
