//! How much of what a debugger sees a dump has, over the whole battery of deaths.

use crate::debugger::{Debugger, Place};
use crate::sides::{LIMIT, Sides};
use candor_benches::build;
use candor_benches::process::Process;
use candor_benches::table::{Cell, Row, Unit};
use candor_dump::{Dump, Gap, Stack};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where the battery's victims look for a library that they need.
const LIBRARY: &str = "CANDOR_TEST_LIBRARY";

/// The victims' program and the deaths it knows.
struct Battery {
    program: PathBuf,
    deaths: Vec<Death>,
    folder: tempfile::TempDir,
}

struct Death {
    kind: String,
    library: Option<PathBuf>,
}

/// What of a death the dump has.
#[derive(Default)]
struct Kept {
    top: bool,
    /// Frames of the thread that crashed: those in the dump, of those that there were.
    frames: (usize, usize),
    /// Of all other threads together.
    others: (usize, usize),
}

pub(crate) fn rows(_: &Sides) -> Result<Vec<Row>, String> {
    let debugger = match Debugger::new() {
        Ok(debugger) => debugger,
        Err(error) => {
            eprintln!("frames are left out: {error}; `apt-get install gdb` enables them");
            return Ok(Vec::new());
        }
    };
    let battery = Battery::build()?;
    let (mut recorded, mut frames, mut others) = (0, (0, 0), (0, 0));
    let mut imperfect = Vec::new();
    for death in &battery.deaths {
        let kept = battery.compare(death, &debugger)?;
        recorded += usize::from(kept.top);
        frames = (frames.0 + kept.frames.0, frames.1 + kept.frames.1);
        others = (others.0 + kept.others.0, others.1 + kept.others.1);
        if !kept.top || kept.frames.0 < kept.frames.1 {
            let top = if kept.top { "" } else { ", WRONG TOP" };
            let figure = format!("- of {}{top}", death.kind);
            imperfect.push(Row::new(
                figure,
                Unit::Share,
                share(kept.frames),
                Cell::None,
            ));
        }
    }
    let count = battery.deaths.len();
    let named = |figure: String, value: Cell| Row::new(figure, Unit::Share, value, Cell::None);
    let mut rows = vec![
        named(
            format!("{count} deaths: recorded with the right top frame"),
            share((recorded, count)),
        )
        .goal(1.0),
        named(
            format!("{} frames that gdb sees, in the dump", frames.1),
            share(frames),
        )
        .goal(0.95),
        named(
            format!("{} frames of other threads", others.1),
            share(others),
        ),
    ];
    rows.extend(imperfect);
    Ok(rows)
}

fn share((part, whole): (usize, usize)) -> Cell {
    match whole {
        0 => Cell::None,
        _ => Cell::One(part as f64 / whole as f64),
    }
}

impl Battery {
    /// Builds the battery and has it make what its victims need.
    fn build() -> Result<Self, String> {
        let words = |error: std::io::Error| error.to_string();
        let program = build::test_program("candor-crash", "battery")?;
        let folder = tempfile::Builder::new()
            .prefix("candor-bench-")
            .tempdir()
            .map_err(words)?;
        let list = Command::new(&program)
            .arg("--deaths")
            .arg(folder.path())
            .output()
            .map_err(words)?;
        if !list.status.success() {
            let said = String::from_utf8_lossy(&list.stderr).into_owned();
            return Err(format!("the battery cannot list its deaths: {said}"));
        }
        let list = String::from_utf8_lossy(&list.stdout).into_owned();
        let deaths = list.lines().filter_map(|line| {
            let (kind, library) = line.split_once('\t')?;
            Some(Death {
                kind: kind.to_owned(),
                library: (!library.is_empty()).then(|| library.into()),
            })
        });
        Ok(Self {
            program,
            deaths: deaths.collect(),
            folder,
        })
    }

    fn compare(&self, death: &Death, debugger: &Debugger) -> Result<Kept, String> {
        let words = |error: std::io::Error| format!("{}: {error}", death.kind);
        let dump = self.dump(death).map_err(words)?;
        let folder = self.empty_folder().map_err(words)?;
        let seen = debugger
            .watch(self.victim(death, &folder.path().join("dump"), &folder))
            .map_err(words)?;
        let Some(signal) = &dump.signal else {
            return Ok(Kept {
                frames: (0, seen.crashed.len()),
                ..Kept::default()
            });
        };
        let mut ids = BuildIds::default();
        let stack = &signal.thread.stack;
        let ours = places(&dump, stack);
        let reference = ids.named(&seen.crashed);
        let reference = both_ends(&reference, stack.gap, ours.len());
        let frames = (in_order(&ours, &reference), reference.len());
        let top = match (ours.first(), reference.first(), seen.crashed.first()) {
            // A stack may turn out to be full at any instruction of a function that uses it.
            (Some(ours), Some(theirs), Some(Place::In(file, _))) if stack.gap.is_some() => {
                let function = |known: &Known| debugger.function(file, known.1);
                ours.0 == theirs.0 && function(ours).is_some() && function(ours) == function(theirs)
            }
            (ours, theirs, _) => ours.is_some() && ours == theirs,
        };
        Ok(Kept {
            top,
            frames,
            others: others(&dump, &seen.others, &mut ids),
        })
    }

