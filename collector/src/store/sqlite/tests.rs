//! The contract, and what only this engine promises.

use super::{SqliteStore, Writer, open};
use crate::access::IngestKey;
use crate::store::contract::store_contract;
use crate::store::triage::{By, Change, Person, Until};
use crate::store::{
    Dimension, Expiry, Incoming, IssueFilter, IssueId, Kept, Part, Span, Store, StoreError,
};
use candor_protocol::deidentify::{AppName, Pseudonym};
use candor_protocol::report::{Kind, Network, Report};
use rusqlite::OptionalExtension;
use std::collections::BTreeMap;
use tempfile::TempDir;

fn open_store() -> (SqliteStore, TempDir) {
    let data = tempfile::tempdir().unwrap();
    (SqliteStore::open(data.path()).unwrap(), data)
}

async fn opened() -> Option<(SqliteStore, TempDir)> {
    Some(open_store())
}

store_contract!(opened);

const ALWAYS: Span = Span {
    from: 0,
    to: u64::MAX,
    step: u64::MAX,
};
const WHO: &str = "5eed5eed5eed5eed5eed5eed5eed5eed";

fn app() -> AppName {
    "im".parse().unwrap()
}

fn run(number: u32) -> Incoming {
    let json = format!(
        "{{\"id\":\"{number:032x}\",\"at\":3600,\"run\":\"{number:032x}\",\"pseudonym\":\"{WHO}\",\"release\":\"1.0\",\
         \"device\":{{\"os\":\"linux\",\"arch\":\"x86_64\"}},\"what\":{{\"run\":{{}}}}}}"
    );
    Incoming::new(2, Report::from_json(&json).unwrap(), &json, None)
}

async fn runs(store: &SqliteStore) -> u64 {
    store.health(&app(), ALWAYS).await.unwrap().runs
}

#[tokio::test]
async fn what_was_kept_is_there_after_it_is_opened_again() {
    let (store, data) = open_store();
    let key = IngestKey::generate();
    store.add_app(&app(), key.hash()).await.unwrap();
    store.keep(&app(), vec![run(1)], 0).await.unwrap();
    drop(store);
    let store = SqliteStore::open(data.path()).unwrap();
    assert_eq!(
        store.key(key.hash()).await.unwrap().map(|key| key.app),
        Some(app())
    );
    assert_eq!(runs(&store).await, 1);
    let again = store.keep(&app(), vec![run(1), run(2)], 0).await.unwrap();
    assert_eq!(
        again,
        Kept::Stored {
            stored: 1,
            duplicates: 1
        }
    );
}

#[tokio::test]
async fn data_of_a_newer_collector_is_refused_and_not_touched() {
    let (store, data) = open_store();
    drop(store);
    let db = rusqlite::Connection::open(data.path().join("candor.db")).unwrap();
    db.pragma_update(None, "user_version", 999).unwrap();
    drop(db);
    let Err(StoreError::Unavailable(reason)) = SqliteStore::open(data.path()) else {
        panic!("it was opened")
    };
    assert!(reason.contains("newer collector"), "{reason}");
}

#[tokio::test]
async fn an_app_that_another_process_adds_is_found() {
    let (serving, data) = open_store();
    let adding = SqliteStore::open(data.path()).unwrap();
    let key = IngestKey::generate();
    assert_eq!(
        serving.key(key.hash()).await.unwrap().map(|key| key.app),
        None
    );
    adding.add_app(&app(), key.hash()).await.unwrap();
    assert_eq!(
        serving.key(key.hash()).await.unwrap().map(|key| key.app),
        Some(app())
    );
    assert_eq!(
        serving.keep(&app(), vec![run(1)], 0).await.unwrap(),
        Kept::Stored {
            stored: 1,
            duplicates: 0
        }
    );
}

