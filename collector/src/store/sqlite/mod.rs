//! The embedded store: SQLite in one directory.
//!
//! One thread writes. It takes everything that is waiting, does it in one transaction, and answers when that is on disk, so
//! that a busy collector pays for one flush where many requests wait. Readers have connections of their own and see the
//! last commit.

mod class;
mod copy;
mod crowds;
mod delta;
mod erase;
mod erase_part;
mod expire;
mod installs;
mod job;
mod keep;
mod meetings;
mod open;
mod past;
mod present;
mod read;
mod readers;
mod recent;
mod regroup;
mod remembered;
mod run;
mod schema;
mod source;
mod spread;
mod stamp;
mod sweep;
mod triage;
mod words;
mod writer;

use super::triage::{By, Change};
use super::{
    Answer, Arrival, ConnectionAnswer, ConnectionFilter, Dimension, Exits, Expired, Expiry,
    FreezeRates, FreezeRow, Groups, Health, Incoming, Intake, IssueFilter, IssueId, IssueList,
    IssuePage, IssueWithin, Kept, Key, Ledger, Move, Of, Part, Point, Population, Quarantine,
    QuarantineRow, ReachList, ReleaseRow, Span, Spreads, Store, StoreError, Unnamed, Waiting,
};
use crate::access::{KeyHash, KeyId};
use candor_protocol::deidentify::{AppName, BuildId, Pseudonym, Release, ReportId};
use candor_protocol::report::Report;
pub use copy::Checked;
use job::Job;
pub use open::{CACHE_MIB, MOST_CACHE_MIB};
use readers::Readers;
pub(super) use source::Source;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use writer::Writer;

/// The embedded store.
pub struct SqliteStore {
    writer: Writer,
    readers: Readers,
}

impl SqliteStore {
    /// Opens the store in the directory `data`, which is made when it does not exist, and brings an older one up to date.
    ///
    /// # Errors
    /// When the directory or the database cannot be used, or a newer collector wrote it.
    pub fn open(data: &Path) -> Result<Self, StoreError> {
        Self::open_with(data, CACHE_MIB)
    }

    /// The same, with so many MiB of pages of the database in memory while it is written, up to 65,536. A report changes some ten
    /// pages that lie far apart: when they are many more than these, most are read and written back for one change.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_with(data: &Path, cache_mib: u32) -> Result<Self, StoreError> {
        let writing = open::for_writing(data, cache_mib)?;
        let readers = Readers::open(data)?;
        Ok(Self {
            writer: Writer::start(writing)?,
            readers,
        })
    }

    /// The JSON of every report that is kept in the directory `data`. Bodies are packed, so whoever looks for something that must not
    /// be in any file has to look at these as well.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn bodies(data: &Path) -> Result<Vec<String>, StoreError> {
        copy::bodies(data)
    }

    /// Copies the database in the directory `data` into the directory `to`, as it is at one moment, while others write.
    ///
    /// # Errors
    /// When there is no database, or one in `to`, or the disk is full.
    pub fn copy(data: &Path, to: &Path) -> Result<(), StoreError> {
        copy::copy(data, to)
    }

    /// Checks every page of the database in the directory `data`, every reference, and every report.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn check(data: &Path) -> Result<Checked, StoreError> {
        copy::check(data)
    }
}

impl Store for SqliteStore {
    fn add_app(&self, app: &AppName, key: KeyHash) -> impl Answer<()> {
        self.writer.ask(move |done| Job::AddApp {
            app: app.clone(),
            key,
            done,
        })
    }

    fn add_key(&self, app: &AppName, key: KeyHash, since: u64) -> impl Answer<()> {
        self.writer.ask(move |done| Job::AddKey {
            app: app.clone(),
            key,
            since,
            done,
        })
    }

    fn end_key(&self, app: &AppName, key: KeyId, at: u64) -> impl Answer<bool> {
        self.writer.ask(move |done| Job::EndKey {
            app: app.clone(),
            key,
            at,
            done,
        })
    }

    fn keys(&self, app: &AppName) -> impl Answer<Vec<Key>> {
        self.readers.ask_about(app, read::apps::keys)
    }

    fn key(&self, key: KeyHash) -> impl Answer<Option<Key>> {
        self.readers.ask(move |db| read::apps::key(db, key))
    }

    fn writable(&self) -> impl Answer<()> {
        self.writer.ask(|done| Job::Probe { done })
    }

    fn intake(&self, app: &AppName, from: u64, to: u64) -> impl Answer<Vec<Intake>> {
        self.readers
            .ask_about(app, move |db, app| read::ledger::intake(db, app, from, to))
    }

