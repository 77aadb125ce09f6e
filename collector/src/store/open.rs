//! From an address to a store: the one place that knows every engine.

use super::clickhouse::{Address, ClickHouseStore};
use super::sqlite::SqliteStore;
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
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::str::FromStr;
use std::sync::Arc;
use std::task::{Context, Poll};

/// Where reports are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreAddress {
    /// `sqlite:DIRECTORY`: in a directory.
    Sqlite(PathBuf),
    /// `clickhouse://...`: on a ClickHouse.
    ClickHouse(Address),
}

impl FromStr for StoreAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(directory) = text.strip_prefix("sqlite:") {
            return match directory {
                "" => Err("sqlite: has to name a directory".to_owned()),
                directory => Ok(Self::Sqlite(directory.into())),
            };
        }
        if text.starts_with("clickhouse:") {
            return text.parse().map(Self::ClickHouse);
        }
        Err(
            "the address of a store is sqlite:DIRECTORY or clickhouse://HOST:PORT/DATABASE"
                .to_owned(),
        )
    }
}

impl fmt::Display for StoreAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(directory) => write!(f, "sqlite:{}", directory.display()),
            Self::ClickHouse(address) => address.fmt(f),
        }
    }
}

/// A store, whichever.
pub enum AnyStore {
    /// In a directory.
    Sqlite(SqliteStore),
    /// On a ClickHouse.
    ClickHouse(Box<ClickHouseStore>),
}

/// Opens the store at an address; without one it is in the data directory. An embedded one keeps `cache_mib` MiB of its pages in memory.
///
/// # Errors
/// When it cannot be used.
pub async fn open(
    address: Option<&StoreAddress>,
    data: &Path,
    cache_mib: u32,
) -> Result<AnyStore, StoreError> {
    let embedded = |data| SqliteStore::open_with(data, cache_mib).map(AnyStore::Sqlite);
    match address {
        None => embedded(data),
        Some(StoreAddress::Sqlite(directory)) => embedded(directory),
        Some(StoreAddress::ClickHouse(address)) => {
            let store = ClickHouseStore::open(address).await?;
            Ok(AnyStore::ClickHouse(Box::new(store)))
        }
    }
}

/// An answer of either engine, under way.
enum Either<A, B> {
    Sqlite(Pin<Box<A>>),
    ClickHouse(Pin<Box<B>>),
}

impl<T, A: Future<Output = T>, B: Future<Output = T>> Future for Either<A, B> {
    type Output = T;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        match self.get_mut() {
            Self::Sqlite(answer) => answer.as_mut().poll(context),
            Self::ClickHouse(answer) => answer.as_mut().poll(context),
        }
    }
}

/// Hands every question on.
macro_rules! either {
    ($(fn $question:ident(&self $(, $name:ident: $type:ty)*) -> $answer:ty;)*) => {
        impl Store for AnyStore {
            $(fn $question(&self $(, $name: $type)*) -> impl Answer<$answer> {
                match self {
                    Self::Sqlite(store) => Either::Sqlite(Box::pin(store.$question($($name),*))),
                    Self::ClickHouse(store) => {
                        Either::ClickHouse(Box::pin(store.$question($($name),*)))
                    }
                }
            })*
        }
    };
}

