//! Erasing: out of every summary at once, off the disks soon after ([`sweep`](super::sweep)).

use super::cell::{Amount, Cell, Cells, What};
use super::erasures::{self, Erasing, Erasures};
use super::fold::{Blocks, Folder, Folding, StampRow};
use super::history::History;
use super::ledger::Ledger;
use super::server::Table;
use super::sql;
use super::stamp::Stamp;
use super::told::{KnownRun, Told};
use crate::store::triage::CAME;
use crate::store::{Part, StoreError};
use candor_protocol::deidentify::Pseudonym;
use candor_protocol::report::Report;
use clickhouse::Row;
use serde::Deserialize;
use std::collections::{BTreeSet, HashMap, HashSet};

/// How often it is tried while others fold too.
const TRIES: usize = 20;
/// Rows that a segment with what is taken out writes again, so that nothing of it is left there.
const MERGED: u64 = 200_000;

impl Folder {
    /// Erases installations. Returns how many reports were erased.
    pub(super) async fn erase(
        &self,
        app: &str,
        pseudonyms: &[Pseudonym],
        arrived: u64,
    ) -> Result<u64, StoreError> {
        let different: BTreeSet<_> = pseudonyms
            .iter()
            .map(crate::store::ids::pseudonym)
            .collect();
        let asked: Vec<Erasing> = different
            .into_iter()
            .map(|one| Erasing::installation(app, one, arrived, &self.stamps))
            .collect();
        let folding = self.begin().await;
        self.fold(app, Blocks::All, &folding).await?;
        erasures::ask(&self.server, &asked).await?;
        self.erased(app, &asked, &folding).await
    }

    /// Erases a part of an app. Returns how many reports were erased.
    pub(super) async fn erase_part(
        &self,
        app: &str,
        part: &Part,
        arrived: u64,
    ) -> Result<u64, StoreError> {
        let asked = Erasing::part(app, part, arrived, &self.stamps);
        let folding = self.begin().await;
        self.fold(app, Blocks::All, &folding).await?;
        erasures::ask(&self.server, std::slice::from_ref(&asked)).await?;
        let erased = self
            .erased(app, std::slice::from_ref(&asked), &folding)
            .await?;
        self.wipe(app, &asked).await?;
        Ok(erased)
    }

    /// Takes out of the summaries what was asked for, unless somebody else does, and says how many reports that were.
    async fn erased(
        &self,
        app: &str,
        asked: &[Erasing],
        folding: &Folding<'_>,
    ) -> Result<u64, StoreError> {
        for _ in 0..TRIES {
            let history = History::read(&self.server, app).await?;
            let to_do = Erasures::read(&self.server, &history).await?.to_do;
            if !to_do.iter().any(|one| asked.contains(one)) {
                let stamps = sql::list(asked, |one| sql::bytes(&one.stamp.0));
                return self
                    .server
                    .count(&format!(
                        "SELECT toUInt64(sum(n)) AS count {} AND key IN {stamps}",
                        history.of_summary(What::Erased)
                    ))
                    .await;
            }
            if !self.server.is_complete().await? {
                return Err(StoreError::Unavailable(
                    "this server of ClickHouse has not caught up with the others".to_owned(),
                ));
            }
            self.take_out(&history, folding).await?;
        }
        Err(StoreError::Unavailable(
            "others fold all the time".to_owned(),
        ))
    }

    /// Takes everything on the list out of the summaries.
    pub(super) async fn take_out(
        &self,
        history: &History,
        folding: &Folding<'_>,
    ) -> Result<(), StoreError> {
        let Erasures { to_do, done } = Erasures::read(&self.server, history).await?;
        let mut cells = Cells::default();
        let mut ledger = Ledger::default();
        let mut taken = Taken {
            done,
            ..Taken::default()
        };
        for erasing in &to_do {
            let reports = match erasing.is_late > 0 {
                true => 0,
                false => {
                    self.take_one_out(history, erasing, &mut taken, &mut cells)
                        .await?
                }
            };
            ledger.erased(erasing.arrived, reports);
            let cell = Cell {
                what: What::Erased,
                key: erasing.stamp.0,
                ..Cell::default()
            };
            cells.add(cell, Amount::n(i64::try_from(reports).unwrap_or(i64::MAX)));
            // What the next one on the list is about may be a part of it.
            taken.done.push(erasing.clone());
        }
        ledger.count(&mut cells);
        let erasures = to_do.len() as i64;
        let merged = history.within(MERGED);
        self.publish(history, cells, &merged, (None, erasures), folding)
            .await
    }

