//! One issue in full.

use super::{RUNS, bounds, issues, quarters, triage};
use crate::store::sqlite::delta::from_json;
use crate::store::sqlite::remembered::Remembered;
use crate::store::triage::turns;
use crate::store::{Breakdown, IssueFilter, IssueId, IssuePage, IssueWithin, Member, Span};
use candor_protocol::deidentify::Release;
use rusqlite::Transaction;
use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap, HashSet};

pub(in super::super) fn issue(
    db: &Transaction<'_>,
    app: i64,
    id: IssueId,
    span: Span,
    now: u64,
    known: &Remembered,
) -> rusqlite::Result<Option<IssuePage>> {
    let decided = known.decided(db, app)?;
    let marks = &decided.marks;
    let root = marks.root(id.0);
    let filter = IssueFilter::all(span, now);
    let Some(row) = issues::one(db, app, root, &filter, &decided)? else {
        return Ok(None);
    };
    let family = marks.family(root);
    let why: String = db
        .prepare_cached("SELECT why FROM issue WHERE app = ? AND id = ?")?
        .query_row((app, root as i64), |row| row.get(0))?;
    let deeds = triage::deeds(db, app, &marks.voices(root))?;
    let facts = match deeds.is_empty() {
        true => Default::default(),
        false => triage::shown(db, app, &family)?,
    };
    let (runs_total, [by_release, by_os, by_device]) = breakdowns(db, app, &family, None, span)?;
    let first_seen = (row.first_seen, row.first_release.as_str());
    Ok(Some(IssuePage {
        turns: turns(root, &deeds, &facts, first_seen, now),
        by_release,
        by_os,
        by_device,
        trends: trends(db, app, &family, span)?,
        members: members(db, app, &marks.voices(root))?,
        why: from_json(&why)?,
        runs_total,
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
    known: &Remembered,
) -> rusqlite::Result<IssueWithin> {
    let decided = known.decided(db, app)?;
    let marks = &decided.marks;
    let root = marks.root(id.0);
    let filter = IssueFilter {
        release: Some(release.to_string()),
        ..IssueFilter::all(span, 0)
    };
    let Some(row) = issues::one(db, app, root, &filter, &decided)? else {
        return Ok(IssueWithin::default());
    };
    let family = marks.family(root);
    let (runs_total, [_, by_os, by_device]) = breakdowns(db, app, &family, Some(release), span)?;
    Ok(IssueWithin {
        reports: row.reports,
        fatal: row.fatal,
        runs: row.runs,
        installs: row.installs,
        spark: row.spark,
        rising: row.rising,
        runs_total,
        by_os,
        by_device,
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

/// Reports and runs by class.
type Classes = HashMap<i64, (u64, HashSet<[u8; 16]>)>;

/// All runs of a range, of one release or of all, and by release, operating system and class of machine those that met an issue; most
/// reports first.
fn breakdowns(
    db: &Transaction<'_>,
    app: i64,
    family: &[u64],
    release: Option<&Release>,
    span: Span,
) -> rusqlite::Result<(u64, [Vec<Breakdown>; 3])> {
    let (from, to) = bounds(span);
    let mut query = db.prepare(&format!(
        "SELECT release, os, device, run FROM report INDEXED BY report_issue
         WHERE app = ?1 AND issue {} AND at >= ?2 AND at < ?3 AND {}",
        triage::among(family),
        of_release(release)
    ))?;
    let mut rows = query.query((app, from, to, release.map(Release::as_str)))?;
    let mut mine: [Classes; 3] = Default::default();
    while let Some(row) = rows.next()? {
        let run = row.get(3)?;
        for (column, classes) in mine.iter_mut().enumerate() {
            let (reports, runs) = classes.entry(row.get(column)?).or_default();
            *reports += 1;
            runs.insert(run);
        }
    }
    let (total, all) = runs_by(db, app, release, span)?;
    let mut word = db.prepare_cached("SELECT text FROM word WHERE id = ?")?;
    let mut told = [Vec::new(), Vec::new(), Vec::new()];
    for ((classes, mut of), rows) in mine.into_iter().zip(all).zip(&mut told) {
        for (class, (reports, runs)) in classes {
            rows.push(Breakdown {
                label: word.query_row([class], |row| row.get(0))?,
                reports,
                runs: runs.len() as u64,
                of: of.remove(&class).unwrap_or_default(),
            });
        }
        rows.sort_by(|a, b| (b.reports, &a.label).cmp(&(a.reports, &b.label)));
    }
    Ok((total, told))
}

/// The fourth value as a release, or any where there is none.
const fn of_release(release: Option<&Release>) -> &'static str {
    match release {
        Some(_) => "release = (SELECT id FROM word WHERE text = ?4)",
        None => "?4 IS NULL",
    }
}

/// All runs of a range, and by release, operating system and class of machine.
fn runs_by(
    db: &Transaction<'_>,
    app: i64,
    release: Option<&Release>,
    span: Span,
) -> rusqlite::Result<(u64, [HashMap<i64, u64>; 3])> {
    let (from, first, last, to) = quarters(span.as_one_step());
    let of = match release {
        Some(_) => "release = (SELECT id FROM word WHERE text = ?6)",
        None => "?6 IS NULL",
    };
    let mut query = db.prepare_cached(&format!(
        "SELECT release, os, device, runs FROM {RUNS} WHERE {of}"
    ))?;
    let release = release.map(Release::as_str);
    let mut rows = query.query((app, from, first, last, to, release))?;
    let mut total = 0;
    let mut all: [HashMap<i64, u64>; 3] = Default::default();
    while let Some(row) = rows.next()? {
        let runs: u64 = row.get(3)?;
        total += runs;
        for (column, by) in all.iter_mut().enumerate() {
            *by.entry(row.get(column)?).or_default() += runs;
        }
    }
    Ok((total, all))
}
