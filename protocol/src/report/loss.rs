//! Losses: what was recorded and could not be kept, so that received + lost = recorded.

use super::{Kind, words};
use serde::{Deserialize, Serialize};

/// Reports that were recorded and could not be kept, since the last report of this kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Loss {
    /// How many of which kind, and why.
    pub lost: Vec<Lost>,
}

/// Reports of one kind that were lost for one reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lost {
    /// Which kind.
    pub kind: Kind,
    /// Why.
    pub reason: LossReason,
    /// How many.
    pub count: u32,
}

words! {
    /// Why a report was lost.
    pub enum LossReason {
        /// The spool was full; the least valuable went first.
        SpoolFull = "spool_full",
        /// It waited longer than reports are kept.
        TooOld = "too_old",
        /// More happened at once than is recorded.
        Capped = "capped",
        /// The disk refused it.
        Disk = "disk",
        /// The collector refused it.
        Refused = "refused",
        /// It was larger than a report may be.
        TooLarge = "too_large",
        /// It was damaged on the disk.
        Damaged = "damaged",
    }
}

impl Loss {
    pub(super) fn check(&self) -> Result<(), &'static str> {
        if self.lost.len() > Kind::ALL.len() * LossReason::ALL.len() {
            return Err("a loss repeats its entries");
        }
        Ok(())
    }
}
