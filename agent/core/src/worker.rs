//! The agent's own thread, `candor-watch`: the only one that turns what was seen into reports and writes them.
//!
//! It wakes for a reason: a window that ends, a turn that is due, a panic that was survived, a batch that may be sent,
//! somebody who flushes. In between it is parked.

use crate::capture::connection::Book;
use crate::capture::freeze::{Act, Follow, Freeze, State};
use crate::capture::panic::Recorder;
use crate::capture::past::{self, Note, OPEN_FREEZES, RunFiles};
use crate::capture::{Observation, Seen, Switch, crash, device};
use crate::clock::{monotonic_micros, unix_seconds};
use crate::consent::{Consent, Gate, Permit};
use crate::deidentify::{Context, scrub};
use crate::files::{self, Files};
use crate::identity::Identity;
use crate::settings::Checked;
use crate::spool::quota::Quota;
use crate::spool::{Appended, Spool};
use crate::upload::plan::{Backoff, Situation, Step, plan};
use crate::upload::{self, lock};
use crate::withdrawal;
use candor_crash::{Tid, boottime_millis, coarse_millis};
use candor_protocol::deidentify::{ReportId, RunId};
use candor_protocol::moment::Precision;
use candor_protocol::report::{Exit, FreezeEnd, Kind, LossReason};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError};
use std::thread::{self, Thread};
use std::time::Duration;

/// What the host's threads and the agent's thread share from the agent's start to its end, consent or not.
#[derive(Debug, Default)]
pub(crate) struct Recordings {
    pub(crate) switch: Arc<Switch>,
    pub(crate) books: Mutex<Vec<Arc<Book>>>,
    pub(crate) watches: Mutex<Vec<Arc<State>>>,
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
    orders: Mutex<Orders>,
    done: Condvar,
    thread: OnceLock<Thread>,
}

/// What the host wants of the agent's thread, and what came of it.
#[derive(Debug, Default)]
struct Orders {
    flushes_wanted: u64,
    flushes_done: u64,
    shutdown: bool,
    stopped: bool,
    /// What the last upload session left behind; `None` while it runs.
    session: Option<Backoff>,
    /// Reports that waited when the last flush was done.
    left: usize,
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
            orders: Mutex::default(),
            done: Condvar::new(),
            thread: OnceLock::new(),
        }
    }

    /// Starts the agent's thread. Whether there is one.
    pub(crate) fn spawn(self: &Arc<Self>) -> bool {
        let running = self.clone();
        let spawned = thread::Builder::new()
            .name("candor-watch".into())
            .spawn(move || {
                if let Some(mut worker) = Worker::begin(&running) {
                    worker.work();
                }
                running.retire();
            });
        match spawned {
            Ok(handle) => self.thread.set(handle.thread().clone()).is_ok(),
            Err(_) => false,
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
            (false, _) => Flushed::Timeout,
        }
    }

    /// The agent's thread ends: nothing is recorded any more.
    fn retire(&self) {
        self.recordings.switch.open.store(false, Relaxed);
        if let Some(recorder) = &self.recorder {
            recorder.disarm();
        }
        lock(&self.orders).stopped = true;
        self.done.notify_all();
    }
}

/// A freeze that is going on.
struct OpenFreeze {
    id: ReportId,
    at: u64,
    freeze: Freeze,
}

/// A watch that is followed.
struct Followed {
    state: Arc<State>,
    follow: Follow,
    open: Option<OpenFreeze>,
}

/// The state of the agent's thread.
struct Worker<'a> {
    running: &'a Arc<Running>,
    /// Held for as long as this process uses the directory.
    _lock: File,
    run_files: RunFiles,
    identity: Identity,
    context: Context,
    spool: Arc<Mutex<Spool>>,
    followed: Vec<Followed>,
    /// Number of the connection window, and when it began.
    window: u64,
    window_micros: u64,
    /// The last flush that a window was ended for: one is enough, or there would always be something left.
    window_flush: u64,
    /// When the thread wanted to wake, in milliseconds of the coarse clock.
    wanted_ms: u64,
    maintained_ms: u64,
    expired_unix: u64,
    last_upload_ms: u64,
    uploading: bool,
    backoff: Backoff,
}

