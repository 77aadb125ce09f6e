//! The contract, on a ClickHouse of 2018 and on one of these days, and what only this engine promises.

#[path = "../../../tests/clickhouse/mod.rs"]
mod servers;

use super::block::ReportRow;
use super::server::Again;
use super::stamp::Stamp;
use super::told::Told;
use super::{Address, ClickHouseStore};
use crate::access::IngestKey;
use crate::state::Clock;
use crate::store::contract::{an_issue, answers, everything_of};
use crate::store::sqlite::SqliteStore;
use crate::store::triage::{By, Change, Note, Person, inherited};
use crate::store::{
    Arrival, Expiry, Incoming, IssueId, Kept, Move, Moved, Of, Part, Quarantine, Span, Store,
    StoreError, migrate,
};
use candor_protocol::deidentify::{AppName, BuildId, Pseudonym};
use candor_protocol::report::{Kind, Report};
use servers::{NEW, OLD, Server, required};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};

type Start = LazyLock<Result<Server, String>>;

/// A store in a database of its own.
async fn open(server: &'static Start) -> Option<(ClickHouseStore, &'static Server)> {
    let server = required(server)?;
    let address = server.address().parse().unwrap();
    Some((ClickHouseStore::open(&address).await.unwrap(), server))
}

macro_rules! stories {
    ($server:ident: $($story:ident)*) => {
        async fn opened() -> Option<(ClickHouseStore, &'static Server)> {
            open(&$server).await
        }

        crate::store::contract::store_contract!(opened);

        $(#[tokio::test]
        async fn $story() {
            super::$story(&$server).await;
        })*
    };
}

/// Every story, on one server.
macro_rules! all {
    ($server:ident) => {
        stories!($server:
            collectors_that_fold_at_the_same_time_count_every_report_once
            what_was_committed_but_never_answered_is_a_duplicate_when_it_comes_again
            a_report_that_was_never_committed_does_not_exist_and_is_kept_when_it_comes_again
            a_block_that_was_inserted_twice_counts_once
            what_was_erased_is_soon_in_no_table
            an_erasure_that_was_interrupted_is_finished_by_whoever_keeps_house
            what_counts_no_more_goes_and_nothing_changes
            what_was_moved_here_answers_as_before_and_goes_on_alike
            builds_that_were_met_before_that_was_counted_are_known
            what_two_collectors_say_of_the_same_issue_was_said_once
        );
    };
}

mod of_2018 {
    use super::*;
    all!(OLD);
}

mod of_today {
    use super::*;
    all!(NEW);
}

const ALWAYS: Span = Span {
    from: 0,
    to: u64::MAX,
    step: u64::MAX,
};
const NOW: u64 = 1_700_000_000;
const HOUR: u64 = 3_600;

fn app() -> AppName {
    "im".parse().unwrap()
}

fn who(number: u32) -> [u8; 16] {
    (0x5eed_0000_0000_u128 + u128::from(number)).to_be_bytes()
}

/// The run that an installation of the same number had.
fn run(number: u32) -> Incoming {
    let json = format!(
        "{{\"id\":\"{number:032x}\",\"at\":1699999200,\"run\":\"{number:032x}\",\"pseudonym\":\"{:032x}\",\"release\":\"1.0\",\
         \"device\":{{\"os\":\"linux\",\"arch\":\"x86_64\"}},\"what\":{{\"run\":{{}}}}}}",
        u128::from_be_bytes(who(number))
    );
    Incoming::new(2, Report::from_json(&json).unwrap(), &json, None)
}

fn runs(numbers: impl IntoIterator<Item = u32>) -> Vec<Incoming> {
    numbers.into_iter().map(run).collect()
}

/// A database with an app, and what collectors open it with.
struct Desk {
    address: Address,
    now: Arc<AtomicU64>,
}

impl Desk {
    async fn on(server: &'static Start) -> Option<(Self, ClickHouseStore)> {
        let desk = Self {
            address: required(server)?.address().parse().unwrap(),
            now: Arc::new(AtomicU64::new(NOW)),
        };
        let store = desk.collector().await;
        let key = IngestKey::generate().hash();
        store.add_app(&app(), key).await.unwrap();
        Some((desk, store))
    }

