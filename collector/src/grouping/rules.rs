//! A developer's own rules, from a file. They change what the rules of the house look at: whose a frame is, what it is called, whether
//! it is there at all, and what a panic says.

use super::frames::Frame;
use super::glob::Glob;
use crate::config::{Problem, nearest};
use candor_symbols::{Called, Owner};
use std::collections::BTreeSet;
use std::path::Path;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// The version of the file that this collector reads.
const VERSION: &str = "1";

/// The rules of a file, in their order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rules(Vec<Rule>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Rule {
    name: String,
    /// Of this app alone.
    app: Option<String>,
    function: Option<Glob>,
    module: Option<Glob>,
    file: Option<Glob>,
    message: Option<Glob>,
    does: Does,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Does {
    /// It is the app's own code.
    Own,
    /// It is not: it counts as a library's.
    NotOwn,
    /// It is as if the frame were not there.
    Skip,
    /// What a function's name begins with, and what stands there instead.
    Same(String, String),
    /// What a panic says instead.
    Message(String),
}

impl Rules {
    /// The rules in a file.
    ///
    /// # Errors
    /// Everything that is wrong with it, each with its line.
    pub fn read(path: &Path) -> Result<Self, Vec<Problem>> {
        let file = path.display().to_string();
        match std::fs::read_to_string(path) {
            Ok(text) => Self::parse(&file, &text),
            Err(error) => Err(vec![Problem {
                file,
                line: None,
                what: error.to_string(),
            }]),
        }
    }

    /// The same of a text.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn parse(file: &str, text: &str) -> Result<Self, Vec<Problem>> {
        let mut reading = Reading {
            file,
            text,
            wrong: Vec::new(),
        };
        let mut rules = Vec::new();
        match DeTable::parse(text) {
            Ok(table) => reading.file(table.get_ref(), &mut rules),
            Err(error) => {
                let at = error.span().map_or(0, |span| span.start);
                reading.complain(at, error.message().to_owned());
            }
        }
        match reading.wrong.is_empty() {
            true => Ok(Self(rules)),
            false => Err(reading.wrong),
        }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// Whether any asks for files, which takes more to find than functions.
    pub(crate) fn ask_files(&self) -> bool {
        self.0.iter().any(|rule| rule.file.is_some())
    }

    fn of<'a>(&'a self, app: &'a str) -> impl Iterator<Item = &'a Rule> {
        let of_app = move |rule: &&Rule| rule.app.as_deref().is_none_or(|of| of == app);
        self.0.iter().filter(of_app)
    }

    /// What the rules of the house look at; names of the rules that took part are put into `took`.
    pub(super) fn frames(
        &self,
        app: &str,
        frames: Vec<Frame>,
        took: &mut BTreeSet<String>,
    ) -> Vec<Frame> {
        let mut left = Vec::with_capacity(frames.len());
        'frames: for mut frame in frames {
            for rule in self.of(app).filter(|rule| rule.message.is_none()) {
                if !rule.is_about(&frame) {
                    continue;
                }
                let before = frame.clone();
                match &rule.does {
                    Does::Own => frame.owner = Owner::App,
                    Does::NotOwn => frame.owner = Owner::Library,
                    Does::Skip => {
                        took.insert(rule.name.clone());
                        continue 'frames;
                    }
                    Does::Same(prefix, instead) => {
                        if let Some(called) = &mut frame.called
                            && let Some(rest) = called.path.strip_prefix(prefix.as_str())
                        {
                            called.path = format!("{instead}{rest}").into();
                        }
                    }
                    Does::Message(_) => {}
                }
                if frame != before {
                    took.insert(rule.name.clone());
                }
            }
            left.push(frame);
        }
        left
    }

    /// What a panic says instead, if a rule says so.
    pub(super) fn message(
        &self,
        app: &str,
        message: &str,
        took: &mut BTreeSet<String>,
    ) -> Option<String> {
        let line = message.lines().next().unwrap_or_default().trim();
        let rule = self.of(app).find(|rule| {
            let pattern = rule.message.as_ref();
            pattern.is_some_and(|pattern| pattern.matches(line))
        })?;
        let Does::Message(instead) = &rule.does else {
            return None;
        };
        took.insert(rule.name.clone());
        Some(instead.clone())
    }
}

impl Rule {
    /// Whether a frame is as all of its patterns say.
    fn is_about(&self, frame: &Frame) -> bool {
        let says = |pattern: &Option<Glob>, text: Option<&str>| {
            let pattern = pattern.as_ref();
            pattern.is_none_or(|pattern| text.is_some_and(|text| pattern.matches(text)))
        };
        let path = |called: &Called| called.path.to_string();
        let function = frame.called.as_ref().map(path);
        let module = frame.module.as_ref().map(|module| module.as_str());
        says(&self.function, function.as_deref())
            && says(&self.module, module)
            && says(&self.file, frame.file.as_deref())
    }
}

