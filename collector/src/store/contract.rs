//! The suite that defines a store. Every engine runs all of it, each story on a store of its own.

mod privacy;
mod samples;

pub(crate) use privacy::*;

use super::{
    ConnectionFilter, ConnectionSum, FreezeRate, IssueFilter, IssueId, IssueKind, Kept, Span,
    Store, StoreError,
};
use crate::access::IngestKey;
use candor_protocol::name;
use candor_protocol::report::{
    Activity, Disconnect, Exit, Failure, Family, FreezeEnd, Kind, LossReason, Network, Phase,
    Transport, Wait, What,
};
use samples::{DAY, HOUR, Life, START, Together, app, id, keep, pseudonym, sketch, with_app};
use std::collections::HashSet;

/// Runs every story on a store that `$open` opens; what `$open` returns beside the store is kept until the story ends.
macro_rules! store_contract {
    ($open:path) => {
        $crate::store::contract::store_contract!($open:
            a_key_leads_to_its_app_and_no_other_key_does
            an_app_is_added_once
            a_report_is_kept_once_however_often_it_arrives
            a_report_that_arrives_many_times_at_once_is_kept_once
            apps_see_nothing_of_each_other
            what_is_asked_about_an_app_that_does_not_exist_is_empty
            the_ledger_counts_what_became_of_every_report
            a_run_is_counted_once_in_whatever_order_its_reports_arrive
            a_run_counts_when_it_started_even_if_its_crash_came_first
            the_worst_exit_stays
            health_counts_runs_faults_installations_and_time
            a_trend_has_every_step_and_adds_up_to_the_health
            releases_are_compared_by_their_runs
            issues_are_listed_by_how_many_installations_met_them
            an_issue_knows_when_it_was_first_and_last_seen_beyond_the_range
            an_issue_is_compared_with_all_runs_of_its_classes
            the_reports_of_an_issue_are_paged_newest_first
            freezes_tell_how_long_and_how
            freezes_are_counted_against_the_time_that_apps_ran
            connections_add_up_and_percentiles_are_exact_to_a_bucket
            connections_are_filtered_by_every_dimension
            hours_and_minutes_of_windows_add_up_to_the_same
            connections_tell_how_many_runs_are_behind_them
            a_storm_of_reconnects_is_found_by_when_reports_arrive
            a_few_that_reconnect_are_no_storm_and_are_told_by_nobody
            an_erased_installation_leaves_no_trace_in_any_answer
            late_reports_of_an_erased_installation_are_refused_whole
            replays_in_any_order_change_no_answer
            an_erased_release_leaves_no_trace_and_late_reports_of_it_are_refused
            an_erased_range_of_time_is_as_if_nothing_had_happened_in_it
            an_erased_app_is_empty_and_takes_nothing_more
            what_expires_leaves_its_summaries_until_they_expire_too
            a_clock_that_is_far_ahead_keeps_nothing_for_ever
            what_is_not_kept_is_counted_by_where_it_leaks
            a_copy_holds_everything_of_its_pseudonyms_and_nothing_else
            classes_are_counted_by_installations
            an_installation_is_in_one_class_of_the_population
            cells_of_connections_are_counted_by_installations_and_chosen
            a_stopped_store_finishes_what_it_accepted_and_then_refuses
        );
    };
    ($open:path: $($story:ident)*) => {
        $(#[tokio::test]
        async fn $story() {
            let (store, _kept) = $open();
            $crate::store::contract::$story(&store).await;
        })*
    };
}
pub(crate) use store_contract;

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

pub(crate) async fn a_run_is_counted_once_in_whatever_order_its_reports_arrive(store: &impl Store) {
    let store = with_app(store).await;
    for (run, order) in [
        [0, 1, 2],
        [0, 2, 1],
        [1, 0, 2],
        [1, 2, 0],
        [2, 0, 1],
        [2, 1, 0],
    ]
    .into_iter()
    .enumerate()
    {
        let life = Life::new(1, run as u32);
        let number = run as u32 * 10;
        let said = [
            life.run(number, None, 0),
            life.run(number + 1, Some(Exit::Crash), 90_000),
            life.crash(number + 2, 7, true),
        ];
        for which in order {
            keep(store, vec![said[which].clone()]).await;
        }
    }
    let health = store.health(&app(), DAY).await.unwrap();
    assert_eq!(
        (
            health.runs,
            health.ended,
            health.crashed_runs,
            health.installs
        ),
        (6, 6, 6, 1)
    );
    assert_eq!(
        health.exits.into_iter().collect::<Vec<_>>(),
        [(Exit::Crash, 6)]
    );
    assert_eq!((health.crashes, health.run_ms), (6, 6 * 90_000));
}

