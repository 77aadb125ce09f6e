//! What was said about issues, and what is counted of them for it.

use super::issues::each_day;
use crate::store::issue_day::Hours;
use crate::store::sqlite::class::Class;
use crate::store::sqlite::delta::from_json;
use crate::store::triage::{CAME, Deed, Facts, Marks, Said};
use crate::store::{IssueId, versions};
use rusqlite::{OptionalExtension, Row, Transaction};
use std::collections::{BTreeMap, BTreeSet, HashSet};

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

/// All numbers of issues.
pub(in super::super) fn numbers(
    db: &Transaction<'_>,
    app: i64,
    asked: &[IssueId],
    marks: &Marks,
) -> rusqlite::Result<BTreeMap<IssueId, Vec<IssueId>>> {
    let roots: BTreeSet<u64> = asked.iter().map(|issue| marks.root(issue.0)).collect();
    let mut there = Vec::with_capacity(roots.len());
    for root in roots {
        if kind(db, app, root)?.is_some() {
            there.push(root);
        }
    }
    let mut query = db.prepare(&format!(
        "SELECT issue, said FROM triage WHERE app = ? AND issue {} AND aspect = '{CAME}' ORDER BY at, seq",
        among(&there)
    ))?;
    let mut rows = query.query([app])?;
    let mut came = Vec::new();
    while let Some(row) = rows.next()? {
        if let Said::Came(from) = from_json(row.get_ref(1)?.as_str()?)? {
            came.push((from, row.get::<_, i64>(0)? as u64));
        }
    }
    Ok(marks.numbers(asked, |root| there.contains(&root), &came))
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

/// When releases first showed issues; how often and whom they met is left out.
pub(in super::super) fn shown(
    db: &Transaction<'_>,
    app: i64,
    issues: &[u64],
) -> rusqlite::Result<Facts> {
    let mut facts = Facts::default();
    let mut query = db.prepare(&format!(
        "SELECT word.text, first FROM
             (SELECT release, min(at) AS first FROM issue_count WHERE app = ? AND issue {} GROUP BY release)
         JOIN word ON word.id = release",
        among(issues)
    ))?;
    let mut rows = query.query([app])?;
    while let Some(row) = rows.next()? {
        facts.seen.insert(row.get(0)?, row.get(1)?);
    }
    Ok(facts)
}

/// How many installations are behind the reports of issues that are kept.
fn installs(db: &Transaction<'_>, app: i64, issues: &[u64]) -> rusqlite::Result<u64> {
    let [one] = issues else {
        return db
            .prepare(&format!(
                "SELECT count(DISTINCT pseudonym) FROM report INDEXED BY report_issue WHERE app = ? AND issue {}",
                among(issues)
            ))?
            .query_row([app], |row| row.get(0));
    };
    let mut installs = 0;
    let ever = (0, i64::MAX as u64);
    each_day(db, app, *one, Class::ALL, ever, |day, packed| {
        installs += Hours::ALL.total(day, packed, |_, _| {}).installs;
    })?;
    Ok(installs)
}

/// How many installations met each of these issues for the first time in a day.
pub(in super::super) fn installs_in(
    db: &Transaction<'_>,
    app: i64,
    day: u64,
    issues: &[u64],
) -> rusqlite::Result<Vec<(u64, u64)>> {
    let mut query =
        db.prepare_cached("SELECT hours FROM issue_day WHERE app = ? AND day = ? AND issue = ?")?;
    let mut met = Vec::new();
    for issue in issues {
        let mut rows = query.query((app, day, *issue as i64))?;
        if let Some(row) = rows.next()? {
            let hours = row.get_ref(0)?.as_blob()?;
            let installs = Hours::ALL.total(day, hours, |_, _| {}).installs;
            met.push((*issue, installs));
        }
    }
    met.shrink_to_fit();
    Ok(met)
}

/// What is counted of issues for what is said about them; when releases were first seen is left out.
pub(in super::super) fn facts(
    db: &Transaction<'_>,
    app: i64,
    issues: &[u64],
    asks_installs: bool,
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
    if asks_installs {
        facts.installs = installs(db, app, issues)?;
    }
    Ok(facts)
}

/// The latest release that had a run or an issue.
pub(in super::super) fn latest_release(
    db: &Transaction<'_>,
    app: i64,
) -> rusqlite::Result<Option<String>> {
    // From one release to the next, instead of over all rows.
    let mut query = db.prepare_cached(
        "WITH RECURSIVE
         ran (release) AS (
             SELECT min(release) FROM run_count WHERE app = ?1 UNION ALL
             SELECT (SELECT min(release) FROM run_count WHERE app = ?1 AND release > ran.release) FROM ran WHERE release IS NOT NULL
         ),
         shown (release) AS (
             SELECT min(release) FROM issue_release WHERE app = ?1 UNION ALL
             SELECT (SELECT min(release) FROM issue_release WHERE app = ?1 AND release > shown.release) FROM shown WHERE release IS NOT NULL
         )
         SELECT text FROM word WHERE id IN (SELECT release FROM ran UNION SELECT release FROM shown)",
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
