//! Directories that no agent would leave.

use crate::device::Device;
use crate::reports;
use std::fs::{self, File};

const RUN: &str = "0123456789abcdef0123456789abcdef";

/// Every page of a directory, none of which may panic.
fn look_everywhere(device: &Device) -> String {
    let mut all = String::new();
    for arguments in [
        &["list"][..],
        &["list", "--json"],
        &["status"],
        &["status", "--json"],
        &["show", "c0"],
    ] {
        let said = device.candor(arguments);
        assert!(matches!(said.code, Some(0 | 1)), "{arguments:?}: {said:?}");
        assert!(!said.err.contains("panicked"), "{arguments:?}: {said:?}");
        all.push_str(&said.out);
    }
    all
}

#[test]
fn garbage_is_named_and_what_is_good_is_still_shown() {
    let good = reports::freeze();
    let device = Device::with(std::slice::from_ref(&good));
    let id = |last: u8| format!("{}{last:02x}", "e".repeat(30));
    let spooled = |content: &str, last| {
        device.write(
            &format!("spool/crash-{last}-1-{}.report", id(last)),
            content,
        );
    };
    spooled("", 1);
    spooled("candor-spool 1 99999999999 00000000\n{}\n", 2);
    spooled("candor-spool 1 2 a3830348\n{}\n", 3);
    // Whole, but no report: two bytes of JSON with the right checksum.
    spooled("candor-spool 1 2 a3a6bf43\n{}\n", 5);
    device
        .write("spool/leftover.tmp", "half a report")
        .write("spool/\u{202e}gnp.report", [0xff, 0xfe])
        .write(&format!("runs/{RUN}.dump"), [0u8; 100])
        .write("runs/not-a-run.dump", "x")
        .write("runs/readme.txt", "not looked at")
        .write("identity.json", "[[[[[[[[")
        .write("upload.json", vec![b'['; 200_000])
        .write("withdrawal.json", "{}}");
    fs::create_dir_all(
        device
            .path()
            .join(format!("spool/run-1-1-{}.report", id(4))),
    )
    .unwrap();
    let said = device.candor(&["list"]).well();
    assert!(said.contains("main_loop stood still"), "{said}");
    let unread = said
        .split_once("not shown")
        .expect("the garbage is named")
        .1;
    assert!(unread.contains("its length or checksum is wrong"), "{said}");
    assert!(unread.contains("it is not named like a report"), "{said}");
    assert!(
        unread.contains("does not start like a candor dump"),
        "{said}"
    );
    assert!(unread.contains("it is not named after a run"), "{said}");
    assert!(unread.contains("identity.json: it is damaged"), "{said}");
    assert!(unread.contains("and ") && unread.contains("more"), "{said}");
    assert!(!said.contains('\u{202e}'), "{said}");
    look_everywhere(&device);
}

#[test]
fn a_report_that_breaks_the_rules_is_refused_with_the_reason() {
    let device = Device::empty();
    let report = serde_json::to_string(&reports::run_ended()).unwrap();
    let broken = report.replace("\"release\":\"1.4.0\"", "\"release\":\"alice@example.org\"");
    let mut crc = flate2::Crc::new();
    crc.update(broken.as_bytes());
    let file = format!("spool/run-1-1-{}.report", "a".repeat(32));
    device.write(
        &file,
        format!(
            "candor-spool 1 {} {:08x}\n{broken}\n",
            broken.len(),
            crc.sum()
        ),
    );
    let said = device.candor(&["list"]).well();
    assert!(
        said.contains("1 file not shown") && !said.contains("alice"),
        "{said}"
    );
}

#[test]
fn huge_files_are_not_read() {
    let device = Device::empty();
    let huge = |file: &str| {
        device.write(file, "");
        File::options()
            .write(true)
            .open(device.path().join(file))
            .unwrap()
            .set_len(1 << 40)
            .unwrap();
    };
    huge(&format!("spool/crash-1-1-{}.report", "a".repeat(32)));
    huge(&format!("runs/{RUN}.dump"));
    huge("ledger.json");
    huge("grant.json");
    let said = look_everywhere(&device);
    assert!(said.contains("larger than the"), "{said}");
    assert!(said.contains("larger than a dump may be"), "{said}");
    assert!(said.contains("grant.json: it is damaged"), "{said}");
}

#[test]
fn numbers_that_no_device_reaches_do_not_overflow() {
    let most = u64::MAX;
    let device = Device::empty();
    device.write(
        "ledger.json",
        format!(
            r#"{{"numbered":{{"crash":{most}}},"delivered":{{"crash":{most}}},"lost":{{"crash":{{"disk":{most},"refused":{most}}}}},
            "dropped":{{"crash":{most}}},"told":{{}},"settled":[],"telling":null,"folded":[],
            "uploads":[{{"at":{most},"reports":{most},"bytes":{most}}},{{"at":{most},"reports":{most},"bytes":{most}}}]}}"#
        ),
    );
    device.write(
        "upload.json",
        format!("{{\"failures\":{},\"not_before\":{most}}}", u32::MAX),
    );
    let said = look_everywhere(&device);
    assert!(said.contains("18446744073709551615"), "{said}");
}

#[test]
fn a_file_in_place_of_the_directory_is_an_error_with_a_reason() {
    let device = Device::empty();
    device.write("file", "");
    let path = device.path().join("file");
    let said = crate::support::candor(&["list", "--dir", path.to_str().unwrap()]).badly();
    assert!(said.contains("cannot read"), "{said}");
}
