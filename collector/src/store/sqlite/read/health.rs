//! Rates over time and by release.

use super::{Text, bounds};
use crate::store::columns::Columns;
use crate::store::sqlite::delta::head;
use crate::store::{Exits, Health, Point, ReleaseRow, Span};
use candor_protocol::deidentify::Release;
use candor_protocol::report::Exit;
use rusqlite::Transaction;
use std::collections::BTreeMap;

pub(in super::super) fn health(
    db: &Transaction<'_>,
    app: i64,
    span: Span,
) -> rusqlite::Result<Health> {
    let (from, to) = bounds(span);
    let mut health = Health::default();

    let mut query = db.prepare_cached(
        "SELECT exit, frozen, sum(runs), sum(run_ms) FROM run_count
         WHERE app = ? AND at >= ? AND at < ? GROUP BY exit, frozen",
    )?;
    let mut rows = query.query((app, from, to))?;
    while let Some(row) = rows.next()? {
        let runs: u64 = row.get(2)?;
        health.runs += runs;
        health.run_ms += row.get::<_, u64>(3)?;
        if row.get(1)? {
            health.frozen_runs += runs;
        }
        if let Ok(exit) = row.get_ref(0)?.as_str()?.parse::<Exit>() {
            health.ended += runs;
            *health.exits.entry(exit).or_default() += runs;
        }
    }
    health.crashed_runs = health.exits.get(&Exit::Crash).copied().unwrap_or_default();
    health.installs = db
        .prepare_cached(
            "SELECT count(DISTINCT pseudonym) FROM run WHERE app = ? AND at >= ? AND at < ?",
        )?
        .query_row((app, from, to), |row| row.get(0))?;

    let mut query = db.prepare_cached(
        "SELECT fault, sum(reports) FROM fault_count WHERE app = ? AND at >= ? AND at < ? GROUP BY fault",
    )?;
    let mut rows = query.query((app, from, to))?;
    while let Some(row) = rows.next()? {
        match row.get_ref(0)?.as_str()? {
            "crash" => health.crashes = row.get(1)?,
            "handled" => health.handled = row.get(1)?,
            _ => health.freezes = row.get(1)?,
        }
    }

    let mut query = db.prepare_cached(
        "SELECT sum, packed FROM connection_sum WHERE app = ? AND grain < 2 AND at >= ? AND at < ?",
    )?;
    let mut rows = query.query((app, from, to))?;
    let mut sum = Columns::default();
    while let Some(row) = rows.next()? {
        sum.merge(&head(row.get_ref(0)?, row.get_ref(1)?)?);
    }
    let sum = sum.sum();
    health.attempts = sum.attempts;
    health.ready = sum.ready;
    health.ready_us = sum.ready_us;
    health.rtt_us = sum.rtt_us;
    Ok(health)
}

pub(in super::super) fn trend(
    db: &Transaction<'_>,
    app: Option<i64>,
    span: Span,
) -> rusqlite::Result<Vec<Point>> {
    let mut points: Vec<Point> = (0..span.steps())
        .map(|index| Point {
            at: span.start(index),
            ..Point::default()
        })
        .collect();
    let Some(app) = app else { return Ok(points) };
    let (from, to) = bounds(span);
    let mut add = |sql: &str, add: fn(&mut Point, &str, u64, u64)| -> rusqlite::Result<()> {
        let mut query = db.prepare_cached(sql)?;
        let mut rows = query.query((app, from, to))?;
        while let Some(row) = rows.next()? {
            let step = span
                .index(row.get(0)?)
                .and_then(|index| points.get_mut(index));
            if let Some(point) = step {
                add(point, row.get_ref(1)?.as_str()?, row.get(2)?, row.get(3)?);
            }
        }
        Ok(())
    };
    add(
        "SELECT at, exit, sum(runs), 0 FROM run_count WHERE app = ? AND at >= ? AND at < ? GROUP BY at, exit",
        |point, exit, runs, _| {
            point.runs += runs;
            if exit == Exit::Crash.as_str() {
                point.crashed_runs += runs;
            }
        },
    )?;
    add(
        "SELECT at, fault, sum(reports), 0 FROM fault_count WHERE app = ? AND at >= ? AND at < ? GROUP BY at, fault",
        |point, fault, reports, _| match fault {
            "crash" => point.crashes += reports,
            "freeze" => point.freezes += reports,
            _ => {}
        },
    )?;
    add(
        if span.is_coarse() {
            "SELECT at, '', sum(attempts), sum(ready) FROM connection_sum
             WHERE app = ? AND grain < 2 AND at >= ? AND at < ? GROUP BY at"
        } else {
            "SELECT at, '', sum(attempts), sum(ready) FROM connection_sum
             WHERE app = ? AND grain IN (0, 2) AND at >= ? AND at < ? GROUP BY at"
        },
        |point, _, attempts, ready| {
            point.attempts += attempts;
            point.ready += ready;
        },
    )?;
    Ok(points)
}