pub(crate) async fn a_run_counts_when_it_started_even_if_its_crash_came_first(store: &impl Store) {
    let store = with_app(store).await;
    let life = Life::new(1, 1);
    keep(store, vec![life.hour(5).crash(1, 7, true)]).await;
    let runs = async || {
        let points = store.trend(&app(), DAY).await.unwrap();
        points
            .iter()
            .map(|point| (point.runs, point.crashed_runs, point.crashes))
            .collect::<Vec<_>>()
    };
    assert_eq!(runs().await[5], (1, 1, 1));
    keep(store, vec![life.hour(2).run(2, None, 0)]).await;
    assert_eq!((runs().await[5], runs().await[2]), ((0, 0, 1), (1, 1, 0)));
    assert_eq!(store.health(&app(), DAY).await.unwrap().runs, 1);
}

pub(crate) async fn the_worst_exit_stays(store: &impl Store) {
    let store = with_app(store).await;
    let life = Life::new(1, 1);
    for (number, exit, stays) in [
        (1, Exit::Unknown, Exit::Unknown),
        (2, Exit::Clean, Exit::Clean),
        (3, Exit::Unknown, Exit::Clean),
        (4, Exit::Killed, Exit::Killed),
        (5, Exit::FreezeKill, Exit::FreezeKill),
        (6, Exit::Clean, Exit::FreezeKill),
        (7, Exit::Crash, Exit::Crash),
        (8, Exit::Killed, Exit::Crash),
    ] {
        keep(store, vec![life.run(number, Some(exit), 10)]).await;
        let health = store.health(&app(), DAY).await.unwrap();
        assert_eq!(health.exits.into_iter().collect::<Vec<_>>(), [(stays, 1)]);
        assert_eq!((health.runs, health.ended), (1, 1));
    }
}

pub(crate) async fn health_counts_runs_faults_installations_and_time(store: &impl Store) {
    let store = with_app(store).await;
    let (a, b, c) = (Life::new(1, 1), Life::new(1, 2), Life::new(2, 3).hour(3));
    keep(
        store,
        vec![
            a.run(1, Some(Exit::Clean), 1_000),
            b.run(2, None, 0),
            b.crash(3, 7, true),
            c.run(4, Some(Exit::FreezeKill), 4_000),
            c.freeze(5, 8, 3_000),
            c.freeze(6, 8, 5_000),
            a.crash(7, 7, false),
            a.window(8, name!("gate"), Network::Wifi, &[1_000, 2_000]),
            c.window(9, name!("gate"), Network::Wifi, &[3_000]),
        ],
    )
    .await;
    let health = store.health(&app(), DAY).await.unwrap();
    assert_eq!(
        (
            health.runs,
            health.ended,
            health.crashed_runs,
            health.frozen_runs
        ),
        (3, 3, 1, 1)
    );
    assert_eq!(
        health.exits.into_iter().collect::<Vec<_>>(),
        [(Exit::Clean, 1), (Exit::Crash, 1), (Exit::FreezeKill, 1)]
    );
    assert_eq!(
        (
            health.installs,
            health.crashes,
            health.handled,
            health.freezes
        ),
        (2, 1, 1, 2)
    );
    assert_eq!(health.run_ms, 1_000 + 500 + 4_000);
    assert_eq!((health.attempts, health.ready), (5, 3));
    assert_eq!(health.ready_us, sketch(&[1_000, 2_000, 3_000]));
    assert_eq!(health.rtt_us.count(), 4);
    // A range takes in its first second and not the one it ends with.
    let only_c = Span {
        from: START + 3 * HOUR,
        to: START + 4 * HOUR,
        step: HOUR,
    };
    let before_c = Span {
        from: START,
        to: START + 3 * HOUR,
        step: HOUR,
    };
    assert_eq!(store.health(&app(), only_c).await.unwrap().runs, 1);
    assert_eq!(store.health(&app(), before_c).await.unwrap().runs, 2);
}

