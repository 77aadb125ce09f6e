//! The store for when one machine is not enough: any number of collectors, without any state of their own, on one ClickHouse.
//!
//! ClickHouse has no transactions and refuses no row that it has already. Exactly once comes from three things instead:
//!
//! * **The journal.** Reports are inserted, then one block of the journal that says so. A block is one insert, there whole or
//!   not at all; it is what commits. What has no block does not exist.
//! * **Segments.** [`fold`] turns blocks into a segment of the summaries: sums, and who is behind them. It drops every report that an
//!   earlier segment holds. A segment is one insert as well. It names the blocks that it holds and the segments that it stands on.
//! * **One history.** When two collectors fold at the same time, both segments stand on the same ground. [`history`] takes the
//!   same of the two everywhere, so the other one does not count, and its blocks are folded again. A crash in the middle of anything
//!   leaves rows that nothing refers to.
//!
//! Answers come from the segments of one history. A question first folds what was kept since, so that whatever was acknowledged is in
//! its answer; nobody waits for a fold that had nothing to do. Segments are merged as they grow, so that there are few.
//!
//! In a cluster every server has all summaries, and reports are spread over its shards. Where it has three servers or more, two of them have
//! what was committed before the answer, so that any one may go away.

mod address;
mod block;
mod cell;
mod counted;
mod erase;
mod erasures;
mod expire;
mod fold;
mod history;
mod house;
mod journal;
mod ledger;
mod look_back;
mod read;
mod refusal;
mod regroup;
mod schema;
mod server;
mod shared;
mod sql;
mod stamp;
mod sweep;
mod take_in;
mod told;
mod triage;
mod writer;

pub use address::Address;

use super::triage::{By, Change};
use super::{
    Answer, Arrival, ConnectionAnswer, ConnectionFilter, Dimension, Exits, Expired, Expiry,
    FreezeRates, FreezeRow, Groups, Health, Incoming, Intake, IssueFilter, IssueId, IssueList,
    IssuePage, IssueWithin, Kept, Key, Ledger, Move, Of, Part, Point, Population, Quarantine,
    QuarantineRow, ReachList, ReleaseRow, Span, Spreads, Store, StoreError, Unnamed, Waiting,
};
use crate::access::{KeyHash, KeyId};
use crate::state::Clock;
use candor_protocol::deidentify::{AppName, BuildId, Pseudonym, Release, ReportId};
use candor_protocol::report::Report;
use fold::Folder;
use history::History;
use house::Housekeeper;
use read::Ask;
use read::apps::KeyRow;
use server::Server;
use stamp::Stamps;
use std::collections::BTreeMap;
use std::sync::Arc;
use writer::{Job, Writer};

/// The store on a ClickHouse.
pub struct ClickHouseStore {
    server: Arc<Server>,
    folder: Arc<Folder>,
    writer: Writer,
    adding: tokio::sync::Mutex<()>,
    _housekeeper: Housekeeper,
}

impl ClickHouseStore {
    /// Opens the store on a ClickHouse, makes what is missing there, and brings an older one up to date. From then on it keeps house
    /// from time to time.
    ///
    /// # Errors
    /// When no server answers or lets us in, or a newer collector wrote the data.
    pub async fn open(address: &Address) -> Result<Self, StoreError> {
        Self::open_at(address, Clock::system()).await
    }

