//! The agent's own thread, `candor-watch`: the only one that turns what was seen into reports and writes them.
//!
//! It wakes for a reason: a window that ends, a turn that is due, a panic that was survived, a batch that may be sent,
//! somebody who flushes. In between it is parked. One file for each reason.

mod crashes;
mod freezes;
mod uploads;
mod windows;

use crate::allowed::{Allowed, off_until};
use crate::capture::freeze::rest_ms;
use crate::capture::past::{self, RunFiles};
use crate::capture::run::Run;
use crate::capture::usage::Source;
use crate::capture::{Observation, device};
use crate::clock::{monotonic_micros, unix_seconds};
use crate::consent::Permit;
use crate::deidentify::{Context, scrub};
use crate::files;
use crate::identity::Identity;
use crate::narrowing;
use crate::note::Note;
use crate::running::{Grant, Running};
use crate::spool::quota::Quota;
use crate::spool::{Appended, Spool};
use crate::startup::Streak;
use crate::sunset;
use crate::upload::lock;
use crate::withdrawal;
use candor_crash::coarse_millis;
use candor_protocol::deidentify::RunId;
use candor_protocol::report::Exit;
use freezes::Freezes;
use std::fs::File;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;
use uploads::{Upload, Uploads};
use windows::Windows;

/// The state of the agent's thread.
pub(crate) struct Worker<'a> {
    running: &'a Arc<Running>,
    /// Held for as long as this process uses the directory.
    _lock: File,
    run_files: RunFiles,
    identity: Identity,
    context: Context,
    spool: Arc<Mutex<Spool>>,
    freezes: Freezes,
    windows: Windows,
    uploads: Uploads,
    usage: Source,
    /// When usage was last read, in milliseconds of the coarse clock.
    used_ms: u64,
    /// How many names of breadcrumbs are in the note of the run; `None` before there is one.
    noted: Option<usize>,
    /// When the thread wanted to wake, in milliseconds of the coarse clock.
    wanted_ms: u64,
    maintained_ms: u64,
    expired_unix: u64,
}

/// Without a watch, the thread looks after libraries and threads this often.
const RESTING: Duration = Duration::from_secs(5);
/// A process that used the directory before may take a moment to let go of it.
const LOCK_TRIES: u32 = 25;
const LOCK_PAUSE: Duration = Duration::from_millis(200);
/// How often usage is read; some hundred microseconds each.
const USAGE_EVERY_MS: u64 = 10_000;
/// How often reports are looked at that have waited too long, in seconds.
const EXPIRE_EVERY: u64 = 3600;

impl<'a> Worker<'a> {
    /// Takes the directory, tells of earlier runs, and begins this one. `None` when the agent may not or cannot run.
    pub(crate) fn begin(running: &'a Arc<Running>) -> Option<Self> {
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
        if sunset::has_come(files, &running.settings) {
            // Another process that used the directory was told.
            run_files.remove();
            sunset::finish(files);
            return None;
        }
        withdrawal::go_on(settings);
        if let Some(recorder) = &running.recorder {
            recorder.with(candor_crash::Armed::maintain);
        }
        let narrowing = narrowing::load(files);
        let allowed = Allowed::of(settings, &running.consent, &narrowing, &run);
        let grant = Grant {
            app: running.settings.app.to_string(),
            release: running.settings.release.to_string(),
            collector: settings.collector.clone(),
            consent: running.consent.clone(),
            spool_bytes: settings.spool_bytes,
            spool_reports: settings.spool_reports,
            spool_age_seconds: allowed.spool_age_seconds(settings),
            extras: allowed.extras().to_vec(),
            precision_seconds: settings.precision.seconds(),
        };
        files::save(&permit, &files.grant(), &grant).ok()?;
        let mut identity = Identity::load(files);
        let pseudonym = identity.current(&permit, files, now, allowed.pseudonym_seconds());
        let context = Context {
            run,
            pseudonym: pseudonym.ok()?,
            release: running.settings.release.clone(),
            device: device::read(),
            precision: settings.precision,
            allowed,
        };
        let quota = Quota {
            bytes: settings.spool_bytes,
            reports: settings.spool_reports,
            age_seconds: grant.spool_age_seconds,
        };
        let spool = Spool::open(&permit, files, quota).ok()?;
        let mut worker = Self {
            running,
            _lock: lock_file,
            run_files,
            identity,
            context,
            spool: Arc::new(Mutex::new(spool)),
            freezes: Freezes::new(settings.thread_names),
            windows: Windows::begin(
                now / settings.window.as_secs().max(1),
                running.started_micros,
            ),
            uploads: Uploads::begin(files),
            usage: Source::default(),
            used_ms: 0,
            noted: None,
            wanted_ms: coarse_millis(),
            maintained_ms: coarse_millis(),
            expired_unix: 0,
        };
        worker.note(&permit)?;
        worker.look_at_usage(coarse_millis());
        worker.look_at_network();
        worker.tell_past(&permit, now);
        worker.append(
            &permit,
            past::of_run(&running.run, running.started_unix, Run::default()),
            now,
        );
        Some(worker)
    }

