//! The pages as people see them.

use crate::device::Device;
use crate::reports;
use crate::support::{candor, executable};
use crate::victim;
use candor_protocol::report::Report;
use insta::assert_snapshot;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

/// A device on which only `report` waits, and what `candor show` says of it.
pub(crate) fn show(report: &Report, arguments: &[&str]) -> String {
    let device = Device::with(std::slice::from_ref(report));
    let id = report.id.to_string();
    let said = device.candor(&[&["show", &id], arguments].concat()).well();
    stable(&said)
}

/// What changes with every build of this executable is left out: its build id, addresses in it, and where the toolchain's own
/// sources are.
fn stable(said: &str) -> String {
    let build = victim::build();
    let mut stable = String::new();
    let mut in_toolchain = false;
    for line in said.replace(build.as_str(), &"b".repeat(40)).lines() {
        if let Some((before, address)) = line.split_once("im-client+0x")
            && victim_offset(address)
        {
            stable.push_str(&format!("{before}im-client+0x..."));
        } else if let Some((before, offset)) = line.split_once("\"offset\": \"")
            && victim_offset(offset)
        {
            stable.push_str(&format!("{before}\"offset\": \"...\","));
        } else if let Some((before, _)) = line.split_once("\"file\": \"/rustc/") {
            stable.push_str(&format!("{before}\"file\": \"/rustc/...\","));
            in_toolchain = true;
        } else if let Some((before, _)) = line.split_once("\"line\": ")
            && in_toolchain
        {
            stable.push_str(&format!("{before}\"line\": 1,"));
            in_toolchain = false;
        } else if let Some((before, path)) = line.split_once(" library/") {
            let owner = path.rsplit_once("  ").map_or("", |(_, owner)| owner);
            stable.push_str(&format!("{before} library/...  {owner}"));
        } else {
            stable.push_str(line);
        }
        stable.push('\n');
    }
    stable
}

/// Addresses of this executable are far larger than those that the reports make up for other modules.
fn victim_offset(text: &str) -> bool {
    let digits = text.bytes().take_while(u8::is_ascii_hexdigit).count();
    u64::from_str_radix(&text[..digits], 16)
        .is_ok_and(|offset| offset > 0x2_0000 && ![0x2_7d90, 0x2_7e40, 0x11_bc3f].contains(&offset))
}

pub(crate) fn symbols() -> String {
    executable().to_str().unwrap().to_owned()
}

#[test]
fn a_list_has_one_line_for_every_report() {
    let device = Device::with(&reports::all());
    assert_snapshot!("list", device.candor(&["list"]).well());
    assert_snapshot!(
        "list_of_one_kind",
        device.candor(&["list", "--kind", "crash"]).well()
    );
}

#[test]
fn a_panic_reads_well_with_symbols() {
    assert_snapshot!("panic", show(&reports::panic(), &["--symbols", &symbols()]));
}

#[test]
fn the_code_that_is_to_blame_is_shown_where_the_sources_are_at_hand() {
    let sources = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/shown");
    assert_snapshot!(
        "panic_sources",
        show(
            &reports::panic(),
            &["--symbols", &symbols(), "--sources", sources]
        )
    );
    let elsewhere = show(
        &reports::panic(),
        &["--symbols", &symbols(), "--sources", "/nonexistent"],
    );
    assert_eq!(
        elsewhere,
        show(&reports::panic(), &["--symbols", &symbols()])
    );
}

#[test]
fn a_recursion_is_told_once_with_how_often_it_follows() {
    assert_snapshot!(
        "overflow",
        show(&reports::overflow(), &["--symbols", &symbols()])
    );
}

#[test]
fn nothing_is_folded_when_everything_is_asked_for() {
    assert_snapshot!(
        "panic_full",
        show(&reports::panic(), &["--full", "--symbols", &symbols()])
    );
    assert_snapshot!("signal_full", show(&reports::signal(), &["--full"]));
}

#[test]
fn without_symbols_frames_are_addresses_and_the_page_says_how_to_get_names() {
    assert_snapshot!("panic_without_symbols", show(&reports::panic(), &[]));
    assert_snapshot!("signal", show(&reports::signal(), &[]));
}

#[test]
fn a_survived_panic_without_a_stack_says_so_and_cannot_paint_the_terminal() {
    assert_snapshot!("survived", show(&reports::survived(), &[]));
}

#[test]
fn a_freeze_is_a_tree_with_percentages() {
    assert_snapshot!("deadlock", show(&reports::deadlock(), &[]));
    assert_snapshot!(
        "freeze",
        show(&reports::freeze(), &["--symbols", &symbols()])
    );
}

#[test]
fn a_window_of_a_connection_is_a_table_of_percentiles() {
    assert_snapshot!("connection", show(&reports::connection(), &[]));
}

#[test]
fn runs_and_losses_are_told_in_words() {
    assert_snapshot!("run_began", show(&reports::run_began(), &[]));
    assert_snapshot!("run_ended", show(&reports::run_ended(), &[]));
    assert_snapshot!("loss", show(&reports::loss(), &[]));
}

