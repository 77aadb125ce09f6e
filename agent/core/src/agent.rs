//! The handle a host holds: wires the parts together and decides nothing.

use crate::allowed::off_until;
use crate::capture::Switch;
use crate::capture::connection::{Book, Connection, Subject};
use crate::capture::crumb::{Breadcrumbs, CrumbList};
use crate::capture::freeze::{Ping, Pings, State, Thresholds, Watch};
use crate::capture::panic::{self, Recorder};
use crate::capture::past::RunFiles;
use crate::clock;
use crate::consent::{Choice, Consent, ConsentError};
use crate::files::Files;
use crate::narrowing;
use crate::running::{Flushed, Recordings, Running};
use crate::settings::{Checked, Settings, SettingsError};
use crate::startup;
use crate::sunset;
use crate::upload::lock;
use crate::withdrawal;
use candor_protocol::catalogue::Extra;
use candor_protocol::deidentify::{ModuleName, Name, RunId};
use candor_protocol::report::{Network, Transport};
use std::fmt;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// The developer's switch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Extension {
    /// The default: nothing is made, and every call is inert.
    #[default]
    Off,
    /// The developer wants telemetry; it still needs the user's consent.
    On,
}

/// Why the agent could not start. The host goes on without it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum StartError {
    /// A setting is wrong.
    Settings(SettingsError),
    /// The consent is not complete.
    Consent(ConsentError),
    /// The agent's thread could not be started.
    Thread,
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Settings(error) => error.fmt(f),
            Self::Consent(error) => error.fmt(f),
            Self::Thread => f.write_str("the agent's thread could not be started"),
        }
    }
}

impl std::error::Error for StartError {}

impl From<SettingsError> for StartError {
    fn from(error: SettingsError) -> Self {
        Self::Settings(error)
    }
}

impl From<ConsentError> for StartError {
    fn from(error: ConsentError) -> Self {
        Self::Consent(error)
    }
}

/// The agent. Cloning is cheap; every method may be called from any thread, and none waits for the network but those
/// that say how long.
///
/// When the last clone is dropped, the run counts as ended by the host, unless the thread that drops it panics.
#[derive(Debug, Clone, Default)]
pub struct Agent {
    inner: Option<Arc<Inner>>,
}

#[derive(Debug)]
struct Inner {
    settings: Checked,
    recordings: Arc<Recordings>,
    running: Mutex<Option<Arc<Running>>>,
    /// To what the user agreed, for the end of a pause.
    consent: Mutex<Option<Consent>>,
}

/// Thread names that may be told without being declared: those of Rust, tokio and the agent itself.
const THREAD_NAMES: [&str; 5] = [
    "main",
    "tokio-runtime-worker",
    "tokio-rt-worker",
    "candor-watch",
    "candor-upload",
];

impl Agent {
    /// An agent that is off: the same as `Agent::default()`.
    pub const fn off() -> Self {
        Self { inner: None }
    }

    /// Starts the agent, when the developer has switched the extension on and the user has agreed. Otherwise nothing is
    /// made, read or written, and not one system call is made.
    ///
    /// Takes less than a millisecond: everything that can wait is done on the agent's own thread. Only when the last two runs
    /// crashed while they were starting up it waits for their reports to be sent, as long as [`Settings::rescue`] allows.
    ///
    /// # Errors
    /// When a setting is wrong, or the consent is not complete. With [`Extension::Off`] nothing is checked.
    pub fn start(
        extension: Extension,
        choice: Choice,
        settings: Settings,
    ) -> Result<Self, StartError> {
        if extension == Extension::Off {
            return Ok(Self::off());
        }
        let inner = Arc::new(Inner {
            settings: settings.check()?,
            recordings: Arc::default(),
            running: Mutex::default(),
            consent: Mutex::default(),
        });
        let agent = Self {
            inner: Some(inner.clone()),
        };
        match choice {
            Choice::Granted(consent) => agent.grant(consent)?,
            Choice::Withdrawn if inner.has_ended() => {}
            Choice::Withdrawn => withdrawal::resume(&inner.settings.settings),
            Choice::NotAsked | Choice::CouldNotAsk | Choice::Declined => {}
        }
        Ok(agent)
    }

