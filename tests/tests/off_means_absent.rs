//! Without the flag or without consent, a host that calls every method of the agent makes not one system call for it.

use candor_tests::programs::program;
use std::process::Command;

/// The system calls, of all threads, between the two marks that the sample app writes around its calls of the agent.
fn calls_between_marks(apm: &str, consent: &str) -> Option<Vec<String>> {
    let dir = tempfile::tempdir().unwrap();
    let (trace, home) = (dir.path().join("trace"), dir.path().join("apm"));
    let traced = Command::new("strace")
        .args([
            "-f",
            "-s",
            "64",
            "-o",
            trace.to_str().unwrap(),
            program("im-client").to_str().unwrap(),
        ])
        .args([
            "--probe-apm",
            "--user",
            "nobody",
            "--apm",
            apm,
            "--consent",
            consent,
        ])
        .args([
            "--collector",
            "http://127.0.0.1:9",
            "--key",
            "ck_x",
            "--dir",
            home.to_str().unwrap(),
        ])
        .output();
    let output = match traced {
        Ok(output) => output,
        Err(_) => {
            assert!(
                !required(),
                "strace is required here and could not be started"
            );
            println!(
                "SKIPPED: strace is not installed; `apt-get install strace` enables this test"
            );
            return None;
        }
    };
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let text = std::fs::read_to_string(&trace).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let at = |mark: &str| {
        lines
            .iter()
            .position(|line| line.contains("write(2") && line.contains(mark))
    };
    let (begin, end) = (
        at("apm-begin").expect("the first mark"),
        at("apm-end").expect("the second mark"),
    );
    assert_eq!(home.exists(), apm == "on" && consent == "granted");
    Some(
        lines[begin + 1..end]
            .iter()
            .map(|line| line.to_string())
            .collect(),
    )
}

fn required() -> bool {
    std::env::var("CANDOR_REQUIRE")
        .is_ok_and(|required| required.split(',').any(|word| word == "strace"))
}

#[test]
fn an_agent_that_is_off_or_has_no_consent_makes_no_system_call() {
    for (apm, consent) in [
        ("off", "granted"),
        ("off", "not-asked"),
        ("on", "not-asked"),
        ("on", "declined"),
    ] {
        if let Some(calls) = calls_between_marks(apm, consent) {
            assert_eq!(
                calls,
                Vec::<String>::new(),
                "with the extension {apm} and consent {consent}"
            );
        }
    }
}

#[test]
fn the_marks_would_show_an_agent_that_is_on() {
    if let Some(calls) = calls_between_marks("on", "granted") {
        assert!(
            calls.iter().any(|call| call.contains("clone")),
            "no thread was started: {calls:?}"
        );
        assert!(
            calls
                .iter()
                .any(|call| call.contains("rt_sigaction(SIGSEGV")),
            "no handler was installed: {calls:?}"
        );
    }
}
