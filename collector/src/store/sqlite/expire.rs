//! Forgetting what is too old.

use super::writer::Work;
use super::{erase, sweep, triage};
use crate::store::{Expired, Expiry};
use candor_protocol::report::Kind;
use rusqlite::Params;

/// Reports that one transaction forgets: what writes meanwhile waits for it.
const MOST: usize = 5_000;

pub(super) fn expire(work: &mut Work<'_>, app: &str, expiry: &Expiry) -> rusqlite::Result<Expired> {
    let Some(app) = work.app(app)? else {
        return Ok(Expired::default());
    };
    std::mem::take(&mut work.deltas).write(work.tx)?;
    let limit = |seconds: u64| i64::try_from(seconds).unwrap_or(i64::MAX);
    let mut expired = Expired::default();
    for (kind, before) in &expiry.reports {
        let gone = forget(
            work,
            "DELETE FROM report WHERE seq IN
                 (SELECT seq FROM report WHERE app = ? AND kind = ? AND arrived < ? LIMIT ?)",
            (app, kind.as_str(), limit(*before), MOST),
        )?;
        expired.reports += gone as u64;
        expired.more |= gone == MOST;
        if *kind == Kind::Connection {
            forget(
                work,
                "DELETE FROM connection_install WHERE app = ? AND arrived < ?",
                (app, limit(*before)),
            )?;
        }
        if *kind == Kind::Run {
            let gone = forget(
                work,
                "DELETE FROM run WHERE app = ?1 AND id IN
                     (SELECT id FROM run WHERE app = ?1 AND (at < ?2 OR at > ?3) LIMIT ?4)",
                (app, limit(*before), limit(expiry.future), MOST),
            )?;
            expired.more |= gone == MOST;
        }
    }
    let range = (app, limit(expiry.summaries), limit(expiry.future));
    let mut cells = 0;
    for summary in [
        "DELETE FROM run_count WHERE app = ? AND (at < ? OR at > ?)",
        "DELETE FROM fault_count WHERE app = ? AND (at < ? OR at > ?)",
        "DELETE FROM issue_count WHERE app = ? AND (at < ? OR at > ?)",
        "DELETE FROM freeze_sum WHERE app = ? AND (at < ? OR at > ?)",
        "DELETE FROM connection_sum WHERE app = ? AND (at < ? OR at > ?)",
        "DELETE FROM reconnect_minute WHERE app = ? AND (minute < ? OR minute > ?)",
    ] {
        cells += forget(work, summary, range)?;
    }
    cells += forget(
        work,
        "DELETE FROM ledger WHERE app = ? AND day < ?",
        (app, limit(expiry.ledger)),
    )?;
    cells += forget(
        work,
        "DELETE FROM quarantine WHERE app = ? AND day < ?",
        (app, limit(expiry.quarantine)),
    )?;
    expired.cells = cells as u64;
    if expired != Expired::default() {
        triage::recount(work.tx, app)?;
        erase::drop_empty(work, app)?;
        sweep::sweep(work)?;
    }
    triage::forget_gone(work.tx, app)?;
    Ok(expired)
}

fn forget(work: &Work<'_>, sql: &str, values: impl Params) -> rusqlite::Result<usize> {
    work.tx.prepare_cached(sql)?.execute(values)
}
