//! The simulator of fleets: a short life of a small one, and whether it would notice a collector that counts wrong.
#![cfg(feature = "collector")]

use candor_benches::serving::{APP, Serving};
use std::path::Path;
use std::process::{Command, Output};

fn fleet(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_candor-fleet"))
        .args(arguments)
        .output()
        .expect("the simulator starts")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn two_hundred_devices_live_two_days_and_the_collector_counts_every_report_once() {
    let output = fleet(&["--devices", "200", "--days", "2", "--seed", "4"]);
    let said = said(&output);
    assert!(output.status.success(), "{said}");
    assert!(said.contains(" figures compared, 0 differ"), "{said}");
    // Networks lost answers, somebody was hostile.
    assert!(!said.contains("; 0 sent again"), "{said}");
    assert!(
        ["400: ", "401: ", "413: ", "415: "]
            .iter()
            .all(|status| said.contains(status)),
        "{said}"
    );
}

#[test]
fn a_collector_that_says_more_than_was_sent_is_noticed() {
    let program = Path::new(env!("CARGO_BIN_EXE_candor-fleet"));
    let collector = Serving::of(program).expect("a collector");
    let address = collector.address.to_string();
    let once = |seed: &str| {
        fleet(&[
            "--devices",
            "15",
            "--days",
            "1",
            "--seed",
            seed,
            "--collector",
            &address,
            "--key",
            &collector.key,
            "--app",
            APP,
        ])
    };
    let first = once("1");
    assert!(first.status.success(), "{}", said(&first));
    // Another fleet on the same app: what is there now is more than this one sent.
    let second = once("2");
    assert!(!second.status.success());
    assert!(
        said(&second).contains("WRONG  all releases, runs"),
        "{}",
        said(&second)
    );
}
