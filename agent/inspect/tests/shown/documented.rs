//! `JSON.md` and the JSON that is printed name the same fields.

use crate::device::Device;
use crate::reports;
use crate::support::{candor, executable};
use crate::synthetic::null_pointer;
use serde_json::Value;
use std::collections::BTreeSet;
use std::time::{SystemTime, UNIX_EPOCH};

/// Where this crate's tests lie: the sources of the functions in the reports.
const SOURCES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/shown");

/// Names of the fields in `value`. Where the keys are words of a closed list, they are no names.
fn fields(value: &Value, into: &mut BTreeSet<String>) {
    const MAPS: [&str; 5] = ["recorded", "delivered", "waiting", "lost", "lost_by_reason"];
    match value {
        Value::Object(object) => {
            for (key, value) in object {
                into.insert(key.clone());
                if !(MAPS.contains(&key.as_str()) && value.is_object()) {
                    fields(value, into);
                }
            }
        }
        Value::Array(values) => values.iter().for_each(|value| fields(value, into)),
        _ => {}
    }
}

#[test]
fn every_field_is_documented_and_every_documented_field_exists() {
    let device = Device::with(&reports::all());
    device.write("spool/garbage", "");
    let executable = executable().to_str().unwrap().to_owned();
    let mut printed = BTreeSet::new();
    let mut read = |arguments: &[&str]| {
        let said = device.candor(&[arguments, &["--json"]].concat()).well();
        fields(&serde_json::from_str(&said).unwrap(), &mut printed);
    };
    read(&["list"]);
    for report in reports::all() {
        let id = report.id.to_string();
        read(&["show", &id]);
        read(&["show", &id, "--symbols", &executable, "/nonexistent"]);
        read(&["show", &id, "--explain"]);
        read(&["show", &id, "--symbols", &executable, "--sources", SOURCES]);
    }
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs();
    device.write(
        "upload.json",
        format!("{{\"failures\":1,\"not_before\":{}000}}", now + 3600),
    );
    read(&["status"]);
    device.write(
        "sunset.json",
        format!(
            "{{\"app\":\"im-demo\",\"notice\":\"end-2027\",\"at\":{now},\"signature\":\"{}\"}}",
            "0".repeat(128)
        ),
    );
    read(&["status"]);

    device.write("app.dmp", null_pointer());
    let dump = device.path().join("app.dmp");
    let said = candor(&["minidump", dump.to_str().unwrap(), "--json"]).well();
    fields(&serde_json::from_str(&said).unwrap(), &mut printed);
    // What a dump holds beside what is sent is shown of real dumps only.
    printed.extend(["kept_back", "value"].map(str::to_owned));

    let manual = include_str!("../../JSON.md");
    let documented: BTreeSet<String> = manual
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once('`'))
        .map(|(field, _)| field.to_owned())
        .collect();
    let undocumented: Vec<_> = printed.difference(&documented).collect();
    assert!(undocumented.is_empty(), "not in JSON.md: {undocumented:?}");
    let gone: Vec<_> = documented.difference(&printed).collect();
    assert!(gone.is_empty(), "in JSON.md only: {gone:?}");
}
