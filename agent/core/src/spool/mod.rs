//! The spool: reports waiting on the device's disk, one file each.
//!
//! `append` returns when the report is on the disk. A report leaves only through the ledger, which counts it first.

pub(crate) mod quota;
pub(crate) mod record;

use crate::consent::Permit;
use crate::files::{self, Files};
use crate::ledger::{Balance, Fate, Ledger, Settled, Telling, Upload};
use candor_protocol::deidentify::{Region, ReportId};
use candor_protocol::limits::{BATCH_BYTES, BATCH_REPORTS, REPORT_BYTES};
use candor_protocol::report::{Kind, LossReason, Report};
use quota::{Quota, Room};
use record::Label;
use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::io;
use std::path::PathBuf;

/// A report that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) label: Label,
    /// Bytes of its file.
    pub(crate) size: u64,
}

impl Entry {
    fn settled(&self) -> Settled {
        Settled {
            file: self.label.file_name(),
            kind: self.label.kind,
            number: self.label.number,
        }
    }
}

/// Reports waiting on the disk, and the ledger that counts them.
#[derive(Debug)]
pub(crate) struct Spool {
    files: Files,
    quota: Quota,
    entries: Vec<Entry>,
    ledger: Ledger,
    /// Reports that nobody waits for. Only those of this run are known.
    calm: HashSet<ReportId>,
    /// Reports that a batch has held: the collector may have them, whether or not it could say so.
    sent: HashSet<ReportId>,
}

/// What became of a report that was to be spooled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Appended {
    /// It is on the disk.
    Kept,
    /// It was there already.
    Known,
    /// It could not be kept and is counted.
    Lost(LossReason),
}

impl Spool {
    /// Opens the spool: removes what was settled or left half-written, and lists what waits.
    pub(crate) fn open(permit: &Permit<'_>, files: &Files, quota: Quota) -> io::Result<Self> {
        crate::files::make_dir(&files.spool())?;
        let ledger = Ledger::load(files);
        for settled in ledger.settled() {
            let _ = fs::remove_file(files.spool().join(settled));
        }
        let mut spool = Self {
            files: files.clone(),
            quota,
            entries: list(files)?,
            ledger,
            calm: HashSet::new(),
            sent: HashSet::new(),
        };
        spool.remove_leftovers()?;
        spool.finish_telling(permit)?;
        Ok(spool)
    }

    /// A file that was being written when the process died never became a report.
    fn remove_leftovers(&self) -> io::Result<()> {
        for entry in fs::read_dir(self.files.spool())? {
            let path = entry?.path();
            let known = path
                .file_name()
                .and_then(|name| name.to_str())
                .is_some_and(|name| Label::parse(name).is_some());
            if !known {
                let _ = fs::remove_file(path);
            }
        }
        Ok(())
    }

    /// A process killed while it told of losses may or may not have spooled the report; the collector counts it once.
    fn finish_telling(&mut self, permit: &Permit<'_>) -> io::Result<()> {
        if self.ledger.telling().is_some_and(|telling| {
            self.entries
                .iter()
                .any(|entry| entry.label.id == telling.id)
        }) {
            self.ledger.end_telling();
            self.ledger.save(permit, &self.files)?;
        }
        Ok(())
    }

    /// Keeps a report. When this returns [`Appended::Kept`], the report is on the disk.
    pub(crate) fn append(&mut self, permit: &Permit<'_>, report: &Report, now: u64) -> Appended {
        if self.entries.iter().any(|entry| entry.label.id == report.id) {
            return Appended::Known;
        }
        let kind = report.what.kind();
        match self.write(permit, report, kind, now) {
            Ok(()) => Appended::Kept,
            Err(reason) => {
                self.ledger.drop_before_spool(kind, reason, 1);
                let _ = self.ledger.save(permit, &self.files);
                Appended::Lost(reason)
            }
        }
    }

    /// Says that nobody waits for this report: it may travel with others.
    pub(crate) fn calm(&mut self, id: ReportId) {
        self.calm.insert(id);
    }

    /// Says that somebody waits for this report after all.
    pub(crate) fn wanted(&mut self, id: ReportId) {
        self.calm.remove(&id);
    }

