//! Minidumps that another crash reporter has really written.

use crate::support::{candor, executable};
use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Every story, by its name.
pub(crate) const ALL: &[(&str, fn())] = &[(
    "a_minidump_of_a_null_pointer_reads_as_a_dump_of_ours",
    null_is_told,
)];

/// Has a victim meet `fate` in `dir`, and the minidump of it written.
fn minidump(fate: &str, dir: &Path) -> PathBuf {
    let role = |role: &str| {
        let mut command = Command::new(executable());
        command
            .env("CANDOR_VICTIM", format!("minidump-{role}"))
            .env("CANDOR_DIR", dir)
            .env("SECRET_TOKEN", "tok_5e3c9a7d")
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
    candor(&[&["minidump", dump.to_str().unwrap()], arguments].concat()).well()
}

fn null_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let dump = minidump("null", dir.path());
    fs::copy(&dump, "/tmp/insp/null.dmp").unwrap();
    let page = show(&dump, &["--symbols", executable().to_str().unwrap()]);
    eprintln!("{page}");
    let _: Option<Value> = None;
}