#[tokio::test]
async fn a_full_disk_is_said_and_nothing_is_half_kept_and_space_brings_it_back() {
    let data = tempfile::tempdir().unwrap();
    let (readers, store_app) = (SqliteStore::open(data.path()).unwrap(), app());
    readers
        .add_app(&store_app, IngestKey::generate().hash())
        .await
        .unwrap();
    let writing = open::for_writing(data.path(), super::CACHE_MIB).unwrap();
    let pages: i64 = writing
        .query_row("PRAGMA page_count", [], |row| row.get(0))
        .unwrap();
    writing
        .pragma_update(None, "max_page_count", pages + 4)
        .unwrap();
    let SqliteStore { readers, writer } = readers;
    drop(writer);
    let store = SqliteStore {
        writer: Writer::start(writing).unwrap(),
        readers,
    };

    let batch = |first: u32| (first..first + 100).map(run).collect::<Vec<_>>();
    let mut kept = 0;
    let refused = loop {
        match store.keep(&store_app, batch(kept as u32), 0).await {
            Ok(_) => kept += 100,
            Err(error) => break error,
        }
    };
    assert!(
        matches!(&refused, StoreError::Unavailable(reason) if reason.contains("full")),
        "{refused:?}"
    );
    assert_eq!(runs(&store).await, kept);
    assert!(kept < 10_000);

    // The disk has room again.
    drop(store);
    let store = SqliteStore::open(data.path()).unwrap();
    assert_eq!(
        store.keep(&store_app, batch(kept as u32), 0).await.unwrap(),
        Kept::Stored {
            stored: 100,
            duplicates: 0
        }
    );
    assert_eq!(runs(&store).await, kept + 100);
}

#[tokio::test]
async fn what_was_erased_is_in_no_file() {
    let (store, data) = open_store();
    store
        .add_app(&app(), IngestKey::generate().hash())
        .await
        .unwrap();
    store
        .keep(&app(), (0..500).map(run).collect(), 0)
        .await
        .unwrap();
    let holds = |needle: &[u8]| {
        std::fs::read_dir(data.path()).unwrap().any(|file| {
            let bytes = std::fs::read(file.unwrap().path()).unwrap();
            bytes.windows(needle.len()).any(|window| window == needle)
        })
    };
    let raw = [0x5e, 0xed].repeat(8);
    let bodies: Vec<_> = (0..500).map(|number| run(number).body).collect();
    let kept = |body: &&crate::store::Body| holds(body.as_bytes());
    assert!(holds(&raw));
    // Packed bodies hold nothing in plain sight; one in ten may lie across two pages.
    assert!(bodies.iter().step_by(50).filter(kept).count() >= 8);
    let who: Pseudonym = WHO.parse().unwrap();
    assert_eq!(store.erase(&app(), &[who], 0).await.unwrap(), 500);
    assert!(!holds(WHO.as_bytes()) && !holds(&raw));
    assert_eq!(bodies.iter().step_by(50).filter(kept).count(), 0);
}

#[cfg(unix)]
#[test]
fn only_its_owner_may_look_into_the_data() {
    use std::os::unix::fs::PermissionsExt;
    let parent = tempfile::tempdir().unwrap();
    let data = parent.path().join("data");
    drop(SqliteStore::open(&data).unwrap());
    assert_eq!(
        std::fs::metadata(data).unwrap().permissions().mode() & 0o777,
        0o700
    );
}

fn reconnect(who: u32, number: u32) -> Incoming {
    let json = format!(
        "{{\"id\":\"{number:032x}\",\"at\":3600,\"run\":\"{who:032x}\",\"pseudonym\":\"{who:032x}\",\"release\":\"1.0\",\
         \"device\":{{\"os\":\"linux\",\"arch\":\"x86_64\"}},\"what\":{{\"connection\":{{\"name\":\"longlink\",\
         \"endpoint\":\"gate\",\"transport\":\"tcp\",\"network\":\"wifi\",\"seconds\":60,\"attempts\":1,\
         \"reconnects\":1}}}}}}"
    );
    Incoming::new(2, Report::from_json(&json).unwrap(), &json, None)
}

#[tokio::test]
async fn a_minute_in_which_few_reconnected_does_not_stay_on_the_disk() {
    let (store, data) = open_store();
    store
        .add_app(&app(), IngestKey::generate().hash())
        .await
        .unwrap();
    let minutes = || {
        let db = rusqlite::Connection::open(data.path().join("candor.db")).unwrap();
        let mut query = db
            .prepare("SELECT DISTINCT minute FROM reconnect_minute ORDER BY minute")
            .unwrap();
        let minutes = query.query_map([], |row| row.get(0)).unwrap();
        minutes.collect::<Result<Vec<u64>, _>>().unwrap()
    };
    let mut number = 0;
    let mut arrive = async |installs: u32, at| {
        for who in 0..installs {
            number += 1;
            let report = vec![reconnect(who, number)];
            store.keep(&app(), report, at).await.unwrap();
        }
    };
    arrive(4, 3_660).await;
    arrive(7, 3_720).await;
    assert_eq!(minutes(), [3_660, 3_720]);
    arrive(1, 4_500).await;
    assert_eq!(minutes(), [3_720, 4_500]);
}

