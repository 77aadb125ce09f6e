//! Keeping reports: one task writes, many requests at once.

use super::block::{Block, IssueRow, Seen};
use super::erasures::Tombstones;
use super::fold::{StampRow, held};
use super::journal::JournalRow;
use super::server::{Again, Server};
use super::sql;
use super::stamp::{Stamp, Stamps};
use crate::store::{Answer, Arrival, Incoming, Kept, Quarantine, StoreError, ids};
use candor_protocol::deidentify::AppName;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

/// Requests that wait. Each holds a batch in memory; the server accepts fewer at a time.
const QUEUE: usize = 1_024;
/// Reports in one block. More would make those that came first wait longer for their answer.
const GROUP: usize = 4_000;
/// The least time between two blocks: ClickHouse wants few large inserts.
const PACE: Duration = Duration::from_millis(50);
/// Issues that are remembered to be known.
const REMEMBERED: usize = 50_000;
/// After this many seconds it is said again what an issue is, since what was not heard of for a day is forgotten.
const SAID: u64 = 12 * 3_600;

/// Where the answer goes. Whoever asked may have gone; then nobody hears it.
type Done<T> = oneshot::Sender<Result<T, StoreError>>;

/// What the writing task is asked to do.
pub(super) enum Job {
    Keep {
        reports: Vec<Incoming>,
        done: Done<Kept>,
    },
    CountRefused {
        reason: &'static str,
        reports: u32,
        done: Done<()>,
    },
    Quarantine {
        reports: Vec<Quarantine>,
        done: Done<()>,
    },
}

enum Message {
    Work {
        app: AppName,
        arrived: Arrival,
        job: Job,
    },
    Stop(Done<()>),
}

impl Job {
    fn weight(&self) -> usize {
        match self {
            Self::Keep { reports, .. } => reports.len(),
            Self::CountRefused { .. } | Self::Quarantine { .. } => 1,
        }
    }

    fn fail(self, error: &StoreError) {
        let error = error.clone();
        let _ = match self {
            Self::Keep { done, .. } => done.send(Err(error)).is_ok(),
            Self::CountRefused { done, .. } | Self::Quarantine { done, .. } => {
                done.send(Err(error)).is_ok()
            }
        };
    }
}

/// An answer that is given once the block is committed.
pub(super) enum Pending {
    Kept(Done<Kept>, Kept),
    Counted(Done<()>),
}

impl Pending {
    fn answer(self, outcome: &Result<(), StoreError>) {
        let _ = match self {
            Self::Kept(done, kept) => done.send(outcome.clone().map(|()| kept)).is_ok(),
            Self::Counted(done) => done.send(outcome.clone()).is_ok(),
        };
    }
}

/// A handle on the writing task.
pub(super) struct Writer {
    messages: mpsc::Sender<Message>,
}

impl Writer {
    pub(super) fn start(server: Arc<Server>, stamps: Arc<Stamps>) -> Self {
        let (messages, queue) = mpsc::channel(QUEUE);
        let writing = Loop {
            server,
            stamps,
            apps: HashSet::new(),
            issues: HashMap::new(),
        };
        tokio::spawn(writing.run(queue));
        Self { messages }
    }

    /// Hands a job over at once and answers later.
    pub(super) fn ask<T: Send + 'static>(
        &self,
        app: &AppName,
        arrived: Arrival,
        job: impl FnOnce(Done<T>) -> Job,
    ) -> impl Answer<T> {
        let (done, answer) = oneshot::channel();
        let work = Message::Work {
            app: app.clone(),
            arrived,
            job: job(done),
        };
        let sent = self.messages.try_send(work).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => StoreError::Busy,
            mpsc::error::TrySendError::Closed(_) => StoreError::Stopped,
        });
        async move {
            sent?;
            answer.await.map_err(|_| StoreError::Stopped)?
        }
    }

    /// Whether it was told to stop.
    pub(super) fn is_stopped(&self) -> bool {
        self.messages.is_closed()
    }

    pub(super) fn stop(&self) -> impl Answer<()> + use<> {
        let messages = self.messages.clone();
        async move {
            let (done, answer) = oneshot::channel();
            // A full queue is waited for; one that is closed is stopped already.
            if messages.send(Message::Stop(done)).await.is_ok() {
                let _ = answer.await;
            }
            Ok(())
        }
    }
}

struct Loop {
    server: Arc<Server>,
    stamps: Arc<Stamps>,
    /// Apps that are known to exist. None is ever taken back.
    apps: HashSet<AppName>,
    /// Issues, and when it was last said what they are.
    issues: HashMap<(AppName, u64), u64>,
}

type Work = (AppName, Arrival, Job);

impl Loop {
    async fn run(mut self, mut queue: mpsc::Receiver<Message>) {
        let mut next_block = Instant::now();
        while let Some(first) = queue.recv().await {
            // What arrives meanwhile goes along.
            tokio::time::sleep_until(next_block).await;
            next_block = Instant::now() + PACE;
            let mut group: Vec<Work> = Vec::new();
            let mut weight = 0;
            let mut next = Some(first);
            let mut stop = None;
            while let Some(message) = next.take() {
                match message {
                    Message::Work { app, arrived, job } => {
                        weight += job.weight();
                        group.push((app, arrived, job));
                    }
                    Message::Stop(done) => {
                        queue.close();
                        stop = Some(done);
                    }
                }
                if weight < GROUP {
                    next = queue.try_recv().ok();
                }
            }
            self.commit(group).await;
            if let Some(done) = stop {
                // What was accepted before the queue was closed is still done.
                let mut rest = Vec::new();
                let mut others = vec![done];
                while let Ok(message) = queue.try_recv() {
                    match message {
                        Message::Work { app, arrived, job } => rest.push((app, arrived, job)),
                        Message::Stop(done) => others.push(done),
                    }
                }
                self.commit(rest).await;
                for done in others {
                    let _ = done.send(Ok(()));
                }
                return;
            }
        }
    }

