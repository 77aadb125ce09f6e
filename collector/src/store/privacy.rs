//! What privacy asks of a store.

use super::{ConnectionCell, IssueId};
use candor_protocol::deidentify::Release;
use candor_protocol::report::Kind;
use std::collections::BTreeMap;

/// A part of an app that can be erased.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// All of it.
    App,
    /// One release.
    Release(Release),
    /// What happened in a range of time, in seconds since 1970-01-01 UTC: `from` is included, `to` is not.
    Range {
        /// The first second.
        from: u64,
        /// The first second after the range.
        to: u64,
    },
}

/// What is too old to be kept. All times are seconds since 1970-01-01 UTC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expiry {
    /// Reports of a kind that arrived before this moment, with what tells of one run where the kind is [`Kind::Run`]. A kind
    /// that is not named does not expire.
    pub reports: BTreeMap<Kind, u64>,
    /// Summaries of what happened before this moment.
    pub summaries: u64,
    /// Summaries of what is said to have happened after this moment: a clock was wrong, and they would never grow old.
    pub future: u64,
    /// Days of the ledger before this moment.
    pub ledger: u64,
    /// Days of the quarantine before this moment.
    pub quarantine: u64,
}

/// What was forgotten.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Expired {
    /// Reports.
    pub reports: u64,
    /// Cells of summaries, of the ledger and of the quarantine.
    pub cells: u64,
    /// Whether there is more to forget.
    pub more: bool,
}

/// A report that was not kept. Says where the value stood and which rule it broke, never what it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quarantine {
    /// The release whose agent leaks; `None` where that cannot be read.
    pub release: Option<Release>,
    /// The field, as the catalogue names it.
    pub field: &'static str,
    /// The word for the rule.
    pub reason: &'static str,
}

/// How many reports of one release were not kept because of one field.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
pub struct QuarantineRow {
    /// The release whose agent leaks.
    #[schemars(with = "Option<String>")]
    pub release: Option<Release>,
    /// The field.
    pub field: String,
    /// The word for the rule.
    pub reason: String,
    /// Reports.
    pub reports: u64,
    /// The first day on which one arrived, as its first second.
    pub first: u64,
    /// The last day on which one arrived, as its first second.
    pub last: u64,
}

/// What a breakdown is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Of {
    /// The runs of an app: by release.
    Runs,
    /// The reports of an issue: by release, system and machine.
    Issue(IssueId),
    /// The reports of an issue: by release, and by system and by machine within each release.
    IssueWithin(IssueId),
    /// Connection windows: by cell. The range must be of whole weeks, counted from 1970-01-01 UTC.
    Connections,
}

/// A class of a breakdown.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// A release.
    Release(String),
    /// An operating system and its version.
    Os(String),
    /// A class of machine.
    Device(String),
    /// A class of connection windows.
    Connection(ConnectionCell),
    /// A class within a release.
    Within(String, Box<Group>),
}

/// What the reports of issues are told apart by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dimension {
    /// The app's release.
    Release,
    /// Operating system and its version.
    Os,
    /// The class of machine.
    Device,
}

impl Dimension {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Release, Self::Os, Self::Device];

    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Release => "release",
            Self::Os => "os",
            Self::Device => "device",
        }
    }

    /// One of its classes.
    pub fn group(self, class: String) -> Group {
        match self {
            Self::Release => Group::Release(class),
            Self::Os => Group::Os(class),
            Self::Device => Group::Device(class),
        }
    }
}

/// How many installations there are in each class.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Groups {
    /// In all of them together.
    pub installs: u64,
    /// In each.
    pub by: BTreeMap<Group, u64>,
}

/// The installations of one class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Population {
    /// The release of their latest run.
    pub release: Release,
    /// Its operating system and version.
    pub os: String,
    /// How many.
    pub installs: u64,
    /// Those of which a run crashed.
    pub crashed: u64,
    /// Those of which a run froze.
    pub frozen: u64,
}
