//! What one store hands to another, when everything moves.

use super::IssueKind;
use crate::access::KeyHash;
use candor_protocol::deidentify::AppName;
use sha2::{Digest, Sha256};

/// An app.
pub(super) struct MovedApp {
    /// Its number where it comes from.
    pub(super) number: i64,
    pub(super) name: AppName,
    pub(super) keys: Vec<MovedKey>,
    /// When a batch was last kept, to the minute.
    pub(super) last_batch: Option<u64>,
    pub(super) reports: u64,
}

/// An ingest key.
pub(super) struct MovedKey {
    pub(super) hash: KeyHash,
    pub(super) since: Option<u64>,
    pub(super) until: Option<u64>,
}

/// A report, and where it was counted.
pub(super) struct MovedReport {
    pub(super) id: [u8; 16],
    pub(super) at: u64,
    /// To the hour.
    pub(super) arrived: u64,
    pub(super) run: [u8; 16],
    pub(super) pseudonym: [u8; 16],
    pub(super) release: String,
    pub(super) os: String,
    pub(super) device: String,
    pub(super) kind: String,
    /// Of a crash or a freeze; else 0.
    pub(super) issue: u64,
    pub(super) body: String,
}

impl MovedReport {
    /// Of what it says, when it arrived, and its issue: the first eight bytes of a SHA-256. Sums of them by exclusive or tell whether
    /// the same reports are on both sides.
    pub(super) fn checksum(&self) -> u64 {
        let text = format!("{}{} {}", self.body, self.arrived, self.issue);
        let hash = Sha256::digest(text);
        let first = hash.first_chunk::<8>().copied().unwrap_or_default();
        u64::from_le_bytes(first)
    }
}

/// What an issue is.
pub(super) struct MovedIssue {
    pub(super) id: u64,
    pub(super) kind: String,
    pub(super) title: String,
    pub(super) culprit: String,
    pub(super) why: String,
}

/// What was erased, as a hash.
pub(super) enum Grave {
    Installation([u8; 32]),
    /// Of a release, or zeros for all; from its first second to before its last.
    Part([u8; 32], u64, u64),
}

/// Something that is counted, with what stands behind it. Sums are JSON.
pub(super) enum Counted {
    Run {
        id: [u8; 16],
        pseudonym: [u8; 16],
        started: bool,
        class: RunClass,
    },
    Runs {
        class: RunClass,
        runs: i64,
    },
    Fault {
        at: u64,
        release: String,
        fault: String,
        reports: i64,
    },
    Issue {
        issue: u64,
        kind: Option<IssueKind>,
        at: u64,
        release: String,
        os: String,
        device: String,
        reports: i64,
        fatal: i64,
    },
    Freezes {
        at: u64,
        issue: u64,
        sum: String,
    },
    Connections {
        grain: u8,
        at: u64,
        cell: super::ConnectionCell,
        attempts: i64,
        ready: i64,
        sum: String,
    },
    Minute {
        at: u64,
        name: String,
        endpoint: String,
        installs: i64,
        reconnects: i64,
    },
    Ledger {
        day: u64,
        key: String,
        what: String,
        kind: String,
        reason: String,
        reports: i64,
    },
    Unnamed {
        build: String,
        issue: u64,
        release: String,
        module: String,
        met: i64,
    },
    Leak {
        day: u64,
        release: String,
        field: String,
        reason: String,
        reports: i64,
    },
}

/// Where runs are counted.
pub(super) struct RunClass {
    pub(super) at: u64,
    pub(super) release: String,
    pub(super) os: String,
    pub(super) device: String,
    pub(super) exit: String,
    pub(super) frozen: bool,
    pub(super) run_ms: i64,
}
