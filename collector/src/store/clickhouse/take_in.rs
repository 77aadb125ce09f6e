//! Taking in an app from another store.
//!
//! Reports come first, in parts that are blocks with names of their own: a part that is there already is left as it is. Then
//! what is counted, in segments that nothing refers to; then a head that refers to all of them; last the app itself, before which
//! nobody asks about any of it. So it may be interrupted at any moment, and begun again.

use super::block::{IssueRow, ReportRow};
use super::cell::{Amount, Cell, Cells, SummaryRow, What};
use super::counted::put;
use super::history::{Head, Live};
use super::read::apps::{self, KeyRow, NEVER};
use super::server::{Again, Table};
use super::stamp::Stamp;
use super::told::Told;
use super::{ClickHouseStore, erasures, look_back, sql};
use crate::store::StoreError;
use crate::store::moving::{Counted, MovedApp, MovedReport};
use crate::store::sqlite::Source;
use candor_protocol::report::Report;
use clickhouse::Row;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::collections::HashMap;

/// Rows of one segment.
const SEGMENT: usize = 50_000;

/// What the reports of a block, or of an app, add up to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::store) struct Checked {
    pub(in crate::store) reports: u64,
    pub(in crate::store) checksum: u64,
}

impl Checked {
    fn of(reports: &[MovedReport]) -> Self {
        let sums = reports.iter().map(MovedReport::checksum);
        Self {
            reports: reports.len() as u64,
            checksum: sums.fold(0, |all, one| all ^ one),
        }
    }

    fn add(&mut self, other: Self) {
        self.reports += other.reports;
        self.checksum ^= other.checksum;
    }
}

#[derive(Row, Deserialize)]
struct CheckedRow {
    block: Stamp,
    reports: u64,
    checksum: u64,
}

impl ClickHouseStore {
    /// Takes in an app; `say` hears how many reports were moved. Returns what they add up to where they came from and here. The app
    /// exists when [`found`](Self::found) was called.
    pub(in crate::store) async fn take_in(
        &self,
        source: &Source,
        app: &MovedApp,
        mut say: impl FnMut(u64),
    ) -> Result<(Checked, Checked), StoreError> {
        let name = app.name.as_str();
        let there = self.blocks(name).await?;
        // What an attempt that was interrupted has left.
        for table in ["summary", "issue", "erased", "triage"] {
            let all = format!("app = {}", sql::text(name));
            self.server.delete(Table::Whole(table), &all).await?;
        }
        let mut segments = Segments::new(self, name);
        let mut all = Checked::default();
        for part in 0..source.parts()? {
            let reports = source.reports(app, part)?;
            if reports.is_empty() {
                continue;
            }
            let block = block(name, part);
            segments.add_block(block).await?;
            for report in &reports {
                segments.add_whom(report).await?;
            }
            let checked = Checked::of(&reports);
            match there.get(&block) {
                Some(known) if *known == checked => {}
                Some(_) => {
                    let which = format!(
                        "app = {} AND block = {}",
                        sql::text(name),
                        sql::bytes(&block.0)
                    );
                    self.server.delete(Table::Sharded("report"), &which).await?;
                    self.keep_part(app, reports, block).await?;
                }
                None => self.keep_part(app, reports, block).await?,
            }
            all.add(checked);
            say(all.reports);
        }
        source
            .counted(app, async |portion| {
                for counted in portion {
                    segments.add(counted).await?;
                }
                Ok(())
            })
            .await?;
        erasures::remember(&self.server, name, &source.graves(app)?).await?;
        let issues = source.issues(app)?.into_iter();
        let issues: Vec<IssueRow> = issues.map(|issue| IssueRow::moved(name, issue)).collect();
        self.server
            .insert("issue", &issues, Again::Harmless)
            .await?;
        let deeds = source.deeds(app)?;
        super::triage::write(&self.server, &self.folder.stamps, name, &deeds).await?;
        segments.publish(app.last_batch).await?;
        Ok((all, self.checked(name).await?))
    }

    async fn keep_part(
        &self,
        app: &MovedApp,
        reports: Vec<MovedReport>,
        block: Stamp,
    ) -> Result<(), StoreError> {
        let rows: Vec<ReportRow> = (0..)
            .zip(reports)
            .map(|(seq, report)| ReportRow::moved(&app.name, report, block, seq))
            .collect();
        self.server.insert("report", &rows, Again::Harmless).await
    }