    /// The user has agreed. Does nothing when the extension is off or a consent is in force.
    ///
    /// # Errors
    /// When the consent is not complete.
    pub fn grant(&self, consent: Consent) -> Result<(), StartError> {
        let Some(inner) = &self.inner else {
            return Ok(());
        };
        consent.check()?;
        if let Some(terms) = &inner.settings.settings.terms {
            terms.are_covered_by(&consent)?;
        }
        *lock(&inner.consent) = Some(consent.clone());
        if inner.has_ended() || inner.has_to_wait() {
            return Ok(());
        }
        let mut running = lock(&inner.running);
        if running.as_ref().is_none_or(|running| running.is_over()) {
            let started = inner.begin(consent);
            if !started.spawn() {
                return Err(StartError::Thread);
            }
            inner.recordings.open_for(&started);
            let rescue = inner.keeps_crashing(&started).then(|| started.clone());
            *running = Some(started);
            drop(running);
            if let Some(started) = rescue {
                // It may crash again before anything is sent; this may be the only chance.
                started.flush(inner.settings.settings.rescue, false);
            }
        }
        Ok(())
    }

    /// The user has withdrawn. When this returns, within a second, nothing is recorded any more and everything on the
    /// device is wiped; the collector is asked in the background, until it answers, to erase what was sent.
    pub fn withdraw(&self) {
        let Some(inner) = &self.inner else { return };
        let mut slot = lock(&inner.running);
        let files = Files::new(&inner.settings.settings.dir);
        match slot.take() {
            Some(running) => running.close(),
            // A pause is over when the user withdraws. Without a consent there is nothing to withdraw.
            None if lock(&inner.consent).is_some() => {}
            None => return,
        }
        *lock(&inner.consent) = None;
        if inner.has_ended() {
            return;
        }
        withdrawal::begin(&files);
        withdrawal::finish(&inner.settings.settings);
    }

    /// The user wants everything erased that was recorded and sent so far, and does not withdraw: the device is wiped, the
    /// collector is asked to erase what it has, and recording begins anew, under a new pseudonym.
    pub fn erase(&self) {
        let Some(inner) = &self.inner else { return };
        let Some(running) = lock(&inner.running).take() else {
            return;
        };
        running.close();
        if inner.has_ended() {
            return;
        }
        withdrawal::begin_erasure(&running.files);
        withdrawal::finish(&inner.settings.settings);
        // It was complete before, so it is now.
        let _ = self.grant(running.consent.clone());
    }

    /// The user pauses recording and sending, also beyond a restart, until [`resume`](Self::resume). What was recorded waits.
    pub fn pause(&self) {
        let Some(inner) = &self.inner else { return };
        let Some(running) = lock(&inner.running).take() else {
            return;
        };
        if inner.has_ended() {
            return running.close();
        }
        let _ = running.files.pause();
        running.pause();
    }

    /// Ends a pause.
    pub fn resume(&self) {
        let Some(inner) = &self.inner else { return };
        let consent = lock(&inner.consent).clone();
        if let Some(consent) = consent {
            let _ = Files::new(&inner.settings.settings.dir).resume();
            let _ = self.grant(consent);
        }
    }

    /// A named connection that leads to a named endpoint. Handles of the same names share their counts.
    pub fn connection(&self, name: Name, endpoint: Name, transport: Transport) -> Connection {
        self.connection_to(Subject {
            name,
            endpoint,
            region: None,
            transport,
        })
    }

    /// As [`connection`](Self::connection), to an endpoint that serves one of several regions: the region whose service is
    /// used, not the place where the device is.
    pub fn connection_in(
        &self,
        region: Name,
        name: Name,
        endpoint: Name,
        transport: Transport,
    ) -> Connection {
        self.connection_to(Subject {
            name,
            endpoint,
            region: Some(region),
            transport,
        })
    }

