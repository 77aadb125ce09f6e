//! Exactly once, whatever happens.

use super::samples::{DAY, Life, START, Together, app, id, keep, with_app};
use super::{answers, everything_of};
use crate::access::IngestKey;
use crate::store::{ConnectionFilter, IssueFilter, IssueId, Kept, Store, StoreError};
use candor_protocol::report::{Kind, What};

pub(crate) async fn a_report_is_kept_once_however_often_it_arrives(store: &impl Store) {
    let store = with_app(store).await;
    let report = || Life::new(1, 1).crash(1, 7, true);
    assert_eq!(keep(store, vec![report()]).await, (1, 0));
    assert_eq!(keep(store, vec![report()]).await, (0, 1));
    assert_eq!(
        keep(
            store,
            vec![report(), Life::new(1, 1).crash(2, 7, true), report()]
        )
        .await,
        (1, 2)
    );
    let health = store.health(&app(), DAY).await.unwrap();
    assert_eq!((health.crashes, health.runs), (2, 1));
    assert_eq!(
        store.report(&app(), id(1)).await.unwrap(),
        Some(report().report)
    );
    assert_eq!(store.report(&app(), id(9)).await.unwrap(), None);
}

pub(crate) async fn a_report_that_arrives_many_times_at_once_is_kept_once(store: &impl Store) {
    let store = with_app(store).await;
    let batch = || {
        (0..10)
            .map(|number| Life::new(1, number).crash(number, 7, true))
            .collect::<Vec<_>>()
    };
    let (mut stored, mut duplicates) = (0, 0);
    for (new, old) in Together::start((0..20).map(|_| keep(store, batch())))
        .await
        .finish()
        .await
    {
        stored += new;
        duplicates += old;
    }
    assert_eq!((stored, duplicates), (10, 190));
    let ledger = store.ledger(&app()).await.unwrap();
    assert_eq!((ledger.stored[&Kind::Crash], ledger.duplicates), (10, 190));
    assert_eq!(store.health(&app(), DAY).await.unwrap().crashes, 10);
}

pub(crate) async fn replays_in_any_order_change_no_answer(store: &impl Store) {
    let store = with_app(store).await;
    let all: Vec<_> = (1..12).flat_map(everything_of).collect();
    keep(store, all.clone()).await;
    let wanted = answers(store).await;
    let others = "shuffled".parse().unwrap();
    store
        .add_app(&others, IngestKey::generate().hash())
        .await
        .unwrap();
    // A third of them twice, dealt out in batches whose order has nothing to do with time.
    let mut dealt: Vec<_> = all.iter().chain(all.iter().step_by(3)).cloned().collect();
    let count = dealt.len();
    (0..count).for_each(|index| dealt.swap(index, (index * 7_919 + 13) % count));
    for batch in dealt.chunks(5) {
        store.keep(&others, batch.to_vec(), START).await.unwrap();
    }
    // The same questions of the other app.
    let filter = IssueFilter::all(DAY, 0);
    let got = format!(
        "{:#?}\n{:#?}\n{:#?}\n{:#?}\n{:#?}\n{:#?}\n{:#?}\n{:#?}",
        store.health(&others, DAY).await.unwrap(),
        store.trend(&others, DAY).await.unwrap(),
        store.exits(&others, DAY).await.unwrap(),
        store.releases(&others, DAY).await.unwrap(),
        store.issues(&others, filter).await.unwrap(),
        store.issue(&others, IssueId(7), DAY, 0).await.unwrap(),
        store.freezes(&others, DAY).await.unwrap(),
        store
            .connections(&others, ConnectionFilter::default(), DAY)
            .await
            .unwrap(),
    );
    assert_eq!(got, wanted);
    let ledger = store.ledger(&others).await.unwrap();
    assert_eq!(ledger.stored.values().sum::<u64>() as usize, all.len());
    assert_eq!(ledger.duplicates as usize, count - all.len());
}

pub(crate) async fn a_stopped_store_finishes_what_it_accepted_and_then_refuses(store: &impl Store) {
    let store = with_app(store).await;
    let app = &app();
    let crash = |number| vec![Life::new(1, number).crash(number, 7, true)];
    let accepted =
        Together::start((0..50).map(|number| store.keep(app, crash(number), START))).await;
    store.stop().await.unwrap();
    for kept in accepted.finish().await {
        assert_eq!(
            kept.unwrap(),
            Kept::Stored {
                stored: 1,
                duplicates: 0
            }
        );
    }
    let late = store.keep(app, crash(99), START).await;
    assert_eq!(late, Err(StoreError::Stopped));
    store.stop().await.unwrap();
    // It still answers.
    assert_eq!(store.health(app, DAY).await.unwrap().crashes, 50);
    let crash = store.report(app, id(3)).await.unwrap().unwrap();
    assert!(matches!(crash.what, What::Crash(_)));
}
