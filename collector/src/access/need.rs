//! What a question needs, and who meets that. Pure.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// What whoever asks something must be allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Need {
    /// Nothing: it says nothing of any app, or it is the way in.
    Nothing,
    /// An ingest key, which the handler looks at itself.
    IngestKey,
    /// To be a person who signed in.
    SignedIn,
    /// To see counts, rates and issues.
    Aggregates,
    /// To see what a single installation reported.
    Reports,
    /// To change the state of issues.
    Triage,
    /// To add symbol files.
    Symbols,
    /// Everything else: settings, keys, people, erasures.
    Admin,
}

/// What a person is to the collector. Each one may do what those before it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Sees aggregates.
    Viewer,
    /// Sees single reports as well, and changes the states of issues.
    Triager,
    /// May do everything.
    Admin,
}

impl Role {
    /// All of them, from the one who may do least.
    pub const ALL: [Self; 3] = [Self::Viewer, Self::Triager, Self::Admin];

    /// Its word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Triager => "triager",
            Self::Admin => "admin",
        }
    }

    /// Whether a person of this role may ask what needs `need`.
    pub const fn meets(self, need: Need) -> bool {
        match need {
            Need::Nothing | Need::SignedIn | Need::Aggregates => true,
            Need::Reports | Need::Triage => matches!(self, Self::Triager | Self::Admin),
            Need::Symbols | Need::Admin => matches!(self, Self::Admin),
            Need::IngestKey => false,
        }
    }
}

impl FromStr for Role {
    type Err = &'static str;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        let mut all = Self::ALL.into_iter();
        all.find(|role| role.as_str() == word)
            .ok_or("a role is viewer, triager or admin")
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a program's token is good for. None of them holds another one, but that `admin` holds all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Aggregates.
    Read,
    /// Single reports.
    Reports,
    /// States of issues.
    Triage,
    /// Adding symbol files.
    Symbols,
    /// Everything that a program may ask.
    Admin,
}

impl Scope {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Read,
        Self::Reports,
        Self::Triage,
        Self::Symbols,
        Self::Admin,
    ];

    /// Its word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Reports => "reports",
            Self::Triage => "triage",
            Self::Symbols => "symbols",
            Self::Admin => "admin",
        }
    }

    /// Whether a token with this scope may ask what needs `need`. A token is no person, so it never is signed in.
    pub const fn meets(self, need: Need) -> bool {
        match need {
            Need::Nothing => true,
            Need::IngestKey | Need::SignedIn => false,
            Need::Aggregates => matches!(self, Self::Read | Self::Admin),
            Need::Reports => matches!(self, Self::Reports | Self::Admin),
            Need::Triage => matches!(self, Self::Triage | Self::Admin),
            Need::Symbols => matches!(self, Self::Symbols | Self::Admin),
            Need::Admin => matches!(self, Self::Admin),
        }
    }
}

impl FromStr for Scope {
    type Err = &'static str;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        let mut all = Self::ALL.into_iter();
        all.find(|scope| scope.as_str() == word)
            .ok_or("a scope is read, reports, triage, symbols or admin")
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