/// With a watch, the thread looks this often whether a turn is going on.
const WATCHING: Duration = Duration::from_millis(500);
/// Without one, it looks after libraries and threads this often.
const RESTING: Duration = Duration::from_secs(5);
/// A process that used the directory before may take a moment to let go of it.
const LOCK_TRIES: u32 = 25;
const LOCK_PAUSE: Duration = Duration::from_millis(200);
/// How often reports are looked at that have waited too long, in seconds.
const EXPIRE_EVERY: u64 = 3600;

impl<'a> Worker<'a> {
    /// Takes the directory, tells of earlier runs, and begins this one. `None` when the agent may not or cannot run.
    fn begin(running: &'a Arc<Running>) -> Option<Self> {
        let files = &running.files;
        let lock_file = take_lock(running)?;
        let permit = running.gate.permit()?;
        let now = unix_seconds();
        let settings = &running.settings.settings;
        let run = RunId::from_bytes(running.run);
        let run_files = RunFiles::new(files, &run);
        if withdrawal::overrules(files, &running.consent) {
            // The host did not hear that the user withdrew: this consent is the one that was withdrawn.
            run_files.remove();
            withdrawal::finish(settings);
            return None;
        }
        withdrawal::go_on(settings);
        if let Some(recorder) = &running.recorder {
            recorder.with(candor_crash::Armed::maintain);
        }
        let grant = Grant {
            app: running.settings.app.to_string(),
            release: running.settings.release.to_string(),
            collector: settings.collector.clone(),
            consent: running.consent.clone(),
            spool_bytes: settings.spool_bytes,
            spool_reports: settings.spool_reports,
            spool_age_seconds: settings.spool_age.as_secs(),
            precision_seconds: settings.precision.seconds(),
        };
        files::save(&permit, &files.grant(), &grant).ok()?;
        let mut identity = Identity::load(files);
        let context = Context {
            run,
            pseudonym: identity.current(&permit, files, now).ok()?,
            release: running.settings.release.clone(),
            device: device::read(),
            precision: settings.precision,
        };
        let note = Note {
            release: context.release.clone(),
            device: context.device.clone(),
        };
        files::save(&permit, &run_files.note, &note).ok()?;
        let quota = Quota {
            bytes: settings.spool_bytes,
            reports: settings.spool_reports,
            age_seconds: settings.spool_age.as_secs(),
        };
        let spool = Spool::open(&permit, files, quota).ok()?;
        let mut worker = Self {
            running,
            _lock: lock_file,
            run_files,
            identity,
            context,
            spool: Arc::new(Mutex::new(spool)),
            followed: Vec::new(),
            window: now / settings.window.as_secs().max(1),
            window_micros: running.started_micros,
            window_flush: 0,
            wanted_ms: coarse_millis(),
            maintained_ms: coarse_millis(),
            expired_unix: 0,
            last_upload_ms: 0,
            uploading: false,
            backoff: upload::load_backoff(files),
        };
        worker.tell_past(&permit, now);
        worker.append(
            &permit,
            past::began(&running.run, running.started_unix),
            now,
        );
        Some(worker)
    }

    /// Tells of runs that are over and removes what they left. A dump that is newer than this run is not over.
    fn tell_past(&mut self, permit: &Permit<'_>, now: u64) {
        let boot = past::read_dump(&self.run_files.dump).and_then(|(dump, _)| dump.boot);
        for past in past::list(&self.running.files, Some(&self.context.run)) {
            if past.dump.started_unix > self.running.started_unix {
                continue;
            }
            let exit = past.exit(boot, &self.context.release);
            let mut context = self.context.clone();
            context.run = past.run;
            if let Some(note) = &past.note {
                context.release = note.release.clone();
                context.device = note.device.clone();
            }
            let crashes = past
                .observations(exit)
                .into_iter()
                .map(|seen| scrub(seen, &context));
            let mut kept = true;
            for report in past.freezes().into_iter().chain(crashes) {
                kept &= lock(&self.spool).append(permit, &report, now)
                    != Appended::Lost(LossReason::Disk);
            }
            self.fold(permit, &past.dump);
            if kept {
                past.files.remove();
            }
        }
    }

