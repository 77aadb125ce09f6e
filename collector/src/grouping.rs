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
mod message;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

pub use frames::Frame;

use crate::store::{IssueId, IssueKind};
use candor_protocol::report::{Module, Report, Stack, What};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

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
    let name = |stack, modules| {
        name(stack, modules)
            .into_iter()
            .map(Into::into)
            .collect::<Vec<Frame>>()
    };
    match &report.what {
        What::Crash(crash) => {
            let stack = name(&crash.thread.stack, &crash.modules);
            Some(crash::group(crash, &stack))
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
        }
    }

    /// Two explanations have the same id when they are equal, and for all practical purposes only then.
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
        }
    }
}