    async fn take_one_out(
        &self,
        history: &History,
        erasing: &Erasing,
        taken: &mut Taken,
        cells: &mut Cells,
    ) -> Result<u64, StoreError> {
        let app = sql::text(&history.app);
        let which = format!("app = {app} AND {}", erasing.which());
        let folded = self.folded_of(history, &which).await?;
        // All of an app needs no sums to be taken out: they go altogether.
        let body = if erasing.is_all() { "''" } else { "body" };
        let moved = match erasing.is_all() {
            true => HashMap::new(),
            false => self.moved(history, erasing).await?,
        };
        let mut reports = 0;
        let mut told_of: HashSet<[u8; 16]> = HashSet::new();
        let question = format!(
            "SELECT id, block, issue, arrived, at, pseudonym, release, {body} FROM report WHERE {which}"
        );
        self.server
            .each(&question, |row: ReportRow| {
                let known = taken
                    .done
                    .iter()
                    .any(|done| done.holds(&row.pseudonym, row.at, &row.release));
                if known || !folded.contains(&row.block) || !taken.reports.insert(row.id) {
                    return;
                }
                reports += 1;
                if let Some(mut told) = row.told() {
                    told.issue = moved.get(&told.id).copied().unwrap_or(told.issue);
                    told.count(cells, -1);
                    told_of.insert(told.run);
                }
            })
            .await?;
        if !erasing.is_all() {
            self.take_runs_out(history, erasing, &told_of, taken, cells)
                .await?;
        }
        Ok(reports)
    }

    /// Where reports are counted, as far as any is not where it arrived.
    async fn moved(
        &self,
        history: &History,
        erasing: &Erasing,
    ) -> Result<HashMap<[u8; 16], u64>, StoreError> {
        let any = format!(
            "SELECT count() AS count FROM triage WHERE app = {} AND aspect = '{CAME}'",
            sql::text(&history.app)
        );
        if history.is_empty() || self.server.count(&any).await? == 0 {
            return Ok(HashMap::new());
        }
        let rows: Vec<PlaceRow> = self
            .server
            .rows(&format!(
                "SELECT id, issue {} AND {} GROUP BY id, issue HAVING sum(n) > 0",
                history.of_summary(What::Sighting),
                erasing.which()
            ))
            .await?;
        Ok(rows.into_iter().map(|row| (row.id, row.issue)).collect())
    }

    async fn take_runs_out(
        &self,
        history: &History,
        erasing: &Erasing,
        told_of: &HashSet<[u8; 16]>,
        taken: &mut Taken,
        cells: &mut Cells,
    ) -> Result<(), StoreError> {
        let own = format!("AND {}", erasing.which());
        let mut runs = self.runs(history, &own, false).await?;
        if erasing.is_part() {
            let told_of = sql::list(told_of, |run| sql::bytes(run));
            runs.extend(
                self.runs(history, &format!("AND key IN {told_of}"), false)
                    .await?,
            );
        }
        runs.retain(|run, _| taken.runs.insert(*run));
        for (run, known) in &runs {
            known.count(cells, *run, -1);
        }
        if erasing.is_part() && !erasing.is_release() {
            // Of a run there may be more to tell than what lies in the range.
            for (run, known) in self.what_is_left(history, erasing, &runs, taken).await? {
                known.count(cells, run, 1);
                taken.runs.remove(&run);
            }
        }
        Ok(())
    }

