//! What privacy asks of a store.

use super::samples::{DAY, HOUR, Life, START, app, id, keep, pseudonym, with_app};
use super::{answers, everything_of};
use crate::store::{
    Cells, ConnectionFilter, Dimension, Expired, Expiry, Group, Incoming, IssueFilter, IssueId,
    Kept, Of, Part, Population, Quarantine, QuarantineRow, Span, Store,
};
use candor_protocol::deidentify::Release;
use candor_protocol::name;
use candor_protocol::report::{Exit, Kind, Network};
use std::collections::BTreeSet;
use std::sync::Arc;

const A_DAY: u64 = 86_400;

/// Reports of every kind, of one release and hour.
fn everything_at(who: u32, release: &'static str, hour: u64) -> Vec<Incoming> {
    let life = Life::new(who, who).release(release).hour(hour);
    let number = who * 100;
    vec![
        life.run(number, Some(Exit::Clean), 1_000),
        life.crash(number + 1, 7, true),
        life.crash(number + 2, u64::from(who) + 1_000, true),
        life.freeze(number + 3, 8, 2_000),
        life.window(number + 4, name!("gate"), Network::Wifi, &[50, 7]),
        life.loss(number + 5, 1),
    ]
}

async fn refused_line(store: &impl Store, reports: Vec<Incoming>) -> u32 {
    match store.keep(&app(), reports, START).await.unwrap() {
        Kept::Erased { line } => line,
        kept => panic!("{kept:?}"),
    }
}

pub(crate) async fn an_erased_release_leaves_no_trace_and_late_reports_of_it_are_refused(
    store: &impl Store,
) {
    let store = with_app(store).await;
    keep(store, everything_at(1, "1.0", 0)).await;
    let without = answers(store).await;
    keep(store, everything_at(2, "2.0", 0)).await;
    keep(store, everything_at(3, "2.0", 5)).await;
    let part = Part::Release("2.0".parse().unwrap());
    assert_eq!(store.erase_part(&app(), &part, START).await.unwrap(), 12);
    assert_eq!(answers(store).await, without);
    assert_eq!(store.report(&app(), id(201)).await.unwrap(), None);
    let ledger = store.ledger(&app()).await.unwrap();
    assert_eq!((ledger.erased, ledger.stored[&Kind::Crash]), (12, 6));
    // Late ones of it are refused, whoever sends them; others are not.
    let late = Life::new(9, 9).release("2.0").run(900, None, 0);
    let other = Life::new(9, 9).release("2.1").run(901, None, 0);
    assert_eq!(refused_line(store, vec![other.clone(), late]).await, 901);
    assert_eq!(keep(store, vec![other]).await, (1, 0));
    assert_eq!(store.erase_part(&app(), &part, START).await.unwrap(), 0);
}

pub(crate) async fn an_erased_range_of_time_is_as_if_nothing_had_happened_in_it(
    store: &impl Store,
) {
    let store = with_app(store).await;
    // A run that started before the range and crashed in it: what is left of it did not crash.
    let run = Life::new(1, 1);
    keep(store, vec![run.run(1, None, 0)]).await;
    keep(store, everything_at(2, "1.0", 9)).await;
    let without = answers(store).await;
    keep(store, vec![run.hour(4).crash(2, 7, true)]).await;
    keep(store, everything_at(3, "1.0", 3)).await;
    let part = Part::Range {
        from: START + 3 * HOUR,
        to: START + 5 * HOUR,
    };
    assert_eq!(store.erase_part(&app(), &part, START).await.unwrap(), 7);
    assert_eq!(answers(store).await, without);
    let late = Life::new(8, 8).hour(4).run(800, None, 0);
    assert_eq!(refused_line(store, vec![late]).await, 801);
    let after = Life::new(8, 8).hour(5).run(800, None, 0);
    assert_eq!(keep(store, vec![after]).await, (1, 0));
}

