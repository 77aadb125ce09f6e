//! Apps, their keys, and what keeps them apart.

use super::samples::{DAY, Life, START, app, id, keep, pseudonym, with_app};
use crate::access::IngestKey;
use crate::store::{
    ConnectionFilter, ConnectionSum, IssueFilter, IssueId, Kept, Store, StoreError,
};

pub(crate) async fn a_key_leads_to_its_app_and_no_other_key_does(store: &impl Store) {
    let (key, other) = (IngestKey::generate(), IngestKey::generate());
    store.add_app(&app(), key.hash()).await.unwrap();
    for _ in 0..2 {
        assert_eq!(store.app_of_key(key.hash()).await.unwrap(), Some(app()));
        assert_eq!(store.app_of_key(other.hash()).await.unwrap(), None);
    }
    // A key that was asked for before it existed is found afterwards.
    store
        .add_app(&"other".parse().unwrap(), other.hash())
        .await
        .unwrap();
    assert_eq!(
        store.app_of_key(other.hash()).await.unwrap(),
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
    assert_eq!(store.app_of_key(late.hash()).await.unwrap(), None);
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
            .issue(&other, IssueId(7), DAY)
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
    let filter = IssueFilter {
        kind: None,
        span: DAY,
    };
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
    assert_eq!(store.issues(&app(), filter).await.unwrap(), []);
    assert_eq!(store.issue(&app(), IssueId(1), DAY).await.unwrap(), None);
    assert_eq!(
        store
            .issue_reports(&app(), IssueId(1), 5, None)
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
