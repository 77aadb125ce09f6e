//! What was recorded and could not be kept.

use candor_protocol::report::{self, LossReason, Lost};
use serde::Serialize;

/// Reports that were lost.
#[derive(Debug, Serialize)]
pub(crate) struct Loss {
    pub(crate) lost: Vec<Lost>,
}

impl Loss {
    pub(crate) fn of(loss: &report::Loss) -> Self {
        let mut lost = loss.lost.clone();
        lost.sort_by_key(|lost| (std::cmp::Reverse(lost.count), lost.kind, lost.reason));
        Self { lost }
    }
}

/// What a reason means.
pub(crate) const fn meaning(reason: LossReason) -> &'static str {
    match reason {
        LossReason::SpoolFull => "the spool was full; the least valuable went first",
        LossReason::TooOld => "waited longer than reports are kept",
        LossReason::Capped => "more happened at once than is recorded",
        LossReason::Disk => "the disk refused it",
        LossReason::Refused => "the collector refused it",
        LossReason::TooLarge => "larger than a report may be",
        LossReason::Damaged => "damaged on the disk",
    }
}