    /// The same with another clock.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub async fn open_at(address: &Address, clock: Clock) -> Result<Self, StoreError> {
        let server = Arc::new(Server::connect(address).await?);
        schema::migrate(&server).await?;
        let stamps = Arc::new(Stamps::new(clock));
        let folder = Arc::new(Folder::new(server.clone(), stamps.clone()));
        Ok(Self {
            writer: Writer::start(server.clone(), stamps),
            adding: tokio::sync::Mutex::default(),
            _housekeeper: Housekeeper::start(folder.clone()),
            folder,
            server,
        })
    }

    /// Keeps house now: takes what was erased some minutes ago off the disks, drops what does not count any more. `now` is in
    /// seconds since 1970-01-01 UTC.
    ///
    /// # Errors
    /// When ClickHouse cannot be asked.
    pub async fn sweep(&self, now: u64) -> Result<(), StoreError> {
        house::sweep(&self.folder, now).await?;
        house::tidy(&self.folder, now).await
    }

    /// The history that answers what is asked now.
    async fn fresh(&self, app: &AppName) -> Result<Arc<History>, StoreError> {
        self.folder.fresh(app.as_str()).await
    }

    fn ask<'a>(&'a self, history: &'a History) -> Ask<'a> {
        Ask {
            server: &self.server,
            history,
        }
    }

    fn check_open(&self) -> Result<(), StoreError> {
        if self.writer.is_stopped() {
            return Err(StoreError::Stopped);
        }
        Ok(())
    }

    async fn exists(&self, app: &AppName) -> Result<bool, StoreError> {
        Ok(read::apps::names(&self.server)
            .await?
            .contains(app.as_str()))
    }
}

impl Store for ClickHouseStore {
    async fn add_app(&self, app: &AppName, key: KeyHash) -> Result<(), StoreError> {
        self.check_open()?;
        let _alone = self.adding.lock().await;
        if self.exists(app).await? {
            return Err(StoreError::AppExists);
        }
        let now = self.folder.stamps.now();
        let key = KeyRow::new(app, key, 0);
        read::apps::add(&self.server, app, &[key], now).await
    }

    async fn add_key(&self, app: &AppName, key: KeyHash, since: u64) -> Result<(), StoreError> {
        self.check_open()?;
        if !self.exists(app).await? {
            return Err(StoreError::NoApp);
        }
        read::apps::say(&self.server, &[KeyRow::new(app, key, since)]).await
    }

    async fn end_key(&self, app: &AppName, key: KeyId, at: u64) -> Result<bool, StoreError> {
        self.check_open()?;
        read::apps::end(&self.server, app, key, at).await
    }

    async fn keys(&self, app: &AppName) -> Result<Vec<Key>, StoreError> {
        read::apps::keys(&self.server, app).await
    }

    async fn key(&self, key: KeyHash) -> Result<Option<Key>, StoreError> {
        read::apps::key(&self.server, key).await
    }

    async fn writable(&self) -> Result<(), StoreError> {
        self.check_open()?;
        schema::probe(&self.server).await
    }

    async fn intake(&self, app: &AppName, from: u64, to: u64) -> Result<Vec<Intake>, StoreError> {
        let history = self.fresh(app).await?;
        read::ledger::intake(self.ask(&history), from, to).await
    }

    fn keep(
        &self,
        app: &AppName,
        reports: Vec<Incoming>,
        arrived: impl Into<Arrival>,
    ) -> impl Answer<Kept> {
        self.writer
            .ask(app, arrived.into(), move |done| Job::Keep { reports, done })
    }

    fn count_refused(
        &self,
        app: &AppName,
        reason: &'static str,
        reports: u32,
        arrived: impl Into<Arrival>,
    ) -> impl Answer<()> {
        self.writer
            .ask(app, arrived.into(), move |done| Job::CountRefused {
                reason,
                reports,
                done,
            })
    }

    fn quarantine(
        &self,
        app: &AppName,
        reports: Vec<Quarantine>,
        arrived: impl Into<Arrival>,
    ) -> impl Answer<()> {
        self.writer
            .ask(app, arrived.into(), move |done| Job::Quarantine {
                reports,
                done,
            })
    }

    async fn erase(
        &self,
        app: &AppName,
        pseudonyms: &[Pseudonym],
        arrived: u64,
    ) -> Result<u64, StoreError> {
        self.check_open()?;
        if pseudonyms.is_empty() || !self.exists(app).await? {
            return Ok(0);
        }
        self.folder.erase(app.as_str(), pseudonyms, arrived).await
    }

    async fn erase_part(
        &self,
        app: &AppName,
        part: &Part,
        arrived: u64,
    ) -> Result<u64, StoreError> {
        self.check_open()?;
        if !self.exists(app).await? {
            return Ok(0);
        }
        let erased = self.folder.erase_part(app.as_str(), part, arrived).await?;
        match part {
            Part::App => triage::forget_all(&self.server, app.as_str()).await?,
            Part::Release(release) => {
                triage::forget_release(&self.server, app.as_str(), release).await?;
            }
            Part::Range { .. } => {}
        }
        Ok(erased)
    }

