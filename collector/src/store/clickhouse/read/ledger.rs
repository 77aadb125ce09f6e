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
            "refused" => ledger.turn_away(&row.reason, reports),
            "duplicate" => ledger.duplicates = reports,
            "erased" => ledger.erased = reports,
            _ => {}
        }
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
        let (day, key) = (row.day, row.key.parse().ok());
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
        let Some(last) = intake.last_mut() else {
            continue;
        };
        let reports = whole(row.reports);
        match row.word.as_str() {
            "stored" => last.stored = reports,
            "duplicate" => last.duplicates = reports,
            _ => last.turn_away(&row.reason, reports),
        }
    }
    Ok(intake)
}