    /// Runs by the reports that are left of them.
    async fn what_is_left(
        &self,
        history: &History,
        erasing: &Erasing,
        runs: &HashMap<[u8; 16], KnownRun>,
        taken: &Taken,
    ) -> Result<HashMap<[u8; 16], KnownRun>, StoreError> {
        let mut left: HashMap<[u8; 16], KnownRun> = HashMap::new();
        if runs.is_empty() {
            return Ok(left);
        }
        let which = format!(
            "app = {} AND pseudonym IN {} AND run IN {} AND NOT ({})",
            sql::text(&history.app),
            sql::list(runs.values(), |run| sql::bytes(&run.pseudonym)),
            sql::list(runs.keys(), |run| sql::bytes(run)),
            erasing.which()
        );
        let folded = self.folded_of(history, &which).await?;
        let question = format!(
            "SELECT id, block, issue, arrived, at, pseudonym, release, body FROM report WHERE {which}"
        );
        self.server
            .each(&question, |row: ReportRow| {
                let gone = taken
                    .done
                    .iter()
                    .any(|done| done.holds(&row.pseudonym, row.at, &row.release));
                if gone || !folded.contains(&row.block) {
                    return;
                }
                let Some(told) = row.told() else { return };
                let Some(said) = told.run() else { return };
                let now = match left.remove(&told.run) {
                    Some(known) => known.and(said),
                    None => said,
                };
                left.insert(told.run, now);
            })
            .await?;
        Ok(left)
    }

    /// Blocks of these reports that the history holds.
    async fn folded_of(
        &self,
        history: &History,
        which: &str,
    ) -> Result<HashSet<Stamp>, StoreError> {
        let question = format!("SELECT DISTINCT block FROM report WHERE {which}");
        let blocks: Vec<StampRow> = self.server.rows(&question).await?;
        let blocks = blocks.into_iter().map(|row| row.stamp).collect();
        self.folded(history, &blocks).await
    }

    /// Deletes what is left of a part in the summaries: what reports left there that expired before.
    pub(super) async fn wipe(&self, app: &str, part: &Erasing) -> Result<(), StoreError> {
        let words = |whats: &[What]| sql::list(whats, |what| sql::text(what.as_str()));
        let mut which = Vec::new();
        if part.is_all() {
            which.push(format!(
                "what NOT IN {}",
                words(&[What::Head, What::Block, What::Erased, What::Ledger])
            ));
        } else {
            which.push(format!(
                "what IN {} AND {}",
                words(&[
                    What::Runs,
                    What::Faults,
                    What::Issues,
                    What::Connections,
                    What::Run,
                    What::Install,
                    What::Sighting,
                    What::Met,
                ]),
                part.which()
            ));
            if part.is_release() {
                which.push(format!(
                    "what IN {} AND release = {}",
                    words(&[What::Link, What::Leak, What::Unnamed]),
                    part.release()
                ));
            } else {
                which.push(format!(
                    "what IN {} AND {}",
                    words(&[What::Freezes, What::Minute, What::Crowd, What::Leak]),
                    part.in_range("at")
                ));
            }
        }
        for which in which {
            let which = format!("app = {} AND {which}", sql::text(app));
            self.server.delete(Table::Whole("summary"), &which).await?;
        }
        Ok(())
    }
}

/// What was taken out already.
#[derive(Default)]
struct Taken {
    done: Vec<Erasing>,
    reports: HashSet<[u8; 16]>,
    runs: HashSet<[u8; 16]>,
}

#[derive(Row, Deserialize)]
struct PlaceRow {
    id: [u8; 16],
    issue: u64,
}

#[derive(Row, Deserialize)]
struct ReportRow {
    id: [u8; 16],
    block: Stamp,
    issue: u64,
    arrived: u64,
    at: u64,
    pseudonym: [u8; 16],
    release: String,
    body: String,
}

impl ReportRow {
    /// Reports were checked when they came; one that today's rules refuse was counted by its circumstances all the same, but
    /// what it said cannot be taken out any more.
    fn told(&self) -> Option<Told> {
        if self.body.is_empty() {
            return None;
        }
        match Report::from_json(&self.body) {
            Ok(report) => Some(Told::of(&report, self.issue, self.arrived)),
            Err(_) => {
                tracing::warn!(
                    "a report that is erased cannot be read; it stays in the summaries, where it names nobody"
                );
                None
            }
        }
    }
}
