//! Lists of issues.

use super::{Ask, typed, whole, within};
use crate::store::clickhouse::cell::What;
use crate::store::clickhouse::sql;
use crate::store::clickhouse::told::issue_key;
use crate::store::issue_count::IssueCount;
use crate::store::{IssueFilter, IssueId, IssueRow, Span, StoreError, issue_count};
use candor_protocol::deidentify::Release;
use clickhouse::Row;
use serde::Deserialize;
use std::collections::HashMap;

#[derive(Row, Deserialize)]
struct CountRow {
    issue: u64,
    at: u64,
    reports: i64,
    fatal: i64,
}

#[derive(Row, Deserialize)]
struct MetRow {
    issue: u64,
    runs: u64,
    installs: u64,
}

#[derive(Row, Deserialize)]
struct SeenRow {
    issue: u64,
    first: u64,
    last: u64,
    first_releases: Vec<String>,
    last_releases: Vec<String>,
}

#[derive(Row, Deserialize)]
struct AboutRow {
    issue: u64,
    kind: String,
    title: String,
    culprit: String,
}

pub(in super::super) async fn issues(
    ask: Ask<'_>,
    filter: IssueFilter,
) -> Result<Vec<IssueRow>, StoreError> {
    if ask.history.is_empty() {
        return Ok(Vec::new());
    }
    let kind = match filter.kind {
        Some(kind) => format!("AND word = '{}'", kind.as_str()),
        None => String::new(),
    };
    let mut rows = list(ask, &kind, filter.span, false).await?;
    issue_count::sort(&mut rows);
    Ok(rows)
}

/// One issue's row, whether or not it has a report in the range.
pub(super) async fn one(
    ask: Ask<'_>,
    id: IssueId,
    span: Span,
) -> Result<Option<IssueRow>, StoreError> {
    let which = format!("AND key = {}", sql::bytes(&issue_key(id.0)));
    Ok(list(ask, &which, span, true).await?.pop())
}

/// Rows of the issues that `which` is true of: those with a report in the range, or `all` of them.
async fn list(
    ask: Ask<'_>,
    which: &str,
    span: Span,
    all: bool,
) -> Result<Vec<IssueRow>, StoreError> {
    let (server, range) = (ask.server, within(span));
    let counts = format!(
        "SELECT issue, at, sum(n) AS reports, sum(m) {} {range} {which} GROUP BY issue, at HAVING reports > 0",
        ask.history.of_summary(What::Issues)
    );
    // By the time where all are asked for, by the issue where one is.
    let of = if all { What::Sighting } else { What::Met };
    let met = format!(
        "SELECT issue, uniqExact(run), uniqExact(pseudonym) FROM
             (SELECT issue, run, pseudonym {} {range} {which} GROUP BY issue, run, pseudonym HAVING sum(n) > 0)
         GROUP BY issue",
        ask.history.of_summary(of)
    );
    let seen = format!(
        "SELECT issue, min(at) AS first, max(at) AS last, argMin(releases, at), argMax(releases, at) FROM
             (SELECT issue, at, groupUniqArray(release) AS releases FROM
                  (SELECT issue, at, release {} {which} GROUP BY issue, at, release HAVING sum(n) > 0)
              GROUP BY issue, at)
         GROUP BY issue",
        ask.history.of_summary(What::Issues)
    );
    let (counts, met, seen): (Vec<CountRow>, Vec<MetRow>, Vec<SeenRow>) =
        tokio::try_join!(server.rows(&counts), server.rows(&met), server.rows(&seen))?;
    let mut counted: HashMap<u64, IssueCount> = HashMap::new();
    for row in &counts {
        counted
            .entry(row.issue)
            .or_insert_with(|| IssueCount::new(span))
            .add(span, row.at, whole(row.reports), whole(row.fatal));
    }
    if all {
        for row in &seen {
            counted
                .entry(row.issue)
                .or_insert_with(|| IssueCount::new(span));
        }
    }
    for row in met {
        if let Some(counted) = counted.get_mut(&row.issue) {
            (counted.runs, counted.installs) = (row.runs, row.installs);
        }
    }
    let about = about(ask, counted.keys().copied()).await?;
    let rows = seen.into_iter().filter_map(|seen| {
        let counted = counted.remove(&seen.issue)?;
        let about = about.get(&seen.issue)?;
        Some(row(seen, about, counted))
    });
    rows.collect()
}

/// What issues are: as it was said first.
async fn about(
    ask: Ask<'_>,
    issues: impl Iterator<Item = u64>,
) -> Result<HashMap<u64, AboutRow>, StoreError> {
    let issues: Vec<u64> = issues.collect();
    if issues.is_empty() {
        return Ok(HashMap::new());
    }
    let rows: Vec<AboutRow> = ask
        .server
        .rows(&format!(
            "SELECT id, argMin(kind, block), argMin(title, block), argMin(culprit, block) FROM issue
             WHERE app = {} AND id IN {} GROUP BY id",
            sql::text(&ask.history.app),
            sql::list(issues, |id| id.to_string())
        ))
        .await?;
    Ok(rows.into_iter().map(|row| (row.issue, row)).collect())
}

fn row(seen: SeenRow, about: &AboutRow, counted: IssueCount) -> Result<IssueRow, StoreError> {
    let releases = |texts: &[String]| -> Result<Vec<Release>, StoreError> {
        texts.iter().map(|text| typed(text)).collect()
    };
    let none = || StoreError::Fault("an issue was seen in no release".to_owned());
    let (first_release, last_release) = issue_count::first_and_last(
        releases(&seen.first_releases)?,
        releases(&seen.last_releases)?,
    )
    .ok_or_else(none)?;
    Ok(IssueRow {
        id: IssueId(seen.issue),
        kind: typed(&about.kind)?,
        title: about.title.clone(),
        culprit: about.culprit.clone(),
        reports: counted.reports,
        fatal: counted.fatal,
        runs: counted.runs,
        installs: counted.installs,
        first_seen: seen.first,
        last_seen: seen.last,
        first_release,
        last_release,
        spark: counted.spark,
    })
}
