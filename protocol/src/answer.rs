//! What the collector says back, and the one request that is not a batch.

use crate::deidentify::Pseudonym;
use serde::{Deserialize, Serialize};

/// The answer to a batch: every report of it is durable, a duplicate, or refused by line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accepted {
    /// Reports stored now; they are on disk.
    pub stored: u32,
    /// Reports that had been stored before.
    pub duplicates: u32,
}

/// Why a request was refused, for the log of whoever sent it. Quotes nothing of what was sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// A word for programs, such as `unknown_key`.
    pub error: String,
    /// A sentence for people: what is wrong and what to do.
    pub message: String,
    /// The line of the batch, from 1, where one line is at fault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
}

/// A request to erase what was sent under these pseudonyms.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Erasure {
    /// All pseudonyms of the device that the collector may still hold something of.
    pub pseudonyms: Vec<Pseudonym>,
}

/// The answer to a request for erasure: it is done, and late reports of these pseudonyms will be refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Erased {
    /// Reports that were erased.
    pub reports: u64,
}
