//! Reports whose names are known late.

use super::samples::{DAY, HOUR, Life, START, app, grouped, id, keep, pseudonym, with_app};
use crate::access::IngestKey;
use crate::store::triage::{By, Change, Note, Person, Point, State, StateKind};
use crate::store::{
    Expiry, Incoming, IssueFilter, IssueId, IssueKind, IssuePage, Lacking, Move, Of, Part, Store,
};
use candor_protocol::deidentify::{AppName, BuildId, ModuleName, Release};
use candor_protocol::report::Kind;
use std::collections::{BTreeMap, BTreeSet};

const NOW: u64 = START + 30 * HOUR;

fn build(number: u32) -> BuildId {
    format!("{number:040x}").parse().unwrap()
}

fn lacking(number: u32) -> Lacking {
    Lacking {
        build: build(number),
        module: Some(ModuleName::scrub("libim.so")),
    }
}

fn without(number: u32, incoming: Incoming) -> Incoming {
    incoming.lacking(vec![lacking(number)])
}

fn to(report: u32, kind: IssueKind, issue: u64) -> Move {
    Move {
        report: id(report),
        to: grouped(kind, issue),
        lacking: Vec::new(),
    }
}

fn crashes(reports: impl IntoIterator<Item = u32>, issue: u64) -> Vec<Move> {
    let reports = reports.into_iter();
    reports
        .map(|report| to(report, IssueKind::Crash, issue))
        .collect()
}

async fn act(store: &impl Store, issue: u64, change: Change, minute: u64) {
    let by = By {
        who: Person::new("Wei").unwrap(),
        at: START + minute * 60,
    };
    let done = store.triage(&app(), &[IssueId(issue)], change, by).await;
    assert_eq!(done.unwrap(), 1);
}

async fn regroup(store: &impl Store, from: u64, moves: Vec<Move>) -> u64 {
    let moved = store.regroup(&app(), IssueId(from), moves, NOW).await;
    moved.unwrap()
}

/// Everything that waits in an issue was looked at.
async fn settle(store: &impl Store, issue: u64, builds: &[u32]) {
    let builds: Vec<BuildId> = builds.iter().map(|number| build(*number)).collect();
    let mut waiting = store.waiting(&app(), &builds).await.unwrap();
    waiting.retain(|one| one.issue.0 == issue);
    let settled = store.settle(&app(), IssueId(issue), waiting, NOW).await;
    settled.unwrap();
}

/// The page of an issue, whose numbers are the same when they are asked for alone.
async fn page(store: &impl Store, issue: u64) -> Option<IssuePage> {
    let id = IssueId(issue);
    let page = store.issue(&app(), id, DAY, NOW).await.unwrap();
    let alone = store.numbers(&app(), &[id, IssueId(u64::MAX)]).await;
    let expected = page.iter().map(|page| (id, numbers(page.numbers())));
    let alone = alone.unwrap().into_iter();
    let alone = alone.map(|(id, all)| (id, numbers(all)));
    assert_eq!(alone.collect::<Vec<_>>(), expected.collect::<Vec<_>>());
    page
}

/// The one that it has now, and all that it ever had.
fn numbers(all: Vec<IssueId>) -> (Option<IssueId>, BTreeSet<IssueId>) {
    (all.first().copied(), all.into_iter().collect())
}

async fn root(store: &impl Store, issue: u64) -> Option<u64> {
    page(store, issue).await.map(|page| page.row.id.0)
}

fn release(text: &str) -> Release {
    Release::parse(text).unwrap()
}

