//! Lists of issues.

use super::{Text, bounds};
use crate::store::issue_count::IssueCount;
use crate::store::{IssueFilter, IssueId, IssueKind, IssueRow, Span, issue_count};
use candor_protocol::deidentify::Release;
use rusqlite::Transaction;
use std::collections::BTreeMap;

pub(in super::super) fn issues(
    db: &Transaction<'_>,
    app: i64,
    filter: IssueFilter,
) -> rusqlite::Result<Vec<IssueRow>> {
    let span = filter.span;
    let (from, to) = bounds(span);
    let mut counted: BTreeMap<i64, IssueCount> = BTreeMap::new();

    let mut query = db.prepare_cached(
        "SELECT issue, at, sum(reports), sum(fatal) FROM issue_count
         WHERE app = ? AND at >= ? AND at < ? GROUP BY at, issue",
    )?;
    let mut rows = query.query((app, from, to))?;
    while let Some(row) = rows.next()? {
        counted
            .entry(row.get(0)?)
            .or_insert_with(|| IssueCount::new(span))
            .add(span, row.get(1)?, row.get(2)?, row.get(3)?);
    }

    let mut query = db.prepare_cached(
        "SELECT issue, count(DISTINCT run), count(DISTINCT pseudonym) FROM report
         WHERE app = ? AND issue IS NOT NULL AND at >= ? AND at < ? GROUP BY issue",
    )?;
    let mut rows = query.query((app, from, to))?;
    while let Some(row) = rows.next()? {
        if let Some(counted) = counted.get_mut(&row.get(0)?) {
            (counted.runs, counted.installs) = (row.get(1)?, row.get(2)?);
        }
    }

    let mut rows = Vec::with_capacity(counted.len());
    for (id, counted) in counted {
        rows.extend(
            row(db, app, id, counted)?
                .filter(|row| filter.kind.is_none_or(|kind| kind == row.kind)),
        );
    }
    issue_count::sort(&mut rows);
    Ok(rows)
}

/// One issue's row, whether or not it has a report in the range.
pub(super) fn one(
    db: &Transaction<'_>,
    app: i64,
    id: i64,
    span: Span,
) -> rusqlite::Result<Option<IssueRow>> {
    let (from, to) = bounds(span);
    let mut counted = IssueCount::new(span);
    let mut query = db.prepare_cached(
        "SELECT at, sum(reports), sum(fatal) FROM issue_count WHERE app = ? AND issue = ? AND at >= ? AND at < ? GROUP BY at",
    )?;
    let mut rows = query.query((app, id, from, to))?;
    while let Some(row) = rows.next()? {
        counted.add(span, row.get(0)?, row.get(1)?, row.get(2)?);
    }
    (counted.runs, counted.installs) = db
        .prepare_cached(
            "SELECT count(DISTINCT run), count(DISTINCT pseudonym) FROM report
             WHERE app = ? AND issue = ? AND at >= ? AND at < ?",
        )?
        .query_row((app, id, from, to), |row| Ok((row.get(0)?, row.get(1)?)))?;
    row(db, app, id, counted)
}

fn row(
    db: &Transaction<'_>,
    app: i64,
    id: i64,
    counted: IssueCount,
) -> rusqlite::Result<Option<IssueRow>> {
    let mut query =
        db.prepare_cached("SELECT kind, title, culprit FROM issue WHERE app = ? AND id = ?")?;
    let mut rows = query.query((app, id))?;
    let Some(issue) = rows.next()? else {
        return Ok(None);
    };
    let first = seen(db, app, id, "min")?;
    let last = seen(db, app, id, "max")?;
    let (Some((first_seen, first)), Some((last_seen, last))) = (first, last) else {
        return Ok(None);
    };
    let Some((first_release, last_release)) = issue_count::first_and_last(first, last) else {
        return Ok(None);
    };
    let Text(kind) = issue.get::<_, Text<IssueKind>>(0)?;
    let IssueCount {
        reports,
        fatal,
        runs,
        installs,
        spark,
    } = counted;
    Ok(Some(IssueRow {
        id: IssueId(id as u64),
        kind,
        title: issue.get(1)?,
        culprit: issue.get(2)?,
        reports,
        fatal,
        runs,
        installs,
        first_seen,
        last_seen,
        first_release,
        last_release,
        spark,
    }))
}

/// The first or the last time that an issue was seen, and the releases it was seen in then: with times rounded to the hour
/// there can be several.
fn seen(
    db: &Transaction<'_>,
    app: i64,
    id: i64,
    end: &str,
) -> rusqlite::Result<Option<(u64, Vec<Release>)>> {
    let at: Option<u64> = db
        .prepare_cached(&format!(
            "SELECT {end}(at) FROM issue_count WHERE app = ? AND issue = ?"
        ))?
        .query_row((app, id), |row| row.get(0))?;
    let Some(at) = at else { return Ok(None) };
    let mut query = db.prepare_cached(
        "SELECT DISTINCT word.text FROM issue_count JOIN word ON word.id = release WHERE app = ? AND issue = ? AND at = ?",
    )?;
    let releases = query.query_map((app, id, at), |row| Ok(row.get::<_, Text<Release>>(0)?.0))?;
    Ok(Some((at, releases.collect::<rusqlite::Result<_>>()?)))
}
