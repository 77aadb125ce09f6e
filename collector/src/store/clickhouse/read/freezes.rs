//! Issues of freezes, with how they froze, and how often that happens.

use super::{Ask, issues, triage, whole, within};
use crate::store::clickhouse::cell::What;
use crate::store::freeze_sum::FreezeSum;
use crate::store::subtract::{Change, Sum};
use crate::store::{FreezeRate, FreezeRates, FreezeRow, IssueFilter, IssueKind, Span, StoreError};
use clickhouse::Row;
use serde::Deserialize;
use std::collections::HashMap;

#[derive(Row, Deserialize)]
struct SumRow {
    issue: u64,
    added: String,
    taken: String,
}

pub(in super::super) async fn freezes(
    ask: Ask<'_>,
    span: Span,
) -> Result<Vec<FreezeRow>, StoreError> {
    if ask.history.is_empty() {
        return Ok(Vec::new());
    }
    let question = format!(
        "SELECT issue, added, taken {} {}",
        ask.history.of_summary(What::Freezes),
        within(span)
    );
    let filter = IssueFilter {
        kind: Some(IssueKind::Freeze),
        ..IssueFilter::all(span, 0)
    };
    let (sums, list, marks): (Vec<SumRow>, _, _) = tokio::try_join!(
        ask.server.rows(&question),
        issues::issues(ask, &filter),
        triage::marks(ask)
    )?;
    let mut changes: HashMap<u64, Change<FreezeSum>> = HashMap::new();
    for row in sums {
        let change = Change::<FreezeSum>::read(&row.added, &row.taken)?;
        let all = changes.entry(marks.root(row.issue)).or_default();
        all.added.merge(&change.added);
        all.taken.merge(&change.taken);
    }
    Ok(list
        .rows
        .into_iter()
        .map(|row| {
            let Change { added, taken } = changes.remove(&row.id.0).unwrap_or_default();
            let mut sum = added;
            sum.subtract(&taken);
            sum.of_issue(row)
        })
        .collect())
}

#[derive(Row, Deserialize)]
struct RateRow {
    class: String,
    freezes: i64,
    runs: i64,
    ms: i64,
}

pub(in super::super) async fn rates(ask: Ask<'_>, span: Span) -> Result<FreezeRates, StoreError> {
    if ask.history.is_empty() {
        return Ok(FreezeRates::default());
    }
    let (by_release, by_device) = tokio::try_join!(
        rates_by(ask, span, "release"),
        rates_by(ask, span, "device")
    )?;
    Ok(FreezeRates {
        by_release,
        by_device,
    })
}

/// By one of the columns that summaries of runs and of issues share.
async fn rates_by(ask: Ask<'_>, span: Span, column: &str) -> Result<Vec<FreezeRate>, StoreError> {
    let range = within(span);
    let rows: Vec<RateRow> = ask
        .server
        .rows(&format!(
            "SELECT class, sum(freezes) AS f, sum(runs) AS r, sum(time) AS t FROM (
                 SELECT {column} AS class, toInt64(0) AS freezes, n AS runs, ms AS time {} {range}
                 UNION ALL
                 SELECT {column} AS class, n AS freezes, toInt64(0) AS runs, toInt64(0) AS time {} {range} AND word = 'freeze'
             ) GROUP BY class HAVING f > 0 OR r > 0 ORDER BY t DESC, class",
            ask.history.of_summary(What::Runs),
            ask.history.of_summary(What::Issues)
        ))
        .await?;
    Ok(rows
        .into_iter()
        .map(|row| FreezeRate {
            label: row.class,
            freezes: whole(row.freezes),
            runs: whole(row.runs),
            run_ms: whole(row.ms),
        })
        .collect())
}
