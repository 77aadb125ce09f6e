//! Where reports are kept: questions and answers, no SQL.
//!
//! A [`Store`] answers from summaries that it keeps up to date as reports arrive, so that a page costs the same however
//! many reports there are. The suite in `contract/` defines what a store is; every engine runs all of it.

mod answers;
mod body;
pub mod clickhouse;
mod columns;
mod connection_sum;
#[cfg(test)]
mod contract;
mod distinct;
mod freeze_sum;
mod ids;
mod intake;
mod issue_count;
mod issue_day;
mod issue_list;
mod migrate;
mod moving;
mod open;
mod pairs;
mod privacy;
mod question;
mod regroup;
mod run_state;
mod spreads;
pub mod sqlite;
pub mod storm;
mod subtract;
mod tally;
pub mod triage;
mod varint;
mod versions;
mod write;

pub use answers::{
    Breakdown, ConnectionAnswer, ExitSum, Exits, FreezeRate, FreezeRates, FreezeRow, Health,
    IssueList, IssuePage, IssueRow, IssueWithin, Ledger, Member, Point, Reach, ReachList,
    ReleaseRow, Rest,
};
pub use body::Body;
pub use connection_sum::{ConnectionSum, TcpSum, TrySum};
pub use distinct::Distinct;
pub use intake::{Arrival, BUSY, Intake, Key, OVER_QUOTA, is_limit};
pub use migrate::{Moved, migrate};
pub use open::{AnyStore, StoreAddress, open};
pub use privacy::{
    Dimension, Expired, Expiry, Group, Groups, Of, Part, Population, Quarantine, QuarantineRow,
};
pub use question::{
    Cells, ConnectionCell, ConnectionFilter, IssueFilter, IssueId, IssueKind, Own, Sort, Span,
};
pub use regroup::{Lacking, Move, Unnamed, Waiting};
pub use spreads::{Spread, Spreads};
pub(crate) use versions::compare as compare_versions;
pub use write::{Incoming, Kept, StoreError};

use crate::access::{KeyHash, KeyId};
use candor_protocol::deidentify::{AppName, BuildId, Pseudonym, Release, ReportId};
use candor_protocol::report::Report;
use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use triage::{By, Change};

/// The answer of a store, later.
pub trait Answer<T>: Future<Output = Result<T, StoreError>> + Send {}
impl<T, F: Future<Output = Result<T, StoreError>> + Send> Answer<T> for F {}

