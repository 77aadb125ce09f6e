//! Folding: from the blocks of the journal to a segment of the summaries.

use super::cell::{Amount, Cell, Cells, FROZEN, STARTED, SummaryRow, What};
use super::erasures::Erasures;
use super::history::{History, Live};
use super::journal::{Entry, JournalRow};
use super::ledger::Ledger;
use super::server::{Again, Server};
use super::shared::Shared;
use super::sql;
use super::stamp::{Stamp, Stamps};
use super::told::{CrowdKey, KnownRun, RunCell, Told};
use crate::store::StoreError;
use crate::store::run_state::RunState;
use crate::store::storm::CROWD;
use candor_protocol::report::Exit;
use clickhouse::Row;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::{Arc, PoisonError};
use tokio::sync::Mutex;
use tokio::time::Instant;

/// Rows of the journal that one fold takes.
const MOST: u64 = 20_000;
/// Blocks that are looked at together.
const LOOKED_AT: usize = 1_000;
/// Rows that a fold writes again so that there are few segments; more are merged when nobody waits.
const MERGED: u64 = 20_000;
/// How often a fold is tried while others fold too.
const TRIES: usize = 20;
/// A fold that takes longer stands on old ground and is given up.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(45);
/// How long a minute in which few reconnected is remembered, since more may arrive, in seconds.
const UNDECIDED: u64 = 600;

const HOUR: u64 = 3_600;

/// Turns blocks into segments.
pub(super) struct Folder {
    pub(super) server: Arc<Server>,
    pub(super) stamps: Arc<Stamps>,
    /// Folds of one collector do not compete.
    busy: Mutex<()>,
    /// Apps of which it is known that everything was looked back at.
    pub(super) looked_back: std::sync::Mutex<HashSet<String>>,
    /// By app, for whoever asks at the same time.
    seen: std::sync::Mutex<HashMap<String, Arc<Shared<Arc<History>>>>>,
}

/// Held while summaries are written.
pub(super) struct Folding<'a> {
    _busy: tokio::sync::MutexGuard<'a, ()>,
    since: Instant,
}

/// Which blocks are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Blocks {
    /// Those of this hour and the one before.
    Recent,
    /// All that are in the journal: a server that was away may bring old ones.
    All,
}

#[derive(Row, Deserialize)]
struct BlockRow {
    block: Stamp,
    rows: u64,
}

impl Folder {
    pub(super) fn new(server: Arc<Server>, stamps: Arc<Stamps>) -> Self {
        Self {
            server,
            stamps,
            busy: Mutex::new(()),
            looked_back: std::sync::Mutex::default(),
            seen: std::sync::Mutex::default(),
        }
    }

