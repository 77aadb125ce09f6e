//! Minidumps that another crash reporter has really written.

use crate::support::{candor, executable};
use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Every story, by its name.
pub(crate) const ALL: &[(&str, fn())] = &[
    (
        "a_minidump_of_a_null_pointer_reads_like_a_report_of_ours",
        null_is_told,
    ),
    (
        "a_minidump_of_a_stack_overflow_tells_the_recursion_once",
        overflow_is_told,
    ),
    ("a_minidump_of_an_abort_blames_who_called_it", abort_is_told),
    (
        "a_minidump_of_a_call_to_nowhere_names_the_caller",
        call_to_nowhere_is_told,
    ),
    (
        "a_stripped_program_is_enough_to_follow_the_stacks_of_a_minidump",
        stripped_is_enough,
    ),
    (
        "a_damaged_minidump_is_shown_as_far_as_it_can_be_read",
        damaged_minidump,
    ),
];

/// Planted in the environment of every victim.
const SECRET: &str = "tok_5e3c9a7d";

/// Has a victim meet `fate` in `dir`, and the minidump of it written.
fn minidump(fate: &str, dir: &Path) -> PathBuf {
    let role = |role: &str| {
        let mut command = Command::new(executable());
        command
            .env("CANDOR_VICTIM", format!("minidump-{role}"))
            .env("CANDOR_DIR", dir)
            .env("SECRET_TOKEN", SECRET)
            .stderr(Stdio::null());
        command
    };
    let mut writer = role("writer").stdout(Stdio::piped()).spawn().unwrap();
    let mut said = String::new();
    BufReader::new(writer.stdout.take().unwrap())
        .read_line(&mut said)
        .unwrap();
    assert_eq!(said, "listening\n");
    let died = role(fate)
        .env("CANDOR_WRITER", writer.id().to_string())
        .status()
        .unwrap();
    assert!(!died.success(), "{died}");
    assert!(writer.wait().unwrap().success());
    dir.join("app.dmp")
}

fn show(dump: &Path, arguments: &[&str]) -> String {
    let said = candor(&[&["minidump", dump.to_str().unwrap()], arguments].concat()).well();
    assert!(!said.contains(SECRET), "{said}");
    said
}

fn json(dump: &Path, symbols: &Path) -> Value {
    let arguments = ["--json", "--symbols", symbols.to_str().unwrap()];
    serde_json::from_str(&show(dump, &arguments)).unwrap()
}

fn words(page: &str) -> String {
    page.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn null_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let dump = minidump("null", dir.path());
    let raw = fs::read(&dump).unwrap();
    let holds_secret = raw
        .windows(SECRET.len())
        .any(|part| part == SECRET.as_bytes());
    assert!(
        holds_secret,
        "the dump does not hold what is not to be shown"
    );

    let page = show(&dump, &["--symbols", executable().to_str().unwrap()]);
    let said = words(&page);
    assert!(
        said.contains("The process died of SIGSEGV (SEGV_MAPERR) in deaths::foreign::parse_header")
            && said.contains("on the main thread: memory was used where there is none"),
        "{page}"
    );
    let marked = page.lines().find(|line| line.starts_with("> ")).unwrap();
    assert!(
        marked.contains("parse_header") && marked.contains("src/foreign.rs:"),
        "{page}"
    );
    assert!(
        page.contains("3 x the thread worker-#: deaths::foreign::wait_for_work"),
        "{page}"
    );
    assert!(
        said.contains("variables of the environment, with their values"),
        "{page}"
    );

    let json = json(&dump, &executable());
    let told = &json["minidump"];
    assert_eq!(told["signal"], "SIGSEGV");
    // Its writer does not tell the address; a null pointer would be a guess.
    assert_eq!(told["fault"], "unmapped");
    assert_eq!(told["fault_address"], Value::Null);
    assert_eq!(told["problems"], Value::Array(Vec::new()));
    // As far as the file that was given reaches, nothing is guessed.
    let frames = told["thread"]["stack"]["frames"].as_array().unwrap();
    for (frame, function) in frames
        .iter()
        .zip(["parse_header", "open_index", "meet", "main"])
    {
        let called = frame["functions"].as_array().unwrap().last().unwrap();
        assert!(
            called["name"].as_str().unwrap().contains(function),
            "{function}: {frames:#?}"
        );
        let found = if function == "parse_header" {
            "context"
        } else {
            "cfi"
        };
        assert_eq!(frame["found"], found, "{function}");
    }
}