    fn connection_to(&self, subject: Subject) -> Connection {
        let Some(inner) = &self.inner else {
            return Connection::INERT;
        };
        let mut books = lock(&inner.recordings.books);
        if let Some(book) = books.iter().find(|book| book.is(&subject)) {
            return Connection::new(book.clone());
        }
        let book = Arc::new(Book::new(subject, inner.recordings.switch.clone()));
        books.push(book.clone());
        Connection::new(book)
    }

    /// Watches an event loop whose pieces of work the host marks with [`Watch::turn`]: one that takes longer than two seconds is a
    /// freeze. The time between turns never is.
    pub fn watch(&self, name: Name) -> Watch {
        self.watch_with(name, Thresholds::default())
    }

    /// As [`watch`](Self::watch), with thresholds of its own; a `Duration` is from how long on a turn hangs.
    pub fn watch_with(&self, name: Name, thresholds: impl Into<Thresholds>) -> Watch {
        let make = |switch| State::new(name, thresholds.into(), switch);
        self.follow(make).map_or(Watch::INERT, Watch::new)
    }

    /// Watches an event loop that the host does not turn itself: every second or so a [`Ping`] is handed to `post`, which has it run
    /// on the loop's thread, as a toolkit's "call this on the main thread" does. A ping that is not run in time is a freeze. How long
    /// it took counts from the ping, so that up to a second of it may be missing.
    ///
    /// `post` is called on the agent's own thread and must not wait. If it panics, the watch ends. While the app is in the background
    /// ([`foreground`](Self::foreground)) nothing is sent.
    pub fn watch_pings(
        &self,
        name: Name,
        thresholds: impl Into<Thresholds>,
        post: impl Fn(Ping) + Send + Sync + 'static,
    ) -> Pings {
        let make = |switch| State::pinged(name, thresholds.into(), switch, post);
        self.follow(make).map_or(Pings::INERT, Pings::new)
    }

    /// Watches a tokio runtime as [`watch_pings`](Self::watch_pings) does: a task that none of its workers comes round to is a freeze,
    /// because all of them are kept by tasks that do not await. A current-thread runtime is to be watched only while somebody is in
    /// its `block_on`; [`Pings::pause`] is for the other times.
    pub fn watch_runtime(
        &self,
        name: Name,
        thresholds: impl Into<Thresholds>,
        runtime: &tokio::runtime::Handle,
    ) -> Pings {
        let make = |switch| State::of_runtime(name, thresholds.into(), switch, runtime.clone());
        self.follow(make).map_or(Pings::INERT, Pings::new)
    }

    /// Makes a watch that is followed from now on.
    fn follow(&self, make: impl FnOnce(Arc<Switch>) -> State) -> Option<Arc<State>> {
        let inner = self.inner.as_ref()?;
        let state = Arc::new(make(inner.recordings.switch.clone()));
        let foreground = lock(&inner.recordings.foreground);
        state.background(*foreground == Some(false));
        lock(&inner.recordings.watches).push(state.clone());
        drop(foreground);
        if let Some(running) = lock(&inner.running).as_ref() {
            running.wake();
        }
        Some(state)
    }

    /// Breadcrumbs of a closed list, made with [`crumbs!`](crate::crumbs): what the app does, for whoever reads its crashes. Inert
    /// unless [`Extra::Breadcrumbs`] is switched on.
    pub fn breadcrumbs<L: CrumbList>(&self) -> Breadcrumbs<L> {
        let Some(inner) = &self.inner else {
            return Breadcrumbs::INERT;
        };
        // What will not be sent is not recorded either.
        if !inner.settings.settings.extras.contains(&Extra::Breadcrumbs) {
            return Breadcrumbs::INERT;
        }
        let Some((first, new)) = inner.recordings.crumbs.register::<L>() else {
            return Breadcrumbs::INERT;
        };
        if new && let Some(running) = lock(&inner.running).as_ref() {
            running.wake();
        }
        Breadcrumbs::new(inner.recordings.switch.clone(), first)
    }

    /// Tells whether the app is in the foreground now; crashes tell it too, if [`Extra::Foreground`] is switched on.
    pub fn foreground(&self, foreground: bool) {
        let Some(inner) = &self.inner else { return };
        let mut said = lock(&inner.recordings.foreground);
        *said = Some(foreground);
        lock(&inner.recordings.watches)
            .iter()
            .for_each(|watch| watch.background(!foreground));
        drop(said);
        if let Some(running) = lock(&inner.running).as_ref() {
            running.tell_foreground();
        }
    }

