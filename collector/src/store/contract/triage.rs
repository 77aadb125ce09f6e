//! What a team says about issues.

use super::samples::{DAY, HOUR, Life, START, app, keep, pseudonym, with_app};
use crate::store::triage::{By, Change, Note, Person, Point, State, StateKind, Until};
use crate::store::{
    Dimension, Expiry, Group, IssueFilter, IssueId, IssueKind, IssuePage, Of, Own, Part, Sort,
    Span, Store,
};
use candor_protocol::deidentify::Release;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

const NOW: u64 = START + 30 * HOUR;

fn person(name: &str) -> Person {
    Person::new(name).unwrap()
}

fn release(text: &str) -> Option<Release> {
    Some(Release::parse(text).unwrap())
}

/// Somebody does something to issues, the number of `minute` minutes after everything that stories tell of.
async fn act(store: &impl Store, issues: &[u64], change: Change, minute: u64) -> u64 {
    let issues: Vec<IssueId> = issues.iter().map(|id| IssueId(*id)).collect();
    let by = By {
        who: person("Wei"),
        at: NOW + minute * 60,
    };
    store.triage(&app(), &issues, change, by).await.unwrap()
}

async fn page(store: &impl Store, issue: u64) -> IssuePage {
    let asked = store.issue(&app(), IssueId(issue), DAY, NOW).await;
    asked.unwrap().unwrap()
}

async fn state(store: &impl Store, issue: u64) -> State {
    let listed = store
        .issues(&app(), IssueFilter::all(DAY, NOW))
        .await
        .unwrap();
    let state = page(store, issue).await.row.state;
    let row = listed.rows.into_iter().find(|row| row.id.0 == issue);
    assert_eq!(row.unwrap().state, state);
    state
}

/// Ids and reports of the issues that are listed, in their order.
async fn list(store: &impl Store, filter: IssueFilter) -> Vec<(u64, u64)> {
    let list = store.issues(&app(), filter).await.unwrap();
    assert_eq!(list.total, list.rows.len() as u64);
    list.rows
        .iter()
        .map(|row| (row.id.0, row.reports))
        .collect()
}

fn all() -> IssueFilter {
    IssueFilter::all(DAY, NOW)
}

pub(crate) async fn an_issue_that_was_resolved_regresses_only_in_a_later_release(
    store: &impl Store,
) {
    let store = with_app(store).await;
    let seen = |number, release| {
        Life::new(number, number)
            .release(release)
            .crash(number, 1, true)
    };
    keep(store, vec![seen(1, "1.0"), seen(2, "1.2")]).await;
    assert_eq!(state(store, 1).await, State::Open);
    assert_eq!(
        act(store, &[1], Change::Resolve(release("1.1")), 0).await,
        1
    );
    let resolved = State::Resolved {
        release: "1.1".to_owned(),
        next: false,
    };
    assert_eq!(state(store, 1).await, resolved);
    // Old clients that are still in the field, also the one that had shown it: nothing new.
    keep(
        store,
        vec![
            seen(3, "1.0"),
            seen(4, "0.9"),
            seen(5, "1.2"),
            seen(6, "1.1"),
        ],
    )
    .await;
    assert_eq!(state(store, 1).await, resolved);
    keep(store, vec![seen(7, "1.10"), seen(8, "1.9")]).await;
    let regressed = State::Regressed {
        resolved: "1.1".to_owned(),
        release: "1.9".to_owned(),
    };
    assert_eq!(state(store, 1).await, regressed);
    // It is done with once more, in whatever comes next.
    act(store, &[1], Change::Resolve(None), 1).await;
    assert_eq!(
        state(store, 1).await,
        State::Resolved {
            release: "1.10".to_owned(),
            next: true
        }
    );
    act(store, &[1], Change::Reopen, 2).await;
    assert_eq!(state(store, 1).await, State::Open);
    let did: Vec<_> = page(store, 1)
        .await
        .turns
        .into_iter()
        .map(|turn| (turn.who.is_some(), turn.what))
        .collect();
    let text = str::to_owned;
    assert_eq!(
        did,
        [
            (true, Point::Reopened),
            (
                true,
                Point::Resolved {
                    release: text("1.10"),
                    next: true
                }
            ),
            (
                false,
                Point::Regressed {
                    release: text("1.9")
                }
            ),
            (
                true,
                Point::Resolved {
                    release: text("1.1"),
                    next: false
                }
            ),
            (
                false,
                Point::Seen {
                    release: text("0.9")
                }
            ),
        ]
    );
}

