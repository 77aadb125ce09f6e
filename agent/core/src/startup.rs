//! Apps that crash as soon as they start: their next start may be the only chance to tell of it.

use crate::capture::past::{self, Past};
use crate::consent::Permit;
use crate::files::{self, Files};
use candor_protocol::deidentify::RunId;
use candor_protocol::report::Exit;
use serde::{Deserialize, Serialize};

/// A crash so soon after the start of a run is one of starting up, in milliseconds: the app may never come so far that a
/// report of it can be sent.
const STARTING_MS: u64 = 10_000;
/// So many of them in a row are noticed.
const IN_A_ROW: u32 = 2;

/// Crashes of starting up, one after the other, that were told of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Streak {
    crashes: u32,
}

impl Streak {
    pub(crate) fn load(files: &Files) -> Self {
        files::load(&files.startup()).unwrap_or_default()
    }

    /// After another run that ended so.
    #[must_use]
    pub(crate) fn after(self, exit: Exit, uptime_ms: u64) -> Self {
        Self {
            crashes: if exit == Exit::Crash && uptime_ms < STARTING_MS {
                self.crashes.saturating_add(1)
            } else {
                0
            },
        }
    }

    /// Keeps it, if it is not what is kept.
    pub(crate) fn save(self, permit: &Permit<'_>, files: &Files) {
        if self == Self::load(files) {
            return;
        }
        let _ = match self.crashes {
            0 => std::fs::remove_file(files.startup()),
            _ => files::save(permit, &files.startup(), &self),
        };
    }
}

/// Whether the last runs crashed while they were starting up, those that were told of and those that were not. Cheap where
/// nothing has crashed.
pub(crate) fn keeps_crashing(files: &Files, current: &RunId) -> bool {
    let streak = past::list(files, Some(current))
        .iter()
        .fold(Streak::load(files), |streak, past| {
            streak.after(crashed(past), past.dump.uptime_ms)
        });
    streak.crashes >= IN_A_ROW
}

/// Whether a run crashed; nothing else about its end matters here.
fn crashed(past: &Past) -> Exit {
    past.exit(&past::Now::default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crashes_of_starting_up_count_while_nothing_else_comes_between() {
        let one = Streak::default().after(Exit::Crash, 300);
        assert_eq!(one.after(Exit::Crash, 9_000), Streak { crashes: 2 });
        for (exit, uptime_ms) in [
            (Exit::Crash, 60_000),
            (Exit::Killed, 300),
            (Exit::Clean, 300),
        ] {
            assert_eq!(one.after(exit, uptime_ms), Streak::default());
        }
    }
}
