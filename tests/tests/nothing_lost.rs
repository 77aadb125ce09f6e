//! Whatever is killed whenever: what was recorded arrives once, or is counted as lost.

use candor_tests::programs::{Chat, Collector, Phone, eventually};
use std::time::Duration;

const KINDS: [&str; 5] = ["crash", "freeze", "connection", "run", "loss"];

fn assert_settled(collector: &Collector, phones: &[Phone]) {
    for kind in KINDS {
        let sum = |state: &str| {
            phones
                .iter()
                .map(|phone| phone.count(state, kind))
                .sum::<u64>()
        };
        let (recorded, lost, waiting) = (sum("recorded"), sum("lost"), sum("waiting"));
        assert_eq!(waiting, 0, "{kind} reports still wait");
        assert_eq!(
            collector.stored(kind) + lost,
            recorded,
            "{kind}: {}",
            collector.ledger()
        );
    }
}

#[test]
fn a_collector_killed_in_the_middle_loses_and_doubles_nothing() {
    let (mut collector, chat) = (Collector::start(), Chat::start());
    let phones = [Phone::new("lin"), Phone::new("mei")];
    let running: Vec<_> = phones
        .iter()
        .map(|phone| phone.start(&chat, &collector, "chat:200"))
        .collect();
    eventually("something has arrived", || {
        collector.stored("connection") > 1
    });
    for _ in 0..3 {
        collector.kill();
        std::thread::sleep(Duration::from_millis(300));
        collector.restart();
        let before = collector.stored("connection");
        eventually("uploads go on", || collector.stored("connection") > before);
    }
    drop(running);
    for phone in &phones {
        // A start that comes before the collector may be asked again sends nothing.
        eventually("everything is sent", || {
            phone.run(&chat, &collector, "chat:1");
            KINDS.iter().all(|kind| phone.count("waiting", kind) == 0)
        });
    }
    assert_settled(&collector, &phones);
}

#[test]
fn an_app_killed_at_any_moment_loses_and_doubles_nothing() {
    let (collector, chat) = (Collector::start(), Chat::start());
    let phone = Phone::new("lin");
    for millis in [
        5, 15, 30, 60, 120, 250, 500, 900, 1_100, 1_300, 1_700, 2_100,
    ] {
        let mut app = phone.start(&chat, &collector, "chat:100");
        std::thread::sleep(Duration::from_millis(millis));
        app.kill();
    }
    eventually("everything is sent", || {
        phone.run(&chat, &collector, "chat:1");
        KINDS.iter().all(|kind| phone.count("waiting", kind) == 0)
    });
    let phones = [phone];
    assert_settled(&collector, &phones);
    assert!(collector.stored("run") > 6, "{}", collector.ledger());
}
