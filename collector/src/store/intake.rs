//! What arrives: when, and by which ingest key; and what became of it, by both.

use crate::access::KeyId;
use candor_protocol::deidentify::AppName;
use std::collections::BTreeMap;

/// When something arrived, and by which key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrival {
    /// Seconds since 1970-01-01 UTC.
    pub at: u64,
    /// The key it was sent with; `None` where nobody sent it.
    pub key: Option<KeyId>,
}

impl From<u64> for Arrival {
    /// A moment alone: nobody sent it.
    fn from(at: u64) -> Self {
        Self { at, key: None }
    }
}

/// An ingest key, as far as it may be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// Tells it from others.
    pub id: KeyId,
    /// The app whose reports it may send.
    pub app: AppName,
    /// When it was made, in seconds since 1970-01-01 UTC; `None` for the one that its app was added with.
    pub since: Option<u64>,
    /// The first second in which it is not taken any more.
    pub until: Option<u64>,
}

impl Key {
    /// Whether it is taken at `now`.
    pub fn is_taken(&self, now: u64) -> bool {
        self.until.is_none_or(|until| now < until)
    }
}

/// What arrived by one key on one day, and what became of it. A report that arrives again is received again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Intake {
    /// The first second of the day (UTC).
    pub day: u64,
    /// The key; `None` for what was counted without one.
    pub key: Option<KeyId>,
    /// Reports that were stored.
    pub stored: u64,
    /// Reports that had been stored before.
    pub duplicates: u64,
    /// Reports that were refused for good, by reason.
    pub refused: BTreeMap<String, u64>,
    /// Reports that were sent away and may come again, by reason; see [`is_limit`].
    pub limited: BTreeMap<String, u64>,
}

impl Intake {
    /// Everything that arrived: stored + duplicates + refused + limited.
    pub fn received(&self) -> u64 {
        let sum = |counts: &BTreeMap<String, u64>| counts.values().sum::<u64>();
        self.stored + self.duplicates + sum(&self.refused) + sum(&self.limited)
    }

    /// Counts what one row of an engine's ledger says: a word, a reason and how many reports. Rows of one day and key follow each other.
    pub(super) fn count(
        intake: &mut Vec<Self>,
        (day, key): (u64, Option<KeyId>),
        (word, reason): (&str, &str),
        reports: u64,
    ) {
        if intake
            .last()
            .is_none_or(|last| (last.day, last.key) != (day, key))
        {
            intake.push(Self {
                day,
                key,
                ..Self::default()
            });
        }
        let Some(last) = intake.last_mut() else {
            return;
        };
        match word {
            "stored" => last.stored = reports,
            "duplicate" => last.duplicates = reports,
            _ => turn_away(&mut last.refused, &mut last.limited, reason, reports),
        }
    }
}

/// The word in the ledger for what was sent away since the app had its share of the day.
pub const OVER_QUOTA: &str = "over_quota";

/// The word in the ledger for what was sent away since too much was being done.
pub const BUSY: &str = "busy";

/// Whether what is not taken for this reason may come again; everything else is refused for good.
pub fn is_limit(reason: &str) -> bool {
    matches!(reason, OVER_QUOTA | BUSY)
}

/// Counts what an engine keeps as not taken for `reason`.
pub(super) fn turn_away(
    refused: &mut BTreeMap<String, u64>,
    limited: &mut BTreeMap<String, u64>,
    reason: &str,
    reports: u64,
) {
    let counts = if is_limit(reason) { limited } else { refused };
    *counts.entry(reason.to_owned()).or_default() += reports;
}
