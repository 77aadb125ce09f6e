//! What arrived and what became of it.

use super::{Ask, whole};
use crate::store::clickhouse::cell::What;
use crate::store::{Intake, Ledger, StoreError};
use clickhouse::Row;
use serde::Deserialize;

#[derive(Row, Deserialize)]
struct LedgerRow {
    word: String,
    kind: String,
    reason: String,
    reports: i64,
}

pub(in super::super) async fn ledger(ask: Ask<'_>) -> Result<Ledger, StoreError> {
    let rows: Vec<LedgerRow> = ask
        .server
        .rows(&format!(
            "SELECT word, name, reason, sum(n) AS reports {} GROUP BY word, name, reason HAVING reports > 0",
            ask.history.of_summary(What::Ledger)
        ))
        .await?;
    let mut ledger = Ledger {
        last_batch: ask.history.head.last_batch,
        ..Ledger::default()
    };
    for row in rows {
        ledger.count(&row.word, &row.kind, &row.reason, whole(row.reports));
    }
    Ok(ledger)
}

#[derive(Row, Deserialize)]
struct IntakeRow {
    day: u64,
    key: String,
    word: String,
    reason: String,
    reports: i64,
}

pub(in super::super) async fn intake(
    ask: Ask<'_>,
    from: u64,
    to: u64,
) -> Result<Vec<Intake>, StoreError> {
    let rows: Vec<IntakeRow> = ask
        .server
        .rows(&format!(
            "SELECT at, endpoint, word, reason, sum(n) AS reports {} AND at >= {from} AND at < {to}
                 AND word IN ('stored', 'duplicate', 'refused')
             GROUP BY at, endpoint, word, reason HAVING reports > 0 ORDER BY at DESC, endpoint",
            ask.history.of_summary(What::Ledger)
        ))
        .await?;
    let mut intake: Vec<Intake> = Vec::new();
    for row in rows {
        let which = (row.day, row.key.parse().ok());
        let what = (&*row.word, &*row.reason);
        Intake::count(&mut intake, which, what, whole(row.reports));
    }
    Ok(intake)
}
