//! What is on this device, for whoever wants to look: reads, and changes nothing.

use crate::capture::past;
use crate::deidentify::{Context, scrub};
use crate::files::{self, Files};
use crate::identity::Identity;
use crate::ledger::Ledger;
pub use crate::ledger::{Balance, Upload};
use crate::spool;
use crate::upload;
pub use crate::worker::Grant;
use candor_protocol::deidentify::Pseudonym;
use candor_protocol::moment::Precision;
use candor_protocol::report::Report;
use std::path::{Path, PathBuf};

/// The directory of an agent.
#[derive(Debug, Clone)]
pub struct Device {
    files: Files,
}

/// A report on this device.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored {
    /// The report.
    pub report: Report,
    /// The very line that would be sent.
    pub line: String,
    /// Where it stands.
    pub state: State,
}

/// Where a report stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// In a dump, or noted by a process that may still run; it becomes a report at the app's next start.
    Dump,
    /// In the spool, waiting to be sent.
    Waiting,
}

/// How an agent stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Status {
    /// Under which consent and limits it runs. `None` when there is no consent in force.
    pub grant: Option<Grant>,
    /// Whether a request for erasure waits for the collector's answer.
    pub erasing: bool,
    /// What was recorded, delivered and lost, and what waits.
    pub balance: Balance,
    /// Bytes of the reports that wait.
    pub spool_bytes: u64,
    /// Reports that wait.
    pub spool_reports: usize,
    /// Runs that have not been told of yet, the running one among them.
    pub dumps: usize,
    /// The last uploads, newest last.
    pub uploads: Vec<Upload>,
    /// Failures in a row, and when the collector may be asked again, in seconds since 1970; 0 for now.
    pub failures: u32,
    /// See `failures`.
    pub not_before: u64,
}

impl Device {
    /// The agent that keeps its files in `dir`.
    pub fn open(dir: impl Into<PathBuf>) -> Self {
        Self {
            files: Files::new(dir),
        }
    }

    /// The directory.
    pub fn dir(&self) -> &Path {
        self.files.root()
    }

    /// How it stands. `now` in seconds since 1970-01-01 UTC.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub fn status(&self, now: u64) -> std::io::Result<Status> {
        std::fs::metadata(self.files.root())?;
        let entries = spool::list(&self.files)?;
        let backoff = upload::load_backoff(&self.files);
        let ledger = Ledger::load(&self.files);
        Ok(Status {
            grant: files::load(&self.files.grant()),
            erasing: self.files.erasure().exists(),
            balance: spool::balance(&ledger, &entries),
            spool_bytes: entries.iter().map(|entry| entry.size).sum(),
            spool_reports: entries.len(),
            dumps: past::list(&self.files, None).len(),
            uploads: ledger.uploads().to_vec(),
            failures: backoff.failures(),
            not_before: backoff.not_before(now * 1000) / 1000,
        })
    }

    /// Every report on this device, oldest first: those that wait, and those that dumps will become.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub fn reports(&self) -> std::io::Result<Vec<Stored>> {
        std::fs::metadata(self.files.root())?;
        let mut stored = Vec::new();
        for entry in spool::list(&self.files)? {
            if let Some(line) = spool::read(&self.files, &entry)
                && let Ok(report) = Report::from_json(&line)
            {
                stored.push(Stored {
                    report,
                    line,
                    state: State::Waiting,
                });
            }
        }
        for report in self.dumped() {
            let known = stored.iter().any(|other| other.report.id == report.id);
            if let (false, Ok(line)) = (known, serde_json::to_string(&report)) {
                stored.push(Stored {
                    report,
                    line,
                    state: State::Dump,
                });
            }
        }
        stored.sort_by_key(|stored| stored.report.at);
        Ok(stored)
    }

    /// What dumps and notes will become at the app's next start. A run that has left nothing but its start tells
    /// nothing yet.
    fn dumped(&self) -> Vec<Report> {
        let identity = Identity::load(&self.files);
        let pseudonym = identity
            .all()
            .pop()
            .unwrap_or_else(|| Pseudonym::from_bytes([0; 16]));
        let grant: Option<Grant> = files::load(&self.files.grant());
        let mut reports = Vec::new();
        for past in past::list(&self.files, None) {
            let Some(note) = past.note.clone() else {
                continue;
            };
            let context = Context {
                run: past.run,
                pseudonym,
                release: note.release,
                device: note.device,
                precision: grant.as_ref().map_or(Precision::Hour, Grant::precision),
            };
            reports.extend(past.freezes());
            let crashes = crate::capture::crash::of_dump(&past.dump, &[]);
            reports.extend(crashes.into_iter().map(|seen| scrub(seen, &context)));
        }
        reports
    }
}
