//! What is owed to the people whose devices report. One file for each duty:
//!
//! * [`quarantine`](self): a report that might identify somebody is counted, and not kept.
//! * [`settings`], [`retention`]: where data is kept, for how long, and that it goes by itself.
//! * [`holds`]: what the law wants kept longer, decided by two persons, for a time.
//! * [`erasure`], [`receipt`]: what is to be gone is gone, and that can be proved.
//! * [`groups`]: no figure is about a few.
//! * [`export`]: what partners get, and what it costs.
//! * [`requests`]: what persons ask for, in time.
//! * [`audit`]: who looked and who changed something.
//! * [`narrowing`]: what agents are asked to leave out.
//! * [`sunset`](self): the end of a service.
//!
//! All of it is kept by the [`Office`], in files below the data directory, apart from reports.

pub mod audit;
pub(crate) mod calendar;
pub(crate) mod document;
pub mod erasure;
pub mod export;
pub(crate) mod files;
pub mod groups;
pub mod holds;
mod key;
pub mod narrowing;
pub(crate) mod quarantine;
pub mod receipt;
pub mod requests;
pub mod retention;
pub mod settings;
mod sunset;

pub use calendar::{date, day};
pub use key::Signer;

use crate::store::StoreError;
use audit::{Deed, Reads, Trail};
use candor_protocol::deidentify::AppName;
use document::Document;
use receipt::{Receipt, Statement};
use settings::Settings;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// What is kept beside reports: settings, the key, receipts, requests, the audit trail.
#[derive(Debug)]
pub struct Office {
    directory: PathBuf,
    signer: Signer,
    trail: Trail,
    reads: Mutex<Reads>,
    settings: Document<Settings>,
    sunsets: Document<sunset::Notices>,
    requests: Document<requests::Requests>,
    holds: Document<holds::Holds>,
    partners: Document<export::Partners>,
    budget: Document<Vec<export::Spent>>,
}

/// What an office cannot write or read, in the store's words: a request that depends on it is not done.
fn unwritten(error: io::Error) -> StoreError {
    StoreError::Unavailable(error.to_string())
}

impl Office {
    /// The office in the directory `data`; what it needs is made at the first start.
    ///
    /// # Errors
    /// When the directory cannot be used.
    pub fn open(data: &Path) -> Result<Self, StoreError> {
        let open = || -> io::Result<Self> {
            let directory = data.join("privacy");
            files::directory(&directory.join("receipts"))?;
            let file = |name: &str| directory.join(name);
            let locked = files::lock(&directory)?;
            let signer = Signer::open(&file("key"))?;
            drop(locked);
            Ok(Self {
                signer,
                trail: Trail::open(audit::directory(&directory))?,
                reads: Mutex::default(),
                settings: Document::at(file("settings.json")),
                sunsets: Document::at(file("sunsets.json")),
                requests: Document::at(file("requests.json")),
                holds: Document::at(file("holds.json")),
                partners: Document::at(file("partners.json")),
                budget: Document::at(file("budget.json")),
                directory,
            })
        };
        open().map_err(unwritten)
    }

    /// The data directory that it is in.
    pub fn data(&self) -> &Path {
        self.directory.parent().unwrap_or(Path::new("."))
    }

    /// The key that receipts and notices are signed with.
    pub fn signer(&self) -> &Signer {
        &self.signer
    }

    /// The audit trail.
    pub fn trail(&self) -> &Trail {
        &self.trail
    }

