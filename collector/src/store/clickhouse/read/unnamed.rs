//! Builds that were met without their symbols.

use super::{Ask, triage, typed, whole};
use crate::store::clickhouse::cell::What;
use crate::store::clickhouse::sql;
use crate::store::{IssueId, StoreError, Unnamed, Waiting};
use candor_protocol::deidentify::BuildId;
use clickhouse::Row;
use serde::Deserialize;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};

#[derive(Row, Deserialize)]
struct MetRow {
    build: String,
    issue: u64,
    release: String,
    module: String,
}

#[derive(Row, Deserialize)]
struct CountRow {
    issue: u64,
    release: String,
    reports: i64,
    first: u64,
    last: u64,
}

pub(in super::super) async fn unnamed(ask: Ask<'_>) -> Result<Vec<Unnamed>, StoreError> {
    if ask.history.is_empty() {
        return Ok(Vec::new());
    }
    let met: Vec<MetRow> = ask
        .server
        .rows(&format!(
            "SELECT word, issue, release, max(name) AS module {} AND word <> '' GROUP BY word, issue, release HAVING sum(n) > 0",
            ask.history.of_summary(What::Unnamed)
        ))
        .await?;
    if met.is_empty() {
        return Ok(Vec::new());
    }
    let issues: BTreeSet<u64> = met.iter().map(|row| row.issue).collect();
    let issues: Vec<u64> = issues.into_iter().collect();
    let counts: Vec<CountRow> = ask
        .server
        .rows(&format!(
            "SELECT issue, release, sum(counted) AS reports, min(at) AS first, max(at) AS last FROM
                 (SELECT issue, release, at, sum(n) AS counted {} AND key IN {} GROUP BY issue, release, at HAVING counted > 0)
             GROUP BY issue, release",
            ask.history.of_summary(What::Issues),
            triage::keys(&issues)
        ))
        .await?;
    let counts: HashMap<(u64, String), CountRow> = counts
        .into_iter()
        .map(|row| ((row.issue, row.release.clone()), row))
        .collect();
    let mut builds: BTreeMap<String, (Unnamed, BTreeSet<u64>)> = BTreeMap::new();
    for row in met {
        // What is known of an issue and a release counts as long as a report of both does.
        let Some(counted) = counts.get(&(row.issue, row.release)) else {
            continue;
        };
        let none = Unnamed {
            build: typed(&row.build)?,
            module: String::new(),
            issues: 0,
            reports: 0,
            first_seen: u64::MAX,
            last_seen: 0,
        };
        let (all, issues) = builds.entry(row.build).or_insert((none, BTreeSet::new()));
        issues.insert(row.issue);
        all.module = row.module.max(std::mem::take(&mut all.module));
        all.reports += whole(counted.reports);
        all.first_seen = all.first_seen.min(counted.first);
        all.last_seen = all.last_seen.max(counted.last);
    }
    let builds = builds.into_values().map(|(all, issues)| Unnamed {
        issues: issues.len() as u64,
        ..all
    });
    let mut builds: Vec<Unnamed> = builds.collect();
    builds.sort_by_key(|one| (Reverse(one.reports), one.build.clone()));
    Ok(builds)
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

/// What waits in issues.
pub(in super::super) async fn rows(
    ask: Ask<'_>,
    issues: &[u64],
) -> Result<Vec<WaitingRow>, StoreError> {
    find(ask, &format!("key IN {}", triage::keys(issues))).await
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
