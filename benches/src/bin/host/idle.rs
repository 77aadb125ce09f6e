//! What the agent uses while the host does nothing.

use crate::sides::{Side, Sides, device};
use candor_benches::process::{Process, Usage};
use candor_benches::sink::{Mood, Sink};
use candor_benches::stats::Sample;
use candor_benches::table::{Cell, Row, Unit};
use std::path::Path;
use std::time::Duration;
use std::{fs, io, thread};
use tempfile::TempDir;

/// After this long, starting is over.
const SETTLE: Duration = Duration::from_secs(3);
/// For this long, wake-ups are counted.
const WATCHED: Duration = Duration::from_secs(10);
const LIMIT: Duration = Duration::from_secs(60);
const PROCESSES: usize = 5;

/// What one process used after it had settled, how often it was woken in a second, and how many files it made.
struct Idle {
    usage: Usage,
    woken: f64,
    files: f64,
}

pub(crate) fn rows(sides: &Sides) -> io::Result<Vec<Row>> {
    let sink = Sink::open(Mood::Up)?;
    let ours = all(
        &sides.ours,
        &["hello", "idle-off", "idle-on", "idle-watch"],
        &sink,
    )?;
    let theirs = match &sides.peer {
        Some(peer) => all(peer, &["hello", "idle-off", "idle-on"], &sink)?,
        None => Vec::new(),
    };
    let mut rows = Vec::new();
    let goals = [
        (1, "off", [0.0, 0.0, 0.0, 1_048_576.0, 0.0]),
        (2, "idle", [1.0, 2.0, 20.0, 1_048_576.0, 2.0]),
        (3, "idle, a watch", [2.0, 2.0, 20.0, 1_048_576.0, 2.0]),
    ];
    for (index, words, [threads, open, made, memory, woken]) in goals {
        let of =
            |figure: fn(&Idle) -> f64| (more(&ours, index, figure), more(&theirs, index, figure));
        let mut add = |name: &str, unit: Unit, (ours, theirs): (Cell, Cell), goal: Option<f64>| {
            let row = Row::new(format!("{words}: {name}"), unit, ours, theirs);
            rows.push(match goal {
                Some(goal) => row.goal(goal),
                None => row,
            });
        };
        add(
            "threads added",
            Unit::Count,
            of(|idle| idle.usage.threads as f64),
            Some(threads),
        );
        add(
            "open files added",
            Unit::Count,
            of(|idle| idle.usage.files as f64),
            (index == 1).then_some(open),
        );
        add(
            "files made",
            Unit::Count,
            of(|idle| idle.files),
            (index == 1).then_some(made),
        );
        add(
            "resident memory added",
            Unit::Bytes,
            of(|idle| idle.usage.resident as f64),
            (index != 1).then_some(memory),
        );
        add(
            "private memory added",
            Unit::Bytes,
            of(|idle| idle.usage.written as f64),
            None,
        );
        add(
            "wake-ups",
            Unit::PerSecond,
            of(|idle| idle.woken),
            Some(woken),
        );
    }
    Ok(rows)
}

/// Several processes of each scene, all at once: they do nothing.
fn all(side: &Side, scenes: &[&str], sink: &Sink) -> io::Result<Vec<Vec<Idle>>> {
    let mut started: Vec<Vec<(Process, TempDir)>> = Vec::new();
    for scene in scenes {
        let mut processes = Vec::new();
        for _ in 0..PROCESSES {
            let device = device()?;
            let mut process = side.play_for(LIMIT, scene, sink, device.path(), 0)?;
            if *scene != "hello" {
                process.line("ready");
            }
            processes.push((process, device));
        }
        started.push(processes);
    }
    thread::sleep(SETTLE);
    let settled = usages(&started)?;
    thread::sleep(WATCHED);
    let later = usages(&started)?;
    let idle =
        started
            .iter()
            .zip(settled.iter().zip(&later))
            .map(|(processes, (settled, later))| {
                let figures = processes.iter().zip(settled.iter().zip(later));
                figures
                    .map(|((_, device), (&usage, later))| Idle {
                        usage,
                        woken: later.sleeps.saturating_sub(usage.sleeps) as f64
                            / WATCHED.as_secs_f64(),
                        files: files(device.path()) as f64,
                    })
                    .collect()
            });
    Ok(idle.collect())
}

fn usages(started: &[Vec<(Process, TempDir)>]) -> io::Result<Vec<Vec<Usage>>> {
    let of = |processes: &Vec<(Process, TempDir)>| {
        processes
            .iter()
            .map(|(process, _)| process.usage())
            .collect()
    };
    started.iter().map(of).collect()
}

/// How much more than an app without an agent, as medians.
fn more(scenes: &[Vec<Idle>], index: usize, figure: fn(&Idle) -> f64) -> Cell {
    let median = |index: usize| {
        let sample = Sample::of(scenes.get(index)?.iter().map(figure))?;
        Some(sample.median())
    };
    match (median(index), median(0)) {
        (Some(with), Some(without)) => Cell::One((with - without).max(0.0)),
        _ => Cell::None,
    }
}

fn files(dir: &Path) -> usize {
    let listing = fs::read_dir(dir).into_iter().flatten().flatten();
    let count = |entry: fs::DirEntry| match entry.file_type() {
        Ok(kind) if kind.is_dir() => files(&entry.path()),
        _ => 1,
    };
    listing.map(count).sum()
}
