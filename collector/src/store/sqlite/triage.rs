//! What a team does to issues.

use super::read::triage;
use super::stamp;
use super::writer::Work;
use crate::store::IssueId;
use crate::store::triage::{By, Change, Said};
use candor_protocol::deidentify::Release;
use rusqlite::Transaction;
use std::collections::BTreeSet;

/// Does something to issues; to how many.
pub(super) fn triage(
    work: &mut Work<'_>,
    app: &str,
    issues: &[IssueId],
    change: &Change,
    by: &By,
) -> rusqlite::Result<u64> {
    let Some(app) = work.app(app)? else {
        return Ok(0);
    };
    // What is written down of an issue's counts includes what this transaction has counted so far.
    std::mem::take(&mut work.deltas).write(work.tx)?;
    let tx = work.tx;
    let mut done: BTreeSet<u64> = BTreeSet::new();
    let moves = matches!(change, Change::Merge(_) | Change::Split);
    // Only the next release asks for the latest one, and it is the same for all.
    let latest = match change {
        Change::Resolve(None) => triage::latest_release(tx, app)?,
        _ => None,
    };
    let mut marks = triage::marks(tx, app)?;
    for (index, id) in issues.iter().enumerate() {
        if moves && index > 0 {
            marks = triage::marks(tx, app)?;
        }
        let root = marks.root(id.0);
        let Some(kind) = triage::kind(tx, app, root)? else {
            continue;
        };
        match change {
            Change::Merge(into) => {
                let into = marks.root(into.0);
                if into != root && triage::kind(tx, app, into)? == Some(kind) {
                    write(tx, app, root, by, &Said::Merged(into))?;
                    write(tx, app, into, by, &Said::Took(root))?;
                    done.insert(root);
                }
            }
            Change::Split => {
                if let Some(from) = marks.merged_into(id.0) {
                    write(tx, app, id.0, by, &Said::Split(from))?;
                    write(tx, app, from, by, &Said::Gave(id.0))?;
                    done.insert(id.0);
                }
            }
            _ if done.contains(&root) => {}
            alone => {
                let ignored = matches!(alone, Change::Ignore(_));
                let facts = triage::facts(tx, app, &marks.family(root), ignored)?;
                if let Some(said) = Said::of(alone, &facts, latest.clone()) {
                    write(tx, app, root, by, &said)?;
                    done.insert(root);
                }
            }
        }
    }
    Ok(done.len() as u64)
}

fn write(tx: &Transaction<'_>, app: i64, issue: u64, by: &By, said: &Said) -> rusqlite::Result<()> {
    let aspect = said.aspect();
    if !aspect.is_empty() {
        tx.prepare_cached(
            "UPDATE triage SET latest = 0 WHERE app = ? AND issue = ? AND aspect = ? AND latest",
        )?
        .execute((app, issue as i64, aspect))?;
    }
    tx.prepare_cached(
        "INSERT INTO triage (app, issue, at, who, aspect, latest, said) VALUES (?, ?, ?, ?, ?, ?, ?)",
    )?
    .execute((
        app,
        issue as i64,
        by.at as i64,
        by.who.as_str(),
        aspect,
        !aspect.is_empty(),
        super::delta::to_json(said)?,
    ))?;
    stamp::said(tx, app)
}

/// Forgets what was said of issues that nothing is counted of any more.
pub(super) fn forget_gone(tx: &Transaction<'_>, app: i64) -> rusqlite::Result<()> {
    tx.prepare_cached(
        "DELETE FROM triage WHERE app = ?1 AND issue NOT IN (SELECT id FROM issue WHERE app = ?1)",
    )?
    .execute([app])?;
    stamp::said(tx, app)
}

/// Forgets everything that was said about an app.
pub(super) fn forget_all(tx: &Transaction<'_>, app: i64) -> rusqlite::Result<()> {
    tx.execute("DELETE FROM triage WHERE app = ?", [app])?;
    stamp::said(tx, app)
}

/// Takes the name of a release out of what was said.
pub(super) fn forget_release(
    tx: &Transaction<'_>,
    app: i64,
    release: &Release,
) -> rusqlite::Result<()> {
    let mut query =
        tx.prepare("SELECT seq, said FROM triage WHERE app = ? AND aspect = 'state'")?;
    let rows = query.query_map([app], |row| {
        let said: Said = super::delta::from_json(row.get_ref(1)?.as_str()?)?;
        Ok((row.get::<_, i64>(0)?, said))
    })?;
    for row in rows.collect::<rusqlite::Result<Vec<_>>>()? {
        if let Some(left) = row.1.without(release.as_str()) {
            tx.execute(
                "UPDATE triage SET said = ? WHERE seq = ?",
                (super::delta::to_json(&left)?, row.0),
            )?;
        }
    }
    stamp::said(tx, app)
}

/// Counts again which releases have shown which issues, and when those were seen, after cells were deleted.
pub(super) fn recount(tx: &Transaction<'_>, app: i64) -> rusqlite::Result<()> {
    tx.execute("DELETE FROM issue_release WHERE app = ?", [app])?;
    tx.execute(
        "INSERT INTO issue_release SELECT app, issue, release, sum(reports) FROM issue_count
         WHERE app = ? GROUP BY issue, release",
        [app],
    )?;
    stamp::said(tx, app)
}
