use super::*;
use crate::alerts::facts::Busy;
use crate::alerts::settings::{Quarantine, Regression, Silence};
use crate::store::triage::Until;
use crate::store::{IssueId, IssueKind, Point, QuarantineRow};
use std::collections::BTreeMap;

/// 2026-03-14 09:26 UTC.
const NOW: u64 = 1_773_480_360;
const THIS_HOUR: u64 = NOW - NOW % HOUR;

/// Facts in which every hour of the last four weeks is the same.
fn calm(hour: Point) -> Facts {
    let hours = (0..=WEEKS * 7 * 24 + SPIKE_HOURS).rev();
    let hours = hours.map(|ago| Point {
        at: THIS_HOUR - ago * HOUR,
        ..hour
    });
    Facts {
        now: NOW,
        least: 10,
        hours: hours.collect(),
        ..Facts::default()
    }
}

fn usual() -> Facts {
    calm(Point {
        runs: 1_000,
        crashed_runs: 2,
        crashes: 2,
        attempts: 500,
        ready: 495,
        ..Point::default()
    })
}

impl Facts {
    /// The same, with another hour.
    fn at(mut self, ago: u64, change: impl Fn(&mut Point)) -> Self {
        let at = THIS_HOUR - ago * HOUR;
        self.hours
            .iter_mut()
            .filter(|one| one.at == at)
            .for_each(change);
        self
    }
}

fn issue(installs: u64, runs: u64) -> IssueRow {
    IssueRow {
        id: IssueId(0xab),
        kind: IssueKind::Crash,
        title: "SIGSEGV in im::history".to_owned(),
        culprit: "im::history".to_owned(),
        reports: runs,
        fatal: runs,
        runs,
        installs,
        first_seen: THIS_HOUR - 2 * HOUR,
        last_seen: THIS_HOUR,
        first_release: "1.2.3".parse().unwrap(),
        last_release: "1.2.4".parse().unwrap(),
        spark: Vec::new(),
        rising: 0,
        state: State::Open,
        assignee: None,
        merged: 0,
    }
}

fn keys(rules: &Rules, facts: &Facts) -> Vec<String> {
    let found = find(rules, facts).into_iter();
    found.map(|finding| finding.key).collect()
}

#[test]
fn where_everything_is_as_usual_nothing_is_found() {
    assert_eq!(find(&Rules::default(), &usual()), []);
    assert_eq!(find(&Rules::default(), &calm(Point::default())), []);
    let nothing = Facts {
        now: NOW,
        ..Facts::default()
    };
    assert_eq!(find(&Rules::default(), &nothing), []);
}

#[test]
fn a_new_issue_is_told_when_enough_installations_and_a_large_enough_share_met_it() {
    let rules = Rules {
        new_issue: NewIssue {
            on: true,
            installs: 12,
            percent: 0.5,
        },
        ..Rules::default()
    };
    let old = THIS_HOUR - 3 * DAY;
    // 24,000 runs within a day: 120 of them are half a percent.
    for (what, row, told) in [
        ("both are reached", issue(12, 120), true),
        ("too few installations", issue(11, 400), false),
        ("too small a share", issue(40, 119), false),
        (
            "it is old",
            IssueRow {
                first_seen: old,
                ..issue(40, 400)
            },
            false,
        ),
        (
            "it is ignored",
            IssueRow {
                state: State::Ignored {
                    until: Until::Forever,
                },
                ..issue(40, 400)
            },
            false,
        ),
    ] {
        let mut facts = usual();
        facts.new.push(row);
        let expected: &[&str] = if told {
            &["new_issue:00000000000000ab"]
        } else {
            &[]
        };
        assert_eq!(keys(&rules, &facts), expected, "{what}");
        let off = Rules {
            new_issue: NewIssue {
                on: false,
                ..rules.new_issue
            },
            ..rules.clone()
        };
        assert_eq!(find(&off, &facts), [], "{what}");
    }
}