    pub(super) async fn begin(&self) -> Folding<'_> {
        Folding {
            _busy: self.busy.lock().await,
            since: Instant::now(),
        }
    }

    /// The history of an app with everything that was kept before this was asked.
    pub(super) async fn fresh(&self, app: &str) -> Result<Arc<History>, StoreError> {
        let shared = {
            let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            seen.entry(app.to_owned()).or_default().clone()
        };
        let look = async {
            let history = History::read(&self.server, app).await?;
            if self.unfolded(&history, Blocks::Recent).await?.is_empty() {
                return Ok(Arc::new(history));
            }
            let folding = self.begin().await;
            let folded = self.fold(app, Blocks::Recent, &folding).await?;
            Ok(Arc::new(folded))
        };
        shared.see(look).await
    }

    /// Folds everything that is there to be folded now; more may be kept meanwhile.
    pub(super) async fn fold(
        &self,
        app: &str,
        blocks: Blocks,
        folding: &Folding<'_>,
    ) -> Result<History, StoreError> {
        let mut wanted: Option<HashSet<Stamp>> = None;
        let mut tries = 0;
        while tries < TRIES {
            let is_complete = self.server.is_complete().await?;
            let history = History::read(&self.server, app).await?;
            let found = self.unfolded(&history, blocks).await?;
            let is_wanted = |wanted: &HashSet<Stamp>| {
                let mut found = found.iter();
                found.any(|row| wanted.contains(&row.block))
            };
            let is_left = wanted.as_ref().is_none_or(is_wanted);
            // A server that has not everything yet would count from a false ground; what it has folded is true all the same.
            if found.is_empty() || !is_left || !is_complete {
                return Ok(history);
            }
            // Where there is more than was looked at, it is looked again.
            if wanted.is_none() && found.len() < LOOKED_AT {
                wanted = Some(found.iter().map(|row| row.block).collect());
            }
            tries += usize::from(wanted.is_some());
            let mut left = MOST;
            let taken: Vec<Stamp> = found
                .iter()
                .take_while(|row| {
                    let first = left == MOST;
                    let fits = first || row.rows <= left;
                    left = left.saturating_sub(row.rows);
                    fits
                })
                .map(|row| row.block)
                .collect();
            self.fold_blocks(&history, &taken, folding).await?;
        }
        Err(StoreError::Unavailable(
            "others fold all the time".to_owned(),
        ))
    }

    /// Blocks that are in no segment, oldest first.
    async fn unfolded(
        &self,
        history: &History,
        blocks: Blocks,
    ) -> Result<Vec<BlockRow>, StoreError> {
        let since = match blocks {
            Blocks::Recent => Stamp::earliest(self.stamps.now().saturating_sub(HOUR)),
            Blocks::All => Stamp::earliest(0),
        };
        let since = sql::bytes(&since.0);
        self.server
            .rows(&format!(
                "SELECT block, count() FROM journal WHERE app = {} AND block >= {since}
                     AND block NOT IN (SELECT key {} AND key >= {since})
                 GROUP BY block ORDER BY block LIMIT {LOOKED_AT}",
                sql::text(&history.app),
                history.of_summary(What::Block)
            ))
            .await
    }

    async fn fold_blocks(
        &self,
        history: &History,
        blocks: &[Stamp],
        folding: &Folding<'_>,
    ) -> Result<(), StoreError> {
        let entries = self.entries(&history.app, blocks).await?;
        let mut cells = Cells::default();
        for block in blocks {
            let cell = Cell {
                what: What::Block,
                key: block.0,
                ..Cell::default()
            };
            cells.add(cell, Amount::n(1));
        }
        let mut ledger = Ledger::default();
        let mut told = Vec::new();
        for entry in entries {
            match entry {
                Entry::Report(report) => told.push(*report),
                other => ledger.note(other, &mut cells),
            }
        }
        self.drop_known(history, blocks, &mut told).await?;
        told.iter().for_each(|told| ledger.stored(told));
        let erasures = Erasures::read(&self.server, history).await?;
        let late = erasures
            .take_late(&self.server, &self.stamps, &history.app, &mut told)
            .await?;
        late.iter().for_each(|late| ledger.erased(late.arrived, 1));
        self.server
            .insert("erasing", &late, Again::Harmless)
            .await?;

        told.iter().for_each(|told| told.count(&mut cells, 1));
        self.count_runs(history, &told, &mut cells).await?;
        self.decide_minutes(history, &told, &mut cells).await?;
        ledger.count(&mut cells);
        let merged = history.to_merge(cells.len() as u64, MERGED);
        self.publish(history, cells, &merged, (ledger.last_batch, 0), folding)
            .await
    }

    /// What blocks say, in their order.
    async fn entries(&self, app: &str, blocks: &[Stamp]) -> Result<Vec<Entry>, StoreError> {
        let rows: Vec<JournalRow> = self
            .server
            .rows(&format!(
                "SELECT {} FROM journal WHERE app = {} AND block IN {}",
                JournalRow::COLUMNS,
                sql::text(app),
                sql::list(blocks, |block| sql::bytes(&block.0))
            ))
            .await?;
        let rows: BTreeMap<_, _> = rows.into_iter().map(|row| (row.place(), row)).collect();
        rows.into_values().map(JournalRow::read).collect()
    }

    /// Drops reports that the history holds, and all but the first of those that came twice.
    async fn drop_known(
        &self,
        history: &History,
        blocks: &[Stamp],
        told: &mut Vec<Told>,
    ) -> Result<(), StoreError> {
        let mut seen = HashSet::new();
        told.retain(|told| seen.insert(told.id));
        let ids: Vec<_> = told.iter().map(|told| (told.pseudonym, told.id)).collect();
        let mut elsewhere = held(&self.server, &history.app, &ids).await?;
        if self.server.cluster().is_some() && !ids.is_empty() {
            // Reports may stand on another server that is a moment behind; the journal of this one is complete.
            let since = Stamp::earliest(self.stamps.now().saturating_sub(HOUR));
            let rows: Vec<Held> = self
                .server
                .rows(&format!(
                    "SELECT id, block FROM journal WHERE app = {} AND block >= {} AND what = 'report' AND id IN {}",
                    sql::text(&history.app),
                    sql::bytes(&since.0),
                    sql::list(&ids, |(_, id)| sql::bytes(id))
                ))
                .await?;
            elsewhere.extend(rows);
        }
        elsewhere.retain(|held| !blocks.contains(&held.block));
        let candidates: BTreeSet<Stamp> = elsewhere.iter().map(|held| held.block).collect();
        let folded = self.folded(history, &candidates).await?;
        elsewhere.retain(|held| folded.contains(&held.block));
        let known: HashSet<_> = elsewhere.into_iter().map(|held| held.id).collect();
        told.retain(|told| !known.contains(&told.id));
        Ok(())
    }

    /// Which of these blocks the history holds.
    pub(super) async fn folded(
        &self,
        history: &History,
        blocks: &BTreeSet<Stamp>,
    ) -> Result<HashSet<Stamp>, StoreError> {
        if blocks.is_empty() {
            return Ok(HashSet::new());
        }
        let rows: Vec<StampRow> = self
            .server
            .rows(&format!(
                "SELECT key {} AND key IN {}",
                history.of_summary(What::Block),
                sql::list(blocks, |block| sql::bytes(&block.0))
            ))
            .await?;
        Ok(rows.into_iter().map(|row| row.stamp).collect())
    }

    /// Moves every run that is told of to where it counts now.
    async fn count_runs(
        &self,
        history: &History,
        told: &[Told],
        cells: &mut Cells,
    ) -> Result<(), StoreError> {
        let mut said: HashMap<[u8; 16], KnownRun> = HashMap::new();
        for told in told {
            let Some(new) = told.run() else { continue };
            let now = match said.remove(&told.run) {
                Some(known) => known.and(new),
                None => new,
            };
            said.insert(told.run, now);
        }
        let which = sql::list(said.keys(), |run| sql::bytes(run));
        let mut known = self
            .runs(history, &format!("AND key IN {which}"), said.is_empty())
            .await?;
        for (run, said) in said {
            let before = known.remove(&run);
            let now = match before.clone() {
                Some(before) => before.and(said),
                None => said,
            };
            if before.as_ref() == Some(&now) {
                continue;
            }
            if let Some(before) = before {
                before.count(cells, run, -1);
            }
            now.count(cells, run, 1);
        }
        Ok(())
    }

    /// Runs as the history knows them.
    pub(super) async fn runs(
        &self,
        history: &History,
        which: &str,
        is_none: bool,
    ) -> Result<HashMap<[u8; 16], KnownRun>, StoreError> {
        if is_none || history.is_empty() {
            return Ok(HashMap::new());
        }
        let rows: Vec<RunRow> = self
            .server
            .rows(&format!(
                "SELECT key, pseudonym, at, release, os, device, word, flag, sum(ms) {} {which}
                 GROUP BY key, pseudonym, at, release, os, device, word, flag HAVING sum(n) > 0",
                history.of_summary(What::Run)
            ))
            .await?;
        Ok(rows.into_iter().map(RunRow::read).collect())
    }

    /// Minutes that are over are counts, if they were a crowd; who it was is forgotten.
    async fn decide_minutes(
        &self,
        history: &History,
        told: &[Told],
        cells: &mut Cells,
    ) -> Result<(), StoreError> {
        if told.iter().all(|told| told.minute.is_none()) {
            return Ok(());
        }
        let mut crowds: BTreeMap<CrowdKey, HashMap<[u8; 16], i64>> = BTreeMap::new();
        let before: Vec<CrowdRow> = self
            .server
            .rows(&format!(
                "SELECT at, name, endpoint, pseudonym, sum(n) AS attempts {}
                 GROUP BY at, name, endpoint, pseudonym HAVING attempts <> 0",
                history.of_summary(What::Crowd)
            ))
            .await?;
        for row in before {
            let key = (row.at, row.name, row.endpoint);
            let crowd = crowds.entry(key).or_default();
            *crowd.entry(row.pseudonym).or_default() += row.attempts;
        }
        for told in told {
            for (key, attempts) in told.reconnects() {
                let crowd = crowds.entry(key).or_default();
                *crowd.entry(told.pseudonym).or_default() += attempts;
            }
        }
        let newest = crowds.keys().next_back().map_or(0, |(at, ..)| *at);
        let decided = newest.saturating_sub(UNDECIDED);
        for ((at, name, endpoint), crowd) in crowds {
            if at >= decided {
                continue;
            }
            let cell = |what| Cell {
                what,
                at,
                name: name.clone(),
                endpoint: endpoint.clone(),
                ..Cell::default()
            };
            let (installs, attempts) = (crowd.len(), crowd.values().sum());
            for (pseudonym, attempts) in crowd {
                let cell = Cell {
                    pseudonym,
                    ..cell(What::Crowd)
                };
                cells.add(cell, Amount::n(-attempts));
            }
            if installs as u64 >= CROWD {
                let amount = Amount::of(installs as i64, attempts, 0);
                cells.add(cell(What::Minute), amount);
            }
        }
        Ok(())
    }

    /// Writes a segment upon a history, which also holds what `merged` held. Whether it counts shows when the history is read again.
    pub(super) async fn publish(
        &self,
        history: &History,
        mut cells: Cells,
        merged: &[Live],
        (last_batch, erasures): (Option<u64>, i64),
        folding: &Folding<'_>,
    ) -> Result<(), StoreError> {
        if !merged.is_empty() {
            let rows: Vec<SummaryRow> = self
                .server
                .rows(&format!(
                    "SELECT {} FROM summary WHERE app = {} AND segment IN {} AND what <> '{}'",
                    SummaryRow::COLUMNS,
                    sql::text(&history.app),
                    sql::list(merged, |live| sql::bytes(&live.segment.0)),
                    What::Head.as_str()
                ))
                .await?;
            for row in rows {
                // A summary that this collector does not know belongs to a newer one, which opened the database meanwhile.
                let what = row.what().ok_or_else(|| {
                    StoreError::Unavailable("a newer collector writes summaries".to_owned())
                })?;
                cells.merge(what, row)?;
            }
        }
        let segment = self.stamps.next();
        let mut rows = cells.rows(&history.app, segment)?;
        let own = Live {
            segment,
            rows: rows.len() as u64,
        };
        let head = serde_json::to_string(&history.next(own, merged, last_batch))
            .map_err(|error| StoreError::Fault(error.to_string()))?;
        let place = (history.height + 1, history.erasures + erasures);
        rows.push(SummaryRow::head(&history.app, segment, place, head));
        if folding.since.elapsed() > PATIENCE {
            return Err(StoreError::Unavailable(
                "ClickHouse is too slow to fold".to_owned(),
            ));
        }
        // One insert is one part: all of it is there at once. Nobody waits for it again: whether it was done shows.
        self.server.insert("summary", &rows, Again::Never).await
    }
}