pub(crate) async fn a_trend_has_every_step_and_adds_up_to_the_health(store: &impl Store) {
    let store = with_app(store).await;
    let mut reports = Vec::new();
    for hour in 0..24 {
        let run = hour as u32;
        let life = Life::new(run % 5, run).hour(hour);
        reports.push(life.run(run * 10, run.is_multiple_of(2).then_some(Exit::Clean), 1));
        if run.is_multiple_of(3) {
            reports.push(life.crash(run * 10 + 1, 7, true));
        }
        if run.is_multiple_of(4) {
            reports.push(life.freeze(run * 10 + 2, 8, 2_000));
        }
        reports.push(life.window(
            run * 10 + 3,
            name!("gate"),
            Network::Wifi,
            &[u64::from(run) + 1],
        ));
    }
    keep(store, reports).await;
    let health = store.health(&app(), DAY).await.unwrap();
    for step in [HOUR, 5 * HOUR, 24 * HOUR] {
        let points = store.trend(&app(), Span { step, ..DAY }).await.unwrap();
        assert_eq!(points.len() as u64, (24 * HOUR).div_ceil(step));
        assert!(
            points
                .iter()
                .enumerate()
                .all(|(index, point)| point.at == START + index as u64 * step)
        );
        let sum = |of: fn(&super::Point) -> u64| points.iter().map(of).sum::<u64>();
        assert_eq!(sum(|point| point.runs), health.runs);
        assert_eq!(sum(|point| point.crashed_runs), health.crashed_runs);
        assert_eq!(sum(|point| point.crashes), health.crashes);
        assert_eq!(sum(|point| point.freezes), health.freezes);
        assert_eq!(sum(|point| point.attempts), health.attempts);
        assert_eq!(sum(|point| point.ready), health.ready);
    }
    assert_eq!(
        (health.runs, health.crashes, health.freezes, health.ready),
        (24, 8, 6, 24)
    );
}

pub(crate) async fn releases_are_compared_by_their_runs(store: &impl Store) {
    let store = with_app(store).await;
    let old = |run| Life::new(run, run).release("1.9");
    let new = |run| Life::new(run % 2, run).release("1.10");
    keep(
        store,
        vec![
            old(1).run(1, None, 0),
            old(1).freeze(2, 8, 2_000),
            new(2).run(3, None, 0),
            new(3).run(4, None, 0),
            new(4).run(5, None, 0),
            new(4).crash(6, 7, true),
            new(4).window(7, name!("gate"), Network::Wifi, &[5]),
        ],
    )
    .await;
    let rows = store.releases(&app(), DAY).await.unwrap();
    let row = |index: usize| {
        let row = &rows[index];
        (
            row.release.as_str(),
            row.runs,
            row.crashed_runs,
            row.freezes,
            row.installs,
            row.attempts,
            row.ready,
        )
    };
    assert_eq!(row(0), ("1.10", 3, 1, 0, 2, 2, 1));
    assert_eq!(row(1), ("1.9", 1, 0, 1, 1, 0, 0));
    assert_eq!(rows.len(), 2);
}

pub(crate) async fn issues_are_listed_by_how_many_installations_met_them(store: &impl Store) {
    let store = with_app(store).await;
    let mut reports = Vec::new();
    // One installation meets issue 1 five times; three meet issue 2 once each; two meet the freeze 3.
    reports.extend((0..5).map(|number| Life::new(1, number).crash(number, 1, false)));
    reports.extend((0..3).map(|number| {
        Life::new(number, 10 + number)
            .hour(2)
            .crash(10 + number, 2, true)
    }));
    reports
        .extend((0..2).map(|number| Life::new(number, 20).hour(3).freeze(20 + number, 3, 2_000)));
    keep(store, reports).await;
    let list = async |kind, span| {
        let rows = store
            .issues(&app(), IssueFilter { kind, span })
            .await
            .unwrap();
        rows.iter()
            .map(|row| (row.id.0, row.reports, row.fatal, row.runs, row.installs))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        list(None, DAY).await,
        [(2, 3, 3, 3, 3), (3, 2, 0, 1, 2), (1, 5, 0, 5, 1)]
    );
    assert_eq!(list(Some(IssueKind::Freeze), DAY).await, [(3, 2, 0, 1, 2)]);
    assert_eq!(
        list(Some(IssueKind::Crash), DAY).await,
        [(2, 3, 3, 3, 3), (1, 5, 0, 5, 1)]
    );
    assert_eq!(
        list(
            None,
            Span {
                from: START,
                to: START + HOUR,
                step: HOUR
            }
        )
        .await,
        [(1, 5, 0, 5, 1)]
    );

    let rows = store
        .issues(
            &app(),
            IssueFilter {
                kind: None,
                span: DAY,
            },
        )
        .await
        .unwrap();
    assert_eq!(
        (rows[0].title.as_str(), rows[0].culprit.as_str()),
        ("crash 2", "im::culprit_2")
    );
    assert_eq!(
        (
            rows[0].spark.len(),
            rows[0].spark[2],
            rows[0].spark.iter().sum::<u32>()
        ),
        (24, 3, 3)
    );
}

