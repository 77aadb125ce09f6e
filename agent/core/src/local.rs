//! What is on this device, for whoever wants to look: reads, and changes nothing but what the user asks for.

use crate::allowed::Allowed;
use crate::capture::past::{self, Past};
use crate::capture::{Seen, device};
use crate::deidentify::{Context, scrub};
use crate::files::{self, Files};
use crate::identity::Identity;
use crate::ledger::Ledger;
pub use crate::ledger::{Balance, Upload};
use crate::narrowing;
use crate::note::Note;
pub use crate::running::Grant;
use crate::spool;
use crate::sunset;
use crate::upload;
use crate::withdrawal;
use candor_protocol::answer::Sunset;
use candor_protocol::deidentify::{Pseudonym, Release, RunId};
use candor_protocol::limits::REPORT_BYTES;
use candor_protocol::moment::Precision;
use candor_protocol::report::{Exit, Report};
use std::fs;
use std::io;
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

/// Something in the directory that is not shown, or only in part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unread {
    /// Which file, below the directory.
    pub file: PathBuf,
    /// Why.
    pub reason: String,
}

/// Who wipes the directory after a withdrawal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wiped {
    /// It is wiped.
    Now,
    /// The app that uses it does, within seconds.
    ByTheApp,
}

/// The line in front of a report in its file is shorter than this.
const HEAD: u64 = 64;

