//! Alerts: what a team wants to be told, when it happens.
//!
//! * [`settings`]: which rules, whom to tell, when not to.
//! * `facts`, `rules`, `spike`: from a few answers of the store to what holds now. Pure, but for the asking.
//! * `desk`: what was told, what waits for quiet hours to end, how much is too much. Pure.
//! * [`alert`], `words`, `body`: what is said, in which language, in the form that a service takes, signed as it wants.
//! * `outbox`, `backoff`: at least once, whenever the process ends; when it is tried again.
//! * [`guard`], `send`: where to messages may be sent, and sending them.
//! * [`look`], [`send()`]: once a minute, and once a second.

pub mod alert;
mod backoff;
mod body;
mod desk;
mod facts;
pub mod guard;
mod outbox;
mod rules;
mod send;
pub mod settings;
mod spike;
mod watch;
mod words;

pub use watch::{look, send};

pub(crate) use watch::run;
pub(crate) use words::title;

use crate::access::PersonName;
use crate::privacy::document::Document;
use crate::privacy::files;
use crate::store::{IssueId, Part};
pub use alert::Alert;
use alert::Rule;
use candor_protocol::deidentify::AppName;
use guard::{Names, SystemNames, Targets};
use outbox::Outbox;
use send::Courier;
use settings::{AppAlerts, Mute, Settings};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, OnceLock};
use url::Url;

/// How alerts are told.
#[derive(Clone, Default)]
pub struct Options {
    /// Whether this collector tells them. Of several on one store one does.
    pub tells: bool,
    /// Where messages may be sent to.
    pub targets: Targets,
    /// Under which address people reach the dashboard.
    pub public_address: Option<Url>,
    /// What names stand for, where the system is not to be asked.
    pub names: Option<Arc<dyn Names>>,
}

impl std::fmt::Debug for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (tells, targets) = (self.tells, self.targets);
        write!(f, "Options({tells}, {targets:?})")
    }
}

/// What was said about alerts and what was told, in files below the data directory.
#[derive(Debug)]
pub struct Alerts {
    directory: PathBuf,
    settings: Document<Settings>,
    outbox: Document<Outbox>,
    options: Options,
    courier: OnceLock<Courier>,
    /// Requests of agents when apps were last looked at.
    asked: AtomicU64,
}

/// What became of a message to a webhook, or is to become.
#[derive(Debug, Clone, PartialEq)]
pub struct Attempted {
    /// When it ended, or is tried next, in seconds since 1970-01-01 UTC.
    pub at: u64,
    /// To whom.
    pub webhook: PersonName,
    /// What it was about; `None` where it was several alerts.
    pub rule: Option<Rule>,
    /// How many alerts.
    pub alerts: u64,
    /// How often it was tried.
    pub attempts: u32,
    /// Why it did not arrive.
    pub failed: Option<String>,
    /// Whether it is still to be tried.
    pub waits: bool,
}

impl Alerts {
    /// What is kept in the directory `data`; it is made when something is changed.
    pub fn of(data: &Path) -> Self {
        let directory = data.join("alerts");
        Self {
            settings: Document::at(directory.join("settings.json")),
            outbox: Document::at(directory.join("outbox.json")),
            directory,
            options: Options::default(),
            courier: OnceLock::new(),
            asked: AtomicU64::new(0),
        }
    }

    /// The same, told like this.
    #[must_use]
    pub fn with(mut self, options: Options) -> Self {
        self.options = options;
        self
    }

    /// Whether this collector tells them.
    pub fn tells(&self) -> bool {
        self.options.tells
    }

    /// Whether alerts can link to the page that shows why.
    pub fn has_links(&self) -> bool {
        self.options.public_address.is_some()
    }

    /// Where messages may be sent to.
    pub fn targets(&self) -> Targets {
        self.options.targets
    }

