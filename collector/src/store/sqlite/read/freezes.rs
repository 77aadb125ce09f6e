//! Issues of freezes, with how they froze.

use super::{RUNS, bounds, issues, quarters};
use crate::store::freeze_sum::FreezeSum;
use crate::store::sqlite::delta::from_json;
use crate::store::sqlite::remembered::Remembered;
use crate::store::subtract::Sum;
use crate::store::{FreezeRate, FreezeRates, FreezeRow, IssueFilter, IssueKind, Span};
use rusqlite::Transaction;
use std::collections::HashMap;

pub(in super::super) fn freezes(
    db: &Transaction<'_>,
    app: i64,
    span: Span,
    known: &Remembered,
) -> rusqlite::Result<Vec<FreezeRow>> {
    let (from, to) = bounds(span);
    let marks = &known.decided(db, app)?.marks;
    let mut sums: HashMap<u64, FreezeSum> = HashMap::new();
    let mut query = db
        .prepare_cached("SELECT issue, sum FROM freeze_sum WHERE app = ? AND at >= ? AND at < ?")?;
    let mut rows = query.query((app, from, to))?;
    while let Some(row) = rows.next()? {
        let sum: FreezeSum = from_json(row.get_ref(1)?.as_str()?)?;
        sums.entry(marks.root(row.get::<_, i64>(0)? as u64))
            .or_default()
            .merge(&sum);
    }
    let filter = IssueFilter {
        kind: Some(IssueKind::Freeze),
        ..IssueFilter::all(span, 0)
    };
    let list = issues::issues(db, app, &filter, known)?;
    Ok(list
        .rows
        .into_iter()
        .map(|row| sums.remove(&row.id.0).unwrap_or_default().of_issue(row))
        .collect())
}

pub(in super::super) fn rates(
    db: &Transaction<'_>,
    app: i64,
    span: Span,
) -> rusqlite::Result<FreezeRates> {
    Ok(FreezeRates {
        by_release: rates_by(db, app, span, "release")?,
        by_device: rates_by(db, app, span, "device")?,
    })
}

/// By one of the columns that summaries of runs and of issues share.
fn rates_by(
    db: &Transaction<'_>,
    app: i64,
    span: Span,
    column: &str,
) -> rusqlite::Result<Vec<FreezeRate>> {
    let (from, first, last, to) = quarters(span.as_one_step());
    let mut query = db.prepare_cached(&format!(
        "SELECT word.text, sum(freezes), sum(runs), sum(run_ms) AS time FROM (
             SELECT {column} AS class, 0 AS freezes, runs, run_ms FROM {RUNS}
             UNION ALL
             SELECT count.{column}, count.reports, 0, 0 FROM issue
             CROSS JOIN issue_count AS count ON count.app = issue.app AND count.issue = issue.id
             WHERE issue.app = ?1 AND issue.kind = 'freeze' AND count.at >= ?2 AND count.at < ?5
         ) JOIN word ON word.id = class
         GROUP BY class ORDER BY time DESC, word.text"
    ))?;
    query
        .query_map((app, from, first, last, to), |row| {
            Ok(FreezeRate {
                label: row.get(0)?,
                freezes: row.get(1)?,
                runs: row.get(2)?,
                run_ms: row.get(3)?,
            })
        })?
        .collect()
}
