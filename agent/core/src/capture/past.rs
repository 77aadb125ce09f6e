//! Runs that are over: what they left in the directory, and what it tells.

use super::run::{self, Circumstances};
use super::{Observation, Seen, crash, id_of_run, which};
use crate::files::{self, Files};
use crate::note::Note;
use candor_dump::{Dump, ExitMark, Problem};
use candor_protocol::deidentify::{Release, RunId};
use candor_protocol::report::{Exit, FreezeEnd, Report, What};
use std::fs;
use std::path::{Path, PathBuf};

/// What is known now, when the end of an earlier run is told.
#[derive(Debug, Clone, Default)]
pub(crate) struct Now {
    /// Hash of the boot id of the machine as it runs now.
    pub(crate) boot: Option<u64>,
    /// The app's version now.
    pub(crate) release: Option<Release>,
    /// Processes killed for lack of memory so far, in the own control group and on the machine.
    pub(crate) kills: (Option<u64>, Option<u64>),
}

/// The files of one run.
#[derive(Debug, Clone)]
pub(crate) struct RunFiles {
    pub(crate) dump: PathBuf,
    pub(crate) note: PathBuf,
    freezes: PathBuf,
}

/// Freezes of one run that can be going on at once: one for each watch.
pub(crate) const OPEN_FREEZES: u16 = 16;

impl RunFiles {
    pub(crate) fn new(files: &Files, run: &RunId) -> Self {
        Self {
            dump: files.runs().join(format!("{run}.dump")),
            note: files.runs().join(format!("{run}.note")),
            freezes: files.runs().join(run.to_string()),
        }
    }

    /// The report of a freeze that is going on, as it is to be told if the process does not outlive it.
    pub(crate) fn freeze(&self, watch: u16) -> PathBuf {
        self.freezes.with_extension(format!("freeze{watch}"))
    }

    /// Removes all of them, the dump last, so that a run that was told of in part is told of again.
    pub(crate) fn remove(&self) {
        for watch in 0..OPEN_FREEZES {
            let _ = fs::remove_file(self.freeze(watch));
        }
        let _ = fs::remove_file(&self.note);
        let _ = fs::remove_file(&self.dump);
    }
}

/// A run that is over.
#[derive(Debug)]
pub(crate) struct Past {
    pub(crate) run: RunId,
    pub(crate) files: RunFiles,
    pub(crate) dump: Dump,
    problems: Vec<Problem>,
    pub(crate) note: Option<Note>,
    /// Reports of the freezes that were going on when it ended.
    freezes: Vec<Report>,
}

/// A dump is smaller than this.
const DUMP_BYTES: u64 = 256 * 1024;

/// The runs that have left a dump, oldest first; `current` is not one of them.
pub(crate) fn list(files: &Files, current: Option<&RunId>) -> Vec<Past> {
    let listing = fs::read_dir(files.runs()).into_iter().flatten().flatten();
    let mut runs: Vec<Past> = listing
        .filter_map(|entry| {
            let path = entry.path();
            let is_dump = path
                .extension()
                .is_some_and(|extension| extension == "dump");
            let run: RunId = path.file_stem()?.to_str()?.parse().ok()?;
            (is_dump && current != Some(&run))
                .then(|| read(files, run))
                .flatten()
        })
        .collect();
    runs.sort_by_key(|past| past.dump.started_unix);
    runs
}

fn read(files: &Files, run: RunId) -> Option<Past> {
    let files = RunFiles::new(files, &run);
    let (dump, problems) = read_dump(&files.dump)?;
    let freezes = (0..OPEN_FREEZES)
        .filter_map(|watch| files::load(&files.freeze(watch)))
        .collect();
    Some(Past {
        note: files::load(&files.note),
        run,
        files,
        dump,
        problems,
        freezes,
    })
}

pub(crate) fn read_dump(path: &Path) -> Option<(Dump, Vec<Problem>)> {
    let metadata = fs::metadata(path).ok()?;
    if !metadata.is_file() || metadata.len() > DUMP_BYTES {
        return None;
    }
    Some(candor_dump::read(&fs::read(path).ok()?))
}

impl Past {
    /// How it ended.
    pub(crate) fn exit(&self, now: &Now) -> Exit {
        let updated = match (&self.note, &now.release) {
            (Some(note), Some(release)) => note.release != *release,
            _ => false,
        };
        run::exit(
            &self.dump,
            &Circumstances {
                boot: now.boot,
                updated,
                frozen: !self.freezes.is_empty(),
                kills: now.kills,
                damaged: self.problems.contains(&Problem::HeaderDamaged),
            },
        )
    }

    /// What it tells: its crashes, and its end.
    pub(crate) fn observations(&self, exit: Exit) -> Vec<Observation> {
        let kinds = self.note.as_ref().map_or(&[][..], |note| &note.crumbs);
        let mut seen = crash::of_dump(&self.dump, &self.problems, kinds);
        seen.push(of_run(
            &bytes_of(&self.run),
            self.dump.started_unix,
            run::Run {
                exit: Some(exit),
                uptime_ms: Some(self.dump.uptime_ms),
                last: run::last(&self.dump, exit, kinds),
            },
        ));
        seen
    }

    /// The freezes that it did not outlive, as they are to be told.
    pub(crate) fn freezes(&self) -> Vec<Report> {
        let exited = self.dump.exit_mark != ExitMark::Running;
        let mut reports = self.freezes.clone();
        for report in &mut reports {
            if let What::Freeze(freeze) = &mut report.what {
                // The dump knows the last sign of life, the note only the last sample.
                if let Some(open) = self.dump.open_freeze {
                    freeze.took_ms = freeze
                        .took_ms
                        .max(self.dump.uptime_ms.saturating_sub(open.since_ms));
                }
                freeze.end = if exited {
                    FreezeEnd::Exited
                } else {
                    FreezeEnd::Killed
                };
            }
        }
        reports
    }
}

/// The observation that a run began, or that it ended.
pub(crate) fn of_run(run: &[u8; 16], started_unix: u64, seen: run::Run) -> Observation {
    let which = match seen.exit {
        None => which::START,
        Some(_) => which::END,
    };
    Observation {
        id: id_of_run(run, which),
        at: started_unix,
        seen: Seen::Run(seen),
    }
}

/// The sixteen bytes that a run's identity is written with. The file's name is trusted more than a dump that may be
/// damaged.
fn bytes_of(run: &RunId) -> [u8; 16] {
    let digits = run.as_str();
    std::array::from_fn(|index| {
        let pair = digits.get(2 * index..2 * index + 2).unwrap_or_default();
        u8::from_str_radix(pair, 16).unwrap_or_default()
    })
}
