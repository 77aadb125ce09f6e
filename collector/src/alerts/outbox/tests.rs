use super::*;
use crate::alerts::alert::Alert;

const NOW: u64 = 1_773_480_360;

fn message(number: u64, about: About) -> Message {
    Message {
        id: format!("{number:032x}"),
        at: NOW,
        app: "im".to_owned(),
        digest: None,
        alerts: vec![Alert {
            id: format!("{number:032x}"),
            at: NOW,
            app: "im".to_owned(),
            about,
            link: None,
        }],
        more: 0,
    }
}

fn name(text: &str) -> PersonName {
    text.parse().unwrap()
}

fn failed(again: Option<u64>) -> Outcome {
    Outcome::Failed {
        why: "500".to_owned(),
        again,
    }
}

#[test]
fn a_message_is_taken_by_one_and_due_again_when_that_one_died() {
    let mut outbox = Outbox::default();
    outbox.put(&message(1, About::Test), [&name("ops"), &name("chat")], NOW);
    let taken = outbox.take(NOW);
    assert_eq!(taken.len(), 2);
    assert_eq!(outbox.take(NOW + TAKEN - 1), []);
    let again = outbox.take(NOW + TAKEN);
    assert_eq!(again.len(), 2);
    assert_eq!(again[0].message.id, taken[0].message.id);
    assert_eq!(again[0].attempts, 2);
}

#[test]
fn one_message_at_a_time_goes_to_a_webhook() {
    let mut outbox = Outbox::default();
    for number in 1..=3 {
        outbox.put(&message(number, About::Test), [&name("ops")], NOW);
    }
    let first = outbox.take(NOW);
    assert_eq!(first.len(), 1);
    outbox.settle(&first[0], Outcome::Arrived, NOW, 0.5);
    assert_eq!(outbox.take(NOW)[0].message.id, message(2, About::Test).id);
}

#[test]
fn what_fails_is_tried_again_and_given_up_in_the_end() {
    let mut outbox = Outbox::default();
    outbox.put(&message(1, About::Test), [&name("ops")], NOW);
    let (mut now, mut attempts) = (NOW, 0);
    while !outbox.waiting.is_empty() {
        now = outbox.waiting[0].due.max(now);
        let taken = outbox.take(now);
        attempts += taken.len();
        outbox.settle(&taken[0], failed(None), now, 1.0);
        assert!(attempts <= 100, "it never ends");
    }
    assert!(now <= NOW + backoff::OLDEST, "{}", now - NOW);
    assert!((20..=40).contains(&attempts), "{attempts}");
    assert_eq!(outbox.done.len(), 1);
    assert_eq!(outbox.done[0].failed.as_deref(), Some("500"));
}

#[test]
fn what_a_receiver_asks_for_is_waited() {
    let mut outbox = Outbox::default();
    outbox.put(&message(1, About::Test), [&name("ops")], NOW);
    let taken = outbox.take(NOW);
    outbox.settle(&taken[0], failed(Some(600)), NOW, 0.0);
    assert_eq!(outbox.waiting[0].due, NOW + 600);
}

#[test]
fn what_is_refused_is_not_tried_again() {
    let mut outbox = Outbox::default();
    outbox.put(&message(1, About::Test), [&name("ops")], NOW);
    let taken = outbox.take(NOW);
    outbox.settle(&taken[0], Outcome::Refused("403".to_owned()), NOW, 0.5);
    assert!(outbox.waiting.is_empty());
    assert_eq!(outbox.done[0].failed.as_deref(), Some("403"));
    // Whoever had it before it was taken once more has nothing to say any more.
    outbox.settle(&taken[0], Outcome::Arrived, NOW, 0.5);
    assert_eq!(outbox.done.len(), 1);
}

#[test]
fn neither_what_waits_nor_what_is_done_grows_without_end() {
    let mut outbox = Outbox::default();
    for number in 0..1_200 {
        outbox.put(&message(number, About::Test), [&name("ops")], NOW);
    }
    assert_eq!(outbox.waiting.len(), MOST);
    assert_eq!(outbox.done.len(), DONE);
    assert_eq!(outbox.done[DONE - 1].id, message(199, About::Test).id);
}

#[test]
fn nothing_is_sent_of_what_is_gone() {
    let leak = About::Quarantine {
        field: "what".to_owned(),
        reason: "email".to_owned(),
        release: Some("1.2.3".to_owned()),
        reports: crate::alerts::alert::Count::FewerThan(10),
    };
    let mut outbox = Outbox::default();
    outbox.put(&message(1, leak), [&name("ops")], NOW);
    outbox.put(&message(2, About::Test), [&name("ops"), &name("chat")], NOW);
    outbox.forget("im", &Part::Release("1.2.3".parse().unwrap()));
    assert_eq!(outbox.waiting.len(), 2);
    outbox.drop_webhook("im", &name("ops"));
    assert_eq!(outbox.waiting.len(), 1);
    outbox.forget("other", &Part::App);
    assert_eq!(outbox.waiting.len(), 1);
    outbox.forget("im", &Part::App);
    assert_eq!(outbox.waiting, []);
}
