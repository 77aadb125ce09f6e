//! What a run notes about itself when it starts, for whoever tells its end: the dump holds numbers only.

use candor_protocol::deidentify::{Name, Release};
use candor_protocol::report::Device;
use serde::{Deserialize, Serialize};

/// The note of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Note {
    pub(crate) release: Release,
    pub(crate) device: Device,
    /// What the numbers of its breadcrumbs mean.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) crumbs: Vec<NotedKind>,
}

/// A name of a list, as it stands in the note of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NotedKind {
    pub(crate) name: Name,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) values: Vec<NotedField>,
}

/// What one value means, as it stands in the note of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NotedField {
    pub(crate) name: Name,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) words: Vec<Name>,
}