/// A report that the table of reports holds.
#[derive(Row, Deserialize)]
pub(super) struct Held {
    pub(super) id: [u8; 16],
    pub(super) block: Stamp,
}

/// Those of these reports, each with its pseudonym, that the table of reports holds, committed or not.
pub(super) async fn held(
    server: &Server,
    app: &str,
    ids: &[([u8; 16], [u8; 16])],
) -> Result<Vec<Held>, StoreError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let pair = |(pseudonym, id): &([u8; 16], [u8; 16])| {
        format!("({},{})", sql::bytes(pseudonym), sql::bytes(id))
    };
    server
        .rows(&format!(
            "SELECT id, block FROM report WHERE app = {} AND (pseudonym, id) IN {}",
            sql::text(app),
            sql::list(ids, pair)
        ))
        .await
}

/// A row that is a stamp.
#[derive(Row, Deserialize)]
pub(super) struct StampRow {
    pub(super) stamp: Stamp,
}

#[derive(Row, Deserialize)]
struct RunRow {
    run: [u8; 16],
    pseudonym: [u8; 16],
    at: u64,
    release: String,
    os: String,
    device: String,
    exit: String,
    flag: u8,
    ms: i64,
}

impl RunRow {
    fn read(self) -> ([u8; 16], KnownRun) {
        let state = RunState {
            started: self.flag & STARTED > 0,
            cell: RunCell {
                at: self.at,
                release: self.release,
                os: self.os,
                device: self.device,
            },
            exit: self.exit.parse::<Exit>().ok(),
            frozen: self.flag & FROZEN > 0,
            run_ms: u64::try_from(self.ms).unwrap_or_default(),
        };
        let known = KnownRun {
            pseudonym: self.pseudonym,
            state,
        };
        (self.run, known)
    }
}

#[derive(Row, Deserialize)]
struct CrowdRow {
    at: u64,
    name: String,
    endpoint: String,
    pseudonym: [u8; 16],
    attempts: i64,
}