pub(crate) async fn an_issue_is_ignored_until_its_condition_is_met(store: &impl Store) {
    let store = with_app(store).await;
    let seen = |number, who, issue| Life::new(who, number).crash(number, issue, true);
    keep(
        store,
        vec![seen(1, 1, 1), seen(2, 1, 2), seen(3, 1, 3), seen(4, 1, 4)],
    )
    .await;
    act(store, &[1], Change::Ignore(Until::Forever), 0).await;
    act(store, &[2], Change::Ignore(Until::Reports(2)), 0).await;
    act(store, &[3], Change::Ignore(Until::Installs(2)), 0).await;
    act(store, &[4], Change::Ignore(Until::Date(NOW + 1)), 0).await;
    let open = async || {
        let filter = IssueFilter {
            states: vec![StateKind::Open],
            ..all()
        };
        let mut open: Vec<u64> = list(store, filter).await.iter().map(|row| row.0).collect();
        open.sort();
        open
    };
    assert!(open().await.is_empty());
    // The same installation three times more, and another one.
    keep(
        store,
        (10..13)
            .flat_map(|n| [seen(n, 1, 1), seen(n + 10, 1, 3)])
            .collect(),
    )
    .await;
    keep(store, vec![seen(30, 1, 2), seen(31, 2, 3)]).await;
    assert!(open().await.is_empty());
    keep(store, vec![seen(32, 1, 2), seen(33, 3, 3)]).await;
    assert_eq!(open().await, [2, 3]);
    let later = IssueFilter {
        states: vec![StateKind::Ignored],
        ..IssueFilter::all(DAY, NOW + 1)
    };
    assert_eq!(list(store, later).await, [(1, 4)]);
}

pub(crate) async fn people_look_after_issues_and_say_something_about_them(store: &impl Store) {
    let store = with_app(store).await;
    keep(
        store,
        vec![
            Life::new(1, 1).crash(1, 1, true),
            Life::new(1, 1).crash(2, 2, true),
        ],
    )
    .await;
    let note = |text| Change::Note(Note::new(text).unwrap());
    assert_eq!(
        act(
            store,
            &[1, 2, 1, 99],
            Change::Assign(Some(person("李伟"))),
            0
        )
        .await,
        2
    );
    assert_eq!(act(store, &[2], Change::Assign(None), 1).await, 1);
    act(store, &[1], note("it's \\ the 'parser'\nagain"), 2).await;
    let of = |assignee| IssueFilter {
        assignee: Some(assignee),
        ..all()
    };
    assert_eq!(
        list(store, of(Own::Somebody(person("李伟")))).await,
        [(1, 1)]
    );
    assert_eq!(list(store, of(Own::Nobody)).await, [(2, 1)]);
    let turn = page(store, 1).await.turns.remove(0);
    assert_eq!((turn.at, turn.who), (NOW + 120, Some(person("Wei"))));
    let Point::Noted { note } = turn.what else {
        panic!("{:?}", turn.what)
    };
    assert_eq!(note.as_str(), "it's \\ the 'parser'\nagain");
}

