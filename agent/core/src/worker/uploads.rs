//! Uploads: sends what waits when it is time, on a thread of its own.

use super::Worker;
use crate::allowed::Allowed;
use crate::capture::{Observation, Seen};
use crate::consent::Permit;
use crate::deidentify::scrub;
use crate::files::Files;
use crate::narrowing;
use crate::spool::Spool;
use crate::upload::plan::{Backoff, Situation, Step, plan};
use crate::upload::{self, lock};
use std::thread;
use std::time::Duration;

/// How the upload stands.
pub(super) enum Upload {
    /// Nothing waits.
    Idle,
    /// Something waits until this moment, in milliseconds since 1970.
    Due(u64),
    /// A session is on its way.
    Running,
}

/// Uploads so far.
#[derive(Debug)]
pub(super) struct Uploads {
    /// When the last session ended, in milliseconds since 1970; 0 for never.
    last_ms: u64,
    /// A session is on its way.
    running: bool,
    backoff: Backoff,
}

impl Uploads {
    pub(super) fn begin(files: &Files) -> Self {
        Self {
            last_ms: 0,
            running: false,
            backoff: upload::load_backoff(files),
        }
    }
}

impl Worker<'_> {
    /// Sends what waits when it is time, on a thread of its own that ends with the session.
    pub(super) fn upload(&mut self, permit: &Permit<'_>, now: u64, flushing: bool) -> Upload {
        if self.uploads.running {
            match lock(&self.running.orders).session.take() {
                Some(backoff) => {
                    self.uploads.backoff = backoff;
                    self.obey();
                    self.uploads.running = false;
                    self.uploads.last_ms = now * 1000;
                }
                None => return Upload::Running,
            }
        }
        let situation = |spool: &Spool| Situation {
            now: now * 1000,
            waiting: spool.len(),
            urgent: flushing || spool.urgent(),
            last: self.uploads.last_ms,
            every: self.upload_every(spool).as_millis() as u64,
            backoff: self.uploads.backoff,
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
                self.uploads.running = self.start_session();
                if self.uploads.running {
                    Upload::Running
                } else {
                    Upload::Due(now * 1000 + 60_000)
                }
            }
        }
    }

    /// Obeys what the collector said last.
    fn obey(&mut self) {
        let running = self.running;
        self.context.allowed = Allowed::of(
            &running.settings.settings,
            &running.consent,
            &narrowing::load(&running.files),
            &self.context.run,
        );
    }

    /// How long what waits may go on waiting.
    fn upload_every(&self, spool: &Spool) -> Duration {
        let every = self.context.allowed.upload_every();
        if spool.is_calm() {
            let settings = &self.running.settings.settings;
            settings.calm_upload_every.max(every)
        } else {
            every
        }
    }

    fn start_session(&self) -> bool {
        let (running, spool, backoff) = (
            self.running.clone(),
            self.spool.clone(),
            self.uploads.backoff,
        );
        thread::Builder::new()
            .name("candor-upload".into())
            .spawn(move || {
                let (gate, files) = (&running.gate, &running.files);
                let backoff = upload::session(gate, files, &running.settings, &spool, backoff);
                lock(&running.orders).session = Some(backoff);
                running.wake();
            })
            .is_ok()
    }
}
