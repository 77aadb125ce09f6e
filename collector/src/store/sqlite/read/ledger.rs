//! What arrived and what became of it.

use crate::store::{Intake, Ledger};
use rusqlite::Transaction;

pub(in super::super) fn ledger(db: &Transaction<'_>, app: i64) -> rusqlite::Result<Ledger> {
    let mut ledger = Ledger {
        last_batch: db.query_row("SELECT last_batch FROM app WHERE id = ?", [app], |row| {
            row.get(0)
        })?,
        ..Ledger::default()
    };
    let mut query = db.prepare_cached(
        "SELECT what, kind, reason, sum(reports) FROM ledger WHERE app = ? GROUP BY what, kind, reason",
    )?;
    let mut rows = query.query([app])?;
    while let Some(row) = rows.next()? {
        let text = |index| Ok::<_, rusqlite::Error>(row.get_ref(index)?.as_str()?);
        ledger.count(text(0)?, text(1)?, text(2)?, row.get(3)?);
    }
    Ok(ledger)
}

pub(in super::super) fn intake(
    db: &Transaction<'_>,
    app: i64,
    from: u64,
    to: u64,
) -> rusqlite::Result<Vec<Intake>> {
    let mut query = db.prepare_cached(
        "SELECT day, key, what, reason, sum(reports) FROM ledger
         WHERE app = ? AND day >= ? AND day < ? AND what IN ('stored', 'duplicate', 'refused')
         GROUP BY day, key, what, reason ORDER BY day DESC, key",
    )?;
    let most = i64::MAX as u64;
    let mut rows = query.query((app, from.min(most), to.min(most)))?;
    let mut intake: Vec<Intake> = Vec::new();
    while let Some(row) = rows.next()? {
        let text = |index| Ok::<_, rusqlite::Error>(row.get_ref(index)?.as_str()?);
        let which = (row.get(0)?, text(1)?.parse().ok());
        Intake::count(&mut intake, which, (text(2)?, text(3)?), row.get(4)?);
    }
    Ok(intake)
}
