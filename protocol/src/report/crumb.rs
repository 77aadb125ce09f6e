//! Breadcrumbs: what the app did before something happened, in words of its developer's closed list.

use crate::deidentify::{Amount, Name};
use crate::limits;
use serde::{Deserialize, Serialize};

/// Something that the app did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Crumb {
    /// What, as the developer named it in the code.
    pub name: Name,
    /// Milliseconds before the crash, not counting time in which the machine was suspended.
    pub before_ms: u64,
    /// What the developer tells with it, at most two.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<CrumbValue>,
}

/// One value that goes with a breadcrumb. There are no texts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum CrumbValue {
    /// How much of something.
    Number {
        /// Of what, as the developer named it in the code.
        name: Name,
        /// How much.
        is: Amount,
    },
    /// Which one of a closed list.
    Word {
        /// Of what, as the developer named it in the code.
        name: Name,
        /// The word, as the developer wrote it in the code.
        is: Name,
    },
}

pub(super) fn check(crumbs: &[Crumb], most: usize) -> Result<(), &'static str> {
    if crumbs.len() > most {
        return Err("a report lists more breadcrumbs than are accepted");
    }
    if crumbs
        .iter()
        .any(|crumb| crumb.values.len() > limits::CRUMB_VALUES)
    {
        return Err("a breadcrumb has more values than are accepted");
    }
    Ok(())
}
