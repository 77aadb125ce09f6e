//! What happens to the victims, and what the inspector says of it.

use crate::support::{candor_on, executable};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

/// Every story, by its name.
pub(crate) const ALL: &[(&str, fn())] = &[
    (
        "a_panic_is_told_with_the_function_it_happened_in",
        panic_is_told,
    ),
    (
        "a_null_pointer_is_told_with_the_function_it_happened_in",
        null_is_told,
    ),
    (
        "what_a_dump_is_said_to_become_is_what_the_next_start_makes_of_it",
        dump_becomes_what_was_said,
    ),
    (
        "a_damaged_dump_is_shown_as_far_as_it_can_be_read",
        damaged_dump,
    ),
];

/// Runs this program as a victim in `dir`.
fn victim(fate: &str, dir: &Path) -> ExitStatus {
    Command::new(executable())
        .env("CANDOR_VICTIM", fate)
        .env("CANDOR_DIR", dir)
        .stderr(Stdio::null())
        .status()
        .unwrap()
}

/// The one crash that the inspector lists.
fn the_crash(dir: &Path) -> Value {
    let said = candor_on(dir, &["list", "--json", "--kind", "crash"]).well();
    let list: Value = serde_json::from_str(&said).unwrap();
    let crashes = list["reports"].as_array().unwrap();
    assert_eq!(crashes.len(), 1, "{said}");
    crashes[0].clone()
}

/// The page of the one crash.
fn show(dir: &Path, arguments: &[&str]) -> String {
    let crash = the_crash(dir);
    let id = crash["short"].as_str().unwrap();
    candor_on(dir, &[&["show", id], arguments].concat()).well()
}

fn symbols() -> String {
    executable().to_str().unwrap().to_owned()
}

/// The first function that the page marks.
fn marked(page: &str) -> &str {
    page.lines()
        .find(|line| line.starts_with("> "))
        .unwrap_or_else(|| panic!("no frame is marked:\n{page}"))
}

fn panic_is_told() {
    let dir = tempfile::tempdir().unwrap();
    assert!(!victim("panic", dir.path()).success());
    let crash = the_crash(dir.path());
    assert_eq!(crash["state"], "in_dump");
    let summary = crash["summary"].as_str().unwrap();
    assert!(
        summary.starts_with("The main thread panicked at "),
        "{summary}"
    );
    assert!(
        summary.contains("the len is 3 but the index is 7"),
        "{summary}"
    );

    let page = show(dir.path(), &["--symbols", &symbols()]);
    assert!(marked(&page).contains("parse_header"), "{page}");
    assert!(marked(&page).contains("src/victim.rs:"), "{page}");
    assert!(page.contains("open_history"), "{page}");
    assert!(page.contains("functions that raised the panic"), "{page}");
    assert!(page.contains("1.4.0"), "{page}");

    let plain = show(dir.path(), &[]);
    assert!(
        plain.contains("--symbols PATH") && !plain.contains("parse_header"),
        "{plain}"
    );
}

fn null_is_told() {
    let dir = tempfile::tempdir().unwrap();
    assert!(!victim("null", dir.path()).success());
    let page = show(dir.path(), &["--symbols", &symbols()]);
    assert!(marked(&page).contains("victim::follow"), "{page}");
    assert!(marked(&page).contains("src/victim.rs:"), "{page}");
    let words = page.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        words.contains("The process died of SIGSEGV (SEGV_MAPERR) in deaths::victim::follow"),
        "{page}"
    );
    assert!(
        words.contains("on the main thread: a null pointer was used"),
        "{page}"
    );
}

fn dump_becomes_what_was_said() {
    let dir = tempfile::tempdir().unwrap();
    assert!(!victim("panic", dir.path()).success());
    let before = show(dir.path(), &["--as-sent"]);
    // The exact time and the process's number are in the dump, and nowhere in what would be sent.
    let explained = show(dir.path(), &["--explain"]);
    let (sent, kept) = explained
        .split_once("In the dump on this device, and not sent")
        .unwrap();
    let run_started = kept
        .lines()
        .find_map(|line| line.trim().strip_prefix("when the run started  "))
        .unwrap();
    assert!(!sent.contains(run_started), "{explained}");
    for held in [
        "process id  ",
        "a panic  number 1, at ",
        "sizes of files of code",
    ] {
        assert!(kept.contains(held), "{held}: {explained}");
    }
    assert!(victim("exit", dir.path()).success());
    let crash = the_crash(dir.path());
    assert_eq!(crash["state"], "waiting");
    let explained = show(dir.path(), &["--explain"]);
    assert!(!explained.contains("In the dump"), "{explained}");
    assert_eq!(show(dir.path(), &["--as-sent"]), before);
    let spooled = fs::read_dir(dir.path().join("spool")).unwrap();
    let line = spooled
        .filter_map(|entry| fs::read_to_string(entry.unwrap().path()).ok())
        .find(|content| content.contains(crash["id"].as_str().unwrap()))
        .unwrap();
    assert!(line.ends_with(&format!("\n{before}")), "{line}");

    let said = candor_on(dir.path(), &["status", "--json"]).well();
    let status: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(status["recorded"]["crash"], 1, "{said}");
    assert_eq!(status["waiting"]["crash"], 1, "{said}");
    // Two runs began, one ended by a crash and one by itself.
    assert_eq!(status["recorded"]["run"], 4, "{said}");
}

fn damaged_dump() {
    let dir = tempfile::tempdir().unwrap();
    assert!(!victim("panic", dir.path()).success());
    let dump = the_dump(dir.path());
    let whole = fs::read(&dump).unwrap();
    let look = || {
        for arguments in [&["list"][..], &["status"]] {
            candor_on(dir.path(), arguments).well();
        }
        let said = candor_on(dir.path(), &["list", "--json"]).well();
        let list: Value = serde_json::from_str(&said).unwrap();
        for report in list["reports"].as_array().unwrap() {
            let id = report["id"].as_str().unwrap();
            candor_on(dir.path(), &["show", id, "--symbols", &symbols()]).well();
        }
        list["unread"].as_array().unwrap().len()
    };
    assert_eq!(look(), 0);
    // Cut off at the borders of its parts and within them.
    for length in [
        0,
        7,
        8,
        63,
        64,
        0x400,
        0x1000,
        0x1234,
        whole.len() / 2,
        whole.len() - 1,
    ] {
        fs::write(&dump, &whole[..length]).unwrap();
        assert_eq!(look(), 1, "cut to {length} bytes");
    }
    // A fixed pattern of damage that reaches every part.
    for start in (0..whole.len()).step_by(whole.len() / 24) {
        let mut damaged = whole.clone();
        for byte in damaged[start..].iter_mut().take(64) {
            *byte = !*byte;
        }
        fs::write(&dump, &damaged).unwrap();
        look();
    }
}

fn the_dump(dir: &Path) -> PathBuf {
    fs::read_dir(dir.join("runs"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| {
            path.extension()
                .is_some_and(|extension| extension == "dump")
        })
        .unwrap()
}
