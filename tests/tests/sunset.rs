//! The operator of a collector ends a service: agents that know its key stop, wipe what they have, and stay silent for good.

use candor_tests::kill::{STEPS, can_kill, is_killed, names};
use candor_tests::programs::{Collector, Eavesdropper, program, run, said};
use std::path::Path;

/// What is left on a device.
const NOTICE: [&str; 1] = ["sunset.json"];

fn record(url: &str, key: &str, dir: &Path, operator: Option<&str>) {
    let dir = dir.to_str().expect("a path");
    let words = ["record", url, key, dir].into_iter().chain(operator);
    said(&run("consent-host", words));
}

fn inspect(dir: &Path) -> serde_json::Value {
    let args = ["status", "--json", "--dir", dir.to_str().expect("a path")];
    serde_json::from_str(&said(&run("candor", args))).expect("JSON")
}

fn assert_silent(collector: &Collector, dir: &Path, operator: &str, step: &str) {
    for _ in 0..2 {
        let wire = Eavesdropper::on(&collector.url());
        record(&wire.url(), &collector.key, dir, Some(operator));
        assert_eq!(wire.heard(), b"", "{step}");
        assert_eq!(names(dir), NOTICE.map(str::to_owned).into(), "{step}");
    }
}

#[test]
fn agents_stop_and_wipe_themselves_when_the_operator_says_that_it_is_over() {
    let collector = Collector::start();
    let phone = tempfile::tempdir().unwrap();
    let dir = phone.path().join("apm");
    let operator = collector.operator_key();
    record(&collector.url(), &collector.key, &dir, Some(&operator));
    assert!(collector.stored("connection") > 0);
    assert!(names(&dir).contains("identity.json"));
    collector.end_service("end-2027");
    record(&collector.url(), &collector.key, &dir, Some(&operator));
    assert_silent(&collector, &dir, &operator, "in good order");
    assert_eq!(inspect(&dir)["service_ended"]["notice"], "end-2027");
}

#[test]
fn a_notice_of_somebody_else_or_one_that_nobody_can_check_changes_nothing() {
    let collector = Collector::start();
    collector.end_service("end-2027");
    let other = "0".repeat(64);
    for operator in [None, Some(other.as_str())] {
        let phone = tempfile::tempdir().unwrap();
        let dir = phone.path().join("apm");
        record(&collector.url(), &collector.key, &dir, operator);
        let status = inspect(&dir);
        assert_eq!(status["service_ended"], serde_json::Value::Null);
        // Nothing was stored, so nothing is lost: it is counted as a failure to send, and waits.
        assert_eq!(status["backoff"]["failures"], 1, "{status}");
        assert!(status["waiting"]["run"].as_u64() > Some(0), "{status}");
        assert!(names(&dir).contains("identity.json"));
    }
}

#[test]
fn killed_at_any_step_an_agent_ends_up_just_as_silent() {
    if !can_kill() {
        return;
    }
    let collector = Collector::start();
    let operator = collector.operator_key();
    let phones = tempfile::tempdir().unwrap();
    let dir = |call: &str, when: u32| phones.path().join(format!("{call}-{when}"));
    // Every phone has sent something before; enough of them are made while the service goes on.
    const MOST: u32 = 12;
    for call in STEPS {
        for when in 1..=MOST {
            let dir = dir(call, when);
            record(&collector.url(), &collector.key, &dir, Some(&operator));
        }
    }
    collector.end_service("end-2027");
    let mut killed = 0;
    for call in STEPS {
        for when in 1..=MOST {
            let (dir, step) = (dir(call, when), format!("{call} {when}"));
            let args = [
                "record",
                &collector.url(),
                &collector.key,
                dir.to_str().expect("a path"),
                &operator,
            ];
            if !is_killed(call, when, &program("consent-host"), &args) {
                break;
            }
            killed += 1;
            record(&collector.url(), &collector.key, &dir, Some(&operator));
            assert_silent(&collector, &dir, &operator, &step);
        }
    }
    assert!(killed > 10, "it was killed {killed} times only");
}
