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
            "refused" => ledger.turn_away(reason, reports),
            "duplicate" => ledger.duplicates = reports,
            "erased" => ledger.erased = reports,
            _ => {}
        }
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
        let (day, key) = (row.get(0)?, row.get_ref(1)?.as_str()?.parse().ok());
        if intake
            .last()
            .is_none_or(|last| (last.day, last.key) != (day, key))
        {
            intake.push(Intake {
                day,
                key,
                ..Intake::default()
            });
        }
        let (Some(last), reports) = (intake.last_mut(), row.get(4)?) else {
            continue;
        };
        match row.get_ref(2)?.as_str()? {
            "stored" => last.stored = reports,
            "duplicate" => last.duplicates = reports,
            _ => last.turn_away(row.get_ref(3)?.as_str()?, reports),
        }
    }
    Ok(intake)
}
