//! One time under one consent: what the host's threads and the agent's thread share, and how they talk.

use crate::capture::Switch;
use crate::capture::connection::Book;
use crate::capture::crumb::Lists;
use crate::capture::freeze::State;
use crate::capture::panic::{self, Recorder};
use crate::clock::monotonic_micros;
use crate::consent::{Consent, Gate};
use crate::files::Files;
use crate::settings::Checked;
use crate::upload::lock;
use crate::upload::plan::Backoff;
use crate::worker::Worker;
use candor_protocol::catalogue::Extra;
use candor_protocol::moment::Precision;
use candor_protocol::report::Network;
use serde::{Deserialize, Serialize};
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError};
use std::thread::{self, Thread};
use std::time::Duration;

/// What the host's threads and the agent's thread share from the agent's start to its end, consent or not.
#[derive(Debug, Default)]
pub(crate) struct Recordings {
    pub(crate) switch: Arc<Switch>,
    /// The time under one consent that the switch is open for; one that is over must not close it for the next.
    current: Mutex<u64>,
    pub(crate) books: Mutex<Vec<Arc<Book>>>,
    pub(crate) watches: Mutex<Vec<Arc<State>>>,
    pub(crate) crumbs: Lists,
    /// Whether the app is in the foreground, once it has said so.
    pub(crate) foreground: Mutex<Option<bool>>,
}

impl Recordings {
    /// Recording begins, for `running`.
    pub(crate) fn open_for(&self, running: &Running) {
        *lock(&self.current) = running.serial;
        self.switch.open.store(true, Relaxed);
    }

    fn close_for(&self, running: &Running) {
        if *lock(&self.current) == running.serial {
            self.switch.open.store(false, Relaxed);
        }
    }
}

impl Recordings {
    /// The device is on `network` from now on.
    pub(crate) fn moved_to(&self, network: Network) {
        let before = self.switch.network();
        self.switch.network.store(network as u8, Relaxed);
        if self.switch.open.load(Relaxed) && before != network {
            let now = monotonic_micros();
            lock(&self.books)
                .iter()
                .for_each(|book| book.moved(before, now));
        }
    }
}

/// Under what the agent runs, on the disk for whoever inspects it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// Name of the app.
    pub app: String,
    /// Version of the app.
    pub release: String,
    /// Address of the collector.
    pub collector: String,
    /// To what the user agreed.
    pub consent: Consent,
    /// The most bytes of reports that are kept.
    pub spool_bytes: u64,
    /// The most reports that are kept.
    pub spool_reports: usize,
    /// How long a report is kept, in seconds.
    pub spool_age_seconds: u64,
    /// Optional fields that are sent.
    #[serde(default)]
    pub extras: Vec<Extra>,
    /// How finely reports tell the time, in seconds: 3600 or 60.
    pub precision_seconds: u64,
}

impl Grant {
    pub(crate) fn precision(&self) -> Precision {
        if self.precision_seconds == Precision::Minute.seconds() {
            Precision::Minute
        } else {
            Precision::Hour
        }
    }
}

/// One time under one consent.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) gate: Gate,
    pub(crate) files: Files,
    pub(crate) settings: Checked,
    pub(crate) consent: Consent,
    pub(crate) recordings: Arc<Recordings>,
    pub(crate) recorder: Option<Arc<Recorder>>,
    pub(crate) run: [u8; 16],
    pub(crate) started_unix: u64,
    pub(crate) started_micros: u64,
    serial: u64,
    pub(crate) orders: Mutex<Orders>,
    pub(crate) done: Condvar,
    thread: OnceLock<Thread>,
}

/// What the host wants of the agent's thread, and what came of it.
#[derive(Debug, Default)]
pub(crate) struct Orders {
    pub(crate) flushes_wanted: u64,
    pub(crate) flushes_done: u64,
    pub(crate) shutdown: bool,
    /// The user pauses: what was recorded is kept, and the thread ends.
    pub(crate) pause: bool,
    stopped: bool,
    /// What the last upload session left behind; `None` while it runs.
    pub(crate) session: Option<Backoff>,
    /// Reports that waited when the last flush was done.
    pub(crate) left: usize,
}

