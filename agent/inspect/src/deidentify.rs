//! `candor deidentify`: what the scrubber makes of a text, as a filter.

use candor_protocol::deidentify::{Scrubbed, scrub};
use serde_json::{Map, Value, json};
use std::{
    fmt,
    io::{self, BufRead, Write},
};

/// What the filter reads and says.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Options {
    /// Lines are objects with a `text`; answers are objects with the same `id` and an `output`.
    pub(crate) jsonl: bool,
    /// Say what was removed and by which rule.
    pub(crate) explain: bool,
}

/// Why the filter stopped.
#[derive(Debug)]
pub(crate) enum Stopped {
    /// Reading or writing failed.
    Io(io::Error),
    /// A line is not what `--jsonl` promises.
    Line {
        /// Which line, counted from one.
        number: usize,
        /// What is wrong with it.
        reason: String,
    },
}

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => write!(f, "{error}"),
            Self::Line { number, reason } => write!(f, "line {number}: {reason}"),
        }
    }
}

impl std::error::Error for Stopped {}

impl From<io::Error> for Stopped {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Copies `input` to `output` line by line without identifiers. Explanations of plain text go to `notes`, so that the output
/// stays a filter's; those of JSON lines stand in each answer. Bytes that are no UTF-8 are replaced.
///
/// # Errors
/// When reading or writing fails, and, with `jsonl`, at the first line that is not an object with a `text`.
pub(crate) fn filter(
    mut input: impl BufRead,
    mut output: impl Write,
    mut notes: impl Write,
    options: Options,
) -> Result<(), Stopped> {
    let mut line = Vec::new();
    for number in 1.. {
        line.clear();
        if input.read_until(b'\n', &mut line)? == 0 {
            break;
        }
        let ended = line.last() == Some(&b'\n');
        if ended {
            line.pop();
        }
        let text = String::from_utf8_lossy(&line);
        if options.jsonl {
            if text.trim().is_empty() {
                continue;
            }
            let answer = answer(&text, options.explain)
                .map_err(|reason| Stopped::Line { number, reason })?;
            writeln!(output, "{answer}")?;
        } else {
            let scrubbed = scrub(&text);
            output.write_all(scrubbed.text.as_bytes())?;
            if ended {
                output.write_all(b"\n")?;
            }
            if options.explain {
                explain(&scrubbed, number, &mut notes)?;
            }
        }
    }
    output.flush()?;
    Ok(())
}

fn explain(scrubbed: &Scrubbed, line: usize, notes: &mut impl Write) -> io::Result<()> {
    for one in &scrubbed.removed {
        let (start, end) = (one.range.start, one.range.end);
        writeln!(
            notes,
            "line {line}, bytes {start} to {end}: {} ({})",
            one.kind.replacement(),
            one.rule
        )?;
    }
    Ok(())
}

fn answer(line: &str, explain: bool) -> Result<Value, String> {
    let question: Map<String, Value> =
        serde_json::from_str(line).map_err(|error| format!("not a JSON object: {error}"))?;
    let text = question
        .get("text")
        .and_then(Value::as_str)
        .ok_or("there is no \"text\" that is a string")?;
    let id = question.get("id").cloned().ok_or("there is no \"id\"")?;
    let scrubbed = scrub(text);
    let mut answer = json!({ "id": id, "output": scrubbed.text });
    if explain {
        let removed = scrubbed.removed.iter().map(|one| {
            json!({ "kind": one.kind.name(), "rule": one.rule, "start": one.range.start, "end": one.range.end })
        });
        answer["removed"] = removed.collect();
    }
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filtered(input: &str, options: Options) -> (String, String) {
        let (mut output, mut notes) = (Vec::new(), Vec::new());
        filter(input.as_bytes(), &mut output, &mut notes, options).unwrap();
        (
            String::from_utf8(output).unwrap(),
            String::from_utf8(notes).unwrap(),
        )
    }

    #[test]
    fn lines_go_through_without_their_identifiers_and_keep_their_ends() {
        let (output, notes) = filtered("ok\nmail alice@example.org\nlast", Options::default());
        assert_eq!(output, "ok\nmail ‹email›\nlast");
        assert_eq!(notes, "");
    }

    #[test]
    fn an_explanation_names_the_line_the_place_and_the_rule() {
        let (output, notes) = filtered(
            "ok\nmail alice@example.org\n",
            Options {
                explain: true,
                ..Options::default()
            },
        );
        assert_eq!(output, "ok\nmail ‹email›\n");
        assert_eq!(notes, "line 2, bytes 5 to 22: ‹email› (e-mail address)\n");
    }

    #[test]
    fn a_json_line_is_answered_by_one_with_the_same_id() {
        let asked = "{\"id\":7,\"kind\":\"log\",\"text\":\"mail alice@example.org\"}\n";
        let (output, _) = filtered(
            asked,
            Options {
                jsonl: true,
                explain: false,
            },
        );
        assert_eq!(output, "{\"id\":7,\"output\":\"mail ‹email›\"}\n");
        let (output, _) = filtered(
            asked,
            Options {
                jsonl: true,
                explain: true,
            },
        );
        let answer: Value = serde_json::from_str(&output).unwrap();
        assert_eq!(answer["removed"][0]["kind"], "email");
        assert_eq!(answer["removed"][0]["end"], 22);
    }

    #[test]
    fn a_line_that_is_not_what_was_promised_is_refused_by_its_number() {
        let stopped = filter(
            "{\"id\":1,\"text\":\"x\"}\n{\"id\":2}\n".as_bytes(),
            io::sink(),
            io::sink(),
            Options {
                jsonl: true,
                explain: false,
            },
        )
        .unwrap_err();
        assert_eq!(
            stopped.to_string(),
            "line 2: there is no \"text\" that is a string"
        );
    }
}
