//! Moving reports to the issues they belong to since their names are known: one segment takes them out of one issue and counts them in
//! others. Where a report is counted stands in the summaries alone; the table of reports goes on saying where it was at first.

use super::block::IssueRow;
use super::cell::{Amount, Cell, Cells, What};
use super::fold::{Blocks, Folder};
use super::history::History;
use super::read::{Ask, triage, unnamed};
use super::server::Again;
use super::sql;
use super::told::{Told, issue_key};
use crate::store::triage::{gone, inherited};
use crate::store::{Move, StoreError, Waiting, ids};
use candor_protocol::deidentify::AppName;
use candor_protocol::report::Report;
use clickhouse::Row;
use serde::Deserialize;
use std::collections::{BTreeMap, HashMap, HashSet};

/// How often it is tried while others fold too.
pub(super) const TRIES: usize = 20;
/// Rows that a segment writes again so that there are few.
pub(super) const MERGED: u64 = 20_000;

#[derive(Row, Deserialize)]
struct SightingRow {
    id: [u8; 16],
    pseudonym: [u8; 16],
}

#[derive(Row, Deserialize)]
struct BodyRow {
    id: [u8; 16],
    arrived: u64,
    body: String,
}

impl Folder {
    /// Counts reports of an issue in those they belong to now. Returns how many were moved.
    pub(super) async fn regroup(
        &self,
        app: &AppName,
        from: u64,
        moves: &[Move],
        at: u64,
    ) -> Result<u64, StoreError> {
        let folding = self.begin().await;
        let mut history = self.fold(app.as_str(), Blocks::Recent, &folding).await?;
        let moves: HashMap<[u8; 16], &Move> = moves
            .iter()
            .filter(|one| one.to.id.0 != from)
            .map(|one| (ids::report(&one.report), one))
            .collect();
        let mut moved = None;
        for _ in 0..TRIES {
            let told = self.still_in(&history, from, &moves).await?;
            let before = *moved.get_or_insert(told.len() as u64);
            if told.is_empty() {
                if before > 0 {
                    self.leave(&history, from, at).await?;
                }
                return Ok(before);
            }
            if !self.server.is_complete().await? {
                return Err(StoreError::Unavailable(
                    "this server of ClickHouse has not caught up with the others".to_owned(),
                ));
            }
            let mut cells = Cells::default();
            let mut places = BTreeMap::new();
            for told in told {
                let Some(one) = moves.get(&told.id) else {
                    continue;
                };
                told.count(&mut cells, -1);
                let there = Told {
                    issue: one.to.id.0,
                    lacking: one.lacking.clone(),
                    ..told
                };
                there.count(&mut cells, 1);
                places.entry(one.to.id.0).or_insert(&one.to);
            }
            // What an issue is and what was said of it is there before anything is counted of it.
            let stamp = self.stamps.next();
            let rows: Vec<IssueRow> = places
                .values()
                .map(|issue| IssueRow::of(app, issue, stamp))
                .collect::<Result<_, _>>()?;
            self.server.insert("issue", &rows, Again::Harmless).await?;
            for to in places.keys() {
                self.inherit(&history, from, *to, at).await?;
            }
            let merged = history.to_merge(cells.len() as u64, MERGED);
            self.publish(&history, cells, &merged, (None, 0), &folding)
                .await?;
            history = History::read(&self.server, app.as_str()).await?;
        }
        Err(StoreError::Unavailable(
            "others fold all the time".to_owned(),
        ))
    }

    /// Those of these reports that are counted in an issue and can be read.
    async fn still_in(
        &self,
        history: &History,
        issue: u64,
        moves: &HashMap<[u8; 16], &Move>,
    ) -> Result<Vec<Told>, StoreError> {
        if history.is_empty() || moves.is_empty() {
            return Ok(Vec::new());
        }
        let sightings: Vec<SightingRow> = self
            .server
            .rows(&format!(
                "SELECT id, pseudonym {} AND key = {} AND id IN {} GROUP BY id, pseudonym HAVING sum(n) > 0",
                history.of_summary(What::Sighting),
                sql::bytes(&issue_key(issue)),
                sql::list(moves.keys(), |id| sql::bytes(id))
            ))
            .await?;
        if sightings.is_empty() {
            return Ok(Vec::new());
        }
        let pair =
            |row: &SightingRow| format!("({},{})", sql::bytes(&row.pseudonym), sql::bytes(&row.id));
        let rows: Vec<BodyRow> = self
            .server
            .rows(&format!(
                "SELECT id, arrived, body FROM report WHERE app = {} AND (pseudonym, id) IN {}",
                sql::text(&history.app),
                sql::list(&sightings, pair)
            ))
            .await?;
        let mut seen = HashSet::new();
        let told = rows.into_iter().filter(|row| seen.insert(row.id));
        let told = told.filter_map(|row| {
            let report = Report::from_json(&row.body).ok()?;
            Some(Told::of(&report, issue, row.arrived))
        });
        Ok(told.collect())
    }