    /// Counts the panics of a run that found no room in its dump.
    fn fold(&self, permit: &Permit<'_>, dump: &candor_dump::Dump) {
        let dropped = [(Kind::Crash, LossReason::Capped, u64::from(dump.panics_lost))];
        let run = RunId::from_bytes(dump.run);
        let _ = lock(&self.spool).fold(permit, run.as_str(), dropped);
    }

    fn work(&mut self) {
        loop {
            let Some(pause) = self.turn() else { return };
            self.wanted_ms = coarse_millis() + pause.as_millis() as u64;
            thread::park_timeout(pause);
        }
    }

    /// Does what is due. How long nothing will be due, or `None` when the thread should end.
    fn turn(&mut self) -> Option<Duration> {
        let gate = &self.running.gate;
        let permit = gate.permit()?;
        let (now, now_ms) = (unix_seconds(), coarse_millis());
        let late_ms = now_ms.saturating_sub(self.wanted_ms);
        let (flush, flushing, shutdown) = {
            let orders = lock(&self.running.orders);
            let wanted = orders.flushes_wanted;
            (wanted, wanted > orders.flushes_done, orders.shutdown)
        };
        // With a watch it also notes that the process lives, which dates the end of a freeze that nobody outlives.
        let maintain_every = if self.followed.is_empty() {
            RESTING
        } else {
            WATCHING
        };
        if now_ms >= self.maintained_ms + maintain_every.as_millis() as u64 {
            self.maintained_ms = now_ms;
            if let Some(recorder) = &self.running.recorder {
                recorder.with(candor_crash::Armed::maintain);
            }
        }
        self.note_survived_panics(&permit, now, now_ms, shutdown);
        let next_look = self.follow_watches(&permit, now, now_ms, late_ms, shutdown);
        let window_due = self.close_window(&permit, now, flush);
        if now >= self.expired_unix + EXPIRE_EVERY {
            self.expired_unix = now;
            let _ = lock(&self.spool).expire(&permit, now);
        }
        if shutdown {
            self.end_run(&permit, now);
        }
        let upload_due = self.upload(&permit, now, flushing);
        drop(permit);

        let mut pause = Duration::from_secs(window_due.saturating_sub(now).clamp(1, 3600));
        pause = pause.min(if self.followed.is_empty() {
            RESTING
        } else {
            WATCHING
        });
        if let Some(look_ms) = next_look {
            pause = pause.min(Duration::from_millis(look_ms.saturating_sub(now_ms)));
        }
        match upload_due {
            Upload::Idle => {
                if flushing {
                    self.finish_flush();
                    if shutdown {
                        return None;
                    }
                }
            }
            Upload::Due(due_ms) => {
                if flushing {
                    // The collector asked for patience: nothing more can be achieved now.
                    self.finish_flush();
                    if shutdown {
                        return None;
                    }
                }
                pause = pause.min(Duration::from_millis(due_ms.saturating_sub(now * 1000)));
            }
            Upload::Running => {}
        }
        Some(pause)
    }

    fn append(&mut self, permit: &Permit<'_>, observation: Observation, now: u64) {
        if let Ok(pseudonym) = self.identity.current(permit, &self.running.files, now) {
            self.context.pseudonym = pseudonym;
        }
        let report = scrub(observation, &self.context);
        lock(&self.spool).append(permit, &report, now);
    }

    /// Tells of panics that the process has survived. They leave the dump only once they are told of, and the report's
    /// identity follows from the panic, so that a death in between neither loses nor doubles one.
    fn note_survived_panics(&mut self, permit: &Permit<'_>, now: u64, now_ms: u64, all: bool) {
        let Some(recorder) = &self.running.recorder else {
            return;
        };
        let survived = recorder.survived(now_ms, all);
        if survived.is_empty() {
            return;
        }
        let Some((dump, _)) = past::read_dump(&self.run_files.dump) else {
            return;
        };
        for panic in dump.panics {
            if survived
                .iter()
                .any(|ticket| ticket.serial() == panic.serial)
            {
                let (run, started) = (&self.running.run, self.running.started_unix);
                let seen = crash::of_survived(run, started, panic, dump.modules.clone());
                self.append(permit, seen, now);
            }
        }
        recorder.forget(&survived);
    }

