//! What the writing thread is asked to do.

use crate::access::{KeyHash, KeyId};
use crate::store::IssueId;
use crate::store::triage::{By, Change};
use crate::store::{
    Arrival, Expired, Expiry, Incoming, Kept, Move, Part, Quarantine, StoreError, Waiting,
};
use candor_protocol::deidentify::{AppName, Pseudonym};
use tokio::sync::oneshot;

/// Where the answer goes. Whoever asked may have gone; then nobody hears it.
pub(super) type Done<T> = oneshot::Sender<Result<T, StoreError>>;

/// What the writing thread is asked to do.
pub(super) enum Job {
    AddApp {
        app: AppName,
        key: KeyHash,
        done: Done<()>,
    },
    Keep {
        app: AppName,
        reports: Vec<Incoming>,
        arrived: Arrival,
        done: Done<Kept>,
    },
    CountRefused {
        app: AppName,
        reason: &'static str,
        reports: u32,
        arrived: Arrival,
        done: Done<()>,
    },
    Erase {
        app: AppName,
        pseudonyms: Vec<Pseudonym>,
        arrived: u64,
        done: Done<u64>,
    },
    ErasePart {
        app: AppName,
        part: Part,
        arrived: u64,
        done: Done<u64>,
    },
    Expire {
        app: AppName,
        expiry: Expiry,
        done: Done<Expired>,
    },
    Quarantine {
        app: AppName,
        reports: Vec<Quarantine>,
        arrived: Arrival,
        done: Done<()>,
    },
    AddKey {
        app: AppName,
        key: KeyHash,
        since: u64,
        done: Done<()>,
    },
    EndKey {
        app: AppName,
        key: KeyId,
        at: u64,
        done: Done<bool>,
    },
    Triage {
        app: AppName,
        issues: Vec<IssueId>,
        change: Change,
        by: By,
        done: Done<u64>,
    },
    Regroup {
        app: AppName,
        from: IssueId,
        moves: Vec<Move>,
        at: u64,
        done: Done<u64>,
    },
    Relate {
        app: AppName,
        before: IssueId,
        now: IssueId,
        at: u64,
        done: Done<()>,
    },
    Settle {
        app: AppName,
        issue: IssueId,
        waiting: Vec<Waiting>,
        at: u64,
        done: Done<()>,
    },
    /// Writes, and changes nothing.
    Probe {
        done: Done<()>,
    },
    Stop {
        done: Done<()>,
    },
}

impl Job {
    /// Whether the log holds afterwards what is to be gone.
    pub(super) fn forgets(&self) -> bool {
        matches!(
            self,
            Self::Erase { .. } | Self::ErasePart { .. } | Self::Expire { .. }
        )
    }

    /// How much it adds to a transaction.
    pub(super) fn weight(&self) -> usize {
        match self {
            Self::Keep { reports, .. } => reports.len(),
            Self::Regroup { moves, .. } => moves.len(),
            // Alone in its transaction: it may change much.
            Self::ErasePart { .. } | Self::Expire { .. } => usize::MAX / 2,
            _ => 1,
        }
    }
}

/// An answer that is given once the transaction is on disk.
pub(super) enum Pending {
    Nothing(Done<()>, Result<(), StoreError>),
    Kept(Done<Kept>, Result<Kept, StoreError>),
    /// How many reports or issues it was done to.
    Done(Done<u64>, u64),
    Ended(Done<bool>, bool),
    Expired(Done<Expired>, Expired),
}

impl Pending {
    pub(super) fn commit(self) {
        // A receiver that is gone belongs to a request that was given up.
        let _ = match self {
            Self::Nothing(done, answer) => done.send(answer).is_ok(),
            Self::Kept(done, kept) => done.send(kept).is_ok(),
            Self::Done(done, many) => done.send(Ok(many)).is_ok(),
            Self::Ended(done, known) => done.send(Ok(known)).is_ok(),
            Self::Expired(done, expired) => done.send(Ok(expired)).is_ok(),
        };
    }

    pub(super) fn fail(self, error: &StoreError) {
        let error = error.clone();
        let _ = match self {
            Self::Nothing(done, _) => done.send(Err(error)).is_ok(),
            Self::Kept(done, _) => done.send(Err(error)).is_ok(),
            Self::Done(done, _) => done.send(Err(error)).is_ok(),
            Self::Ended(done, _) => done.send(Err(error)).is_ok(),
            Self::Expired(done, _) => done.send(Err(error)).is_ok(),
        };
    }
}

impl Job {
    /// Answers that it was not done.
    pub(super) fn fail(self, error: &StoreError) {
        let error = error.clone();
        let _ = match self {
            Self::AddApp { done, .. }
            | Self::CountRefused { done, .. }
            | Self::Quarantine { done, .. }
            | Self::AddKey { done, .. }
            | Self::Settle { done, .. }
            | Self::Relate { done, .. }
            | Self::Probe { done }
            | Self::Stop { done } => done.send(Err(error)).is_ok(),
            Self::Keep { done, .. } => done.send(Err(error)).is_ok(),
            Self::EndKey { done, .. } => done.send(Err(error)).is_ok(),
            Self::Erase { done, .. }
            | Self::ErasePart { done, .. }
            | Self::Triage { done, .. }
            | Self::Regroup { done, .. } => done.send(Err(error)).is_ok(),
            Self::Expire { done, .. } => done.send(Err(error)).is_ok(),
        };
    }
}