pub(crate) async fn an_erased_app_is_empty_and_takes_nothing_more(store: &impl Store) {
    let store = with_app(store).await;
    let empty = answers(store).await;
    keep(store, everything_of(1)).await;
    store
        .quarantine(&app(), vec![leak(Some("1.0"), "release")], START)
        .await
        .unwrap();
    assert_eq!(
        store.erase_part(&app(), &Part::App, START).await.unwrap(),
        7
    );
    assert_eq!(answers(store).await, empty);
    assert_eq!(store.quarantined(&app()).await.unwrap(), []);
    assert_eq!(store.ledger(&app()).await.unwrap().erased, 7);
    assert_eq!(refused_line(store, everything_of(2)).await, 201);
    assert_eq!(store.apps().await.unwrap(), [app()]);
    let other = "other".parse().unwrap();
    assert_eq!(
        store.erase_part(&other, &Part::App, START).await.unwrap(),
        0
    );
}

/// Everything that is older than `days` when `day` days have passed since the start.
fn older_than(day: u64, kinds: &[(Kind, u64)], summaries: u64) -> Expiry {
    let now = START + day * A_DAY;
    Expiry {
        reports: kinds
            .iter()
            .map(|(kind, days)| (*kind, now - days * A_DAY))
            .collect(),
        summaries: now - summaries * A_DAY,
        future: now + 2 * A_DAY,
        ledger: now - summaries * A_DAY,
        quarantine: now - 30 * A_DAY,
    }
}

/// Expires until there is nothing more to forget.
async fn expire(store: &impl Store, expiry: Expiry) -> Expired {
    let mut all = Expired::default();
    loop {
        let expired = store.expire(&app(), expiry.clone()).await.unwrap();
        all.reports += expired.reports;
        all.cells += expired.cells;
        if !expired.more {
            return all;
        }
    }
}

pub(crate) async fn what_expires_leaves_its_summaries_until_they_expire_too(store: &impl Store) {
    let store = with_app(store).await;
    keep(store, everything_of(1)).await;
    store
        .quarantine(&app(), vec![leak(Some("1.0"), "release")], START)
        .await
        .unwrap();
    let all = [
        Kind::Crash,
        Kind::Freeze,
        Kind::Run,
        Kind::Loss,
        Kind::Connection,
    ];
    let health = store.health(&app(), DAY).await.unwrap();
    let trend = store.trend(&app(), DAY).await.unwrap();

    // On the second day nothing is old; on the eleventh connections are, which keep ten days.
    let kinds = |days| all.map(|kind| (kind, if kind == Kind::Connection { 10 } else { days }));
    let expired = expire(store, older_than(2, &kinds(20), 100)).await;
    assert_eq!(expired, Expired::default());
    let expired = expire(store, older_than(11, &kinds(20), 100)).await;
    assert_eq!(expired.reports, 2);
    assert_eq!(store.report(&app(), id(104)).await.unwrap(), None);
    assert!(store.report(&app(), id(101)).await.unwrap().is_some());
    assert_eq!(store.quarantined(&app()).await.unwrap().len(), 1);

    // Then the others; the summaries stay, except for who it was.
    let expired = expire(store, older_than(40, &kinds(20), 100)).await;
    assert_eq!(expired.reports, 5);
    assert_eq!(store.report(&app(), id(101)).await.unwrap(), None);
    assert_eq!(store.reports_of(&app(), &[pseudonym(1)]).await.unwrap(), []);
    assert_eq!(store.quarantined(&app()).await.unwrap(), []);
    let left = store.health(&app(), DAY).await.unwrap();
    assert_eq!((left.installs, health.installs), (0, 1));
    assert_eq!(
        (left.runs, left.crashes, left.freezes, left.ready),
        (health.runs, health.crashes, health.freezes, health.ready)
    );
    assert_eq!(store.trend(&app(), DAY).await.unwrap(), trend);
    let page = store
        .issue(&app(), IssueId(7), DAY, 0)
        .await
        .unwrap()
        .unwrap();
    assert_eq!((page.row.reports, page.row.installs), (1, 0));
    assert!(store.ledger(&app()).await.unwrap().stored[&Kind::Crash] > 0);
    // Erasing afterwards finds nothing and breaks nothing.
    assert_eq!(
        store.erase(&app(), &[pseudonym(1)], START).await.unwrap(),
        0
    );
    assert_eq!(store.health(&app(), DAY).await.unwrap(), left);

    expire(store, older_than(102, &kinds(20), 100)).await;
    assert_eq!(store.health(&app(), DAY).await.unwrap(), Default::default());
    assert_eq!(store.releases(&app(), DAY).await.unwrap(), []);
    let filter = IssueFilter::all(DAY, 0);
    assert_eq!(store.issues(&app(), filter).await.unwrap().rows, []);
    assert_eq!(store.issue(&app(), IssueId(7), DAY, 0).await.unwrap(), None);
    assert_eq!(store.ledger(&app()).await.unwrap().stored.len(), 0);
}