    /// Looks at every watched thread. When to look again, in milliseconds of the coarse clock.
    fn follow_watches(
        &mut self,
        permit: &Permit<'_>,
        now: u64,
        now_ms: u64,
        late_ms: u64,
        shutdown: bool,
    ) -> Option<u64> {
        self.adopt_watches();
        let mut ended = Vec::new();
        let mut next = None;
        for (index, followed) in (0u16..).zip(&mut self.followed) {
            let Followed {
                state,
                follow,
                open,
            } = followed;
            let look = state.look();
            if look.turn != 0 {
                state.suspect(look.turn);
            }
            let thread = Tid::from_number(state.thread().0);
            let act = follow.step(look, state.threshold_ms, now_ms, late_ms);
            match (act, &mut *open) {
                (Act::Open, _) => {
                    let freeze = Freeze::begin(state, look.turn);
                    *open = Some(OpenFreeze {
                        id: ReportId::from_bytes(rand::random()),
                        at: now,
                        freeze,
                    });
                    let since_ms = boottime_millis().saturating_sub(follow.stood_ms(now_ms));
                    if let Some(recorder) = &self.running.recorder {
                        recorder.with(|armed| armed.freeze_opened(index, thread, since_ms));
                    }
                }
                (Act::Close { took_ms }, Some(_)) => {
                    if let Some(mut closed) = open.take() {
                        closed.freeze.took_ms = took_ms.max(closed.freeze.threshold_ms);
                        closed.freeze.end = FreezeEnd::Recovered;
                        ended.push((index, closed));
                    }
                }
                _ => {}
            }
            if let (Act::Open | Act::Sample, Some(open)) = (act, open.as_mut()) {
                let same = open.freeze.sample(thread);
                follow.sampled(same);
                open.freeze.took_ms = follow.stood_ms(now_ms);
                let seen = Observation {
                    id: open.id,
                    at: open.at,
                    seen: Seen::Freeze(open.freeze.clone()),
                };
                let _ = files::save(
                    permit,
                    &self.run_files.freeze(index),
                    &scrub(seen, &self.context),
                );
            }
            if shutdown && let Some(mut left) = open.take() {
                left.freeze.took_ms = follow.stood_ms(now_ms);
                left.freeze.end = FreezeEnd::Exited;
                ended.push((index, left));
            }
            next = next
                .into_iter()
                .chain(follow.next_look(state.threshold_ms, now_ms))
                .min();
        }
        for (index, OpenFreeze { id, at, freeze }) in ended {
            self.append(
                permit,
                Observation {
                    id,
                    at,
                    seen: Seen::Freeze(freeze),
                },
                now,
            );
            let _ = std::fs::remove_file(self.run_files.freeze(index));
            if let Some(recorder) = &self.running.recorder {
                recorder.with(candor_crash::Armed::freeze_closed);
            }
        }
        next
    }

    /// Follows watches that were made since, and leaves those that were dropped.
    fn adopt_watches(&mut self) {
        let mut watches = lock(&self.running.recordings.watches);
        watches.retain(|state| !state.is_dropped());
        for state in watches.iter() {
            let known = self
                .followed
                .iter()
                .any(|followed| Arc::ptr_eq(&followed.state, state));
            if !known && self.followed.len() < usize::from(OPEN_FREEZES) {
                self.followed.push(Followed {
                    state: state.clone(),
                    follow: Follow::default(),
                    open: None,
                });
            }
        }
        drop(watches);
        self.followed
            .retain(|followed| followed.open.is_some() || !followed.state.is_dropped());
    }

    /// Ends the connection window when it is over, or when somebody flushes. When the next one ends, in unix seconds.
    fn close_window(&mut self, permit: &Permit<'_>, now: u64, flush: u64) -> u64 {
        let length = self.running.settings.settings.window.as_secs().max(1);
        let number = now / length;
        if number != self.window || flush > self.window_flush {
            self.window_flush = flush;
            let now_micros = monotonic_micros();
            let seconds =
                (now_micros.saturating_sub(self.window_micros) / 1_000_000).clamp(1, 86_400) as u32;
            let at = self.window * length;
            (self.window, self.window_micros) = (number, now_micros);
            let books = lock(&self.running.recordings.books).clone();
            for window in books.iter().flat_map(|book| book.take(now_micros, seconds)) {
                let id = ReportId::from_bytes(rand::random());
                self.append(
                    permit,
                    Observation {
                        id,
                        at,
                        seen: Seen::Connection(window),
                    },
                    now,
                );
            }
        }
        (number + 1) * length
    }

