//! What arrived and what became of it.

use super::{Ask, whole};
use crate::store::clickhouse::cell::What;
use crate::store::{Ledger, StoreError};
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
        let reports = whole(row.reports);
        match row.word.as_str() {
            "stored" => {
                if let Ok(kind) = row.kind.parse() {
                    ledger.stored.insert(kind, reports);
                }
            }
            "lost" => {
                if let (Ok(kind), Ok(reason)) = (row.kind.parse(), row.reason.parse()) {
                    ledger.lost.entry(kind).or_default().insert(reason, reports);
                }
            }
            "refused" => {
                ledger.refused.insert(row.reason, reports);
            }
            "duplicate" => ledger.duplicates = reports,
            "erased" => ledger.erased = reports,
            _ => {}
        }
    }
    Ok(ledger)
}
