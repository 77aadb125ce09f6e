//! The ledger: what was recorded, delivered and lost, exactly, whatever kills the process when.
//!
//! A report is recorded in the moment its file appears in the spool: its number is part of the file's name, so that
//! counting needs no second write. A report leaves the spool in two steps: the ledger is replaced by one that counts it
//! and names its file as *settled*, then the file is removed. A process killed in between removes the rest at its next
//! start, without counting again.

use crate::consent::Permit;
use crate::files::{self, Files};
use candor_protocol::deidentify::ReportId;
use candor_protocol::report::{Kind, LossReason, Lost};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Counts of the ledger, on the disk as one JSON file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ledger {
    /// The number that the last settled report of each kind had, at least.
    numbered: BTreeMap<Kind, u64>,
    /// Reports that the collector acknowledged.
    delivered: BTreeMap<Kind, u64>,
    /// Reports that left the spool, or never entered it, for another reason.
    lost: BTreeMap<Kind, BTreeMap<LossReason, u64>>,
    /// Of the lost ones, those that never entered the spool.
    dropped: BTreeMap<Kind, u64>,
    /// Of the lost ones, those that a loss report tells of.
    told: BTreeMap<Kind, BTreeMap<LossReason, u64>>,
    /// Files that were counted and are to be removed.
    settled: Vec<String>,
    /// A loss report whose counts are told and that may not be in the spool yet.
    telling: Option<Telling>,
    /// Runs whose dropped reports were counted.
    folded: Vec<String>,
    /// The last uploads, newest last, for whoever wants to see what was sent and when.
    uploads: Vec<Upload>,
}

/// A loss report on its way into the spool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Telling {
    pub(crate) id: ReportId,
    pub(crate) lost: Vec<Lost>,
}

/// One upload that the collector acknowledged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Upload {
    /// When, in seconds since 1970-01-01 UTC.
    pub at: u64,
    /// Reports in it.
    pub reports: u64,
    /// Bytes on the wire.
    pub bytes: u64,
}

/// How many reports of each kind are where. `recorded = delivered + lost + waiting` for every kind.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Balance {
    /// Seen and made a report, or seen and lost before that.
    pub recorded: BTreeMap<Kind, u64>,
    /// Acknowledged by the collector.
    pub delivered: BTreeMap<Kind, u64>,
    /// Lost, by reason.
    pub lost: BTreeMap<Kind, BTreeMap<LossReason, u64>>,
    /// In the spool.
    pub waiting: BTreeMap<Kind, u64>,
}

/// How many uploads the ledger remembers: a week of hourly ones.
const UPLOADS: usize = 168;

/// How many runs the ledger remembers as counted; more dumps than this cannot lie around.
const FOLDED: usize = 64;

/// A file of the spool, as far as the ledger counts it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Settled {
    pub(crate) file: String,
    pub(crate) kind: Kind,
    pub(crate) number: u64,
}

/// Why a report left the spool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Delivered,
    Lost(LossReason),
}

fn count(counts: &mut BTreeMap<Kind, u64>, kind: Kind, by: u64) {
    if by > 0 {
        let entry = counts.entry(kind).or_default();
        *entry = entry.saturating_add(by);
    }
}

fn count_lost(
    lost: &mut BTreeMap<Kind, BTreeMap<LossReason, u64>>,
    kind: Kind,
    reason: LossReason,
    by: u64,
) {
    if by > 0 {
        let entry = lost.entry(kind).or_default().entry(reason).or_default();
        *entry = entry.saturating_add(by);
    }
}

impl Ledger {
    pub(crate) fn load(files: &Files) -> Self {
        files::load(&files.ledger()).unwrap_or_default()
    }

    pub(crate) fn save(&self, permit: &Permit<'_>, files: &Files) -> std::io::Result<()> {
        files::save(permit, &files.ledger(), self)
    }

    /// The highest number given to a report of `kind` that has left the spool.
    pub(crate) fn numbered(&self, kind: Kind) -> u64 {
        self.numbered.get(&kind).copied().unwrap_or_default()
    }

    /// Files that were counted and may still be there.
    pub(crate) fn settled(&self) -> &[String] {
        &self.settled
    }

    /// Counts reports that leave the spool; their files may be removed once the ledger is saved.
    pub(crate) fn settle(&mut self, leaving: &[Settled], fate: Fate) {
        self.settled.clear();
        for report in leaving {
            let numbered = self.numbered.entry(report.kind).or_default();
            *numbered = (*numbered).max(report.number);
            match fate {
                Fate::Delivered => count(&mut self.delivered, report.kind, 1),
                Fate::Lost(reason) => count_lost(&mut self.lost, report.kind, reason, 1),
            }
            self.settled.push(report.file.clone());
        }
    }

    /// Counts reports that were lost before they reached the spool.
    pub(crate) fn drop_before_spool(&mut self, kind: Kind, reason: LossReason, by: u64) {
        count(&mut self.dropped, kind, by);
        count_lost(&mut self.lost, kind, reason, by);
    }