/// What may stand in a rule.
const FIELDS: [&str; 8] = [
    "name", "app", "function", "module", "file", "message", "do", "as",
];
/// What a rule may do.
const DEEDS: [&str; 5] = ["own", "not-own", "skip", "same", "message"];

struct Reading<'a> {
    file: &'a str,
    text: &'a str,
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

    fn stranger(&mut self, at: usize, name: &str, known: &[&str]) {
        let meant = nearest(name, known.iter().copied());
        let what = match meant {
            Some(meant) => format!("{name} is not known; did you mean {meant}?"),
            None => format!("{name} is not known; there are {}", known.join(", ")),
        };
        self.complain(at, what);
    }

    fn file(&mut self, table: &DeTable<'_>, rules: &mut Vec<Rule>) {
        let mut version = false;
        for (key, value) in table {
            match (key.get_ref().as_ref(), value.get_ref()) {
                ("version", DeValue::Integer(number)) if number.to_string() == VERSION => {
                    version = true;
                }
                ("version", _) => {
                    version = true;
                    let what = format!("this collector reads version {VERSION}");
                    self.complain(value.span().start, what);
                }
                ("rule", DeValue::Array(all)) => {
                    for one in all.iter() {
                        self.rule(one, rules);
                    }
                }
                ("rule", _) => {
                    let what = "rules stand as [[rule]]".to_owned();
                    self.complain(value.span().start, what);
                }
                (name, _) => self.stranger(key.span().start, name, &["version", "rule"]),
            }
        }
        if !version {
            self.complain(0, format!("say version = {VERSION} first"));
        }
    }

    fn rule(&mut self, value: &Spanned<DeValue<'_>>, rules: &mut Vec<Rule>) {
        let at = value.span().start;
        let DeValue::Table(table) = value.get_ref() else {
            return self.complain(at, "rules stand as [[rule]]".to_owned());
        };
        let mut texts: [Option<(String, usize)>; 8] = Default::default();
        for (key, value) in table {
            let name = key.get_ref().as_ref();
            let Some(place) = FIELDS.iter().position(|field| *field == name) else {
                self.stranger(key.span().start, name, &FIELDS);
                continue;
            };
            match value.get_ref() {
                DeValue::String(text) if !text.is_empty() => {
                    texts[place] = Some((text.to_string(), value.span().start));
                }
                _ => {
                    let what = format!("{name} has to be a text in quotes");
                    self.complain(value.span().start, what);
                }
            }
        }
        let [name, app, function, module, file, message, does, instead] = texts;
        let Some((name, named)) = name else {
            return self.complain(at, "a rule needs a name".to_owned());
        };
        if rules.iter().any(|rule| rule.name == name) {
            return self.complain(named, format!("another rule is called {name}"));
        }
        let Some((does, said)) = does else {
            let what = format!("{name} has to say what to do: {}", DEEDS.join(", "));
            return self.complain(at, what);
        };
        if !DEEDS.contains(&does.as_str()) {
            return self.stranger(said, &does, &DEEDS);
        }
        let is_message = does == "message";
        let of_frame = function.is_some() || module.is_some() || file.is_some();
        if is_message != message.is_some() || is_message == of_frame {
            let what = match is_message {
                true => format!("{name} needs message, and nothing of a frame"),
                false => format!("{name} needs function, module or file, and no message"),
            };
            return self.complain(said, what);
        }
        let asks_instead = matches!(does.as_str(), "same" | "message");
        if asks_instead != instead.is_some() {
            let what = match asks_instead {
                true => format!("{name} needs as: what stands there instead"),
                false => format!("{name} says as, which only same and message need"),
            };
            return self.complain(said, what);
        }
        let instead = instead.map(|(text, _)| text).unwrap_or_default();
        let does = match does.as_str() {
            "own" => Does::Own,
            "not-own" => Does::NotOwn,
            "skip" => Does::Skip,
            "message" => Does::Message(instead),
            _ => {
                let prefix = function
                    .as_ref()
                    .and_then(|(text, _)| text.strip_suffix('*'));
                match prefix.filter(|prefix| !prefix.is_empty() && !prefix.contains(['*', '?'])) {
                    Some(prefix) => Does::Same(prefix.to_owned(), instead),
                    None => {
                        let what = format!("{name} needs a function that ends with its only *");
                        return self.complain(said, what);
                    }
                }
            }
        };
        let glob = |text: Option<(String, usize)>| text.map(|(text, _)| Glob::new(&text));
        rules.push(Rule {
            name,
            app: app.map(|(text, _)| text),
            function: glob(function),
            module: glob(module),
            file: glob(file),
            message: glob(message),
            does,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{panic, panic_by, segv, segv_by};
    use super::*;
    use proptest::prelude::*;

    const FILE: &str = r#"
version = 1

[[rule]]
name = "vendored"
function = "parser::*"
do = "not-own"

[[rule]]
name = "our-c"
module = "libc.so*"
function = "im_*"
do = "own"

[[rule]]
name = "logging"
function = "im::log::*"
do = "skip"

[[rule]]
name = "queue"
function = "im::queue_v2::*"
do = "same"
as = "im::queue::"

[[rule]]
name = "database"
message = "database * is locked*"
do = "message"
as = "the database is locked"

[[rule]]
name = "of another app"
app = "other"
function = "*"
do = "skip"
"#;

    fn rules() -> Rules {
        Rules::parse("rules.toml", FILE).unwrap()
    }

    fn wrong(text: &str) -> String {
        let problems = Rules::parse("rules.toml", text).unwrap_err();
        let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
        problems.join("\n")
    }

    #[test]
    fn frames_are_skipped_renamed_and_given_to_others() {
        let rules = rules();
        let took = |grouped: &super::super::Grouped| grouped.why.by_file.join(" ");
        // Two ways into one fault that only differ in what was logged, and one that was renamed.
        let plain = segv_by(&rules, "im::queue::take\nim::main");
        for (frames, by) in [
            ("im::log::flush\nim::queue::take\nim::main", "logging"),
            (
                "im::log::flush\nim::queue_v2::take\nim::main",
                "logging queue",
            ),
        ] {
            let other = segv_by(&rules, frames);
            assert_eq!((other.id, took(&other)), (plain.id, by.to_owned()));
            assert_eq!(other.before, Some(segv(frames).id));
        }
        assert_eq!((plain.before, took(&plain)), (None, String::new()));
        // A library's code is not blamed, and the app's own is, wherever it stands.
        let vendored = segv_by(&rules, "parser::next\nim::load");
        assert_eq!(
            (vendored.culprit.as_str(), took(&vendored)),
            ("im::load", "vendored".to_owned())
        );
        let own = segv_by(&rules, "libc.so.6 im_decode\nim::load");
        assert_eq!(own.culprit, "im_decode");
        assert_eq!(segv("libc.so.6 im_decode\nim::load").culprit, "im::load");
    }

    #[test]
    fn messages_that_a_template_matches_are_one() {
        let rules = rules();
        let first = panic_by(&rules, "database main is locked by reader", "");
        let second = panic_by(&rules, "database cache is locked\nsince 5 s", "");
        assert_eq!(
            (first.id, first.title.as_str()),
            (second.id, "panic: the database is locked")
        );
        assert_eq!(first.why.by_file, ["database"]);
        let other = panic_by(&rules, "database main is gone", "");
        assert_eq!(other, panic("database main is gone", ""));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line_and_what_may_have_been_meant() {
        for (text, said) in [
            (
                "version = 2",
                "rules.toml:1: this collector reads version 1",
            ),
            ("", "rules.toml:1: say version = 1 first"),
            (
                "version = 1\nrules = 3",
                "rules.toml:2: rules is not known; did you mean rule?",
            ),
            (
                "version = 1\n[[rule]]\nname = \"a\"\nfunctoin = \"x\"\ndo = \"skip\"\nmodule = \"m\"",
                "rules.toml:4: functoin is not known; did you mean function?",
            ),
            (
                "version = 1\n[[rule]]\nname = \"a\"\nfunction = \"x\"\ndo = \"skp\"",
                "rules.toml:5: skp is not known; did you mean skip?",
            ),
            (
                "version = 1\n[[rule]]\nname = \"a\"\ndo = \"own\"",
                "rules.toml:4: a needs function, module or file, and no message",
            ),
            (
                "version = 1\n[[rule]]\nname = \"a\"\nfunction = \"a*b*\"\ndo = \"same\"\nas = \"c\"",
                "rules.toml:5: a needs a function that ends with its only *",
            ),
            (
                "version = 1\n[[rule]]\nname = \"a\"\nmessage = \"x\"\ndo = \"message\"",
                "rules.toml:5: a needs as: what stands there instead",
            ),
            ("version = 1\n[[rule]]\ndo = \"own\"", "a rule needs a name"),
            ("version = 1\n[[rule", "rules.toml:2: "),
        ] {
            assert!(wrong(text).contains(said), "{text}: {}", wrong(text));
        }
        let twice = format!("{FILE}\n[[rule]]\nname = \"queue\"\nfunction = \"a\"\ndo = \"own\"");
        assert!(wrong(&twice).contains("another rule is called queue"));
    }

    proptest! {
        #[test]
        fn whatever_a_file_says_it_is_read_or_refused(text in "(version = 1\n)?(\\[\\[rule\\]\\]\n)?((name|do|as|function|message) = \"[a-z*]{0,6}\"\n){0,5}.{0,20}") {
            if let Err(problems) = Rules::parse("f", &text) {
                prop_assert!(problems.iter().all(|problem| problem.line.is_some()));
            }
        }

        #[test]
        fn rules_that_match_nothing_change_nothing(names in proptest::collection::vec("im::[a-k]{1,4}::[a-k]{1,4}", 0..6)) {
            let frames = names.join("\n");
            let rules = rules();
            prop_assert_eq!(segv_by(&rules, &frames), segv(&frames));
        }
    }
}