either! {
    fn add_app(&self, app: &AppName, key: KeyHash) -> ();
    fn add_key(&self, app: &AppName, key: KeyHash, since: u64) -> ();
    fn end_key(&self, app: &AppName, key: KeyId, at: u64) -> bool;
    fn keys(&self, app: &AppName) -> Vec<Key>;
    fn key(&self, key: KeyHash) -> Option<Key>;
    fn writable(&self) -> ();
    fn keep(&self, app: &AppName, reports: Vec<Incoming>, arrived: impl Into<Arrival>) -> Kept;
    fn count_refused(&self, app: &AppName, reason: &'static str, reports: u32, arrived: impl Into<Arrival>) -> ();
    fn erase(&self, app: &AppName, pseudonyms: &[Pseudonym], arrived: u64) -> u64;
    fn erase_part(&self, app: &AppName, part: &Part, arrived: u64) -> u64;
    fn expire(&self, app: &AppName, expiry: Expiry) -> Expired;
    fn quarantine(&self, app: &AppName, reports: Vec<Quarantine>, arrived: impl Into<Arrival>) -> ();
    fn quarantined(&self, app: &AppName) -> Vec<QuarantineRow>;
    fn reports_of(&self, app: &AppName, pseudonyms: &[Pseudonym]) -> Vec<Report>;
    fn groups(&self, app: &AppName, of: Of, span: Span) -> Groups;
    fn spreads(&self, app: &AppName, dimension: Dimension, span: Span) -> Arc<Spreads>;
    fn population(&self, app: &AppName, span: Span) -> Vec<Population>;
    fn apps(&self) -> Vec<AppName>;
    fn ledger(&self, app: &AppName) -> Ledger;
    fn intake(&self, app: &AppName, from: u64, to: u64) -> Vec<Intake>;
    fn health(&self, app: &AppName, span: Span) -> Health;
    fn trend(&self, app: &AppName, span: Span) -> Vec<Point>;
    fn exits(&self, app: &AppName, span: Span) -> Exits;
    fn releases(&self, app: &AppName, span: Span) -> Vec<ReleaseRow>;
    fn new_issues(&self, app: &AppName, span: Span) -> BTreeMap<Release, u64>;
    fn issues(&self, app: &AppName, filter: IssueFilter) -> IssueList;
    fn reach(&self, app: &AppName, filter: IssueFilter) -> ReachList;
    fn issue(&self, app: &AppName, id: IssueId, span: Span, now: u64) -> Option<IssuePage>;
    fn numbers(&self, app: &AppName, issues: &[IssueId]) -> BTreeMap<IssueId, Vec<IssueId>>;
    fn issue_within(&self, app: &AppName, id: IssueId, release: &Release, span: Span) -> IssueWithin;
    fn triage(&self, app: &AppName, issues: &[IssueId], change: Change, by: By) -> u64;
    fn issue_reports(&self, app: &AppName, id: IssueId, release: Option<&Release>, limit: u32, before: Option<ReportId>) -> Vec<Report>;
    fn unnamed(&self, app: &AppName) -> Vec<Unnamed>;
    fn waiting(&self, app: &AppName, builds: &[BuildId]) -> Vec<Waiting>;
    fn reports_in(&self, app: &AppName, issue: IssueId, limit: u32, before: Option<ReportId>) -> Vec<Report>;
    fn regroup(&self, app: &AppName, from: IssueId, moves: Vec<Move>, at: u64) -> u64;
    fn relate(&self, app: &AppName, before: IssueId, now: IssueId, at: u64) -> ();
    fn settle(&self, app: &AppName, issue: IssueId, waiting: Vec<Waiting>, at: u64) -> ();
    fn issue_of(&self, app: &AppName, report: ReportId) -> Option<IssueId>;
    fn report(&self, app: &AppName, id: ReportId) -> Option<Report>;
    fn freezes(&self, app: &AppName, span: Span) -> Vec<FreezeRow>;
    fn freeze_rates(&self, app: &AppName, span: Span) -> FreezeRates;
    fn stop(&self) -> ();
    fn connections(&self, app: &AppName, filter: ConnectionFilter, span: Span) -> ConnectionAnswer;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_leads_to_its_engine_and_nothing_else_is_one() {
        assert_eq!(
            "sqlite:/var/lib/candor".parse(),
            Ok(StoreAddress::Sqlite("/var/lib/candor".into()))
        );
        let clickhouse: StoreAddress = "clickhouse://db:8123/candor".parse().unwrap();
        assert_eq!(clickhouse.to_string(), "clickhouse://db:8123/candor");
        for wrong in [
            "",
            "sqlite:",
            "postgres://db/candor",
            "clickhouse:db",
            "/data",
        ] {
            assert!(wrong.parse::<StoreAddress>().is_err(), "{wrong}");
        }
    }
}
