//! One crash, walked from the death of the process to the dashboard's page and the inspector's text.

use candor_tests::programs::{Chat, Collector, Phone, eventually, program};

#[test]
fn a_null_pointer_is_found_on_the_dashboard_and_in_the_inspector() {
    let (collector, chat) = (Collector::start(), Chat::start());
    let phone = Phone::new("lin");
    let died = phone.run(&chat, &collector, "chat:3,null-dereference");
    assert!(!died.status.success());

    // On the device, before anything was sent.
    let list = phone.inspect(&["list"]);
    let crash = list
        .lines()
        .find(|line| line.contains("crash"))
        .unwrap_or_else(|| panic!("no crash in:\n{list}"));
    let id = crash.split_whitespace().next().unwrap().to_owned();
    let client = program("im-client");
    let shown = phone.inspect(&["show", &id, "--symbols", client.to_str().unwrap()]);
    assert!(shown.contains("SIGSEGV"), "{shown}");
    assert!(
        shown.contains("im::"),
        "no name of the app's own code:\n{shown}"
    );

    // The next start delivers it.
    phone.run(&chat, &collector, "chat:1");
    eventually("the crash arrives", || collector.stored("crash") == 1);
    let issues = collector.page("/issues?app=im-demo&range=24h");
    assert!(issues.contains("SIGSEGV"), "{issues}");
    let link = issues
        .split("href=\"")
        .map(|rest| rest.split('"').next().unwrap_or_default());
    let link = link
        .into_iter()
        .find(|link| link.contains("/issues/"))
        .expect("a link to the issue")
        .replace("&#38;", "&");
    let issue = collector.page(&link.replace("&amp;", "&"));
    let top = own_function(&shown);
    assert!(issue.contains(&top), "{top} is not on the page:\n{issue}");
    assert_eq!(collector.ledger()["duplicates"].as_u64(), Some(0));
}

/// The first function of the app's own code that the inspector shows.
fn own_function(shown: &str) -> String {
    let words = shown.split(|next: char| next.is_whitespace() || next == '(');
    words
        .into_iter()
        .find(|word| word.starts_with("im::"))
        .expect("a function")
        .to_owned()
}

#[test]
fn a_panic_is_told_without_what_its_message_named() {
    let (collector, chat) = (Collector::start(), Chat::start());
    let phone = Phone::new("lin");
    phone.run(&chat, &collector, "chat:2,panic");
    phone.run(&chat, &collector, "chat:1");
    eventually("the panic arrives", || collector.stored("crash") == 1);
    let issues = collector.page("/issues?app=im-demo&range=24h");
    assert!(issues.contains("panic"), "{issues}");
    eventually("both runs are told of", || collector.stored("run") >= 3);
    let (recorded, delivered) = (
        phone.count("recorded", "crash"),
        phone.count("delivered", "crash"),
    );
    assert_eq!((recorded, delivered), (1, 1));
}

#[test]
fn a_kind_that_the_operator_wants_no_more_falls_silent_on_the_device_and_comes_back() {
    let (collector, chat) = (Collector::start(), Chat::start());
    let phone = Phone::new("lin");
    phone.run(&chat, &collector, "chat:1");
    let windows = || {
        let before = phone.count("recorded", "connection");
        phone.run(&chat, &collector, "chat:1");
        phone.count("recorded", "connection") - before
    };
    eventually("connections are told of", || windows() > 0);
    let narrow = ["settings", "narrow", "--app", "im-demo"];
    collector.command(
        &[
            &narrow[..],
            &["--kind-off", "connection", "--from", "0.0.1"],
        ]
        .concat(),
    );
    // Heard with an upload, and obeyed.
    eventually("no connection is told of", || windows() == 0);
    let runs = collector.stored("run");
    eventually("runs still are", || {
        assert_eq!(windows(), 0);
        collector.stored("run") > runs
    });
    collector.command(&[&narrow[..], &["--from", "0.0.1"]].concat());
    eventually("connections are told of again", || windows() > 0);
}
