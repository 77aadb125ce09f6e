//! What a team does to issues.

use super::read::triage;
use super::writer::Work;
use crate::store::IssueId;
use crate::store::triage::{By, CAME, Change, Deed, Said, gone, inherited, related};
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
    for id in issues {
        let marks = triage::marks(tx, app)?;
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
                let facts = triage::facts(tx, app, &marks.family(root))?;
                let latest = triage::latest_release(tx, app)?;
                if let Some(said) = Said::of(alone, &facts, latest) {
                    write(tx, app, root, by, &said)?;
                    done.insert(root);
                }
            }
        }
    }
    Ok(done.len() as u64)
}

fn write(tx: &Transaction<'_>, app: i64, issue: u64, by: &By, said: &Said) -> rusqlite::Result<()> {
    let (at, who, said) = (by.at, by.who.as_str().to_owned(), said.clone());
    let deed = Deed {
        issue,
        at,
        who,
        said,
    };
    write_deed(tx, app, &deed)
}

/// Writes a row of the log, at its own time: something may have been said later.
fn write_deed(tx: &Transaction<'_>, app: i64, deed: &Deed) -> rusqlite::Result<()> {
    let aspect = deed.said.aspect();
    let issue = deed.issue as i64;
    let is_latest = match aspect {
        "" => false,
        CAME => true,
        aspect => {
            tx.prepare_cached(
                "UPDATE triage SET latest = 0 WHERE app = ? AND issue = ? AND aspect = ? AND latest AND at <= ?",
            )?
            .execute((app, issue, aspect, deed.at as i64))?;
            !tx.prepare_cached(
                "SELECT 1 FROM triage WHERE app = ? AND issue = ? AND aspect = ? AND latest",
            )?
            .exists((app, issue, aspect))?
        }
    };
    tx.prepare_cached(
        "INSERT INTO triage (app, issue, at, who, aspect, latest, said) VALUES (?, ?, ?, ?, ?, ?, ?)",
    )?
    .execute((
        app,
        issue,
        deed.at as i64,
        &deed.who,
        aspect,
        is_latest,
        super::delta::to_json(&deed.said)?,
    ))?;
    Ok(())
}

/// Says of the issue `to` what was said of `from`, whose reports are counted in it now.
pub(super) fn inherit(
    tx: &Transaction<'_>,
    app: i64,
    from: u64,
    to: u64,
    at: u64,
) -> rusqlite::Result<()> {
    let before = triage::deeds(tx, app, &[from])?;
    let known = triage::deeds(tx, app, &[to])?;
    let marks = triage::marks(tx, app)?;
    let new = inherited((from, &before), (to, &known), &marks, at);
    new.iter().try_for_each(|deed| write_deed(tx, app, deed))
}

/// Says that reports that were grouped as `before` are grouped as `now`.
pub(super) fn relate(
    work: &mut Work<'_>,
    app: &str,
    before: IssueId,
    now: IssueId,
    at: u64,
) -> rusqlite::Result<()> {
    let Some(app) = work.app(app)? else {
        return Ok(());
    };
    std::mem::take(&mut work.deltas).write(work.tx)?;
    let tx = work.tx;
    let marks = triage::marks(tx, app)?;
    let mut all = vec![before.0, now.0, marks.root(before.0), marks.root(now.0)];
    let mut there = BTreeSet::new();
    for issue in &all {
        if triage::kind(tx, app, *issue)?.is_some() {
            there.insert(*issue);
        }
    }
    all.sort();
    all.dedup();
    let said = triage::deeds(tx, app, &all)?;
    let is_there = |issue| there.contains(&issue);
    let new = related(before.0, now.0, &said, &marks, is_there, at);
    new.iter().try_for_each(|deed| write_deed(tx, app, deed))
}

/// Says that `from` is shown as `to` from now on.
pub(super) fn leave(
    tx: &Transaction<'_>,
    app: i64,
    from: u64,
    to: u64,
    at: u64,
) -> rusqlite::Result<()> {
    let new = gone(from, to, &triage::marks(tx, app)?, at);
    new.iter().try_for_each(|deed| write_deed(tx, app, deed))
}

/// Issues that reports of `from` went to and that are there, each with how many reports it has.
pub(super) fn came_from(
    tx: &Transaction<'_>,
    app: i64,
    from: u64,
) -> rusqlite::Result<Vec<(u64, i64)>> {
    let mut query = tx.prepare_cached(
        "SELECT DISTINCT issue, (SELECT sum(reports) FROM issue_release AS r WHERE r.app = t.app AND r.issue = t.issue) AS reports
         FROM triage AS t WHERE app = ? AND aspect = 'came' AND latest AND said = ? AND reports > 0",
    )?;
    let said = super::delta::to_json(&Said::Came(from))?;
    let rows = query.query_map((app, said), |row| {
        Ok((row.get::<_, i64>(0)? as u64, row.get(1)?))
    })?;
    rows.collect()
}

/// Forgets what was said of issues that nothing is counted of any more, unless they lead to one of which something is.
pub(super) fn forget_gone(tx: &Transaction<'_>, app: i64) -> rusqlite::Result<()> {
    let mut query = tx.prepare_cached(
        "SELECT DISTINCT issue FROM triage WHERE app = ?1 AND issue NOT IN (SELECT id FROM issue WHERE app = ?1)",
    )?;
    let gone = query.query_map([app], |row| Ok(row.get::<_, i64>(0)? as u64))?;
    let gone = gone.collect::<rusqlite::Result<Vec<_>>>()?;
    if gone.is_empty() {
        return Ok(());
    }
    let marks = triage::marks(tx, app)?;
    for issue in gone {
        if marks.root(issue) == issue {
            tx.prepare_cached("DELETE FROM triage WHERE app = ? AND issue = ?")?
                .execute((app, issue as i64))?;
        }
    }
    Ok(())
}

/// Forgets everything that was said about an app.
pub(super) fn forget_all(tx: &Transaction<'_>, app: i64) -> rusqlite::Result<()> {
    tx.execute("DELETE FROM triage WHERE app = ?", [app])?;
    Ok(())
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
    Ok(())
}

/// Counts again which releases have shown which issues, and when those were seen, after cells were deleted.
pub(super) fn recount(tx: &Transaction<'_>, app: i64) -> rusqlite::Result<()> {
    tx.execute("DELETE FROM issue_release WHERE app = ?", [app])?;
    tx.execute(
        "INSERT INTO issue_release SELECT app, issue, release, sum(reports) FROM issue_count
         WHERE app = ? GROUP BY issue, release",
        [app],
    )?;
    Ok(())
}
