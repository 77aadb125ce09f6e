use super::*;
use crate::alerts::alert::About;

const NOW: u64 = 1_773_480_360;

fn finding(key: &str) -> Finding {
    let about = match key.split(':').next() {
        Some("new_issue") => About::NewIssue {
            issue: crate::alerts::alert::Subject {
                id: key.to_owned(),
                kind: "crash".to_owned(),
                title: String::new(),
                culprit: String::new(),
                release: "1.2.3".to_owned(),
                installs: crate::alerts::alert::Count::Exactly(20),
                reports: Some(20),
            },
            percent: 1.0,
        },
        _ => About::CrashFree {
            percent: 97.0,
            least: 99.0,
            runs: 1_000,
        },
    };
    Finding {
        key: key.to_owned(),
        before: Vec::new(),
        about,
        page: "/".to_owned(),
    }
}

fn alert(number: u64, at: u64) -> Alert {
    Alert {
        id: format!("{number:032x}"),
        at,
        app: "im".to_owned(),
        about: About::Test,
        link: None,
    }
}

fn alerts(numbers: std::ops::Range<u64>, at: u64) -> Vec<Alert> {
    numbers.map(|number| alert(number, at)).collect()
}

/// What goes out, as the number of alerts of each message and why they waited.
fn tell(
    desk: &mut Desk,
    alerts: Vec<Alert>,
    quiet: bool,
    now: u64,
) -> Vec<(usize, u64, Option<Wait>)> {
    let mut number = 0;
    let id = || {
        number += 1;
        format!("{number:032x}")
    };
    let messages = desk.tell("im", alerts, quiet, 3, now, id);
    let said = |message: Message| (message.alerts.len(), message.more, message.digest);
    messages.into_iter().map(said).collect()
}

#[test]
fn what_holds_on_is_told_once() {
    let mut desk = Desk::default();
    let mut told = 0;
    for minute in 0..24 * 60 {
        told += desk
            .fresh(
                vec![finding("crash_free"), finding("new_issue:ab")],
                NOW + minute * 60,
            )
            .len();
    }
    assert_eq!(told, 2);
}

#[test]
fn what_ended_and_comes_again_is_told_again_after_a_while() {
    let mut desk = Desk::default();
    let crash_free = || vec![finding("crash_free")];
    assert_eq!(desk.fresh(crash_free(), NOW).len(), 1);
    assert_eq!(desk.fresh(Vec::new(), NOW + 60).len(), 0);
    // It goes up and down around the threshold.
    assert_eq!(desk.fresh(crash_free(), NOW + 120).len(), 0);
    assert_eq!(desk.fresh(Vec::new(), NOW + 120 + 3 * HOUR).len(), 0);
    assert_eq!(desk.fresh(crash_free(), NOW + 180 + 3 * HOUR).len(), 1);
    // A new issue is new once.
    assert_eq!(desk.fresh(vec![finding("new_issue:ab")], NOW).len(), 1);
    assert_eq!(
        desk.fresh(vec![finding("new_issue:ab")], NOW + 48 * HOUR)
            .len(),
        0
    );
}

#[test]
fn what_had_come_back_before_anybody_watched_is_not_told() {
    let mut desk = Desk::default();
    let old = || finding("regression:ab:1.0:1.1");
    assert_eq!(desk.fresh(vec![old()], NOW).len(), 0);
    let found = desk.fresh(vec![old(), finding("regression:cd:1.0:1.1")], NOW + 60);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].key, "regression:cd:1.0:1.1");
}

#[test]
fn what_was_not_looked_at_has_not_ended() {
    let mut desk = Desk::default();
    desk.fresh(vec![finding("crash_free")], NOW);
    assert_eq!(desk.fresh_besides(Vec::new(), NOW + 9 * HOUR).len(), 0);
    assert_eq!(
        desk.fresh_besides(vec![finding("silence")], NOW + 9 * HOUR)
            .len(),
        1
    );
}

#[test]
fn silence_is_reports_that_are_turned_away_while_none_is_stored() {
    let rule = Silence {
        on: true,
        minutes: 30,
        reports: 20,
    };
    let off = Silence { on: false, ..rule };
    let flow = |stored, turned_away| {
        Ok(Flow {
            stored,
            turned_away,
        })
    };
    // Minutes since the first look, what is seen, and whether it is told.
    let steps: [(u64, Result<Flow, u64>, bool); 9] = [
        (0, flow(100, 7), false),
        (10, flow(100, 40), false),
        (29, flow(100, 80), false),
        (30, flow(100, 80), true),
        (40, flow(101, 90), false),
        // Nothing comes at all: it is night.
        (400, flow(101, 90), false),
        (401, flow(101, 109), false),
        // The store does not answer; requests are all that is known.
        (402, Err(1), true),
        (403, flow(150, 109), false),
    ];
    let (mut desk, mut unmoved) = (Desk::default(), Desk::default());
    for (minute, seen, told) in steps {
        let now = NOW + minute * 60;
        assert_eq!(
            desk.flows(rule, seen, now, 10).is_some(),
            told,
            "minute {minute}"
        );
        assert_eq!(unmoved.flows(off, seen, now, 10), None);
    }
}

