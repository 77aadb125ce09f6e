//! The one thread that writes.

use super::crowds::Crowds;
use super::delta::Deltas;
use super::job::{Done, Job, Pending};
use super::open::failed;
use super::words::Words;
use super::{erase, erase_part, expire, keep, regroup, triage};
use crate::access::{KeyHash, KeyId};
use crate::store::{Answer, Arrival, Expired, Quarantine, StoreError};
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior};
use std::collections::HashMap;
use std::thread::JoinHandle;
use tokio::sync::{mpsc, oneshot};

/// Requests that wait for the writing thread. Each holds a batch in memory; the server accepts fewer at a time.
const QUEUE: usize = 1_024;

/// Reports in one transaction. More would make those that came first wait longer for their answer.
const GROUP: usize = 4_000;

/// A handle on the writing thread.
pub(super) struct Writer {
    jobs: mpsc::Sender<Job>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    pub(super) fn start(db: Connection) -> Result<Self, StoreError> {
        let (jobs, queue) = mpsc::channel(QUEUE);
        let thread = std::thread::Builder::new()
            .name("candor-store".to_owned())
            .spawn(move || {
                Loop {
                    db,
                    words: Words::default(),
                    apps: HashMap::new(),
                    crowds: Crowds::default(),
                    empty_log: false,
                }
                .run(queue)
            })
            .map_err(|error| {
                StoreError::Fault(format!("the writing thread could not be started: {error}"))
            })?;
        Ok(Self {
            jobs,
            thread: Some(thread),
        })
    }

    /// Hands a job over at once and answers later.
    pub(super) fn ask<T: Send + 'static>(
        &self,
        job: impl FnOnce(Done<T>) -> Job,
    ) -> impl Answer<T> {
        let (done, answer) = oneshot::channel();
        let sent = self.jobs.try_send(job(done)).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => StoreError::Busy,
            mpsc::error::TrySendError::Closed(_) => StoreError::Stopped,
        });
        async move {
            sent?;
            answer.await.map_err(|_| StoreError::Stopped)?
        }
    }

    pub(super) fn stop(&self) -> impl Answer<()> + use<> {
        let jobs = self.jobs.clone();
        async move {
            let (done, answer) = oneshot::channel();
            // A full queue is waited for; one that is closed is stopped already.
            if jobs.send(Job::Stop { done }).await.is_ok() {
                let _ = answer.await;
            }
            Ok(())
        }
    }
}

impl Drop for Writer {
    /// What was accepted is finished before the store is gone.
    fn drop(&mut self) {
        let (closed, _) = mpsc::channel(1);
        self.jobs = closed;
        if let Some(thread) = self.thread.take() {
            // It has nothing to say: it answers every job, and a panic in it was reported by the hook.
            let _ = thread.join();
        }
    }
}

struct Loop {
    db: Connection,
    words: Words,
    /// Ids of apps by name.
    apps: HashMap<String, i64>,
    crowds: Crowds,
    /// Whether the log may hold what was erased.
    empty_log: bool,
}

impl Loop {
    fn run(mut self, mut queue: mpsc::Receiver<Job>) {
        while let Some(first) = queue.blocking_recv() {
            let mut group = Vec::new();
            let mut weight = 0;
            let mut next = Some(first);
            let mut stop = None;
            while let Some(job) = next.take() {
                if let Job::Stop { done } = job {
                    queue.close();
                    stop = Some(done);
                } else {
                    weight += job.weight();
                    group.push(job);
                }
                if weight < GROUP {
                    next = queue.try_recv().ok();
                }
            }
            self.commit(group);
            if let Some(done) = stop {
                // What was accepted before the queue was closed is still done.
                let mut rest = Vec::new();
                while let Ok(job) = queue.try_recv() {
                    rest.push(job);
                }
                self.commit(rest);
                let _ = done.send(Ok(()));
                return;
            }
        }
    }

    /// Does all of a group in one transaction, then answers. When it cannot be committed, none of it is done.
    fn commit(&mut self, group: Vec<Job>) {
        if group.is_empty() {
            return;
        }
        let Self {
            db,
            words,
            apps,
            crowds,
            ..
        } = self;
        let tx = match db.transaction_with_behavior(TransactionBehavior::Immediate) {
            Ok(tx) => tx,
            Err(error) => {
                let error = report(error);
                return group.into_iter().for_each(|job| job.fail(&error));
            }
        };
        let mut work = Work {
            tx: &tx,
            words,
            apps,
            crowds,
            deltas: Deltas::default(),
        };
        let mut pending = Vec::with_capacity(group.len());
        let mut jobs = group.into_iter();
        let mut erased = false;
        let mut outcome = Ok(());
        for job in jobs.by_ref() {
            erased |= job.forgets();
            match work.apply(job) {
                Ok(done) => pending.push(done),
                Err((done, error)) => {
                    pending.push(done);
                    outcome = Err(error);
                    break;
                }
            }
        }
        let outcome = outcome
            .and_then(|()| work.finish())
            .and_then(|()| tx.commit());
        if let Err(error) = outcome {
            let error = report(error);
            words.clear();
            apps.clear();
            crowds.clear();
            pending.into_iter().for_each(|done| done.fail(&error));
            jobs.for_each(|job| job.fail(&error));
            return;
        }
        self.empty_log |= erased;
        if self.empty_log {
            self.empty_log();
        }
        pending.into_iter().for_each(Pending::commit);
    }