    fn keep(
        &self,
        app: &AppName,
        reports: Vec<Incoming>,
        arrived: impl Into<Arrival>,
    ) -> impl Answer<Kept> {
        let arrived = arrived.into();
        self.writer.ask(move |done| Job::Keep {
            app: app.clone(),
            reports,
            arrived,
            done,
        })
    }

    fn count_refused(
        &self,
        app: &AppName,
        reason: &'static str,
        reports: u32,
        arrived: impl Into<Arrival>,
    ) -> impl Answer<()> {
        let arrived = arrived.into();
        self.writer.ask(move |done| Job::CountRefused {
            app: app.clone(),
            reason,
            reports,
            arrived,
            done,
        })
    }

    fn erase(&self, app: &AppName, pseudonyms: &[Pseudonym], arrived: u64) -> impl Answer<u64> {
        self.writer.ask(move |done| Job::Erase {
            app: app.clone(),
            pseudonyms: pseudonyms.to_vec(),
            arrived,
            done,
        })
    }

    fn erase_part(&self, app: &AppName, part: &Part, arrived: u64) -> impl Answer<u64> {
        self.writer.ask(move |done| Job::ErasePart {
            app: app.clone(),
            part: part.clone(),
            arrived,
            done,
        })
    }

    fn expire(&self, app: &AppName, expiry: Expiry) -> impl Answer<Expired> {
        self.writer.ask(move |done| Job::Expire {
            app: app.clone(),
            expiry,
            done,
        })
    }

    fn quarantine(
        &self,
        app: &AppName,
        reports: Vec<Quarantine>,
        arrived: impl Into<Arrival>,
    ) -> impl Answer<()> {
        let arrived = arrived.into();
        self.writer.ask(move |done| Job::Quarantine {
            app: app.clone(),
            reports,
            arrived,
            done,
        })
    }

    fn quarantined(&self, app: &AppName) -> impl Answer<Vec<QuarantineRow>> {
        self.readers.ask_about(app, read::privacy::quarantined)
    }

    fn reports_of(&self, app: &AppName, pseudonyms: &[Pseudonym]) -> impl Answer<Vec<Report>> {
        let pseudonyms = pseudonyms.to_vec();
        self.readers
            .ask_about(app, move |db, app| read::reports::of(db, app, &pseudonyms))
    }

    fn groups(&self, app: &AppName, of: Of, span: Span) -> impl Answer<Groups> {
        self.readers.recall(app, move |db, app, known| {
            read::privacy::groups(db, app, of, span, known)
        })
    }

    fn spreads(
        &self,
        app: &AppName,
        dimension: Dimension,
        span: Span,
    ) -> impl Answer<Arc<Spreads>> {
        self.readers.recall(app, move |db, app, known| {
            read::privacy::spreads(db, app, dimension, span, known)
        })
    }

    fn population(&self, app: &AppName, span: Span) -> impl Answer<Vec<Population>> {
        self.readers
            .ask_about(app, move |db, app| read::privacy::population(db, app, span))
    }

    fn stop(&self) -> impl Answer<()> {
        self.writer.stop()
    }

    fn apps(&self) -> impl Answer<Vec<AppName>> {
        self.readers.ask(read::apps::apps)
    }

    fn ledger(&self, app: &AppName) -> impl Answer<Ledger> {
        self.readers.ask_about(app, read::ledger::ledger)
    }

    fn health(&self, app: &AppName, span: Span) -> impl Answer<Health> {
        self.readers
            .ask_about(app, move |db, app| read::health::health(db, app, span))
    }

    fn trend(&self, app: &AppName, span: Span) -> impl Answer<Vec<Point>> {
        // Steps stand in the answer whether or not the app exists.
        let app = app.clone();
        self.readers.ask(move |db| {
            let app = read::apps::id(db, &app)?;
            read::health::trend(db, app, span)
        })
    }

    fn exits(&self, app: &AppName, span: Span) -> impl Answer<Exits> {
        // Steps stand in the answer whether or not the app exists.
        let app = app.clone();
        self.readers.ask(move |db| {
            let app = read::apps::id(db, &app)?;
            read::health::exits(db, app, span)
        })
    }

    fn releases(&self, app: &AppName, span: Span) -> impl Answer<Vec<ReleaseRow>> {
        self.readers
            .ask_about(app, move |db, app| read::health::releases(db, app, span))
    }

    fn new_issues(&self, app: &AppName, span: Span) -> impl Answer<BTreeMap<Release, u64>> {
        self.readers.recall(app, move |db, app, known| {
            read::issues::new_by_release(db, app, span, known)
        })
    }

    fn issues(&self, app: &AppName, filter: IssueFilter) -> impl Answer<IssueList> {
        self.readers.recall(app, move |db, app, known| {
            read::issues::issues(db, app, &filter, known)
        })
    }

