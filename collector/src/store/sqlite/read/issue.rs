//! One issue in full.

use super::{bounds, issues, triage};
use crate::store::sqlite::delta::from_json;
use crate::store::triage::turns;
use crate::store::{Breakdown, IssueFilter, IssueId, IssuePage, IssueWithin, Member, Span};
use candor_protocol::deidentify::Release;
use rusqlite::Transaction;
use std::cmp::Reverse;
use std::collections::BTreeMap;

pub(in super::super) fn issue(
    db: &Transaction<'_>,
    app: i64,
    id: IssueId,
    span: Span,
    now: u64,
) -> rusqlite::Result<Option<IssuePage>> {
    let marks = triage::marks(db, app)?;
    let root = marks.root(id.0);
    let filter = IssueFilter::all(span, now);
    let Some(row) = issues::one(db, app, root, &filter, &marks)? else {
        return Ok(None);
    };
    let family = marks.family(root);
    let (from, to) = bounds(span);
    let why: String = db
        .prepare_cached("SELECT why FROM issue WHERE app = ? AND id = ?")?
        .query_row((app, root as i64), |row| row.get(0))?;
    let runs_total: Option<u64> = db
        .prepare_cached("SELECT sum(runs) FROM run_count WHERE app = ? AND at >= ? AND at < ?")?
        .query_row((app, from, to), |row| row.get(0))?;
    let deeds = triage::deeds(db, app, &marks.voices(root))?;
    let facts = match deeds.is_empty() {
        true => Default::default(),
        false => triage::facts(db, app, &family)?,
    };
    let first = (row.first_seen, row.first_release.as_str());
    Ok(Some(IssuePage {
        turns: turns(root, &deeds, &facts, first, now),
        by_release: breakdown(db, app, &family, None, span, "release")?,
        by_os: breakdown(db, app, &family, None, span, "os")?,
        by_device: breakdown(db, app, &family, None, span, "device")?,
        trends: trends(db, app, &family, span)?,
        members: members(db, app, &marks.voices(root))?,
        why: from_json(&why)?,
        runs_total: runs_total.unwrap_or_default(),
        row,
    }))
}

/// One issue in one release.
pub(in super::super) fn within(
    db: &Transaction<'_>,
    app: i64,
    id: IssueId,
    release: &Release,
    span: Span,
) -> rusqlite::Result<IssueWithin> {
    let marks = triage::marks(db, app)?;
    let root = marks.root(id.0);
    let filter = IssueFilter {
        release: Some(release.to_string()),
        ..IssueFilter::all(span, 0)
    };
    let Some(row) = issues::one(db, app, root, &filter, &marks)? else {
        return Ok(IssueWithin::default());
    };
    let family = marks.family(root);
    let (from, to) = bounds(span);
    let runs_total: Option<u64> = db
        .prepare_cached(
            "SELECT sum(runs) FROM run_count WHERE app = ? AND at >= ? AND at < ?
             AND release = (SELECT id FROM word WHERE text = ?)",
        )?
        .query_row((app, from, to, release.as_str()), |row| row.get(0))?;
    Ok(IssueWithin {
        reports: row.reports,
        fatal: row.fatal,
        runs: row.runs,
        installs: row.installs,
        spark: row.spark,
        rising: row.rising,
        runs_total: runs_total.unwrap_or_default(),
        by_os: breakdown(db, app, &family, Some(release), span, "os")?,
        by_device: breakdown(db, app, &family, Some(release), span, "device")?,
    })
}

/// What was merged into an issue.
fn members(db: &Transaction<'_>, app: i64, family: &[u64]) -> rusqlite::Result<Vec<Member>> {
    let mut query = db.prepare_cached("SELECT title, why FROM issue WHERE app = ? AND id = ?")?;
    let mut members = Vec::new();
    for id in family.iter().skip(1) {
        let mut rows = query.query((app, *id as i64))?;
        if let Some(row) = rows.next()? {
            members.push(Member {
                id: IssueId(*id),
                title: row.get(0)?,
                why: from_json(row.get_ref(1)?.as_str()?)?,
            });
        }
    }
    Ok(members)
}

/// Reports per step in each release.
fn trends(
    db: &Transaction<'_>,
    app: i64,
    family: &[u64],
    span: Span,
) -> rusqlite::Result<Vec<(String, Vec<u32>)>> {
    let (from, to) = bounds(span);
    let mut query = db.prepare(&format!(
        "SELECT word.text, at, reports FROM issue_count JOIN word ON word.id = release
         WHERE app = ? AND issue {} AND at >= ? AND at < ?",
        triage::among(family)
    ))?;
    let mut rows = query.query((app, from, to))?;
    let mut trends: BTreeMap<String, Vec<u32>> = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let steps = trends
            .entry(row.get(0)?)
            .or_insert_with(|| vec![0; span.steps()]);
        let step = span.index(row.get(1)?);
        if let Some(step) = step.and_then(|index| steps.get_mut(index)) {
            *step = step.saturating_add(row.get(2)?);
        }
    }
    let mut trends: Vec<_> = trends.into_iter().collect();
    let sum = |steps: &[u32]| steps.iter().map(|&step| u64::from(step)).sum::<u64>();
    trends.sort_by_key(|(_, steps)| Reverse(sum(steps)));
    Ok(trends)
}

/// By one of the columns that reports and summaries share, of one release or of all; most reports first.
fn breakdown(
    db: &Transaction<'_>,
    app: i64,
    family: &[u64],
    release: Option<&Release>,
    span: Span,
    column: &str,
) -> rusqlite::Result<Vec<Breakdown>> {
    let (from, to) = bounds(span);
    let among = triage::among(family);
    let of_release = match release {
        Some(_) => "release = (SELECT id FROM word WHERE text = ?4)",
        None => "?4 IS NULL",
    };
    let mut query = db.prepare(&format!(
        "SELECT word.text, mine.reports, mine.runs,
             (SELECT coalesce(sum(runs), 0) FROM run_count
              WHERE app = ?1 AND at >= ?2 AND at < ?3 AND {of_release} AND {column} = mine.class)
         FROM (SELECT {column} AS class, count(*) AS reports, count(DISTINCT run) AS runs FROM report INDEXED BY report_issue
               WHERE app = ?1 AND issue {among} AND at >= ?2 AND at < ?3 AND {of_release} GROUP BY {column}) AS mine
         JOIN word ON word.id = mine.class
         ORDER BY mine.reports DESC, word.text"
    ))?;
    query
        .query_map((app, from, to, release.map(Release::as_str)), |row| {
            Ok(Breakdown {
                label: row.get(0)?,
                reports: row.get(1)?,
                runs: row.get(2)?,
                of: row.get(3)?,
            })
        })?
        .collect()
}