    async fn inherit(
        &self,
        history: &History,
        from: u64,
        to: u64,
        at: u64,
    ) -> Result<(), StoreError> {
        let ask = Ask {
            server: &self.server,
            history,
        };
        let before = triage::deeds(ask, &[from]).await?;
        let known = triage::deeds(ask, &[to]).await?;
        let marks = triage::marks(ask).await?;
        let new = inherited((from, &before), (to, &known), &marks, at);
        super::triage::write(&self.server, &self.stamps, &history.app, &new).await
    }

    /// Says that every report of an issue that `waiting` tells of was looked at.
    pub(super) async fn settle(
        &self,
        app: &AppName,
        issue: u64,
        waiting: &[Waiting],
        at: u64,
    ) -> Result<(), StoreError> {
        let folding = self.begin().await;
        let mut history = self.fold(app.as_str(), Blocks::Recent, &folding).await?;
        if history.is_empty() {
            return Ok(());
        }
        let mut left = None;
        for _ in 0..TRIES {
            let ask = Ask {
                server: &self.server,
                history: &history,
            };
            let rows = unnamed::rows(ask, &[issue]).await?;
            let cells = looked_at(issue, waiting, &rows);
            // Where less is left than there was, somebody has said it.
            let now: i64 = rows.iter().map(|row| row.met).sum();
            if cells.len() == 0 || left.is_some_and(|left| now < left) {
                break;
            }
            left = Some(now);
            let merged = history.to_merge(cells.len() as u64, MERGED);
            self.publish(&history, cells, &merged, (None, 0), &folding)
                .await?;
            history = History::read(&self.server, app.as_str()).await?;
        }
        self.leave(&history, issue, at).await
    }

    /// Says where an issue is shown from now on, if no report is left in it.
    async fn leave(&self, history: &History, issue: u64, at: u64) -> Result<(), StoreError> {
        let ask = Ask {
            server: &self.server,
            history,
        };
        let readable = format!(
            "SELECT count() AS count FROM (SELECT id {} AND key = {} GROUP BY id HAVING sum(n) > 0)",
            history.of_summary(What::Sighting),
            sql::bytes(&issue_key(issue))
        );
        if self.server.count(&readable).await? > 0 {
            return Ok(());
        }
        let places = triage::places(ask, issue, false).await?;
        let counted = triage::facts_of(ask, &places).await?;
        for to in counted.keys() {
            self.inherit(history, issue, *to, at).await?;
        }
        if counted.len() > 1 && triage::kind(ask, issue).await?.is_some() {
            return Ok(());
        }
        let most = counted
            .iter()
            .max_by_key(|(to, facts)| (facts.reports, **to));
        if let Some((to, _)) = most {
            let new = gone(issue, *to, &triage::marks(ask).await?, at);
            super::triage::write(&self.server, &self.stamps, &history.app, &new).await?;
        }
        Ok(())
    }
}

/// Takes what was looked at out of what waits, unless less waits by now.
fn looked_at(issue: u64, waiting: &[Waiting], rows: &[unnamed::WaitingRow]) -> Cells {
    let mut cells = Cells::default();
    for one in waiting {
        let of = |row: &&unnamed::WaitingRow| {
            row.build == one.build.as_str() && row.release == one.release
        };
        let all: i64 = rows.iter().filter(of).map(|row| row.met).sum();
        let mut left = i64::try_from(one.met).unwrap_or(i64::MAX);
        if all < left {
            continue;
        }
        for row in rows.iter().filter(of) {
            let part = row.met.min(left);
            left -= part;
            if part > 0 {
                cells.add(
                    unnamed_cell(issue, &row.release, &row.build, &row.module),
                    Amount::n(-part),
                );
            }
        }
    }
    cells
}

/// Where it is counted that reports of an issue were named without a build.
pub(super) fn unnamed_cell(issue: u64, release: &str, build: &str, module: &str) -> Cell {
    Cell {
        what: What::Unnamed,
        key: issue_key(issue),
        issue,
        release: release.to_owned(),
        word: build.to_owned(),
        name: module.to_owned(),
        ..Cell::default()
    }
}
