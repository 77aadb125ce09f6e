//! Reports that were grouped before the names of their functions were known, and their way to where they belong.

use super::IssueId;
use crate::grouping::Grouped;
use candor_protocol::deidentify::{BuildId, ModuleName, ReportId};
use serde::{Deserialize, Serialize};

/// A file of code in whose frames a report was grouped without names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Lacking {
    /// Its build.
    pub build: BuildId,
    /// Its base name, where the report tells it.
    pub module: Option<ModuleName>,
}

/// A build whose code was met in reports that were grouped without its symbols.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unnamed {
    /// The build.
    pub build: BuildId,
    /// Base name of its file; empty where no report tells it.
    pub module: String,
    /// Issues that it was met in.
    pub issues: u64,
    /// Reports of those issues, in the releases in which it was met there.
    pub reports: u64,
    /// The earliest of those, in seconds since 1970-01-01 UTC.
    pub first_seen: u64,
    /// The latest of those.
    pub last_seen: u64,
}

/// Reports of an issue that were grouped without the symbols of a build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// The issue.
    pub issue: IssueId,
    /// The build.
    pub build: BuildId,
    /// Their release.
    pub release: String,
    /// How many have arrived so far: of those that arrive later, more is to be said.
    pub met: u64,
}

/// A report and the issue that it belongs to now.
#[derive(Debug, Clone)]
pub struct Move {
    /// The report.
    pub report: ReportId,
    /// The issue.
    pub to: Grouped,
    /// What its names are still not known of.
    pub lacking: Vec<Lacking>,
}
