//! Rates over time and by release.

use super::connections::sums;
use super::{Ask, typed, whole, within};
use crate::store::clickhouse::cell::{FROZEN, What};
use crate::store::{Exits, Health, Point, ReleaseRow, Span, StoreError};
use candor_protocol::report::Exit;
use clickhouse::Row;
use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Row, Deserialize)]
struct RunsRow {
    exit: String,
    flag: u8,
    runs: i64,
    ms: i64,
}

/// A count of one class.
#[derive(Row, Deserialize)]
struct CountRow {
    class: String,
    n: i64,
}

pub(in super::super) async fn health(ask: Ask<'_>, span: Span) -> Result<Health, StoreError> {
    let mut health = Health::default();
    if ask.history.is_empty() {
        return Ok(health);
    }
    let (server, range) = (ask.server, within(span));
    let runs = format!(
        "SELECT word, flag, sum(n) AS runs, sum(ms) {} {range} GROUP BY word, flag HAVING runs > 0",
        ask.history.of_summary(What::Runs)
    );
    let installs = format!(
        "SELECT count() AS count FROM (SELECT pseudonym {} {range} GROUP BY pseudonym HAVING sum(n) > 0)",
        ask.history.of_summary(What::Install)
    );
    let faults = format!(
        "SELECT word, sum(n) {} {range} GROUP BY word",
        ask.history.of_summary(What::Faults)
    );
    let (runs, installs, faults, sums): (Vec<RunsRow>, u64, Vec<CountRow>, _) = tokio::try_join!(
        server.rows(&runs),
        server.count(&installs),
        server.rows(&faults),
        sums(ask, span)
    )?;
    for row in runs {
        let runs = whole(row.runs);
        health.runs += runs;
        health.run_ms += whole(row.ms);
        if row.flag & FROZEN > 0 {
            health.frozen_runs += runs;
        }
        if let Ok(exit) = row.exit.parse::<Exit>() {
            health.ended += runs;
            *health.exits.entry(exit).or_default() += runs;
        }
    }
    health.crashed_runs = health.exits.get(&Exit::Crash).copied().unwrap_or_default();
    health.installs = installs;
    for row in faults {
        match row.class.as_str() {
            "crash" => health.crashes = whole(row.n),
            "handled" => health.handled = whole(row.n),
            _ => health.freezes = whole(row.n),
        }
    }
    health.attempts = sums.attempts;
    health.ready = sums.ready;
    health.ready_us = sums.ready_us;
    health.rtt_us = sums.rtt_us;
    Ok(health)
}

/// A count of one class at one time.
#[derive(Row, Deserialize)]
struct TimeRow {
    at: u64,
    class: String,
    n: i64,
    m: i64,
}

pub(in super::super) async fn trend(ask: Ask<'_>, span: Span) -> Result<Vec<Point>, StoreError> {
    let mut points: Vec<Point> = (0..span.steps())
        .map(|index| Point {
            at: span.start(index),
            ..Point::default()
        })
        .collect();
    if ask.history.is_empty() {
        return Ok(points);
    }
    let by_time = |what, class: &str, which: &str| {
        format!(
            "SELECT at, {class}, sum(n), sum(m) {} {} {which} GROUP BY at, {class}",
            ask.history.of_summary(what),
            within(span)
        )
    };
    let runs = by_time(What::Runs, "word", "");
    let faults = by_time(What::Faults, "word", "");
    let connections = by_time(What::Connections, "reason", &grains(span));
    let (runs, faults, connections): (Vec<TimeRow>, Vec<TimeRow>, Vec<TimeRow>) = tokio::try_join!(
        ask.server.rows(&runs),
        ask.server.rows(&faults),
        ask.server.rows(&connections)
    )?;
    let mut add = |rows: Vec<TimeRow>, add: fn(&mut Point, &TimeRow)| {
        for row in rows {
            let step = span.index(row.at);
            if let Some(point) = step.and_then(|index| points.get_mut(index)) {
                add(point, &row);
            }
        }
    };
    add(runs, |point, row| {
        point.runs += whole(row.n);
        if row.class == Exit::Crash.as_str() {
            point.crashed_runs += whole(row.n);
        }
    });
    add(faults, |point, row| match row.class.as_str() {
        "crash" => point.crashes += whole(row.n),
        "freeze" => point.freezes += whole(row.n),
        _ => {}
    });
    add(connections, |point, row| {
        point.attempts += whole(row.n);
        point.ready += whole(row.m);
    });
    Ok(points)
}

/// Runs that ended alike, at one time or of one release.
#[derive(Row, Deserialize)]
struct ExitRow {
    at: u64,
    release: String,
    exit: String,
    flag: u8,
    runs: i64,
}

