//! Leaving fields out: what the user has not agreed to, or the developer has not switched on.

use super::{FIELDS, Field};
use crate::report::Report;
use serde_json::Value;

/// The report without the fields that are not `allowed`. `None` when it cannot do without one of them: then it may not be sent
/// at all.
pub fn keep(report: Report, allowed: &dyn Fn(&Field) -> bool) -> Option<Report> {
    let forbidden: Vec<&Field> = FIELDS.iter().filter(|field| !allowed(field)).collect();
    if forbidden.is_empty() {
        return Some(report);
    }
    let mut value = serde_json::to_value(&report).ok()?;
    let mut changed = false;
    strip(&mut value, "", &forbidden, &mut changed);
    if !changed {
        return Some(report);
    }
    let kept: Report = serde_json::from_value(value).ok()?;
    kept.what.check().is_ok().then_some(kept)
}

/// Takes forbidden fields out, and what is empty without them. Whether anything is left.
fn strip(value: &mut Value, path: &str, forbidden: &[&Field], changed: &mut bool) -> bool {
    match value {
        Value::Object(fields) => {
            let empty = fields.is_empty();
            fields.retain(|name, inner| {
                let path = if path.is_empty() {
                    name.clone()
                } else {
                    format!("{path}.{name}")
                };
                strip(inner, &path, forbidden, changed)
            });
            empty || !fields.is_empty()
        }
        Value::Array(elements) => {
            let (empty, path) = (elements.is_empty(), format!("{path}[]"));
            elements.retain_mut(|inner| strip(inner, &path, forbidden, changed));
            empty || !elements.is_empty()
        }
        _ => {
            let kept = !forbidden.iter().any(|field| field.path == path);
            *changed |= !kept;
            kept
        }
    }
}
