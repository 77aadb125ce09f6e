//! A run: one life of the host process.

use super::words;
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
