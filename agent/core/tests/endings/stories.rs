//! What must be told of each end.

use candor_agent::local::Device;
use candor_protocol::deidentify::{Amount, Name};
use candor_protocol::report::{Cause, Crash, Crumb, CrumbValue, Exit, Report, Run, What};
use libtest_mimic::{Failed, Trial};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};

pub(crate) fn all() -> Vec<Trial> {
    let stories: [(&str, fn()); 9] = [
        (
            "a crash tells what the app did before and how it stood",
            crash_with_crumbs,
        ),
        (
            "a kill in the foreground tells what the app did before",
            killed_in_the_foreground,
        ),
        (
            "a kill in the background is told as one and nothing else",
            killed_in_the_background,
        ),
        ("a crash of the SDK is told to the SDK", in_scope),
        (
            "of a crash of the app the SDK tells only how the run ended",
            out_of_scope,
        ),
        (
            "a thread is told by its name if the developer has declared it",
            named_thread,
        ),
        (
            "an app that crashes at every start is told of at the third, before it can crash again",
            crash_loop,
        ),
        (
            "a collector that does not answer holds up the start of such an app for a moment only",
            crash_loop_without_an_answer,
        ),
        ("every way of leaving is told at the next start", endings),
    ];
    stories
        .map(|(name, story)| {
            Trial::test(name, move || {
                story();
                Ok::<(), Failed>(())
            })
        })
        .into()
}

fn run(fate: &str, dir: &Path) -> ExitStatus {
    run_release(fate, dir, "1.4.0")
}

fn run_release(fate: &str, dir: &Path, release: &str) -> ExitStatus {
    Command::new(std::env::current_exe().unwrap())
        .env("CANDOR_VICTIM", fate)
        .env("CANDOR_DIR", dir)
        .env("CANDOR_RELEASE", release)
        .env_remove("RUST_BACKTRACE")
        .stderr(Stdio::null())
        .status()
        .unwrap()
}

/// What the next start has made of it.
fn told(dir: &Path) -> Vec<Report> {
    assert!(run("shut_down", dir).success());
    let device = Device::open(dir.join("apm"));
    assert_eq!(device.unread().unwrap(), []);
    let stored = device.reports().unwrap();
    stored.into_iter().map(|stored| stored.report).collect()
}

fn crashes(reports: &[Report]) -> Vec<&Crash> {
    let told = reports.iter().filter_map(|report| match &report.what {
        What::Crash(crash) => Some(crash),
        _ => None,
    });
    told.collect()
}

/// The end of the one run that was not shut down.
fn end(reports: &[Report]) -> &Run {
    let ends: Vec<&Run> = reports
        .iter()
        .filter_map(|report| match &report.what {
            What::Run(run) if run.exit.is_some() => Some(run),
            _ => None,
        })
        .collect();
    // The run that told of it was shut down, and comes last.
    assert_eq!(ends.len(), 2, "{ends:?}");
    let unclean = |run: &&&Run| run.last.is_some() || run.exit != Some(Exit::Clean);
    ends.iter().find(unclean).unwrap_or(&ends[0])
}

fn told_crumbs(crumbs: &[Crumb]) -> Vec<(&str, Vec<CrumbValue>)> {
    let told = crumbs.iter();
    told.map(|crumb| (crumb.name.as_str(), crumb.values.clone()))
        .collect()
}

/// As the victim drops them.
fn dropped() -> Vec<(&'static str, Vec<CrumbValue>)> {
    let screen = |is| CrumbValue::Word {
        name: Name::declare("screen"),
        is: Name::declare(is),
    };
    let number = |name, is| CrumbValue::Number {
        name: Name::declare(name),
        is: Amount::round(is),
    };
    vec![
        ("screen_opened", vec![screen("settings")]),
        ("screen_opened", vec![screen("chat")]),
        (
            "message_sent",
            vec![number("bytes", 123_000), number("took_ms", 40)],
        ),
    ]
}

