//! What `candor minidump` shows.

use crate::device::Device;
use crate::support::{Said, candor, executable};
use crate::synthetic::{SECRETS, null_pointer};
use insta::assert_snapshot;
use std::fs;
use std::path::Path;

/// What is said of the file; its path is replaced.
fn minidump(path: &Path, arguments: &[&str]) -> Said {
    let file = path.to_str().unwrap();
    let said = candor(&[&["minidump", file], arguments].concat());
    for secret in SECRETS {
        assert!(!said.out.contains(secret), "{}", said.out);
    }
    Said {
        out: said.out.replace(file, "app.dmp"),
        err: said.err.replace(file, "app.dmp"),
        ..said
    }
}

#[test]
fn a_minidump_reads_like_a_report() {
    let device = Device::empty();
    device.write("app.dmp", null_pointer());
    let file = device.path().join("app.dmp");
    assert_snapshot!("minidump", minidump(&file, &[]).well());
    assert_snapshot!("minidump_full", minidump(&file, &["--full"]).well());
    assert_snapshot!("minidump_json", minidump(&file, &["--json"]).well());
}

#[test]
fn symbol_files_of_another_build_are_named() {
    let device = Device::empty();
    device.write("app.dmp", null_pointer());
    let symbols = executable().to_str().unwrap().to_owned();
    let said = minidump(&device.path().join("app.dmp"), &["--symbols", &symbols]).well();
    assert!(said.contains("was it built again since?"), "{said}");
}

#[test]
fn what_is_no_minidump_is_an_error_with_the_reason() {
    let device = Device::empty();
    let whole = null_pointer();
    device
        .write("empty.dmp", "")
        .write(
            "text.dmp",
            "not a minidump at all, but long enough to be one",
        )
        .write("short.dmp", "MD")
        .write("cut.dmp", &whole[..32]);
    let mut said = String::new();
    for file in [
        "empty.dmp",
        "text.dmp",
        "short.dmp",
        "cut.dmp",
        "absent.dmp",
        ".",
    ] {
        said.push_str(&minidump(&device.path().join(file), &[]).badly());
    }
    assert_snapshot!("no_minidump", said);
}

#[test]
fn a_minidump_that_breaks_off_shows_what_is_left() {
    let device = Device::empty();
    let whole = null_pointer();
    let file = device.path().join("app.dmp");
    let mut shown = 0;
    for part in 1..20 {
        fs::write(&file, &whole[..whole.len() / 20 * part]).unwrap();
        let said = minidump(&file, &[]);
        assert!(matches!(said.code, Some(0 | 1)), "{said:?}");
        assert!(!said.err.contains("panicked"), "{said:?}");
        shown += usize::from(said.code == Some(0));
    }
    // Its table of contents lies at its end; a file that lost it says so.
    assert_eq!(shown, 0);
    // One whose memory was lost still tells what is not in it.
    let mut torn = whole.clone();
    let table = u32::from_le_bytes(whole[12..16].try_into().unwrap()) as usize;
    for byte in torn[32..table / 2].iter_mut() {
        *byte = 0;
    }
    fs::write(&file, torn).unwrap();
    let said = minidump(&file, &[]).well();
    assert!(said.starts_with("minidump  app.dmp"), "{said}");
}
