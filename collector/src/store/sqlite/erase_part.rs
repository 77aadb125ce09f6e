//! Erasing a part of an app: a release, a range of time, or all of it.

use super::delta::Sign;
use super::run;
use super::writer::Work;
use super::{erase, installs, keep, meetings, past, present, stamp, sweep, triage};
use crate::store::{Part, body, ids};
use rusqlite::ToSql;
use std::collections::BTreeSet;

pub(super) fn erase_part(
    work: &mut Work<'_>,
    app: &str,
    part: &Part,
    arrived: u64,
) -> rusqlite::Result<u64> {
    let Some(app) = work.app(app)? else {
        return Ok(0);
    };
    // What this transaction has counted so far has to be in the tables before anything is taken out of them.
    std::mem::take(&mut work.deltas).write(work.tx)?;
    bury(work, app, part)?;
    let release = match part {
        Part::Release(release) => Some(work.words.id(work.tx, release.as_str())?),
        _ => None,
    };
    let (first, after) = range(part);
    let values: [&dyn ToSql; 4] = [&app, &first, &after, &release];
    const REPORTS: &str = "app = ?1 AND at >= ?2 AND at < ?3 AND (?4 IS NULL OR release = ?4)";
    // Whatever shows a part may have been met by many, so these are counted again as a whole.
    let issues = issues(work, &values, REPORTS)?;
    if *part != Part::App {
        let tx = work.tx;
        let mut query = tx.prepare(&format!(
            "SELECT issue, written FROM report WHERE {REPORTS}"
        ))?;
        erase::take_out(work, app, query.query(values)?)?;
    }
    let mut runs = take_runs_out(work, app, &values, REPORTS)?;
    if !matches!(part, Part::Range { .. }) {
        // A run has one release, so nothing of it is left.
        runs.clear();
    }
    let erased = work
        .tx
        .execute(&format!("DELETE FROM report WHERE {REPORTS}"), values)? as u64;
    for (run, pseudonym) in runs {
        recount_run(work, app, &run, &pseudonym)?;
    }
    std::mem::take(&mut work.deltas).write(work.tx)?;
    // What reports left that expired before.
    let by_release = ["run_count", "fault_count", "issue_count", "connection_sum"];
    for table in by_release {
        work.tx
            .execute(&format!("DELETE FROM {table} WHERE {REPORTS}"), values)?;
    }
    // Folded again as windows arrive.
    past::forget(work.tx, app)?;
    meetings::count_again(work.tx, app, &issues)?;
    stamp::all_days(work.tx, app)?;
    match part {
        Part::Range { .. } => installs::note_again(work, app, first, after)?,
        Part::App | Part::Release(_) => {
            work.tx.execute(
                "DELETE FROM connection_install WHERE app = ?1 AND (?2 IS NULL OR release = ?2)",
                (app, release),
            )?;
        }
    }
    if release.is_none() {
        work.tx.execute(
            "DELETE FROM freeze_sum WHERE app = ?1 AND at >= ?2 AND at < ?3",
            (app, first, after),
        )?;
        work.tx.execute(
            "DELETE FROM reconnect_minute WHERE app = ?1 AND minute >= ?2 AND minute < ?3",
            (app, first, after),
        )?;
        work.tx.execute(
            "DELETE FROM quarantine WHERE app = ?1 AND day >= ?2 AND day < ?3",
            (app, first, after),
        )?;
    }
    if let Part::Release(release) = part {
        work.tx.execute(
            "DELETE FROM quarantine WHERE app = ? AND release = ?",
            (app, release.as_str()),
        )?;
    }
    work.deltas.ledger(app, arrived, "erased", "", "", erased);
    match part {
        Part::App => triage::forget_all(work.tx, app)?,
        Part::Release(release) => triage::forget_release(work.tx, app, release)?,
        Part::Range { .. } => {}
    }
    triage::recount(work.tx, app)?;
    erase::drop_empty(work, app)?;
    sweep::sweep(work)?;
    Ok(erased)
}

/// Issues that the part tells of.
fn issues(work: &Work<'_>, values: &[&dyn ToSql; 4], reports: &str) -> rusqlite::Result<Vec<i64>> {
    let mut query = work.tx.prepare(&format!(
        "SELECT issue FROM issue_count WHERE {reports} UNION SELECT issue FROM report WHERE issue IS NOT NULL AND {reports}"
    ))?;
    let issues = query.query_map(&values[..], |row| row.get(0))?;
    issues.collect()
}

fn range(part: &Part) -> (i64, i64) {
    let limit = |seconds: u64| i64::try_from(seconds).unwrap_or(i64::MAX);
    match part {
        Part::App | Part::Release(_) => (0, i64::MAX),
        Part::Range { from, to } => (limit(*from), limit(*to)),
    }
}

/// Refuses what belongs to the part from now on.
fn bury(work: &Work<'_>, app: i64, part: &Part) -> rusqlite::Result<()> {
    let release = match part {
        Part::Release(release) => ids::erased_release(release).to_vec(),
        _ => Vec::new(),
    };
    let (first, after) = range(part);
    work.tx.execute(
        "INSERT INTO erased_part (app, release, first, after) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
        (app, release, first, after),
    )?;
    Ok(())
}

/// Takes out every run that the part tells of, and says which may have more to tell.
fn take_runs_out(
    work: &mut Work<'_>,
    app: i64,
    values: &[&dyn ToSql; 4],
    reports: &str,
) -> rusqlite::Result<Vec<(Vec<u8>, Vec<u8>)>> {
    let tx = work.tx;
    let told = format!("app = ?1 AND id IN (SELECT run FROM report WHERE {reports})");
    let whom = tx
        .prepare(&format!(
            "SELECT pseudonym FROM run WHERE {told} UNION SELECT pseudonym FROM run WHERE {reports}"
        ))?
        .query_map(&values[..], |row| row.get(0))?
        .collect::<rusqlite::Result<BTreeSet<Vec<u8>>>>()?;
    present::count_all(work, app, &whom, Sign::Take)?;
    let mut taken = Vec::new();
    for which in [told.as_str(), reports] {
        let mut query = tx.prepare(&format!("SELECT * FROM run WHERE {which}"))?;
        let mut rows = query.query(&values[..])?;
        while let Some(row) = rows.next()? {
            work.deltas.run(run::counted(&run::read(row)?), Sign::Take);
            taken.push((row.get("id")?, row.get("pseudonym")?));
        }
        drop(rows);
        tx.execute(&format!("DELETE FROM run WHERE {which}"), &values[..])?;
    }
    present::count_all(work, app, &whom, Sign::Add)?;
    Ok(taken)
}

/// Counts a run again by the reports that are left of it.
fn recount_run(work: &mut Work<'_>, app: i64, run: &[u8], who: &[u8]) -> rusqlite::Result<()> {
    let tx = work.tx;
    let mut query = tx
        .prepare_cached("SELECT written FROM report WHERE app = ? AND pseudonym = ? AND run = ?")?;
    let mut rows = query.query((app, who, run))?;
    while let Some(row) = rows.next()? {
        if let Ok(report) = body::report(row.get_ref(0)?.as_blob()?) {
            let cell = keep::cell(work, app, &report)?;
            run::update(work, cell, &report)?;
        }
    }
    Ok(())
}
