//! Installations by class, and what was not kept.

use super::{Text, bounds, triage};
use crate::store::issue_day::DAY;
use crate::store::sqlite::installs::WEEK;
use crate::store::sqlite::present::{ANY, Hours};
use crate::store::sqlite::remembered::Remembered;
use crate::store::{
    ConnectionCell, Dimension, Group, Groups, Of, Population, QuarantineRow, Span, Spreads,
};
use candor_protocol::deidentify::Release;
use rusqlite::Transaction;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

pub(in super::super) fn groups(
    db: &Transaction<'_>,
    app: i64,
    of: Of,
    span: Span,
    known: &Remembered,
) -> rusqlite::Result<Groups> {
    let (from, to) = bounds(span);
    if let (Of::Runs, Some(hours)) = (of, Hours::of(span)) {
        return runs(db, hours.by_release(db, app)?);
    }
    let (sql, classes): (String, &[Dimension]) = match of {
        Of::Connections => {
            return cells(db, app, (from / WEEK, to.saturating_add(WEEK - 1) / WEEK));
        }
        Of::Runs => (
            "SELECT pseudonym, release FROM run WHERE app = ? AND at >= ? AND at < ?".to_owned(),
            &[Dimension::Release],
        ),
        Of::Issue(id) | Of::IssueWithin(id) => {
            let marks = &known.decided(db, app)?.marks;
            let family = triage::among(&marks.family(marks.root(id.0)));
            let sql = format!(
                "SELECT pseudonym, release, os, device FROM report INDEXED BY report_issue
                 WHERE app = ? AND issue {family} AND at >= ? AND at < ?"
            );
            (sql, &Dimension::ALL)
        }
    };
    let within = matches!(of, Of::IssueWithin(_));
    let mut all: HashSet<[u8; 16]> = HashSet::new();
    // By dimension, release where classes are told within one, and class.
    let mut by: HashMap<(usize, Option<i64>, i64), HashSet<[u8; 16]>> = HashMap::new();
    let mut query = db.prepare(&sql)?;
    let mut rows = query.query((app, from, to))?;
    while let Some(row) = rows.next()? {
        let who = row.get(0)?;
        all.insert(who);
        let release: i64 = row.get(1)?;
        for place in 0..classes.len() {
            let outer = Some(release).filter(|_| within && place > 0);
            let class = (place, outer, row.get(place + 1)?);
            by.entry(class).or_default().insert(who);
        }
    }
    let word = |id: i64| -> rusqlite::Result<String> {
        db.prepare_cached("SELECT text FROM word WHERE id = ?")?
            .query_row([id], |row| row.get(0))
    };
    let mut groups = Groups {
        installs: all.len() as u64,
        ..Groups::default()
    };
    for ((place, release, class), installs) in by {
        let Some(dimension) = classes.get(place) else {
            continue;
        };
        let mut group = dimension.group(word(class)?);
        if let Some(release) = release {
            group = Group::Within(word(release)?, Box::new(group));
        }
        groups.by.insert(group, installs.len() as u64);
    }
    Ok(groups)
}

/// Installations by class of one dimension, for every issue that was met in full days.
pub(in super::super) fn spreads(
    db: &Transaction<'_>,
    app: i64,
    dimension: Dimension,
    span: Span,
    known: &Remembered,
) -> rusqlite::Result<Arc<Spreads>> {
    let last = span.to.min(i64::MAX as u64 - DAY).next_multiple_of(DAY);
    let days = (span.from / DAY * DAY, last);
    known.spreads(db, app, dimension, days)
}

/// Installations by release.
fn runs(db: &Transaction<'_>, installs: BTreeMap<i64, u64>) -> rusqlite::Result<Groups> {
    let mut groups = Groups::default();
    let mut word = db.prepare_cached("SELECT text FROM word WHERE id = ?")?;
    for (release, installs) in installs {
        if release == ANY {
            groups.installs = installs;
        } else if installs > 0 {
            let name = word.query_row([release], |row| row.get(0))?;
            groups.by.insert(Group::Release(name), installs);
        }
    }
    Ok(groups)
}

