//! The contract, and what only this engine promises.

use super::{SqliteStore, Writer, open};
use crate::access::IngestKey;
use crate::store::contract::store_contract;
use crate::store::{Incoming, Kept, Span, Store, StoreError};
use candor_protocol::deidentify::{AppName, Pseudonym};
use candor_protocol::report::Report;
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
    let writing = open::for_writing(data.path()).unwrap();
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