    fn empty_folder(&self) -> std::io::Result<tempfile::TempDir> {
        tempfile::tempdir_in(self.folder.path())
    }

    fn victim(&self, death: &Death, dump: &Path, folder: &tempfile::TempDir) -> Command {
        let mut command = Command::new(&self.program);
        command.args(["--victim", &death.kind]).arg(dump);
        command.current_dir(folder.path());
        if let Some(library) = &death.library {
            command.env(LIBRARY, library);
        }
        command
    }

    /// Lets a victim die and reads what it has left.
    fn dump(&self, death: &Death) -> std::io::Result<Dump> {
        let folder = self.empty_folder()?;
        let path = folder.path().join("dump");
        Process::spawn(self.victim(death, &path, &folder), LIMIT)?.wait()?;
        let bytes = std::fs::read(path)?;
        Ok(candor_dump::read(&bytes).0)
    }
}

/// A frame by its module's build id; no id and no offset for code in no module.
type Known = (Vec<u8>, u64);

fn places(dump: &Dump, stack: &Stack) -> Vec<Known> {
    let known = |frame: &candor_dump::Frame| match frame.module {
        Some(module) => (
            dump.modules[usize::from(module)].build_id.clone(),
            frame.offset,
        ),
        None => (Vec::new(), 0),
    };
    stack.frames.iter().map(known).collect()
}

/// Build ids of files, each read once.
#[derive(Default)]
struct BuildIds(HashMap<PathBuf, Vec<u8>>);

impl BuildIds {
    fn named(&mut self, stack: &[Place]) -> Vec<Known> {
        let known = |place: &Place| match place {
            Place::In(path, offset) => (self.of(path), *offset),
            Place::Nowhere => (Vec::new(), 0),
        };
        stack.iter().map(known).collect()
    }

    fn of(&mut self, path: &Path) -> Vec<u8> {
        let read = || {
            /// The note that holds it: sizes of name and id, the note's kind, the name.
            const NOTE: &[u8] = b"\x04\0\0\0\x14\0\0\0\x03\0\0\0GNU\0";
            let bytes = std::fs::read(path).unwrap_or_default();
            let at = bytes.windows(NOTE.len()).position(|note| note == NOTE);
            let id = at.and_then(|at| bytes.get(at + NOTE.len()..at + NOTE.len() + 20));
            id.unwrap_or_default().to_vec()
        };
        self.0.entry(path.to_owned()).or_insert_with(read).clone()
    }
}

/// The part of a stack that a dump keeps of one that is too deep: both ends, `kept` frames in all. How deep it is in between differs
/// from run to run.
fn both_ends(reference: &[Known], gap: Option<Gap>, kept: usize) -> Vec<Known> {
    let Some(gap) = gap else {
        return reference.to_vec();
    };
    let tail = kept.saturating_sub(gap.before);
    let after = reference.len().saturating_sub(tail).max(gap.before);
    let head = reference.iter().take(gap.before);
    head.chain(reference.iter().skip(after)).cloned().collect()
}

/// How many frames of the reference stand in the same order in the dump: the longest common subsequence.
fn in_order(ours: &[Known], reference: &[Known]) -> usize {
    let mut best = vec![0; ours.len() + 1];
    for wanted in reference {
        let mut diagonal = 0;
        for (index, found) in ours.iter().enumerate() {
            let above = best[index + 1];
            best[index + 1] = if wanted == found {
                diagonal + 1
            } else {
                above.max(best[index])
            };
            diagonal = above;
        }
    }
    best[ours.len()]
}

/// Frames of the other threads: each thread that the debugger sees is compared with the one that is most like it.
fn others(dump: &Dump, seen: &[Vec<Place>], ids: &mut BuildIds) -> (usize, usize) {
    let mut left: Vec<Vec<Known>> = dump
        .threads
        .iter()
        .map(|thread| places(dump, &thread.stack))
        .collect();
    let (mut kept, mut all) = (0, 0);
    for thread in seen {
        let reference = ids.named(thread);
        all += reference.len();
        let best = (0..left.len()).max_by_key(|&index| in_order(&left[index], &reference));
        if let Some(best) = best {
            kept += in_order(&left.swap_remove(best), &reference);
        }
    }
    (kept, all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stack(offsets: &[u64]) -> Vec<Known> {
        offsets.iter().map(|offset| (vec![1], *offset)).collect()
    }

    #[test]
    fn frames_count_where_they_stand_in_the_same_order() {
        assert_eq!(in_order(&stack(&[1, 2, 3]), &stack(&[1, 2, 3])), 3);
        assert_eq!(in_order(&stack(&[1, 9, 3]), &stack(&[1, 2, 3])), 2);
        assert_eq!(in_order(&stack(&[3, 2, 1]), &stack(&[1, 2, 3])), 1);
        assert_eq!(in_order(&[], &stack(&[1])), 0);
    }

    #[test]
    fn of_a_deep_stack_both_ends_are_compared() {
        let gap = Gap {
            before: 2,
            missing: 3,
        };
        let whole = stack(&[1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(both_ends(&whole, Some(gap), 4), stack(&[1, 2, 6, 7]));
        assert_eq!(both_ends(&whole, None, 4), whole);
    }
}
