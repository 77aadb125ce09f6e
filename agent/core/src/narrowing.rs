//! What the collector asked to leave out, remembered so that it is obeyed after a restart too.

use crate::consent::Permit;
use crate::files::{self, Files};
use candor_protocol::answer::Narrowing;

pub(crate) fn load(files: &Files) -> Narrowing {
    files::load(&files.narrowing()).unwrap_or_default()
}

/// Remembers what the last answer said. Whether that is news.
pub(crate) fn remember(permit: &Permit<'_>, files: &Files, said: &Narrowing) -> bool {
    if load(files) == *said {
        return false;
    }
    if *said == Narrowing::default() {
        std::fs::remove_file(files.narrowing()).is_ok()
    } else {
        files::save(permit, &files.narrowing(), said).is_ok()
    }
}