pub(crate) async fn issues_that_were_merged_are_one_in_every_answer_until_they_are_split(
    store: &impl Store,
) {
    let store = with_app(store).await;
    let crash =
        |who, number, issue, hour| Life::new(who, number).hour(hour).crash(number, issue, true);
    keep(
        store,
        vec![
            crash(1, 1, 1, 5),
            crash(2, 2, 1, 6),
            crash(2, 3, 2, 2),
            crash(3, 4, 2, 9),
            crash(4, 5, 3, 3),
            crash(9, 50, 9, 1),
            Life::new(5, 6).freeze(6, 4, 2_000),
            Life::new(5, 7).freeze(7, 5, 3_000),
        ],
    )
    .await;
    let before = (
        page(store, 1).await,
        page(store, 2).await,
        page(store, 3).await,
    );
    let freezes = store.freezes(&app(), DAY).await.unwrap();
    act(store, &[2], Change::Note(Note::new("two").unwrap()), 0).await;
    // Not into itself, into nothing, or into another kind.
    for into in [1, 99, 4] {
        assert_eq!(act(store, &[1], Change::Merge(IssueId(into)), 1).await, 0);
    }
    assert_eq!(act(store, &[2, 3], Change::Merge(IssueId(1)), 1).await, 2);
    let merged = page(store, 3).await;
    assert_eq!(merged, page(store, 1).await);
    let row = &merged.row;
    assert_eq!(
        (row.id.0, row.reports, row.runs, row.installs, row.merged),
        (1, 5, 5, 4, 2)
    );
    assert_eq!(
        (row.first_seen, row.last_seen),
        (START + 2 * HOUR, START + 9 * HOUR)
    );
    assert_eq!(merged.by_release[0].reports, 5);
    let asked = [3, 77, 1, 4].map(IssueId);
    let numbers = store.numbers(&app(), &asked).await.unwrap();
    let one = [1, 2, 3].map(IssueId).to_vec();
    let expected = [
        (IssueId(1), one.clone()),
        (IssueId(3), one),
        (IssueId(4), vec![IssueId(4)]),
    ];
    assert_eq!(numbers, BTreeMap::from(expected));
    assert_eq!(merged.trends[0].1.iter().sum::<u32>(), 5);
    assert_eq!(
        merged
            .members
            .iter()
            .map(|one| one.id.0)
            .collect::<Vec<_>>(),
        [2, 3]
    );
    let noted = merged
        .turns
        .iter()
        .filter(|turn| matches!(turn.what, Point::Noted { .. }));
    assert_eq!(noted.count(), 1);
    let listed = store.issues(&app(), all()).await.unwrap().rows;
    assert_eq!(listed[0], merged.row);
    assert_eq!(listed.len(), 4);
    let reports = store
        .issue_reports(&app(), IssueId(2), None, 9, None)
        .await
        .unwrap();
    assert_eq!(reports.len(), 5);
    assert!(reports.is_sorted_by(|a, b| a.at >= b.at));
    let id = super::samples::id(4);
    assert_eq!(store.issue_of(&app(), id).await.unwrap(), Some(IssueId(1)));
    let groups = store
        .groups(&app(), Of::Issue(IssueId(3)), DAY)
        .await
        .unwrap();
    assert_eq!(groups.installs, 4);
    assert_eq!(groups.by[&Group::Release("1.0".to_owned())], 4);
    let spreads = store.spreads(&app(), Dimension::Os, DAY).await.unwrap();
    let (_, met) = spreads.met_by("linux 12.4").unwrap();
    let met: BTreeMap<IssueId, u64> = met.map(|spread| (spread.issue, spread.installs)).collect();
    assert!(
        met.keys().eq(listed
            .iter()
            .map(|row| row.id)
            .collect::<BTreeSet<_>>()
            .iter())
    );
    assert_eq!(met[&merged.row.id], 4);
    // Freezes too.
    act(store, &[5], Change::Merge(IssueId(4)), 2).await;
    let one = store.freezes(&app(), DAY).await.unwrap();
    assert_eq!(
        (one.len(), one[0].took_ms.count(), one[0].row.installs),
        (1, 2, 1)
    );
    act(store, &[5], Change::Split, 3).await;
    let mut apart = store.freezes(&app(), DAY).await.unwrap();
    apart.sort_by_key(|row| row.row.id);
    let mut freezes = freezes;
    freezes.sort_by_key(|row| row.row.id);
    assert_eq!(apart, freezes);
    // A whole group goes into another issue, and comes out of it as it was.
    assert_eq!(act(store, &[3], Change::Merge(IssueId(9)), 4).await, 1);
    assert_eq!(page(store, 2).await.row.id.0, 9);
    assert_eq!(act(store, &[1], Change::Split, 5).await, 1);
    assert_eq!(page(store, 2).await.row.id.0, 1);
    // What was merged is split, and as it was before but for what is known of it.
    assert_eq!(act(store, &[2, 3, 1], Change::Split, 6).await, 2);
    for (issue, before) in [(1, before.0), (2, before.1), (3, before.2)] {
        let after = page(store, issue).await;
        let turns = before.turns.clone();
        assert_eq!(
            IssuePage {
                turns,
                ..after.clone()
            },
            before
        );
        assert!(after.turns.len() > before.turns.len());
    }
}