#[test]
fn an_alert_counts_no_small_group() {
    for (installs, said, reports) in [
        (9, Count::FewerThan(10), None),
        (10, Count::Exactly(10), Some(400)),
    ] {
        let mut facts = usual();
        facts.new.push(issue(installs, 400));
        let found = find(&Rules::default(), &facts);
        let about = found[0].about.issue().unwrap();
        assert_eq!((about.installs, about.reports), (said, reports));
    }
    let mut facts = usual();
    facts.new.push(issue(9, 400));
    facts.least = 0;
    let found = find(&Rules::default(), &facts);
    assert_eq!(found[0].about.issue().unwrap().installs, Count::Exactly(9));
}

#[test]
fn a_regression_is_named_by_its_releases() {
    let mut facts = usual();
    facts.regressed.push(IssueRow {
        state: State::Regressed {
            resolved: "1.2.3".to_owned(),
            release: "1.2.4".to_owned(),
        },
        ..issue(1, 1)
    });
    // What is resolved has not come back.
    facts.regressed.push(IssueRow {
        state: State::Resolved {
            release: "1.2.4".to_owned(),
            next: false,
        },
        ..issue(90, 90)
    });
    let found = find(&Rules::default(), &facts);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].key, "regression:00000000000000ab:1.2.3:1.2.4");
    assert_eq!(found[0].page, "/issues/00000000000000ab");
    let off = Rules {
        regression: Regression { on: false },
        ..Rules::default()
    };
    assert_eq!(find(&off, &facts), []);
}

#[test]
fn crash_free_runs_are_told_below_the_threshold_and_of_enough_runs() {
    let rules = |runs| Rules {
        crash_free: CrashFree {
            on: true,
            percent: 99.0,
            runs,
        },
        spike: Spike {
            on: false,
            ..Spike::default()
        },
        ..Rules::default()
    };
    // A day has 24,000 runs, 46 of them crashed beside this hour's.
    for (crashed, least, told) in [
        (193, 200, false),
        (194, 200, false),
        (195, 200, true),
        (900, 24_000, true),
        (900, 24_001, false),
    ] {
        let facts = usual().at(1, |hour| hour.crashed_runs = crashed);
        let found = keys(&rules(least), &facts);
        assert_eq!(!found.is_empty(), told, "{crashed} {least}: {found:?}");
    }
}

#[test]
fn crashes_far_above_the_same_hour_of_past_weeks_are_told() {
    let rules = Rules {
        crash_free: CrashFree {
            on: false,
            ..CrashFree::default()
        },
        ..Rules::default()
    };
    for (what, facts, told) in [
        (
            "as many as a spike has",
            usual().at(1, |hour| hour.crashes = 20),
            true,
        ),
        ("too few", usual().at(1, |hour| hour.crashes = 19), false),
        (
            "the running hour counts too",
            usual().at(0, |hour| hour.crashes = 60),
            true,
        ),
        (
            "so long ago that it was told",
            usual().at(3, |hour| hour.crashes = 60),
            false,
        ),
        (
            "one bad week before hides nothing",
            usual()
                .at(1, |hour| hour.crashes = 60)
                .at(1 + 7 * 24, |hour| hour.crashes = 500),
            true,
        ),
        (
            "every Saturday is like that",
            (0..=4).fold(usual(), |facts, week| {
                facts.at(1 + week * 7 * 24, |hour| hour.crashes = 60)
            }),
            false,
        ),
    ] {
        let expected: &[&str] = if told { &["spike:all"] } else { &[] };
        assert_eq!(keys(&rules, &facts), expected, "{what}");
    }
}

#[test]
fn what_is_usual_has_to_be_known_first() {
    let mut facts = usual().at(1, |hour| hour.crashes = 400);
    facts.hours.retain(|hour| hour.at >= THIS_HOUR - 8 * DAY);
    let rules = Rules {
        crash_free: CrashFree {
            on: false,
            ..CrashFree::default()
        },
        ..Rules::default()
    };
    assert_eq!(find(&rules, &facts), []);
}

