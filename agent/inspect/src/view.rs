//! What to show, and in which words. Pure: no file, no terminal, no clock.

pub(crate) mod amount;
pub(crate) mod connection;
pub(crate) mod crash;
pub(crate) mod explain;
pub(crate) mod freeze;
pub(crate) mod kept_back;
pub(crate) mod list;
pub(crate) mod loss;
pub(crate) mod minidump;
pub(crate) mod phrase;
pub(crate) mod rows;
pub(crate) mod stack;
pub(crate) mod status;
#[cfg(test)]
mod tests;
pub(crate) mod tree;

use candor_agent::local::{State, Stored};
use candor_protocol::report::{self, Device, Kind};
use serde::Serialize;
use stack::Names;

/// One report.
#[derive(Debug, Serialize)]
pub(crate) struct Shown {
    pub(crate) id: String,
    pub(crate) kind: Kind,
    pub(crate) state: &'static str,
    /// What happened, in one sentence.
    pub(crate) summary: String,
    pub(crate) at_unix: u64,
    #[serde(skip)]
    pub(crate) at: String,
    pub(crate) run_id: String,
    pub(crate) pseudonym: String,
    pub(crate) release: String,
    pub(crate) device: Device,
    #[serde(flatten)]
    pub(crate) what: What,
    /// What has to be said of the symbol files that were given.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) symbol_notes: Vec<String>,
    /// What would be sent of it, where that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) explained: Option<explain::Explained>,
}

/// What happened.
#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum What {
    Crash(Box<crash::Crash>),
    Freeze(freeze::Freeze),
    Connection(connection::Window),
    Run(report::Run),
    Loss(loss::Loss),
}

impl Shown {
    pub(crate) fn of(stored: &Stored, names: &dyn Names) -> Self {
        let report = &stored.report;
        let (what, place) = match &report.what {
            report::What::Crash(crash) => {
                let crash = crash::Crash::of(crash, names);
                let place = crash.blamed.clone();
                (What::Crash(Box::new(crash)), place)
            }
            report::What::Freeze(freeze) => {
                let freeze = freeze::Freeze::of(freeze, names);
                let place = freeze.most_seen.clone();
                (What::Freeze(freeze), place)
            }
            report::What::Connection(window) => {
                (What::Connection(connection::Window::of(window)), None)
            }
            report::What::Run(run) => (What::Run(run.clone()), None),
            report::What::Loss(loss) => (What::Loss(loss::Loss::of(loss)), None),
        };
        Self {
            id: report.id.to_string(),
            kind: report.what.kind(),
            state: state(stored.state),
            summary: phrase::sentence(report, place.as_deref()),
            at_unix: report.at.unix_seconds(),
            at: report.at.to_string(),
            run_id: report.run.to_string(),
            pseudonym: report.pseudonym.to_string(),
            release: report.release.to_string(),
            device: report.device.clone(),
            what,
            symbol_notes: Vec::new(),
            explained: None,
        }
    }
}

/// The word for where a report stands.
pub(crate) const fn state(state: State) -> &'static str {
    match state {
        State::Dump => "in_dump",
        State::Waiting => "waiting",
    }
}
