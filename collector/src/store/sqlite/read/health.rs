//! Rates over time and by release.

use super::{RUNS, Text, bounds, quarters};
use crate::store::columns::Columns;
use crate::store::sqlite::delta::head;
use crate::store::sqlite::past::{Folded, stretches};
use crate::store::sqlite::present::{ANY, Hours};
use crate::store::{Exits, Health, Point, ReleaseRow, Span};
use candor_protocol::deidentify::Release;
use candor_protocol::report::Exit;
use rusqlite::{Row, Transaction, named_params};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

pub(in super::super) fn health(
    db: &Transaction<'_>,
    app: i64,
    span: Span,
) -> rusqlite::Result<Health> {
    let mut health = Health::default();

    let (from, first, last, to) = quarters(span.as_one_step());
    let mut query = db.prepare_cached(&format!(
        "SELECT exit, frozen, sum(runs), sum(run_ms) FROM {RUNS} GROUP BY exit, frozen"
    ))?;
    let mut rows = query.query((app, from, first, last, to))?;
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
    health.installs = match Hours::of(span) {
        Some(hours) => hours.installs(db, app)?,
        None => db
            .prepare_cached(
                "SELECT count(DISTINCT pseudonym) FROM run WHERE app = ? AND at >= ? AND at < ?",
            )?
            .query_row((app, from, to), |row| row.get(0))?,
    };

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

    let mut sum = Columns::default();
    windows(
        db,
        app,
        span.as_one_step(),
        false,
        ("sum, packed", ""),
        |row| {
            sum.merge(&head(row.get_ref(0)?, row.get_ref(1)?)?);
            Ok(())
        },
    )?;
    let sum = sum.sum();
    health.attempts = sum.attempts;
    health.ready = sum.ready;
    health.ready_us = sum.ready_us;
    health.rtt_us = sum.rtt_us;
    Ok(health)
}

/// Goes through connection windows as they are summed: `asked` is what of each sum, and how they are grouped.
fn windows(
    db: &Transaction<'_>,
    app: i64,
    span: Span,
    minutes: bool,
    asked: (&str, &str),
    mut each: impl FnMut(&Row<'_>) -> rusqlite::Result<()>,
) -> rusqlite::Result<()> {
    for stretch in stretches(Folded::of(db, app)?, span) {
        let (columns, grouped) = asked;
        let (from, to) = stretch.bounds();
        let mut query = db.prepare_cached(&format!(
            "SELECT {columns} {} {grouped}",
            stretch.rows(minutes)
        ))?;
        let mut rows = query.query(named_params! {":app": app, ":from": from, ":to": to})?;
        while let Some(row) = rows.next()? {
            each(row)?;
        }
    }
    Ok(())
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
    let (from, first, last, to) = quarters(span);
    let mut query = db.prepare_cached(&format!(
        "SELECT at, exit, sum(runs) FROM {RUNS} GROUP BY at, exit"
    ))?;
    let mut rows = query.query((app, from, first, last, to))?;
    while let Some(row) = rows.next()? {
        let step = span.index(row.get(0)?);
        if let Some(point) = step.and_then(|index| points.get_mut(index)) {
            let runs: u64 = row.get(2)?;
            point.runs += runs;
            if row.get_ref(1)?.as_str()? == Exit::Crash.as_str() {
                point.crashed_runs += runs;
            }
        }
    }
    let mut query = db.prepare_cached(
        "SELECT at, fault, sum(reports) FROM fault_count WHERE app = ? AND at >= ? AND at < ? GROUP BY at, fault",
    )?;
    let mut rows = query.query((app, from, to))?;
    while let Some(row) = rows.next()? {
        let step = span.index(row.get(0)?);
        if let Some(point) = step.and_then(|index| points.get_mut(index)) {
            let reports: u64 = row.get(2)?;
            match row.get_ref(1)?.as_str()? {
                "crash" => point.crashes += reports,
                "freeze" => point.freezes += reports,
                _ => {}
            }
        }
    }
    let by_time = ("at, sum(attempts), sum(ready)", "GROUP BY at");
    windows(db, app, span, !span.is_coarse(), by_time, |row| {
        let step = span.index(row.get(0)?);
        if let Some(point) = step.and_then(|index| points.get_mut(index)) {
            point.attempts += row.get::<_, u64>(1)?;
            point.ready += row.get::<_, u64>(2)?;
        }
        Ok(())
    })?;
    Ok(points)
}

pub(in super::super) fn exits(
    db: &Transaction<'_>,
    app: Option<i64>,
    span: Span,
) -> rusqlite::Result<Exits> {
    let mut found = Exits::none(span);
    let Some(app) = app else { return Ok(found) };
    let (from, first, last, to) = quarters(span);
    let mut query = db.prepare_cached(&format!(
        "SELECT at, exit, frozen, sum(runs) FROM {RUNS} GROUP BY at, exit, frozen"
    ))?;
    let mut rows = query.query((app, from, first, last, to))?;
    while let Some(row) = rows.next()? {
        let step = span
            .index(row.get(0)?)
            .and_then(|index| found.steps.get_mut(index));
        if let Some((_, sum)) = step {
            sum.count(row.get_ref(1)?.as_str()?, row.get(2)?, row.get(3)?);
        }
    }
    let mut query = db.prepare_cached(&format!(
        "SELECT text, exit, frozen, runs FROM
             (SELECT release, exit, frozen, sum(runs) AS runs FROM {RUNS} GROUP BY release, exit, frozen)
         JOIN word ON word.id = release"
    ))?;
    let mut rows = query.query((app, from, first, last, to))?;
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
    let (from, first, last, to) = quarters(span.as_one_step());
    let mut found: BTreeMap<i64, ReleaseRow> = BTreeMap::new();
    let mut of = |release: i64, add: &dyn Fn(&mut ReleaseRow)| -> rusqlite::Result<()> {
        let row = match found.entry(release) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => unknown.insert(row(db, app, release)?),
        };
        add(row);
        Ok(())
    };
    let mut query = db.prepare_cached(&format!(
        "SELECT release, exit, sum(runs) FROM {RUNS} GROUP BY release, exit"
    ))?;
    let mut rows = query.query((app, from, first, last, to))?;
    while let Some(row) = rows.next()? {
        let (crash, runs): (bool, u64) = (
            row.get_ref(1)?.as_str()? == Exit::Crash.as_str(),
            row.get(2)?,
        );
        of(row.get(0)?, &|row| {
            row.runs += runs;
            row.crashed_runs += if crash { runs } else { 0 };
        })?;
    }
    for (release, installs) in installs(db, app, span)? {
        of(release, &|row| row.installs = installs)?;
    }
    let mut query = db.prepare_cached(
        "SELECT release, fault, sum(reports) FROM fault_count
         WHERE app = ? AND at >= ? AND at < ? GROUP BY release, fault",
    )?;
    let mut rows = query.query((app, from, to))?;
    while let Some(row) = rows.next()? {
        let (freeze, reports): (bool, u64) = (row.get_ref(1)?.as_str()? == "freeze", row.get(2)?);
        of(row.get(0)?, &|row| {
            row.freezes += if freeze { reports } else { 0 }
        })?;
    }
    let by_release = ("release, sum(attempts), sum(ready)", "GROUP BY release");
    windows(db, app, span.as_one_step(), false, by_release, |row| {
        let (attempts, ready): (u64, u64) = (row.get(1)?, row.get(2)?);
        of(row.get(0)?, &|row| {
            row.attempts += attempts;
            row.ready += ready;
        })
    })?;
    let mut rows: Vec<ReleaseRow> = found.into_values().collect();
    ReleaseRow::sort(&mut rows);
    Ok(rows)
}