    /// Tells the kind of network that the device is on now. Until it is told, the agent looks for itself on Linux, as
    /// coarsely as that goes.
    pub fn network(&self, network: Network) {
        if let Some(inner) = &self.inner {
            inner.recordings.switch.told.store(true, Relaxed);
            inner.recordings.moved_to(network);
        }
    }

    /// Puts what was recorded on the disk, sends it, and waits for that at most `patience`, whatever the network does.
    pub fn flush(&self, patience: Duration) -> Flushed {
        match self.running() {
            Some(running) => running.flush(patience, false),
            None => Flushed::Inert,
        }
    }

    /// The host ends the run: like [`flush`](Self::flush), and nothing is recorded afterwards.
    pub fn shutdown(&self, patience: Duration) -> Flushed {
        match self.inner.as_ref().and_then(|inner| inner.end()) {
            Some(running) => running.flush(patience, true),
            None => Flushed::Inert,
        }
    }

    fn running(&self) -> Option<Arc<Running>> {
        lock(&self.inner.as_ref()?.running).clone()
    }
}

impl Inner {
    /// Arms crash recording and makes what the agent's thread needs.
    fn begin(&self, consent: Consent) -> Arc<Running> {
        let run: [u8; 16] = rand::random();
        let started_unix = clock::unix_seconds();
        let files = Files::new(&self.settings.settings.dir);
        let path = RunFiles::new(&files, &RunId::from_bytes(run)).dump;
        let declared = self.settings.settings.thread_names;
        let names: Vec<&'static str> = declared.iter().copied().chain(THREAD_NAMES).collect();
        let config = candor_crash::Config {
            path: &path,
            run,
            started_unix,
            clean_module_name: |name| ModuleName::scrub(name).as_str().to_owned(),
            thread_names: &names,
        };
        let scope = &self.settings.settings.scope;
        let armed = candor_crash::arm_in_scope(&config, scope).or_else(|error| match error {
            // The first start on this device.
            candor_crash::ArmError::File { .. }
                if crate::files::make_dir(&files.runs()).is_ok() =>
            {
                candor_crash::arm_in_scope(&config, scope)
            }
            error => Err(error),
        });
        // Where crashes cannot be recorded, everything else still can.
        let recorder = armed
            .ok()
            .map(|armed| Arc::new(Recorder::new(armed, names)));
        if let Some(recorder) = &recorder {
            panic::listen(recorder);
        }
        let recordings = self.recordings.clone();
        let running = Running::new(
            self.settings.clone(),
            consent,
            recordings,
            recorder,
            run,
            started_unix,
        );
        running.tell_foreground();
        Arc::new(running)
    }

    /// Whether the service has ended for good; then nothing is left on the device but the notice that says so.
    fn has_ended(&self) -> bool {
        let files = Files::new(&self.settings.settings.dir);
        let ended = sunset::has_come(&files, &self.settings);
        if ended {
            sunset::finish(&files);
        }
        ended
    }

    /// Whether the user pauses the agent, or the collector wants nothing for a while.
    fn has_to_wait(&self) -> bool {
        let files = Files::new(&self.settings.settings.dir);
        files.paused().exists()
            || off_until(&narrowing::load(&files), clock::unix_seconds()).is_some()
    }

    /// Whether this app has crashed in its last starts.
    fn keeps_crashing(&self, started: &Running) -> bool {
        !self.settings.settings.rescue.is_zero()
            && startup::keeps_crashing(&started.files, &RunId::from_bytes(started.run))
    }

    /// Marks the run as ended by the host.
    fn end(&self) -> Option<Arc<Running>> {
        let running = lock(&self.running).take()?;
        if let Some(recorder) = &running.recorder {
            panic::stop_listening(recorder);
            recorder.with(|armed| armed.mark(candor_dump::ExitMark::Clean));
        }
        Some(running)
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        if let Some(running) = self.end() {
            running.flush(Duration::ZERO, true);
        }
    }
}