    /// Writes the log back and empties it: what was erased is in it until then.
    fn empty_log(&mut self) {
        // What is free goes back to the system, as far as the database was made so that it can.
        if let Err(error) = self.db.execute_batch("PRAGMA incremental_vacuum") {
            tracing::warn!(%error, "the space of what was erased is not given back yet");
        }
        let busy = self
            .db
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0));
        match busy {
            Ok(false) => self.empty_log = false,
            Ok(true) => tracing::warn!(
                "the log still holds what was erased, since it is being read; the next write tries again"
            ),
            Err(error) => {
                tracing::warn!(%error, "the log still holds what was erased; the next write tries again")
            }
        }
    }
}

/// Says why a transaction was given up, to the log and to those who wait.
fn report(error: rusqlite::Error) -> StoreError {
    let error = failed(error);
    tracing::error!(%error, "nothing of a group was written");
    error
}

/// One transaction under way.
pub(super) struct Work<'a> {
    pub(super) tx: &'a Transaction<'a>,
    pub(super) words: &'a mut Words,
    apps: &'a mut HashMap<String, i64>,
    pub(super) crowds: &'a mut Crowds,
    pub(super) deltas: Deltas,
}

impl Work<'_> {
    /// Does one job; what it changes in summaries is collected for the end of the transaction.
    fn apply(&mut self, job: Job) -> Result<Pending, (Pending, rusqlite::Error)> {
        match job {
            Job::AddApp { app, key, done } => match self.add_app(app.as_str(), key.as_bytes()) {
                Ok(answer) => Ok(Pending::Nothing(done, answer)),
                Err(error) => Err((Pending::Nothing(done, Ok(())), error)),
            },
            Job::Keep {
                app,
                reports,
                arrived,
                done,
            } => match keep::keep(self, app.as_str(), reports, arrived) {
                Ok(kept) => Ok(Pending::Kept(done, kept)),
                Err(error) => Err((Pending::Kept(done, Err(StoreError::Stopped)), error)),
            },
            Job::CountRefused {
                app,
                reason,
                reports,
                arrived,
                done,
            } => {
                let counted = self.app(app.as_str()).map(|app| {
                    if let Some(app) = app {
                        self.deltas
                            .ledger(app, arrived, "refused", "", reason, u64::from(reports));
                    }
                });
                match counted {
                    Ok(()) => Ok(Pending::Nothing(done, Ok(()))),
                    Err(error) => Err((Pending::Nothing(done, Ok(())), error)),
                }
            }
            Job::Erase {
                app,
                pseudonyms,
                arrived,
                done,
            } => match erase::erase(self, app.as_str(), &pseudonyms, arrived) {
                Ok(reports) => Ok(Pending::Done(done, reports)),
                Err(error) => Err((Pending::Done(done, 0), error)),
            },
            Job::ErasePart {
                app,
                part,
                arrived,
                done,
            } => match erase_part::erase_part(self, app.as_str(), &part, arrived) {
                Ok(reports) => Ok(Pending::Done(done, reports)),
                Err(error) => Err((Pending::Done(done, 0), error)),
            },
            Job::Expire { app, expiry, done } => {
                match expire::expire(self, app.as_str(), &expiry) {
                    Ok(expired) => Ok(Pending::Expired(done, expired)),
                    Err(error) => Err((Pending::Expired(done, Expired::default()), error)),
                }
            }
            Job::Quarantine {
                app,
                reports,
                arrived,
                done,
            } => match self.quarantine(app.as_str(), &reports, arrived) {
                Ok(()) => Ok(Pending::Nothing(done, Ok(()))),
                Err(error) => Err((Pending::Nothing(done, Ok(())), error)),
            },
            Job::Triage {
                app,
                issues,
                change,
                by,
                done,
            } => match triage::triage(self, app.as_str(), &issues, &change, &by) {
                Ok(issues) => Ok(Pending::Done(done, issues)),
                Err(error) => Err((Pending::Done(done, 0), error)),
            },
            Job::Regroup {
                app,
                from,
                moves,
                at,
                done,
            } => match regroup::regroup(self, app.as_str(), from, &moves, at) {
                Ok(moved) => Ok(Pending::Done(done, moved)),
                Err(error) => Err((Pending::Done(done, 0), error)),
            },
            Job::Relate {
                app,
                before,
                now,
                at,
                done,
            } => match triage::relate(self, app.as_str(), before, now, at) {
                Ok(()) => Ok(Pending::Nothing(done, Ok(()))),
                Err(error) => Err((Pending::Nothing(done, Ok(())), error)),
            },
            Job::Settle {
                app,
                issue,
                waiting,
                at,
                done,
            } => match regroup::settle(self, app.as_str(), issue, &waiting, at) {
                Ok(()) => Ok(Pending::Nothing(done, Ok(()))),
                Err(error) => Err((Pending::Nothing(done, Ok(())), error)),
            },
            Job::AddKey {
                app,
                key,
                since,
                done,
            } => match self.add_key(app.as_str(), key, since) {
                Ok(answer) => Ok(Pending::Nothing(done, answer)),
                Err(error) => Err((Pending::Nothing(done, Ok(())), error)),
            },
            Job::EndKey { app, key, at, done } => match self.end_key(app.as_str(), key, at) {
                Ok(known) => Ok(Pending::Ended(done, known)),
                Err(error) => Err((Pending::Ended(done, false), error)),
            },
            Job::Probe { done } => match self.probe() {
                Ok(()) => Ok(Pending::Nothing(done, Ok(()))),
                Err(error) => Err((Pending::Nothing(done, Ok(())), error)),
            },
            Job::Stop { done } => Ok(Pending::Nothing(done, Ok(()))),
        }
    }

    fn finish(self) -> rusqlite::Result<()> {
        self.deltas.write(self.tx)
    }

    /// The id of an app.
    pub(super) fn app(&mut self, name: &str) -> rusqlite::Result<Option<i64>> {
        if let Some(id) = self.apps.get(name) {
            return Ok(Some(*id));
        }
        let mut query = self
            .tx
            .prepare_cached("SELECT id FROM app WHERE name = ?")?;
        let id: Option<i64> = query.query_row([name], |row| row.get(0)).optional()?;
        if let Some(id) = id {
            self.apps.insert(name.to_owned(), id);
        }
        Ok(id)
    }

    fn quarantine(
        &mut self,
        app: &str,
        reports: &[Quarantine],
        arrived: Arrival,
    ) -> rusqlite::Result<()> {
        let Some(app) = self.app(app)? else {
            return Ok(());
        };
        let day = (arrived.at - arrived.at % 86_400) as i64;
        for report in reports {
            let release = report
                .release
                .as_ref()
                .map_or("", |release| release.as_str());
            self.tx
                .prepare_cached(
                    "INSERT INTO quarantine (app, day, release, field, reason, reports) VALUES (?, ?, ?, ?, ?, 1)
                     ON CONFLICT DO UPDATE SET reports = reports + 1",
                )?
                .execute((app, day, release, report.field, report.reason))?;
        }
        self.deltas.ledger(
            app,
            arrived,
            "refused",
            "",
            "quarantined",
            reports.len() as u64,
        );
        Ok(())
    }

    fn add_key(
        &mut self,
        app: &str,
        key: KeyHash,
        since: u64,
    ) -> rusqlite::Result<Result<(), StoreError>> {
        let Some(app) = self.app(app)? else {
            return Ok(Err(StoreError::NoApp));
        };
        self.tx.execute(
            "INSERT INTO ingest_key (hash, app, since) VALUES (?, ?, ?)",
            (key.as_bytes(), app, since),
        )?;
        Ok(Ok(()))
    }

    fn end_key(&mut self, app: &str, key: KeyId, at: u64) -> rusqlite::Result<bool> {
        let Some(app) = self.app(app)? else {
            return Ok(false);
        };
        let changed = self.tx.execute(
            "UPDATE ingest_key SET until = min(coalesce(until, ?3), ?3)
             WHERE app = ?1 AND lower(hex(substr(hash, 1, 4))) = ?2",
            (app, key.to_string(), at),
        )?;
        Ok(changed > 0)
    }

    /// Writes the version that is there already, so that a page goes to the disk.
    fn probe(&self) -> rusqlite::Result<()> {
        let version: i64 = self
            .tx
            .query_row("PRAGMA user_version", [], |row| row.get(0))?;
        self.tx.pragma_update(None, "user_version", version)
    }

    fn add_app(&mut self, name: &str, key: &[u8; 32]) -> rusqlite::Result<Result<(), StoreError>> {
        if self.app(name)?.is_some() {
            return Ok(Err(StoreError::AppExists));
        }
        self.tx
            .execute("INSERT INTO app (name) VALUES (?)", [name])?;
        let app = self.tx.last_insert_rowid();
        self.tx.execute(
            "INSERT INTO ingest_key (hash, app) VALUES (?, ?)",
            (key, app),
        )?;
        Ok(Ok(()))
    }
}