    pub(crate) fn work(&mut self) {
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
        if let Some(stop) = self.told_to_stop(now) {
            if stop == Stop::ForNow {
                self.note_survived_panics(&permit, now, now_ms, true);
                self.follow_watches(&permit, now, now_ms, 0, true);
                self.close_window(&permit, now, u64::MAX);
            }
            drop(permit);
            self.stop(stop);
            return None;
        }
        let late_ms = now_ms.saturating_sub(self.wanted_ms);
        let (flush, flushing, shutdown) = {
            let orders = lock(&self.running.orders);
            let wanted = orders.flushes_wanted;
            (wanted, wanted > orders.flushes_done, orders.shutdown)
        };
        // First of all: no look waits for upkeep.
        let next_look = self.follow_watches(&permit, now, now_ms, late_ms, shutdown);
        // With a watch it also notes that the process lives, which dates the end of a freeze that nobody outlives.
        let maintain_every = self.freezes.look_every().unwrap_or(RESTING);
        if now_ms >= self.maintained_ms + maintain_every.as_millis() as u64 {
            self.maintained_ms = now_ms;
            if let Some(recorder) = &self.running.recorder {
                recorder.with(candor_crash::Armed::maintain);
            }
            self.look_at_network();
        }
        if now_ms >= self.used_ms + USAGE_EVERY_MS {
            self.look_at_usage(now_ms);
        }
        // A name that is not in the note yet is told when it is.
        let _ = self.note(&permit);
        self.note_survived_panics(&permit, now, now_ms, shutdown);
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
        self.freezes.ping();

        let mut pause = Duration::from_secs(window_due.saturating_sub(now).clamp(1, 3600));
        pause = pause.min(self.freezes.look_every().unwrap_or(RESTING));
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
        let rest_ms = rest_ms(pause.as_millis() as u64, next_look, coarse_millis());
        Some(Duration::from_millis(rest_ms))
    }

    /// Notes what a later run needs to tell of this one, unless it is noted already.
    fn note(&mut self, permit: &Permit<'_>) -> Option<()> {
        let crumbs = self.running.recordings.crumbs.noted();
        if self.noted == Some(crumbs.len()) {
            return Some(());
        }
        let names = crumbs.len();
        let note = Note {
            release: self.context.release.clone(),
            device: self.context.device.clone(),
            crumbs,
        };
        files::save(permit, &self.run_files.note, &note).ok()?;
        self.noted = Some(names);
        Some(())
    }

    /// Keeps in the dump what is in use of memory and files: a process that is killed for lack of it cannot say so.
    fn look_at_usage(&mut self, now_ms: u64) {
        self.used_ms = now_ms;
        if let Some(recorder) = &self.running.recorder {
            let usage = self.usage.read();
            recorder.with(|armed| armed.set_usage(&usage));
        }
    }

    /// Keeps a report of what was seen. `None` when nothing of it may leave.
    fn append(
        &mut self,
        permit: &Permit<'_>,
        observation: Observation,
        now: u64,
    ) -> Option<Appended> {
        let seconds = self.context.allowed.pseudonym_seconds();
        let files = &self.running.files;
        if let Ok(pseudonym) = self.identity.current(permit, files, now, seconds) {
            self.context.pseudonym = pseudonym;
        }
        let report = scrub(observation, &self.context)?;
        Some(lock(&self.spool).append(permit, &report, now))
    }

    /// The run ends by the host's decision; nothing of it has to be told by a later one.
    fn end_run(&mut self, permit: &Permit<'_>, now: u64) {
        if !self.run_files.dump.exists() && !self.run_files.note.exists() {
            return;
        }
        let uptime_ms = monotonic_micros().saturating_sub(self.running.started_micros) / 1000;
        let ended = Run {
            exit: Some(Exit::Clean),
            uptime_ms: Some(uptime_ms),
            last: None,
        };
        let running = self.running;
        let ended = past::of_run(&running.run, running.started_unix, ended);
        self.append(permit, ended, now);
        if let Some(recorder) = &self.running.recorder {
            recorder.disarm();
        }
        if let Some((dump, _)) = past::read_dump(&self.run_files.dump) {
            self.fold(permit, &dump);
        }
        self.run_files.remove();
        Streak::default().save(permit, &self.running.files);
    }

    /// Whether somebody outside this process, or the collector, has said that the agent should stop.
    fn told_to_stop(&self, now: u64) -> Option<Stop> {
        let files = &self.running.files;
        if sunset::has_come(files, &self.running.settings) {
            Some(Stop::ForGood)
        } else if withdrawal::overrules(files, &self.running.consent) {
            Some(Stop::Withdrawn)
        } else if lock(&self.running.orders).pause
            || files.paused().exists()
            || off_until(&narrowing::load(files), now).is_some()
        {
            Some(Stop::ForNow)
        } else {
            None
        }
    }

    /// Stops, and leaves no trace of this run but what was recorded: nobody can say how it will end.
    fn stop(&self, stop: Stop) {
        self.running.close();
        self.run_files.remove();
        match stop {
            Stop::ForGood => sunset::finish(&self.running.files),
            Stop::Withdrawn => withdrawal::finish(&self.running.settings.settings),
            Stop::ForNow => {}
        }
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

/// Why an agent stops before its host ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stop {
    /// The service has ended.
    ForGood,
    /// The user has withdrawn, by the inspector.
    Withdrawn,
    /// The user pauses it, by the inspector, or the collector wants nothing for a while.
    ForNow,
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