pub(crate) async fn an_issue_knows_when_it_was_first_and_last_seen_beyond_the_range(
    store: &impl Store,
) {
    let store = with_app(store).await;
    keep(
        store,
        vec![
            Life::new(1, 1).hour(1).release("1.10").crash(1, 1, true),
            Life::new(1, 2).hour(1).release("1.9").crash(2, 1, true),
            Life::new(1, 3).hour(5).release("2.0").crash(3, 1, true),
            Life::new(1, 4).hour(9).release("2.1").crash(4, 1, true),
        ],
    )
    .await;
    let middle = Span {
        from: START + 4 * HOUR,
        to: START + 6 * HOUR,
        step: HOUR,
    };
    let row = store
        .issues(
            &app(),
            IssueFilter {
                kind: None,
                span: middle,
            },
        )
        .await
        .unwrap()
        .remove(0);
    assert_eq!(
        (row.reports, row.first_seen, row.last_seen),
        (1, START + HOUR, START + 9 * HOUR)
    );
    assert_eq!(
        (row.first_release.as_str(), row.last_release.as_str()),
        ("1.9", "2.1")
    );
    // The page of an issue exists also for a range in which nothing happened.
    let quiet = Span {
        from: START + 20 * HOUR,
        to: START + 21 * HOUR,
        step: HOUR,
    };
    let page = store
        .issue(&app(), IssueId(1), quiet)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (page.row.reports, page.row.installs, page.row.last_seen),
        (0, 0, START + 9 * HOUR)
    );
    assert_eq!(
        store
            .issues(
                &app(),
                IssueFilter {
                    kind: None,
                    span: quiet
                }
            )
            .await
            .unwrap(),
        []
    );
}

pub(crate) async fn an_issue_is_compared_with_all_runs_of_its_classes(store: &impl Store) {
    let store = with_app(store).await;
    let mut reports: Vec<_> = (0..10)
        .map(|run| Life::new(run, run).release("1.0").run(run, None, 0))
        .collect();
    reports.extend((10..14).map(|run| Life::new(run, run).release("1.1").run(run, None, 0)));
    reports
        .extend([0, 1, 2].map(|run| Life::new(run, run).release("1.0").crash(100 + run, 1, true)));
    reports.push(Life::new(10, 10).release("1.1").crash(110, 1, true));
    reports.push(Life::new(10, 10).release("1.1").crash(111, 1, false));
    keep(store, reports).await;
    let page = store.issue(&app(), IssueId(1), DAY).await.unwrap().unwrap();
    let rows = |list: &[super::Breakdown]| {
        list.iter()
            .map(|row| (row.label.clone(), row.reports, row.runs, row.of))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        rows(&page.by_release),
        [("1.0".to_owned(), 3, 3, 10), ("1.1".to_owned(), 2, 1, 4)]
    );
    assert_eq!(rows(&page.by_os), [("linux 12.4".to_owned(), 5, 4, 14)]);
    assert_eq!(
        rows(&page.by_device),
        [("x86_64-8c-16g".to_owned(), 5, 4, 14)]
    );
    assert_eq!((page.runs_total, page.row.runs, page.row.fatal), (14, 4, 4));
    assert_eq!(
        (page.why.rule.as_str(), page.why.frames[0].as_str()),
        ("sample-v1", "im::frame_1")
    );
}

