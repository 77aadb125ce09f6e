//! Storing reports and counting them.

use super::delta::{Cell, Link, Sign};
use super::writer::Work;
use super::{installs, meetings, run};
use crate::grouping::Grouped;
use crate::store::issue_list::haystack;
use crate::store::{Arrival, Incoming, Kept, StoreError, ids, storm};
use candor_protocol::deidentify::{Name, Pseudonym};
use candor_protocol::report::{Connection, Report, What};
use rusqlite::OptionalExtension;
use std::collections::HashSet;

pub(super) fn keep(
    work: &mut Work<'_>,
    app: &str,
    reports: Vec<Incoming>,
    arrived: Arrival,
) -> rusqlite::Result<Result<Kept, StoreError>> {
    let Some(app) = work.app(app)? else {
        return Ok(Err(StoreError::NoApp));
    };
    if let Some(line) = first_erased(work, app, &reports)? {
        return Ok(Ok(Kept::Erased { line }));
    }
    let total = reports.len() as u32;
    let mut stored = 0;
    for incoming in &reports {
        stored += u32::from(keep_one(work, app, incoming, arrived)?);
    }
    work.deltas
        .ledger(app, arrived, "duplicate", "", "", u64::from(total - stored));
    work.deltas.arrive(app, arrived.at);
    let minute = arrived.at as i64 - arrived.at as i64 % 60;
    work.tx
        .prepare_cached(
            "UPDATE app SET last_batch = max(coalesce(last_batch, 0), ?2) WHERE id = ?1",
        )?
        .execute((app, minute))?;
    Ok(Ok(Kept::Stored {
        stored,
        duplicates: total - stored,
    }))
}

/// The line of the first report of an installation, a release or a time whose reports were erased.
fn first_erased(work: &Work<'_>, app: i64, reports: &[Incoming]) -> rusqlite::Result<Option<u32>> {
    let parts = Tombstones::read(work, app)?;
    let mut seen: HashSet<&Pseudonym> = HashSet::new();
    let mut query = work
        .tx
        .prepare_cached("SELECT 1 FROM erased WHERE app = ? AND pseudonym = ?")?;
    for incoming in reports {
        let pseudonym = &incoming.report.pseudonym;
        let erased = seen.insert(pseudonym) && query.exists((app, ids::erased(pseudonym)))?;
        if erased || parts.hold(&incoming.report) {
            return Ok(Some(incoming.line));
        }
    }
    Ok(None)
}

/// Parts of an app that were erased.
struct Tombstones(Vec<(Vec<u8>, u64, u64)>);