pub(in super::super) fn exits(
    db: &Transaction<'_>,
    app: Option<i64>,
    span: Span,
) -> rusqlite::Result<Exits> {
    let mut found = Exits::none(span);
    let Some(app) = app else { return Ok(found) };
    let (from, to) = bounds(span);
    let mut query = db.prepare_cached(
        "SELECT at, exit, frozen, sum(runs) FROM run_count
         WHERE app = ? AND at >= ? AND at < ? GROUP BY at, exit, frozen",
    )?;
    let mut rows = query.query((app, from, to))?;
    while let Some(row) = rows.next()? {
        let step = span
            .index(row.get(0)?)
            .and_then(|index| found.steps.get_mut(index));
        if let Some((_, sum)) = step {
            sum.count(row.get_ref(1)?.as_str()?, row.get(2)?, row.get(3)?);
        }
    }
    let mut query = db.prepare_cached(
        "SELECT text, exit, frozen, sum(runs) FROM run_count JOIN word ON word.id = release
         WHERE app = ? AND at >= ? AND at < ? GROUP BY release, exit, frozen",
    )?;
    let mut rows = query.query((app, from, to))?;
    while let Some(row) = rows.next()? {
        let Text(release) = row.get::<_, Text<Release>>(0)?;
        let sum = found.by_release.entry(release).or_default();
        sum.count(row.get_ref(1)?.as_str()?, row.get(2)?, row.get(3)?);
    }
    Ok(found)
}

pub(in super::super) fn releases(
    db: &Transaction<'_>,
    app: i64,
    span: Span,
) -> rusqlite::Result<Vec<ReleaseRow>> {
    let (from, to) = bounds(span);
    let mut found: BTreeMap<i64, ReleaseRow> = BTreeMap::new();
    let mut add = |sql: &str, add: fn(&mut ReleaseRow, &str, u64, u64)| -> rusqlite::Result<()> {
        let mut query = db.prepare_cached(sql)?;
        let mut rows = query.query((app, from, to))?;
        while let Some(row) = rows.next()? {
            let id: i64 = row.get(0)?;
            if let std::collections::btree_map::Entry::Vacant(vacant) = found.entry(id) {
                let Text(release) = db
                    .prepare_cached("SELECT text FROM word WHERE id = ?")?
                    .query_row([id], |row| row.get::<_, Text<Release>>(0))?;
                vacant.insert(ReleaseRow {
                    release,
                    runs: 0,
                    crashed_runs: 0,
                    freezes: 0,
                    installs: 0,
                    attempts: 0,
                    ready: 0,
                });
            }
            if let Some(found) = found.get_mut(&id) {
                add(found, row.get_ref(1)?.as_str()?, row.get(2)?, row.get(3)?);
            }
        }
        Ok(())
    };
    add(
        "SELECT release, exit, sum(runs), 0 FROM run_count WHERE app = ? AND at >= ? AND at < ? GROUP BY release, exit",
        |row, exit, runs, _| {
            row.runs += runs;
            if exit == Exit::Crash.as_str() {
                row.crashed_runs += runs;
            }
        },
    )?;
    add(
        "SELECT release, '', count(DISTINCT pseudonym), 0 FROM run WHERE app = ? AND at >= ? AND at < ? GROUP BY release",
        |row, _, installs, _| row.installs += installs,
    )?;
    add(
        "SELECT release, fault, sum(reports), 0 FROM fault_count
         WHERE app = ? AND at >= ? AND at < ? GROUP BY release, fault",
        |row, fault, reports, _| {
            if fault == "freeze" {
                row.freezes += reports;
            }
        },
    )?;
    add(
        "SELECT release, '', sum(attempts), sum(ready) FROM connection_sum
         WHERE app = ? AND grain < 2 AND at >= ? AND at < ? GROUP BY release",
        |row, _, attempts, ready| {
            row.attempts += attempts;
            row.ready += ready;
        },
    )?;
    let mut rows: Vec<ReleaseRow> = found.into_values().collect();
    ReleaseRow::sort(&mut rows);
    Ok(rows)
}