pub(crate) async fn the_reports_of_an_issue_are_paged_newest_first(store: &impl Store) {
    let store = with_app(store).await;
    // Several in each hour, so that the time alone does not order them.
    let reports = (0..25)
        .map(|number| {
            Life::new(1, number)
                .hour(u64::from(number) % 4)
                .crash(number, 1, true)
        })
        .collect();
    keep(store, reports).await;
    keep(store, vec![Life::new(1, 99).hour(9).crash(99, 2, true)]).await;
    let mut seen = Vec::new();
    let mut before = None;
    loop {
        let page = store
            .issue_reports(&app(), IssueId(1), 7, before)
            .await
            .unwrap();
        let Some(last) = page.last() else { break };
        before = Some(last.id);
        seen.extend(page);
    }
    assert_eq!(
        seen.iter()
            .map(|report| report.id)
            .collect::<HashSet<_>>()
            .len(),
        25
    );
    assert_eq!(seen.len(), 25);
    assert!(seen.is_sorted_by(|a, b| a.at >= b.at));
    assert_eq!(
        store.issue_of(&app(), id(99)).await.unwrap(),
        Some(IssueId(2))
    );
    assert_eq!(store.issue_of(&app(), id(77)).await.unwrap(), None);
    assert_eq!(
        store
            .issue_reports(&app(), IssueId(1), 7, Some(id(77)))
            .await
            .unwrap(),
        []
    );
}

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
            row.ends[&FreezeEnd::Recovered],
            row.activity[&Activity::Blocked],
            row.waits[&Wait::Futex]
        ),
        (2, 2, 2, 2)
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

pub(crate) async fn connections_add_up_and_percentiles_are_exact_to_a_bucket(store: &impl Store) {
    let store = with_app(store).await;
    let mut all = Vec::new();
    for number in 0..40u32 {
        let times: Vec<u64> = (1..=5)
            .map(|step| u64::from(number) * 1_000 + step * 37)
            .collect();
        let life = Life::new(number, number).hour(u64::from(number) % 3);
        // Each in a batch of its own, so that sums are merged on disk as well.
        keep(
            store,
            vec![life.window(number, name!("gate"), Network::Wifi, &times)],
        )
        .await;
        all.extend(times);
    }
    let answer = store
        .connections(&app(), ConnectionFilter::default(), DAY)
        .await
        .unwrap();
    let total = &answer.total;
    assert_eq!((total.windows, total.attempts, total.ready), (40, 240, 200));
    assert_eq!(total.ready_us, sketch(&all));
    assert_eq!(total.phases[&Phase::Connect], sketch(&all));
    assert_eq!((total.rtt_us.count(), total.ack_us.count()), (80, 40));
    assert_eq!(total.failures[&(Phase::Connect, Failure::Timeout)], 40);
    assert_eq!(total.disconnects[&Disconnect::HeartbeatTimeout], 80);
    assert_eq!(
        (
            total.sent,
            total.received,
            total.sent_bytes,
            total.received_bytes
        ),
        (200, 240, 28_000, 32_000)
    );
    assert_eq!((total.up_ms, total.down_ms), (2_000_000, 400_000));
    assert_eq!((total.reconnects, total.network_changes), (40, 40));
    let tried = &total.tries[&(Family::V4, 2)];
    assert_eq!(
        (tried.tried, tried.connected, tried.took_us.count()),
        (120, 40, 40)
    );
    assert_eq!(total.lasted_ms[&Disconnect::HeartbeatTimeout].count(), 80);
    for (times, each) in [
        (&total.stall_us, 1),
        (&total.backoff_us, 1),
        (&total.outage_us, 1),
        (&total.tcp.rtt_us, 2),
        (&total.tcp.rtt_var_us, 1),
        (&total.tcp.min_rtt_us, 1),
        (&total.tcp.delivery_rate, 1),
    ] {
        assert_eq!(times.count(), 40 * each);
    }
    assert_eq!(
        (
            total.tcp.samples,
            total.tcp.segments,
            total.tcp.retransmits,
            total.tcp.lost
        ),
        (80, 4_000, 120, 40)
    );
    assert_eq!(answer.series.len(), 24);
    let mut series = ConnectionSum::default();
    answer.series.iter().for_each(|(_, sum)| series.merge(sum));
    assert_eq!(&series, total);
    assert_eq!(answer.series[3].1, ConnectionSum::default());
}

