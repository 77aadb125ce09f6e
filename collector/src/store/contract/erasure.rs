//! Erasing installations.

use super::samples::{DAY, Life, START, app, id, keep, pseudonym, with_app};
use super::{answers, everything_of};
use crate::store::{IssueFilter, IssueId, Kept, Store};
use candor_protocol::report::Kind;

pub(crate) async fn an_erased_installation_leaves_no_trace_in_any_answer(store: &impl Store) {
    let store = with_app(store).await;
    keep(store, everything_of(1)).await;
    let without = answers(store).await;
    keep(store, everything_of(2)).await;
    keep(store, everything_of(3)).await;
    assert_ne!(answers(store).await, without);
    assert_eq!(
        store
            .erase(&app(), &[pseudonym(2), pseudonym(3), pseudonym(4)], START)
            .await
            .unwrap(),
        14
    );
    assert_eq!(answers(store).await, without);
    assert_eq!(store.report(&app(), id(201)).await.unwrap(), None);
    assert_eq!(
        store.issue(&app(), IssueId(1_002), DAY, 0).await.unwrap(),
        None
    );
    let ledger = store.ledger(&app()).await.unwrap();
    assert_eq!((ledger.erased, ledger.stored[&Kind::Crash]), (14, 6));
    // Erasing again erases nothing; erasing the rest leaves nothing.
    assert_eq!(
        store.erase(&app(), &[pseudonym(2)], START).await.unwrap(),
        0
    );
    assert_eq!(
        store.erase(&app(), &[pseudonym(1)], START).await.unwrap(),
        7
    );
    assert_eq!(store.health(&app(), DAY).await.unwrap(), Default::default());
    assert_eq!(
        store
            .issues(&app(), IssueFilter::all(DAY, 0))
            .await
            .unwrap()
            .rows,
        []
    );
}

pub(crate) async fn late_reports_of_an_erased_installation_are_refused_whole(store: &impl Store) {
    let store = with_app(store).await;
    keep(store, everything_of(1)).await;
    store.erase(&app(), &[pseudonym(1)], START).await.unwrap();
    let before = answers(store).await;
    let mixed = vec![
        Life::new(2, 2).run(1, None, 0),
        Life::new(1, 1).run(2, None, 0),
        Life::new(1, 1).run(3, None, 0),
    ];
    assert_eq!(
        store.keep(&app(), mixed, START).await.unwrap(),
        Kept::Erased { line: 3 }
    );
    assert_eq!(answers(store).await, before);
    assert_eq!(
        keep(store, vec![Life::new(2, 2).run(1, None, 0)]).await,
        (1, 0)
    );
    // An installation that was never heard of is refused as well once its user asked.
    store.erase(&app(), &[pseudonym(9)], START).await.unwrap();
    let late = vec![Life::new(9, 9).run(4, None, 0)];
    assert_eq!(
        store.keep(&app(), late, START).await.unwrap(),
        Kept::Erased { line: 5 }
    );
}