    /// Puts `report` in the place of the one with the same identity, which still waits and has never been sent. Whether it
    /// did; if not, nothing has changed.
    pub(crate) fn replace(&mut self, _: &Permit<'_>, report: &Report) -> bool {
        if self.sent.contains(&report.id) {
            return false;
        }
        let Some(index) = self
            .entries
            .iter()
            .position(|entry| entry.label.id == report.id)
        else {
            return false;
        };
        let Ok(line) = serde_json::to_string(report) else {
            return false;
        };
        let bytes = record::seal(&line);
        let used: u64 = self.entries.iter().map(|entry| entry.size).sum();
        let entry = &self.entries[index];
        let fits = used - entry.size + bytes.len() as u64 <= self.quota.bytes;
        if line.len() > REPORT_BYTES || report.what.check().is_err() || !fits {
            return false;
        }
        let (path, size) = (self.path(&entry.label), bytes.len() as u64);
        // What could not be synced may be there all the same; then it must not be told a second time.
        if files::replace(&path, &bytes).is_err() && !fs::read(&path).is_ok_and(|now| now == bytes)
        {
            return false;
        }
        self.entries[index].size = size;
        true
    }

    fn write(
        &mut self,
        permit: &Permit<'_>,
        report: &Report,
        kind: Kind,
        now: u64,
    ) -> Result<(), LossReason> {
        let line = serde_json::to_string(report).map_err(|_| LossReason::Damaged)?;
        if line.len() > REPORT_BYTES || report.what.check().is_err() {
            return Err(LossReason::TooLarge);
        }
        let bytes = record::seal(&line);
        let size = bytes.len() as u64;
        match quota::make_room(&self.entries, &self.quota, kind, size) {
            Room::None => return Err(quota::FULL),
            Room::After(leaving) => {
                self.settle(permit, &leaving, Fate::Lost(quota::FULL))
                    .map_err(|_| LossReason::Disk)?;
            }
        }
        let label = Label {
            kind,
            number: self.highest(kind) + 1,
            at: now,
            id: report.id,
        };
        let path = self.path(&label);
        if files::replace(&path, &bytes).is_err() {
            // It may be there all the same, but what is counted as lost must not turn up later.
            let _ = fs::remove_file(&path);
            return Err(LossReason::Disk);
        }
        self.entries.push(Entry { label, size });
        Ok(())
    }

    fn path(&self, label: &Label) -> PathBuf {
        self.files.spool().join(label.file_name())
    }

    fn highest(&self, kind: Kind) -> u64 {
        highest(&self.entries)
            .get(&kind)
            .copied()
            .unwrap_or_default()
            .max(self.ledger.numbered(kind))
    }

    /// Counts entries, given by index, and removes them: ledger first, so that a death in between counts nothing twice.
    fn settle(&mut self, permit: &Permit<'_>, leaving: &[usize], fate: Fate) -> io::Result<()> {
        if leaving.is_empty() {
            return Ok(());
        }
        let settled: Vec<Settled> = leaving
            .iter()
            .filter_map(|&index| self.entries.get(index))
            .map(Entry::settled)
            .collect();
        let before = self.ledger.clone();
        self.ledger.settle(&settled, fate);
        if let Err(error) = self.ledger.save(permit, &self.files) {
            self.ledger = before;
            return Err(error);
        }
        for report in &settled {
            let _ = fs::remove_file(self.files.spool().join(&report.file));
        }
        self.entries.retain(|entry| {
            !settled
                .iter()
                .any(|report| report.file == entry.label.file_name())
        });
        let waits: HashSet<ReportId> = self.entries.iter().map(|entry| entry.label.id).collect();
        self.calm.retain(|id| waits.contains(id));
        self.sent.retain(|id| waits.contains(id));
        Ok(())
    }

    /// Gives up what has waited too long.
    pub(crate) fn expire(&mut self, permit: &Permit<'_>, now: u64) -> io::Result<()> {
        let expired = quota::expired(&self.entries, &self.quota, now);
        self.settle(permit, &expired, Fate::Lost(LossReason::TooOld))
    }

    /// The next batch, most valuable first: at most `most` reports, and never more bytes than a batch may have.
    pub(crate) fn next_batch(&mut self, permit: &Permit<'_>, most: usize) -> Batch {
        let mut order: Vec<usize> = (0..self.entries.len()).collect();
        order.sort_by_key(|&index| {
            (
                self.entries[index].label.kind,
                self.entries[index].label.number,
            )
        });
        let (mut batch, mut damaged, mut bytes) = (Batch::default(), Vec::new(), 0);
        for index in order {
            let entry = &self.entries[index];
            // Sealing adds a line, so a file is always larger than its report.
            bytes += entry.size as usize;
            if batch.reports.len() >= most.min(BATCH_REPORTS)
                || (bytes > BATCH_BYTES / 2 && !batch.reports.is_empty())
            {
                break;
            }
            match self.read(&entry.label) {
                Some(line) => batch.reports.push((entry.label.id, line)),
                None => damaged.push(index),
            }
        }
        let _ = self.settle(permit, &damaged, Fate::Lost(LossReason::Damaged));
        self.sent.extend(batch.reports.iter().map(|(id, _)| *id));
        batch
    }

