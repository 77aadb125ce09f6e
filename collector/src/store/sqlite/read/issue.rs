//! One issue in full.

use super::{bounds, issues};
use crate::store::sqlite::delta::from_json;
use crate::store::{Breakdown, IssueId, IssuePage, Span};
use rusqlite::Transaction;

pub(in super::super) fn issue(
    db: &Transaction<'_>,
    app: i64,
    id: IssueId,
    span: Span,
) -> rusqlite::Result<Option<IssuePage>> {
    let id = id.0 as i64;
    let Some(row) = issues::one(db, app, id, span)? else {
        return Ok(None);
    };
    let (from, to) = bounds(span);
    let why: String = db
        .prepare_cached("SELECT why FROM issue WHERE app = ? AND id = ?")?
        .query_row((app, id), |row| row.get(0))?;
    let runs_total: Option<u64> = db
        .prepare_cached("SELECT sum(runs) FROM run_count WHERE app = ? AND at >= ? AND at < ?")?
        .query_row((app, from, to), |row| row.get(0))?;
    Ok(Some(IssuePage {
        row,
        by_release: breakdown(db, app, id, span, "release")?,
        by_os: breakdown(db, app, id, span, "os")?,
        by_device: breakdown(db, app, id, span, "device")?,
        why: from_json(&why)?,
        runs_total: runs_total.unwrap_or_default(),
    }))
}

/// By one of the columns that reports and summaries share; most reports first.
fn breakdown(
    db: &Transaction<'_>,
    app: i64,
    id: i64,
    span: Span,
    column: &str,
) -> rusqlite::Result<Vec<Breakdown>> {
    let (from, to) = bounds(span);
    let mut query = db.prepare_cached(&format!(
        "SELECT word.text, mine.reports, mine.runs,
             (SELECT coalesce(sum(runs), 0) FROM run_count WHERE app = ?1 AND at >= ?3 AND at < ?4 AND {column} = mine.class)
         FROM (SELECT {column} AS class, count(*) AS reports, count(DISTINCT run) AS runs FROM report
               WHERE app = ?1 AND issue = ?2 AND at >= ?3 AND at < ?4 GROUP BY {column}) AS mine
         JOIN word ON word.id = mine.class
         ORDER BY mine.reports DESC, word.text"
    ))?;
    query
        .query_map((app, id, from, to), |row| {
            Ok(Breakdown {
                label: row.get(0)?,
                reports: row.get(1)?,
                runs: row.get(2)?,
                of: row.get(3)?,
            })
        })?
        .collect()
}
