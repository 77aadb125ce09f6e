//! Reports with a value that the protocol's types refuse: an agent leaks. They are counted by where and why, and not kept.

use crate::store::Quarantine;
use candor_protocol::catalogue::FIELDS;
use candor_protocol::deidentify::{Refused, Release};
use candor_protocol::report::Report;
use serde::Deserialize;

/// What a field is called that the catalogue does not know.
const ELSEWHERE: &str = "elsewhere";

/// Where a refused line would have leaked; `None` where it is refused for anything else.
pub(crate) fn inspect(line: &str) -> Option<Quarantine> {
    let mut json = serde_json::Deserializer::from_str(line);
    let error = serde_path_to_error::deserialize::<_, Report>(&mut json).err()?;
    let reason = Refused::rule_in(&error.inner().to_string())?;
    Some(Quarantine {
        release: release(line),
        field: field(&error.path().to_string()),
        reason,
    })
}

/// The field of the catalogue that a path of a report leads to. A path is of the sender's making only where the catalogue knows it.
fn field(path: &str) -> &'static str {
    let mut general = String::with_capacity(path.len());
    let mut index = false;
    for letter in path.chars() {
        match letter {
            '[' => {
                index = true;
                general.push_str("[]");
            }
            ']' => index = false,
            _ if index => {}
            letter => general.push(letter),
        }
    }
    FIELDS
        .iter()
        .find(|field| field.path == general)
        .map_or(ELSEWHERE, |field| field.path)
}

/// The release that the line names, if that is one.
fn release(line: &str) -> Option<Release> {
    #[derive(Deserialize)]
    struct Head<'a> {
        #[serde(borrow)]
        release: &'a str,
    }
    let head: Head<'_> = serde_json::from_str(line).ok()?;
    head.release.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(release: &str, what: &str) -> String {
        format!(
            "{{\"id\":\"{0}\",\"at\":3600,\"run\":\"{0}\",\"pseudonym\":\"{0}\",\"release\":\"{release}\",\
             \"device\":{{\"os\":\"linux\",\"arch\":\"x86_64\"}},\"what\":{what}}}",
            "0".repeat(32)
        )
    }

    fn crash(message: &str, thread: &str, module: &str) -> String {
        format!(
            "{{\"crash\":{{\"cause\":{{\"panic\":{{\"message\":\"{message}\"}}}},\"fatal\":true,\"thread\":{{\"main\":true,\
             \"name\":\"{thread}\",\"stack\":{{\"frames\":[]}}}},\"modules\":[{{\"name\":\"{module}\"}}],\"uptime_ms\":5}}}}"
        )
    }

    #[test]
    fn the_field_and_the_rule_are_named_and_nothing_else() {
        let mail = "mail wang.fang@example.org";
        let found = |line: &str| inspect(line).map(|found| (found.field, found.reason));
        assert_eq!(found(&line("1.0", &crash("boom", "main", "im"))), None);
        for (line, field, reason) in [
            (
                line("1.0", &crash(mail, "main", "im")),
                "what.crash.cause.panic.message",
                "not_scrubbed",
            ),
            (
                line("1.0", &crash("boom", "u 13800138000", "im")),
                "what.crash.thread.name",
                "not_scrubbed",
            ),
            (
                line("1.0", &crash("boom", "main", mail)),
                "what.crash.modules[].name",
                "not_scrubbed",
            ),
            (line("wang fang", "{\"run\":{}}"), "release", "alphabet"),
            (
                line("1.0", &crash(&"a ".repeat(200), "main", "im")),
                "what.crash.cause.panic.message",
                "too_long",
            ),
        ] {
            assert_eq!(found(&line), Some((field, reason)), "{line}");
        }
        let found = inspect(&line("1.0", &crash(mail, "main", "im"))).unwrap();
        assert_eq!(found.release, Some("1.0".parse().unwrap()));
        assert_eq!(
            inspect(&line("wang fang", "{\"run\":{}}")).unwrap().release,
            None
        );
    }

    #[test]
    fn what_is_wrong_in_any_other_way_is_no_leak() {
        for wrong in [
            "{".to_owned(),
            "not JSON".to_owned(),
            line("1.0", "{\"walk\":{}}"),
            line("1.0", "{\"run\":{\"exit\":\"wang\"}}"),
            line("1.0", "{\"run\":{\"wang\":1}}"),
            line("1.0", "{\"run\":{}}").replace("3600", "3601"),
        ] {
            assert_eq!(inspect(&wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_path_of_the_sender_s_making_is_not_repeated() {
        assert_eq!(
            field("what.crash.modules[17].name"),
            "what.crash.modules[].name"
        );
        assert_eq!(field("what.wang fang"), ELSEWHERE);
    }
}