    async fn collector(&self) -> ClickHouseStore {
        let now = self.now.clone();
        let clock = Clock::new(move || now.load(Ordering::Relaxed));
        ClickHouseStore::open_at(&self.address, clock)
            .await
            .unwrap()
    }

    fn later(&self, seconds: u64) -> u64 {
        self.now.fetch_add(seconds, Ordering::Relaxed) + seconds
    }
}

async fn counted(store: &ClickHouseStore) -> u64 {
    store.health(&app(), ALWAYS).await.unwrap().runs
}

/// Erases an installation, and says how many reports that were.
async fn erase(store: &ClickHouseStore, number: u32) -> u64 {
    let whose = [Pseudonym::from_bytes(who(number))];
    store.erase(&app(), &whose, NOW).await.unwrap()
}

async fn rows(store: &ClickHouseStore, which: &str) -> u64 {
    let question = format!("SELECT count() AS count FROM {which}");
    store.server.count(&question).await.unwrap()
}

async fn collectors_that_fold_at_the_same_time_count_every_report_once(server: &'static Start) {
    const ROUNDS: u32 = 6;
    let Some((desk, store)) = Desk::on(server).await else {
        return;
    };
    let collectors = [store, desk.collector().await, desk.collector().await].map(Arc::new);
    let mut working = tokio::task::JoinSet::new();
    for (first, store) in (0..).zip(&collectors) {
        let store = store.clone();
        working.spawn(async move {
            for round in 0..ROUNDS {
                // Every report reaches two of the three, some of them at the same moment.
                let from = (round * 3 + first) * 10;
                let numbers = from..from + 20;
                store.keep(&app(), runs(numbers), NOW).await.unwrap();
                counted(&store).await;
            }
        });
    }
    working.join_all().await;
    let (different, sent) = (u64::from(ROUNDS * 30 + 10), u64::from(ROUNDS * 60));
    for store in collectors {
        assert_eq!(counted(&store).await, different);
        let ledger = store.ledger(&app()).await.unwrap();
        assert_eq!(ledger.stored.values().sum::<u64>(), different);
        assert_eq!(ledger.duplicates, sent - different);
    }
}

async fn what_was_committed_but_never_answered_is_a_duplicate_when_it_comes_again(
    server: &'static Start,
) {
    let Some((desk, store)) = Desk::on(server).await else {
        return;
    };
    store.keep(&app(), runs(0..5), NOW).await.unwrap();
    drop(store);
    let next = desk.collector().await;
    let kept = next.keep(&app(), runs(0..6), NOW).await.unwrap();
    let expected = Kept::Stored {
        stored: 1,
        duplicates: 5,
    };
    assert_eq!(kept, expected);
    assert_eq!(counted(&next).await, 6);
}

async fn a_report_that_was_never_committed_does_not_exist_and_is_kept_when_it_comes_again(
    server: &'static Start,
) {
    let Some((_desk, store)) = Desk::on(server).await else {
        return;
    };
    let Incoming { report, body, .. } = run(7);
    let told = Told::of(&report, 0, NOW);
    let row = ReportRow::of(&app(), &told, Stamp::of(NOW, 0, 7), 0, body.json().unwrap());
    store
        .server
        .insert("report", &[row], Again::Harmless)
        .await
        .unwrap();
    assert_eq!(store.report(&app(), report.id).await.unwrap(), None);
    assert_eq!(counted(&store).await, 0);
    let kept = store.keep(&app(), runs([7]), NOW).await.unwrap();
    let expected = Kept::Stored {
        stored: 1,
        duplicates: 0,
    };
    assert_eq!(kept, expected);
    assert_eq!(counted(&store).await, 1);
    let found = store.report(&app(), report.id).await.unwrap();
    assert_eq!(found, Some(report));
}