pub(crate) async fn a_clock_that_is_far_ahead_keeps_nothing_for_ever(store: &impl Store) {
    let store = with_app(store).await;
    let ahead = Life::new(1, 1).hour(24 * 365 * 50);
    keep(store, vec![ahead.run(1, None, 0), ahead.crash(2, 7, true)]).await;
    let always = Span {
        from: 0,
        to: u64::MAX,
        step: u64::MAX,
    };
    assert_eq!(store.health(&app(), always).await.unwrap().runs, 1);
    // Its report is kept as long as others, and is still known by its release.
    let kinds = [(Kind::Run, 20), (Kind::Crash, 20)];
    expire(store, older_than(3, &kinds, 100)).await;
    assert!(store.report(&app(), id(2)).await.unwrap().is_some());
    keep(
        store,
        vec![Life::new(5, 5).release("5.0").crash(3, 7, true)],
    )
    .await;
    let page = store
        .issue(&app(), IssueId(7), always, 0)
        .await
        .unwrap()
        .unwrap();
    let mut releases: Vec<_> = page
        .by_release
        .iter()
        .map(|row| row.label.as_str())
        .collect();
    releases.sort_unstable();
    assert_eq!(releases, ["1.0", "5.0"]);
    let part = Part::Release("5.0".parse().unwrap());
    store.erase_part(&app(), &part, START).await.unwrap();
    expire(store, older_than(21, &kinds, 100)).await;
    assert_eq!(
        store.health(&app(), always).await.unwrap(),
        Default::default()
    );
    assert_eq!(store.report(&app(), id(2)).await.unwrap(), None);
}

fn leak(release: Option<&str>, field: &'static str) -> Quarantine {
    Quarantine {
        release: release.map(|release| release.parse().unwrap()),
        field,
        reason: "not_scrubbed",
    }
}

pub(crate) async fn what_is_not_kept_is_counted_by_where_it_leaks(store: &impl Store) {
    let store = with_app(store).await;
    let (message, thread) = ("what.crash.cause.panic.message", "what.crash.thread.name");
    let today = vec![
        leak(Some("1.0"), message),
        leak(Some("1.0"), message),
        leak(None, thread),
    ];
    store.quarantine(&app(), today, START).await.unwrap();
    let tomorrow = vec![leak(Some("1.0"), message)];
    store
        .quarantine(&app(), tomorrow, START + A_DAY)
        .await
        .unwrap();
    let day = START - START % A_DAY;
    let row = |release: Option<&str>, field: &str, reports, last| QuarantineRow {
        release: release.map(|release| Release::parse(release).unwrap()),
        field: field.to_owned(),
        reason: "not_scrubbed".to_owned(),
        reports,
        first: day,
        last,
    };
    assert_eq!(
        store.quarantined(&app()).await.unwrap(),
        [
            row(Some("1.0"), message, 3, day + A_DAY),
            row(None, thread, 1, day)
        ]
    );
    assert_eq!(
        store.ledger(&app()).await.unwrap().refused["quarantined"],
        4
    );
}

pub(crate) async fn a_copy_holds_everything_of_its_pseudonyms_and_nothing_else(store: &impl Store) {
    let store = with_app(store).await;
    keep(store, everything_of(1)).await;
    keep(store, everything_of(2)).await;
    keep(store, everything_of(3)).await;
    let copy = store
        .reports_of(&app(), &[pseudonym(3), pseudonym(1), pseudonym(77)])
        .await
        .unwrap();
    let wanted: Vec<_> = everything_of(1)
        .into_iter()
        .chain(everything_of(3))
        .map(|incoming| incoming.report)
        .collect();
    assert_eq!(copy, wanted);
}

