//! Moving reports to the issues they belong to since their names are known.

use super::delta::Sign;
use super::writer::Work;
use super::{keep, triage};
use crate::store::{IssueId, Move, Waiting, body, ids};
use rusqlite::OptionalExtension;
use std::collections::BTreeSet;

pub(super) fn regroup(
    work: &mut Work<'_>,
    app: &str,
    from: IssueId,
    moves: &[Move],
    at: u64,
) -> rusqlite::Result<u64> {
    let Some(app) = work.app(app)? else {
        return Ok(0);
    };
    // What this transaction has counted so far has to be in the tables before anything is taken out of them.
    std::mem::take(&mut work.deltas).write(work.tx)?;
    let mut moved = 0;
    let mut places = BTreeSet::new();
    for one in moves.iter().filter(|one| one.to.id != from) {
        let tx = work.tx;
        let found: Option<(i64, Vec<u8>)> = tx
            .prepare_cached(
                "SELECT seq, written FROM report WHERE app = ? AND id = ? AND issue = ?",
            )?
            .query_row((app, ids::report(&one.report), from.0 as i64), |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .optional()?;
        let Some((seq, written)) = found else {
            continue;
        };
        let Ok(report) = body::report(&written) else {
            continue;
        };
        let to = one.to.id.0 as i64;
        let cell = keep::cell(work, app, &report)?;
        keep::add_issue(work, app, &one.to, cell.at)?;
        keep::count(work, cell, &report, Some(from.0 as i64), Sign::Take)?;
        keep::count(work, cell, &report, Some(to), Sign::Add)?;
        work.deltas.unnamed(cell, to, &one.lacking);
        tx.prepare_cached("UPDATE report SET issue = ? WHERE seq = ?")?
            .execute((to, seq))?;
        places.insert(one.to.id.0);
        moved += 1;
    }
    std::mem::take(&mut work.deltas).write(work.tx)?;
    for to in places {
        triage::inherit(work.tx, app, from.0, to, at)?;
    }
    if moved > 0 {
        drop_empty(work, app, from.0 as i64)?;
        lead_on(work, app, from, at)?;
    }
    Ok(moved)
}

/// Cells of an issue that count nothing any more, and the issue itself if none is left.
fn drop_empty(work: &Work<'_>, app: i64, issue: i64) -> rusqlite::Result<()> {
    for empty in [
        "DELETE FROM issue_count WHERE app = ?1 AND issue = ?2 AND reports <= 0",
        "DELETE FROM issue_release WHERE app = ?1 AND issue = ?2 AND reports <= 0",
        "DELETE FROM unnamed WHERE app = ?1 AND issue = ?2
         AND release NOT IN (SELECT release FROM issue_release WHERE app = ?1 AND issue = ?2)",
        "DELETE FROM issue WHERE app = ?1 AND id = ?2 AND NOT EXISTS (SELECT 1 FROM issue_count WHERE app = ?1 AND issue = ?2)",
        "UPDATE issue SET
             first_seen = (SELECT min(at) FROM issue_count WHERE app = ?1 AND issue = ?2),
             last_seen = (SELECT max(at) FROM issue_count WHERE app = ?1 AND issue = ?2)
         WHERE app = ?1 AND id = ?2",
    ] {
        work.tx.prepare_cached(empty)?.execute((app, issue))?;
    }
    Ok(())
}

pub(super) fn settle(
    work: &mut Work<'_>,
    app: &str,
    issue: IssueId,
    waiting: &[Waiting],
    at: u64,
) -> rusqlite::Result<()> {
    let Some(app) = work.app(app)? else {
        return Ok(());
    };
    std::mem::take(&mut work.deltas).write(work.tx)?;
    let id = issue.0 as i64;
    for one in waiting {
        let key = (app, one.build.as_str(), id, &one.release);
        // Whatever has arrived meanwhile stays to be looked at.
        work.tx
            .prepare_cached("UPDATE unnamed SET met = met - ?5 WHERE app = ?1 AND build = ?2 AND issue = ?3 AND release = (SELECT id FROM word WHERE text = ?4)")?
            .execute((key.0, key.1, key.2, key.3, one.met))?;
        work.tx
            .prepare_cached("DELETE FROM unnamed WHERE app = ?1 AND build = ?2 AND issue = ?3 AND release = (SELECT id FROM word WHERE text = ?4) AND met <= 0")?
            .execute(key)?;
    }
    lead_on(work, app, issue, at)
}

/// Says where an issue is shown from now on, if no report is left in it: in the transaction that takes out the last one, so that nothing
/// comes between.
fn lead_on(work: &Work<'_>, app: i64, issue: IssueId, at: u64) -> rusqlite::Result<()> {
    let (tx, id) = (work.tx, issue.0 as i64);
    let is_there = |sql| tx.prepare_cached(sql)?.exists((app, id));
    if is_there("SELECT 1 FROM report WHERE app = ? AND issue = ?")? {
        return Ok(());
    }
    let counted = is_there("SELECT 1 FROM issue WHERE app = ? AND id = ?")?;
    let places = triage::came_from(tx, app, issue.0)?;
    for (place, _) in &places {
        triage::inherit(tx, app, issue.0, *place, at)?;
    }
    if counted && places.len() > 1 {
        return Ok(());
    }
    if let Some((most, _)) = places.into_iter().max_by_key(|(_, reports)| *reports) {
        triage::leave(tx, app, issue.0, most, at)?;
    }
    Ok(())
}