    async fn expire(&self, app: &AppName, expiry: Expiry) -> Result<Expired, StoreError> {
        self.check_open()?;
        if !self.exists(app).await? {
            return Ok(Expired::default());
        }
        let expired = self.folder.expire(app.as_str(), &expiry).await?;
        let history = self.fresh(app).await?;
        triage::forget_gone(self.ask(&history)).await?;
        Ok(expired)
    }

    async fn quarantined(&self, app: &AppName) -> Result<Vec<QuarantineRow>, StoreError> {
        let history = self.fresh(app).await?;
        read::privacy::quarantined(self.ask(&history)).await
    }

    async fn reports_of(
        &self,
        app: &AppName,
        pseudonyms: &[Pseudonym],
    ) -> Result<Vec<Report>, StoreError> {
        read::reports::of(&self.server, app, pseudonyms).await
    }

    async fn groups(&self, app: &AppName, of: Of, span: Span) -> Result<Groups, StoreError> {
        let history = self.fresh(app).await?;
        read::privacy::groups(self.ask(&history), of, span).await
    }

    async fn spreads(
        &self,
        app: &AppName,
        dimension: Dimension,
        span: Span,
    ) -> Result<Arc<Spreads>, StoreError> {
        let history = self.fresh(app).await?;
        let spreads = read::privacy::spreads(self.ask(&history), dimension, span).await?;
        Ok(Arc::new(spreads))
    }

    async fn population(&self, app: &AppName, span: Span) -> Result<Vec<Population>, StoreError> {
        let history = self.fresh(app).await?;
        read::privacy::population(self.ask(&history), span).await
    }

    async fn apps(&self) -> Result<Vec<AppName>, StoreError> {
        read::apps::apps(&self.server).await
    }

    async fn ledger(&self, app: &AppName) -> Result<Ledger, StoreError> {
        let history = self.fresh(app).await?;
        read::ledger::ledger(self.ask(&history)).await
    }

    async fn health(&self, app: &AppName, span: Span) -> Result<Health, StoreError> {
        let history = self.fresh(app).await?;
        read::health::health(self.ask(&history), span).await
    }

    async fn trend(&self, app: &AppName, span: Span) -> Result<Vec<Point>, StoreError> {
        let history = self.fresh(app).await?;
        read::health::trend(self.ask(&history), span).await
    }

    async fn exits(&self, app: &AppName, span: Span) -> Result<Exits, StoreError> {
        let history = self.fresh(app).await?;
        read::health::exits(self.ask(&history), span).await
    }

    async fn releases(&self, app: &AppName, span: Span) -> Result<Vec<ReleaseRow>, StoreError> {
        let history = self.fresh(app).await?;
        read::health::releases(self.ask(&history), span).await
    }

    async fn new_issues(
        &self,
        app: &AppName,
        span: Span,
    ) -> Result<BTreeMap<Release, u64>, StoreError> {
        let history = self.fresh(app).await?;
        read::issues::new_by_release(self.ask(&history), span).await
    }

    async fn issues(&self, app: &AppName, filter: IssueFilter) -> Result<IssueList, StoreError> {
        let history = self.fresh(app).await?;
        read::issues::issues(self.ask(&history), &filter).await
    }

    async fn reach(&self, app: &AppName, filter: IssueFilter) -> Result<ReachList, StoreError> {
        let history = self.fresh(app).await?;
        read::issues::reach(self.ask(&history), &filter).await
    }

    async fn issue(
        &self,
        app: &AppName,
        id: IssueId,
        span: Span,
        now: u64,
    ) -> Result<Option<IssuePage>, StoreError> {
        let history = self.fresh(app).await?;
        read::issue::issue(self.ask(&history), id, span, now).await
    }

    async fn numbers(
        &self,
        app: &AppName,
        issues: &[IssueId],
    ) -> Result<BTreeMap<IssueId, Vec<IssueId>>, StoreError> {
        if issues.is_empty() {
            return Ok(BTreeMap::new());
        }
        let history = self.fresh(app).await?;
        read::triage::numbers(self.ask(&history), issues).await
    }