impl Tombstones {
    fn read(work: &Work<'_>, app: i64) -> rusqlite::Result<Self> {
        let mut query = work
            .tx
            .prepare_cached("SELECT release, first, after FROM erased_part WHERE app = ?")?;
        let parts = query.query_map([app], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        Ok(Self(parts.collect::<rusqlite::Result<_>>()?))
    }

    fn hold(&self, report: &Report) -> bool {
        let at = report.at.unix_seconds();
        self.0.iter().any(|(release, first, after)| {
            (*first..*after).contains(&at)
                && (release.is_empty() || *release == ids::erased_release(&report.release))
        })
    }
}

/// Whether the report is new.
fn keep_one(
    work: &mut Work<'_>,
    app: i64,
    incoming: &Incoming,
    arrival: Arrival,
) -> rusqlite::Result<bool> {
    let arrived = arrival.at;
    let report = &incoming.report;
    let cell = cell(work, app, report)?;
    let issue = incoming.issue.as_ref().map(|issue| issue.id.0 as i64);
    let inserted = work
        .tx
        .prepare_cached(
            "INSERT INTO report (app, id, at, run, pseudonym, release, os, device, issue, body, packed, kind, arrived)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, '', ?, ?, ?) ON CONFLICT (app, id) DO NOTHING",
        )?
        .execute((
            app,
            ids::report(&report.id),
            cell.at,
            ids::run(&report.run),
            ids::pseudonym(&report.pseudonym),
            cell.release,
            cell.os,
            cell.device,
            issue,
            incoming.body.as_bytes(),
            report.what.kind().as_str(),
            (arrived - arrived % 3_600) as i64,
        ))?;
    if inserted == 0 {
        return Ok(false);
    }
    work.deltas
        .ledger(app, arrival, "stored", report.what.kind().as_str(), "", 1);
    if let What::Loss(loss) = &report.what {
        for lost in &loss.lost {
            work.deltas.ledger(
                app,
                arrival,
                "lost",
                lost.kind.as_str(),
                lost.reason.as_str(),
                u64::from(lost.count),
            );
        }
    }
    if let Some(issue) = &incoming.issue {
        add_issue(work, app, issue, cell.at)?;
    }
    count(work, cell, report, issue, Sign::Add)?;
    if let Some(issue) = issue {
        meetings::meet(work, cell, issue, report)?;
        work.deltas.unnamed(cell, issue, &incoming.lacking);
    }
    count_reconnects(work, app, report, arrived)?;
    installs::note(work, cell, report, (arrived - arrived % 3_600) as i64)?;
    run::update(work, cell, report)?;
    Ok(true)
}

/// The names of a connection.
pub(super) fn link(work: &mut Work<'_>, window: &Connection) -> rusqlite::Result<Link> {
    let region = window.region.as_ref().map_or("", Name::as_str);
    Ok(Link {
        region: work.words.id(work.tx, region)?,
        name: work.words.id(work.tx, window.name.as_str())?,
        endpoint: work.words.id(work.tx, window.endpoint.as_str())?,
    })
}

/// Counts a window with reconnects in its minute: for its connection, and for all connections together.
fn count_reconnects(
    work: &mut Work<'_>,
    app: i64,
    report: &Report,
    arrived: u64,
) -> rusqlite::Result<()> {
    let What::Connection(window) = &report.what else {
        return Ok(());
    };
    let Some(minute) = storm::minute_of(report.at.unix_seconds(), arrived) else {
        return Ok(());
    };
    if window.reconnects == 0 {
        return Ok(());
    }
    let any = work.words.id(work.tx, "")?;
    let Link { name, endpoint, .. } = link(work, window)?;
    let pseudonym = ids::pseudonym(&report.pseudonym);
    for (name, endpoint) in [(any, any), (name, endpoint)] {
        let key = (app, minute, name, endpoint);
        let new = work.crowds.meet(key, pseudonym);
        work.deltas.reconnect(key, window.reconnects.into(), new);
    }
    Ok(())
}

/// Where a report is counted.
pub(super) fn cell(work: &mut Work<'_>, app: i64, report: &Report) -> rusqlite::Result<Cell> {
    let device = &report.device;
    let os = match &device.os_version {
        Some(version) => format!("{} {}", device.os, version.as_str()),
        None => device.os.to_string(),
    };
    Ok(Cell {
        app,
        at: report.at.unix_seconds() as i64,
        release: work.words.id(work.tx, report.release.as_str())?,
        os: work.words.id(work.tx, &os)?,
        device: work.words.id(work.tx, &device.class())?,
    })
}

/// Adds a report to the summaries, or takes it out of them. Runs are counted on their own: many reports tell of one.
pub(super) fn count(
    work: &mut Work<'_>,
    cell: Cell,
    report: &Report,
    issue: Option<i64>,
    sign: Sign,
) -> rusqlite::Result<()> {
    match &report.what {
        What::Crash(crash) => {
            work.deltas
                .fault(cell, if crash.fatal { "crash" } else { "handled" }, sign);
            if let Some(issue) = issue {
                work.deltas.issue(cell, issue, crash.fatal, sign);
            }
        }
        What::Freeze(freeze) => {
            work.deltas.fault(cell, "freeze", sign);
            if let Some(issue) = issue {
                work.deltas.issue(cell, issue, false, sign);
                work.deltas.freeze(cell, issue, freeze, sign);
            }
        }
        What::Connection(window) => {
            let link = link(work, window)?;
            let run = ids::run(&report.run);
            work.deltas.connection(cell, link, window, run, sign);
        }
        What::Run(_) | What::Loss(_) => {}
    }
    Ok(())
}

/// Writes down what an issue is, unless that is known.
pub(super) fn add_issue(
    work: &Work<'_>,
    app: i64,
    issue: &Grouped,
    at: i64,
) -> rusqlite::Result<()> {
    let id = issue.id.0 as i64;
    let known: Option<i64> = work
        .tx
        .prepare_cached("SELECT 1 FROM issue WHERE app = ? AND id = ?")?
        .query_row((app, id), |row| row.get(0))
        .optional()?;
    if known.is_none() {
        let why = serde_json::to_string(&issue.why)
            .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
        work.tx
            .prepare_cached(
                "INSERT INTO issue (app, id, kind, title, culprit, why, own, says, first_seen, last_seen)
                 VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?9, ?9)",
            )?
            .execute((
                app,
                id,
                issue.kind.as_str(),
                &issue.title,
                &issue.culprit,
                why,
                issue.why.is_own(),
                haystack(&issue.title, &issue.culprit, &issue.why),
                at,
            ))?;
    }
    Ok(())
}
