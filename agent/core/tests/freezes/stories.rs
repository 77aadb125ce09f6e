//! What must be told of each.

use crate::debugger;
use crate::host::{HANG, INJECTED, LONG, LONGER, NOT_RESPONDING};
use crate::symbol;
use candor_agent::local::Device;
use candor_protocol::report::{Activity, Exit, Freeze, FreezeEnd, Level, Report, Run, Wait, What};
use libtest_mimic::{Failed, Trial};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

pub(crate) fn all() -> Vec<Trial> {
    let stories: [(&str, fn()); 18] = [
        ("a busy loop is computing, in the function that loops", busy),
        ("a sleep waits for time to pass", sleep),
        ("a blocking read waits for something to read", read),
        ("a storm of page faults keeps a processor", faults),
        (
            "a deadlock names the thread that holds the lock and what it does",
            deadlock,
        ),
        (
            "one that takes long enough does not respond",
            not_responding,
        ),
        ("a freeze that is killed is told at the next start", killed),
        (
            "a freeze that the host leaves behind is told as such",
            exits,
        ),
        ("a thousand short turns are none", short_turns),
        ("a watch that was moved is about its new thread", moved),
        ("a turn that was lost with its thread is none", lost_turn),
        ("a process that was stopped and went on has none", stopped),
        ("a thread that a debugger held has none", debugged),
        ("a watch that is paused tells none", paused),
        ("of many freezes each is found and named", many),
        (
            "a loop that does not come round to a ping is frozen, unless it may rest",
            pinged,
        ),
        (
            "tasks that do not await starve a runtime of two workers",
            starved,
        ),
        (
            "tasks that do not await starve a runtime of one thread",
            starved_alone,
        ),
    ];
    let mut trials: Vec<Trial> = stories
        .map(|(name, story)| {
            Trial::test(name, move || {
                story();
                Ok::<(), Failed>(())
            })
        })
        .into();
    trials.push(Trial::test(
        "a runtime with one worker left is not frozen",
        || {
            assert_eq!(freezes("busy_runtime"), []);
            Ok(())
        },
    ));
    trials
}

