//! Freezes.

use super::samples::{DAY, Life, START, app, keep, pseudonym, sketch, with_app};
use crate::store::{FreezeRate, Store};
use candor_protocol::name;
use candor_protocol::report::{Activity, Exit, FreezeEnd, Level, Wait};

pub(crate) async fn freezes_tell_how_long_and_how(store: &impl Store) {
    let store = with_app(store).await;
    keep(
        store,
        vec![
            Life::new(1, 1).freeze(1, 3, 2_000),
            Life::new(2, 2).hour(1).freeze(2, 3, 8_000),
            Life::new(1, 1).freeze(3, 4, 1_000),
            Life::new(1, 1).crash(4, 5, true),
        ],
    )
    .await;
    let rows = store.freezes(&app(), DAY).await.unwrap();
    assert_eq!(
        rows.iter().map(|row| row.row.id.0).collect::<Vec<_>>(),
        [3, 4]
    );
    let row = &rows[0];
    assert_eq!(row.took_ms, sketch(&[2_000, 8_000]));
    assert!(row.longest_ms.abs_diff(8_000) <= 80, "{}", row.longest_ms);
    assert_eq!(
        (row.watches.clone(), row.turns.clone()),
        (vec![(name!("ui"), 2)], vec![(name!("open-chat"), 2)])
    );
    assert_eq!(
        (
            row.main,
            row.levels[&Level::Hang],
            row.levels[&Level::NotResponding],
            row.ends[&FreezeEnd::Recovered],
            row.activity[&Activity::Blocked],
            row.waits[&Wait::Futex]
        ),
        (2, 1, 1, 2, 2, 2)
    );
}

pub(crate) async fn freezes_are_counted_against_the_time_that_apps_ran(store: &impl Store) {
    let store = with_app(store).await;
    let (old, new) = (Life::new(1, 1), Life::new(2, 2).release("1.1"));
    keep(
        store,
        vec![
            old.run(1, Some(Exit::Clean), 7_200_000),
            old.freeze(2, 3, 2_000),
            old.freeze(3, 4, 2_000),
            old.crash(4, 5, true),
            new.run(5, Some(Exit::Clean), 3_600_000),
            // It still runs, so that it has told no time yet.
            Life::new(3, 3).release("1.2").freeze(6, 3, 2_000),
            Life::new(1, 4).hour(40).freeze(7, 3, 2_000),
        ],
    )
    .await;
    let rates = store.freeze_rates(&app(), DAY).await.unwrap();
    let rows = |rates: &[FreezeRate]| -> Vec<_> {
        let rows = rates.iter();
        rows.map(|rate| (rate.label.clone(), rate.freezes, rate.runs, rate.run_ms))
            .collect()
    };
    assert_eq!(
        rows(&rates.by_release),
        [
            ("1.0".to_owned(), 2, 1, 7_200_000),
            ("1.1".to_owned(), 0, 1, 3_600_000),
            ("1.2".to_owned(), 1, 1, 0),
        ]
    );
    let [machine] = &rows(&rates.by_device)[..] else {
        panic!("{rates:?}")
    };
    assert_eq!((machine.1, machine.2, machine.3), (3, 3, 10_800_000));
    store.erase(&app(), &[pseudonym(1)], START).await.unwrap();
    let rates = store.freeze_rates(&app(), DAY).await.unwrap();
    assert_eq!(rows(&rates.by_release)[0].0, "1.1", "nothing of it is left");
}