    fn reach(&self, app: &AppName, filter: IssueFilter) -> impl Answer<ReachList> {
        self.readers.recall(app, move |db, app, known| {
            read::issues::reach(db, app, &filter, known)
        })
    }

    fn issue(
        &self,
        app: &AppName,
        id: IssueId,
        span: Span,
        now: u64,
    ) -> impl Answer<Option<IssuePage>> {
        self.readers.recall(app, move |db, app, known| {
            read::issue::issue(db, app, id, span, now, known)
        })
    }

    fn numbers(
        &self,
        app: &AppName,
        issues: &[IssueId],
    ) -> impl Answer<BTreeMap<IssueId, Vec<IssueId>>> {
        let issues = issues.to_vec();
        self.readers.recall(app, move |db, app, known| {
            read::triage::numbers(db, app, &issues, &known.decided(db, app)?.marks)
        })
    }

    fn issue_within(
        &self,
        app: &AppName,
        id: IssueId,
        release: &Release,
        span: Span,
    ) -> impl Answer<IssueWithin> {
        let release = release.clone();
        self.readers.recall(app, move |db, app, known| {
            read::issue::within(db, app, id, &release, span, known)
        })
    }

    fn triage(
        &self,
        app: &AppName,
        issues: &[IssueId],
        change: Change,
        by: By,
    ) -> impl Answer<u64> {
        self.writer.ask(move |done| Job::Triage {
            app: app.clone(),
            issues: issues.to_vec(),
            change,
            by,
            done,
        })
    }

    fn issue_reports(
        &self,
        app: &AppName,
        id: IssueId,
        release: Option<&Release>,
        limit: u32,
        before: Option<ReportId>,
    ) -> impl Answer<Vec<Report>> {
        let release = release.cloned();
        self.readers.recall(app, move |db, app, known| {
            read::reports::of_issue(db, app, id, release.as_ref(), limit, before, known)
        })
    }

    fn unnamed(&self, app: &AppName) -> impl Answer<Vec<Unnamed>> {
        self.readers.ask_about(app, read::unnamed::unnamed)
    }

    fn waiting(&self, app: &AppName, builds: &[BuildId]) -> impl Answer<Vec<Waiting>> {
        let builds = builds.to_vec();
        self.readers
            .ask_about(app, move |db, app| read::unnamed::waiting(db, app, &builds))
    }

    fn reports_in(
        &self,
        app: &AppName,
        issue: IssueId,
        limit: u32,
        before: Option<ReportId>,
    ) -> impl Answer<Vec<Report>> {
        self.readers.ask_about(app, move |db, app| {
            read::reports::of_family(db, app, &[issue.0], None, limit, before)
        })
    }

    fn regroup(&self, app: &AppName, from: IssueId, moves: Vec<Move>, at: u64) -> impl Answer<u64> {
        self.writer.ask(move |done| Job::Regroup {
            app: app.clone(),
            from,
            moves,
            at,
            done,
        })
    }

    fn relate(&self, app: &AppName, before: IssueId, now: IssueId, at: u64) -> impl Answer<()> {
        self.writer.ask(move |done| Job::Relate {
            app: app.clone(),
            before,
            now,
            at,
            done,
        })
    }

    fn settle(
        &self,
        app: &AppName,
        issue: IssueId,
        waiting: Vec<Waiting>,
        at: u64,
    ) -> impl Answer<()> {
        self.writer.ask(move |done| Job::Settle {
            app: app.clone(),
            issue,
            waiting,
            at,
            done,
        })
    }

    fn issue_of(&self, app: &AppName, report: ReportId) -> impl Answer<Option<IssueId>> {
        self.readers.recall(app, move |db, app, known| {
            read::reports::issue_of(db, app, report, known)
        })
    }

    fn report(&self, app: &AppName, id: ReportId) -> impl Answer<Option<Report>> {
        self.readers
            .ask_about(app, move |db, app| read::reports::report(db, app, id))
    }

    fn freezes(&self, app: &AppName, span: Span) -> impl Answer<Vec<FreezeRow>> {
        self.readers.recall(app, move |db, app, known| {
            read::freezes::freezes(db, app, span, known)
        })
    }

    fn freeze_rates(&self, app: &AppName, span: Span) -> impl Answer<FreezeRates> {
        self.readers
            .ask_about(app, move |db, app| read::freezes::rates(db, app, span))
    }

    fn connections(
        &self,
        app: &AppName,
        filter: ConnectionFilter,
        span: Span,
    ) -> impl Answer<ConnectionAnswer> {
        let app = app.clone();
        self.readers.ask(move |db| {
            let app = read::apps::id(db, &app)?;
            read::connections::connections(db, app, &filter, span)
        })
    }
}

#[cfg(test)]
mod tests;
