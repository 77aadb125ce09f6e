//! What arrived and what became of it.

use super::samples::{Life, START, app, with_app};
use crate::access::IngestKey;
use crate::store::{Arrival, BUSY, OVER_QUOTA, Store};
use candor_protocol::report::{Kind, LossReason};
use std::collections::BTreeMap;

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

pub(crate) async fn what_arrives_adds_up_for_every_key_and_day(store: &impl Store) {
    const DAY: u64 = 86_400;
    let store = with_app(store).await;
    let (a, b) = (
        IngestKey::generate().hash().id(),
        IngestKey::generate().hash().id(),
    );
    let at = |day: u64, key| Arrival {
        at: START + day * DAY,
        key,
    };
    let runs = |first: u32, many: u32| -> Vec<_> {
        (first..first + many)
            .map(|number| Life::new(number, number).run(number, None, 0))
            .collect()
    };
    let mut sent = BTreeMap::new();
    for (day, key, first, many) in [
        (0, Some(a), 0, 5),
        (0, Some(b), 3, 4),
        (1, Some(a), 0, 9),
        (1, None, 100, 2),
    ] {
        store
            .keep(&app(), runs(first, many), at(day, key))
            .await
            .unwrap();
        *sent.entry((day, key)).or_insert(0) += u64::from(many);
    }
    for (day, key, reason, many) in [
        (0, a, "bad_report", 3),
        (0, a, BUSY, 2),
        (1, b, OVER_QUOTA, 7),
        (1, b, OVER_QUOTA, 1),
    ] {
        store
            .count_refused(&app(), reason, many, at(day, Some(key)))
            .await
            .unwrap();
        *sent.entry((day, Some(key))).or_insert(0) += u64::from(many);
    }
    let intake = store.intake(&app(), 0, u64::MAX).await.unwrap();
    let day = |number: u64| START + number * DAY - START % DAY;
    let received: BTreeMap<_, _> = intake
        .iter()
        .map(|row| ((row.day, row.key), row.received()))
        .collect();
    let sent: BTreeMap<_, _> = sent
        .into_iter()
        .map(|((number, key), many)| ((day(number), key), many))
        .collect();
    assert_eq!((received, intake.len()), (sent, 5));
    let of = |number, key| {
        let found = intake
            .iter()
            .find(|row| (row.day, row.key) == (day(number), Some(key)));
        found.unwrap().clone()
    };
    assert_eq!((of(0, b).stored, of(0, b).duplicates), (2, 2));
    let (first, second) = (of(0, a), of(1, b));
    assert_eq!((first.refused["bad_report"], first.limited[BUSY]), (3, 2));
    assert_eq!(second.limited[OVER_QUOTA], 8);
    assert!(second.refused.is_empty());
    // Days by their first second, the latest first.
    assert_eq!(intake[0].day, day(1));
    assert_eq!(
        store.intake(&app(), day(1), u64::MAX).await.unwrap().len(),
        3
    );
    assert_eq!(store.intake(&app(), 0, day(1)).await.unwrap().len(), 2);
    let ledger = store.ledger(&app()).await.unwrap();
    assert_eq!((ledger.limited[BUSY], ledger.limited[OVER_QUOTA]), (2, 8));
    assert_eq!(ledger.refused.len(), 1);
}
