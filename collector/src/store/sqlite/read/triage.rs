//! What was said about issues, and what is counted of them for it.

use crate::store::sqlite::delta::from_json;
use crate::store::triage::{Deed, Facts, Marks, Said};
use crate::store::versions;
use rusqlite::{OptionalExtension, Row, Transaction};
use std::collections::HashSet;

/// What counts now.
pub(in super::super) fn marks(db: &Transaction<'_>, app: i64) -> rusqlite::Result<Marks> {
    let mut query = db.prepare_cached(
        "SELECT issue, said FROM triage WHERE app = ? AND aspect IN ('state', 'assignee', 'into') AND latest",
    )?;
    let rows = query.query_map([app], |row| {
        let said: Said = from_json(row.get_ref(1)?.as_str()?)?;
        Ok((row.get::<_, i64>(0)? as u64, said))
    })?;
    let rows = rows.collect::<rusqlite::Result<Vec<_>>>()?;
    let mut gone = HashSet::new();
    for (issue, said) in &rows {
        let asked: &[u64] = match said {
            Said::Merged(into) => &[*into],
            Said::Went(into) => &[*issue, *into],
            _ => &[],
        };
        for one in asked {
            if kind(db, app, *one)?.is_none() {
                gone.insert(*one);
            }
        }
    }
    Ok(Marks::read(rows, |issue| !gone.contains(&issue)))
}

/// The kind of an issue, if there is one.
pub(in super::super) fn kind(
    db: &Transaction<'_>,
    app: i64,
    issue: u64,
) -> rusqlite::Result<Option<String>> {
    db.prepare_cached("SELECT kind FROM issue WHERE app = ? AND id = ?")?
        .query_row((app, issue as i64), |row| row.get(0))
        .optional()
}

/// Issues as SQL: what stands behind a column.
pub(in super::super) fn among(issues: &[u64]) -> String {
    match issues {
        [one] => format!("= {}", *one as i64),
        many => {
            let many: Vec<String> = many.iter().map(|id| (*id as i64).to_string()).collect();
            format!("IN ({})", many.join(","))
        }
    }
}

/// What is counted of issues together.
pub(in super::super) fn facts(
    db: &Transaction<'_>,
    app: i64,
    issues: &[u64],
) -> rusqlite::Result<Facts> {
    let among = among(issues);
    let mut facts = Facts::default();
    let mut query = db.prepare(&format!(
        "SELECT word.text, min(at), sum(reports) FROM issue_count JOIN word ON word.id = release
         WHERE app = ? AND issue {among} GROUP BY release"
    ))?;
    let mut rows = query.query([app])?;
    while let Some(row) = rows.next()? {
        facts.seen.insert(row.get(0)?, row.get(1)?);
        facts.reports += row.get::<_, u64>(2)?;
    }
    facts.installs = installs(db, app, issues)?;
    Ok(facts)
}

/// How many installations are behind the reports of issues that are kept.
fn installs(db: &Transaction<'_>, app: i64, issues: &[u64]) -> rusqlite::Result<u64> {
    db.prepare(&format!(
        "SELECT count(DISTINCT pseudonym) FROM report WHERE app = ? AND issue {}",
        among(issues)
    ))?
    .query_row([app], |row| row.get(0))
}

/// What of [`facts`] a state asks for: when releases were first seen is left out.
pub(in super::super) fn facts_for(
    db: &Transaction<'_>,
    app: i64,
    issues: &[u64],
    said: &Said,
) -> rusqlite::Result<Facts> {
    let mut facts = Facts::default();
    let mut query = db.prepare_cached(
        "SELECT word.text, reports FROM issue_release JOIN word ON word.id = release WHERE app = ? AND issue = ?",
    )?;
    for issue in issues {
        let mut rows = query.query((app, *issue as i64))?;
        while let Some(row) = rows.next()? {
            facts.seen.insert(row.get(0)?, 0);
            facts.reports += row.get::<_, u64>(1)?;
        }
    }
    if said.asks_installs() {
        facts.installs = installs(db, app, issues)?;
    }
    Ok(facts)
}

/// The latest release that had a run or an issue.
pub(in super::super) fn latest_release(
    db: &Transaction<'_>,
    app: i64,
) -> rusqlite::Result<Option<String>> {
    let mut query = db.prepare_cached(
        "SELECT text FROM word WHERE id IN (SELECT release FROM run_count WHERE app = ?1)
             OR id IN (SELECT release FROM issue_release WHERE app = ?1)",
    )?;
    let releases = query.query_map([app], |row| row.get::<_, String>(0))?;
    let releases = releases.collect::<rusqlite::Result<Vec<_>>>()?;
    Ok(releases.into_iter().max_by(|a, b| versions::compare(a, b)))
}

/// Everything that was said about issues, in its order.
pub(in super::super) fn deeds(
    db: &Transaction<'_>,
    app: i64,
    issues: &[u64],
) -> rusqlite::Result<Vec<Deed>> {
    let mut query = db.prepare(&format!(
        "SELECT issue, at, who, said FROM triage WHERE app = ? AND issue {} ORDER BY at, seq",
        among(issues)
    ))?;
    query.query_map([app], deed)?.collect()
}

/// A deed, of its issue, moment, person and words.
pub(in super::super) fn deed(row: &Row<'_>) -> rusqlite::Result<Deed> {
    Ok(Deed {
        issue: row.get::<_, i64>(0)? as u64,
        at: row.get(1)?,
        who: row.get(2)?,
        said: from_json(row.get_ref(3)?.as_str()?)?,
    })
}