pub(in super::super) async fn exits(ask: Ask<'_>, span: Span) -> Result<Exits, StoreError> {
    let mut found = Exits::none(span);
    if ask.history.is_empty() {
        return Ok(found);
    }
    let grouped = |at: &str, release: &str, by: &str| {
        format!(
            "SELECT {at}, {release}, word, flag, sum(n) AS runs {} {} GROUP BY {by}, word, flag HAVING runs > 0",
            ask.history.of_summary(What::Runs),
            within(span)
        )
    };
    let by_time = grouped("at", "''", "at");
    let by_release = grouped("toUInt64(0)", "release", "release");
    let (by_time, by_release): (Vec<ExitRow>, Vec<ExitRow>) =
        tokio::try_join!(ask.server.rows(&by_time), ask.server.rows(&by_release))?;
    for row in by_time {
        let step = span.index(row.at);
        if let Some((_, sum)) = step.and_then(|index| found.steps.get_mut(index)) {
            sum.count(&row.exit, row.flag & FROZEN > 0, whole(row.runs));
        }
    }
    for row in by_release {
        let sum = found.by_release.entry(typed(&row.release)?).or_default();
        sum.count(&row.exit, row.flag & FROZEN > 0, whole(row.runs));
    }
    Ok(found)
}

/// The sums of connection windows that tell the time as finely as a range needs it.
pub(super) fn grains(span: Span) -> String {
    format!("AND flag IN (0, {})", if span.is_coarse() { 1 } else { 2 })
}

/// Counts of one class of a release.
#[derive(Row, Deserialize)]
struct ClassRow {
    release: String,
    class: String,
    n: i64,
    m: i64,
}

pub(in super::super) async fn releases(
    ask: Ask<'_>,
    span: Span,
) -> Result<Vec<ReleaseRow>, StoreError> {
    if ask.history.is_empty() {
        return Ok(Vec::new());
    }
    let range = within(span);
    let by_release = |what, class: &str, which: &str| {
        format!(
            "SELECT release, {class}, sum(n) AS total, sum(m) {} {range} {which} GROUP BY release, {class} HAVING total > 0",
            ask.history.of_summary(what)
        )
    };
    let runs = by_release(What::Runs, "word", "");
    let faults = by_release(What::Faults, "word", "");
    let connections = by_release(What::Connections, "reason", &grains(span));
    let installs = installs_by_release(ask, span);
    let (ran, failed) = (seen(ask, What::Runs), seen(ask, What::Faults));
    let counts = async {
        let rows: (Vec<ClassRow>, Vec<ClassRow>, Vec<ClassRow>) = tokio::try_join!(
            ask.server.rows(&runs),
            ask.server.rows(&faults),
            ask.server.rows(&connections)
        )?;
        Ok::<_, StoreError>(rows)
    };
    let seen = async {
        let rows: (Vec<SeenRow>, Vec<SeenRow>) =
            tokio::try_join!(ask.server.rows(&ran), ask.server.rows(&failed))?;
        Ok(rows)
    };
    let ((runs, faults, connections), installs, (ran, failed)): (_, Vec<CountRow>, _) =
        tokio::try_join!(counts, ask.server.rows(&installs), seen)?;
    let mut found: BTreeMap<String, ReleaseRow> = BTreeMap::new();
    let mut add = |rows: Vec<ClassRow>, add: fn(&mut ReleaseRow, &ClassRow)| {
        for row in rows {
            if !found.contains_key(&row.release) {
                found.insert(row.release.clone(), ReleaseRow::new(typed(&row.release)?));
            }
            if let Some(found) = found.get_mut(&row.release) {
                add(found, &row);
            }
        }
        Ok::<(), StoreError>(())
    };
    add(runs, |found, row| {
        found.runs += whole(row.n);
        if row.class == Exit::Crash.as_str() {
            found.crashed_runs += whole(row.n);
        }
    })?;
    add(faults, |found, row| {
        if row.class == "freeze" {
            found.freezes += whole(row.n);
        }
    })?;
    add(connections, |found, row| {
        found.attempts += whole(row.n);
        found.ready += whole(row.m);
    })?;
    for row in installs {
        if let Some(found) = found.get_mut(&row.class) {
            found.installs = whole(row.n);
        }
    }
    for row in ran.into_iter().chain(failed) {
        if let Some(found) = found.get_mut(&row.release) {
            found.see(row.first, row.last);
        }
    }
    let mut rows: Vec<ReleaseRow> = found.into_values().collect();
    ReleaseRow::sort(&mut rows);
    Ok(rows)
}

/// When a release was seen.
#[derive(Row, Deserialize)]
struct SeenRow {
    release: String,
    first: u64,
    last: u64,
}

/// When something of each release was first and last counted.
fn seen(ask: Ask<'_>, what: What) -> String {
    format!(
        "SELECT release, min(at), max(at) FROM
             (SELECT release, at, sum(n) AS total {} GROUP BY release, at HAVING total > 0)
         GROUP BY release",
        ask.history.of_summary(what)
    )
}

/// How many installations each release has: a class and a count.
pub(super) fn installs_by_release(ask: Ask<'_>, span: Span) -> String {
    format!(
        "SELECT release, toInt64(count()) FROM (SELECT release, pseudonym {} {} GROUP BY release, pseudonym HAVING sum(n) > 0)
         GROUP BY release",
        ask.history.of_summary(What::Install),
        within(span)
    )
}