pub(crate) async fn classes_are_counted_by_installations(store: &impl Store) {
    let store = with_app(store).await;
    let life = |who, release| Life::new(who, who).release(release);
    let mut reports: Vec<_> = (0..5)
        .map(|who| life(who, "1.0").run(who, None, 0))
        .collect();
    // The first two have the next release as well; one of them met an issue, many times.
    reports.extend((0..2).map(|who| {
        Life::new(who, 50 + who)
            .release("1.1")
            .run(50 + who, None, 0)
    }));
    reports.extend((0..3).map(|number| life(0, "1.1").crash(100 + number, 7, true)));
    reports.push(life(4, "1.0").crash(110, 7, true));
    reports.push(life(9, "1.0").hour(30).run(120, None, 0));
    keep(store, reports).await;
    let release = |name: &str| Group::Release(name.to_owned());
    let runs = store.groups(&app(), Of::Runs, DAY).await.unwrap();
    assert_eq!(runs.installs, 5);
    assert_eq!(
        runs.by.into_iter().collect::<Vec<_>>(),
        [(release("1.0"), 5), (release("1.1"), 2)]
    );
    let issue = store
        .groups(&app(), Of::Issue(IssueId(7)), DAY)
        .await
        .unwrap();
    assert_eq!(issue.installs, 2);
    assert_eq!(
        issue.by.into_iter().collect::<Vec<_>>(),
        [
            (release("1.0"), 1),
            (release("1.1"), 1),
            (Group::Os("linux 12.4".to_owned()), 2),
            (Group::Device("x86_64-8c-16g".to_owned()), 2),
        ]
    );
    // Another issue, which one installation met with both releases.
    let both = ["1.0", "1.1"].iter().zip(200..);
    let both = both.map(|(version, number)| life(2, version).crash(number, 8, true));
    keep(store, both.collect()).await;
    let pairs = |pairs: &[(&str, u64)]| -> Vec<(String, u64)> {
        let pairs = pairs.iter();
        pairs
            .map(|(name, met)| ((*name).to_owned(), *met))
            .collect()
    };
    let spreads = async |dimension, class: &str, span| {
        let spreads = store.spreads(&app(), dimension, span).await.unwrap();
        let mut each = Vec::new();
        if let Some((_, met)) = spreads.met_by(class) {
            each.extend(met.map(|spread| {
                let classes = spread.classes.iter();
                let named =
                    classes.map(|(class, met)| (spreads.name(*class).to_owned(), u64::from(*met)));
                (spread.issue.0, spread.installs, named.collect::<Vec<_>>())
            }));
        }
        each
    };
    assert_eq!(
        spreads(Dimension::Release, "1.0", DAY).await,
        [
            (7, 2, pairs(&[("1.0", 1), ("1.1", 1)])),
            (8, 1, pairs(&[("1.0", 1), ("1.1", 1)])),
        ]
    );
    assert_eq!(
        spreads(Dimension::Os, "linux 12.4", DAY).await,
        [
            (7, 2, pairs(&[("linux 12.4", 2)])),
            (8, 1, pairs(&[("linux 12.4", 1)])),
        ]
    );
    let never = Span {
        from: 0,
        to: 1,
        ..DAY
    };
    assert_eq!(spreads(Dimension::Device, "x86_64-8c-16g", never).await, []);
    assert_eq!(
        store
            .groups(&"nobody".parse().unwrap(), Of::Runs, DAY)
            .await
            .unwrap(),
        Default::default()
    );
}

pub(crate) async fn an_installation_is_in_one_class_of_the_population(store: &impl Store) {
    let store = with_app(store).await;
    let mut reports: Vec<_> = (0..4)
        .map(|who| Life::new(who, who).release("1.0").run(who, None, 0))
        .collect();
    // One crashed with the old release and has the new one since; one froze.
    reports.push(Life::new(0, 0).release("1.0").crash(10, 7, true));
    reports.push(Life::new(0, 60).release("1.1").hour(2).run(11, None, 0));
    reports.push(Life::new(1, 1).release("1.0").freeze(12, 8, 2_000));
    keep(store, reports).await;
    let class = |release: &str, installs, crashed, frozen| Population {
        release: release.parse().unwrap(),
        os: "linux 12.4".to_owned(),
        installs,
        crashed,
        frozen,
    };
    assert_eq!(
        store.population(&app(), DAY).await.unwrap(),
        [class("1.0", 3, 0, 1), class("1.1", 1, 1, 0)]
    );
}

