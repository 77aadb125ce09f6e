//! Builds that were met without their symbols.

use super::{Ask, triage, typed, whole};
use crate::store::clickhouse::cell::What;
use crate::store::clickhouse::sql;
use crate::store::{IssueId, StoreError, Unnamed, Waiting};
use candor_protocol::deidentify::BuildId;
use clickhouse::Row;
use serde::Deserialize;

#[derive(Row, Deserialize)]
struct UnnamedRow {
    build: String,
    module: String,
    issues: u64,
    reports: i64,
    first: u64,
    last: u64,
}

pub(in super::super) async fn unnamed(ask: Ask<'_>) -> Result<Vec<Unnamed>, StoreError> {
    if ask.history.is_empty() {
        return Ok(Vec::new());
    }
    // What is known of an issue and a release counts as long as a report of both does.
    let rows: Vec<UnnamedRow> = ask
        .server
        .rows(&format!(
            "SELECT word, max(module) AS its_module, uniqExact(issue) AS issues, sum(reports) AS its_reports, min(first) AS its_first,
                 max(last) AS its_last
             FROM
                 (SELECT word, issue, release, max(name) AS module {} GROUP BY word, issue, release HAVING sum(n) > 0)
             ANY INNER JOIN
                 (SELECT issue, release, sum(counted) AS reports, min(at) AS first, max(at) AS last FROM
                      (SELECT issue, release, at, sum(n) AS counted {} GROUP BY issue, release, at HAVING counted > 0)
                  GROUP BY issue, release)
             USING issue, release
             GROUP BY word ORDER BY its_reports DESC, word",
            ask.history.of_summary(What::Unnamed),
            ask.history.of_summary(What::Issues)
        ))
        .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Unnamed {
                build: typed(&row.build)?,
                module: row.module,
                issues: row.issues,
                reports: whole(row.reports),
                first_seen: row.first,
                last_seen: row.last,
            })
        })
        .collect()
}

/// How many reports of an issue were named without a build, by release and the name of the file.
#[derive(Row, Deserialize)]
pub(in super::super) struct WaitingRow {
    pub(in super::super) issue: u64,
    pub(in super::super) build: String,
    pub(in super::super) release: String,
    pub(in super::super) module: String,
    pub(in super::super) met: i64,
}

async fn find(ask: Ask<'_>, which: &str) -> Result<Vec<WaitingRow>, StoreError> {
    ask.server
        .rows(&format!(
            "SELECT issue, word, release, name, sum(n) AS met {} AND {which}
             GROUP BY issue, word, release, name HAVING met > 0 ORDER BY issue, word, release, name",
            ask.history.of_summary(What::Unnamed)
        ))
        .await
}

/// What waits in an issue.
pub(in super::super) async fn rows(
    ask: Ask<'_>,
    issue: u64,
) -> Result<Vec<WaitingRow>, StoreError> {
    find(ask, &format!("key IN {}", triage::keys(&[issue]))).await
}

pub(in super::super) async fn waiting(
    ask: Ask<'_>,
    builds: &[BuildId],
) -> Result<Vec<Waiting>, StoreError> {
    if ask.history.is_empty() || builds.is_empty() {
        return Ok(Vec::new());
    }
    let among = sql::list(builds, |build| sql::text(build.as_str()));
    let mut waiting: Vec<Waiting> = Vec::new();
    for row in find(ask, &format!("word IN {among}")).await? {
        let (issue, build) = (IssueId(row.issue), typed::<BuildId>(&row.build)?);
        match waiting.last_mut() {
            Some(last)
                if (last.issue, &last.build, &last.release) == (issue, &build, &row.release) =>
            {
                last.met += whole(row.met);
            }
            _ => waiting.push(Waiting {
                issue,
                build,
                release: row.release,
                met: whole(row.met),
            }),
        }
    }
    Ok(waiting)
}
