//! From a report to the issue it belongs to. Pure; every rule has a name with a version, so that a better rule can be
//! added beside it.
//!
//! What never counts: lines and addresses of named code, hashes, generic arguments, releases, and functions that were
//! inlined (which ones are is a matter of how a build was made). What counts is in [`Explanation`].

#[cfg(test)]
mod corpus;
mod crash;
mod frames;
mod freeze;
mod glob;
mod message;
mod rules;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

pub use frames::Frame;
pub use rules::Rules;

use crate::store::{IssueId, IssueKind};
use candor_protocol::report::{Cause, Module, Report, Stack, What};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::cell::RefCell;
use std::collections::BTreeSet;

/// The issue that a report belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grouped {
    /// Stands for the issue: a hash of everything in `why`.
    pub id: IssueId,
    /// Its kind.
    pub kind: IssueKind,
    /// What happened, such as `SIGSEGV (null pointer) in im::history::parse_header`.
    pub title: String,
    /// The function that is blamed, or where it is; empty when nothing is known.
    pub culprit: String,
    /// Why.
    pub why: Explanation,
    /// The issue that it would belong to without a developer's rules, where that is another one.
    pub before: Option<IssueId>,
}

/// Why reports are one issue: they agree in all of this.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Explanation {
    /// Name and version of the rule, such as `signal-own-frames-v1`.
    pub rule: String,
    /// What they agree in besides frames, such as the signal, or what was waited for.
    pub facts: Vec<String>,
    /// The frames that contributed, in the order in which they count.
    pub frames: Vec<String>,
    /// Names of a developer's rules that took part when the issue was seen first. They do not count.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub by_file: Vec<String>,
}

/// What the names of rules begin with that go by frames of the app's own code.
const OWN: [&str; 3] = [
    "panic-own-frames-",
    "signal-own-frames-",
    "freeze-outermost-frames-",
];

/// The issue that `report` belongs to; `None` when it is neither a crash nor a freeze. `name` gives names to the frames of
/// a stack.
pub fn group<F: Into<Frame>>(
    report: &Report,
    name: impl Fn(&Stack, &[Module]) -> Vec<F>,
) -> Option<Grouped> {
    let name = |stack: &Stack, modules: &[Module]| {
        let frames = name(stack, modules).into_iter();
        frames.map(Into::into).collect()
    };
    group_as(report, None, name)
}

/// The same, with a developer's rules for the app.
pub fn group_by<F: Into<Frame>>(
    report: &Report,
    rules: &Rules,
    app: &str,
    name: impl Fn(&Stack, &[Module]) -> Vec<F>,
) -> Option<Grouped> {
    if rules.count() == 0 {
        return group(report, name);
    }
    let took: RefCell<BTreeSet<String>> = RefCell::default();
    let message = match &report.what {
        What::Crash(crash) => match &crash.cause {
            Cause::Panic { message, .. } => {
                rules.message(app, message.as_str(), &mut took.borrow_mut())
            }
            Cause::Signal { .. } => None,
        },
        _ => None,
    };
    let mut now = group_as(report, message.as_deref(), |stack, modules| {
        let frames = name(stack, modules).into_iter().map(Into::into).collect();
        rules.frames(app, frames, &mut took.borrow_mut())
    })?;
    let took = took.into_inner();
    if !took.is_empty() {
        let before = group(report, name)?.id;
        now.before = (before != now.id).then_some(before);
        now.why.by_file = took.into_iter().collect();
    }
    Some(now)
}

/// `message` is what a panic is taken to say instead of what it says.
fn group_as(
    report: &Report,
    message: Option<&str>,
    name: impl Fn(&Stack, &[Module]) -> Vec<Frame>,
) -> Option<Grouped> {
    match &report.what {
        What::Crash(crash) => {
            let stack = name(&crash.thread.stack, &crash.modules);
            Some(crash::group(crash, message, &stack))
        }
        What::Freeze(freeze) => {
            let stacks = freeze.stacks.iter();
            let stacks = stacks
                .map(|seen| (seen.weight(), name(&seen.stack, &freeze.modules)))
                .collect();
            Some(freeze::group(freeze, stacks))
        }
        What::Connection(_) | What::Run(_) | What::Loss(_) => None,
    }
}

impl Explanation {
    /// Whether frames of the app's own code made them one.
    pub fn is_own(&self) -> bool {
        OWN.iter().any(|rule| self.rule.starts_with(rule))
    }

    fn new(rule: &str, facts: Vec<String>, frames: Vec<String>) -> Self {
        Self {
            rule: rule.to_owned(),
            facts,
            frames,
            by_file: Vec::new(),
        }
    }

    /// Two explanations have the same id when they are equal but for `by_file`, and for all practical purposes only then.
    fn id(&self, kind: IssueKind) -> IssueId {
        let mut hash = Sha256::new();
        let mut part = |text: &str| {
            hash.update((text.len() as u64).to_le_bytes());
            hash.update(text);
        };
        part(kind.as_str());
        part(&self.rule);
        for list in [&self.facts, &self.frames] {
            part(&list.len().to_string());
            list.iter().for_each(|text| part(text));
        }
        let digest: [u8; 32] = hash.finalize().into();
        let [a, b, c, d, e, f, g, h, ..] = digest;
        IssueId(u64::from_be_bytes([a, b, c, d, e, f, g, h]))
    }

    fn grouped(self, kind: IssueKind, title: String, culprit: String) -> Grouped {
        Grouped {
            id: self.id(kind),
            kind,
            title,
            culprit,
            why: self,
            before: None,
        }
    }
}
