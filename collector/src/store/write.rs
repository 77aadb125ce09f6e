//! What is written to a store, and what it says about it.

use super::{Body, Lacking};
use crate::grouping::Grouped;
use candor_protocol::report::{Report, What};
use std::fmt;

/// A report on its way into a store.
#[derive(Debug, Clone)]
pub struct Incoming {
    /// Its line in the batch, from 1.
    pub line: u32,
    /// The report without its stacks, modules and crumbs: what is counted. Most of a report is in those, and it waits.
    pub report: Report,
    /// All of the report.
    pub body: Body,
    /// The issue that it belongs to; `None` for reports that are neither crash nor freeze.
    pub issue: Option<Grouped>,
    /// What its stacks were named without.
    pub lacking: Vec<Lacking>,
}

impl Incoming {
    /// A report that stands on `line`, is written `json`, and belongs to `issue`.
    pub fn new(line: u32, report: Report, json: &str, issue: Option<Grouped>) -> Self {
        Self {
            line,
            report: without_stacks(report),
            body: Body::of(json),
            issue,
            lacking: Vec::new(),
        }
    }

    /// The same, of whose frames some had no names.
    pub fn lacking(self, lacking: Vec<Lacking>) -> Self {
        Self { lacking, ..self }
    }

    /// About how many bytes of memory it takes.
    pub(crate) fn bytes(&self) -> usize {
        /// A window's sketches; the maps of a connection are mostly empty.
        const WINDOW: usize = 2_048;
        let window = matches!(self.report.what, What::Connection(_));
        size_of::<Self>() + self.body.as_bytes().len() + usize::from(window) * WINDOW
    }
}

fn without_stacks(mut report: Report) -> Report {
    match &mut report.what {
        What::Crash(crash) => {
            crash.thread.stack = Default::default();
            crash.others = Vec::new();
            crash.modules = Vec::new();
            crash.crumbs = Default::default();
        }
        What::Freeze(freeze) => {
            (freeze.stacks, freeze.modules, freeze.holder) = Default::default();
        }
        What::Connection(_) | What::Run(_) | What::Loss(_) => {}
    }
    report
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
