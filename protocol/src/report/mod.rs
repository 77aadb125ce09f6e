//! What was seen on a device, de-identified: the only thing that can be serialised.
//!
//! Every field here stands in the [catalogue](crate::catalogue); a test compares the two in both directions. Every
//! struct refuses unknown fields, so that a field nobody declared cannot be stored.

mod connection;
mod crash;
mod crumb;
mod device;
mod freeze;
mod loss;
mod run;
mod stack;
mod words;

pub use connection::{
    Connection, Disconnect, Disconnects, Failure, Failures, Family, Network, Phase, PhaseTimes,
    Tcp, Transport, Tries,
};
pub use crash::{
    Cause, Circumstances, Crash, Fault, Note, Origin, Pressure, SignalName, SourceLine, Thread,
};
pub use crumb::{Crumb, CrumbValue};
pub use device::{Arch, Device, Os, OsVersion};
pub use freeze::{Activity, Freeze, FreezeEnd, Holder, Level, StackCount, Wait};
pub use loss::{Loss, LossReason, Lost};
pub use run::{Exit, Last, Run};
pub use stack::{Found, Frame, Module, Offset, Stack, StackEnd};

use crate::deidentify::{Pseudonym, Release, ReportId, RunId};
use crate::moment::Moment;
use serde::{Deserialize, Serialize};
pub(crate) use words::words;

words! {
    /// The kinds of report, most valuable first: when the spool is full, the last kind is given up first.
    pub enum Kind {
        /// The process died of a fault, or a panic was caught.
        Crash = "crash",
        /// A watched thread stood still.
        Freeze = "freeze",
        /// One life of the host process.
        Run = "run",
        /// What was recorded and could not be kept.
        Loss = "loss",
        /// One window of one connection.
        Connection = "connection",
    }
}

/// One report: what happened, when, and in which circumstances.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// Random; the collector counts a report once, however often it arrives.
    pub id: ReportId,
    /// When it happened (for a run: when it started), rounded.
    pub at: Moment,
    /// Random; joins the reports of one life of the process, and nothing else.
    pub run: RunId,
    /// Random; changes at least every seven days.
    pub pseudonym: Pseudonym,
    /// Version of the app.
    pub release: Release,
    /// The machine, as coarse classes.
    pub device: Device,
    /// What happened.
    pub what: What,
}

/// What a report tells of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// The process died of a fault, or a panic was caught.
    Crash(Crash),
    /// A watched thread stood still.
    Freeze(Freeze),
    /// One window of one connection.
    Connection(Box<Connection>),
    /// One life of the host process.
    Run(Run),
    /// What was recorded and could not be kept.
    Loss(Loss),
}

impl What {
    /// Which kind of report this is.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Crash(_) => Kind::Crash,
            Self::Freeze(_) => Kind::Freeze,
            Self::Connection(_) => Kind::Connection,
            Self::Run(_) => Kind::Run,
            Self::Loss(_) => Kind::Loss,
        }
    }

    /// Checks what no single field can: lengths of lists, references between them.
    ///
    /// # Errors
    /// A sentence that names the rule that was broken.
    pub fn check(&self) -> Result<(), &'static str> {
        match self {
            Self::Crash(crash) => crash.check(),
            Self::Freeze(freeze) => freeze.check(),
            Self::Connection(connection) => connection.check(),
            Self::Run(run) => run.check(),
            Self::Loss(loss) => loss.check(),
        }
    }
}

impl Report {
    /// Reads one report from its line of JSON and re-checks every value.
    ///
    /// # Errors
    /// Says what is wrong with the line; never quotes a value of it.
    pub fn from_json(line: &str) -> Result<Self, String> {
        if line.len() > crate::limits::REPORT_BYTES {
            return Err(format!(
                "a report is at most {} bytes",
                crate::limits::REPORT_BYTES
            ));
        }
        let report: Self =
            serde_json::from_str(line).map_err(|error| crate::batch::explain(&error))?;
        report.what.check()?;
        Ok(report)
    }
}
