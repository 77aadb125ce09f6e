//! Who asks, and what that one may. Pure.

use super::{Need, PersonName, Role, Scope, SecretHash};
use std::collections::BTreeSet;

/// Who asks something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Visitor {
    /// Somebody who has not said who it is.
    Nobody,
    /// Whoever is at this machine, where nobody is asked who it is; by what the audit trail calls it.
    Anyone(&'static str),
    /// A person who signed in.
    Person(Guest),
    /// A program with a token.
    Program {
        /// What the token is called.
        name: PersonName,
        /// What it is good for.
        scopes: BTreeSet<Scope>,
    },
}

/// A person who signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guest {
    /// Who it is.
    pub name: PersonName,
    /// What that one may do.
    pub role: Role,
    /// The session.
    pub session: SecretHash,
    /// What the forms of this session carry.
    pub form_mark: String,
}

impl Visitor {
    /// Whether this one may ask what needs `need`.
    pub fn may(&self, need: Need) -> bool {
        match self {
            Self::Nobody => need == Need::Nothing,
            Self::Anyone(_) => !matches!(need, Need::SignedIn | Need::IngestKey),
            Self::Person(guest) => guest.role.meets(need),
            Self::Program { scopes, .. } => {
                need == Need::Nothing || scopes.iter().any(|scope| scope.meets(need))
            }
        }
    }

    /// What the audit trail calls this one.
    pub fn who(&self) -> String {
        match self {
            Self::Nobody => "nobody".to_owned(),
            Self::Anyone(part) => (*part).to_owned(),
            Self::Person(guest) => guest.name.to_string(),
            Self::Program { name, .. } => format!("token {name}"),
        }
    }

    /// The person, if it is one.
    pub fn guest(&self) -> Option<&Guest> {
        match self {
            Self::Person(guest) => Some(guest),
            _ => None,
        }
    }
}