/// Every answer about issues, but for what was said.
async fn told(store: &impl Store, app: &AppName, issues: &[u64]) -> String {
    let mut told = format!(
        "{:#?}\n{:#?}\n{:#?}\n{:#?}\n{:#?}\n",
        store.health(app, DAY).await.unwrap(),
        store.trend(app, DAY).await.unwrap(),
        store.releases(app, DAY).await.unwrap(),
        store.issues(app, IssueFilter::all(DAY, NOW)).await.unwrap(),
        store.freezes(app, DAY).await.unwrap(),
    );
    for issue in issues {
        let page = store.issue(app, IssueId(*issue), DAY, NOW).await.unwrap();
        let page = page.map(|page| IssuePage {
            turns: Vec::new(),
            ..page
        });
        let groups = Of::Issue(IssueId(*issue));
        let groups = store.groups(app, groups, DAY).await.unwrap();
        let reports = store
            .issue_reports(app, IssueId(*issue), None, 100, None)
            .await;
        let reports: Vec<_> = reports.unwrap().into_iter().map(|one| one.id).collect();
        told += &format!("{page:#?} {groups:#?} {reports:#?}");
    }
    told
}

pub(crate) async fn reports_that_are_named_late_count_as_if_they_had_been_named_at_once(
    store: &impl Store,
) {
    let store = with_app(store).await;
    let other: AppName = "im-named".parse().unwrap();
    let key = IngestKey::generate();
    store.add_app(&other, key.hash()).await.unwrap();
    // Unnamed in 1, 2 and 3, named in 7, 8 and 9, of which some reports arrive later, when the names are known.
    let life = |n: u32| {
        let release = if n.is_multiple_of(3) { "1.1" } else { "1.0" };
        Life::new(n % 4, n)
            .release(release)
            .hour(u64::from(n) % 7)
            .minute(u64::from(n))
    };
    let arriving = |late: bool| -> Vec<Incoming> {
        let crash = |n, before, named| {
            let issue = if late { before } else { named };
            without(5, life(n).crash(n, issue, n % 2 == 0))
        };
        let mut all: Vec<Incoming> = (0..10).map(|n| crash(n, 1, 7)).collect();
        all.extend((10..20).map(|n| crash(n, 2, if n < 15 { 7 } else { 8 })));
        all.extend((20..26).map(|n| {
            let issue = if late { 3 } else { 9 };
            without(5, life(n).freeze(n, issue, 2_000 + u64::from(n) * 100))
        }));
        all.extend((30..33).map(|n| life(n).crash(n, 7, true)));
        all
    };
    keep(store, arriving(true)).await;
    store.keep(&other, arriving(false), START).await.unwrap();
    // Small steps, some of them twice, and some in the wrong place.
    assert_eq!(regroup(store, 1, crashes(0..4, 7)).await, 4);
    assert_eq!(regroup(store, 1, crashes(0..10, 7)).await, 6);
    assert_eq!(regroup(store, 1, crashes(0..10, 7)).await, 0);
    assert_eq!(regroup(store, 2, crashes(0..15, 7)).await, 5);
    assert_eq!(regroup(store, 2, crashes(15..20, 8)).await, 5);
    let freezes = (20..26).map(|n| to(n, IssueKind::Freeze, 9)).collect();
    assert_eq!(regroup(store, 3, freezes).await, 6);
    for issue in [1, 2, 3] {
        settle(store, issue, &[5]).await;
    }
    assert_eq!(
        told(store, &app(), &[7, 8, 9]).await,
        told(store, &other, &[7, 8, 9]).await
    );
    assert!(store.unnamed(&app()).await.unwrap().is_empty());
    // Old links lead to where most of it went.
    assert_eq!(root(store, 1).await, Some(7));
    assert_eq!(root(store, 2).await, Some(7));
    assert_eq!(root(store, 3).await, Some(9));
    for (report, issue) in [(0, 7), (16, 8), (22, 9), (31, 7)] {
        let counted = store.issue_of(&app(), id(report)).await.unwrap();
        assert_eq!(counted, Some(IssueId(issue)), "{report}");
    }
    // What is erased is taken out of where it is counted.
    for app in [&app(), &other] {
        store.erase(app, &[pseudonym(1)], NOW).await.unwrap();
        let part = Part::Release(release("1.1"));
        store.erase_part(app, &part, NOW).await.unwrap();
    }
    assert_eq!(
        told(store, &app(), &[7, 8, 9]).await,
        told(store, &other, &[7, 8, 9]).await
    );
}