    /// The run ends by the host's decision; nothing of it has to be told by a later one.
    fn end_run(&mut self, permit: &Permit<'_>, now: u64) {
        if !self.run_files.dump.exists() && !self.run_files.note.exists() {
            return;
        }
        let uptime_ms = monotonic_micros().saturating_sub(self.running.started_micros) / 1000;
        let ended = past::ended(
            &self.running.run,
            self.running.started_unix,
            Exit::Clean,
            uptime_ms,
        );
        self.append(permit, ended, now);
        if let Some(recorder) = &self.running.recorder {
            recorder.disarm();
        }
        if let Some((dump, _)) = past::read_dump(&self.run_files.dump) {
            self.fold(permit, &dump);
        }
        self.run_files.remove();
    }

    /// Sends what waits when it is time, on a thread of its own that ends with the session.
    fn upload(&mut self, permit: &Permit<'_>, now: u64, flushing: bool) -> Upload {
        if self.uploading {
            match lock(&self.running.orders).session.take() {
                Some(backoff) => {
                    self.backoff = backoff;
                    self.uploading = false;
                    self.last_upload_ms = now * 1000;
                }
                None => return Upload::Running,
            }
        }
        let situation = |spool: &Spool| Situation {
            now: now * 1000,
            waiting: spool.len(),
            urgent: flushing || spool.urgent(),
            last: self.last_upload_ms,
            every: self.running.settings.settings.upload_every.as_millis() as u64,
            backoff: self.backoff,
        };
        let mut spool = lock(&self.spool);
        if plan(&situation(&spool)) == Step::Send {
            let context = &self.context;
            let _ = spool.tell_losses(permit, now, |telling| {
                scrub(
                    Observation {
                        id: telling.id,
                        at: now,
                        seen: Seen::Loss(telling.lost.clone()),
                    },
                    context,
                )
            });
        }
        match plan(&situation(&spool)) {
            Step::Rest => Upload::Idle,
            Step::WaitUntil(due_ms) => Upload::Due(due_ms),
            Step::Send => {
                drop(spool);
                self.uploading = self.start_session();
                if self.uploading {
                    Upload::Running
                } else {
                    Upload::Due(now * 1000 + 60_000)
                }
            }
        }
    }

    fn start_session(&self) -> bool {
        let (running, spool, backoff) = (self.running.clone(), self.spool.clone(), self.backoff);
        thread::Builder::new()
            .name("candor-upload".into())
            .spawn(move || {
                let settings = &running.settings.settings;
                let backoff =
                    upload::session(&running.gate, &running.files, settings, &spool, backoff);
                lock(&running.orders).session = Some(backoff);
                running.wake();
            })
            .is_ok()
    }

    fn finish_flush(&self) {
        let left = lock(&self.spool).len();
        let mut orders = lock(&self.running.orders);
        orders.left = left;
        orders.flushes_done = orders.flushes_wanted;
        drop(orders);
        self.running.done.notify_all();
    }
}

/// How the upload stands.
enum Upload {
    /// Nothing waits.
    Idle,
    /// Something waits until this moment, in milliseconds since 1970.
    Due(u64),
    /// A session is on its way.
    Running,
}

/// Takes the directory for this process. `None` when another one keeps it, or the gate closes meanwhile.
fn take_lock(running: &Running) -> Option<File> {
    for _ in 0..LOCK_TRIES {
        let permit = running.gate.permit()?;
        files::make_dir(&running.files.runs()).ok()?;
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(running.files.lock())
            .ok()?;
        if file.try_lock().is_ok() {
            return Some(file);
        }
        drop(permit);
        thread::park_timeout(LOCK_PAUSE);
    }
    // Two processes with one directory: this one leaves no trace.
    RunFiles::new(&running.files, &RunId::from_bytes(running.run)).remove();
    None
}