pub(crate) async fn connections_are_filtered_by_every_dimension(store: &impl Store) {
    let store = with_app(store).await;
    let window =
        |number, life: &Life, endpoint, network| life.window(number, endpoint, network, &[5]);
    let old = Life::new(1, 1).region(name!("eu"));
    let new = Life::new(1, 1).release("1.1").os_version("13.1");
    keep(
        store,
        vec![
            window(1, &old, name!("gate-a"), Network::Wifi),
            window(2, &old, name!("gate-a"), Network::Cell4g),
            window(3, &new, name!("gate-b"), Network::Wifi),
            window(4, &new, name!("gate-b"), Network::Wifi),
        ],
    )
    .await;
    let windows = async |filter| {
        store
            .connections(&app(), filter, DAY)
            .await
            .unwrap()
            .total
            .windows
    };
    let all = ConnectionFilter::default;
    assert_eq!(windows(all()).await, 4);
    assert_eq!(
        windows(ConnectionFilter {
            endpoint: Some(name!("gate-a")),
            ..all()
        })
        .await,
        2
    );
    assert_eq!(
        windows(ConnectionFilter {
            network: Some(Network::Wifi),
            ..all()
        })
        .await,
        3
    );
    assert_eq!(
        windows(ConnectionFilter {
            release: Some("1.1".parse().unwrap()),
            ..all()
        })
        .await,
        2
    );
    assert_eq!(
        windows(ConnectionFilter {
            name: Some(name!("long-link")),
            ..all()
        })
        .await,
        4
    );
    assert_eq!(
        windows(ConnectionFilter {
            name: Some(name!("other")),
            ..all()
        })
        .await,
        0
    );
    assert_eq!(
        windows(ConnectionFilter {
            region: Some(name!("eu")),
            ..all()
        })
        .await,
        2
    );
    assert_eq!(
        windows(ConnectionFilter {
            os: Some("linux 13.1".to_owned()),
            ..all()
        })
        .await,
        2
    );
    assert_eq!(
        windows(ConnectionFilter {
            transport: Some(Transport::Quic),
            ..all()
        })
        .await,
        0
    );
    let both = ConnectionFilter {
        endpoint: Some(name!("gate-a")),
        network: Some(Network::Wifi),
        ..all()
    };
    assert_eq!(windows(both).await, 1);

    let answer = store.connections(&app(), all(), DAY).await.unwrap();
    let networks: Vec<_> = answer
        .by_network
        .iter()
        .map(|(network, sum)| (*network, sum.windows))
        .collect();
    assert_eq!(networks, [(Network::Wifi, 3), (Network::Cell4g, 1)]);
    let endpoints: Vec<_> = answer
        .by_endpoint
        .iter()
        .map(|(name, sum)| (name.clone(), sum.windows))
        .collect();
    assert_eq!(endpoints, [(name!("gate-a"), 2), (name!("gate-b"), 2)]);
    let releases: Vec<_> = answer
        .by_release
        .iter()
        .map(|(release, sum)| (release.as_str(), sum.windows))
        .collect();
    assert_eq!(releases, [("1.1", 2), ("1.0", 2)]);
    assert_eq!(answer.by_name[0].1.windows, 4);
    let regions: Vec<_> = answer
        .by_region
        .iter()
        .map(|(region, sum)| (region.as_str(), sum.windows))
        .collect();
    assert_eq!(regions, [("eu", 2)]);
    let systems: Vec<_> = answer
        .by_os
        .iter()
        .map(|(os, sum)| (os.as_str(), sum.windows))
        .collect();
    assert_eq!(systems, [("linux 12.4", 2), ("linux 13.1", 2)]);
    assert_eq!(answer.by_transport.len(), 1);
    assert_eq!(answer.by_transport[0].0, Transport::Tcp);
}

pub(crate) async fn hours_and_minutes_of_windows_add_up_to_the_same(store: &impl Store) {
    let store = with_app(store).await;
    let life = Life::new(1, 1);
    let window = |number, life: &Life| life.window(number, name!("gate"), Network::Wifi, &[5]);
    keep(
        store,
        vec![
            window(1, &life),
            window(2, &life.minute(7)),
            window(3, &life.minute(59)),
            window(4, &life.hour(1)),
        ],
    )
    .await;
    let ask = async |from, to, step| {
        let span = Span { from, to, step };
        let answer = store
            .connections(&app(), ConnectionFilter::default(), span)
            .await
            .unwrap();
        let series: Vec<u64> = answer.series.iter().map(|(_, sum)| sum.windows).collect();
        assert_eq!(series.iter().sum::<u64>(), answer.total.windows);
        series
    };
    assert_eq!(ask(START, START + 2 * HOUR, HOUR).await, [3, 1]);
    assert_eq!(ask(START, START + 2 * HOUR, HOUR / 2).await, [2, 1, 1, 0]);
    assert_eq!(ask(START + 300, START + 600, 60).await, [0, 0, 1, 0, 0]);
    // An hour that is cut tells only what lies in it.
    assert_eq!(ask(START, START + HOUR / 2, HOUR).await, [2]);
    for step in [HOUR, 60] {
        let span = Span { step, ..DAY };
        let points = store.trend(&app(), span).await.unwrap();
        assert_eq!(points.iter().map(|point| point.attempts).sum::<u64>(), 8);
    }
    assert_eq!(store.health(&app(), DAY).await.unwrap().attempts, 8);
    assert_eq!(store.releases(&app(), DAY).await.unwrap()[0].attempts, 8);
}

