//! Reports themselves.

use super::triage;
use crate::store::{IssueId, body, ids};
use candor_protocol::deidentify::{Pseudonym, Release, ReportId};
use candor_protocol::report::Report;
use rusqlite::{OptionalExtension, Transaction};

/// The most reports of one answer.
const MOST: u32 = 1_000;

pub(in super::super) fn report(
    db: &Transaction<'_>,
    app: i64,
    id: ReportId,
) -> rusqlite::Result<Option<Report>> {
    let body: Option<Vec<u8>> = db
        .prepare_cached("SELECT written FROM report WHERE app = ? AND id = ?")?
        .query_row((app, ids::report(&id)), |row| row.get(0))
        .optional()?;
    Ok(body.and_then(|written| body::read(&written)))
}

pub(in super::super) fn issue_of(
    db: &Transaction<'_>,
    app: i64,
    id: ReportId,
) -> rusqlite::Result<Option<IssueId>> {
    let issue: Option<Option<i64>> = db
        .prepare_cached("SELECT issue FROM report WHERE app = ? AND id = ?")?
        .query_row((app, ids::report(&id)), |row| row.get(0))
        .optional()?;
    let Some(issue) = issue.flatten() else {
        return Ok(None);
    };
    let marks = triage::marks(db, app)?;
    Ok(Some(IssueId(marks.root(issue as u64))))
}

pub(in super::super) fn of_issue(
    db: &Transaction<'_>,
    app: i64,
    issue: IssueId,
    release: Option<&Release>,
    limit: u32,
    before: Option<ReportId>,
) -> rusqlite::Result<Vec<Report>> {
    let marks = triage::marks(db, app)?;
    let family = marks.family(marks.root(issue.0));
    of_family(db, app, &family, release, limit, before)
}

/// Reports of all of these issues, newest first.
pub(in super::super) fn of_family(
    db: &Transaction<'_>,
    app: i64,
    family: &[u64],
    release: Option<&Release>,
    limit: u32,
    before: Option<ReportId>,
) -> rusqlite::Result<Vec<Report>> {
    let before: Option<(i64, i64)> = match before {
        Some(id) => db
            .prepare_cached("SELECT at, seq FROM report WHERE app = ? AND id = ?")?
            .query_row((app, ids::report(&id)), |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .optional()?,
        None => Some((i64::MAX, i64::MAX)),
    };
    let Some((at, seq)) = before else {
        return Ok(Vec::new());
    };
    let of_release = match release {
        Some(_) => " AND release = (SELECT id FROM word WHERE text = ?5)",
        None => " AND ?5 IS NULL",
    };
    let mut query = db.prepare(&format!(
        "SELECT written FROM report WHERE app = ?1 AND issue {} AND (at, seq) < (?2, ?3){of_release} ORDER BY at DESC, seq DESC LIMIT ?4",
        triage::among(family)
    ))?;
    let release = release.map(Release::as_str);
    let mut rows = query.query((app, at, seq, limit.min(MOST), release))?;
    let mut reports = Vec::new();
    while let Some(row) = rows.next()? {
        reports.extend(body::read(row.get_ref(0)?.as_blob()?));
    }
    Ok(reports)
}

/// The most reports of one person's copy.
const COPY: usize = 10_000;

/// Everything of these pseudonyms.
pub(in super::super) fn of(
    db: &Transaction<'_>,
    app: i64,
    pseudonyms: &[Pseudonym],
) -> rusqlite::Result<Vec<Report>> {
    let mut query = db.prepare_cached(
        "SELECT seq, written FROM report WHERE app = ? AND pseudonym = ? ORDER BY seq LIMIT ?",
    )?;
    let mut found: Vec<(i64, Report)> = Vec::new();
    for pseudonym in pseudonyms {
        let mut rows = query.query((app, ids::pseudonym(pseudonym), COPY))?;
        while let Some(row) = rows.next()? {
            let seq = row.get(0)?;
            found.extend(body::read(row.get_ref(1)?.as_blob()?).map(|report| (seq, report)));
        }
    }
    found.sort_by_key(|(seq, _)| *seq);
    found.truncate(COPY);
    Ok(found.into_iter().map(|(_, report)| report).collect())
}
