//! What would be sent of a report, as people see it.

use crate::device::Device;
use crate::pages::show;
use crate::reports;
use candor_protocol::catalogue::FIELDS;
use insta::assert_snapshot;
use serde_json::Value;
use std::collections::BTreeSet;

#[test]
fn every_field_stands_there_with_its_meaning_and_its_rule() {
    assert_snapshot!("explained", show(&reports::scrubbed(), &["--explain"]));
    assert_snapshot!(
        "explained_full",
        show(&reports::signal(), &["--explain", "--full"])
    );
    assert_snapshot!(
        "explained_connection",
        show(&reports::connection(), &["--explain"])
    );
    assert_snapshot!(
        "explained_json",
        show(&reports::scrubbed(), &["--explain", "--json"])
    );
}

#[test]
fn no_value_of_the_line_is_left_out_and_none_is_made_up() {
    fn values(value: &Value, into: &mut Vec<String>) {
        match value {
            Value::Object(fields) => fields.values().for_each(|value| values(value, into)),
            Value::Array(elements) => elements.iter().for_each(|value| values(value, into)),
            value => into.push(value.to_string()),
        }
    }
    let mut known = BTreeSet::new();
    for report in reports::all() {
        let device = Device::with(std::slice::from_ref(&report));
        let id = report.id.to_string();
        let line = device.candor(&["show", &id, "--as-sent"]).well();
        let said = device.candor(&["show", &id, "--explain", "--json"]).well();
        let said: Value = serde_json::from_str(&said).unwrap();
        let explained = &said["explained"];
        let (mut sent, mut shown) = (Vec::new(), Vec::new());
        values(&serde_json::from_str(&line).unwrap(), &mut sent);
        for field in explained["fields"].as_array().unwrap() {
            known.insert(field["path"].as_str().unwrap().to_owned());
            values(&field["values"], &mut shown);
        }
        sent.sort();
        shown.sort();
        assert_eq!(sent, shown, "{id}");
        assert_eq!(explained["undeclared"], Value::Array(Vec::new()));
        assert_eq!(explained["line_bytes"], line.trim_end().len());
        for absent in explained["absent"].as_array().unwrap() {
            known.insert(absent.as_str().unwrap().to_owned());
        }
    }
    // Every field of the catalogue is shown of some report, or said to be missing from it.
    let declared: BTreeSet<String> = FIELDS.iter().map(|field| field.path.to_owned()).collect();
    assert_eq!(known, declared);
}