#[test]
fn of_too_many_within_an_hour_the_rest_is_told_in_one() {
    let mut desk = Desk::default();
    let single = (1, 0, None);
    assert_eq!(tell(&mut desk, alerts(0..2, NOW), false, NOW), [single; 2]);
    assert_eq!(
        tell(&mut desk, alerts(2..70, NOW), false, NOW + 60),
        [single]
    );
    assert_eq!(tell(&mut desk, alerts(70..72, NOW), false, NOW + 120), []);
    assert_eq!(tell(&mut desk, Vec::new(), false, NOW + HOUR - 1), []);
    let rest = tell(&mut desk, Vec::new(), false, NOW + HOUR);
    assert_eq!(rest, [(50, 19, Some(Wait::TooMany))]);
    assert_eq!(tell(&mut desk, Vec::new(), false, NOW + 2 * HOUR), []);
}

#[test]
fn what_falls_into_quiet_hours_is_told_in_one_afterwards() {
    let mut desk = Desk::default();
    for minute in 0..8 {
        let now = NOW + minute * 60;
        assert_eq!(tell(&mut desk, vec![alert(minute, now)], true, now), []);
    }
    let morning = NOW + 8 * HOUR;
    assert_eq!(
        tell(&mut desk, vec![alert(9, morning)], false, morning),
        [(8, 0, Some(Wait::QuietHours)), (1, 0, None)]
    );
    assert_eq!(desk.told.len(), 9);
}

#[test]
fn what_waited_for_the_hour_to_end_waits_through_the_night_as_well() {
    let mut desk = Desk::default();
    tell(&mut desk, alerts(0..5, NOW), false, NOW);
    assert_eq!(tell(&mut desk, alerts(5..6, NOW), true, NOW + HOUR), []);
    let morning = NOW + 9 * HOUR;
    assert_eq!(
        tell(&mut desk, Vec::new(), false, morning),
        [(3, 0, Some(Wait::QuietHours))]
    );
}

#[test]
fn what_was_told_is_remembered_for_a_month_and_not_without_end() {
    let mut desk = Desk::default();
    tell(&mut desk, alerts(0..300, NOW), true, NOW);
    assert_eq!(desk.told.len(), TOLD);
    let later = NOW + REMEMBERED + 1;
    tell(&mut desk, vec![alert(9, later)], true, later);
    assert_eq!(desk.told.len(), 1);
}

#[test]
fn what_was_told_under_another_number_is_not_told_again() {
    let mut desk = Desk::default();
    assert_eq!(desk.fresh(vec![finding("new_issue:ab")], NOW).len(), 1);
    let named = |before: &str| Finding {
        before: vec![before.to_owned()],
        ..finding("new_issue:cd")
    };
    assert_eq!(desk.fresh(vec![named("new_issue:ab")], NOW + 60), []);
    // And not when that is forgotten either.
    assert_eq!(desk.fresh(vec![finding("new_issue:cd")], NOW + 120), []);
    let mut other = Desk::default();
    assert_eq!(other.fresh(vec![named("new_issue:ab")], NOW).len(), 1);
}

#[test]
fn what_was_told_with_another_one_is_no_news_when_it_is_split_off() {
    let mut desk = Desk::default();
    let with = |key: &str, other: &str| Finding {
        before: vec![other.to_owned()],
        ..finding(key)
    };
    let both = with("new_issue:ab", "new_issue:cd");
    assert_eq!(desk.fresh(vec![both], NOW).len(), 1);
    assert_eq!(desk.fresh(vec![finding("new_issue:cd")], NOW + 60), []);
    // What is told again after a while is followed while it holds.
    for hour in 0..9 {
        let both = with("spike:ab", "spike:cd");
        let told = desk.fresh(vec![both], NOW + hour * HOUR).len();
        assert_eq!(told, usize::from(hour == 0));
    }
    assert_eq!(desk.fresh(vec![finding("spike:cd")], NOW + 9 * HOUR), []);
    // What was merged into it later was not told with it.
    let later = vec![finding("new_issue:ab"), finding("new_issue:ef")];
    assert_eq!(desk.fresh(later, NOW + 120).len(), 1);
}

#[test]
fn what_is_erased_is_in_no_alert() {
    let mut desk = Desk::default();
    let found = desk.fresh(vec![finding("new_issue:ab")], NOW);
    let of_release = Alert {
        about: found[0].about.clone(),
        ..alert(1, NOW)
    };
    tell(&mut desk, vec![of_release, alert(2, NOW)], true, NOW);
    desk.forget(&Part::Release("1.2.3".parse().unwrap()));
    assert_eq!(desk.told, [alert(2, NOW)]);
    desk.forget(&Part::Range {
        from: NOW,
        to: NOW + 1,
    });
    assert!(desk.told.is_empty());
    assert_eq!(tell(&mut desk, Vec::new(), false, NOW + 60), []);
}
