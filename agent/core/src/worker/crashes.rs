//! Crashes: those of runs that are over, and panics that this one survived.

use super::Worker;
use crate::capture::{crash, past};
use crate::consent::Permit;
use crate::deidentify::scrub;
use crate::spool::Appended;
use crate::startup::Streak;
use crate::upload::lock;
use candor_protocol::deidentify::RunId;
use candor_protocol::report::{Kind, LossReason};

impl Worker<'_> {
    /// Tells of runs that are over and removes what they left. A dump that is newer than this run is not over. A run whose
    /// report cannot be kept is told of again at the next start, and so is its part in a row of crashes; that is rare and
    /// only makes a later start tell sooner.
    pub(super) fn tell_past(&mut self, permit: &Permit<'_>, now: u64) {
        let now_known = past::Now {
            boot: past::read_dump(&self.run_files.dump).and_then(|(dump, _)| dump.boot),
            release: Some(self.context.release.clone()),
            kills: self.usage.killed(),
        };
        let mut streak = Streak::load(&self.running.files);
        for past in past::list(&self.running.files, Some(&self.context.run)) {
            if past.dump.started_unix > self.running.started_unix {
                continue;
            }
            let exit = past.exit(&now_known);
            streak = streak.after(exit, past.dump.uptime_ms);
            let mut context = self.context.clone();
            context.run = past.run;
            if let Some(note) = &past.note {
                context.release = note.release.clone();
                context.device = note.device.clone();
            }
            let crashes = past
                .observations(exit)
                .into_iter()
                .filter_map(|seen| scrub(seen, &context));
            let mut kept = true;
            for report in past.freezes().into_iter().chain(crashes) {
                kept &= lock(&self.spool).append(permit, &report, now)
                    != Appended::Lost(LossReason::Disk);
            }
            self.fold(permit, &past.dump);
            if kept {
                past.files.remove();
            }
        }
        streak.save(permit, &self.running.files);
    }

    /// Counts the panics of a run that found no room in its dump.
    pub(super) fn fold(&self, permit: &Permit<'_>, dump: &candor_dump::Dump) {
        let dropped = [(Kind::Crash, LossReason::Capped, u64::from(dump.panics_lost))];
        let run = RunId::from_bytes(dump.run);
        let _ = lock(&self.spool).fold(permit, run.as_str(), dropped);
    }

    /// Tells of panics that the process has survived. They leave the dump only once they are told of, and the report's
    /// identity follows from the panic, so that a death in between neither loses nor doubles one.
    pub(super) fn note_survived_panics(
        &mut self,
        permit: &Permit<'_>,
        now: u64,
        now_ms: u64,
        all: bool,
    ) {
        let Some(recorder) = &self.running.recorder else {
            return;
        };
        let survived = recorder.survived(now_ms, all);
        if survived.is_empty() {
            return;
        }
        let Some((dump, _)) = past::read_dump(&self.run_files.dump) else {
            return;
        };
        let kinds = self.running.recordings.crumbs.noted();
        let is_survived = |serial| survived.iter().any(|ticket| ticket.serial() == serial);
        for seen in crash::of_survived(dump, &self.running.run, &kinds, &is_survived) {
            self.append(permit, seen, now);
        }
        recorder.forget(&survived);
    }
}