/// Keeps reports and answers questions about them.
///
/// Every writing method returns when what it did is durable. All times are seconds since 1970-01-01 UTC; ranges include
/// `from` and exclude `to`. An app that does not exist has no reports.
pub trait Store: Send + Sync + 'static {
    /// Adds an app and the hash of its ingest key.
    ///
    /// # Errors
    /// [`StoreError::AppExists`].
    fn add_app(&self, app: &AppName, key: KeyHash) -> impl Answer<()>;

    /// Gives an app another key, from `since` on.
    ///
    /// # Errors
    /// [`StoreError::NoApp`].
    fn add_key(&self, app: &AppName, key: KeyHash, since: u64) -> impl Answer<()>;

    /// Says that a key is not taken any more from `at` on, unless it ends sooner. Whether the app has such a key.
    fn end_key(&self, app: &AppName, key: KeyId, at: u64) -> impl Answer<bool>;

    /// All keys of an app, those that have ended too, the oldest first.
    fn keys(&self, app: &AppName) -> impl Answer<Vec<Key>>;

    /// The key that has this hash, also one that has ended.
    fn key(&self, key: KeyHash) -> impl Answer<Option<Key>>;

    /// Whether something can be made durable now: writes, and changes nothing that anybody asks for.
    ///
    /// # Errors
    /// Whatever keeps it from writing.
    fn writable(&self) -> impl Answer<()>;

    /// Keeps reports, all of them or none, and counts them in every summary. A report whose id was kept before is a duplicate
    /// and changes nothing, also within one call.
    ///
    /// # Errors
    /// [`StoreError::NoApp`], and whatever keeps it from writing.
    fn keep(
        &self,
        app: &AppName,
        reports: Vec<Incoming>,
        arrived: impl Into<Arrival>,
    ) -> impl Answer<Kept>;

    /// Counts reports that were refused; a request whose reports cannot be counted counts as one. `reason` is a word of
    /// the collector's own, such as `bad_report`; [`is_limit`] tells those that count as limited.
    fn count_refused(
        &self,
        app: &AppName,
        reason: &'static str,
        reports: u32,
        arrived: impl Into<Arrival>,
    ) -> impl Answer<()>;

    /// Erases every report of these pseudonyms, takes them out of every summary and refuses them from now on. Returns how
    /// many reports were erased. The [`Ledger`] keeps its counts and says how many were erased; so do the minutes that storms are
    /// found by, which count crowds and nobody in them.
    fn erase(&self, app: &AppName, pseudonyms: &[Pseudonym], arrived: u64) -> impl Answer<u64>;

    /// Erases every report of a part of an app, takes it out of every summary, and refuses what belongs to it from now on, as
    /// [`erase`](Self::erase) does for installations. What is left of reports that [`expire`](Self::expire)d before goes as
    /// well, as far as summaries tell it apart. Of the names that only the part had, none stays. Returns how many reports were
    /// erased.
    fn erase_part(&self, app: &AppName, part: &Part, arrived: u64) -> impl Answer<u64>;

    /// Forgets what is older than an operator wants to keep it: reports first, of which the summaries stay, then summaries too.
    /// Where there is much to forget, one call does a part of it and says that there is more.
    fn expire(&self, app: &AppName, expiry: Expiry) -> impl Answer<Expired>;

    /// Counts reports that were not kept because a value in them might identify somebody; in the [`Ledger`] they are refused as
    /// `quarantined`.
    fn quarantine(
        &self,
        app: &AppName,
        reports: Vec<Quarantine>,
        arrived: impl Into<Arrival>,
    ) -> impl Answer<()>;

    /// What [`quarantine`](Self::quarantine) counted, the latest first.
    fn quarantined(&self, app: &AppName) -> impl Answer<Vec<QuarantineRow>>;

    /// Every report of these pseudonyms, oldest arrival first, at most 10,000: the copy that a person may ask for.
    fn reports_of(&self, app: &AppName, pseudonyms: &[Pseudonym]) -> impl Answer<Vec<Report>>;

    /// How many installations each class of a breakdown has in a range: distinct pseudonyms of reports that are still kept. The
    /// step of `span` is not used.
    fn groups(&self, app: &AppName, of: Of, span: Span) -> impl Answer<Groups>;

    /// How installations that met issues in a range of full days (UTC) spread over the classes of a dimension. What was merged into an
    /// issue counts with it. The step of `span` is not used.
    fn spreads(&self, app: &AppName, dimension: Dimension, span: Span)
    -> impl Answer<Arc<Spreads>>;

    /// The installations of a range, each in one class only: that of its latest run. The step of `span` is not used.
    fn population(&self, app: &AppName, span: Span) -> impl Answer<Vec<Population>>;

    /// All apps by name.
    fn apps(&self) -> impl Answer<Vec<AppName>>;

    /// What arrived and what became of it.
    fn ledger(&self, app: &AppName) -> impl Answer<Ledger>;

    /// What arrived from `from` on and before `to`, by day and key, the latest day first. A day is in the range when its first
    /// second is.
    fn intake(&self, app: &AppName, from: u64, to: u64) -> impl Answer<Vec<Intake>>;

    /// Rates and latencies of a range of time; the step of `span` is not used.
    fn health(&self, app: &AppName, span: Span) -> impl Answer<Health>;

    /// Counts per step, oldest first, without gaps.
    fn trend(&self, app: &AppName, span: Span) -> impl Answer<Vec<Point>>;

    /// How runs ended, by when they started and by release.
    fn exits(&self, app: &AppName, span: Span) -> impl Answer<Exits>;

    /// One row per release that had a run, fault or connection in the range, most runs first.
    fn releases(&self, app: &AppName, span: Span) -> impl Answer<Vec<ReleaseRow>>;

    /// How many of the issues with a report in the range were first seen in each release, in the range or before. Those that were merged are one.
    fn new_issues(&self, app: &AppName, span: Span) -> impl Answer<BTreeMap<Release, u64>>;

    /// Issues with a report in the range. Those that were merged are one.
    fn issues(&self, app: &AppName, filter: IssueFilter) -> impl Answer<IssueList>;

    /// How far the issues reach that [`issues`](Self::issues) would list, in the same order: for thousands of them.
    fn reach(&self, app: &AppName, filter: IssueFilter) -> impl Answer<ReachList>;

    /// One issue; the counts of its row are of the range, whether or not it has a report in it. Whoever asks about one that was
    /// merged is answered about the one it was merged into. `now` is in seconds since 1970-01-01 UTC.
    fn issue(
        &self,
        app: &AppName,
        id: IssueId,
        span: Span,
        now: u64,
    ) -> impl Answer<Option<IssuePage>>;

    /// All numbers of each of these issues, by the one that was asked for: the one that it has now first, then those of what was merged
    /// into it, then those that its reports came from when the names of their functions were known. Of one that is not there, nothing.
    fn numbers(
        &self,
        app: &AppName,
        issues: &[IssueId],
    ) -> impl Answer<BTreeMap<IssueId, Vec<IssueId>>>;

    /// One issue in one release: nothing where it was not met there, or there is no such issue.
    fn issue_within(
        &self,
        app: &AppName,
        id: IssueId,
        release: &Release,
        span: Span,
    ) -> impl Answer<IssueWithin>;

    /// Does something to issues, and remembers who did it. Returns how many of them it was done to: those that do not exist are left
    /// out, and those that cannot be merged or split.
    fn triage(&self, app: &AppName, issues: &[IssueId], change: Change, by: By)
    -> impl Answer<u64>;

    /// Reports of an issue and of what was merged into it, of one release or of all, newest first: at most `limit`, of those that
    /// follow the report `before` in this order.
    fn issue_reports(
        &self,
        app: &AppName,
        id: IssueId,
        release: Option<&Release>,
        limit: u32,
        before: Option<ReportId>,
    ) -> impl Answer<Vec<Report>>;

    /// Builds that were met without their symbols, those behind most reports first. What is known of an issue and a release goes with
    /// the last of their reports that is counted.
    fn unnamed(&self, app: &AppName) -> impl Answer<Vec<Unnamed>>;

    /// Where these builds were met without their symbols.
    fn waiting(&self, app: &AppName, builds: &[BuildId]) -> impl Answer<Vec<Waiting>>;

    /// As [`issue_reports`](Self::issue_reports), of this very issue: nothing that was merged into it, and nothing else where it was merged.
    fn reports_in(
        &self,
        app: &AppName,
        issue: IssueId,
        limit: u32,
        before: Option<ReportId>,
    ) -> impl Answer<Vec<Report>>;

    /// Counts reports of the issue `from` in those they belong to now, in every summary as if they had arrived there. Whatever was said of
    /// `from` is said of those too, in its time; where both have a state or somebody who looks after them, what was said last counts.
    /// What somebody merged `from` into they are merged into. A report that is not in `from` any more stays where it is. Returns
    /// how many were moved. `at` is now.
    fn regroup(&self, app: &AppName, from: IssueId, moves: Vec<Move>, at: u64) -> impl Answer<u64>;

    /// Says that reports which are counted in the issue `now` from now on would have been counted in `before`, so that neither is split: where
    /// something is counted of `before`, or of what it became, they are merged, as somebody would, by whom nobody has split them; else
    /// whoever asks about `before` is answered about `now`.
    fn relate(&self, app: &AppName, before: IssueId, now: IssueId, at: u64) -> impl Answer<()>;

    /// Says that every report of an issue that `waiting` tells of was looked at. Where no report is left in it and all went to one place, it
    /// is one with that from now on, with whatever is still counted of reports that expired; where they went to several and nothing
    /// is left, whoever asks about it is answered about the one with most reports.
    fn settle(
        &self,
        app: &AppName,
        issue: IssueId,
        waiting: Vec<Waiting>,
        at: u64,
    ) -> impl Answer<()>;

    /// The issue that a report is counted in, or what that was merged into since.
    fn issue_of(&self, app: &AppName, report: ReportId) -> impl Answer<Option<IssueId>>;

    /// One report.
    fn report(&self, app: &AppName, id: ReportId) -> impl Answer<Option<Report>>;

    /// Issues of freezes with a report in the range, with how long and how they froze; most installations first.
    fn freezes(&self, app: &AppName, span: Span) -> impl Answer<Vec<FreezeRow>>;

    /// How often freezes happen, by release and by class of machine, against the time that apps ran.
    fn freeze_rates(&self, app: &AppName, span: Span) -> impl Answer<FreezeRates>;

    /// Finishes the writing that was accepted; whatever is to be written afterwards fails with [`StoreError::Stopped`].
    fn stop(&self) -> impl Answer<()>;

    /// Connection windows, summed: by the hour, or by the minute where the step of `span` is shorter than an hour. Storms are
    /// those of the filter's name and endpoint, whatever else it restricts.
    fn connections(
        &self,
        app: &AppName,
        filter: ConnectionFilter,
        span: Span,
    ) -> impl Answer<ConnectionAnswer>;
}
