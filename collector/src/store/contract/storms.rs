//! Storms of reconnects.

use super::samples::{DAY, Life, START, app, with_app};
use crate::store::{ConnectionFilter, Store};
use candor_protocol::deidentify::Name;
use candor_protocol::name;
use candor_protocol::report::Network;

/// What arrives from these installations at `arrived`: each has reconnected in the first hour.
async fn reconnect(store: &impl Store, who: std::ops::Range<u32>, endpoint: Name, arrived: u64) {
    for who in who {
        let life = Life::new(who, who).reconnects(2);
        let number = who * 100_000 + (arrived - START) as u32;
        let window = life.window(number, endpoint.clone(), Network::Wifi, &[5]);
        store.keep(&app(), vec![window], arrived).await.unwrap();
    }
}

pub(crate) async fn a_storm_of_reconnects_is_found_by_when_reports_arrive(store: &impl Store) {
    let store = with_app(store).await;
    let at = |minute: u64| START + minute * 60;
    reconnect(store, 0..3, name!("gate-a"), at(5) + 10).await;
    reconnect(store, 0..40, name!("gate-a"), at(20) + 3).await;
    reconnect(store, 30..60, name!("gate-a"), at(21) + 59).await;
    reconnect(store, 0..6, name!("gate-b"), at(20) + 30).await;
    // Heard hours later: nobody knows when in its hour that was.
    reconnect(store, 100..140, name!("gate-a"), at(300)).await;
    // Calm connections make no storm, however many there are.
    for who in 200..240 {
        let life = Life::new(who, who).reconnects(0);
        let window = life.window(who * 100_000, name!("gate-a"), Network::Wifi, &[5]);
        store.keep(&app(), vec![window], at(40)).await.unwrap();
    }
    let storms = async |filter| {
        let answer = store.connections(&app(), filter, DAY).await.unwrap();
        answer.storms
    };
    let found = storms(ConnectionFilter::default()).await;
    let [storm] = &found[..] else {
        panic!("{found:?}")
    };
    assert_eq!((storm.at, storm.minutes), (at(20), 2));
    // Six of them lost both gates, and are counted once.
    assert_eq!((storm.installs, storm.usual), (40, 0));
    assert_eq!(storm.reconnects, 2 * (40 + 30 + 6));
    let of = |endpoint| ConnectionFilter {
        endpoint: Some(endpoint),
        ..ConnectionFilter::default()
    };
    assert_eq!(storms(of(name!("gate-a"))).await[0].installs, 40);
    assert_eq!(storms(of(name!("gate-b"))).await, []);
}

pub(crate) async fn a_few_that_reconnect_are_no_storm_and_are_told_by_nobody(store: &impl Store) {
    let store = with_app(store).await;
    for minute in 0..50 {
        reconnect(store, 0..4, name!("gate"), START + minute * 60).await;
    }
    // The same nine however often they do.
    for second in 0..5 {
        reconnect(store, 0..9, name!("gate"), START + 3_000 + second * 10).await;
    }
    let answer = store
        .connections(&app(), ConnectionFilter::default(), DAY)
        .await
        .unwrap();
    assert_eq!(answer.storms, []);
}