    /// What was said about all apps.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn settings(&self) -> io::Result<Arc<Settings>> {
        self.settings.read()
    }

    /// What was said about an app.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn of_app(&self, app: &AppName) -> io::Result<AppAlerts> {
        let said = self.settings()?;
        Ok(said.apps.get(app.as_str()).cloned().unwrap_or_default())
    }

    /// Changes what was said about an app. `note` is called right before it is written, and keeps it from being written by failing.
    ///
    /// # Errors
    /// What `change` or `note` refuses, and when it cannot be written.
    pub fn change(
        &self,
        app: &AppName,
        change: impl FnOnce(&mut AppAlerts) -> Result<(), String>,
        note: impl FnOnce() -> Result<(), String>,
    ) -> Result<(), String> {
        let written = |error: io::Error| error.to_string();
        files::directory(&self.directory).map_err(written)?;
        let changing = self.settings.change(|said| {
            let mut changed = said.apps.get(app.as_str()).cloned().unwrap_or_default();
            change(&mut changed)?;
            note()?;
            said.apps.insert(app.to_string(), changed);
            Ok(())
        });
        changing.map_err(written)?
    }

    /// Forgets what was to be sent to a webhook that is gone.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn drop_webhook(&self, app: &AppName, webhook: &PersonName) -> io::Result<()> {
        self.change_outbox(|outbox| outbox.drop_webhook(app.as_str(), webhook))
    }

    /// Alerts of an app that were told, the latest first.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn told(&self, app: &AppName) -> io::Result<Vec<Alert>> {
        let outbox = self.outbox.read()?;
        let told = outbox.apps.get(app.as_str()).map(|desk| &desk.told);
        Ok(told.into_iter().flatten().rev().cloned().collect())
    }

    /// What became of the messages of an app: first what waits, then the rest, the latest first.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn attempted(&self, app: &AppName) -> io::Result<Vec<Attempted>> {
        let outbox = self.outbox.read()?;
        let waiting = outbox.waiting.iter().rev().map(|one| {
            let (rule, alerts) = outbox::Told::of(&one.message).rule();
            let attempted = Attempted {
                at: one.due,
                webhook: one.webhook.clone(),
                rule,
                alerts,
                attempts: one.attempts,
                failed: one.failed.clone(),
                waits: true,
            };
            (one.message.app.as_str(), attempted)
        });
        let done = outbox.done.iter().rev().map(|one| {
            let (rule, alerts) = one.about.rule();
            let attempted = Attempted {
                at: one.at,
                webhook: one.webhook.clone(),
                rule,
                alerts,
                attempts: one.attempts,
                failed: one.failed.clone(),
                waits: false,
            };
            (one.app.as_str(), attempted)
        });
        let all = waiting.chain(done);
        let of_app = all.filter(|(name, _)| *name == app.as_str());
        Ok(of_app.map(|(_, attempted)| attempted).collect())
    }

    /// Forgets what is of a part of an app that is erased.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn forget(&self, app: &AppName, part: &Part) -> io::Result<()> {
        if !self.directory.exists() {
            return Ok(());
        }
        self.change_outbox(|outbox| outbox.forget(app.as_str(), part))?;
        Ok(())
    }

    /// Copies what was said into the directory `data`; what was told and what waits is not copied, so that nothing of it is told by
    /// whoever uses the copy.
    ///
    /// # Errors
    /// When it cannot be read or written.
    pub fn copy_to(&self, data: &Path) -> io::Result<()> {
        let said = self.settings.read()?;
        let to = data.join("alerts");
        files::directory(&to)?;
        files::save(&to.join("settings.json"), &*said)
    }

    /// A new secret, as programs want it.
    pub(crate) fn new_secret() -> String {
        body::new_secret(rand::random())
    }

    fn change_outbox<R>(&self, change: impl FnOnce(&mut Outbox) -> R) -> io::Result<R> {
        files::directory(&self.directory)?;
        self.outbox.change(change)
    }

    /// The same, but nothing is written where nothing changes.
    fn change_outbox_if_needed<R>(&self, change: impl Fn(&mut Outbox) -> R) -> io::Result<R> {
        let before = self.outbox.read()?;
        let mut after = (*before).clone();
        let answer = change(&mut after);
        if after == *before {
            return Ok(answer);
        }
        self.change_outbox(change)
    }

    /// Whether what has this key holds and was told.
    fn is_raised(&self, app: &AppName, key: &str) -> io::Result<bool> {
        let outbox = self.outbox.read()?;
        let desk = outbox.apps.get(app.as_str());
        Ok(desk.is_some_and(|desk| desk.is_raised(key)))
    }

    /// That nothing is said of an issue which has these numbers, and of which that is so.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn mute(&self, app: &AppName, numbers: &[IssueId], now: u64) -> io::Result<Option<Mute>> {
        Ok(self.of_app(app)?.mute(numbers, now).cloned())
    }

    fn is_due(&self, now: u64) -> io::Result<bool> {
        Ok(self.outbox.read()?.waiting.iter().any(|one| one.due <= now))
    }

    fn known_apps(&self) -> io::Result<Vec<String>> {
        Ok(self.outbox.read()?.apps.keys().cloned().collect())
    }

    /// Forgets what is known of apps that are gone.
    fn keep_apps(&self, apps: &[AppName]) -> io::Result<()> {
        let stays = |name: &str| apps.iter().any(|app| app.as_str() == name);
        if self.known_apps()?.iter().all(|name| stays(name)) {
            return Ok(());
        }
        self.change_outbox(|outbox| outbox.keep_apps(stays))
    }

    fn courier(&self) -> &Courier {
        self.courier.get_or_init(|| {
            let names = self.options.names.clone();
            Courier::new(
                self.options.targets,
                names.unwrap_or_else(|| Arc::new(SystemNames)),
            )
        })
    }

    /// The address of a page about an app.
    fn link(&self, page: &str, app: &AppName) -> Option<String> {
        let mut url = self.options.public_address.clone()?;
        let path = format!("{}{page}", url.path().trim_end_matches('/'));
        url.set_path(&path);
        url.query_pairs_mut().append_pair("app", app.as_str());
        Some(url.into())
    }
}