    /// Does all of a group in one block, then answers. When it is not committed, none of it is done.
    async fn commit(&mut self, group: Vec<Work>) {
        let mut by_app: HashMap<AppName, Vec<(Arrival, Job)>> = HashMap::new();
        for (app, arrived, job) in group {
            by_app.entry(app).or_default().push((arrived, job));
        }
        let mut block = Block::new(self.stamps.next());
        let mut pending = Vec::new();
        for (app, jobs) in by_app {
            match self.exists(&app).await {
                Ok(true) => {}
                Ok(false) => {
                    jobs.into_iter().for_each(|(_, job)| match job {
                        Job::Keep { done, .. } => {
                            let _ = done.send(Err(StoreError::NoApp));
                        }
                        // There is no ledger to count it in.
                        Job::CountRefused { done, .. } | Job::Quarantine { done, .. } => {
                            let _ = done.send(Ok(()));
                        }
                    });
                    continue;
                }
                Err(error) => {
                    report(&error);
                    jobs.into_iter().for_each(|(_, job)| job.fail(&error));
                    continue;
                }
            }
            match self.look(&app, &jobs).await {
                Ok(seen) => block.take(&app, jobs, seen, &mut pending),
                Err(error) => {
                    report(&error);
                    jobs.into_iter().for_each(|(_, job)| job.fail(&error));
                }
            }
        }
        let outcome = self.insert(block).await;
        if let Err(error) = &outcome {
            report(error);
        }
        pending
            .into_iter()
            .for_each(|pending| pending.answer(&outcome));
    }

    async fn exists(&mut self, app: &AppName) -> Result<bool, StoreError> {
        if self.apps.contains(app) {
            return Ok(true);
        }
        let question = format!(
            "SELECT count() AS count FROM app WHERE name = {}",
            sql::text(app.as_str())
        );
        let exists = self.server.count(&question).await? > 0;
        if exists {
            self.apps.insert(app.clone());
        }
        Ok(exists)
    }

    /// What has to be known of an app's reports before they are kept.
    async fn look(&self, app: &AppName, jobs: &[(Arrival, Job)]) -> Result<Seen, StoreError> {
        let reports: Vec<_> = jobs
            .iter()
            .filter_map(|(_, job)| match job {
                Job::Keep { reports, .. } => Some(reports),
                _ => None,
            })
            .flatten()
            .map(|incoming| {
                let report = &incoming.report;
                (ids::pseudonym(&report.pseudonym), ids::report(&report.id))
            })
            .collect();
        if reports.is_empty() {
            return Ok(Seen::default());
        }
        let pseudonyms: BTreeSet<_> = reports.iter().map(|(pseudonym, _)| *pseudonym).collect();
        let (tombstones, held) = tokio::try_join!(
            Tombstones::read(&self.server, app.as_str(), pseudonyms),
            held(&self.server, app.as_str(), &reports)
        )?;
        let blocks: BTreeSet<Stamp> = held.iter().map(|held| held.block).collect();
        let committed = committed(&self.server, app.as_str(), &blocks).await?;
        let kept = held
            .into_iter()
            .filter(|held| committed.contains(&held.block))
            .map(|held| held.id)
            .collect();
        Ok(Seen { tombstones, kept })
    }

    async fn insert(&mut self, block: Block) -> Result<(), StoreError> {
        let Block {
            stamp,
            reports,
            entries,
            issues,
            ..
        } = block;
        let now = self.stamps.now();
        let new: Vec<_> = issues
            .into_iter()
            .filter(|((app, id), _)| {
                let said = self.issues.get(&(app.clone(), *id));
                said.is_none_or(|said| now >= said + SAID)
            })
            .collect();
        let rows: Result<Vec<IssueRow>, StoreError> = new
            .iter()
            .map(|((app, _), issue)| IssueRow::of(app, issue, stamp))
            .collect();
        self.server.insert("issue", &rows?, Again::Harmless).await?;
        self.server
            .insert("report", &reports, Again::Harmless)
            .await?;
        let entries: Result<Vec<JournalRow>, StoreError> = entries
            .iter()
            .enumerate()
            .map(|(seq, (app, entry))| entry.row(app.as_str(), stamp, seq as u32))
            .collect();
        // This is what commits: one insert is one part.
        self.server
            .insert("journal", &entries?, Again::Harmless)
            .await?;
        if self.issues.len() + new.len() > REMEMBERED {
            self.issues.clear();
        }
        self.issues
            .extend(new.into_iter().map(|(key, _)| (key, now)));
        Ok(())
    }
}

/// Says why nothing was kept.
fn report(error: &StoreError) {
    tracing::error!(%error, "nothing of a group was written");
}

/// Which of these blocks are committed: they are in the journal, or were when they were folded.
pub(super) async fn committed(
    server: &Server,
    app: &str,
    blocks: &BTreeSet<Stamp>,
) -> Result<HashSet<Stamp>, StoreError> {
    if blocks.is_empty() {
        return Ok(HashSet::new());
    }
    let app = sql::text(app);
    let blocks = sql::list(blocks, |block| sql::bytes(&block.0));
    let rows: Vec<StampRow> = server
        .rows(&format!(
            "SELECT DISTINCT block FROM journal WHERE app = {app} AND block IN {blocks}
             UNION ALL
             SELECT DISTINCT key FROM summary WHERE app = {app} AND what = 'block' AND key IN {blocks}"
        ))
        .await?;
    Ok(rows.into_iter().map(|row| row.stamp).collect())
}