pub(crate) async fn what_was_said_of_an_issue_stays_when_it_gets_its_name(store: &impl Store) {
    let store = with_app(store).await;
    let crash = |n: u32, issue, release| Life::new(n, n).release(release).crash(n, issue, true);
    keep(
        store,
        vec![
            without(1, crash(1, 1, "1.0")),
            without(1, crash(2, 1, "1.0")),
            without(1, crash(3, 2, "1.0")),
            without(1, crash(4, 3, "1.0")),
            crash(5, 9, "1.0"),
            crash(6, 8, "1.0"),
        ],
    )
    .await;
    let person = |name| Person::new(name).unwrap();
    act(store, 1, Change::Resolve(Some(release("1.1"))), 1).await;
    act(store, 1, Change::Assign(Some(person("Li"))), 2).await;
    act(store, 1, Change::Note(Note::new("the parser").unwrap()), 3).await;
    // An issue that has its name by then, and of which something was said as well, earlier and later.
    act(store, 9, Change::Assign(Some(person("An"))), 4).await;
    act(store, 9, Change::Resolve(Some(release("1.2"))), 0).await;
    act(store, 2, Change::Assign(Some(person("Bo"))), 2).await;
    act(
        store,
        2,
        Change::Ignore(crate::store::triage::Until::Forever),
        5,
    )
    .await;
    // And one that was merged.
    act(store, 3, Change::Merge(IssueId(8)), 6).await;
    assert_eq!(regroup(store, 1, crashes([1], 7)).await, 1);
    // In the middle both are there, and both say the same.
    for issue in [1, 7] {
        let row = page(store, issue).await.unwrap().row;
        assert_eq!((row.id.0, row.reports), (issue, 1));
        assert_eq!(row.state.kind(), StateKind::Resolved);
        assert_eq!(row.assignee, Some(person("Li")));
    }
    act(store, 1, Change::Note(Note::new("meanwhile").unwrap()), 7).await;
    assert_eq!(regroup(store, 1, crashes([1, 2], 7)).await, 1);
    settle(store, 1, &[1]).await;
    regroup(store, 2, crashes([3], 9)).await;
    settle(store, 2, &[1]).await;
    regroup(store, 3, crashes([4], 10)).await;
    settle(store, 3, &[1]).await;

    let seven = page(store, 1).await.unwrap();
    assert_eq!((seven.row.id.0, seven.row.reports), (7, 2));
    assert_eq!((seven.row.merged, seven.members.len()), (0, 0));
    assert_eq!(
        seven.row.state,
        State::Resolved {
            release: "1.1".to_owned(),
            next: false
        }
    );
    let did: Vec<String> = seven
        .turns
        .iter()
        .map(|turn| match &turn.what {
            Point::Came { issue } => format!("came {issue}"),
            Point::Noted { note } => note.as_str().to_owned(),
            Point::Resolved { .. } => "resolved".to_owned(),
            Point::Assigned { .. } => "assigned".to_owned(),
            Point::Seen { release } => release.clone(),
            other => format!("{other:?}"),
        })
        .collect();
    let came = format!("came {}", IssueId(1));
    let expected = ["meanwhile", "the parser", "assigned", "resolved", "1.0"];
    assert_eq!(did, [&[came.as_str()], &expected[..]].concat());
    // It comes back later as it would have.
    keep(store, vec![crash(20, 7, "1.3")]).await;
    let state = page(store, 1).await.unwrap().row.state;
    assert_eq!(state.kind(), StateKind::Regressed);

    // Of each aspect the last word counts, wherever it was said.
    let nine = page(store, 2).await.unwrap().row;
    assert_eq!((nine.id.0, nine.reports), (9, 2));
    assert_eq!(nine.state.kind(), StateKind::Ignored);
    assert_eq!(nine.assignee, Some(person("An")));
    // What was merged stays one.
    assert_eq!(root(store, 3).await, Some(8));
    assert_eq!(root(store, 10).await, Some(8));
    assert_eq!(page(store, 8).await.unwrap().row.reports, 2);

    // Where nothing is counted any more, nothing is said any more, and what is said leads nowhere else.
    let expiry = Expiry {
        reports: BTreeMap::new(),
        summaries: 0,
        future: u64::MAX,
        ledger: 0,
        quarantine: 0,
    };
    store.expire(&app(), expiry.clone()).await.unwrap();
    assert_eq!(root(store, 1).await, Some(7));
    for who in [1, 2, 20] {
        store.erase(&app(), &[pseudonym(who)], NOW).await.unwrap();
    }
    assert_eq!(root(store, 1).await, None);
    store.expire(&app(), expiry).await.unwrap();
    keep(store, vec![crash(30, 7, "1.0"), crash(31, 1, "1.0")]).await;
    assert_eq!(root(store, 1).await, Some(1));
    assert_eq!(page(store, 7).await.unwrap().row.state, State::Open);
}

