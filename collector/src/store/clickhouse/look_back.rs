//! Builds that were met without their symbols before that was counted: the explanation of an issue without any name tells its build.
//!
//! Once for each app, and in one segment with the word that it was done, so that of several collectors that do it one counts.

use super::cell::{Amount, Cell, Cells, What};
use super::fold::{Blocks, Folder};
use super::history::History;
use super::read::{Ask, triage, unnamed};
use super::regroup::{MERGED, TRIES, unnamed_cell};
use super::sql;
use crate::grouping::Explanation;
use crate::store::StoreError;
use candor_protocol::deidentify::BuildId;
use clickhouse::Row;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError};

/// Issues that are looked at together.
const TOGETHER: usize = 500;

#[derive(Row, Deserialize)]
struct WhyRow {
    id: u64,
    why: String,
}

#[derive(Row, Deserialize)]
struct ShownRow {
    issue: u64,
    release: String,
}

impl Folder {
    /// The history in which everything that was kept before is counted.
    pub(super) async fn look_back(
        &self,
        history: Arc<History>,
    ) -> Result<Arc<History>, StoreError> {
        if history.is_empty() || self.has_looked_back(&history).await? {
            return Ok(history);
        }
        let folding = self.begin().await;
        let mut history = self.fold(&history.app, Blocks::Recent, &folding).await?;
        for _ in 0..TRIES {
            if self.has_looked_back(&history).await? {
                return Ok(Arc::new(history));
            }
            if !self.server.is_complete().await? {
                return Err(StoreError::Unavailable(
                    "this server of ClickHouse has not caught up with the others".to_owned(),
                ));
            }
            let mut cells = self.met_before(&history).await?;
            cells.add(done(), Amount::n(1));
            let merged = history.to_merge(cells.len() as u64, MERGED);
            self.publish(&history, cells, &merged, (None, 0), &folding)
                .await?;
            history = History::read(&self.server, &history.app).await?;
        }
        Err(StoreError::Unavailable(
            "others fold all the time".to_owned(),
        ))
    }

    async fn has_looked_back(&self, history: &History) -> Result<bool, StoreError> {
        let looked = || {
            self.looked_back
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
        };
        if looked().contains(&history.app) {
            return Ok(true);
        }
        let question = format!(
            "SELECT count() AS count {} AND key = {}",
            history.of_summary(What::Unnamed),
            sql::bytes(&done().key)
        );
        let has = self.server.count(&question).await? > 0;
        if has {
            looked().insert(history.app.clone());
        }
        Ok(has)
    }

    async fn met_before(&self, history: &History) -> Result<Cells, StoreError> {
        let rows: Vec<WhyRow> = self
            .server
            .rows(&format!(
                "SELECT id, why FROM issue WHERE app = {} AND why LIKE '%unnamed-%' ORDER BY id, block LIMIT 1 BY id",
                sql::text(&history.app)
            ))
            .await?;
        let mut builds: BTreeMap<u64, BTreeSet<BuildId>> = BTreeMap::new();
        for row in rows {
            let met = builds_of(&row.why);
            if !met.is_empty() {
                builds.insert(row.id, met);
            }
        }
        let ask = Ask {
            server: &self.server,
            history,
        };
        let mut cells = Cells::default();
        let issues: Vec<u64> = builds.keys().copied().collect();
        for issues in issues.chunks(TOGETHER) {
            let known: BTreeSet<(u64, String)> = unnamed::rows(ask, issues)
                .await?
                .into_iter()
                .map(|row| (row.issue, row.build))
                .collect();
            let shown: Vec<ShownRow> = self
                .server
                .rows(&format!(
                    "SELECT issue, release {} AND key IN {} GROUP BY issue, release HAVING sum(n) > 0",
                    history.of_summary(What::Issues),
                    triage::keys(issues)
                ))
                .await?;
            for ShownRow { issue, release } in shown {
                for build in builds.get(&issue).into_iter().flatten() {
                    if !known.contains(&(issue, build.as_str().to_owned())) {
                        cells.add(
                            unnamed_cell(issue, &release, build.as_str(), ""),
                            Amount::n(1),
                        );
                    }
                }
            }
        }
        Ok(cells)
    }
}

/// The builds that an explanation tells, if it goes by places without names.
fn builds_of(why: &str) -> BTreeSet<BuildId> {
    let Ok(why) = serde_json::from_str::<Explanation>(why) else {
        return BTreeSet::new();
    };
    if !why.rule.contains("unnamed-") {
        return BTreeSet::new();
    }
    let places = why.frames.iter().filter_map(|frame| frame.split_once('+'));
    let places = places.filter(|(_, offset)| u64::from_str_radix(offset, 16).is_ok());
    places.filter_map(|(build, _)| build.parse().ok()).collect()
}

/// Where it stands that an app was looked back at.
pub(super) fn done() -> Cell {
    unnamed_cell(0, "", "", "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_issue_without_names_tells_its_build_and_one_with_names_tells_none() {
        let of = |rule: &str, frames: &[&str]| {
            let why = Explanation {
                rule: rule.to_owned(),
                facts: Vec::new(),
                frames: frames.iter().map(|frame| (*frame).to_owned()).collect(),
                by_file: Vec::new(),
            };
            let told = builds_of(&serde_json::to_string(&why).unwrap());
            told.into_iter()
                .map(|build| build.to_string())
                .collect::<Vec<_>>()
        };
        let build = "aabbccddeeff00112233";
        assert_eq!(of("unnamed-frame-v1", &[&format!("{build}+1f0")]), [build]);
        assert!(of("unnamed-frame-v1", &["im::show", "im::Add<a+b>"]).is_empty());
        assert!(of("panic-own-frames-v1", &[&format!("{build}+1f0")]).is_empty());
        assert!(builds_of("no JSON").is_empty());
    }
}