/// A release of which nothing is counted yet, and the days on which it was seen.
fn row(db: &Transaction<'_>, app: i64, release: i64) -> rusqlite::Result<ReleaseRow> {
    let Text(name) = db
        .prepare_cached("SELECT text FROM word WHERE id = ?")?
        .query_row([release], |row| row.get(0))?;
    let mut row = ReleaseRow::new(name);
    for sql in [
        "SELECT (SELECT min(at) FROM run_count INDEXED BY run_count_release WHERE app = ?1 AND release = ?2),
             (SELECT max(at) FROM run_count INDEXED BY run_count_release WHERE app = ?1 AND release = ?2)",
        "SELECT (SELECT min(at) FROM fault_count INDEXED BY fault_count_release WHERE app = ?1 AND release = ?2 AND reports > 0),
             (SELECT max(at) FROM fault_count INDEXED BY fault_count_release WHERE app = ?1 AND release = ?2 AND reports > 0)",
    ] {
        let mut query = db.prepare_cached(sql)?;
        let seen = query.query_row((app, release), |row| Ok((row.get(0)?, row.get(1)?)))?;
        if let (Some(first), Some(last)) = seen {
            row.see(first, last);
        }
    }
    Ok(row)
}

/// Distinct installations by release.
pub(super) fn installs(
    db: &Transaction<'_>,
    app: i64,
    span: Span,
) -> rusqlite::Result<BTreeMap<i64, u64>> {
    if let Some(hours) = Hours::of(span) {
        let mut installs = hours.by_release(db, app)?;
        installs.remove(&ANY);
        return Ok(installs);
    }
    let (from, to) = bounds(span);
    let mut query = db.prepare_cached(
        "SELECT release, count(DISTINCT pseudonym) FROM run WHERE app = ? AND at >= ? AND at < ? GROUP BY release",
    )?;
    let installs = query.query_map((app, from, to), |row| Ok((row.get(0)?, row.get(1)?)))?;
    installs.collect()
}