pub(crate) async fn what_is_merged_regresses_by_what_any_of_it_has_shown(store: &impl Store) {
    let store = with_app(store).await;
    let seen = |number, issue, release| {
        Life::new(number, number)
            .release(release)
            .crash(number, issue, true)
    };
    keep(store, vec![seen(1, 1, "1.0"), seen(2, 2, "1.3")]).await;
    act(store, &[2], Change::Merge(IssueId(1)), 0).await;
    act(store, &[2], Change::Resolve(release("1.1")), 1).await;
    assert_eq!(state(store, 1).await.kind(), StateKind::Resolved);
    keep(store, vec![seen(3, 1, "1.3")]).await;
    assert_eq!(state(store, 1).await.kind(), StateKind::Resolved);
    keep(store, vec![seen(4, 2, "1.4")]).await;
    assert_eq!(state(store, 1).await.kind(), StateKind::Regressed);
}

pub(crate) async fn what_was_said_goes_with_what_it_was_said_about(store: &impl Store) {
    let store = with_app(store).await;
    let seen = |number, issue, release| {
        Life::new(number, number)
            .release(release)
            .crash(number, issue, true)
    };
    keep(
        store,
        vec![seen(1, 1, "1.0"), seen(2, 1, "1.1"), seen(3, 2, "1.0")],
    )
    .await;
    act(store, &[1], Change::Resolve(release("1.1")), 0).await;
    act(store, &[2], Change::Resolve(None), 0).await;
    // The name of a release that is erased is gone from what was said too.
    let part = Part::Release(Release::parse("1.1").unwrap());
    store.erase_part(&app(), &part, NOW).await.unwrap();
    let told = format!("{:?} {:?}", page(store, 1).await, page(store, 2).await);
    assert!(!told.contains("1.1"), "{told}");
    assert_eq!(state(store, 1).await.kind(), StateKind::Resolved);
    // An installation's reports are as if they had never arrived.
    keep(store, vec![seen(4, 1, "2.0")]).await;
    assert_eq!(state(store, 1).await.kind(), StateKind::Regressed);
    store.erase(&app(), &[pseudonym(4)], NOW).await.unwrap();
    assert_eq!(state(store, 1).await.kind(), StateKind::Resolved);
    // An issue of which nothing is counted any more takes with it what was said.
    store.erase(&app(), &[pseudonym(3)], NOW).await.unwrap();
    let expiry = Expiry {
        reports: BTreeMap::new(),
        summaries: 0,
        future: u64::MAX,
        ledger: 0,
        quarantine: 0,
    };
    store.expire(&app(), expiry).await.unwrap();
    keep(store, vec![seen(5, 2, "1.0")]).await;
    assert_eq!(state(store, 2).await, State::Open);
    store.erase_part(&app(), &Part::App, NOW).await.unwrap();
    assert_eq!(act(store, &[1], Change::Reopen, 9).await, 0);
}

