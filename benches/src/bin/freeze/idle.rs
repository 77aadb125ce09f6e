//! What the agent's thread uses while it watches a host that does nothing.

use candor_benches::process::Process;
use candor_benches::stats::Sample;
use candor_benches::table::{Row, Unit};
use std::time::Duration;
use std::{fs, io, thread};
use tempfile::TempDir;

const SETTLE: Duration = Duration::from_secs(4);
const WATCHED: Duration = Duration::from_secs(30);
const LIMIT: Duration = Duration::from_secs(60);
const PROCESSES: usize = 3;

/// Nanoseconds on a processor, and how often a thread went to sleep, so far.
#[derive(Clone, Copy)]
struct Used {
    cpu: f64,
    sleeps: f64,
}

pub(crate) fn rows() -> io::Result<Vec<Row>> {
    let scenes = ["hello", "idle", "idle_pings"];
    let mut started: Vec<(usize, Process, TempDir)> = Vec::new();
    for _ in 0..PROCESSES {
        for (index, scene) in scenes.iter().enumerate() {
            let device = tempfile::tempdir()?;
            let mut process = crate::host(scene, device.path(), LIMIT)?;
            process.line("ready");
            started.push((index, process, device));
        }
    }
    thread::sleep(SETTLE);
    let before: Vec<Used> = used(&started)?;
    thread::sleep(WATCHED);
    let after: Vec<Used> = used(&started)?;
    let figure = |scene: usize, of: fn(&Used) -> f64| {
        let each = started.iter().zip(before.iter().zip(&after));
        let each = each.filter(|((index, _, _), _)| *index == scene);
        Sample::of(
            each.map(|(_, (before, after))| (of(after) - of(before)) / WATCHED.as_secs_f64()),
        )
    };
    let mut rows = Vec::new();
    for (scene, words, wakes) in [(1, "a watch", 2.0), (2, "pings, both sides", 5.0)] {
        let name = |figure: &str| format!("idle, {words}: {figure}");
        rows.push(
            Row::new(
                name("wake-ups"),
                Unit::PerSecond,
                figure(scene, |used| used.sleeps),
                figure(0, |used| used.sleeps),
            )
            .goal(wakes),
        );
        rows.push(
            Row::new(
                name("processor time in a second"),
                Unit::Nanos,
                figure(scene, |used| used.cpu),
                figure(0, |used| used.cpu),
            )
            .goal(1_000_000.0),
        );
    }
    Ok(rows)
}

fn used(started: &[(usize, Process, TempDir)]) -> io::Result<Vec<Used>> {
    let of = |(_, process, _): &(usize, Process, TempDir)| {
        Ok(Used {
            cpu: cpu(process.id())?,
            sleeps: process.usage()?.sleeps as f64,
        })
    };
    started.iter().map(of).collect()
}

/// Nanoseconds that all threads of a process have had a processor.
fn cpu(id: u32) -> io::Result<f64> {
    let mut sum = 0.0;
    for task in fs::read_dir(format!("/proc/{id}/task"))? {
        let text = fs::read_to_string(task?.path().join("schedstat"))?;
        let first = text.split(' ').next().and_then(|ns| ns.parse::<f64>().ok());
        sum += first.unwrap_or_default();
    }
    Ok(sum)
}