pub(crate) async fn connections_tell_how_many_runs_are_behind_them(store: &impl Store) {
    let store = with_app(store).await;
    let mut reports = Vec::new();
    for run in 0..30u32 {
        let release = if run < 20 { "1.0" } else { "1.1" };
        for hour in 0..3 {
            let life = Life::new(1, run).release(release).hour(hour);
            reports.push(life.window(run * 10 + hour as u32, name!("gate"), Network::Wifi, &[5]));
        }
    }
    keep(store, reports).await;
    let answer = store
        .connections(&app(), ConnectionFilter::default(), DAY)
        .await
        .unwrap();
    assert_eq!((answer.total.windows, answer.total.runs.count()), (90, 30));
    let releases: Vec<_> = answer
        .by_release
        .iter()
        .map(|(release, sum)| (release.as_str(), sum.runs.count()))
        .collect();
    assert_eq!(releases, [("1.1", 10), ("1.0", 20)]);
    assert_eq!(answer.series[1].1.runs.count(), 30);
}

/// What arrives from these installations at `arrived`: each has reconnected in the first hour.
async fn reconnect(
    store: &impl Store,
    who: std::ops::Range<u32>,
    endpoint: candor_protocol::deidentify::Name,
    arrived: u64,
) {
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

/// Reports of every kind of one installation.
fn everything_of(who: u32) -> Vec<super::Incoming> {
    let life = Life::new(who, who);
    let number = who * 100;
    vec![
        life.run(number, Some(Exit::Clean), 1_000),
        life.crash(number + 1, 7, false),
        life.crash(number + 2, u64::from(who) + 1_000, true),
        life.freeze(number + 3, 8, 2_000 + u64::from(who)),
        life.window(
            number + 4,
            name!("gate"),
            Network::Wifi,
            &[u64::from(who) * 50, 7],
        ),
        life.hour(2)
            .window(number + 5, name!("gate"), Network::Cell4g, &[9]),
        life.loss(number + 6, 1),
    ]
}

/// Every answer that does not name a single report, as text.
async fn answers(store: &impl Store) -> String {
    let filter = IssueFilter {
        kind: None,
        span: DAY,
    };
    format!(
        "{:#?}\n{:#?}\n{:#?}\n{:#?}\n{:#?}\n{:#?}\n{:#?}",
        store.health(&app(), DAY).await.unwrap(),
        store.trend(&app(), DAY).await.unwrap(),
        store.releases(&app(), DAY).await.unwrap(),
        store.issues(&app(), filter).await.unwrap(),
        store.issue(&app(), IssueId(7), DAY).await.unwrap(),
        store.freezes(&app(), DAY).await.unwrap(),
        store
            .connections(&app(), ConnectionFilter::default(), DAY)
            .await
            .unwrap(),
    )
}

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
        store.issue(&app(), IssueId(1_002), DAY).await.unwrap(),
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
            .issues(
                &app(),
                IssueFilter {
                    kind: None,
                    span: DAY
                }
            )
            .await
            .unwrap(),
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
    let filter = IssueFilter {
        kind: None,
        span: DAY,
    };
    let got = format!(
        "{:#?}\n{:#?}\n{:#?}\n{:#?}\n{:#?}\n{:#?}\n{:#?}",
        store.health(&others, DAY).await.unwrap(),
        store.trend(&others, DAY).await.unwrap(),
        store.releases(&others, DAY).await.unwrap(),
        store.issues(&others, filter).await.unwrap(),
        store.issue(&others, IssueId(7), DAY).await.unwrap(),
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