async fn a_block_that_was_inserted_twice_counts_once(server: &'static Start) {
    let Some((_desk, store)) = Desk::on(server).await else {
        return;
    };
    store.keep(&app(), runs(0..3), NOW).await.unwrap();
    for table in ["journal", "report"] {
        let again = format!("INSERT INTO {table} SELECT * FROM {table}");
        store.server.run(&again).await.unwrap();
    }
    assert_eq!(counted(&store).await, 3);
    let ledger = store.ledger(&app()).await.unwrap();
    assert_eq!(
        (ledger.stored.values().sum::<u64>(), ledger.duplicates),
        (3, 0)
    );
    let whose = [Pseudonym::from_bytes(who(1))];
    let copy = store.reports_of(&app(), &whose).await.unwrap();
    assert_eq!(copy.len(), 1);
    assert_eq!(erase(&store, 1).await, 1);
    assert_eq!(counted(&store).await, 2);
}

/// How many rows name an installation.
async fn named(store: &ClickHouseStore, number: u32) -> u64 {
    let mut found = 0;
    for table in ["report", "journal", "summary", "erasing"] {
        let pseudonym = super::sql::bytes(&who(number));
        found += rows(store, &format!("{table} WHERE pseudonym = {pseudonym}")).await;
    }
    found
}

async fn what_was_erased_is_soon_in_no_table(server: &'static Start) {
    let Some((desk, store)) = Desk::on(server).await else {
        return;
    };
    store.keep(&app(), runs(0..4), NOW).await.unwrap();
    assert_eq!(erase(&store, 2).await, 1);
    assert_eq!(counted(&store).await, 3, "at once");
    for _ in 0..3 {
        store.sweep(desk.later(400)).await.unwrap();
    }
    assert_eq!(named(&store, 2).await, 0);
    assert!(named(&store, 3).await > 0);
    assert_eq!(counted(&store).await, 3);
    let late = store.keep(&app(), runs([2]), NOW).await.unwrap();
    assert_eq!(late, Kept::Erased { line: 2 });
}

async fn an_erasure_that_was_interrupted_is_finished_by_whoever_keeps_house(
    server: &'static Start,
) {
    let Some((desk, store)) = Desk::on(server).await else {
        return;
    };
    store.keep(&app(), runs(0..4), NOW).await.unwrap();
    let stamps = &store.folder.stamps;
    let asked = super::erasures::Erasing::installation("im", who(1), NOW, stamps);
    super::erasures::ask(&store.server, &[asked]).await.unwrap();
    drop(store);
    let next = desk.collector().await;
    next.sweep(NOW).await.unwrap();
    assert_eq!(counted(&next).await, 3);
    assert_eq!(next.ledger(&app()).await.unwrap().erased, 1);
}

async fn what_counts_no_more_goes_and_nothing_changes(server: &'static Start) {
    const ROUNDS: u32 = 70;
    let Some((desk, store)) = Desk::on(server).await else {
        return;
    };
    for number in 0..ROUNDS {
        store.keep(&app(), runs([number]), NOW).await.unwrap();
        assert_eq!(counted(&store).await, u64::from(number) + 1);
    }
    let heads = "summary WHERE what = 'head'";
    assert!(rows(&store, heads).await >= u64::from(ROUNDS));
    let before = store.ledger(&app()).await.unwrap();
    store.sweep(desk.later(4 * HOUR)).await.unwrap();
    assert!(rows(&store, heads).await < 16, "few segments are left");
    store.sweep(desk.later(96 * HOUR)).await.unwrap();
    assert_eq!(rows(&store, "journal").await, 0, "all of it was folded");
    assert_eq!(counted(&store).await, u64::from(ROUNDS));
    assert_eq!(store.ledger(&app()).await.unwrap(), before);
    let again = store.keep(&app(), runs(0..ROUNDS), NOW).await.unwrap();
    let duplicates = Kept::Stored {
        stored: 0,
        duplicates: ROUNDS,
    };
    assert_eq!(again, duplicates);
}