/// What [`Agent::flush`](crate::Agent::flush) and [`Agent::shutdown`](crate::Agent::shutdown) achieved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flushed {
    /// Everything that was recorded has been acknowledged by the collector.
    All,
    /// This many reports are on the disk and will be sent later.
    Waiting(usize),
    /// The time was over first; what was recorded so far is or will be on the disk.
    Timeout,
    /// The agent records nothing.
    Inert,
}

/// Numbers every time under a consent.
static SERIAL: AtomicU64 = AtomicU64::new(1);

impl Running {
    pub(crate) fn new(
        settings: Checked,
        consent: Consent,
        recordings: Arc<Recordings>,
        recorder: Option<Arc<Recorder>>,
        run: [u8; 16],
        started_unix: u64,
    ) -> Self {
        Self {
            gate: Gate::open(),
            files: Files::new(&settings.settings.dir),
            settings,
            consent,
            recordings,
            recorder,
            run,
            started_unix,
            started_micros: monotonic_micros(),
            serial: SERIAL.fetch_add(1, Relaxed),
            orders: Mutex::default(),
            done: Condvar::new(),
            thread: OnceLock::new(),
        }
    }

    /// Starts the agent's thread. Whether there is one.
    pub(crate) fn spawn(self: &Arc<Self>) -> bool {
        let running = self.clone();
        let watch = move || {
            if let Some(mut worker) = Worker::begin(&running) {
                worker.work();
            }
            running.retire();
        };
        let thread = thread::Builder::new().name("candor-watch".into());
        match candor_crash::leaving_signals_to_host(|| thread.spawn(watch)) {
            Ok(handle) => self.thread.set(handle.thread().clone()).is_ok(),
            Err(_) => false,
        }
    }

    /// Writes into the dump whether the app is in the foreground, if it has said so.
    pub(crate) fn tell_foreground(&self) {
        let said = *lock(&self.recordings.foreground);
        if let (Some(foreground), Some(recorder)) = (said, &self.recorder) {
            recorder.with(|armed| armed.set_foreground(foreground));
        }
    }

    pub(crate) fn wake(&self) {
        if let Some(thread) = self.thread.get() {
            thread.unpark();
        }
    }

    /// Asks for everything recorded to be spooled and sent, and waits for at most `patience`.
    pub(crate) fn flush(&self, patience: Duration, shutdown: bool) -> Flushed {
        let mut orders = lock(&self.orders);
        orders.flushes_wanted += 1;
        orders.shutdown |= shutdown;
        let mine = orders.flushes_wanted;
        self.wake();
        let waiting = |orders: &mut Orders| orders.flushes_done < mine && !orders.stopped;
        let (orders, _) = self
            .done
            .wait_timeout_while(orders, patience, waiting)
            .unwrap_or_else(PoisonError::into_inner);
        match (orders.flushes_done >= mine, orders.left) {
            (true, 0) => Flushed::All,
            (true, left) => Flushed::Waiting(left),
            (false, _) if orders.stopped => Flushed::Inert,
            (false, _) => Flushed::Timeout,
        }
    }

    /// Nothing is recorded any more, and when this returns nothing is being written or sent. Not under a permit.
    pub(crate) fn close(&self) {
        self.stop_recording();
        self.gate.close();
        self.wake();
    }

    fn stop_recording(&self) {
        self.recordings.close_for(self);
        if let Some(recorder) = &self.recorder {
            panic::stop_listening(recorder);
            recorder.disarm();
        }
    }

    /// Nothing is recorded any more; the agent's thread keeps what was, and ends.
    pub(crate) fn pause(&self) {
        self.stop_recording();
        lock(&self.orders).pause = true;
        self.wake();
    }

    /// Whether the agent's thread has ended.
    pub(crate) fn is_over(&self) -> bool {
        lock(&self.orders).stopped
    }

    /// The agent's thread ends: nothing is recorded any more.
    fn retire(&self) {
        self.stop_recording();
        lock(&self.orders).stopped = true;
        self.done.notify_all();
    }
}
