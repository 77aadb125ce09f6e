//! What would be sent of a report: every field with its meaning and its rule, and what is kept back.

use super::kept_back::KeptBack;
use candor_protocol::catalogue::{self, Extra, FIELDS, Field};
use candor_protocol::deidentify::Kind as Identifier;
use candor_protocol::moment::{Moment, Precision};
use candor_protocol::report::{Kind, Report, What};
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// A report, field by field.
#[derive(Debug, Serialize)]
pub(crate) struct Explained {
    /// Version of the catalogue.
    pub(crate) catalogue: u32,
    /// Bytes of the line that would be sent.
    pub(crate) line_bytes: usize,
    /// In the catalogue's order.
    pub(crate) fields: Vec<Told>,
    /// Fields that reports of this kind may have and this one has not.
    pub(crate) absent: Vec<&'static str>,
    /// Fields of the line that the catalogue does not have: there are none, and if there were, this would say so.
    pub(crate) undeclared: Vec<String>,
    /// Identifiers that were taken out of texts.
    pub(crate) removed: Vec<Removed>,
    /// What was made coarser or cut.
    pub(crate) coarsened: Vec<Coarsened>,
    /// What the dump holds and is not sent; missing when there is no dump any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) kept_back: Option<Vec<KeptBack>>,
}

/// One field, as the catalogue has it, with its values.
#[derive(Debug, Serialize)]
pub(crate) struct Told {
    pub(crate) path: &'static str,
    pub(crate) meaning: &'static str,
    #[serde(skip_serializing_if = "is_none")]
    pub(crate) unit: &'static str,
    pub(crate) purpose: &'static str,
    pub(crate) rule: &'static str,
    /// What the developer has switched on for it; missing for what no report can do without.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) extra: Option<Extra>,
    /// All that stand in the line, in its order.
    pub(crate) values: Vec<Value>,
}

/// How the catalogue writes that there is no unit.
pub(crate) const NO_UNIT: &str = "-";

fn is_none(unit: &str) -> bool {
    unit == NO_UNIT
}

/// Identifiers of one kind that were taken out of one field.
#[derive(Debug, Serialize)]
pub(crate) struct Removed {
    pub(crate) path: &'static str,
    /// What stands in their place, such as `‹email›`.
    pub(crate) placeholder: &'static str,
    pub(crate) meaning: &'static str,
    pub(crate) rule: &'static str,
    pub(crate) count: usize,
}

/// Fields that hold less than was seen, by the same rule.
#[derive(Debug, Serialize)]
pub(crate) struct Coarsened {
    pub(crate) rule: &'static str,
    pub(crate) paths: Vec<&'static str>,
    /// What that means for this report; missing where the rule says it all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) effect: Option<String>,
}

impl Explained {
    /// `line` is what would be sent of `report`.
    pub(crate) fn of(report: &Report, line: &str, kept_back: Option<Vec<KeptBack>>) -> Self {
        // The line was made of the report, so it can be read.
        let sent = serde_json::from_str(line).unwrap_or(Value::Null);
        let mut explained = Self::of_line(&sent, report.what.kind());
        explained.line_bytes = line.len();
        for coarsened in &mut explained.coarsened {
            coarsened.effect = effect(coarsened, report);
        }
        explained.kept_back = kept_back;
        explained
    }

    fn of_line(sent: &Value, kind: Kind) -> Self {
        let mut values = BTreeMap::new();
        gather(sent, String::new(), &mut values);
        let mut fields = Vec::new();
        let mut absent = Vec::new();
        for field in FIELDS.iter().filter(|field| belongs_to(field, kind)) {
            match values.remove(field.path) {
                Some(values) => fields.push(Told::new(field, values)),
                None => absent.push(field.path),
            }
        }
        Self {
            catalogue: catalogue::VERSION,
            line_bytes: 0,
            removed: fields.iter().flat_map(removed).collect(),
            coarsened: coarsened(&fields),
            fields,
            absent,
            undeclared: values.into_keys().collect(),
            kept_back: None,
        }
    }
}

impl Told {
    fn new(field: &Field, values: Vec<Value>) -> Self {
        Self {
            path: field.path,
            meaning: field.meaning,
            unit: field.unit,
            purpose: field.purpose,
            rule: field.rule,
            extra: field.extra,
            values,
        }
    }
}

/// Values by the path under which the catalogue has them.
fn gather(value: &Value, path: String, into: &mut BTreeMap<String, Vec<Value>>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let dot = if path.is_empty() { "" } else { "." };
                gather(value, format!("{path}{dot}{name}"), into);
            }
        }
        Value::Array(elements) => {
            for element in elements {
                gather(element, format!("{path}[]"), into);
            }
        }
        value => into.entry(path).or_default().push(value.clone()),
    }
}

/// Whether a report of this kind may have the field.
fn belongs_to(field: &Field, kind: Kind) -> bool {
    match field.path.strip_prefix("what.") {
        Some(what) => what.split('.').next() == Some(kind.as_str()),
        None => true,
    }
}

fn removed(field: &Told) -> Vec<Removed> {
    let found = |identifier: &Identifier| -> usize {
        let texts = field.values.iter().filter_map(Value::as_str);
        texts
            .map(|text| text.matches(identifier.replacement()).count())
            .sum()
    };
    Identifier::ALL
        .iter()
        .map(|identifier| (identifier, found(identifier)))
        .filter(|&(_, count)| count > 0)
        .map(|(identifier, count)| Removed {
            path: field.path,
            placeholder: identifier.replacement(),
            meaning: identifier.meaning(),
            rule: field.rule,
            count,
        })
        .collect()
}

