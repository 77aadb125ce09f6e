//! Apps, their keys, and what keeps them apart.

use super::samples::{DAY, Life, START, app, id, keep, pseudonym, with_app};
use crate::access::{IngestKey, KeyHash};
use crate::store::{
    ConnectionFilter, ConnectionSum, IssueFilter, IssueId, Kept, Store, StoreError,
};
use candor_protocol::deidentify::AppName;

pub(crate) async fn a_key_leads_to_its_app_and_no_other_key_does(store: &impl Store) {
    let (key, other) = (IngestKey::generate(), IngestKey::generate());
    store.add_app(&app(), key.hash()).await.unwrap();
    for _ in 0..2 {
        assert_eq!(
            store.key(key.hash()).await.unwrap().map(|key| key.app),
            Some(app())
        );
        assert_eq!(
            store.key(other.hash()).await.unwrap().map(|key| key.app),
            None
        );
    }
    // A key that was asked for before it existed is found afterwards.
    store
        .add_app(&"other".parse().unwrap(), other.hash())
        .await
        .unwrap();
    assert_eq!(
        store.key(other.hash()).await.unwrap().map(|key| key.app),
        Some("other".parse().unwrap())
    );
    assert_eq!(
        store.apps().await.unwrap(),
        [app(), "other".parse().unwrap()]
    );
}

pub(crate) async fn an_app_is_added_once(store: &impl Store) {
    let (key, late) = (IngestKey::generate(), IngestKey::generate());
    store.add_app(&app(), key.hash()).await.unwrap();
    assert_eq!(
        store.add_app(&app(), late.hash()).await,
        Err(StoreError::AppExists)
    );
    assert_eq!(
        store.key(late.hash()).await.unwrap().map(|key| key.app),
        None
    );
}

pub(crate) async fn apps_see_nothing_of_each_other(store: &impl Store) {
    let store = with_app(store).await;
    let other = "other".parse().unwrap();
    store
        .add_app(&other, IngestKey::generate().hash())
        .await
        .unwrap();
    let report = || Life::new(1, 1).crash(1, 7, true);
    keep(store, vec![report()]).await;
    // The same id in another app is another report.
    assert_eq!(
        store.keep(&other, vec![report()], START).await.unwrap(),
        Kept::Stored {
            stored: 1,
            duplicates: 0
        }
    );
    assert_eq!(
        store.erase(&other, &[pseudonym(1)], START).await.unwrap(),
        1
    );
    assert_eq!(store.health(&app(), DAY).await.unwrap().crashes, 1);
    assert_eq!(store.health(&other, DAY).await.unwrap().crashes, 0);
    assert!(store.report(&app(), id(1)).await.unwrap().is_some());
    assert!(store.report(&other, id(1)).await.unwrap().is_none());
    assert!(
        store
            .issue(&other, IssueId(7), DAY, 0)
            .await
            .unwrap()
            .is_none()
    );
    assert_eq!(
        keep(store, vec![Life::new(1, 1).crash(2, 7, true)]).await,
        (1, 0)
    );
}

pub(crate) async fn what_is_asked_about_an_app_that_does_not_exist_is_empty(store: &impl Store) {
    let filter = IssueFilter::all(DAY, 0);
    let lost = vec![Life::new(1, 1).run(1, None, 0)];
    assert_eq!(
        store.keep(&app(), lost, START).await,
        Err(StoreError::NoApp)
    );
    assert_eq!(store.apps().await.unwrap(), []);
    assert_eq!(store.ledger(&app()).await.unwrap(), Default::default());
    assert_eq!(store.health(&app(), DAY).await.unwrap(), Default::default());
    assert_eq!(store.trend(&app(), DAY).await.unwrap().len(), 24);
    assert_eq!(store.releases(&app(), DAY).await.unwrap(), []);
    assert_eq!(store.issues(&app(), filter).await.unwrap().rows, []);
    assert_eq!(store.issue(&app(), IssueId(1), DAY, 0).await.unwrap(), None);
    assert_eq!(
        store
            .issue_reports(&app(), IssueId(1), None, 5, None)
            .await
            .unwrap(),
        []
    );
    assert_eq!(store.report(&app(), id(1)).await.unwrap(), None);
    assert_eq!(store.freezes(&app(), DAY).await.unwrap(), []);
    let connections = store
        .connections(&app(), ConnectionFilter::default(), DAY)
        .await
        .unwrap();
    assert_eq!(
        (connections.total, connections.series.len()),
        (ConnectionSum::default(), 24)
    );
}

pub(crate) async fn keys_come_and_go_and_each_ends_in_its_own_time(store: &impl Store) {
    let (first, second) = (IngestKey::generate().hash(), IngestKey::generate().hash());
    assert_eq!(
        store.add_key(&app(), second, START).await,
        Err(StoreError::NoApp)
    );
    store.add_app(&app(), first).await.unwrap();
    store.add_key(&app(), second, START).await.unwrap();
    let ends = |key: KeyHash| async move { store.key(key).await.unwrap().unwrap().until };
    assert_eq!((ends(first).await, ends(second).await), (None, None));
    // The old one goes on for a while beside the new one.
    assert!(store.end_key(&app(), first.id(), START + 60).await.unwrap());
    let old = store.key(first).await.unwrap().unwrap();
    assert!(old.is_taken(START + 59) && !old.is_taken(START + 60));
    // It may end sooner than was said, never later.
    for (at, until) in [(START + 90, START + 60), (START + 30, START + 30)] {
        assert!(store.end_key(&app(), first.id(), at).await.unwrap());
        assert_eq!(ends(first).await, Some(until));
    }
    let other: AppName = "other".parse().unwrap();
    store
        .add_app(&other, IngestKey::generate().hash())
        .await
        .unwrap();
    assert!(!store.end_key(&other, second.id(), 0).await.unwrap());
    assert_eq!(ends(second).await, None);
    let keys = store.keys(&app()).await.unwrap();
    let told: Vec<_> = keys.iter().map(|key| (key.id, key.since)).collect();
    assert_eq!(told, [(first.id(), None), (second.id(), Some(START))]);
    assert_eq!(store.keys(&other).await.unwrap().len(), 1);
}

pub(crate) async fn a_store_that_can_write_says_so_and_changes_nothing(store: &impl Store) {
    let store = with_app(store).await;
    keep(store, vec![Life::new(1, 1).crash(1, 7, true)]).await;
    let before = super::answers(store).await;
    for _ in 0..3 {
        store.writable().await.unwrap();
    }
    assert_eq!(super::answers(store).await, before);
    store.stop().await.unwrap();
    assert_eq!(store.writable().await, Err(StoreError::Stopped));
}