/// How an agent stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Status {
    /// Under which consent and limits it runs. `None` when there is no consent in force.
    pub grant: Option<Grant>,
    /// Whether the user pauses it.
    pub paused: bool,
    /// The notice that the service has ended for good. `None` while it goes on.
    pub sunset: Option<Sunset>,
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
    /// Nothing is sent because the collector is not in the region where reports may be kept, or does not say so.
    pub other_region: bool,
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
        fs::metadata(self.files.root())?;
        let entries = spool::list(&self.files)?;
        let backoff = upload::load_backoff(&self.files);
        let ledger = Ledger::load(&self.files);
        Ok(Status {
            grant: files::load(&self.files.grant()),
            paused: self.files.paused().exists(),
            sunset: sunset::load(&self.files),
            erasing: withdrawal::is_pending(&self.files),
            balance: spool::balance(&ledger, &entries),
            spool_bytes: entries.iter().map(|entry| entry.size).sum(),
            spool_reports: entries.len(),
            dumps: past::list(&self.files, None).len(),
            uploads: ledger.uploads().to_vec(),
            failures: backoff.failures(),
            not_before: backoff.not_before(now * 1000) / 1000,
            other_region: backoff.is_elsewhere(),
        })
    }

    /// The user pauses recording and sending; a running app notices within seconds.
    ///
    /// # Errors
    /// When there is no agent's directory, or it cannot be written.
    pub fn pause(&self) -> io::Result<()> {
        fs::metadata(self.files.root())?;
        self.files.pause()
    }

    /// Ends a pause; recording begins again at the app's next start.
    ///
    /// # Errors
    /// When the directory cannot be written.
    pub fn resume(&self) -> io::Result<()> {
        fs::metadata(self.files.root())?;
        self.files.resume()
    }

    /// The user withdraws: everything is wiped, now if no app uses the directory, else within seconds by the app itself. The
    /// app asks the collector for erasure; what this program leaves is the moment and the request.
    ///
    /// # Errors
    /// When the directory cannot be read or written.
    pub fn withdraw(&self) -> io::Result<Wiped> {
        fs::metadata(self.files.root())?;
        withdrawal::begin(&self.files);
        if !withdrawal::is_recorded(&self.files) {
            return Err(io::Error::other("the withdrawal could not be written"));
        }
        match self.take()? {
            Some(_lock) => files::purge(&self.files).map(|()| Wiped::Now),
            None => Ok(Wiped::ByTheApp),
        }
    }

    /// The user wants erased what was recorded and sent, and does not withdraw. The app asks the collector at its next start.
    ///
    /// # Errors
    /// When an app uses the directory ([`io::ErrorKind::WouldBlock`]), or it cannot be read or written.
    pub fn erase(&self) -> io::Result<()> {
        fs::metadata(self.files.root())?;
        let Some(_lock) = self.take()? else {
            return Err(io::Error::new(
                io::ErrorKind::WouldBlock,
                "the app is running; close it first, or use its own button",
            ));
        };
        withdrawal::begin_erasure(&self.files);
        files::purge(&self.files)
    }

    /// Everything that is kept, as one JSON value: how the agent stands, its pseudonyms, every report, what was sent and when,
    /// and what the collector asked to leave out.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub fn export(&self) -> io::Result<serde_json::Value> {
        let reports: Vec<serde_json::Value> = self
            .reports()?
            .iter()
            .map(|stored| {
                serde_json::json!({
                    "state": match stored.state { State::Dump => "in_dump", State::Waiting => "waiting" },
                    "report": stored.report,
                })
            })
            .collect();
        let ledger = Ledger::load(&self.files);
        let entries = spool::list(&self.files)?;
        let grant: Option<Grant> = files::load(&self.files.grant());
        Ok(serde_json::json!({
            "format": 1,
            "agreed": grant,
            "paused": self.files.paused().exists(),
            "pseudonyms": Identity::load(&self.files),
            "counts": spool::balance(&ledger, &entries),
            "uploads": ledger.uploads(),
            "asked_to_leave_out": narrowing::load(&self.files),
            "service_ended": sunset::load(&self.files),
            "erasure_pending": withdrawal::is_pending(&self.files),
            "reports": reports,
        }))
    }

    /// The directory, if no app uses it, for as long as the answer lives.
    fn take(&self) -> io::Result<Option<fs::File>> {
        let lock = fs::File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(self.files.lock())?;
        match lock.try_lock() {
            Ok(()) => Ok(Some(lock)),
            Err(fs::TryLockError::WouldBlock) => Ok(None),
            Err(fs::TryLockError::Error(error)) => Err(error),
        }
    }

    /// Every report on this device, oldest first: those that wait, and those that dumps will become.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub fn reports(&self) -> std::io::Result<Vec<Stored>> {
        fs::metadata(self.files.root())?;
        let mut stored = Vec::new();
        for entry in spool::list(&self.files)? {
            stored.extend(self.waiting(&entry));
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

    /// What lies in the directory and is not among [`reports`](Self::reports), or only in part, with the reason.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub fn unread(&self) -> std::io::Result<Vec<Unread>> {
        fs::metadata(self.files.root())?;
        let mut unread = Vec::new();
        let entries = spool::list(&self.files)?;
        for path in files_in(&self.files.spool()) {
            let entry = entries
                .iter()
                .find(|entry| path.ends_with(entry.label.file_name()));
            let reason = match entry.map(|entry| self.waiting(entry)) {
                Some(Ok(_)) => continue,
                Some(Err(reason)) => reason,
                None => "it is not named like a report".to_owned(),
            };
            unread.push((path, reason));
        }
        let dumps = files_in(&self.files.runs()).into_iter().filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "dump")
        });
        for path in dumps {
            unread.extend(self.unread_of_dump(&path).map(|reason| (path, reason)));
        }
        for path in [
            self.files.grant(),
            self.files.identity(),
            self.files.ledger(),
            self.files.upload(),
            self.files.withdrawal(),
            self.files.sunset(),
        ] {
            if path.exists() && files::load::<serde_json::Value>(&path).is_none() {
                unread.push((path, "it is damaged".to_owned()));
            }
        }
        let below = |path: PathBuf| match path.strip_prefix(self.files.root()) {
            Ok(below) => below.to_owned(),
            Err(_) => path,
        };
        Ok(unread
            .into_iter()
            .map(|(path, reason)| Unread {
                file: below(path),
                reason,
            })
            .collect())
    }

    /// The dump of a run that has not been told of yet: raw, for whoever looks at it on this device. `None` when there is
    /// none, or it cannot be read.
    pub fn dump(&self, run: &RunId) -> Option<candor_dump::Dump> {
        let files = past::RunFiles::new(&self.files, run);
        past::read_dump(&files.dump).map(|(dump, _)| dump)
    }

    /// A report of the spool, or why it cannot be shown.
    fn waiting(&self, entry: &spool::Entry) -> Result<Stored, String> {
        if entry.size > REPORT_BYTES as u64 + HEAD {
            return Err(format!(
                "it is larger than the {REPORT_BYTES} bytes a report may have"
            ));
        }
        let line = spool::read(&self.files, entry)
            .ok_or("it is damaged: its length or checksum is wrong")?;
        Ok(Stored {
            report: Report::from_json(&line)?,
            line,
            state: State::Waiting,
        })
    }

    /// What of a dump cannot be read.
    fn unread_of_dump(&self, path: &Path) -> Option<String> {
        let stem = path.file_stem().and_then(|stem| stem.to_str());
        if stem.is_none_or(|stem| stem.parse::<RunId>().is_err()) {
            return Some("it is not named after a run".to_owned());
        }
        let Some((_, problems)) = past::read_dump(path) else {
            return Some("it cannot be read, or is larger than a dump may be".to_owned());
        };
        let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
        (!problems.is_empty()).then(|| problems.join("; "))
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
        let precision = grant.as_ref().map_or(Precision::Hour, Grant::precision);
        let mut reports = Vec::new();
        for past in past::list(&self.files, None) {
            reports.extend(past.freezes());
            let (Some(grant), Some(note)) = (&grant, note_of(&past, grant.as_ref())) else {
                continue;
            };
            let context = Context {
                run: past.run,
                pseudonym,
                release: note.release,
                device: note.device,
                precision,
                allowed: Allowed::fields_of(&grant.consent, &grant.extras),
            };
            // How it ended is told at the next start, when it is known that it did.
            let seen = past.observations(Exit::Unknown).into_iter();
            let crashes = seen.filter(|observation| matches!(observation.seen, Seen::Crash(_)));
            reports.extend(crashes.filter_map(|seen| scrub(seen, &context)));
        }
        reports
    }
}

/// What a run noted about itself; where that is missing, what the agent would take at the next start.
fn note_of(past: &Past, grant: Option<&Grant>) -> Option<Note> {
    past.note.clone().or_else(|| {
        Some(Note {
            release: Release::parse(&grant?.release).ok()?,
            device: device::read(),
            crumbs: Vec::new(),
        })
    })
}

fn files_in(dir: &Path) -> Vec<PathBuf> {
    let listing = fs::read_dir(dir).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> = listing.map(|entry| entry.path()).collect();
    files.sort();
    files
}
