//! One issue in full.

use super::{Ask, issues, whole, within};
use crate::store::clickhouse::cell::What;
use crate::store::clickhouse::sql;
use crate::store::clickhouse::told::issue_key;
use crate::store::{Breakdown, IssueId, IssuePage, Span, StoreError};
use clickhouse::Row;
use serde::Deserialize;
use std::collections::HashMap;

#[derive(Row, Deserialize)]
struct WhyRow {
    why: String,
}

#[derive(Row, Deserialize)]
struct ClassRow {
    label: String,
    reports: u64,
    runs: u64,
}

#[derive(Row, Deserialize)]
struct RunsRow {
    label: String,
    runs: i64,
}

pub(in super::super) async fn issue(
    ask: Ask<'_>,
    id: IssueId,
    span: Span,
) -> Result<Option<IssuePage>, StoreError> {
    if ask.history.is_empty() {
        return Ok(None);
    }
    let Some(row) = issues::one(ask, id, span).await? else {
        return Ok(None);
    };
    let why = format!(
        "SELECT argMin(why, block) FROM issue WHERE app = {} AND id = {}",
        sql::text(&ask.history.app),
        id.0
    );
    let total = format!(
        "SELECT toUInt64(sum(n)) AS count {} {}",
        ask.history.of_summary(What::Runs),
        within(span)
    );
    let (why, runs_total, by_release, by_os, by_device): (Vec<WhyRow>, _, _, _, _) = tokio::try_join!(
        ask.server.rows(&why),
        ask.server.count(&total),
        breakdown(ask, id, span, "release"),
        breakdown(ask, id, span, "os"),
        breakdown(ask, id, span, "device")
    )?;
    let why = why.first().map_or("", |row| row.why.as_str());
    let why = serde_json::from_str(why)
        .map_err(|error| StoreError::Fault(format!("an issue cannot be read: {error}")))?;
    Ok(Some(IssuePage {
        row,
        by_release,
        by_os,
        by_device,
        why,
        runs_total,
    }))
}

/// By one of the columns that reports and summaries share; most reports first.
async fn breakdown(
    ask: Ask<'_>,
    id: IssueId,
    span: Span,
    column: &str,
) -> Result<Vec<Breakdown>, StoreError> {
    let range = within(span);
    let mine = format!(
        "SELECT {column}, count(), uniqExact(run) FROM
             (SELECT {column}, id, run {} AND key = {} {range} GROUP BY {column}, id, run HAVING sum(n) > 0)
         GROUP BY {column} ORDER BY count() DESC, {column}",
        ask.history.of_summary(What::Sighting),
        sql::bytes(&issue_key(id.0))
    );
    let runs = format!(
        "SELECT {column}, sum(n) {} {range} GROUP BY {column}",
        ask.history.of_summary(What::Runs)
    );
    let (mine, runs): (Vec<ClassRow>, Vec<RunsRow>) =
        tokio::try_join!(ask.server.rows(&mine), ask.server.rows(&runs))?;
    let runs: HashMap<String, u64> = runs
        .into_iter()
        .map(|row| (row.label, whole(row.runs)))
        .collect();
    Ok(mine
        .into_iter()
        .map(|row| Breakdown {
            of: runs.get(&row.label).copied().unwrap_or_default(),
            label: row.label,
            reports: row.reports,
            runs: row.runs,
        })
        .collect())
}