pub(crate) async fn reports_that_expired_are_one_with_the_issue_that_the_others_went_to(
    store: &impl Store,
) {
    let store = with_app(store).await;
    let crash = |n: u32, issue| Life::new(n, n).crash(n, issue, true);
    let old = vec![crash(1, 1), crash(2, 2), crash(3, 2)];
    store.keep(&app(), old, START).await.unwrap();
    let new = vec![crash(4, 1), crash(5, 1), crash(6, 2), crash(7, 2)];
    store.keep(&app(), new, START + 5 * HOUR).await.unwrap();
    let expiry = Expiry {
        reports: BTreeMap::from([(Kind::Crash, START + HOUR)]),
        summaries: 0,
        future: u64::MAX,
        ledger: 0,
        quarantine: 0,
    };
    assert_eq!(store.expire(&app(), expiry).await.unwrap().reports, 3);
    // All that can be read goes to one place: what is left is one with it.
    assert_eq!(regroup(store, 1, crashes([1, 4], 7)).await, 1);
    let before = page(store, 1).await.unwrap().row;
    assert_eq!((before.id.0, before.reports, before.runs), (1, 2, 1));
    // As soon as the last one has gone, whatever happens next.
    assert_eq!(regroup(store, 1, crashes([5], 7)).await, 1);
    assert_eq!(root(store, 1).await, Some(7));
    settle(store, 1, &[]).await;
    for issue in [1, 7] {
        let page = page(store, issue).await.unwrap();
        let row = &page.row;
        assert_eq!((row.id.0, row.reports, row.runs, row.merged), (7, 3, 2, 0));
        assert!(page.members.is_empty());
    }
    let listed = store.issues(&app(), IssueFilter::all(DAY, NOW)).await;
    let listed: Vec<_> = listed.unwrap().rows.iter().map(|row| row.id.0).collect();
    assert_eq!(listed, [2, 7]);
    // It goes to two: nobody knows where the rest belongs, and it stays.
    let moves = crashes([6], 7).into_iter().chain(crashes([7], 8));
    assert_eq!(regroup(store, 2, moves.collect()).await, 2);
    settle(store, 2, &[]).await;
    let row = page(store, 2).await.unwrap().row;
    assert_eq!((row.id.0, row.reports), (2, 2));
}

