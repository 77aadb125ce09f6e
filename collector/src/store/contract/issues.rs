//! Issues and their reports.

use super::samples::{DAY, HOUR, Life, START, app, id, keep, pseudonym, with_app};
use crate::store::triage::{By, Change, Person};
use crate::store::{
    Breakdown, Group, IssueFilter, IssueId, IssueKind, Of, Part, Reach, Sort, Span, Store,
};
use candor_protocol::deidentify::Release;
use std::collections::HashSet;

pub(crate) async fn pages_of_a_list_follow_each_other_in_every_order(store: &impl Store) {
    let store = with_app(store).await;
    // Some are equal in how many reports, runs and installations they have, and some also in when they were seen.
    let lives = (0..40u32).map(|n| (n, u64::from(n % 11), u64::from(n % 3 * 5)));
    let crashes = lives.map(|(n, issue, hour)| Life::new(n, n).hour(hour).crash(n, issue, true));
    keep(store, crashes.collect()).await;
    let by = By {
        who: Person::new("Wei").unwrap(),
        at: START,
    };
    let merge = Change::Merge(IssueId(1));
    store
        .triage(&app(), &[IssueId(2)], merge, by)
        .await
        .unwrap();
    let list = async |sort, (offset, limit): (u32, u32)| {
        let filter = IssueFilter {
            sort,
            offset,
            limit,
            ..IssueFilter::all(DAY, 0)
        };
        let list = store.issues(&app(), filter.clone()).await.unwrap();
        assert_eq!(list.total, 10);
        let reach = store.reach(&app(), filter).await.unwrap();
        let ids: Vec<u64> = list.rows.iter().map(|row| row.id.0).collect();
        let reached: Vec<u64> = reach.rows.iter().map(|row| row.id.0).collect();
        assert_eq!((&ids, reach.total), (&reached, 10));
        ids
    };
    for sort in [
        Sort::Installs,
        Sort::Reports,
        Sort::Rising,
        Sort::Newest,
        Sort::LastSeen,
    ] {
        let whole = list(sort, (0, 100)).await;
        for size in [3, 4] {
            let mut pages = Vec::new();
            for page in 0..=10 / size {
                pages.extend(list(sort, (page * size, size)).await);
            }
            assert_eq!(pages, whole, "{sort:?} by pages of {size}");
        }
    }
}

