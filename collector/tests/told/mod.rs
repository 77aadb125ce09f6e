//! What reports of these stories say.

use candor_protocol::deidentify::CleanText;
use candor_protocol::report::{Cause, Circumstances, Crash, Stack, Thread, What};

/// A panic that ended its process and says `message`: one issue for every message.
pub(crate) fn panicked(message: &str) -> What {
    What::Crash(Crash {
        cause: Cause::Panic {
            message: CleanText::scrub(message),
            at: None,
            signal: None,
        },
        fatal: true,
        thread: Thread {
            main: true,
            name: None,
            stack: Stack::default(),
        },
        others: Vec::new(),
        modules: Vec::new(),
        uptime_ms: 1_500,
        around: Circumstances::default(),
        crumbs: Vec::new(),
        notes: Vec::new(),
    })
}