fn overflow_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let dump = minidump("overflow", dir.path());
    let page = show(&dump, &["--symbols", executable().to_str().unwrap()]);
    let said = words(&page);
    assert!(said.contains("the stack overflowed"), "{page}");
    assert!(
        said.contains("the 2 functions above,") && said.contains("frames not recorded"),
        "{page}"
    );
    assert!(page.contains("foreign::meet"), "{page}");
    assert!(page.lines().count() < 80, "{page}");
}

fn abort_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let dump = minidump("abort", dir.path());
    let json = json(&dump, &executable());
    let told = &json["minidump"];
    assert_eq!(told["signal"], "SIGABRT");
    let summary = json["summary"].as_str().unwrap();
    assert!(summary.contains("it gave up by itself"), "{summary}");
    // The C library was not given, so the frames behind it are found by what looks like a return address.
    let frames = told["thread"]["stack"]["frames"].to_string();
    assert!(frames.contains("deaths::foreign::give_up"), "{frames}");
}

fn call_to_nowhere_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let dump = minidump("nothing", dir.path());
    let json = json(&dump, &executable());
    let frames = json["minidump"]["thread"]["stack"]["frames"]
        .as_array()
        .unwrap();
    assert_eq!(frames[0]["module"], Value::Null, "{frames:#?}");
    let called = frames[1]["functions"].as_array().unwrap().last().unwrap();
    assert_eq!(called["name"], "deaths::foreign::call", "{frames:#?}");
    // It is no guess, and what follows is found from it.
    assert_eq!(frames[1]["found"], "cfi", "{frames:#?}");
    assert_eq!(frames[2]["found"], "cfi", "{frames:#?}");
    let summary = json["summary"].as_str().unwrap();
    assert!(summary.contains("deaths::foreign::call"), "{summary}");
}

fn stripped_is_enough() {
    let dir = tempfile::tempdir().unwrap();
    let dump = minidump("null", dir.path());
    let stripped = dir.path().join("stripped");
    let done = Command::new("objcopy")
        .arg("--strip-all")
        .arg(executable())
        .arg(&stripped)
        .status();
    assert!(done.unwrap().success());
    let [whole, bare] = [executable(), stripped].map(|symbols| json(&dump, &symbols));
    let note = bare["symbol_notes"][0].as_str().unwrap();
    assert!(note.contains("gives no names: it is stripped"), "{note}");
    let own = |json: &Value| -> Vec<(String, String)> {
        let frames = json["minidump"]["thread"]["stack"]["frames"]
            .as_array()
            .unwrap();
        frames
            .iter()
            .take_while(|frame| {
                frame["module"]
                    .as_str()
                    .is_some_and(|name| name.contains("deaths"))
            })
            .map(|frame| (frame["offset"].to_string(), frame["found"].to_string()))
            .collect()
    };
    assert!(own(&whole).len() > 5, "{whole:#}");
    assert_eq!(own(&whole), own(&bare));
}

fn damaged_minidump() {
    let dir = tempfile::tempdir().unwrap();
    let dump = minidump("null", dir.path());
    let whole = fs::read(&dump).unwrap();
    let look = |bytes: &[u8]| {
        fs::write(&dump, bytes).unwrap();
        let symbols = executable();
        let said = candor(&[
            "minidump",
            dump.to_str().unwrap(),
            "--symbols",
            symbols.to_str().unwrap(),
        ]);
        assert!(matches!(said.code, Some(0 | 1)), "{said:?}");
        assert!(!said.err.contains("panicked"), "{said:?}");
        said
    };
    for part in 0..16 {
        look(&whole[..whole.len() / 16 * part]);
    }
    for start in (0..whole.len()).step_by(whole.len() / 24) {
        let mut damaged = whole.clone();
        for byte in damaged[start..].iter_mut().take(64) {
            *byte = !*byte;
        }
        look(&damaged);
    }
    // A terabyte of nothing behind a right beginning costs no more than the beginning.
    fs::write(&dump, &whole).unwrap();
    let file = fs::File::options().write(true).open(&dump).unwrap();
    file.set_len(1 << 40).unwrap();
    let said = show(&dump, &[]);
    assert!(said.contains("The process died of SIGSEGV"), "{said}");
}