    /// Counts what a finished run dropped; a second call for the same run does nothing.
    pub(crate) fn fold(
        &mut self,
        run: &str,
        dropped: impl IntoIterator<Item = (Kind, LossReason, u64)>,
    ) {
        if self.folded.iter().any(|folded| folded == run) {
            return;
        }
        for (kind, reason, by) in dropped {
            self.drop_before_spool(kind, reason, by);
        }
        self.folded.push(run.to_owned());
        let too_many = self.folded.len().saturating_sub(FOLDED);
        self.folded.drain(..too_many);
    }

    /// Remembers an upload.
    pub(crate) fn uploaded(&mut self, upload: Upload) {
        self.uploads.push(upload);
        let too_many = self.uploads.len().saturating_sub(UPLOADS);
        self.uploads.drain(..too_many);
    }

    /// The last uploads, newest last.
    pub(crate) fn uploads(&self) -> &[Upload] {
        &self.uploads
    }

    /// Begins to tell the collector of the losses it does not know yet. `None` when there are none, or when one telling
    /// has not reached the spool yet.
    pub(crate) fn begin_telling(&mut self, id: ReportId) -> Option<Telling> {
        if self.telling.is_some() {
            return None;
        }
        let mut untold = Vec::new();
        for (&kind, reasons) in &self.lost {
            for (&reason, &lost) in reasons {
                let told = self
                    .told
                    .get(&kind)
                    .and_then(|told| told.get(&reason))
                    .copied()
                    .unwrap_or_default();
                let by = u32::try_from(lost.saturating_sub(told)).unwrap_or(u32::MAX);
                if by > 0 {
                    untold.push(Lost {
                        kind,
                        reason,
                        count: by,
                    });
                }
            }
        }
        if untold.is_empty() {
            return None;
        }
        for lost in &untold {
            count_lost(
                &mut self.told,
                lost.kind,
                lost.reason,
                u64::from(lost.count),
            );
        }
        let telling = Telling { id, lost: untold };
        self.telling = Some(telling.clone());
        Some(telling)
    }

    /// The loss report that may not have reached the spool.
    pub(crate) fn telling(&self) -> Option<&Telling> {
        self.telling.as_ref()
    }

    /// The loss report has reached the spool.
    pub(crate) fn end_telling(&mut self) {
        self.telling = None;
    }

    /// Where everything is, given what waits in the spool with its highest numbers.
    pub(crate) fn balance(
        &self,
        waiting: &BTreeMap<Kind, u64>,
        highest: &BTreeMap<Kind, u64>,
    ) -> Balance {
        let mut recorded = self.numbered.clone();
        for (&kind, &number) in highest {
            let entry = recorded.entry(kind).or_default();
            *entry = (*entry).max(number);
        }
        for (&kind, &dropped) in &self.dropped {
            count(&mut recorded, kind, dropped);
        }
        Balance {
            recorded,
            delivered: self.delivered.clone(),
            lost: self.lost.clone(),
            waiting: waiting.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settled(kind: Kind, number: u64) -> Settled {
        Settled {
            file: format!("{kind}-{number}"),
            kind,
            number,
        }
    }

    #[test]
    fn what_was_recorded_is_delivered_lost_or_waiting() {
        let mut ledger = Ledger::default();
        ledger.settle(
            &[settled(Kind::Crash, 1), settled(Kind::Crash, 3)],
            Fate::Delivered,
        );
        ledger.settle(
            &[settled(Kind::Crash, 2)],
            Fate::Lost(LossReason::SpoolFull),
        );
        ledger.drop_before_spool(Kind::Crash, LossReason::Disk, 5);
        let balance = ledger.balance(
            &BTreeMap::from([(Kind::Crash, 1)]),
            &BTreeMap::from([(Kind::Crash, 4)]),
        );
        assert_eq!(balance.recorded[&Kind::Crash], 9);
        let lost: u64 = balance.lost[&Kind::Crash].values().sum();
        assert_eq!(
            balance.delivered[&Kind::Crash] + lost + balance.waiting[&Kind::Crash],
            9
        );
    }

    #[test]
    fn a_run_is_folded_once() {
        let mut ledger = Ledger::default();
        for _ in 0..2 {
            ledger.fold("run", [(Kind::Crash, LossReason::Capped, 3)]);
        }
        assert_eq!(
            ledger.balance(&BTreeMap::new(), &BTreeMap::new()).recorded[&Kind::Crash],
            3
        );
    }

    #[test]
    fn every_loss_is_told_once() {
        let mut ledger = Ledger::default();
        let id = || ReportId::from_bytes([7; 16]);
        assert_eq!(ledger.begin_telling(id()), None);
        ledger.drop_before_spool(Kind::Freeze, LossReason::Disk, 2);
        let telling = ledger.begin_telling(id()).unwrap();
        assert_eq!(
            telling.lost,
            [Lost {
                kind: Kind::Freeze,
                reason: LossReason::Disk,
                count: 2
            }]
        );
        ledger.drop_before_spool(Kind::Freeze, LossReason::Disk, 1);
        assert_eq!(ledger.begin_telling(id()), None, "one telling at a time");
        ledger.end_telling();
        assert_eq!(ledger.begin_telling(id()).unwrap().lost[0].count, 1);
        ledger.end_telling();
        assert_eq!(ledger.begin_telling(id()), None);
    }
}
