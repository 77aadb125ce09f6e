//! What was counted in another store, as it is counted here.

use super::cell::{Amount, Cell, Cells, FROZEN, STARTED, What};
use super::regroup::unnamed_cell;
use super::told::issue_key;
use crate::store::moving::{Counted, RunClass};
use crate::store::{IssueKind, StoreError};

fn of_class(what: What, class: &RunClass) -> Cell {
    Cell {
        what,
        at: class.at,
        release: class.release.clone(),
        os: class.os.clone(),
        device: class.device.clone(),
        word: class.exit.clone(),
        flag: if class.frozen { FROZEN } else { 0 },
        ..Cell::default()
    }
}

/// Puts what was counted elsewhere where it is counted here.
pub(super) fn put(cells: &mut Cells, counted: Counted) -> Result<(), StoreError> {
    match counted {
        Counted::Run {
            id,
            pseudonym,
            started,
            class,
        } => {
            let cell = of_class(What::Run, &class);
            let known = Cell {
                key: id,
                pseudonym,
                flag: cell.flag | if started { STARTED } else { 0 },
                ..cell
            };
            cells.add(known, Amount::of(1, 0, class.run_ms));
            let install = Cell {
                what: What::Install,
                at: class.at,
                release: class.release,
                pseudonym,
                ..Cell::default()
            };
            cells.add(install, Amount::n(1));
        }
        Counted::Runs { class, runs } => {
            let amount = Amount::of(runs, 0, class.run_ms);
            cells.add(of_class(What::Runs, &class), amount);
        }
        Counted::Fault {
            at,
            release,
            fault,
            reports,
        } => {
            let cell = Cell {
                what: What::Faults,
                at,
                release,
                word: fault,
                ..Cell::default()
            };
            cells.add(cell, Amount::n(reports));
        }
        Counted::Issue {
            issue,
            kind,
            at,
            release,
            os,
            device,
            reports,
            fatal,
        } => {
            let cell = Cell {
                what: What::Issues,
                key: issue_key(issue),
                issue,
                at,
                release,
                os,
                device,
                word: kind.map_or("", IssueKind::as_str).to_owned(),
                ..Cell::default()
            };
            cells.add(cell, Amount::of(reports, fatal, 0));
        }
        Counted::Freezes { at, issue, sum } => {
            let cell = Cell {
                what: What::Freezes,
                at,
                issue,
                ..Cell::default()
            };
            cells.freezes(cell, &sum)?;
        }
        Counted::Connections {
            grain,
            at,
            cell,
            attempts,
            ready,
            sum,
        } => {
            let cell = Cell {
                what: What::Connections,
                flag: grain,
                at,
                release: cell.release,
                os: cell.os,
                region: cell.region,
                name: cell.name,
                endpoint: cell.endpoint,
                transport: cell.transport,
                network: cell.network,
                ..Cell::default()
            };
            cells.connections(cell, (attempts, ready), &sum)?;
        }
        Counted::Minute {
            at,
            name,
            endpoint,
            installs,
            reconnects,
        } => {
            let cell = Cell {
                what: What::Minute,
                at,
                name,
                endpoint,
                ..Cell::default()
            };
            cells.add(cell, Amount::of(installs, reconnects, 0));
        }
        Counted::Ledger {
            day,
            key,
            what,
            kind,
            reason,
            reports,
        } => {
            let cell = Cell {
                what: What::Ledger,
                at: day,
                endpoint: key,
                word: what,
                name: kind,
                reason,
                ..Cell::default()
            };
            cells.add(cell, Amount::n(reports));
        }
        Counted::Unnamed {
            build,
            issue,
            release,
            module,
            met,
        } => cells.add(
            unnamed_cell(issue, &release, &build, &module),
            Amount::n(met),
        ),
        Counted::Leak {
            day,
            release,
            field,
            reason,
            reports,
        } => {
            let cell = Cell {
                what: What::Leak,
                at: day,
                release,
                word: field,
                reason,
                ..Cell::default()
            };
            cells.add(cell, Amount::n(reports));
        }
    }
    Ok(())
}
