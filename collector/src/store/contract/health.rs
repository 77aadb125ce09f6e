//! Runs and rates.

use super::samples::{DAY, HOUR, Life, START, app, keep, pseudonym, sketch, with_app};
use crate::store::{ExitSum, Point, Span, Store};
use candor_protocol::name;
use candor_protocol::report::{Exit, Network};

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
        let sum = |of: fn(&Point) -> u64| points.iter().map(of).sum::<u64>();
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

pub(crate) async fn a_release_knows_on_which_days_it_was_first_and_last_seen(store: &impl Store) {
    let store = with_app(store).await;
    let day = |at: u64| at - at % (24 * HOUR);
    let life = |run, hour| Life::new(run, run).hour(hour);
    keep(
        store,
        vec![
            life(1, 3).run(1, None, 0),
            life(2, 30).run(2, None, 0),
            life(3, 75).freeze(3, 8, 2_000),
            life(4, 3).release("2.0").run(4, None, 0),
            // Windows alone do not say it.
            life(5, 3)
                .release("3.0")
                .window(5, name!("gate"), Network::Wifi, &[5]),
        ],
    )
    .await;
    let seen = async || -> Vec<(String, Option<u64>, Option<u64>)> {
        let mut rows = store.releases(&app(), DAY).await.unwrap();
        rows.sort_by(|a, b| a.release.cmp(&b.release));
        rows.into_iter()
            .map(|row| (row.release.to_string(), row.first_seen, row.last_seen))
            .collect()
    };
    let at = |hour: u64| Some(day(START + hour * HOUR));
    let told = |release: &str, first, last| (release.to_owned(), first, last);
    let others = [told("2.0", at(3), at(3)), told("3.0", None, None)];
    let mut wanted = vec![told("1.0", at(3), at(75))];
    wanted.extend(others.clone());
    assert_eq!(seen().await, wanted);
    // Who is erased was never seen.
    store.erase(&app(), &[pseudonym(3)], START).await.unwrap();
    wanted[0] = told("1.0", at(3), at(30));
    assert_eq!(seen().await, wanted);
}

pub(crate) async fn installations_are_counted_once_whatever_the_range(store: &impl Store) {
    let store = with_app(store).await;
    // Three installations, told in no order; one changes its release, and one is told of a run that began earlier.
    let life = |who, run, hour, release| Life::new(who, run).hour(hour).release(release);
    keep(
        store,
        vec![
            life(1, 1, 20, "1.0").run(1, None, 0),
            life(1, 2, 2, "1.0").run(2, None, 0),
            life(1, 3, 11, "1.1").run(3, None, 0),
            life(2, 4, 5, "1.0").run(4, None, 0),
        ],
    )
    .await;
    let later = vec![
        life(2, 5, 5, "1.0").run(5, None, 0),
        life(3, 6, 9, "1.1").crash(6, 7, true),
        life(3, 6, 7, "1.1").run(7, None, 0),
        life(1, 8, 11, "1.0").run(8, None, 0),
    ];
    keep(store, later).await;
    for (from, to, all, old, new) in [
        (0, 24, 3, 2, 2),
        (2, 3, 1, 1, 0),
        (3, 12, 3, 2, 2),
        (7, 8, 1, 0, 1),
        (8, 11, 0, 0, 0),
        (11, 21, 1, 1, 1),
    ] {
        let span = Span {
            from: START + from * HOUR,
            to: START + to * HOUR,
            step: HOUR,
        };
        let health = store.health(&app(), span).await.unwrap();
        let rows = store.releases(&app(), span).await.unwrap();
        let of = |release: &str| {
            let mut rows = rows.iter();
            let row = rows.find(|row| row.release.as_str() == release);
            row.map_or(0, |row| row.installs)
        };
        assert_eq!(
            (health.installs, of("1.0"), of("1.1")),
            (all, old, new),
            "{from} to {to}"
        );
    }
}

pub(crate) async fn exits_are_told_by_step_and_by_release_and_add_up_to_the_health(
    store: &impl Store,
) {
    let store = with_app(store).await;
    let nobody = "nobody".parse().unwrap();
    let of_nobody = store.exits(&nobody, DAY).await.unwrap();
    assert_eq!((of_nobody.steps.len(), of_nobody.by_release.len()), (24, 0));
    let life = |run, release| Life::new(run, run).release(release);
    keep(
        store,
        vec![
            life(1, "1.9").run(1, None, 0),
            life(2, "1.9").hour(3).run(2, Some(Exit::Clean), 1_000),
            life(3, "1.10").hour(3).run(3, Some(Exit::Reboot), 1_000),
            life(4, "1.10").hour(4).crash(4, 7, true),
            life(5, "1.10").hour(4).freeze(5, 8, 2_000),
        ],
    )
    .await;
    let sum = |runs, frozen, exits: &[(Exit, u64)]| ExitSum {
        runs,
        frozen,
        exits: exits.iter().copied().collect(),
    };
    let told = store.exits(&app(), DAY).await.unwrap();
    assert_eq!(told.steps.len(), 24);
    assert_eq!(told.steps[0], (START, sum(1, 0, &[])));
    assert_eq!(told.steps[1], (START + HOUR, ExitSum::default()));
    let third = sum(2, 0, &[(Exit::Clean, 1), (Exit::Reboot, 1)]);
    assert_eq!(told.steps[3], (START + 3 * HOUR, third));
    assert_eq!(told.steps[4].1, sum(2, 1, &[(Exit::Crash, 1)]));
    let by_release: Vec<(&str, &ExitSum)> = told
        .by_release
        .iter()
        .map(|(release, sum)| (release.as_str(), sum))
        .collect();
    let late = sum(3, 1, &[(Exit::Crash, 1), (Exit::Reboot, 1)]);
    assert_eq!(
        by_release,
        [("1.10", &late), ("1.9", &sum(2, 0, &[(Exit::Clean, 1)]))]
    );
    let health = store.health(&app(), DAY).await.unwrap();
    for step in [HOUR, 5 * HOUR, 24 * HOUR] {
        let told = store.exits(&app(), Span { step, ..DAY }).await.unwrap();
        let mut all = ExitSum::default();
        told.steps.iter().for_each(|(_, step)| all.add(step));
        assert_eq!((all.runs, all.frozen), (health.runs, health.frozen_runs));
        assert_eq!(all.exits, health.exits);
    }
}
