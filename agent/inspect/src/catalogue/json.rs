//! For programs.

use super::Lang;
use candor_protocol::catalogue::{FIELDS, Platforms, RETENTION_DAYS_MOST, VERSION};
use serde_json::{Value, json};

pub(super) fn render() -> String {
    let both = |text| json!({ "en": text, "zh": Lang::Zh.text(text) });
    let fields: Vec<Value> = FIELDS
        .iter()
        .map(|field| {
            json!({
                "path": field.path,
                "meaning": both(field.meaning),
                "unit": field.unit,
                "purpose": both(field.purpose),
                "rule": both(field.rule),
                "category": field.category(),
                "platforms": match field.platforms() {
                    Platforms::All => "all",
                    Platforms::Linux => "linux-x86_64",
                },
                "required": field.extra.is_none(),
                "switch": field.extra,
                "retention_days": field.retention_days(),
                "since": field.since,
                "expires": field.expires,
            })
        })
        .collect();
    let catalogue = json!({
        "version": VERSION,
        "retention_days_most": RETENTION_DAYS_MOST,
        "fields": fields,
    });
    // Everything here has names as keys, so it can be written.
    let mut text = serde_json::to_string_pretty(&catalogue).unwrap_or_default();
    text.push('\n');
    text
}