#[test]
fn symbol_files_that_are_of_no_use_are_named_with_the_reason() {
    let device = Device::with(&[reports::signal()]);
    device
        .write("notes.txt", "no symbols")
        .write("empty/notes.txt", "none either");
    let path = |file: &str| device.path().join(file).to_str().unwrap().to_owned();
    let id = reports::signal().id.to_string();
    let missing = "/nonexistent/im-client";
    let said = device
        .candor(&[
            "show",
            &id,
            "--symbols",
            &symbols(),
            &path("notes.txt"),
            &path("empty"),
            missing,
        ])
        .well();
    let notes: Vec<&str> = said
        .lines()
        .filter(|line| line.contains("is not used") || line.contains("no file in"))
        .collect();
    assert_eq!(notes.len(), 4, "{said}");
    assert!(said.contains("was it built again since?"), "{said}");
    assert!(
        said.contains("notes.txt is not used: it is no symbol file"),
        "{said}"
    );
    assert!(
        said.contains("/nonexistent/im-client is not used: it cannot be read"),
        "{said}"
    );
}

#[test]
fn symbols_are_found_in_a_tree_of_build_ids() {
    let device = Device::with(&[reports::panic()]);
    let build = victim::build();
    let (first, rest) = build.as_str().split_at(2);
    let tree = device.path().join("debug/.build-id").join(first);
    std::fs::create_dir_all(&tree).unwrap();
    std::os::unix::fs::symlink(executable(), tree.join(format!("{rest}.debug"))).unwrap();
    let id = reports::panic().id.to_string();
    let debug = device.path().join("debug").to_str().unwrap().to_owned();
    let said = device.candor(&["show", &id, "--symbols", &debug]).well();
    assert!(said.contains("history::parse_header"), "{said}");
}

#[test]
fn a_stripped_program_is_named_by_its_debug_file_and_a_changed_one_is_said_to_be_so() {
    let device = Device::with(&[reports::panic()]);
    let shipped = device.path().join("shipped");
    std::fs::create_dir(&shipped).unwrap();
    let objcopy = |arguments: &[&str]| {
        let mut command = Command::new("objcopy");
        let done = command.args(arguments).current_dir(&shipped).status();
        assert!(done.unwrap().success(), "objcopy {arguments:?}");
    };
    let whole = symbols();
    objcopy(&["--only-keep-debug", &whole, "app.debug"]);
    objcopy(&[
        "--strip-all",
        "--add-gnu-debuglink=app.debug",
        &whole,
        "app",
    ]);
    let app = shipped.join("app").to_str().unwrap().to_owned();
    let id = reports::panic().id.to_string();
    let look = || device.candor(&["show", &id, "--symbols", &app]).well();
    let said = look();
    assert!(
        said.contains("history::parse_header  src/victim.rs:20"),
        "{said}"
    );
    assert!(!said.contains("app.debug"), "{said}");

    let debug = shipped.join("app.debug");
    let mut bytes = std::fs::read(&debug).unwrap();
    bytes.push(0);
    std::fs::write(&debug, bytes).unwrap();
    let said = look();
    assert!(
        said.contains("history::parse_header  src/victim.rs:20"),
        "{said}"
    );
    let words = said.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        words.contains("app.debug is wrong, but it is the same build"),
        "{said}"
    );

    std::fs::remove_file(&debug).unwrap();
    let said = look();
    assert!(!said.contains("parse_header"), "{said}");
    let words = said.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        words.contains("gives no names: it is stripped")
            && words.contains("its debug file app.debug"),
        "{said}"
    );
}

#[test]
fn the_line_as_sent_is_the_line_in_the_spool_byte_for_byte() {
    for report in reports::all() {
        let device = Device::empty();
        let file = device.spool(1, &report);
        let content = std::fs::read_to_string(file).unwrap();
        let (_, line) = content.split_once('\n').unwrap();
        let id = report.id.to_string();
        assert_eq!(device.candor(&["show", &id, "--as-sent"]).well(), line);
    }
}

#[test]
fn the_status_tells_consent_limits_counts_and_losses() {
    let device = Device::with(&reports::all());
    device.write(
        "upload.json",
        r#"{"failures": 3, "not_before": 1773479999000}"#,
    );
    device.write("runs/1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f.note", "{}");
    assert_snapshot!("status", device.candor(&["status"]).well());
}

#[test]
fn a_collector_that_must_not_be_asked_yet_is_named_with_the_time() {
    let device = Device::with(&[]);
    let soon = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_secs()
        + 3600;
    device.write(
        "upload.json",
        format!("{{\"failures\": 1, \"not_before\": {}}}", soon * 1000),
    );
    let said = device.candor(&["status"]).well();
    assert!(
        said.contains("1 failure in a row; the collector is asked again after 2"),
        "{said}"
    );
    let json: serde_json::Value =
        serde_json::from_str(&device.candor(&["status", "--json"]).well()).unwrap();
    assert_eq!(json["backoff"]["not_before_unix"], soon);
}

