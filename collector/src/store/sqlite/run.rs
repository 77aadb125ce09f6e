//! Keeping what is known of each run, and counting it where it counts now.

use super::delta::{Cell, Sign};
use super::present;
use super::writer::Work;
use crate::store::{ids, run_state};
use candor_protocol::report::{Exit, Report};
use rusqlite::OptionalExtension;

/// What is known of one run.
pub(super) type RunState = run_state::RunState<Cell>;

/// How a run is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct RunCell {
    pub(super) cell: Cell,
    pub(super) exit: Option<Exit>,
    pub(super) frozen: bool,
}

pub(super) fn counted(run: &RunState) -> (RunCell, u64) {
    (
        RunCell {
            cell: run.cell,
            exit: run.exit,
            frozen: run.frozen,
        },
        run.run_ms,
    )
}

pub(super) fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<RunState> {
    let exit: String = row.get("exit")?;
    Ok(RunState {
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

/// Adds what a report says to its run, and moves the run to where it counts now.
pub(super) fn update(work: &mut Work<'_>, cell: Cell, report: &Report) -> rusqlite::Result<()> {
    let Some(said) = RunState::of(cell, &report.what) else {
        return Ok(());
    };
    let id = ids::run(&report.run);
    let known: Option<(RunState, [u8; 16])> = work
        .tx
        .prepare_cached("SELECT * FROM run WHERE app = ? AND id = ?")?
        .query_row((cell.app, id), |row| {
            Ok((read(row)?, row.get("pseudonym")?))
        })
        .optional()?;
    let (known, who) = match known {
        Some((known, who)) => (Some(known), who),
        None => (None, ids::pseudonym(&report.pseudonym)),
    };
    let now = match known.clone() {
        Some(known) => known.and(said),
        None => said,
    };
    if known.as_ref() == Some(&now) {
        return Ok(());
    }
    let moves = known
        .as_ref()
        .is_some_and(|known| place(known) != place(&now));
    if known.is_none() {
        present::come(work, (cell.app, &who), (now.cell.at, now.cell.release))?;
    } else if moves {
        present::count(work, cell.app, &who, Sign::Take)?;
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
            who,
            started,
            cell.at,
            cell.release,
            cell.os,
            cell.device,
            exit.map_or("", Exit::as_str),
            frozen,
            *run_ms,
        ))?;
    if moves {
        present::count(work, cell.app, &who, Sign::Add)?;
    }
    if let Some(known) = known {
        work.deltas.run(counted(&known), Sign::Take);
    }
    work.deltas.run(counted(&now), Sign::Add);
    Ok(())
}

/// The hour and the release in which its installation was there.
const fn place(run: &RunState) -> (i64, i64) {
    (run.cell.at / 3_600, run.cell.release)
}
