//! Reports themselves.

use super::{Ask, triage};
use crate::store::clickhouse::cell::What;
use crate::store::clickhouse::erasures::Tombstones;
use crate::store::clickhouse::server::Server;
use crate::store::clickhouse::sql;
use crate::store::clickhouse::stamp::Stamp;
use crate::store::clickhouse::writer::committed;
use crate::store::{IssueId, StoreError, body, ids};
use candor_protocol::deidentify::{AppName, Pseudonym, Release, ReportId};
use candor_protocol::report::Report;
use clickhouse::Row;
use serde::Deserialize;
use std::collections::{BTreeSet, HashMap, HashSet};

/// The most reports of one answer.
const MOST: u32 = 1_000;
/// The most reports of one person's copy.
const COPY: usize = 10_000;

#[derive(Row, Deserialize)]
struct ReportRow {
    id: [u8; 16],
    pseudonym: [u8; 16],
    block: Stamp,
    at: u64,
    release: String,
    issue: u64,
    body: String,
}

/// Reports that `which` is true of, in the order in which they were kept, without those that are none: not committed, or erased.
async fn find(
    server: &Server,
    app: &AppName,
    which: &str,
    most: usize,
) -> Result<Vec<ReportRow>, StoreError> {
    let rows: Vec<ReportRow> = server
        .rows(&format!(
            "SELECT id, pseudonym, block, at, release, issue, body FROM report WHERE app = {} AND {which}
             ORDER BY block, seq LIMIT {most}",
            sql::text(app.as_str())
        ))
        .await?;
    if rows.is_empty() {
        return Ok(rows);
    }
    let blocks: BTreeSet<Stamp> = rows.iter().map(|row| row.block).collect();
    let pseudonyms: BTreeSet<_> = rows.iter().map(|row| row.pseudonym).collect();
    let (committed, tombstones) = tokio::try_join!(
        committed(server, app.as_str(), &blocks),
        Tombstones::read(server, app.as_str(), pseudonyms)
    )?;
    let mut seen = HashSet::new();
    let is_there = |row: &ReportRow| {
        committed.contains(&row.block)
            && !tombstones.hold(row.pseudonym, row.at, &row.release)
            && seen.insert(row.id)
    };
    Ok(rows.into_iter().filter(is_there).collect())
}

async fn one(
    server: &Server,
    app: &AppName,
    id: ReportId,
) -> Result<Option<ReportRow>, StoreError> {
    let which = format!("id = {}", sql::bytes(&ids::report(&id)));
    Ok(find(server, app, &which, COPY).await?.into_iter().next())
}

pub(in super::super) async fn report(
    server: &Server,
    app: &AppName,
    id: ReportId,
) -> Result<Option<Report>, StoreError> {
    let row = one(server, app, id).await?;
    Ok(row.and_then(|row| body::read(row.body.as_bytes())))
}

pub(in super::super) async fn issue_of(
    ask: Ask<'_>,
    app: &AppName,
    id: ReportId,
) -> Result<Option<IssueId>, StoreError> {
    let row = one(ask.server, app, id).await?;
    match row.map(|row| row.issue).filter(|issue| *issue > 0) {
        Some(issue) => {
            let marks = triage::marks(ask).await?;
            let issue = now_in(ask, issue, id).await?;
            Ok(Some(IssueId(marks.root(issue))))
        }
        None => Ok(None),
    }
}

#[derive(Row, Deserialize)]
struct PlaceRow {
    issue: u64,
}

/// The issue that a report is counted in which arrived in this one.
async fn now_in(ask: Ask<'_>, issue: u64, id: ReportId) -> Result<u64, StoreError> {
    let places = triage::places(ask, issue, true).await?;
    if places.len() == 1 || ask.history.is_empty() {
        return Ok(issue);
    }
    let rows: Vec<PlaceRow> = ask
        .server
        .rows(&format!(
            "SELECT issue {} AND key IN {} AND id = {} GROUP BY issue HAVING sum(n) > 0",
            ask.history.of_summary(What::Sighting),
            triage::keys(&places),
            sql::bytes(&ids::report(&id))
        ))
        .await?;
    Ok(rows.first().map_or(issue, |row| row.issue))
}

#[derive(Row, Deserialize)]
struct SightingRow {
    id: [u8; 16],
    pseudonym: [u8; 16],
}

pub(in super::super) async fn of_issue(
    ask: Ask<'_>,
    app: &AppName,
    issue: IssueId,
    release: Option<&Release>,
    limit: u32,
    before: Option<ReportId>,
) -> Result<Vec<Report>, StoreError> {
    if ask.history.is_empty() {
        return Ok(Vec::new());
    }
    let marks = triage::marks(ask).await?;
    let family = marks.family(marks.root(issue.0));
    of_family(ask, app, &family, release, limit, before).await
}

/// Reports of all of these issues, newest first.
pub(in super::super) async fn of_family(
    ask: Ask<'_>,
    app: &AppName,
    family: &[u64],
    release: Option<&Release>,
    limit: u32,
    before: Option<ReportId>,
) -> Result<Vec<Report>, StoreError> {
    if ask.history.is_empty() {
        return Ok(Vec::new());
    }
    let from = match before {
        None => String::new(),
        Some(before) => match one(ask.server, app, before).await? {
            Some(row) => format!("AND (at, id) < ({}, {})", row.at, sql::bytes(&row.id)),
            None => return Ok(Vec::new()),
        },
    };
    let of_release = match release {
        Some(release) => format!("AND release = {}", sql::text(release.as_str())),
        None => String::new(),
    };
    let sightings: Vec<SightingRow> = ask
        .server
        .rows(&format!(
            "SELECT id, pseudonym {} AND key IN {} {from} {of_release} GROUP BY at, id, pseudonym HAVING sum(n) > 0
             ORDER BY at DESC, id DESC LIMIT {}",
            ask.history.of_summary(What::Sighting),
            triage::keys(family),
            limit.min(MOST)
        ))
        .await?;
    if sightings.is_empty() {
        return Ok(Vec::new());
    }
    let pair =
        |row: &SightingRow| format!("({},{})", sql::bytes(&row.pseudonym), sql::bytes(&row.id));
    let which = format!("(pseudonym, id) IN {}", sql::list(&sightings, pair));
    let found = find(ask.server, app, &which, COPY).await?;
    let mut bodies: HashMap<[u8; 16], String> =
        found.into_iter().map(|row| (row.id, row.body)).collect();
    let bodies = sightings.iter().filter_map(|row| bodies.remove(&row.id));
    Ok(bodies
        .filter_map(|text| body::read(text.as_bytes()))
        .collect())
}

/// Everything of these pseudonyms.
pub(in super::super) async fn of(
    server: &Server,
    app: &AppName,
    pseudonyms: &[Pseudonym],
) -> Result<Vec<Report>, StoreError> {
    let pseudonyms = pseudonyms.iter().map(ids::pseudonym);
    let which = format!(
        "pseudonym IN {}",
        sql::list(pseudonyms, |one| sql::bytes(&one))
    );
    let found = find(server, app, &which, COPY).await?;
    Ok(found
        .iter()
        .filter_map(|row| body::read(row.body.as_bytes()))
        .collect())
}