fn crash_with_crumbs() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(run("null", dir.path()).signal(), Some(libc_signal::SEGV));
    let reports = told(dir.path());
    let [crash] = crashes(&reports)[..] else {
        panic!("{reports:?}")
    };
    assert_eq!(told_crumbs(&crash.crumbs), dropped());
    assert!(
        crash
            .crumbs
            .is_sorted_by_key(|crumb| std::cmp::Reverse(crumb.before_ms))
    );
    let around = &crash.around;
    assert_eq!(around.foreground, Some(true));
    assert!(
        around.memory.is_some() && around.open_files.is_some() && around.resident_mib.is_some()
    );
    assert!(matches!(crash.cause, Cause::Signal { code: Some(1), .. }));
    assert_eq!(crash.thread.stack.end, None, "the stack is whole");
    assert_eq!(end(&reports).exit, Some(Exit::Crash));
    assert_eq!(end(&reports).last, None, "the crash tells it");
}

fn killed_in_the_foreground() {
    let dir = tempfile::tempdir().unwrap();
    let status = run("killed_in_the_foreground", dir.path());
    assert_eq!(status.signal(), Some(libc_signal::KILL));
    let reports = told(dir.path());
    assert!(crashes(&reports).is_empty());
    let end = end(&reports);
    assert_eq!(end.exit, Some(Exit::Killed));
    let last = end.last.as_ref().unwrap();
    assert_eq!(told_crumbs(&last.crumbs), dropped());
    assert_eq!(last.around.foreground, Some(true));
}

fn killed_in_the_background() {
    let dir = tempfile::tempdir().unwrap();
    run("killed_in_the_background", dir.path());
    let reports = told(dir.path());
    assert_eq!(end(&reports).exit, Some(Exit::Killed));
    assert_eq!(end(&reports).last, None);
}

fn in_scope() {
    let dir = tempfile::tempdir().unwrap();
    run("scoped_sdk", dir.path());
    let reports = told(dir.path());
    assert_eq!(crashes(&reports).len(), 1);
    assert_eq!(end(&reports).exit, Some(Exit::Crash));
}

fn out_of_scope() {
    for fate in ["scoped_app", "scoped_app_panic"] {
        let dir = tempfile::tempdir().unwrap();
        assert!(!run(fate, dir.path()).success());
        let reports = told(dir.path());
        assert!(crashes(&reports).is_empty(), "{fate}");
        assert_eq!(end(&reports).exit, Some(Exit::Crash), "{fate}");
    }
}

fn named_thread() {
    let dir = tempfile::tempdir().unwrap();
    run("named_thread", dir.path());
    let reports = told(dir.path());
    let [crash] = crashes(&reports)[..] else {
        panic!("{reports:?}")
    };
    let name = crash.thread.name.as_ref().map(ToString::to_string);
    assert_eq!(name.as_deref(), Some("decoder"));
}

fn crash_loop() {
    let dir = tempfile::tempdir().unwrap();
    let sent = || std::fs::read_to_string(dir.path().join("sent")).unwrap_or_default();
    let crashes = |lines: &str| lines.matches("\"what\":{\"crash\"").count();
    for start in 1..=3 {
        let status = run("start_and_crash", dir.path());
        assert_eq!(status.signal(), Some(libc_signal::SEGV), "start {start}");
    }
    assert!(crashes(&sent()) >= 2, "{}", sent());
}

fn crash_loop_without_an_answer() {
    let dir = tempfile::tempdir().unwrap();
    for start in 1..=3 {
        let status = run("start_and_crash_silent", dir.path());
        assert_eq!(status.signal(), Some(libc_signal::SEGV), "start {start}");
    }
    assert_eq!(crashes(&told(dir.path())).len(), 3, "nothing is lost");
}

fn endings() {
    for (fate, exit) in [
        ("exit", Exit::Clean),
        ("shut_down", Exit::Clean),
        ("null", Exit::Crash),
        ("killed_in_the_foreground", Exit::Killed),
    ] {
        let dir = tempfile::tempdir().unwrap();
        run(fate, dir.path());
        assert_eq!(end(&told(dir.path())).exit, Some(exit), "{fate}");
    }
    let dir = tempfile::tempdir().unwrap();
    run_release("killed_in_the_background", dir.path(), "1.3.9");
    assert_eq!(end(&told(dir.path())).exit, Some(Exit::Updated));
}

/// Numbers of Linux's signals.
mod libc_signal {
    pub(super) const KILL: i32 = 9;
    pub(super) const SEGV: i32 = 11;
}