    /// Writes a deed into the audit trail. What cannot be written down is not to be done.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn note(&self, now: u64, deed: &Deed<'_>) -> Result<(), StoreError> {
        self.trail.write(now, deed).map_err(|error| {
            tracing::error!(%error, "the audit trail cannot be written");
            unwritten(error)
        })
    }

    /// Writes down that somebody reads a single report; the same one within an hour once.
    ///
    /// # Errors
    /// When it cannot be written; then the report must not be shown.
    pub fn note_read(
        &self,
        now: u64,
        who: &str,
        app: &AppName,
        id: &str,
    ) -> Result<(), StoreError> {
        self.note_once(
            now,
            &Deed {
                who,
                did: audit::Did::ReportRead,
                app: Some(app),
                what: format!("report {}", audit::hashed(id)),
            },
        )
    }

    /// Writes a deed into the audit trail, unless the same one was written down within the hour.
    pub(crate) fn note_once(&self, now: u64, deed: &Deed<'_>) -> Result<(), StoreError> {
        let app = deed.app.map(AppName::as_str).unwrap_or_default();
        let what = format!("{app} {:?} {}", deed.did, deed.what);
        let mut reads = self.reads.lock().unwrap_or_else(PoisonError::into_inner);
        if !reads.is_new(deed.who, &what, now) {
            return Ok(());
        }
        self.note(now, deed)
            .inspect_err(|_| reads.forget(deed.who, &what))
    }

    /// Writes down that somebody signed in, or could not; `who` is `None` for a name that nobody has, which is not told, since people
    /// type passwords there.
    ///
    /// # Errors
    /// When it cannot be written; then nobody is signed in.
    pub fn note_sign_in(
        &self,
        now: u64,
        who: Option<&str>,
        succeeded: bool,
    ) -> Result<(), StoreError> {
        let did = if succeeded {
            audit::Did::SignedIn
        } else {
            audit::Did::SignInRefused
        };
        let deed = Deed {
            who: who.unwrap_or("nobody"),
            did,
            app: None,
            what: String::new(),
        };
        match who {
            Some(_) => self.note(now, &deed),
            // As many as somebody likes to try, so that they would fill the trail.
            None => self.note_once(now, &deed),
        }
    }

    /// Writes a deed of the register down when it is called, right before it is done.
    pub fn noting<'a>(
        &'a self,
        now: u64,
        who: &'a str,
        did: audit::Did,
        what: String,
    ) -> impl Fn() -> io::Result<()> + 'a {
        move || {
            let what = what.clone();
            let deed = Deed {
                who,
                did,
                app: None,
                what,
            };
            self.note(now, &deed).map_err(io::Error::other)
        }
    }

    /// What the operator has agreed on.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn settings(&self) -> Result<Arc<Settings>, StoreError> {
        self.settings.read().map_err(unwritten)
    }

    /// Changes a setting; `what` says which, for the trail.
    ///
    /// # Errors
    /// What `change` refuses, and when it cannot be written.
    pub fn change_settings(
        &self,
        who: &str,
        now: u64,
        app: Option<&AppName>,
        what: String,
        change: impl FnOnce(&mut Settings) -> Result<(), String>,
    ) -> Result<(), String> {
        let mut changed = (*self.settings().map_err(|error| error.to_string())?).clone();
        let before = changed.clone();
        change(&mut changed)?;
        if changed == before {
            return Ok(());
        }
        let deed = Deed {
            who,
            did: audit::Did::SettingChanged,
            app,
            what,
        };
        self.note(now, &deed).map_err(|error| error.to_string())?;
        self.settings
            .change(|settings| *settings = changed)
            .map_err(|error| error.to_string())
    }

    /// Copies everything into the directory `data` of another office, while nobody changes anything.
    ///
    /// # Errors
    /// When it cannot be read or written.
    pub fn copy_to(&self, data: &Path) -> Result<(), StoreError> {
        let copy = || {
            let _locked = files::lock(&self.directory)?;
            files::copy(&self.directory, &data.join("privacy"))
        };
        copy().map_err(unwritten)
    }

    fn keep_receipt(&self, statement: Statement) -> Result<Receipt, StoreError> {
        let receipt = Receipt::sign(statement, &self.signer);
        let name = format!(
            "{}-{}.json",
            calendar::date(receipt.statement.at),
            receipt.statement.number
        );
        files::save(&self.directory.join("receipts").join(name), &receipt).map_err(unwritten)?;
        Ok(receipt)
    }

    /// The last receipts, newest first.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn receipts(&self, most: usize) -> Result<Vec<Receipt>, StoreError> {
        let mut paths = self.receipt_paths().map_err(unwritten)?;
        paths.sort();
        let day = |path: &PathBuf| {
            path.file_name()
                .map(|name| name.to_string_lossy()[..10].to_owned())
        };
        let mut receipts: Vec<Receipt> = Vec::new();
        let mut last = None;
        for path in paths.iter().rev() {
            // Within a day names are not in the order of time, so a day is read whole.
            if receipts.len() >= most && day(path) != last {
                break;
            }
            last = day(path);
            let text = std::fs::read(path).map_err(unwritten)?;
            receipts.extend(serde_json::from_slice::<Receipt>(&text).ok());
        }
        receipts.sort_by_key(|receipt| std::cmp::Reverse(receipt.statement.at));
        receipts.truncate(most);
        Ok(receipts)
    }

    fn receipt_paths(&self) -> io::Result<Vec<PathBuf>> {
        std::fs::read_dir(self.directory.join("receipts"))?
            .map(|entry| Ok(entry?.path()))
            .filter(|path| {
                path.as_ref().is_ok_and(|path| {
                    path.extension()
                        .is_some_and(|extension| extension == "json")
                })
            })
            .collect()
    }

    /// Forgets receipts, closed requests and months of the trail from before `before`.
    fn forget_papers(&self, now: u64, before: u64) -> Result<(), StoreError> {
        let old = calendar::date(before);
        for path in self.receipt_paths().map_err(unwritten)? {
            let name = path
                .file_name()
                .map(|name| name.to_string_lossy().into_owned());
            if name.is_some_and(|name| name.as_str() < old.as_str()) {
                std::fs::remove_file(&path).map_err(unwritten)?;
            }
        }
        self.forget_requests(before)?;
        self.forget_holds(before)?;
        self.trail.expire(now, before).map_err(unwritten)?;
        Ok(())
    }
}
