//! Builds that were met without their symbols.

use super::Text;
use crate::store::{IssueId, Unnamed, Waiting};
use candor_protocol::deidentify::BuildId;
use rusqlite::Transaction;

pub(in super::super) fn unnamed(db: &Transaction<'_>, app: i64) -> rusqlite::Result<Vec<Unnamed>> {
    let mut query = db.prepare_cached(
        "SELECT build, max(module), count(DISTINCT issue), sum(counted.reports), min(first), max(last)
         FROM unnamed JOIN
             (SELECT issue, release, sum(reports) AS reports, min(at) AS first, max(at) AS last FROM issue_count
              WHERE app = ?1 AND (issue, release) IN (SELECT issue, release FROM unnamed WHERE app = ?1)
              GROUP BY issue, release) AS counted USING (issue, release)
         WHERE app = ?1 GROUP BY build ORDER BY sum(counted.reports) DESC, build",
    )?;
    let rows = query.query_map([app], |row| {
        Ok(Unnamed {
            build: row.get::<_, Text<BuildId>>(0)?.0,
            module: row.get(1)?,
            issues: row.get(2)?,
            reports: row.get(3)?,
            first_seen: row.get(4)?,
            last_seen: row.get(5)?,
        })
    })?;
    rows.collect()
}

pub(in super::super) fn waiting(
    db: &Transaction<'_>,
    app: i64,
    builds: &[BuildId],
) -> rusqlite::Result<Vec<Waiting>> {
    let mut query = db.prepare_cached(
        "SELECT issue, word.text, met FROM unnamed JOIN word ON word.id = release WHERE app = ? AND build = ?
         ORDER BY issue, word.text",
    )?;
    let mut waiting = Vec::new();
    for build in builds {
        let rows = query.query_map((app, build.as_str()), |row| {
            Ok(Waiting {
                issue: IssueId(row.get::<_, i64>(0)? as u64),
                build: build.clone(),
                release: row.get(1)?,
                met: row.get(2)?,
            })
        })?;
        for row in rows {
            waiting.push(row?);
        }
    }
    Ok(waiting)
}
