//! What was kept, refused or held back, before it is in the summaries.

use super::stamp::Stamp;
use super::told::{Said, Told};
use crate::store::{Arrival, Lacking, Quarantine, StoreError};
use clickhouse::Row;
use serde::{Deserialize, Serialize};

const MINUTE: u64 = 60;
const DAY: u64 = 86_400;

/// A row of a block.
#[derive(Debug, Clone, Default, Row, Serialize, Deserialize)]
pub(super) struct JournalRow {
    app: String,
    block: [u8; 16],
    what: String,
    id: [u8; 16],
    seq: u32,
    kind: String,
    at: u64,
    arrived: u64,
    minute: u64,
    run: [u8; 16],
    pseudonym: [u8; 16],
    release: String,
    os: String,
    device: String,
    issue: u64,
    told: String,
    reason: String,
    field: String,
    n: u64,
    key: String,
    day: u16,
}

/// What the summaries need of a report and columns do not hold.
#[derive(Serialize, Deserialize)]
struct Written {
    #[serde(flatten)]
    said: Said,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    lacking: Vec<Lacking>,
}

impl Written {
    fn of(told: &Told) -> Self {
        Self {
            said: told.said.clone(),
            lacking: told.lacking.clone(),
        }
    }
}

/// What a row says.
#[derive(Debug, Clone)]
pub(super) enum Entry {
    /// So many reports arrived together.
    Batch {
        arrived: u64,
        key: String,
        reports: u64,
    },
    /// One of them was kept.
    Report(Box<Told>),
    /// Reports were refused.
    Refused {
        arrived: u64,
        key: String,
        reason: String,
        reports: u64,
    },
    /// A report was held back.
    Leak {
        arrived: u64,
        key: String,
        release: String,
        field: String,
        reason: String,
    },
}

/// The key that something was sent by, as it is written.
pub(super) fn key_of(arrived: Arrival) -> String {
    arrived.key.map_or_else(String::new, |key| key.to_string())
}

impl Entry {
    pub(super) fn leak(leak: &Quarantine, arrived: Arrival) -> Self {
        let release = leak.release.as_ref();
        Self::Leak {
            arrived: arrived.at,
            key: key_of(arrived),
            release: release.map_or("", |release| release.as_str()).to_owned(),
            field: leak.field.to_owned(),
            reason: leak.reason.to_owned(),
        }
    }

    /// The row for it; `seq` tells the rows of a block apart.
    pub(super) fn row(&self, app: &str, block: Stamp, seq: u32) -> Result<JournalRow, StoreError> {
        let row = |what: &str, arrived: u64, key: &str| JournalRow {
            app: app.to_owned(),
            key: key.to_owned(),
            block: block.0,
            what: what.to_owned(),
            seq,
            arrived,
            day: (block.hour() / DAY) as u16,
            ..JournalRow::default()
        };
        Ok(match self {
            Self::Batch {
                arrived,
                key,
                reports,
            } => JournalRow {
                n: *reports,
                ..row("batch", arrived - arrived % MINUTE, key)
            },
            Self::Report(told) => JournalRow {
                id: told.id,
                kind: told.said.kind().as_str().to_owned(),
                at: told.at,
                minute: told.minute.unwrap_or_default(),
                run: told.run,
                pseudonym: told.pseudonym,
                release: told.release.clone(),
                os: told.os.clone(),
                device: told.device.clone(),
                issue: told.issue,
                told: serde_json::to_string(&Written::of(told))
                    .map_err(|error| StoreError::Fault(error.to_string()))?,
                ..row("report", told.arrived, &told.key)
            },
            Self::Refused {
                arrived,
                key,
                reason,
                reports,
            } => JournalRow {
                reason: reason.clone(),
                n: *reports,
                ..row("refused", arrived - arrived % MINUTE, key)
            },
            Self::Leak {
                arrived,
                key,
                release,
                field,
                reason,
            } => JournalRow {
                release: release.clone(),
                field: field.clone(),
                reason: reason.clone(),
                n: 1,
                ..row("leak", arrived - arrived % MINUTE, key)
            },
        })
    }
}

impl JournalRow {
    /// The columns, in the order of the fields.
    pub(super) const COLUMNS: &str = "app, block, what, id, seq, kind, at, arrived, minute, run, pseudonym, release, os, device, \
         issue, told, reason, field, n, key, day";

    /// Tells a row from all others: a block that was inserted twice, since nobody knew whether it was, counts once.
    pub(super) fn place(&self) -> (Stamp, u32) {
        (Stamp(self.block), self.seq)
    }

    pub(super) fn read(self) -> Result<Entry, StoreError> {
        Ok(match self.what.as_str() {
            "batch" => Entry::Batch {
                arrived: self.arrived,
                key: self.key,
                reports: self.n,
            },
            "report" => {
                let written: Written = serde_json::from_str(&self.told).map_err(|error| {
                    StoreError::Fault(format!("a row of the journal cannot be read: {error}"))
                })?;
                Entry::Report(Box::new(Told {
                    id: self.id,
                    at: self.at,
                    arrived: self.arrived,
                    key: self.key,
                    minute: Some(self.minute).filter(|minute| *minute > 0),
                    run: self.run,
                    pseudonym: self.pseudonym,
                    release: self.release,
                    os: self.os,
                    device: self.device,
                    issue: self.issue,
                    lacking: written.lacking,
                    said: written.said,
                }))
            }
            "refused" => Entry::Refused {
                arrived: self.arrived,
                key: self.key,
                reason: self.reason,
                reports: self.n,
            },
            _ => Entry::Leak {
                arrived: self.arrived,
                key: self.key,
                release: self.release,
                field: self.field,
                reason: self.reason,
            },
        })
    }
}