    async fn issue_within(
        &self,
        app: &AppName,
        id: IssueId,
        release: &Release,
        span: Span,
    ) -> Result<IssueWithin, StoreError> {
        let history = self.fresh(app).await?;
        read::issue::issue_within(self.ask(&history), id, release, span).await
    }

    async fn triage(
        &self,
        app: &AppName,
        issues: &[IssueId],
        change: Change,
        by: By,
    ) -> Result<u64, StoreError> {
        self.check_open()?;
        let history = self.fresh(app).await?;
        let stamps = &self.folder.stamps;
        triage::triage(self.ask(&history), stamps, issues, &change, &by).await
    }

    async fn issue_reports(
        &self,
        app: &AppName,
        id: IssueId,
        release: Option<&Release>,
        limit: u32,
        before: Option<ReportId>,
    ) -> Result<Vec<Report>, StoreError> {
        let history = self.fresh(app).await?;
        read::reports::of_issue(self.ask(&history), app, id, release, limit, before).await
    }

    async fn unnamed(&self, app: &AppName) -> Result<Vec<Unnamed>, StoreError> {
        let history = self.fresh(app).await?;
        let history = self.folder.look_back(history).await?;
        read::unnamed::unnamed(self.ask(&history)).await
    }

    async fn waiting(&self, app: &AppName, builds: &[BuildId]) -> Result<Vec<Waiting>, StoreError> {
        let history = self.fresh(app).await?;
        let history = self.folder.look_back(history).await?;
        read::unnamed::waiting(self.ask(&history), builds).await
    }

    async fn reports_in(
        &self,
        app: &AppName,
        issue: IssueId,
        limit: u32,
        before: Option<ReportId>,
    ) -> Result<Vec<Report>, StoreError> {
        let history = self.fresh(app).await?;
        read::reports::of_family(self.ask(&history), app, &[issue.0], None, limit, before).await
    }

    async fn regroup(
        &self,
        app: &AppName,
        from: IssueId,
        moves: Vec<Move>,
        at: u64,
    ) -> Result<u64, StoreError> {
        self.check_open()?;
        self.folder.regroup(app, from.0, &moves, at).await
    }

    async fn relate(
        &self,
        app: &AppName,
        before: IssueId,
        now: IssueId,
        at: u64,
    ) -> Result<(), StoreError> {
        self.check_open()?;
        let history = self.fresh(app).await?;
        let stamps = &self.folder.stamps;
        triage::relate(self.ask(&history), stamps, (before.0, now.0), at).await
    }

    async fn settle(
        &self,
        app: &AppName,
        issue: IssueId,
        waiting: Vec<Waiting>,
        at: u64,
    ) -> Result<(), StoreError> {
        self.check_open()?;
        self.folder.settle(app, issue.0, &waiting, at).await
    }

    async fn issue_of(
        &self,
        app: &AppName,
        report: ReportId,
    ) -> Result<Option<IssueId>, StoreError> {
        let history = self.fresh(app).await?;
        read::reports::issue_of(self.ask(&history), app, report).await
    }

    async fn report(&self, app: &AppName, id: ReportId) -> Result<Option<Report>, StoreError> {
        read::reports::report(&self.server, app, id).await
    }

    async fn freezes(&self, app: &AppName, span: Span) -> Result<Vec<FreezeRow>, StoreError> {
        let history = self.fresh(app).await?;
        read::freezes::freezes(self.ask(&history), span).await
    }

    async fn freeze_rates(&self, app: &AppName, span: Span) -> Result<FreezeRates, StoreError> {
        let history = self.fresh(app).await?;
        read::freezes::rates(self.ask(&history), span).await
    }

    fn stop(&self) -> impl Answer<()> {
        self.writer.stop()
    }

    async fn connections(
        &self,
        app: &AppName,
        filter: ConnectionFilter,
        span: Span,
    ) -> Result<ConnectionAnswer, StoreError> {
        let history = self.fresh(app).await?;
        read::connections::connections(self.ask(&history), &filter, span).await
    }
}

#[cfg(test)]
mod tests;