/// How the rules begin that let a value through as it was seen. Whatever does not begin so took something away.
const AS_SEEN: [&str; 11] = [
    "a number of the kernel's list",
    "closed list",
    "declared in the app's code",
    "duration",
    "hexadecimal digits",
    "index",
    "number",
    "random",
    "set by the developer",
    "version characters only",
    "yes or no",
];

fn coarsened(fields: &[Told]) -> Vec<Coarsened> {
    let mut rules: Vec<Coarsened> = Vec::new();
    let coarser = fields
        .iter()
        .filter(|field| !AS_SEEN.iter().any(|begin| field.rule.starts_with(begin)));
    for field in coarser {
        match rules.iter_mut().find(|known| known.rule == field.rule) {
            Some(known) => known.paths.push(field.path),
            None => rules.push(Coarsened {
                rule: field.rule,
                paths: vec![field.path],
                effect: None,
            }),
        }
    }
    rules
}

/// What a rule means for `report`.
fn effect(coarsened: &Coarsened, report: &Report) -> Option<String> {
    let of = |end: &str| coarsened.paths.iter().any(|path| path.ends_with(end));
    if of("frames[].offset") {
        Some(addresses(&report.what))
    } else if of("modules[].name") {
        Some("only files of code that a frame is in are told at all".to_owned())
    } else if of("thread.name") || of("others[].name") {
        Some(
            "only names that are known to say nothing of a person, without their numbers"
                .to_owned(),
        )
    } else if coarsened.paths == ["at"] {
        Some(format!("told as {}", report.at))
    } else {
        None
    }
}

fn addresses(what: &What) -> String {
    let stacks: Vec<_> = match what {
        What::Crash(crash) => std::iter::once(&crash.thread)
            .chain(&crash.others)
            .map(|thread| &thread.stack)
            .collect(),
        What::Freeze(freeze) => freeze.stacks.iter().map(|seen| &seen.stack).collect(),
        What::Connection(_) | What::Run(_) | What::Loss(_) => Vec::new(),
    };
    let frames = || stacks.iter().flat_map(|stack| &stack.frames);
    let outside = frames().filter(|frame| frame.module.is_none()).count();
    let relative = format!(
        "{} relative to the file of code they are in",
        frames().count() - outside
    );
    match outside {
        0 => relative,
        outside => format!("{relative}; {outside} in none, told as 0"),
    }
}

/// A value as people read it.
pub(crate) fn in_words(path: &str, value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) if path == "at" => match number.as_u64() {
            Some(seconds) => format!("{number} ({})", Moment::round(seconds, Precision::Minute)),
            None => number.to_string(),
        },
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_stand_in_the_catalogues_order_whatever_the_lines_is() {
        let line = json!({
            "what": {"run": {"uptime_ms": 5, "exit": "clean"}},
            "release": "1.4.0",
            "id": "00",
        });
        let explained = Explained::of_line(&line, Kind::Run);
        let paths: Vec<_> = explained.fields.iter().map(|field| field.path).collect();
        assert_eq!(
            paths,
            ["id", "release", "what.run.exit", "what.run.uptime_ms"]
        );
        assert!(explained.absent.contains(&"device.os"), "{explained:?}");
        assert!(
            !explained.absent.iter().any(|path| path.contains("crash")),
            "{explained:?}"
        );
    }

    #[test]
    fn a_field_that_the_catalogue_does_not_have_is_called_so() {
        let line = json!({"hostname": "x", "what": {"run": {"exit": "clean", "user": 7}}});
        let explained = Explained::of_line(&line, Kind::Run);
        assert_eq!(explained.undeclared, ["hostname", "what.run.user"]);
    }

    #[test]
    fn every_placeholder_in_a_text_is_counted_with_its_field() {
        let line = json!({"what": {"crash": {"cause": {"panic": {
            "message": "‹email› wrote to ‹email› from ‹ip›", "at": {"file": "/home/‹os-user›/x.rs"}
        }}}}});
        let explained = Explained::of_line(&line, Kind::Crash);
        let removed: Vec<_> = explained
            .removed
            .iter()
            .map(|removed| (removed.placeholder, removed.count, removed.path))
            .collect();
        let message = "what.crash.cause.panic.message";
        assert_eq!(
            removed,
            [
                ("‹email›", 2, message),
                ("‹ip›", 1, message),
                ("‹os-user›", 1, "what.crash.cause.panic.at.file"),
            ]
        );
        assert_eq!(explained.removed[0].meaning, "An e-mail address.");
    }

    #[test]
    fn every_rule_that_lets_a_value_through_is_one_of_the_catalogues() {
        for begin in AS_SEEN {
            assert!(
                FIELDS.iter().any(|field| field.rule.starts_with(begin)),
                "no field has the rule {begin}"
            );
        }
        // A rule is taken for one that takes something away unless it is listed, which errs on the side of saying so.
        let coarser: Vec<_> = FIELDS
            .iter()
            .map(|field| field.rule)
            .filter(|rule| !AS_SEEN.iter().any(|begin| rule.starts_with(begin)))
            .collect();
        for wanted in [
            "rounded",
            "scrubbed",
            "never an absolute address",
            "at most two numbers",
        ] {
            assert!(
                coarser.iter().any(|rule| rule.contains(wanted)),
                "{wanted} is taken for as seen"
            );
        }
    }
}