    /// What the blocks of an app's reports add up to; a report that was inserted twice counts once.
    async fn blocks(&self, app: &str) -> Result<HashMap<Stamp, Checked>, StoreError> {
        let rows: Vec<CheckedRow> = self
            .server
            .rows(&format!(
                "SELECT block, count(), groupBitXor(hash) FROM
                     (SELECT DISTINCT block, id, reinterpretAsUInt64(substring(
                          SHA256(concat(body, toString(arrived), ' ', toString(issue))), 1, 8)) AS hash
                      FROM report WHERE app = {})
                 GROUP BY block",
                sql::text(app)
            ))
            .await?;
        let checked = |row: CheckedRow| {
            let CheckedRow {
                block,
                reports,
                checksum,
            } = row;
            (block, Checked { reports, checksum })
        };
        Ok(rows.into_iter().map(checked).collect())
    }

    /// What all reports of an app add up to.
    pub(in crate::store) async fn checked(&self, app: &str) -> Result<Checked, StoreError> {
        let mut all = Checked::default();
        for block in self.blocks(app).await?.into_values() {
            all.add(block);
        }
        Ok(all)
    }

    /// Makes an app that was taken in exist, with its keys.
    pub(in crate::store) async fn found(&self, app: &MovedApp) -> Result<(), StoreError> {
        let keys: Vec<KeyRow> = app
            .keys
            .iter()
            .map(|key| KeyRow {
                until: key.until.unwrap_or(NEVER),
                ..KeyRow::new(&app.name, key.hash, key.since.unwrap_or_default())
            })
            .collect();
        let now = self.folder.stamps.now();
        apps::add(&self.server, &app.name, &keys, now).await
    }
}

/// The block that the reports of a part are in, whenever they are moved.
fn block(app: &str, part: i64) -> Stamp {
    let hash = Sha256::digest(app);
    let own = hash.first_chunk::<8>().copied().unwrap_or_default();
    Stamp::of(0, part as u32, u64::from_be_bytes(own))
}

/// Segments under way.
struct Segments<'a> {
    store: &'a ClickHouseStore,
    app: &'a str,
    cells: Cells,
    written: Vec<Live>,
}

impl<'a> Segments<'a> {
    fn new(store: &'a ClickHouseStore, app: &'a str) -> Self {
        let mut cells = Cells::default();
        // Where it comes from, all of it was looked back at.
        cells.add(look_back::done(), Amount::n(1));
        Self {
            store,
            app,
            cells,
            written: Vec::new(),
        }
    }

    async fn write_some(&mut self, most: usize) -> Result<(), StoreError> {
        if self.cells.len() <= most {
            return Ok(());
        }
        let segment = self.store.folder.stamps.next();
        let rows = std::mem::take(&mut self.cells).rows(self.app, segment)?;
        self.store
            .server
            .insert("summary", &rows, Again::Never)
            .await?;
        self.written.push(Live {
            segment,
            rows: rows.len() as u64,
        });
        Ok(())
    }

    async fn add_block(&mut self, block: Stamp) -> Result<(), StoreError> {
        let cell = Cell {
            what: What::Block,
            key: block.0,
            ..Cell::default()
        };
        self.cells.add(cell, Amount::n(1));
        self.write_some(SEGMENT).await
    }

    /// Counts whom a report is of. One that today's rules refuse is in the other sums, and names nobody.
    async fn add_whom(&mut self, report: &MovedReport) -> Result<(), StoreError> {
        if let Ok(read) = Report::from_json(&report.body) {
            let told = Told {
                release: report.release.clone(),
                os: report.os.clone(),
                device: report.device.clone(),
                ..Told::of(&read, report.issue, report.arrived)
            };
            told.count_whom(&mut self.cells);
        }
        self.write_some(SEGMENT).await
    }

    async fn add(&mut self, counted: Counted) -> Result<(), StoreError> {
        put(&mut self.cells, counted)?;
        self.write_some(SEGMENT).await
    }

    /// Writes what is left, and the head by which all of it counts.
    async fn publish(mut self, last_batch: Option<u64>) -> Result<(), StoreError> {
        self.write_some(0).await?;
        self.written
            .sort_by_key(|live| std::cmp::Reverse(live.rows));
        let head = Head {
            live: self.written,
            last_batch,
        };
        let head =
            serde_json::to_string(&head).map_err(|error| StoreError::Fault(error.to_string()))?;
        let segment = self.store.folder.stamps.next();
        let row = SummaryRow::head(self.app, segment, (1, 0), head);
        self.store
            .server
            .insert("summary", &[row], Again::Never)
            .await
    }
}
