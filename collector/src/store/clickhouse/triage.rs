//! What a team does to issues.

use super::cell::What;
use super::read::Ask;
use super::read::triage::{self, LogRow};
use super::server::{Again, Server, Table};
use super::sql;
use super::stamp::Stamps;
use crate::store::triage::{By, Change, Deed, Said, related};
use crate::store::{IssueId, StoreError};
use candor_protocol::deidentify::Release;
use clickhouse::Row;
use serde::Deserialize;
use std::collections::BTreeSet;

const TABLE: Table = Table::Whole("triage");

/// Does something to issues; to how many.
pub(super) async fn triage(
    ask: Ask<'_>,
    stamps: &Stamps,
    issues: &[IssueId],
    change: &Change,
    by: &By,
) -> Result<u64, StoreError> {
    if ask.history.is_empty() {
        return Ok(0);
    }
    let mut done: BTreeSet<u64> = BTreeSet::new();
    for id in issues {
        let marks = triage::marks(ask).await?;
        let root = marks.root(id.0);
        let Some(kind) = triage::kind(ask, root).await? else {
            continue;
        };
        let said = match change {
            Change::Merge(into) => {
                let into = marks.root(into.0);
                if into == root || triage::kind(ask, into).await? != Some(kind) {
                    continue;
                }
                vec![(root, Said::Merged(into)), (into, Said::Took(root))]
            }
            Change::Split => match marks.merged_into(id.0) {
                Some(from) => vec![(id.0, Said::Split(from)), (from, Said::Gave(id.0))],
                None => continue,
            },
            _ if done.contains(&root) => continue,
            alone => {
                let facts = triage::facts(ask, &marks.family(root)).await?;
                let latest = triage::latest_release(ask).await?;
                match Said::of(alone, &facts, latest) {
                    Some(said) => vec![(root, said)],
                    None => continue,
                }
            }
        };
        done.extend(said.first().map(|(issue, _)| *issue));
        let deeds: Vec<Deed> = said
            .into_iter()
            .map(|(issue, said)| Deed {
                issue,
                at: by.at,
                who: by.who.as_str().to_owned(),
                said,
            })
            .collect();
        write(ask.server, stamps, &ask.history.app, &deeds).await?;
    }
    Ok(done.len() as u64)
}

/// Says that reports that were grouped as one issue are grouped as another.
pub(super) async fn relate(
    ask: Ask<'_>,
    stamps: &Stamps,
    (before, now): (u64, u64),
    at: u64,
) -> Result<(), StoreError> {
    let marks = triage::marks(ask).await?;
    let all = BTreeSet::from([before, now, marks.root(before), marks.root(now)]);
    let all: Vec<u64> = all.into_iter().collect();
    let there = match ask.history.is_empty() {
        true => Default::default(),
        false => triage::facts_of(ask, &all).await?,
    };
    let said = triage::deeds(ask, &all).await?;
    let is_there = |issue| there.contains_key(&issue);
    let new = related(before, now, &said, &marks, is_there, at);
    write(ask.server, stamps, &ask.history.app, &new).await
}

/// Writes rows of the log, in their order.
pub(super) async fn write(
    server: &Server,
    stamps: &Stamps,
    app: &str,
    deeds: &[Deed],
) -> Result<(), StoreError> {
    let rows = deeds
        .iter()
        .map(|deed| LogRow::of(app, stamps.next(), deed))
        .collect::<Result<Vec<_>, _>>()?;
    server.insert("triage", &rows, Again::Never).await
}

/// Forgets everything that was said about an app.
pub(super) async fn forget_all(server: &Server, app: &str) -> Result<(), StoreError> {
    let all = format!("app = {}", sql::text(app));
    server.delete(TABLE, &all).await?;
    Ok(())
}

/// Takes the name of a release out of what was said.
pub(super) async fn forget_release(
    server: &Server,
    app: &str,
    release: &Release,
) -> Result<(), StoreError> {
    let app = sql::text(app);
    let rows = triage::rows(server, &format!("app = {app} AND aspect = 'state'")).await?;
    for row in rows {
        if let Some(left) = row.deed()?.said.without(release.as_str()) {
            let stamp = sql::bytes(&row.stamp.0);
            let (issue, before) = (row.issue, sql::text(&row.said));
            // The same row with other words, in its place.
            let after = row.saying(&left)?;
            server.insert("triage", &[after], Again::Never).await?;
            let which =
                format!("app = {app} AND issue = {issue} AND stamp = {stamp} AND said = {before}");
            server.delete(TABLE, &which).await?;
        }
    }
    Ok(())
}

#[derive(Row, Deserialize)]
struct IssueRow {
    issue: u64,
}

/// Forgets what was said of issues that nothing is counted of any more.
pub(super) async fn forget_gone(ask: Ask<'_>) -> Result<(), StoreError> {
    let app = sql::text(&ask.history.app);
    let said: Vec<IssueRow> = ask
        .server
        .rows(&format!(
            "SELECT DISTINCT issue FROM triage WHERE app = {app}"
        ))
        .await?;
    if said.is_empty() {
        return Ok(());
    }
    let counted: Vec<IssueRow> = match ask.history.is_empty() {
        true => Vec::new(),
        false => {
            ask.server
                .rows(&format!(
                    "SELECT issue {} GROUP BY issue HAVING sum(n) > 0",
                    ask.history.of_summary(What::Issues)
                ))
                .await?
        }
    };
    let counted: BTreeSet<u64> = counted.into_iter().map(|row| row.issue).collect();
    // What leads to an issue that something is counted of stays.
    let marks = triage::marks(ask).await?;
    let gone: Vec<u64> = said
        .into_iter()
        .map(|row| row.issue)
        .filter(|issue| !counted.contains(issue) && marks.root(*issue) == *issue)
        .collect();
    if !gone.is_empty() {
        let gone = sql::list(gone, |issue| issue.to_string());
        let which = format!("app = {app} AND issue IN {gone}");
        ask.server.delete(TABLE, &which).await?;
    }
    Ok(())
}
