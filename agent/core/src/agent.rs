//! The handle a host holds: wires the parts together and decides nothing.

use crate::capture::connection::{Book, Connection, Subject};
use crate::capture::freeze::{State, Watch};
use crate::capture::panic::{self, Recorder};
use crate::capture::past::RunFiles;
use crate::clock;
use crate::consent::{Choice, Consent, ConsentError};
use crate::files::Files;
use crate::running::{Flushed, Recordings, Running};
use crate::settings::{Checked, Settings, SettingsError};
use crate::upload::lock;
use crate::withdrawal;
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
}

/// Thread names that may be told: those of Rust, tokio and the agent itself.
const THREAD_NAMES: &[&str] = &[
    "main",
    "tokio-runtime-worker",
    "tokio-rt-worker",
    "candor-watch",
    "candor-upload",
];

/// From how long on standing still is a freeze, unless the watch says otherwise.
const THRESHOLD: Duration = Duration::from_secs(2);

impl Agent {
    /// An agent that is off: the same as `Agent::default()`.
    pub const fn off() -> Self {
        Self { inner: None }
    }

    /// Starts the agent, when the developer has switched the extension on and the user has agreed. Otherwise nothing is
    /// made, read or written, and not one system call is made.
    ///
    /// Takes less than a millisecond: everything that can wait is done on the agent's own thread.
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
        });
        let agent = Self {
            inner: Some(inner.clone()),
        };
        match choice {
            Choice::Granted(consent) => agent.grant(consent)?,
            Choice::Withdrawn => withdrawal::finish(&inner.settings.settings),
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
        let mut running = lock(&inner.running);
        if running.is_none() {
            let started = inner.begin(consent);
            if !started.spawn() {
                return Err(StartError::Thread);
            }
            inner.recordings.switch.open.store(true, Relaxed);
            *running = Some(started);
        }
        Ok(())
    }

    /// The user has withdrawn. When this returns, within a second, nothing is recorded any more and everything on the
    /// device is wiped; the collector is asked in the background, until it answers, to erase what was sent.
    pub fn withdraw(&self) {
        let Some(inner) = &self.inner else { return };
        let mut slot = lock(&inner.running);
        inner.recordings.switch.open.store(false, Relaxed);
        let Some(running) = slot.take() else { return };
        if let Some(recorder) = &running.recorder {
            panic::stop_listening(recorder);
            recorder.disarm();
        }
        running.gate.close();
        running.wake();
        withdrawal::begin(&running.files);
        withdrawal::finish(&inner.settings.settings);
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

    /// Watches an event loop: a turn of it that takes longer than two seconds is a freeze.
    pub fn watch(&self, name: Name) -> Watch {
        self.watch_with(name, THRESHOLD)
    }

    /// Watches an event loop: a turn of it that takes longer than `threshold` (at least 100 ms) is a freeze.
    pub fn watch_with(&self, name: Name, threshold: Duration) -> Watch {
        let Some(inner) = &self.inner else {
            return Watch::INERT;
        };
        let threshold_ms = threshold.as_millis().clamp(100, 3_600_000) as u64;
        let state = Arc::new(State::new(
            name,
            threshold_ms,
            inner.recordings.switch.clone(),
        ));
        lock(&inner.recordings.watches).push(state.clone());
        if let Some(running) = lock(&inner.running).as_ref() {
            running.wake();
        }
        Watch::new(state)
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
        let config = candor_crash::Config {
            path: &path,
            run,
            started_unix,
            clean_module_name: |name| ModuleName::scrub(name).as_str().to_owned(),
            thread_names: THREAD_NAMES,
        };
        let armed = candor_crash::arm(&config).or_else(|error| match error {
            // The first start on this device.
            candor_crash::ArmError::File { .. }
                if crate::files::make_dir(&files.runs()).is_ok() =>
            {
                candor_crash::arm(&config)
            }
            error => Err(error),
        });
        // Where crashes cannot be recorded, everything else still can.
        let recorder = armed.ok().map(|armed| Arc::new(Recorder::new(armed)));
        if let Some(recorder) = &recorder {
            panic::listen(recorder);
        }
        let recordings = self.recordings.clone();
        Arc::new(Running::new(
            self.settings.clone(),
            consent,
            recordings,
            recorder,
            run,
            started_unix,
        ))
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
