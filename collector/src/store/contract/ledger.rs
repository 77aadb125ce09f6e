//! What arrived and what became of it.

use super::samples::{Life, START, app, with_app};
use crate::store::Store;
use candor_protocol::report::{Kind, LossReason};

pub(crate) async fn the_ledger_counts_what_became_of_every_report(store: &impl Store) {
    let store = with_app(store).await;
    assert_eq!(store.ledger(&app()).await.unwrap().last_batch, None);
    let life = Life::new(1, 1);
    let reports = vec![
        life.run(1, None, 0),
        life.crash(2, 7, true),
        life.loss(3, 4),
        life.loss(4, 5),
    ];
    store.keep(&app(), reports, START + 100).await.unwrap();
    // Another day counts into the same sums.
    store
        .keep(
            &app(),
            vec![life.run(1, None, 0), life.run(5, None, 0)],
            START + 90_000,
        )
        .await
        .unwrap();
    store
        .count_refused(&app(), "bad_report", 3, START)
        .await
        .unwrap();
    store
        .count_refused(&app(), "bad_report", 1, START + 90_000)
        .await
        .unwrap();
    store
        .count_refused(&app(), "too_large", 1, START)
        .await
        .unwrap();
    let ledger = store.ledger(&app()).await.unwrap();
    assert_eq!(
        ledger.stored.into_iter().collect::<Vec<_>>(),
        [(Kind::Crash, 1), (Kind::Run, 2), (Kind::Loss, 2)]
    );
    assert_eq!(ledger.duplicates, 1);
    assert_eq!(ledger.refused["bad_report"], 4);
    assert_eq!(ledger.refused["too_large"], 1);
    assert_eq!(ledger.lost[&Kind::Connection][&LossReason::SpoolFull], 9);
    let latest = START + 90_000;
    assert_eq!(ledger.last_batch, Some(latest - latest % 60));
}
