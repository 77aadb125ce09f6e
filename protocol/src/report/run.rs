//! A run: one life of the host process.

use super::crash::Circumstances;
use super::crumb::{self, Crumb};
use super::words;
use crate::limits;
use serde::{Deserialize, Serialize};

/// One life of the host process. Sent when it starts, without an exit, and once more when the exit is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Run {
    /// How it ended. Missing while it lasts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit: Option<Exit>,
    /// Milliseconds it lasted, as far as is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uptime_ms: Option<u64>,
    /// What is known of its last moments, where it was ended from outside and left no crash or freeze that could tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<Last>,
}

/// The last that is known of a run.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Last {
    /// How the app and the machine stood.
    #[serde(default, skip_serializing_if = "Circumstances::are_unknown")]
    pub around: Circumstances,
    /// What the app had done before, oldest first. Times are relative to the last sign of life.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub crumbs: Vec<Crumb>,
}

impl Run {
    pub(super) fn check(&self) -> Result<(), &'static str> {
        let Some(last) = &self.last else {
            return Ok(());
        };
        last.around.check()?;
        crumb::check(&last.crumbs, limits::RUN_CRUMBS)
    }
}

words! {
    /// How a run ended.
    pub enum Exit {
        /// By its own decision.
        Clean = "clean",
        /// By a panic or a fatal signal.
        Crash = "crash",
        /// Killed while a watched thread stood still.
        FreezeKill = "freeze_kill",
        /// Killed for lack of memory: only with evidence.
        OutOfMemory = "out_of_memory",
        /// Killed by the system or the user.
        Killed = "killed",
        /// The machine rebooted or lost power.
        Reboot = "reboot",
        /// The app was replaced while it ran.
        Updated = "updated",
        /// Not known.
        Unknown = "unknown",
    }
}