    fn read(&self, label: &Label) -> Option<String> {
        let bytes = fs::read(self.path(label)).ok()?;
        record::open(&bytes).map(str::to_owned)
    }

    /// The collector has these reports, or never will.
    pub(crate) fn finish(
        &mut self,
        permit: &Permit<'_>,
        ids: &[ReportId],
        fate: Fate,
        upload: Option<Upload>,
    ) -> io::Result<()> {
        if let Some(upload) = upload {
            self.ledger.uploaded(upload);
        }
        let leaving: Vec<usize> = (0..self.entries.len())
            .filter(|&index| ids.contains(&self.entries[index].label.id))
            .collect();
        self.settle(permit, &leaving, fate)
    }

    /// Counts what a run dropped before it reached the spool.
    pub(crate) fn fold(
        &mut self,
        permit: &Permit<'_>,
        run: &str,
        dropped: impl IntoIterator<Item = (Kind, LossReason, u64)>,
    ) -> io::Result<()> {
        self.ledger.fold(run, dropped);
        self.ledger.save(permit, &self.files)
    }

    /// Spools a report of the losses that the collector does not know yet, made by `report`.
    pub(crate) fn tell_losses(
        &mut self,
        permit: &Permit<'_>,
        now: u64,
        report: impl FnOnce(&Telling) -> Option<Report>,
    ) -> io::Result<()> {
        let telling = match self.ledger.telling() {
            Some(telling) => telling.clone(),
            None => match self
                .ledger
                .begin_telling(ReportId::from_bytes(rand::random()))
            {
                Some(telling) => telling,
                None => return Ok(()),
            },
        };
        self.ledger.save(permit, &self.files)?;
        let told = report(&telling).is_none_or(|report| {
            matches!(
                self.append(permit, &report, now),
                Appended::Kept | Appended::Known
            )
        });
        if told {
            self.ledger.end_telling();
            self.ledger.save(permit, &self.files)?;
        }
        Ok(())
    }

    /// How many reports wait.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nobody waits for anything that waits here.
    pub(crate) fn is_calm(&self) -> bool {
        self.entries
            .iter()
            .all(|entry| self.calm.contains(&entry.label.id))
    }

    /// Whether something waits that should not wait for others.
    pub(crate) fn urgent(&self) -> bool {
        self.entries
            .iter()
            .any(|entry| entry.label.kind == Kind::Crash)
    }
}

/// Reports to be sent together.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    pub(crate) reports: Vec<(ReportId, String)>,
}

impl Batch {
    pub(crate) fn ids(&self) -> Vec<ReportId> {
        self.reports.iter().map(|(id, _)| *id).collect()
    }

    pub(crate) fn pack(&self, region: Option<&Region>) -> io::Result<Vec<u8>> {
        let lines = self.reports.iter().map(|(_, line)| line.as_str());
        candor_protocol::batch::pack_for(region, lines)
    }
}

fn highest(entries: &[Entry]) -> BTreeMap<Kind, u64> {
    let mut highest = BTreeMap::new();
    for entry in entries {
        let number = highest.entry(entry.label.kind).or_insert(0);
        *number = entry.label.number.max(*number);
    }
    highest
}

/// What waits, oldest first, without changing anything.
pub(crate) fn list(files: &Files) -> io::Result<Vec<Entry>> {
    let mut entries = Vec::new();
    let listing = match fs::read_dir(files.spool()) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(entries),
        listing => listing?,
    };
    for entry in listing {
        let entry = entry?;
        if let Some(label) = entry.file_name().to_str().and_then(Label::parse) {
            entries.push(Entry {
                label,
                size: entry.metadata()?.len(),
            });
        }
    }
    entries.sort_by_key(|entry| (entry.label.at, entry.label.kind, entry.label.number));
    Ok(entries)
}

/// Reads one report that waits, without changing anything.
pub(crate) fn read(files: &Files, entry: &Entry) -> Option<String> {
    let bytes = fs::read(files.spool().join(entry.label.file_name())).ok()?;
    record::open(&bytes).map(str::to_owned)
}

/// Where every report is, for whoever looks at the directory from outside.
pub(crate) fn balance(ledger: &Ledger, entries: &[Entry]) -> Balance {
    let mut waiting = BTreeMap::new();
    let settled = ledger.settled();
    let mut there: Vec<Entry> = entries.to_vec();
    there.retain(|entry| !settled.contains(&entry.label.file_name()));
    for entry in &there {
        *waiting.entry(entry.label.kind).or_insert(0) += 1;
    }
    ledger.balance(&waiting, &highest(&there))
}
