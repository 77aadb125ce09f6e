//! From a report to the issue it belongs to. Pure; every rule has a name with a version, so that a better rule can be
//! added beside it.
//!
//! What never counts: lines, addresses of named code, hashes, generic arguments, releases, and who a client says a frame
//! belongs to. What counts is in [`Explanation`].

use crate::store::{IssueId, IssueKind};
use serde::{Deserialize, Serialize};

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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explanation {
    /// Name and version of the rule, such as `signal-own-frames-v1`.
    pub rule: String,
    /// What they agree in besides frames, such as the signal, or what was waited for.
    pub facts: Vec<String>,
    /// The frames that contributed, in the order in which they count.
    pub frames: Vec<String>,
}