/// A history with something of everything, in which some reports are gone and their sums are not.
async fn lived(store: &impl Store, key: crate::access::KeyHash) {
    let sent = |at| Arrival {
        at,
        key: Some(key.id()),
    };
    for who in 1..9 {
        let reports = everything_of(who);
        store.keep(&app(), reports, sent(NOW)).await.unwrap();
    }
    let again = everything_of(4);
    store.keep(&app(), again, sent(NOW + 86_400)).await.unwrap();
    store
        .count_refused(&app(), "bad_report", 3, sent(NOW))
        .await
        .unwrap();
    let leak = Quarantine {
        release: Some("1.0".parse().unwrap()),
        field: "crash.cause.panic.message",
        reason: "email",
    };
    store.quarantine(&app(), vec![leak], NOW).await.unwrap();
    let whose = everything_of(3)[0].report.pseudonym;
    store.erase(&app(), &[whose], NOW).await.unwrap();
    let release = Part::Release("9.9".parse().unwrap());
    store.erase_part(&app(), &release, NOW).await.unwrap();
}

async fn what_was_moved_here_answers_as_before_and_goes_on_alike(server: &'static Start) {
    let Some(server) = required(server) else {
        return;
    };
    let data = tempfile::tempdir().unwrap();
    let old = SqliteStore::open(data.path()).unwrap();
    let (key, late) = (IngestKey::generate().hash(), IngestKey::generate().hash());
    old.add_app(&app(), key).await.unwrap();
    old.add_key(&app(), late, NOW).await.unwrap();
    old.end_key(&app(), key.id(), NOW + 60).await.unwrap();
    lived(&old, key).await;
    let expiry = Expiry {
        reports: [(Kind::Crash, NOW + HOUR)].into(),
        summaries: 0,
        ledger: 0,
        quarantine: 0,
        future: NOW + 400 * 86_400,
    };
    assert!(old.expire(&app(), expiry).await.unwrap().reports > 0);
    for change in [
        Change::Note(Note::new("what is known").unwrap()),
        Change::Resolve(None),
        Change::Merge(IssueId(7)),
    ] {
        let by = By {
            who: Person::new("Wei").unwrap(),
            at: NOW,
        };
        let of = [IssueId(7), IssueId(1_002)];
        assert!(old.triage(&app(), &of, change, by).await.unwrap() > 0);
    }

    let address: Address = server.address().parse().unwrap();
    let mut heard = Vec::new();
    let moved = migrate(data.path(), &address, |_, done, all| {
        heard.push((done, all))
    });
    let first = moved.await.unwrap();
    let reports = first[0].reports;
    assert!(reports > 0 && heard == [(reports, reports)], "{heard:?}");
    let again = migrate(data.path(), &address, |_, _, _| panic!("it was moved"));
    let expected = Moved {
        app: app(),
        reports,
        before: true,
    };
    assert_eq!(again.await.unwrap(), [expected]);

    let new = ClickHouseStore::open(&address).await.unwrap();
    assert_eq!(
        new.keys(&app()).await.unwrap(),
        old.keys(&app()).await.unwrap()
    );
    assert_eq!(answers(&new).await, answers(&old).await);
    // Whatever is done from now on changes both alike.
    for who in [2, 3, 5, 10] {
        let (a, b) = (everything_of(who), everything_of(who));
        let kept = new.keep(&app(), a, NOW).await.unwrap();
        // What expired is not known to have been kept, in neither.
        assert_eq!(kept, old.keep(&app(), b, NOW).await.unwrap(), "{who}");
    }
    assert_eq!(answers(&new).await, answers(&old).await);
    let whose = everything_of(6)[0].report.pseudonym;
    for _ in 0..2 {
        let erased = new.erase(&app(), &[whose], NOW).await.unwrap();
        assert_eq!(erased, old.erase(&app(), &[whose], NOW).await.unwrap());
        assert_eq!(answers(&new).await, answers(&old).await);
    }
    for of in [Of::Runs, Of::Connections] {
        let groups = new.groups(&app(), of, ALWAYS).await.unwrap();
        assert_eq!(groups, old.groups(&app(), of, ALWAYS).await.unwrap());
    }
    // What differs is not touched.
    let differ = migrate(data.path(), &address, |_, _, _| ()).await;
    assert!(matches!(differ, Err(StoreError::Fault(_))), "{differ:?}");
}

