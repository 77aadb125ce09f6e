//! Which installations are behind connection windows: what a page needs to merge classes of a few.

use super::delta::{Cell, Link};
use super::keep;
use super::writer::Work;
use crate::store::{body, ids};
use candor_protocol::report::{Report, What};

/// Seconds of a week.
pub(super) const WEEK: i64 = 7 * 86_400;

/// Notes the installation of a connection window; `arrived` is in seconds.
pub(super) fn note(
    work: &mut Work<'_>,
    cell: Cell,
    report: &Report,
    arrived: i64,
) -> rusqlite::Result<()> {
    let What::Connection(window) = &report.what else {
        return Ok(());
    };
    let Link {
        region,
        name,
        endpoint,
    } = keep::link(work, window)?;
    work.tx
        .prepare_cached(
            "INSERT INTO connection_install
                 (app, week, release, os, region, name, endpoint, transport, network, pseudonym, arrived)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        )?
        .execute((
            cell.app,
            cell.at / WEEK,
            cell.release,
            cell.os,
            region,
            name,
            endpoint,
            window.transport.as_str(),
            window.network.as_str(),
            ids::pseudonym(&report.pseudonym),
            arrived,
        ))?;
    Ok(())
}

/// Notes the installations of some weeks again, after reports of theirs were erased.
pub(super) fn note_again(
    work: &mut Work<'_>,
    app: i64,
    first: i64,
    after: i64,
) -> rusqlite::Result<()> {
    let (first, after) = (first / WEEK, after.saturating_add(WEEK - 1) / WEEK);
    work.tx.execute(
        "DELETE FROM connection_install WHERE app = ? AND week >= ? AND week < ?",
        (app, first, after),
    )?;
    let tx = work.tx;
    let mut query = tx.prepare(
        "SELECT written, arrived FROM report WHERE app = ? AND kind = 'connection' AND at >= ? AND at < ? ORDER BY seq",
    )?;
    let mut rows = query.query((app, first.saturating_mul(WEEK), after.saturating_mul(WEEK)))?;
    while let Some(row) = rows.next()? {
        if let Ok(report) = body::report(row.get_ref(0)?.as_blob()?) {
            let cell = keep::cell(work, app, &report)?;
            note(work, cell, &report, row.get(1)?)?;
        }
    }
    Ok(())
}