#[tokio::test]
async fn windows_that_an_older_collector_summed_are_answered_as_before() {
    let (store, data) = open_store();
    drop(store);
    let file = data.path().join("candor.db");
    std::fs::remove_file(&file).unwrap();
    let db = rusqlite::Connection::open(&file).unwrap();
    db.execute_batch(include_str!("schema/1.sql")).unwrap();
    let sum = r#"{"windows":1,"attempts":2,"ready":1,"failures":[],"disconnects":[],"phases":[],"ready_us":[40,1],
                  "rtt_us":[],"ack_us":[],"sent":0,"received":0,"sent_bytes":0,"received_bytes":0,"up_ms":5,"down_ms":6}"#;
    db.execute_batch("INSERT INTO app (name) VALUES ('im'); INSERT INTO word (text) VALUES ('1.0'), ('longlink'), ('gate');")
        .unwrap();
    for at in [3_600, 7_260] {
        db.execute(
            "INSERT INTO connection_sum VALUES (1, ?, 1, 2, 3, 'wifi', 2, 1, ?)",
            (at, sum),
        )
        .unwrap();
    }
    db.pragma_update(None, "user_version", 1).unwrap();
    drop(db);
    let store = SqliteStore::open(data.path()).unwrap();
    for step in [3_600, 60] {
        let span = Span {
            from: 3_600,
            to: 10_800,
            step,
        };
        let filter = crate::store::ConnectionFilter::default();
        let answer = store.connections(&app(), filter, span).await.unwrap();
        assert_eq!((answer.total.windows, answer.total.attempts), (2, 4));
        assert_eq!(answer.by_endpoint[0].1.ready_us.count(), 2);
        assert_eq!((answer.by_os.len(), answer.by_transport.len()), (0, 0));
    }
    assert_eq!(store.health(&app(), ALWAYS).await.unwrap().attempts, 4);
}

fn crash(number: u32, who: u32, run: u32, hour: u64, issue: u64) -> Incoming {
    let json = format!(
        "{{\"id\":\"{number:032x}\",\"at\":{},\"run\":\"{run:032x}\",\"pseudonym\":\"{who:032x}\",\"release\":\"1.{}\",\
         \"device\":{{\"os\":\"linux\",\"arch\":\"x86_64\"}},\"what\":{{\"run\":{{}}}}}}",
        hour * 3_600,
        number % 2,
    );
    let mut report = Report::from_json(&json).unwrap();
    report.what = crate::store::contract::a_crash();
    let json = serde_json::to_string(&report).unwrap();
    let issue = crate::store::contract::an_issue(issue);
    Incoming::new(number, report, &json, Some(issue))
}

/// What the days of issues say, packed.
fn days(db: &rusqlite::Connection) -> Vec<(u64, i64, Vec<u8>, Vec<u8>)> {
    let mut query = db
        .prepare("SELECT day, issue, hours, classes FROM issue_day ORDER BY day, issue")
        .unwrap();
    let days = query.query_map([], |row| {
        Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
    });
    days.unwrap().collect::<Result<_, _>>().unwrap()
}

/// What they would say if all was counted again.
fn days_again(db: &mut rusqlite::Connection) -> Vec<(u64, i64, Vec<u8>, Vec<u8>)> {
    let tx = db.transaction().unwrap();
    tx.execute("DELETE FROM issue_day", []).unwrap();
    super::meetings::fill(&tx).unwrap();
    days(&tx)
}

/// What is said of the issues of a range.
async fn answers(store: &SqliteStore, span: Span) -> Vec<String> {
    let filter = IssueFilter::all(span, 0);
    let mut answers = vec![
        format!("{:?}", store.issues(&app(), filter.clone()).await.unwrap()),
        format!("{:?}", store.reach(&app(), filter).await.unwrap()),
        format!("{:?}", store.new_issues(&app(), span).await.unwrap()),
    ];
    for dimension in Dimension::ALL {
        let spreads = store.spreads(&app(), dimension, span).await.unwrap();
        answers.push(format!("{spreads:?}"));
    }
    answers
}