/// A crash that was grouped without names, in code of this build.
fn unnamed(number: u32, build: &str) -> Incoming {
    let mut all = everything_of(number).into_iter();
    let mut crash = all.find(|one| one.issue.is_some()).unwrap();
    let issue = crash.issue.as_mut().unwrap();
    issue.id = IssueId(number.into());
    issue.why.rule = "unnamed-frame-v1".to_owned();
    issue.why.frames = vec![format!("{build}+1f0")];
    crash
}

async fn builds_that_were_met_before_that_was_counted_are_known(server: &'static Start) {
    let Some((desk, store)) = Desk::on(server).await else {
        return;
    };
    let builds =
        ["aa11bb22cc33dd44", "ee55ff66aa77bb88"].map(|build| build.parse::<BuildId>().unwrap());
    let [before, after] = &builds;
    // As a collector kept them that did not count builds yet.
    let old = vec![unnamed(1, before.as_str()), unnamed(2, before.as_str())];
    store.keep(&app(), old, NOW).await.unwrap();
    let other = desk.collector().await;
    let im = app();
    let (here, there) = tokio::join!(store.unnamed(&im), other.unnamed(&im));
    assert_eq!(here.unwrap(), there.unwrap());
    let found = store.unnamed(&app()).await.unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(
        (&found[0].build, found[0].issues, found[0].reports),
        (before, 2, 2)
    );
    // It is looked back once: what comes later says itself what it lacks.
    store
        .keep(&app(), vec![unnamed(3, after.as_str())], NOW)
        .await
        .unwrap();
    let waiting = store.waiting(&app(), &builds).await.unwrap();
    assert_eq!(waiting.len(), 2);
    for one in waiting {
        assert_eq!((&one.build, one.met), (before, 1));
        store
            .settle(&app(), one.issue, vec![one], NOW)
            .await
            .unwrap();
    }
    for store in [store, other, desk.collector().await] {
        assert_eq!(store.unnamed(&app()).await.unwrap(), []);
        assert_eq!(store.waiting(&app(), &builds).await.unwrap(), []);
    }
}

async fn what_two_collectors_say_of_the_same_issue_was_said_once(server: &'static Start) {
    let Some((desk, store)) = Desk::on(server).await else {
        return;
    };
    let crash = unnamed(1, "aa11bb22cc33dd44");
    let moved = crash.report.id;
    store.keep(&app(), vec![crash], NOW).await.unwrap();
    let by = |at| By {
        who: Person::new("Wei").unwrap(),
        at,
    };
    for (change, at) in [
        (Change::Note(Note::new("seen by many").unwrap()), NOW),
        (Change::Resolve(None), NOW + 1),
    ] {
        let done = store.triage(&app(), &[IssueId(1)], change, by(at)).await;
        assert_eq!(done.unwrap(), 1);
    }
    let history = store.fresh(&app()).await.unwrap();
    let ask = store.ask(&history);
    let said = super::read::triage::deeds(ask, &[1]).await.unwrap();
    let marks = super::read::triage::marks(ask).await.unwrap();
    let to = Move {
        report: moved,
        to: an_issue(7),
        lacking: Vec::new(),
    };
    let regrouped = store.regroup(&app(), IssueId(1), vec![to], NOW + 60).await;
    assert_eq!(regrouped.unwrap(), 1);
    let turns = async |store: &ClickHouseStore| {
        let page = store.issue(&app(), IssueId(7), ALWAYS, NOW + 120).await;
        page.unwrap().unwrap().turns
    };
    let once = turns(&store).await;
    assert!(once.len() >= 4, "{once:?}");
    // What another collector writes that began before anything of this was to be seen, and was a second later.
    let other = desk.collector().await;
    let same = inherited((1, &said), (7, &[]), &marks, NOW + 61);
    assert_eq!(same.len(), 3);
    super::triage::write(&other.server, &other.folder.stamps, app().as_str(), &same)
        .await
        .unwrap();
    assert_eq!(rows(&store, "triage WHERE issue = 7").await, 6);
    for store in [&store, &other] {
        assert_eq!(turns(store).await, once);
    }
}
