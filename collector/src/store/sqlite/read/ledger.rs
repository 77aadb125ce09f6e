//! What arrived and what became of it.

use crate::store::Ledger;
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
        let (what, kind, reason, reports) = (
            row.get_ref(0)?,
            row.get_ref(1)?,
            row.get_ref(2)?,
            row.get(3)?,
        );
        let (kind, reason) = (kind.as_str()?, reason.as_str()?);
        match what.as_str()? {
            "stored" => {
                if let Ok(kind) = kind.parse() {
                    ledger.stored.insert(kind, reports);
                }
            }
            "lost" => {
                if let (Ok(kind), Ok(reason)) = (kind.parse(), reason.parse()) {
                    ledger.lost.entry(kind).or_default().insert(reason, reports);
                }
            }
            "refused" => {
                ledger.refused.insert(reason.to_owned(), reports);
            }
            "duplicate" => ledger.duplicates = reports,
            "erased" => ledger.erased = reports,
            _ => {}
        }
    }
    Ok(ledger)
}