#[test]
fn after_the_end_of_the_service_the_status_says_nothing_else() {
    let device = Device::empty();
    let signature = "0".repeat(128);
    device.write(
        "sunset.json",
        format!(
            r#"{{"app": "im-demo", "notice": "end-2027", "at": 1773400000, "signature": "{signature}"}}"#
        ),
    );
    let said = device.candor(&["status"]).well();
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(
        said.contains("The service has ended") && said.contains("notice end-2027"),
        "{said}"
    );
    let json: serde_json::Value =
        serde_json::from_str(&device.candor(&["status", "--json"]).well()).unwrap();
    assert_eq!(json["service_ended"]["at_unix"], 1_773_400_000_u64);
}

#[test]
fn after_a_withdrawal_the_status_says_that_erasure_is_pending() {
    let device = Device::empty();
    device.write(
        "withdrawal.json",
        r#"{"at": 1773400000, "erasure": {"pseudonyms": ["5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e"]}}"#,
    );
    assert_snapshot!("status_withdrawn", device.candor(&["status"]).well());
}

#[test]
fn an_empty_device_says_what_that_means() {
    let device = Device::empty();
    assert_snapshot!("status_empty", device.candor(&["status"]).well());
    assert_snapshot!("list_empty", device.candor(&["list"]).well());
    let no_freeze = Device::with(&[reports::panic()])
        .candor(&["list", "--kind", "freeze"])
        .well();
    assert!(
        no_freeze.starts_with("No reports of kind freeze"),
        "{no_freeze}"
    );
}

#[test]
fn what_is_not_there_is_an_error_that_says_what_to_do() {
    let device = Device::with(&reports::all());
    assert_snapshot!("no_such_report", device.candor(&["show", "abc123"]).badly());
    assert_snapshot!("several_reports", device.candor(&["show", "c0c0"]).badly());
    assert_snapshot!(
        "no_such_directory",
        candor(&["list", "--dir", "/nonexistent/apm"]).badly()
    );
    assert_snapshot!(
        "nothing_to_show",
        Device::empty().candor(&["show", "c0"]).badly()
    );
}

#[test]
fn wrong_usage_ends_with_two() {
    for wrong in [
        &["list"][..],
        &["show", "--dir", "/tmp"],
        &["list", "--dir", "/tmp", "--kind", "anger"],
        &["show", "c0", "--dir", "/tmp", "--as-sent", "--json"],
        &["show", "c0", "--dir", "/tmp", "--as-sent", "--explain"],
        &["minidump"],
        &["minidump", "app.dmp", "--sources", "/tmp"],
        &["frobnicate"],
        &[],
    ] {
        let said = candor(wrong);
        assert_eq!(said.code, Some(2), "{wrong:?}: {said:?}");
        assert!(said.err.contains("--help"), "{said:?}");
    }
}

#[test]
fn the_help_is_a_manual() {
    for (name, arguments) in [
        ("help", &["--help"][..]),
        ("help_list", &["list", "--help"]),
        ("help_show", &["show", "--help"]),
        ("help_status", &["status", "--help"]),
        ("help_minidump", &["minidump", "--help"]),
        ("help_deidentify", &["deidentify", "--help"]),
    ] {
        assert_snapshot!(name, candor(arguments).well());
    }
}

#[test]
fn a_text_goes_through_without_what_identifies_somebody() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_candor"))
        .arg("deidentify")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(b"ok\nmail alice@example.org\n").unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success());
    assert!(
        said.starts_with("ok\nmail ") && !said.contains("alice"),
        "{said}"
    );
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let device = Device::with(&reports::all());
    for number in 1000..1400 {
        let mut report = reports::connection();
        let mut id = [0xd0; 16];
        id[14..].copy_from_slice(&(number as u16).to_be_bytes());
        report.id = candor_protocol::deidentify::ReportId::from_bytes(id);
        device.spool(number, &report);
    }
    let mut child = Command::new(env!("CARGO_BIN_EXE_candor"))
        .args(["list", "--dir"])
        .arg(device.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // The list is longer than a pipe holds, so the program is still writing when the pipe is closed.
    let mut first = String::new();
    BufReader::with_capacity(64, child.stdout.take().unwrap())
        .read_line(&mut first)
        .unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(first.starts_with("ID"), "{first}");
    assert_eq!((output.status.code(), output.stderr), (Some(0), Vec::new()));
}

#[test]
fn json_has_the_same_in_a_form_for_programs() {
    let device = Device::with(&reports::all());
    assert_snapshot!(
        "list_json",
        device.candor(&["list", "--json", "--kind", "run"]).well()
    );
    assert_snapshot!("status_json", device.candor(&["status", "--json"]).well());
    assert_snapshot!(
        "panic_json",
        show(&reports::panic(), &["--json", "--symbols", &symbols()])
    );
    assert_snapshot!(
        "freeze_json",
        show(&reports::freeze(), &["--json", "--symbols", &symbols()])
    );
    assert_snapshot!("connection_json", show(&reports::connection(), &["--json"]));
}