/// Installations by class of connection window, in the weeks from the first to the one before the second.
fn cells(db: &Transaction<'_>, app: i64, weeks: (i64, i64)) -> rusqlite::Result<Groups> {
    let values = (app, weeks.0, weeks.1);
    // Of one week both are counted already.
    let one = weeks.1 - weeks.0 == 1;
    let all = match one {
        true => {
            "SELECT coalesce(sum(installs), 0) FROM connection_week WHERE app = ? AND week >= ? AND week < ?"
        }
        false => {
            "SELECT count(DISTINCT pseudonym) FROM connection_install WHERE app = ? AND week >= ? AND week < ?"
        }
    };
    let (installs, table) = match one {
        true => ("installs", "connection_installs"),
        false => ("count(DISTINCT pseudonym)", "connection_install"),
    };
    let mut groups = Groups {
        installs: db
            .prepare_cached(all)?
            .query_row(values, |row| row.get(0))?,
        ..Groups::default()
    };
    let mut query = db.prepare_cached(&format!(
        "SELECT release.text, os.text, region.text, name.text, endpoint.text, transport, network, {installs}
         FROM {table} AS c
         JOIN word AS release ON release.id = c.release
         JOIN word AS os ON os.id = c.os
         JOIN word AS region ON region.id = c.region
         JOIN word AS name ON name.id = c.name
         JOIN word AS endpoint ON endpoint.id = c.endpoint
         WHERE app = ? AND week >= ? AND week < ?
         GROUP BY c.release, c.os, c.region, c.name, c.endpoint, transport, network"
    ))?;
    let mut rows = query.query(values)?;
    while let Some(row) = rows.next()? {
        let cell = ConnectionCell {
            release: row.get(0)?,
            os: row.get(1)?,
            region: row.get(2)?,
            name: row.get(3)?,
            endpoint: row.get(4)?,
            transport: row.get(5)?,
            network: row.get(6)?,
        };
        groups.by.insert(Group::Connection(cell), row.get(7)?);
    }
    Ok(groups)
}

pub(in super::super) fn population(
    db: &Transaction<'_>,
    app: i64,
    span: Span,
) -> rusqlite::Result<Vec<Population>> {
    let (from, to) = bounds(span);
    let mut query = db.prepare_cached(
        "WITH mine AS (
             SELECT pseudonym, release, os,
                 max(exit = 'crash') OVER whole AS crashed, max(frozen) OVER whole AS frozen,
                 row_number() OVER (PARTITION BY pseudonym ORDER BY at DESC, id) AS nth
             FROM run WHERE app = ? AND at >= ? AND at < ? WINDOW whole AS (PARTITION BY pseudonym)
         )
         SELECT release.text, os.text, count(*), sum(crashed), sum(frozen) FROM mine
         JOIN word AS release ON release.id = mine.release
         JOIN word AS os ON os.id = mine.os
         WHERE nth = 1 GROUP BY mine.release, mine.os ORDER BY release.text, os.text",
    )?;
    query
        .query_map((app, from, to), |row| {
            Ok(Population {
                release: row.get::<_, Text<Release>>(0)?.0,
                os: row.get(1)?,
                installs: row.get(2)?,
                crashed: row.get(3)?,
                frozen: row.get(4)?,
            })
        })?
        .collect()
}

pub(in super::super) fn quarantined(
    db: &Transaction<'_>,
    app: i64,
) -> rusqlite::Result<Vec<QuarantineRow>> {
    let mut query = db.prepare_cached(
        "SELECT release, field, reason, sum(reports), min(day), max(day) FROM quarantine WHERE app = ?
         GROUP BY release, field, reason ORDER BY max(day) DESC, sum(reports) DESC, release, field",
    )?;
    query
        .query_map([app], |row| {
            Ok(QuarantineRow {
                release: row.get_ref(0)?.as_str()?.parse().ok(),
                field: row.get(1)?,
                reason: row.get(2)?,
                reports: row.get(3)?,
                first: row.get(4)?,
                last: row.get(5)?,
            })
        })?
        .collect()
}