/// Whoever remembers is answered as one who reads all of it now.
async fn check_answers(store: &SqliteStore, data: &TempDir, after: &str) {
    for (from, to) in [(400, 500), (410, 470), (440, 450)] {
        let span = Span {
            from: from * 3_600,
            to: to * 3_600,
            step: 3_600,
        };
        let again = SqliteStore::open(data.path()).unwrap();
        assert_eq!(
            answers(store, span).await,
            answers(&again, span).await,
            "after {after}"
        );
    }
}

#[tokio::test]
async fn whatever_comes_and_goes_the_days_of_issues_are_what_counting_again_gives() {
    let (store, data) = open_store();
    let key = IngestKey::generate();
    store.add_app(&app(), key.hash()).await.unwrap();
    let mut db = rusqlite::Connection::open(data.path().join("candor.db")).unwrap();
    let mut number: u32 = 0;
    let mut some = |arrived: u64| {
        let crashes = (0..100).map(|which| {
            number += 1;
            let mixed = number.wrapping_mul(2_654_435_761) >> 8;
            // More people later.
            let who = mixed % if arrived < 510 * 3_600 { 7 } else { 11 };
            let run = who * 10 + mixed / 7 % 3;
            let hour = 400 + u64::from(mixed / 21 % 90);
            if which >= 60 {
                // One crashes in a loop, with one release and the other.
                return crash(number, 0, run, hour, 0);
            }
            // Some runs go on under another pseudonym.
            let who = if mixed.is_multiple_of(11) {
                who + 1
            } else {
                who
            };
            crash(number, who, run, hour, u64::from(mixed % 3))
        });
        (crashes.collect::<Vec<_>>(), arrived)
    };
    let pseudonym = |who: u32| format!("{who:032x}").parse::<Pseudonym>().unwrap();
    let check = |db: &mut rusqlite::Connection, after: &str| {
        let kept = days(db);
        assert!(!kept.is_empty());
        assert_eq!(kept, days_again(db), "after {after}");
    };
    for arrived in [500 * 3_600, 510 * 3_600] {
        let (crashes, arrived) = some(arrived);
        store.keep(&app(), crashes, arrived).await.unwrap();
        check(&mut db, "keeping");
        check_answers(&store, &data, "keeping").await;
        let one_more = Change::Ignore(Until::Installs(1));
        let two_more = Change::Ignore(Until::Installs(3));
        for (issue, change) in [(0, one_more), (1, two_more), (2, Change::Merge(IssueId(1)))] {
            let by = By {
                who: Person::new("Wei").unwrap(),
                at: arrived,
            };
            let changed = store.triage(&app(), &[IssueId(issue)], change, by).await;
            assert!(changed.unwrap() <= 1);
        }
        check_answers(&store, &data, "deciding").await;
    }
    store
        .erase(&app(), &[pseudonym(3), pseudonym(4)], 0)
        .await
        .unwrap();
    check(&mut db, "erasing installations");
    check_answers(&store, &data, "erasing installations").await;
    let range = Part::Range {
        from: 420 * 3_600,
        to: 433 * 3_600,
    };
    store.erase_part(&app(), &range, 0).await.unwrap();
    check(&mut db, "erasing a range");
    check_answers(&store, &data, "erasing a range").await;
    let expiry = Expiry {
        reports: [(Kind::Crash, 505 * 3_600)].into(),
        summaries: 415 * 3_600,
        future: 480 * 3_600,
        ledger: 0,
        quarantine: 0,
    };
    let expired = store.expire(&app(), expiry).await.unwrap();
    assert!(expired.reports > 0 && expired.cells > 0, "{expired:?}");
    check(&mut db, "expiring");
    check_answers(&store, &data, "expiring").await;
    let release = Part::Release("1.1".parse().unwrap());
    store.erase_part(&app(), &release, 0).await.unwrap();
    check_answers(&store, &data, "erasing a release").await;
    check(&mut db, "erasing a release");
    store.erase_part(&app(), &Part::App, 0).await.unwrap();
    assert_eq!(days(&db), []);
}

/// Narrowed to one class more.
fn one_class(filter: &IssueFilter, dimension: Dimension, class: &str) -> IssueFilter {
    let mut filter = filter.clone();
    let place = match dimension {
        Dimension::Release => &mut filter.release,
        Dimension::Os => &mut filter.os,
        Dimension::Device => &mut filter.device,
    };
    *place = Some(class.to_owned());
    filter
}