pub(crate) async fn issues_are_listed_by_how_many_installations_met_them(store: &impl Store) {
    let store = with_app(store).await;
    let mut reports = Vec::new();
    // One installation meets the first crash five times; three meet the second once each; two meet the freeze.
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
            .issues(
                &app(),
                IssueFilter {
                    kind,
                    ..IssueFilter::all(span, 0)
                },
            )
            .await
            .unwrap()
            .rows;
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
        .issues(&app(), IssueFilter::all(DAY, 0))
        .await
        .unwrap()
        .rows;
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
        .issues(&app(), IssueFilter::all(middle, 0))
        .await
        .unwrap()
        .rows
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
        .issue(&app(), IssueId(1), quiet, 0)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (page.row.reports, page.row.installs, page.row.last_seen),
        (0, 0, START + 9 * HOUR)
    );
    assert_eq!(
        store
            .issues(&app(), IssueFilter::all(quiet, 0))
            .await
            .unwrap()
            .rows,
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
    let page = store
        .issue(&app(), IssueId(1), DAY, 0)
        .await
        .unwrap()
        .unwrap();
    let rows = |list: &[Breakdown]| {
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

pub(crate) async fn an_issue_is_told_within_one_release(store: &impl Store) {
    let store = with_app(store).await;
    let life = |run, release, os| Life {
        os_version: os,
        ..Life::new(run, run).release(release)
    };
    let mut reports: Vec<_> = (0..10)
        .map(|run| life(run, "1.0", "12.4").run(run, None, 0))
        .collect();
    reports.extend((10..14).map(|run| life(run, "1.1", "12.4").run(run, None, 0)));
    reports.extend((14..16).map(|run| life(run, "1.1", "13.0").run(run, None, 0)));
    reports.extend([0, 1, 2].map(|run| life(run, "1.0", "12.4").crash(100 + run, 1, true)));
    reports.push(life(10, "1.1", "12.4").crash(110, 1, true));
    reports.push(life(10, "1.1", "12.4").hour(3).crash(111, 1, false));
    reports.push(life(15, "1.1", "13.0").hour(3).crash(112, 1, true));
    reports.push(life(15, "1.1", "13.0").crash(113, 2, true));
    keep(store, reports).await;
    let (im, release) = (app(), |text: &str| text.parse().unwrap());
    let within = async |id, of: &str| {
        let of: Release = release(of);
        let asked = store.issue_within(&im, IssueId(id), &of, DAY);
        asked.await.unwrap()
    };
    let found = within(1, "1.1").await;
    let row = |label: &str, reports, runs, of| Breakdown {
        label: label.to_owned(),
        reports,
        runs,
        of,
    };
    assert_eq!(
        (found.reports, found.fatal, found.runs, found.installs),
        (3, 2, 2, 2)
    );
    assert_eq!((found.spark[0], found.spark[3]), (1, 2));
    assert_eq!(found.runs_total, 6);
    let systems = [row("linux 12.4", 2, 1, 4), row("linux 13.0", 1, 1, 2)];
    assert_eq!(found.by_os, systems);
    assert_eq!(found.by_device, [row("x86_64-8c-16g", 3, 2, 6)]);
    // Where it was not met there is nothing of it, but runs.
    let found = within(2, "1.0").await;
    assert_eq!((found.reports, found.runs_total), (0, 10));
    assert!(found.by_os.is_empty() && found.by_device.is_empty());
    assert_eq!(within(9, "1.0").await, Default::default());
    // Reports of one release.
    let read = async |of: Option<&str>, before| {
        let of = of.map(release);
        let reports = store.issue_reports(&im, IssueId(1), of.as_ref(), 9, before);
        let reports = reports.await.unwrap();
        reports.iter().map(|one| one.id).collect::<HashSet<_>>()
    };
    assert_eq!(read(None, None).await.len(), 6);
    let three = HashSet::from([id(110), id(111), id(112)]);
    assert_eq!(read(Some("1.1"), None).await, three);
    assert_eq!(read(Some("9.9"), None).await, HashSet::new());
    let one = HashSet::from([id(110)]);
    let last = match read(Some("1.1"), Some(id(111))).await {
        after if after == one => after,
        _ => read(Some("1.1"), Some(id(112))).await,
    };
    assert_eq!(last, one);
    // Installations of each class within each release.
    let groups = store.groups(&im, Of::IssueWithin(IssueId(1)), DAY);
    let groups = groups.await.unwrap();
    let cell = |release: &str, class| Group::Within(release.to_owned(), Box::new(class));
    let os = |text: &str| Group::Os(text.to_owned());
    let device = || Group::Device("x86_64-8c-16g".to_owned());
    let expected = [
        (Group::Release("1.0".to_owned()), 3),
        (Group::Release("1.1".to_owned()), 2),
        (cell("1.0", os("linux 12.4")), 3),
        (cell("1.0", device()), 3),
        (cell("1.1", os("linux 12.4")), 1),
        (cell("1.1", os("linux 13.0")), 1),
        (cell("1.1", device()), 2),
    ];
    assert_eq!(groups.installs, 5);
    assert_eq!(groups.by, expected.into_iter().collect());
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
            .issue_reports(&app(), IssueId(1), None, 7, before)
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
            .issue_reports(&app(), IssueId(1), None, 7, Some(id(77)))
            .await
            .unwrap(),
        []
    );
}

pub(crate) async fn any_range_counts_whoever_met_an_issue_once(store: &impl Store) {
    let store = with_app(store).await;
    // Who, in which run, in which hour, met which issue, with which release; neither in the order of time nor evenly.
    type Met = (u32, u32, u64, u64, &'static str);
    const RELEASES: [&str; 2] = ["1.0", "1.1"];
    let lives: Vec<Met> = (0u32..90)
        .map(|number| {
            let mixed = number.wrapping_mul(2_654_435_761) >> 8;
            let (who, hour) = (mixed % 5, u64::from(mixed / 5 % 53));
            let release = RELEASES[(mixed / 500 % 2) as usize];
            let run = who * 10 + mixed % 3;
            (who, run, hour, u64::from(number % 2) + 1, release)
        })
        .collect();
    for (part, lives) in lives.chunks(30).enumerate() {
        let crash = |(number, (who, run, hour, issue, release)): (usize, &Met)| {
            let number = (part * 30 + number) as u32;
            let life = Life::new(*who, *run).hour(*hour).release(release);
            life.minute(u64::from(number % 4) * 15)
                .crash(number, *issue, false)
        };
        keep(store, lives.iter().enumerate().map(crash).collect()).await;
    }
    let check = async |lives: &[Met]| {
        for (from, hours) in [
            (0, 60),
            (0, 2),
            (1, 4),
            (3, 20),
            (7, 48),
            (25, 26),
            (40, 10),
        ] {
            let span = Span {
                from: START + from * HOUR,
                to: START + (from + hours) * HOUR,
                step: HOUR,
            };
            for release in [None, Some(RELEASES[0]), Some(RELEASES[1])] {
                let filter = IssueFilter {
                    release: release.map(str::to_owned),
                    ..IssueFilter::all(span, 0)
                };
                let reach = store.reach(&app(), filter.clone()).await.unwrap();
                let list = store.issues(&app(), filter).await.unwrap();
                for issue in [1, 2] {
                    let within = || {
                        let range = from..from + hours;
                        let met = lives.iter().filter(move |life| life.3 == issue);
                        met.filter(move |life| {
                            range.contains(&life.2) && release.is_none_or(|name| name == life.4)
                        })
                    };
                    let row = list.rows.iter().find(|row| row.id == IssueId(issue));
                    let counted =
                        row.map_or((0, 0, 0), |row| (row.reports, row.runs, row.installs));
                    let runs: HashSet<u32> = within().map(|life| life.1).collect();
                    let installs: HashSet<u32> = within().map(|life| life.0).collect();
                    let truth = (
                        within().count() as u64,
                        runs.len() as u64,
                        installs.len() as u64,
                    );
                    let of = format!("issue {issue} in {release:?}, {hours} hours from {from}");
                    assert_eq!(counted, truth, "{of}");
                }
                assert_eq!(reach.total, list.total);
                let rows = list.rows.into_iter().map(|row| Reach {
                    id: row.id,
                    runs: row.runs,
                    first_release: row.first_release,
                });
                assert_eq!(reach.rows, rows.collect::<Vec<_>>());
            }
        }
    };
    check(&lives).await;
    store.erase(&app(), &[pseudonym(3)], START).await.unwrap();
    let left: Vec<_> = lives.into_iter().filter(|life| life.0 != 3).collect();
    check(&left).await;
    let gone = Part::Range {
        from: START + 20 * HOUR,
        to: START + 31 * HOUR,
    };
    store.erase_part(&app(), &gone, START).await.unwrap();
    let left: Vec<_> = left
        .into_iter()
        .filter(|life| !(20..31).contains(&life.2))
        .collect();
    check(&left).await;
}

pub(crate) async fn new_issues_are_told_by_the_release_that_showed_them_first(store: &impl Store) {
    let store = with_app(store).await;
    let life = |run, hour, release| Life::new(run, run).hour(hour).release(release);
    keep(
        store,
        vec![
            // Seen in both within one hour: the earlier release showed it first.
            life(1, 5, "1.10").crash(1, 1, true),
            life(2, 5, "1.9").crash(2, 1, true),
            life(3, 4, "1.10").crash(3, 2, true),
            life(4, 9, "1.9").crash(4, 2, true),
            life(5, 6, "1.10").freeze(5, 8, 2_000),
            life(6, 2, "1.9").crash(6, 3, true),
        ],
    )
    .await;
    let new = async |span| -> Vec<(String, u64)> {
        let new = store.new_issues(&app(), span).await.unwrap();
        let mut new: Vec<_> = new
            .into_iter()
            .map(|(of, issues)| (of.to_string(), issues))
            .collect();
        new.sort();
        new
    };
    let told = |wanted: &[(&str, u64)]| -> Vec<(String, u64)> {
        wanted
            .iter()
            .map(|(of, issues)| ((*of).to_owned(), *issues))
            .collect()
    };
    assert_eq!(new(DAY).await, told(&[("1.10", 2), ("1.9", 2)]));
    let late = Span {
        from: START + 9 * HOUR,
        to: START + 24 * HOUR,
        step: HOUR,
    };
    assert_eq!(new(late).await, told(&[("1.10", 1)]));
    // What is merged was first seen when any of it was.
    let by = By {
        who: Person::new("somebody").unwrap(),
        at: START,
    };
    let (app, into) = (app(), Change::Merge(IssueId(1)));
    let merged = store.triage(&app, &[IssueId(3)], into, by).await;
    assert_eq!(merged.unwrap(), 1);
    assert_eq!(new(DAY).await, told(&[("1.10", 2), ("1.9", 1)]));
}
