//! What is written to a store, and what it says about it.

use crate::grouping::Grouped;
use candor_protocol::report::Report;
use std::fmt;

/// A report on its way into a store.
#[derive(Debug, Clone)]
pub struct Incoming {
    /// Its line in the batch, from 1.
    pub line: u32,
    /// The report.
    pub report: Report,
    /// The report as it was received.
    pub json: String,
    /// The issue that it belongs to; `None` for reports that are neither crash nor freeze.
    pub issue: Option<Grouped>,
}

/// What became of reports that were to be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// All of them are durable.
    Stored {
        /// Stored now.
        stored: u32,
        /// Stored before.
        duplicates: u32,
    },
    /// None was kept: the one on this line comes from an installation whose reports were erased.
    Erased {
        /// Its line in the batch.
        line: u32,
    },
}

/// Why a store did not do what it was asked to. Holds nothing of what was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreError {
    /// An app of this name exists.
    AppExists,
    /// There is no app of this name.
    NoApp,
    /// It cannot write now: the disk is full, or another process holds the database for too long. Nothing was kept.
    Unavailable(String),
    /// More work is waiting than is accepted. Nothing was kept.
    Busy,
    /// The store is stopped.
    Stopped,
    /// Anything else; a fault of the store or of its files.
    Fault(String),
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AppExists => f.write_str("an app of this name exists"),
            Self::NoApp => f.write_str("there is no app of this name"),
            Self::Unavailable(reason) => write!(f, "the store cannot write now: {reason}"),
            Self::Busy => f.write_str("more work is waiting for the store than is accepted"),
            Self::Stopped => f.write_str("the store is stopped"),
            Self::Fault(reason) => write!(f, "the store failed: {reason}"),
        }
    }
}

impl std::error::Error for StoreError {}
