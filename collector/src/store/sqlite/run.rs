//! A run is counted once, however often and in whatever order its reports arrive.

use super::delta::{Cell, Sign};
use super::ids;
use super::writer::Work;
use candor_protocol::report::{Exit, Report, What};
use rusqlite::OptionalExtension;

/// What is known of one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RunState {
    /// Whether a report of the run itself arrived. Before, it is known by its crash or freeze.
    started: bool,
    cell: Cell,
    exit: Option<Exit>,
    frozen: bool,
    run_ms: u64,
}

/// How a run is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct RunCell {
    pub(super) cell: Cell,
    pub(super) exit: Option<Exit>,
    pub(super) frozen: bool,
}

impl RunState {
    /// What one report says; `None` when it says nothing about its run.
    fn of(cell: Cell, report: &Report) -> Option<Self> {
        let unknown = Self {
            started: false,
            cell,
            exit: None,
            frozen: false,
            run_ms: 0,
        };
        match &report.what {
            What::Run(run) => Some(Self {
                started: true,
                exit: run.exit,
                run_ms: run.uptime_ms.unwrap_or_default(),
                ..unknown
            }),
            What::Crash(crash) => {
                let exit = crash.fatal.then_some(Exit::Crash);
                Some(Self {
                    exit,
                    run_ms: crash.uptime_ms,
                    ..unknown
                })
            }
            What::Freeze(_) => Some(Self {
                frozen: true,
                ..unknown
            }),
            What::Connection(_) | What::Loss(_) => None,
        }
    }

    /// What both say. The order does not matter, and saying something twice changes nothing.
    fn and(self, other: Self) -> Self {
        // The run itself knows when it started; among equals the earliest counts.
        let rank = |state: &Self| (!state.started, state.cell);
        let cell = if rank(&self) <= rank(&other) {
            self.cell
        } else {
            other.cell
        };
        Self {
            started: self.started || other.started,
            cell,
            exit: worst(self.exit, other.exit),
            frozen: self.frozen || other.frozen,
            run_ms: self.run_ms.max(other.run_ms),
        }
    }

    pub(super) fn counted(&self) -> (RunCell, u64) {
        (
            RunCell {
                cell: self.cell,
                exit: self.exit,
                frozen: self.frozen,
            },
            self.run_ms,
        )
    }

    pub(super) fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<Self> {
        let exit: String = row.get("exit")?;
        Ok(Self {
            started: row.get("started")?,
            cell: Cell {
                app: row.get("app")?,
                at: row.get("at")?,
                release: row.get("release")?,
                os: row.get("os")?,
                device: row.get("device")?,
            },
            exit: exit.parse().ok(),
            frozen: row.get("frozen")?,
            run_ms: row.get("run_ms")?,
        })
    }
}

/// The worse of two exits: what is known is worse than what is not, and a crash is the worst.
fn worst(a: Option<Exit>, b: Option<Exit>) -> Option<Exit> {
    let rank = |exit: &Option<Exit>| match exit {
        None => 0,
        Some(Exit::Unknown) => 1,
        Some(Exit::Clean) => 2,
        Some(Exit::Updated) => 3,
        Some(Exit::Reboot) => 4,
        Some(Exit::Killed) => 5,
        Some(Exit::OutOfMemory) => 6,
        Some(Exit::FreezeKill) => 7,
        Some(Exit::Crash) => 8,
    };
    std::cmp::max_by_key(a, b, rank)
}

/// Adds what a report says to its run, and moves the run to where it counts now.
pub(super) fn update(work: &mut Work<'_>, cell: Cell, report: &Report) -> rusqlite::Result<()> {
    let Some(said) = RunState::of(cell, report) else {
        return Ok(());
    };
    let id = ids::run(&report.run);
    let known = work
        .tx
        .prepare_cached("SELECT * FROM run WHERE app = ? AND id = ?")?
        .query_row((cell.app, id), RunState::read)
        .optional()?;
    let now = match known.clone() {
        Some(known) => known.and(said),
        None => said,
    };
    if known.as_ref() == Some(&now) {
        return Ok(());
    }
    let RunState {
        started,
        cell,
        exit,
        frozen,
        run_ms,
    } = &now;
    work.tx
        .prepare_cached(
            "INSERT INTO run (app, id, pseudonym, started, at, release, os, device, exit, frozen, run_ms)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
             ON CONFLICT (app, id) DO UPDATE SET
                 started = ?4, at = ?5, release = ?6, os = ?7, device = ?8, exit = ?9, frozen = ?10, run_ms = ?11",
        )?
        .execute((
            cell.app,
            id,
            ids::pseudonym(&report.pseudonym),
            started,
            cell.at,
            cell.release,
            cell.os,
            cell.device,
            exit.map_or("", Exit::as_str),
            frozen,
            *run_ms,
        ))?;
    if let Some(known) = known {
        work.deltas.run(known.counted(), Sign::Take);
    }
    work.deltas.run(now.counted(), Sign::Add);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn state() -> impl Strategy<Value = RunState> {
        let exit = prop::option::of(prop::sample::select(Exit::ALL));
        (
            any::<bool>(),
            0i64..3,
            0i64..3,
            exit,
            any::<bool>(),
            0u64..3,
        )
            .prop_map(|(started, at, release, exit, frozen, run_ms)| RunState {
                started,
                cell: Cell {
                    app: 1,
                    at,
                    release,
                    os: 1,
                    device: 1,
                },
                exit,
                frozen,
                run_ms,
            })
    }

    proptest! {
        #[test]
        fn the_order_of_reports_does_not_matter(a in state(), b in state(), c in state()) {
            let one = a.clone().and(b.clone()).and(c.clone());
            prop_assert_eq!(&one, &c.clone().and(a.clone()).and(b.clone()));
            prop_assert_eq!(&one, &b.and(a.clone().and(c.clone())));
            prop_assert_eq!(&one, &one.clone().and(a).and(c));
        }
    }

    #[test]
    fn a_crash_stays_a_crash_whatever_is_said_later() {
        assert_eq!(
            worst(Some(Exit::Crash), Some(Exit::Clean)),
            Some(Exit::Crash)
        );
        assert_eq!(
            worst(Some(Exit::Unknown), Some(Exit::Clean)),
            Some(Exit::Clean)
        );
        assert_eq!(worst(None, Some(Exit::Unknown)), Some(Exit::Unknown));
    }
}