#[tokio::test]
async fn what_the_version_before_wrote_is_answered_as_its_reports_say() {
    let data = tempfile::tempdir().unwrap();
    let file = data.path().join("candor.db");
    let packed: &[u8] = include_bytes!("schema/6.db.zst");
    std::fs::write(&file, zstd::decode_all(packed).unwrap()).unwrap();
    let app: AppName = "fleet".parse().unwrap();
    let db = rusqlite::Connection::open(&file).unwrap();
    let number = |sql: &str, values: &[&dyn rusqlite::ToSql]| -> u64 {
        db.query_row(sql, values, |row| row.get(0)).unwrap()
    };
    let windows = number("SELECT count(*) FROM report WHERE kind = 'connection'", &[]);
    let first = number("SELECT min(at) FROM report WHERE issue IS NOT NULL", &[]);
    let first = first - first % 3_600;
    let attempts = number(
        "SELECT sum(attempts) FROM connection_sum WHERE grain < 2",
        &[],
    );
    drop(SqliteStore::open(data.path()).unwrap());
    let store = SqliteStore::open(data.path()).unwrap();
    let mut classes: Vec<(Dimension, String)> = Vec::new();
    for dimension in Dimension::ALL {
        let column = dimension.as_str();
        let mut query = db
            .prepare(&format!(
                "SELECT DISTINCT text FROM report JOIN word ON word.id = {column} WHERE issue IS NOT NULL"
            ))
            .unwrap();
        let names = query.query_map([], |row| row.get(0)).unwrap();
        classes.extend(names.map(|name| (dimension, name.unwrap())));
    }
    let os = classes.iter().find(|(of, _)| *of == Dimension::Os);
    let os = &os.unwrap().1;
    for (from, hours) in [(0, 48), (0, 2), (4, 8), (10, 4)] {
        let span = Span {
            from: first + from * 3_600,
            to: first + (from + hours) * 3_600,
            step: 3_600,
        };
        let all = IssueFilter::all(span, 0);
        let narrowed = classes.iter().flat_map(|(dimension, class)| {
            let one = one_class(&all, *dimension, class);
            let system = (*dimension != Dimension::Os).then(|| one_class(&one, Dimension::Os, os));
            [Some(one), system]
        });
        let filters = narrowed.flatten().chain([all.clone()]);
        for filter in filters {
            let mut met = "FROM report WHERE issue IS NOT NULL AND at >= ? AND at < ?".to_owned();
            for dimension in Dimension::ALL {
                if let Some(class) = filter.class(dimension) {
                    let column = dimension.as_str();
                    met += &format!(" AND {column} = (SELECT id FROM word WHERE text = '{class}')");
                }
            }
            let after = format!("{hours} hours from {from}: {met}");
            let list = store.issues(&app, filter).await.unwrap();
            let values: [&dyn rusqlite::ToSql; 2] = [&span.from, &span.to];
            let issues = number(&format!("SELECT count(DISTINCT issue) {met}"), &values);
            assert_eq!(list.total, issues, "{after}");
            for row in list.rows {
                let of_issue = format!("{met} AND issue = {}", row.id.0 as i64);
                let truth = ["*", "DISTINCT run", "DISTINCT pseudonym"]
                    .map(|what| number(&format!("SELECT count({what}) {of_issue}"), &values));
                assert_eq!([row.reports, row.runs, row.installs], truth, "{after}");
            }
        }
    }
    let all = Span {
        to: 100_000_000_000,
        ..ALWAYS
    };
    let filter = crate::store::ConnectionFilter::default();
    let answer = store
        .connections(
            &app,
            filter,
            Span {
                step: 1 << 40,
                ..all
            },
        )
        .await
        .unwrap();
    assert_eq!(
        (answer.total.windows, answer.total.attempts),
        (windows, attempts)
    );
    let mut db = rusqlite::Connection::open(&file).unwrap();
    let filled = days(&db);
    assert!(!filled.is_empty());
    assert_eq!(filled, days_again(&mut db));
}

/// A report that says `what`.
fn told(number: u32, who: u32, hour: u64, release: u32, what: &str) -> Incoming {
    let json = format!(
        "{{\"id\":\"{number:032x}\",\"at\":{},\"run\":\"{:032x}\",\"pseudonym\":\"{who:032x}\",\"release\":\"1.{release}\",\
         \"device\":{{\"os\":\"linux\",\"arch\":\"x86_64\"}},\"what\":{what}}}",
        hour * 3_600,
        number / 2,
    );
    Incoming::new(number, Report::from_json(&json).unwrap(), &json, None)
}