#[test]
fn a_spike_of_an_issue_is_compared_with_its_own_weeks() {
    let hour = THIS_HOUR - HOUR;
    let busy = |reports, weeks: u64, state| Busy {
        row: IssueRow {
            state,
            ..issue(40, 40)
        },
        hours: BTreeMap::from_iter(
            (1..=4)
                .map(|week| (hour - week * WEEK, weeks))
                .chain([(hour, reports)]),
        ),
    };
    let ignored = State::Ignored {
        until: Until::Forever,
    };
    for (what, busy, told) in [
        ("it was rare", busy(25, 1, State::Open), true),
        ("it was as frequent", busy(25, 24, State::Open), false),
        ("too few", busy(19, 0, State::Open), false),
        ("it is ignored", busy(25, 1, ignored), false),
    ] {
        let mut facts = usual();
        facts.busy.push(busy);
        let expected: &[&str] = if told {
            &["spike:00000000000000ab"]
        } else {
            &[]
        };
        assert_eq!(keys(&Rules::default(), &facts), expected, "{what}");
    }
    let mut facts = usual();
    facts.busy.push(busy(25, 1, State::Open));
    facts.busy[0].row.installs = 9;
    let found = find(&Rules::default(), &facts);
    let About::Spike { reports, usual, .. } = &found[0].about else {
        panic!("{found:?}");
    };
    assert_eq!((*reports, *usual), (Count::FewerThan(10), None));
}

#[test]
fn fewer_connections_than_before_are_told_once_good_news_had_time_to_come() {
    // 09:26: the hour from 08:00 is the last one that is whole and half an hour old, so 03:00 to 09:00 are hours -6 to -1... but
    // 08:56 is not past 09:00 yet.
    let worse = |facts: Facts, hours: std::ops::RangeInclusive<u64>, ready: u64| {
        hours.fold(facts, |facts, ago| facts.at(ago, |hour| hour.ready = ready))
    };
    let rules = |points, attempts| Rules {
        connection: Connection {
            on: true,
            points,
            attempts,
        },
        ..Rules::default()
    };
    for (what, rules, facts, told) in [
        (
            "nine points less",
            rules(5.0, 500),
            worse(usual(), 2..=7, 450),
            true,
        ),
        (
            "not enough less",
            rules(10.0, 500),
            worse(usual(), 2..=7, 450),
            false,
        ),
        (
            "too few attempts",
            rules(5.0, 3_001),
            worse(usual(), 2..=7, 450),
            false,
        ),
        (
            "it has been so before",
            rules(5.0, 500),
            worse(usual(), 2..=13, 450),
            false,
        ),
        (
            "the hours that are not whole do not count",
            rules(5.0, 500),
            worse(usual(), 0..=1, 0),
            false,
        ),
        (
            "it got better",
            rules(5.0, 500),
            worse(usual(), 8..=13, 300),
            false,
        ),
    ] {
        let expected: &[&str] = if told { &["connection"] } else { &[] };
        assert_eq!(keys(&rules, &facts), expected, "{what}");
    }
}

#[test]
fn an_agent_that_leaks_is_told_with_its_field_and_release() {
    let today = NOW - NOW % DAY;
    let row = |last: u64| QuarantineRow {
        release: Some("1.2.3".parse().unwrap()),
        field: "what.crash.cause.panic.message".to_owned(),
        reason: "email".to_owned(),
        reports: 3,
        first: last,
        last,
    };
    let mut facts = usual();
    facts.quarantined = vec![row(today), row(today - 2 * DAY)];
    let found = find(&Rules::default(), &facts);
    assert_eq!(found.len(), 1);
    assert_eq!(
        found[0].key,
        "quarantine:what.crash.cause.panic.message:email:1.2.3"
    );
    let off = Rules {
        quarantine: Quarantine { on: false },
        ..Rules::default()
    };
    assert_eq!(find(&off, &facts), []);
}

#[test]
fn silence_is_told_with_how_long_it_has_lasted() {
    let Silence { minutes, .. } = Silence::default();
    let found = silence(minutes, 4_000, 10);
    assert_eq!(found.page, "/");
    assert_eq!(
        found.about,
        About::Silence {
            minutes: 30,
            reports: Count::Exactly(4_000)
        }
    );
}