pub(crate) async fn cells_of_connections_are_counted_by_installations_and_chosen(
    store: &impl Store,
) {
    let store = with_app(store).await;
    let week = 7 * A_DAY;
    let weeks = Span {
        from: START - START % week,
        to: START - START % week + week,
        step: week,
    };
    let window = |who: u32, number: u32, release: &'static str, network| {
        let life = Life::new(who, who).release(release);
        life.window(number, name!("gate"), network, &[5])
    };
    // Three devices on Wi-Fi, each often; one of them on the mobile network as well; one has another release.
    let mut reports: Vec<_> = (0..9)
        .map(|number| window(number % 3, number, "1.0", Network::Wifi))
        .collect();
    reports.push(window(0, 20, "1.0", Network::Cell4g));
    reports.push(window(4, 21, "1.1", Network::Wifi));
    keep(store, reports).await;
    let groups = store.groups(&app(), Of::Connections, weeks).await.unwrap();
    assert_eq!(groups.installs, 4);
    let cells: Vec<_> = groups
        .by
        .into_iter()
        .map(|(group, installs)| match group {
            Group::Connection(cell) => (cell, installs),
            other => panic!("{other:?}"),
        })
        .collect();
    let counted: Vec<_> = cells
        .iter()
        .map(|(cell, installs)| {
            assert_eq!(
                (cell.name.as_str(), cell.os.as_str()),
                ("long-link", "linux 12.4")
            );
            assert_eq!(cell.endpoint, "gate");
            (cell.release.as_str(), cell.network.as_str(), *installs)
        })
        .collect();
    let [wifi, mobile] = [Network::Wifi, Network::Cell4g].map(Network::as_str);
    let mut wanted = vec![("1.0", wifi, 3), ("1.0", mobile, 1), ("1.1", wifi, 1)];
    wanted.sort();
    assert_eq!(counted, wanted);

    let large: BTreeSet<_> = cells
        .into_iter()
        .filter(|(_, installs)| *installs == 3)
        .map(|(cell, _)| cell)
        .collect();
    let large = Arc::new(large);
    let windows = async |cells: Cells, network: Option<Network>| {
        let filter = ConnectionFilter {
            network,
            cells,
            ..ConnectionFilter::default()
        };
        let answer = store.connections(&app(), filter, DAY).await.unwrap();
        let series: u64 = answer.series.iter().map(|(_, sum)| sum.windows).sum();
        assert_eq!(series, answer.total.windows);
        let rest: u64 = answer.rest.series.iter().map(|sum| sum.windows).sum();
        assert_eq!(rest, answer.rest.total.windows);
        (series, rest)
    };
    assert_eq!(windows(Cells::All, None).await, (11, 0));
    assert_eq!(windows(Cells::Only(large.clone()), None).await, (9, 2));
    let on_wifi = windows(Cells::Only(large), Some(Network::Wifi)).await;
    assert_eq!(on_wifi, (9, 1));

    // Who is erased, or has expired, is counted no more.
    store.erase(&app(), &[pseudonym(2)], START).await.unwrap();
    assert_eq!(
        store
            .groups(&app(), Of::Connections, weeks)
            .await
            .unwrap()
            .installs,
        3
    );
    let part = Part::Release("1.1".parse().unwrap());
    store.erase_part(&app(), &part, START).await.unwrap();
    assert_eq!(
        store
            .groups(&app(), Of::Connections, weeks)
            .await
            .unwrap()
            .installs,
        2
    );
    let part = Part::Range {
        from: START - HOUR,
        to: START,
    };
    store.erase_part(&app(), &part, START).await.unwrap();
    assert_eq!(
        store
            .groups(&app(), Of::Connections, weeks)
            .await
            .unwrap()
            .installs,
        2
    );
    expire(store, older_than(11, &[(Kind::Connection, 10)], 100)).await;
    assert_eq!(
        store.groups(&app(), Of::Connections, weeks).await.unwrap(),
        Default::default()
    );
}
