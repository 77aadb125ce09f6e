//! The reports on a device, one line each.

use super::{phrase, state};
use crate::find;
use candor_agent::local::{Stored, Unread};
use candor_protocol::report::Kind;
use serde::Serialize;

/// What `candor list` shows.
#[derive(Debug, Serialize)]
pub(crate) struct Listing {
    pub(crate) reports: Vec<Line>,
    pub(crate) unread: Vec<UnreadFile>,
    /// The only kind that is listed.
    #[serde(skip)]
    pub(crate) kind: Option<Kind>,
}

/// One report.
#[derive(Debug, Serialize)]
pub(crate) struct Line {
    pub(crate) id: String,
    /// As much of the id's end as tells it from every other report here.
    pub(crate) short: String,
    pub(crate) kind: Kind,
    pub(crate) state: &'static str,
    pub(crate) at_unix: u64,
    #[serde(skip)]
    pub(crate) at: String,
    pub(crate) release: String,
    pub(crate) run_id: String,
    pub(crate) summary: String,
}

/// A file that is not shown, or only in part.
#[derive(Debug, Serialize)]
pub(crate) struct UnreadFile {
    pub(crate) file: String,
    pub(crate) reason: String,
}

impl UnreadFile {
    pub(crate) fn all(unread: &[Unread]) -> Vec<Self> {
        unread
            .iter()
            .map(|unread| Self {
                file: unread.file.display().to_string(),
                reason: unread.reason.clone(),
            })
            .collect()
    }
}

impl Listing {
    pub(crate) fn of(reports: &[Stored], unread: &[Unread], kind: Option<Kind>) -> Self {
        let ids: Vec<&str> = reports
            .iter()
            .map(|stored| stored.report.id.as_str())
            .collect();
        let length = find::short_length(&ids);
        let lines = reports
            .iter()
            .map(|stored| &stored.report)
            .zip(reports)
            .filter(|(report, _)| kind.is_none_or(|kind| report.what.kind() == kind))
            .map(|(report, stored)| Line {
                id: report.id.to_string(),
                short: find::end(report.id.as_str(), length).to_owned(),
                kind: report.what.kind(),
                state: state(stored.state),
                at_unix: report.at.unix_seconds(),
                at: report.at.to_string(),
                release: report.release.to_string(),
                run_id: report.run.to_string(),
                summary: phrase::sentence(report, None),
            })
            .collect();
        Self {
            reports: lines,
            unread: UnreadFile::all(unread),
            kind,
        }
    }
}