pub(crate) async fn builds_without_symbols_are_known_until_their_reports_were_looked_at(
    store: &impl Store,
) {
    let store = with_app(store).await;
    let crash = |n: u32, issue, hour| Life::new(n, n).hour(hour).crash(n, issue, true);
    let both = vec![lacking(1), lacking(2)];
    keep(
        store,
        vec![
            without(1, crash(1, 1, 3)),
            without(1, crash(1, 1, 3)),
            crash(2, 1, 5).lacking(both),
            without(1, Life::new(3, 3).release("1.1").crash(3, 2, true)),
            crash(4, 3, 1),
        ],
    )
    .await;
    let unnamed = async || {
        let unnamed = store.unnamed(&app()).await.unwrap();
        let row = |one: crate::store::Unnamed| {
            assert_eq!(one.module, "libim.so");
            let hours = |at| (at - START) / HOUR;
            let seen = (hours(one.first_seen), hours(one.last_seen));
            (one.build, one.issues, one.reports, seen)
        };
        unnamed.into_iter().map(row).collect::<Vec<_>>()
    };
    let (one, two) = ((build(1), 2, 3, (0, 5)), (build(2), 1, 2, (3, 5)));
    assert_eq!(unnamed().await, [one, two.clone()]);
    let waiting = store.waiting(&app(), &[build(1)]).await.unwrap();
    let told: Vec<_> = waiting
        .iter()
        .map(|one| (one.issue.0, one.release.as_str(), one.met))
        .collect();
    assert_eq!(told, [(1, "1.0", 2), (2, "1.1", 1)]);
    // Another arrives while it is looked at: it has to be looked at as well.
    keep(store, vec![without(1, crash(5, 1, 6))]).await;
    let (first, second) = (vec![waiting[0].clone()], vec![waiting[1].clone()]);
    store.settle(&app(), IssueId(1), first, NOW).await.unwrap();
    store.settle(&app(), IssueId(2), second, NOW).await.unwrap();
    let left = store.waiting(&app(), &[build(1), build(2)]).await.unwrap();
    let left: Vec<_> = left.iter().map(|one| (one.issue.0, one.met)).collect();
    assert_eq!(left, [(1, 1), (1, 1)]);
    settle(store, 1, &[1]).await;
    assert_eq!(unnamed().await, [(build(2), 1, 3, (3, 6))]);
    // What moves takes along what is still not known.
    let mut moved = crashes([2], 9);
    moved[0].lacking = vec![lacking(2)];
    assert_eq!(regroup(store, 1, moved).await, 1);
    assert_eq!(unnamed().await, [(build(2), 2, 3, (3, 6))]);
    settle(store, 1, &[2]).await;
    assert_eq!(unnamed().await, [(build(2), 1, 1, (5, 5))]);
    let read = store.reports_in(&app(), IssueId(1), 9, None).await.unwrap();
    assert_eq!(
        read.iter().map(|one| one.id).collect::<Vec<_>>(),
        [id(5), id(1)]
    );
    let rest = store.reports_in(&app(), IssueId(1), 9, Some(id(5))).await;
    assert_eq!(rest.unwrap().len(), 1);
    // Nothing of it is left with the last report.
    store.erase(&app(), &[pseudonym(2)], NOW).await.unwrap();
    assert!(unnamed().await.is_empty());
}

pub(crate) async fn what_a_change_of_the_rules_would_split_stays_one(store: &impl Store) {
    let store = with_app(store).await;
    let crash = |n: u32, issue| Life::new(n, n).crash(n, issue, true);
    let relate = async |before, now| {
        let app = app();
        let related = store.relate(&app, IssueId(before), IssueId(now), NOW);
        related.await.unwrap();
    };
    let counted = async |issue| {
        let row = page(store, issue).await.unwrap().row;
        (row.id.0, row.reports, row.merged)
    };
    keep(store, vec![crash(1, 1), crash(2, 1), crash(3, 2)]).await;
    act(store, 1, Change::Resolve(Some(release("1.1"))), 1).await;
    // The rules change: what was 1 is 11 from now on, and so is what was 2.
    relate(1, 11).await;
    keep(store, vec![crash(4, 11)]).await;
    relate(1, 11).await;
    assert_eq!(counted(11).await, (1, 3, 1));
    let state = page(store, 11).await.unwrap().row.state;
    assert_eq!(state.kind(), StateKind::Resolved);
    relate(2, 11).await;
    assert_eq!(counted(2).await, (1, 4, 2));
    // Nothing is known of 20; when the rules change once more, its reports stay together.
    relate(20, 21).await;
    assert_eq!(root(store, 20).await, None);
    keep(store, vec![crash(5, 21)]).await;
    assert_eq!(counted(20).await, (21, 1, 0));
    relate(20, 22).await;
    keep(store, vec![crash(6, 22)]).await;
    assert_eq!(counted(22).await, (21, 2, 1));
    // What somebody has split is not merged again.
    act(store, 11, Change::Split, 31 * 60).await;
    relate(1, 11).await;
    assert_eq!(counted(11).await, (11, 1, 0));
    assert_eq!(counted(1).await, (1, 3, 1));
}