pub(crate) async fn lists_of_issues_are_filtered_sorted_and_paged(store: &impl Store) {
    let store = with_app(store).await;
    let mut reports = Vec::new();
    // Four issues: the first early, of three installations; the second late, of two; the third of one, caught, in another release and
    // on another system; the last a freeze.
    for n in 0..3 {
        reports.push(Life::new(n, n).hour(1).crash(n, 1, true));
        reports.push(Life::new(n, n).hour(2).crash(10 + n, 1, true));
    }
    for n in 0..2 {
        reports.push(Life::new(n, 20 + n).hour(20).crash(20 + n, 2, true));
        reports.push(Life::new(n, 20 + n).hour(21).crash(30 + n, 2, true));
    }
    let other = Life::new(7, 7).release("1.1").os_version("13.0");
    reports.push(other.hour(5).crash(40, 3, false));
    reports.push(Life::new(7, 8).hour(6).freeze(41, 4, 2_000));
    keep(store, reports).await;
    let sorted = async |sort| {
        let listed = list(store, IssueFilter { sort, ..all() }).await;
        listed.iter().map(|row| row.0).collect::<Vec<_>>()
    };
    assert_eq!(sorted(Sort::Installs).await, [1, 2, 4, 3]);
    assert_eq!(sorted(Sort::Reports).await, [1, 2, 4, 3]);
    assert_eq!(sorted(Sort::Rising).await, [2, 4, 3, 1]);
    assert_eq!(sorted(Sort::Newest).await, [2, 4, 3, 1]);
    assert_eq!(sorted(Sort::LastSeen).await, [2, 4, 3, 1]);
    let first = |from, to| Some((START + from * HOUR, START + to * HOUR));
    for (filter, expected) in [
        (
            IssueFilter {
                kind: Some(IssueKind::Freeze),
                ..all()
            },
            vec![(4, 1)],
        ),
        (
            IssueFilter {
                fatal: Some(true),
                ..all()
            },
            vec![(1, 6), (2, 4)],
        ),
        (
            IssueFilter {
                fatal: Some(false),
                ..all()
            },
            vec![(3, 1)],
        ),
        (
            IssueFilter {
                release: Some("1.1".to_owned()),
                ..all()
            },
            vec![(3, 1)],
        ),
        (
            IssueFilter {
                release: Some("9".to_owned()),
                ..all()
            },
            vec![],
        ),
        (
            IssueFilter {
                os: Some("linux 13.0".to_owned()),
                ..all()
            },
            vec![(3, 1)],
        ),
        (
            IssueFilter {
                device: Some("x86_64-8c-16g".to_owned()),
                among: Some(Arc::new([IssueId(2), IssueId(1), IssueId(9)].into())),
                ..all()
            },
            vec![(1, 6), (2, 4)],
        ),
        (
            IssueFilter {
                first_seen: first(5, 7),
                ..all()
            },
            vec![(4, 1), (3, 1)],
        ),
        (
            IssueFilter {
                last_seen: first(2, 6),
                ..all()
            },
            vec![(1, 6), (3, 1)],
        ),
        (
            IssueFilter {
                own: Some(true),
                ..all()
            },
            vec![],
        ),
        (
            IssueFilter {
                text: "im::FRAME_2 sample".to_owned(),
                ..all()
            },
            vec![],
        ),
        (
            IssueFilter {
                text: "FRAME_2 im::".to_owned(),
                ..all()
            },
            vec![(2, 4)],
        ),
        (
            IssueFilter {
                culprit: Some("im::culprit_3".to_owned()),
                ..all()
            },
            vec![(3, 1)],
        ),
    ] {
        let asked = format!("{filter:?}");
        assert_eq!(list(store, filter).await, expected, "{asked}");
    }
    let part = IssueFilter {
        offset: 1,
        limit: 2,
        ..all()
    };
    let part = store.issues(&app(), part).await.unwrap();
    assert_eq!(
        part.rows.iter().map(|row| row.id.0).collect::<Vec<_>>(),
        [2, 4]
    );
    assert_eq!((part.total, part.rows[0].rising), (4, 4));
    // Of issues that are one it is enough that one says it, and all of it counts.
    act(store, &[2], Change::Merge(IssueId(1)), 0).await;
    let said = IssueFilter {
        text: "frame_2".to_owned(),
        ..all()
    };
    assert_eq!(list(store, said).await, [(1, 10)]);
    let late = Span {
        from: START + 20 * HOUR,
        ..DAY
    };
    assert_eq!(list(store, IssueFilter::all(late, NOW)).await, [(1, 4)]);
}