fn host(scene: &str, dir: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .env("CANDOR_HOST", scene)
        .env("CANDOR_DIR", dir)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Waits until the host has said something.
fn wait_for_word(host: &mut Child) {
    let mut line = String::new();
    let out = host.stdout.as_mut().unwrap();
    BufReader::new(out).read_line(&mut line).unwrap();
    assert!(!line.is_empty(), "the host has ended");
}

fn signal(host: &Child, signal: &str) {
    let sent = Command::new("kill")
        .args([signal, &host.id().to_string()])
        .status();
    assert!(sent.unwrap().success());
}

fn reports(dir: &Path) -> Vec<Report> {
    let device = Device::open(dir.join("apm"));
    let stored = device.reports().unwrap();
    stored.into_iter().map(|stored| stored.report).collect()
}

fn frozen(reports: Vec<Report>) -> Vec<Freeze> {
    let told = reports.into_iter().filter_map(|report| match report.what {
        What::Freeze(freeze) => Some(freeze),
        _ => None,
    });
    told.collect()
}

/// What a host tells that plays a scene to its end.
fn freezes(scene: &str) -> Vec<Freeze> {
    let dir = tempfile::tempdir().unwrap();
    assert!(host(scene, dir.path()).wait().unwrap().success(), "{scene}");
    frozen(reports(dir.path()))
}

/// The one freeze of a scene.
fn freeze(scene: &str) -> Freeze {
    let mut told = freezes(scene);
    assert_eq!(told.len(), 1, "{told:?}");
    told.remove(0)
}

/// A freeze that a host came back from, in `function` for most of the samples.
fn recovered(scene: &str, function: &str, at_least: Duration) -> Freeze {
    let freeze = freeze(scene);
    assert_eq!(freeze.end, FreezeEnd::Recovered);
    // Clocks move in steps of up to 10 ms.
    assert!(
        u128::from(freeze.took_ms) + 20 >= at_least.as_millis(),
        "{freeze:?}"
    );
    assert!(
        symbol::share(&freeze, function) > 50,
        "{function}: {freeze:?}"
    );
    freeze
}

fn busy() {
    let freeze = recovered("busy", "rebuild_index", LONG);
    assert_eq!((freeze.activity, freeze.wait), (Activity::Running, None));
    assert!(freeze.main);
    assert_eq!(freeze.turn.as_ref().unwrap().as_str(), "decode");
    assert_eq!(freeze.threshold_ms, HANG.as_millis() as u64);
    assert_eq!(
        freeze.not_responding_ms,
        Some(NOT_RESPONDING.as_millis() as u64)
    );
    assert!(freeze.cpu_percent.unwrap() > 0, "{freeze:?}");
}

fn sleep() {
    let freeze = recovered("sleep", "wait_a_while", LONG);
    assert_eq!(
        (freeze.activity, freeze.wait),
        (Activity::Blocked, Some(Wait::Sleep))
    );
    assert!(freeze.cpu_percent.unwrap() < 10, "{freeze:?}");
}

fn read() {
    let freeze = recovered("read", "read_from_helper", LONG);
    assert_eq!(
        (freeze.activity, freeze.wait),
        (Activity::Blocked, Some(Wait::Read))
    );
}

fn faults() {
    let freeze = recovered("faults", "touch_memory", LONG);
    assert_eq!(freeze.activity, Activity::Running);
}

/// Neither thread will ever go on, so that the story ends the process; the next start tells.
fn deadlock() {
    let dir = tempfile::tempdir().unwrap();
    let freeze = killed_in("deadlock", dir.path());
    assert_eq!(
        (freeze.activity, freeze.wait),
        (Activity::Blocked, Some(Wait::Futex))
    );
    assert!(symbol::share(&freeze, "merge_contact") > 50, "{freeze:?}");
    let holder = freeze.holder.as_ref().unwrap();
    assert!(!holder.main);
    assert_eq!(holder.name.as_ref().unwrap().as_str(), "librarian");
    let does = symbol::names(&freeze, holder.stack.as_ref().unwrap());
    assert!(
        does.iter().any(|name| name.contains("file_message")),
        "{does:?}"
    );
}

fn not_responding() {
    let freeze = recovered("busy_longer", "rebuild_index", LONGER);
    assert_eq!(freeze.level(), Level::NotResponding);
}

/// Kills a host while it is frozen, starts another, and answers what that one tells.
fn killed_in(scene: &str, dir: &Path) -> Freeze {
    let mut victim = host(scene, dir);
    wait_for_word(&mut victim);
    // The host's work, not a wait for the agent: it has to stand still for longer than the threshold.
    thread::sleep(LONGER);
    signal(&victim, "-KILL");
    victim.wait().unwrap();
    assert!(host("nothing", dir).wait().unwrap().success());
    let reports = reports(dir);
    let ends = |report: &Report| match report.what {
        What::Run(Run { exit, .. }) => exit,
        _ => None,
    };
    assert!(
        reports
            .iter()
            .any(|report| ends(report) == Some(Exit::FreezeKill))
    );
    let mut told = frozen(reports);
    assert_eq!(told.len(), 1, "{told:?}");
    told.remove(0)
}

fn killed() {
    let dir = tempfile::tempdir().unwrap();
    let freeze = killed_in("killed", dir.path());
    assert_eq!(freeze.end, FreezeEnd::Killed);
    assert!(freeze.took_ms >= HANG.as_millis() as u64);
    assert!(symbol::share(&freeze, "wait_a_while") > 50, "{freeze:?}");
}

fn exits() {
    let freeze = freeze("exits");
    assert_eq!(freeze.end, FreezeEnd::Exited);
    assert!(symbol::share(&freeze, "wait_a_while") > 50, "{freeze:?}");
}

fn short_turns() {
    assert_eq!(freezes("short_turns"), []);
}

fn moved() {
    let freeze = recovered("moved", "rebuild_index", LONG);
    assert!(!freeze.main);
}

fn lost_turn() {
    assert_eq!(freezes("lost_turn"), []);
}

fn stopped() {
    let dir = tempfile::tempdir().unwrap();
    let mut stopped = host("stopped", dir.path());
    wait_for_word(&mut stopped);
    for _ in 0..3 {
        thread::sleep(LONG / 3);
        signal(&stopped, "-STOP");
        thread::sleep(LONG);
        signal(&stopped, "-CONT");
    }
    assert!(stopped.wait().unwrap().success());
    assert_eq!(frozen(reports(dir.path())), []);
}

fn debugged() {
    let dir = tempfile::tempdir().unwrap();
    let mut debugged = host("stopped", dir.path());
    wait_for_word(&mut debugged);
    for _ in 0..3 {
        thread::sleep(LONG / 3);
        let debugger = debugger::Held::attach(debugged.id());
        thread::sleep(LONG);
        debugger.let_go();
    }
    assert!(debugged.wait().unwrap().success());
    assert_eq!(frozen(reports(dir.path())), []);
}

fn paused() {
    assert_eq!(freezes("paused"), []);
}

fn many() {
    let told = freezes("many");
    assert_eq!(told.len(), INJECTED, "{told:?}");
    for freeze in &told {
        assert!(symbol::share(freeze, "wait_a_while") > 50, "{freeze:?}");
    }
}

fn pinged() {
    let freeze = recovered("pinged", "rebuild_index", LONG);
    assert_eq!(freeze.watch.as_str(), "toolkit");
    assert_eq!(freeze.turn, None);
    assert!(!freeze.main);
    assert_eq!(freezes("pinged_in_the_background"), []);
}

fn starved() {
    let freeze = recovered("starved", "wait_a_while", LONG);
    assert_eq!(freeze.watch.as_str(), "runtime");
}

fn starved_alone() {
    let freeze = recovered("starved_alone", "wait_a_while", LONG);
    assert!(freeze.main);
}
