//! Connections of the sample app, from what its user reads to what the collector answers.

use candor_tests::programs::{Chat, Collector, Phone, said};
use serde_json::Value;
use std::time::{SystemTime, UNIX_EPOCH};

/// What the app said on its screen.
#[derive(Debug, Default)]
struct Read {
    connected: u64,
    failed: u64,
    lost: u64,
    acknowledged: u64,
    pings: u64,
}

impl Read {
    fn add(&mut self, screen: &str) {
        let lines = |start: &str| {
            let lines = screen.lines().filter(|line| line.starts_with(start));
            lines.count() as u64
        };
        self.connected += lines("connected in ");
        self.failed += lines("no connection: ");
        self.lost += lines("connection lost: ");
        let last = screen.lines().last().expect("a summary");
        let number = |before: &str| -> u64 {
            let number = last.split(before).next().expect("words");
            let number = number.trim().rsplit(' ').next().expect("a number");
            number.parse().expect("a number")
        };
        self.acknowledged += number(" messages acknowledged");
        self.pings += number(" pings answered");
    }
}

fn connections(collector: &Collector, restricted: &str) -> Value {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("a time after 1970")
        .as_secs();
    let (from, to) = (now - now % 3_600 - 3_600, now + 7_200);
    let path = format!("/api/v1/connections?app=im-demo&from={from}&to={to}{restricted}");
    serde_json::from_str(&collector.page(&path)).expect("JSON")
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("{value}"))
}

fn counts(list: &Value) -> u64 {
    let list = list.as_array().expect("a list").iter();
    list.map(|one| number(&one["count"])).sum()
}

#[test]
fn what_the_app_says_is_what_the_collector_answers_across_reconnects_and_restarts() {
    let (collector, chat) = (Collector::start(), Chat::start());
    let mut read = Read::default();
    for user in ["lin", "mei"] {
        let phone = Phone::new(user);
        for script in [
            "chat:5,lose-network:1s,chat:3,reset,chat:2",
            "chat:2,reset,chat:2",
        ] {
            read.add(&said(&phone.run(&chat, &collector, script)));
        }
    }
    let answer = connections(&collector, "");
    let total = &answer["total"];
    assert_eq!(
        number(&total["attempts"]),
        read.connected + read.failed,
        "{read:?} {total}"
    );
    assert_eq!(number(&total["ready"]), read.connected);
    assert_eq!(counts(&total["failures"]), read.failed);
    // The last connection of each run is closed by the app itself.
    assert_eq!(counts(&total["disconnects"]), read.lost + 4);
    assert_eq!(number(&total["outage_us"]["count"]), read.lost);
    assert_eq!(number(&total["ack_us"]["count"]), read.acknowledged);
    assert_eq!(number(&total["rtt_us"]["count"]), read.pings);
    assert_eq!(number(&total["ready_us"]["count"]), read.connected);
    assert_eq!(number(&total["runs"]), 4);
    assert!(number(&total["tcp"]["samples"]) > 0, "{total}");
    let tried: u64 = total["tries"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|tries| number(&tries["connected"]))
        .sum();
    assert_eq!(tried, read.connected);

    // The classes of a dimension add up to the whole, and each can be asked for.
    for (by, key) in [
        ("by_endpoint", "endpoint"),
        ("by_os", "os"),
        ("by_release", "release"),
    ] {
        let classes = answer[by].as_array().expect("a list");
        let sum: u64 = classes
            .iter()
            .map(|class| number(&class["figures"]["attempts"]))
            .sum();
        assert_eq!(sum, number(&total["attempts"]), "{by}");
        let word = classes[0]["of"]
            .as_str()
            .expect("a word")
            .replace(' ', "%20");
        let alone = connections(&collector, &format!("&{key}={word}"));
        assert_eq!(alone["total"], *total, "{by}");
    }
    let other = connections(&collector, "&endpoint=elsewhere");
    assert_eq!(number(&other["total"]["windows"]), 0);
    let page = collector.page("/connections?app=im-demo&range=24h");
    assert!(page.contains("longlink"), "{page}");
}