/// Runs of a few installations in some hours, most of them told twice, and their connections.
fn some_hours(first: u32) -> Vec<Incoming> {
    let reports = (first..first + 90).flat_map(|number| {
        let mixed = (number / 2).wrapping_mul(2_654_435_761) >> 8;
        let (who, release) = (mixed % 9, mixed / 9 % 3);
        // Of some runs the later report tells of another hour.
        let hour = 400 + u64::from(mixed / 27 % 120) + u64::from(number % 2 * (mixed % 3));
        let window = format!(
            "{{\"connection\":{{\"name\":\"longlink\",\"endpoint\":\"gate\",\"transport\":\"tcp\",\"network\":\"{}\",\
             \"seconds\":60,\"attempts\":{},\"ready\":1,\"ready_us\":[{},1]}}}}",
            if mixed.is_multiple_of(2) { "wifi" } else { "4g" },
            1 + mixed % 3,
            40 + mixed % 5,
        );
        let run = ["{\"run\":{}}", "{\"run\":{\"exit\":\"clean\",\"uptime_ms\":5}}"];
        [
            told(number, who, hour, release, run[number as usize % 2]),
            told(number + 1_000_000, who, hour, release, &window),
        ]
    });
    reports.collect()
}

/// Whatever is read from what was counted before is what reports and hours say.
async fn check_hours(store: &SqliteStore, db: &rusqlite::Connection, after: &str) {
    use crate::store::{ConnectionFilter, Group, Of};
    let hours = |from: u64, to: u64, step: u64| Span {
        from: from * 3_600,
        to: to * 3_600,
        step: step * 3_600,
    };
    for (from, to) in [(0, 1_000), (400, 460), (431, 432), (450, 523), (384, 504)] {
        let span = hours(from, to, 1);
        let count = |what: &str| -> BTreeMap<String, u64> {
            let mut query = db
                .prepare(&format!(
                    "SELECT {what}, count(DISTINCT pseudonym) FROM run JOIN word ON word.id = release WHERE at >= ? AND at < ? GROUP BY 1"
                ))
                .unwrap();
            let rows = query.query_map((span.from, span.to), |row| Ok((row.get(0)?, row.get(1)?)));
            rows.unwrap().collect::<Result<_, _>>().unwrap()
        };
        let all = count("''").remove("").unwrap_or_default();
        let health = store.health(&app(), span).await.unwrap();
        assert_eq!(health.installs, all, "{from} to {to}, after {after}");
        let groups = store.groups(&app(), Of::Runs, span).await.unwrap();
        let by = groups.by.into_iter().map(|(group, installs)| match group {
            Group::Release(release) => (release, installs),
            other => panic!("{other:?}"),
        });
        assert_eq!(
            by.collect::<BTreeMap<_, _>>(),
            count("text"),
            "{from} to {to}, after {after}"
        );
        assert_eq!(groups.installs, all);
        let releases = store.releases(&app(), span).await.unwrap();
        let by = releases.into_iter().filter(|row| row.installs > 0);
        let by: BTreeMap<_, _> = by
            .map(|row| (row.release.to_string(), row.installs))
            .collect();
        assert_eq!(by, count("text"));
    }
    let folded: Option<(u64, u64)> = db
        .query_row("SELECT since, until FROM connection_folded", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .optional()
        .unwrap();
    let windows = async || {
        let mut told = Vec::new();
        for span in [
            hours(0, 1_000, 1_000),
            hours(384, 552, 6),
            hours(384, 552, 24),
            hours(403, 500, 7),
        ] {
            let filter = ConnectionFilter::default;
            let wifi = ConnectionFilter {
                network: Some(Network::Wifi),
                ..filter()
            };
            told.push(store.connections(&app(), filter(), span).await.unwrap());
            told.push(store.connections(&app(), wifi, span).await.unwrap());
            let health = store.health(&app(), span).await.unwrap();
            let trend = store.trend(&app(), span).await.unwrap();
            let releases = store.releases(&app(), span).await.unwrap();
            assert_eq!(
                trend.iter().map(|point| point.attempts).sum::<u64>(),
                health.attempts
            );
            assert_eq!(
                releases.iter().map(|row| row.ready).sum::<u64>(),
                health.ready
            );
            assert_eq!(told[told.len() - 2].total.ready_us, health.ready_us);
        }
        told
    };
    let quickly = windows().await;
    db.execute("DELETE FROM connection_folded", []).unwrap();
    assert_eq!(quickly, windows().await, "after {after}");
    if let Some(folded) = folded {
        db.execute("INSERT INTO connection_folded VALUES (1, ?, ?)", folded)
            .unwrap();
    }
    for (kept, counted) in [
        (
            "SELECT week, release, network, installs FROM connection_installs ORDER BY 1, 2, 3",
            "SELECT week, release, network, count(*) FROM connection_install GROUP BY 1, 2, 3 ORDER BY 1, 2, 3",
        ),
        (
            "SELECT week, '', '', installs FROM connection_week ORDER BY 1",
            "SELECT week, '', '', count(DISTINCT pseudonym) FROM connection_install GROUP BY 1 ORDER BY 1",
        ),
    ] {
        let rows = |sql: &str| -> Vec<[rusqlite::types::Value; 4]> {
            let mut query = db.prepare(sql).unwrap();
            let rows = query.query_map([], |row| {
                Ok([row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?])
            });
            rows.unwrap().collect::<Result<_, _>>().unwrap()
        };
        assert_eq!(rows(kept), rows(counted), "after {after}");
    }
}

#[tokio::test]
async fn whatever_comes_and_goes_what_pages_are_made_from_is_what_reports_say() {
    let (store, data) = open_store();
    let key = IngestKey::generate();
    store.add_app(&app(), key.hash()).await.unwrap();
    let db = rusqlite::Connection::open(data.path().join("candor.db")).unwrap();
    let folded = || -> u64 {
        db.query_row("SELECT count(*) FROM connection_past", [], |row| row.get(0))
            .unwrap()
    };
    let pseudonym = |who: u32| format!("{who:032x}").parse::<Pseudonym>().unwrap();
    // Before anything is over; with two days that are; and with much that comes late.
    for (first, arrived) in [
        (0, 401),
        (100, 401),
        (200, 450),
        (300, 470),
        (400, 530),
        (500, 531),
    ] {
        store
            .keep(&app(), some_hours(first), arrived * 3_600)
            .await
            .unwrap();
        check_hours(&store, &db, &format!("what arrived at {arrived}")).await;
    }
    assert!(folded() > 50);
    store
        .erase(&app(), &[pseudonym(3), pseudonym(4)], 0)
        .await
        .unwrap();
    check_hours(&store, &db, "erasing installations").await;
    let range = Part::Range {
        from: 420 * 3_600,
        to: 433 * 3_600,
    };
    store.erase_part(&app(), &range, 0).await.unwrap();
    check_hours(&store, &db, "erasing a range").await;
    let refused = store.keep(&app(), some_hours(600), 540 * 3_600).await;
    assert!(matches!(refused, Ok(Kept::Erased { .. })));
    let late = some_hours(600).into_iter().filter(|incoming| {
        let hour = incoming.report.at.unix_seconds() / 3_600;
        let who = &incoming.report.pseudonym;
        !(420..433).contains(&hour) && ![3, 4].iter().any(|gone| *who == pseudonym(*gone))
    });
    let late: Vec<Incoming> = late.collect();
    store.keep(&app(), late, 540 * 3_600).await.unwrap();
    check_hours(&store, &db, "arriving again").await;
    assert!(folded() > 50);
    let expiry = Expiry {
        reports: [(Kind::Run, 445 * 3_600), (Kind::Connection, 535 * 3_600)].into(),
        summaries: 442 * 3_600,
        future: 515 * 3_600,
        ledger: 0,
        quarantine: 0,
    };
    let expired = store.expire(&app(), expiry).await.unwrap();
    assert!(expired.reports > 0 && expired.cells > 0, "{expired:?}");
    check_hours(&store, &db, "expiring").await;
    let release = Part::Release("1.1".parse().unwrap());
    store.erase_part(&app(), &release, 0).await.unwrap();
    check_hours(&store, &db, "erasing a release").await;
    store.erase_part(&app(), &Part::App, 0).await.unwrap();
    check_hours(&store, &db, "erasing all").await;
    let left: u64 = db
        .query_row(
            "SELECT (SELECT count(*) FROM present) + (SELECT count(*) FROM connection_week)",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!((left, folded()), (0, 0));
}
