//! What a configuration file says, and where in it something is wrong.

use super::{KNOBS, Kind, Knob, nearest};
use std::fmt;
use std::path::Path;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// What is wrong with a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file, as it was named.
    pub file: String,
    /// The line, from 1; `None` where the file cannot be read at all.
    pub line: Option<usize>,
    /// What is wrong.
    pub what: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}: {}", self.file, self.what),
            None => write!(f, "{}: {}", self.file, self.what),
        }
    }
}

/// What a file says: knobs and texts.
///
/// # Errors
/// Everything that is wrong with it.
pub fn read(path: &Path) -> Result<Vec<(&'static Knob, String)>, Vec<Problem>> {
    let file = path.display().to_string();
    match std::fs::read_to_string(path) {
        Ok(text) => parse(&file, &text),
        Err(error) => Err(vec![Problem {
            file,
            line: None,
            what: error.to_string(),
        }]),
    }
}

/// The same of a text.
pub(super) fn parse(file: &str, text: &str) -> Result<Vec<(&'static Knob, String)>, Vec<Problem>> {
    let mut reading = Reading {
        file,
        text,
        said: Vec::new(),
        wrong: Vec::new(),
    };
    match DeTable::parse(text) {
        Ok(table) => reading.table("", table.get_ref()),
        Err(error) => {
            let at = error.span().map_or(0, |span| span.start);
            reading.complain(at, error.message().to_owned());
        }
    }
    if reading.wrong.is_empty() {
        Ok(reading.said)
    } else {
        Err(reading.wrong)
    }
}

struct Reading<'a> {
    file: &'a str,
    text: &'a str,
    said: Vec<(&'static Knob, String)>,
    wrong: Vec<Problem>,
}

impl Reading<'_> {
    fn complain(&mut self, at: usize, what: String) {
        let before = self.text.get(..at).unwrap_or(self.text);
        self.wrong.push(Problem {
            file: self.file.to_owned(),
            line: Some(before.matches('\n').count() + 1),
            what,
        });
    }

    fn table(&mut self, prefix: &str, table: &DeTable<'_>) {
        for (key, value) in table {
            let name = format!("{prefix}{}", key.get_ref());
            let knob = KNOBS.iter().find(|knob| knob.name == name);
            let inside = format!("{name}.");
            let is_table = KNOBS.iter().any(|knob| knob.name.starts_with(&inside));
            match (knob, value.get_ref()) {
                (Some(knob), _) => self.value(knob, value),
                (None, DeValue::Table(table)) if is_table => self.table(&inside, table),
                (None, DeValue::Table(table)) => self.stranger(
                    key.span().start,
                    &name,
                    table.keys().next().map(|key| key.get_ref().as_ref()),
                ),
                (None, _) => self.stranger(key.span().start, &name, None),
            }
        }
    }

    /// `first` is the first name inside of a table that is not known.
    fn stranger(&mut self, at: usize, name: &str, first: Option<&str>) {
        let whole = first.map_or_else(|| name.to_owned(), |first| format!("{name}.{first}"));
        let meant = nearest(&whole, KNOBS.iter().map(|knob| knob.name));
        self.complain(
            at,
            match meant {
                Some(meant) => format!("{whole} is not known; did you mean {meant}?"),
                None => format!("{whole} is not known"),
            },
        );
    }

    fn value(&mut self, knob: &'static Knob, value: &Spanned<DeValue<'_>>) {
        let text = match (&knob.kind, value.get_ref()) {
            (_, DeValue::Integer(number)) => Ok(number.to_string()),
            (Kind::Text { .. }, DeValue::String(text)) => Ok(text.to_string()),
            (Kind::Number { .. }, _) => Err("has to be a number"),
            (Kind::Text { .. }, _) => Err("has to be a text in quotes"),
        };
        // Tried here, since only here the line is known.
        let tried = text.map_err(str::to_owned).and_then(|text| {
            knob.set(&mut super::Config::default(), &text)?;
            Ok(text)
        });
        match tried {
            Ok(text) => self.said.push((knob, text)),
            Err(why) => self.complain(value.span().start, format!("{} {why}", knob.name)),
        }
    }
}
