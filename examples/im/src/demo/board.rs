//! What the person at the demo sees while it runs: one block that updates itself on a terminal, plain lines elsewhere.

use std::io::{IsTerminal, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::Task;
use super::plan::{Device, Permission};

/// Time between two drawings.
const REFRESH: Duration = Duration::from_millis(250);
/// Longest line, and most lines for devices: the block must fit a terminal of 80 by 24, or it cannot be drawn over.
const WIDTH: usize = 79;
const HEIGHT: usize = 18;

/// What a device does when its story is told.
pub(super) const DONE: &str = "done";

/// Shared by everybody who has something to show.
#[derive(Debug, Clone)]
pub(super) struct Board {
    inner: Arc<Mutex<Inner>>,
    terminal: bool,
}

#[derive(Debug)]
struct Inner {
    started: Instant,
    rows: Vec<Row>,
    notes: Vec<String>,
    drawn: usize,
}

#[derive(Debug)]
struct Row {
    who: String,
    now: String,
}

impl Board {
    pub(super) fn new(devices: &[Device]) -> Self {
        let rows = devices
            .iter()
            .map(|d| Row {
                who: who(d),
                now: "has not started".into(),
            })
            .collect();
        let inner = Inner {
            started: Instant::now(),
            rows,
            notes: Vec::new(),
            drawn: 0,
        };
        Self {
            inner: Arc::new(Mutex::new(inner)),
            terminal: std::io::stderr().is_terminal(),
        }
    }

    /// Draws again and again, until the task is dropped.
    pub(super) fn draw(&self) -> Option<Task> {
        let board = self.clone();
        self.terminal.then(|| {
            Task(tokio::spawn(async move {
                loop {
                    board.draw_now();
                    tokio::time::sleep(REFRESH).await;
                }
            }))
        })
    }

    /// What device number `n` does now: the block shows the latest.
    pub(super) fn now(&self, n: usize, what: &str) {
        if let Some(row) = self.lock().rows.get_mut(n) {
            what.clone_into(&mut row.now);
        }
    }

    /// Something that happened to device number `n`: worth a line of its own where there is no block.
    pub(super) fn happened(&self, n: usize, what: &str) {
        self.now(n, what);
        if !self.terminal {
            let inner = self.lock();
            let who = inner.rows.get(n).map_or("", |row| &row.who);
            eprintln!(
                "{:5.1} s  {who} {what}",
                inner.started.elapsed().as_secs_f64()
            );
        }
    }

    /// Something that concerns all.
    pub(super) fn note(&self, what: &str) {
        let mut inner = self.lock();
        let line = format!("{:5.1} s  {what}", inner.started.elapsed().as_secs_f64());
        if !self.terminal {
            eprintln!("{line}");
        }
        inner.notes.push(line);
    }

    /// Draws the block for the last time.
    pub(super) fn finish(&self) {
        if self.terminal {
            self.draw_now();
        }
    }

    fn draw_now(&self) {
        let mut inner = self.lock();
        let block = inner.block();
        let back = if inner.drawn > 0 {
            format!("\x1b[{}A", inner.drawn)
        } else {
            String::new()
        };
        inner.drawn = block.lines().count();
        let _ = std::io::stderr().write_all(format!("{back}\x1b[J{block}").as_bytes());
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn block(&self) -> String {
        let mut block = format!(
            "{} devices, {} s\n",
            self.rows.len(),
            self.started.elapsed().as_secs()
        );
        // In a large fleet, those that are done give way.
        let crowded = self.rows.len() > HEIGHT;
        let shown = self.rows.iter().filter(|row| !crowded || row.now != DONE);
        let rows = shown
            .take(HEIGHT)
            .map(|row| format!("  {} {}", row.who, row.now));
        let notes = self.notes.iter().rev().take(3).rev().cloned();
        for line in rows.chain(notes) {
            block.extend(line.chars().take(WIDTH));
            block.push('\n');
        }
        block
    }
}

fn who(device: &Device) -> String {
    let permission = match device.permission {
        Permission::Granted => "",
        Permission::Declined => "declined",
        Permission::Off => "off",
    };
    format!(
        "{:8} {} {:8} {permission:8}",
        device.user,
        device.release,
        device.network.name()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_fleet_shows_those_that_are_not_done_and_fits_a_terminal() {
        let board = Board::new(&super::super::plan::devices(50));
        board.now(0, DONE);
        let block = board.lock().block();
        assert_eq!(block.lines().count(), 1 + HEIGHT);
        assert!(!block.contains("ana "), "{block}");
    }

    #[test]
    fn the_block_has_a_line_for_each_device_and_never_one_that_is_too_long() {
        let board = Board::new(&super::super::plan::devices(3));
        board.now(1, &"x".repeat(500));
        board.note("something happened");
        let block = board.lock().block();
        assert_eq!(block.lines().count(), 5);
        assert!(
            block.lines().all(|line| line.chars().count() <= WIDTH),
            "{block}"
        );
        assert!(
            block.contains("ana      1.5.0 wifi") && block.contains("something happened"),
            "{block}"
        );
    }
}
