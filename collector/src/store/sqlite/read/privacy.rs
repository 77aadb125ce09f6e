//! Installations by class, and what was not kept.

use super::{Text, bounds, triage};
use crate::store::sqlite::installs::WEEK;
use crate::store::{
    ConnectionCell, Dimension, Group, Groups, IssueId, Of, Population, QuarantineRow, Span,
};
use candor_protocol::deidentify::Release;
use rusqlite::{ToSql, Transaction};
use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};

pub(in super::super) fn groups(
    db: &Transaction<'_>,
    app: i64,
    of: Of,
    span: Span,
) -> rusqlite::Result<Groups> {
    let (from, to) = bounds(span);
    let issue = match of {
        Of::Connections => {
            return cells(db, app, (from / WEEK, to.saturating_add(WEEK - 1) / WEEK));
        }
        Of::Runs => None,
        Of::Issue(id) | Of::IssueWithin(id) => Some(id),
    };
    let family = match issue {
        Some(id) => {
            let marks = triage::marks(db, app)?;
            triage::among(&marks.family(marks.root(id.0)))
        }
        None => String::new(),
    };
    let of_issue = format!("report INDEXED BY report_issue WHERE issue {family}");
    let values: [&dyn ToSql; 3] = [&app, &from, &to];
    let (table, dimensions): (&str, &[Dimension]) = match of {
        Of::Runs | Of::Connections => ("run WHERE true", &[Dimension::Release]),
        Of::IssueWithin(_) => (&of_issue, &[Dimension::Release]),
        Of::Issue(_) => (&of_issue, &Dimension::ALL),
    };
    let table = format!("{table} AND app = ?1 AND at >= ?2 AND at < ?3");
    let mut groups = Groups {
        installs: db
            .prepare(&format!("SELECT count(DISTINCT pseudonym) FROM {table}"))?
            .query_row(&values[..], |row| row.get(0))?,
        ..Groups::default()
    };
    for dimension in dimensions {
        let column = dimension.as_str();
        let mut query = db.prepare(&format!(
            "SELECT word.text, mine.installs FROM
                 (SELECT {column} AS class, count(DISTINCT pseudonym) AS installs FROM {table} GROUP BY {column}) AS mine
             JOIN word ON word.id = mine.class"
        ))?;
        let mut rows = query.query(&values[..])?;
        while let Some(row) = rows.next()? {
            groups.by.insert(dimension.group(row.get(0)?), row.get(1)?);
        }
    }
    if let Of::IssueWithin(_) = of {
        for dimension in [Dimension::Os, Dimension::Device] {
            let column = dimension.as_str();
            let mut query = db.prepare(&format!(
                "SELECT release.text, class.text, mine.installs FROM
                     (SELECT release, {column} AS class, count(DISTINCT pseudonym) AS installs FROM {table}
                      GROUP BY release, {column}) AS mine
                 JOIN word AS release ON release.id = mine.release
                 JOIN word AS class ON class.id = mine.class"
            ))?;
            let mut rows = query.query(&values[..])?;
            while let Some(row) = rows.next()? {
                let class = Group::Within(row.get(0)?, Box::new(dimension.group(row.get(1)?)));
                groups.by.insert(class, row.get(2)?);
            }
        }
    }
    Ok(groups)
}

/// Installations by class of one dimension, for every issue.
pub(in super::super) fn spreads(
    db: &Transaction<'_>,
    app: i64,
    dimension: Dimension,
    span: Span,
) -> rusqlite::Result<BTreeMap<IssueId, Groups>> {
    let marks = triage::marks(db, app)?;
    let (from, to) = bounds(span);
    let mut query = db.prepare_cached(&format!(
        "SELECT issue, {}, pseudonym FROM report INDEXED BY report_met
         WHERE app = ? AND issue IS NOT NULL AND at >= ? AND at < ?",
        dimension.as_str()
    ))?;
    let mut rows = query.query((app, from, to))?;
    // Who met which issue, and in which class.
    let mut met: Vec<(u64, u128, i64)> = Vec::new();
    while let Some(row) = rows.next()? {
        let who = row.get_ref(2)?.as_blob()?;
        let who = who.first_chunk::<16>().copied().unwrap_or_default();
        let root = marks.root(row.get::<_, i64>(0)? as u64);
        met.push((root, u128::from_ne_bytes(who), row.get(1)?));
    }
    met.sort_unstable();
    met.dedup();
    let mut names: HashMap<i64, Group> = HashMap::new();
    let mut spreads: BTreeMap<IssueId, Groups> = BTreeMap::new();
    let mut last = None;
    for (root, who, class) in met {
        let groups = spreads.entry(IssueId(root)).or_default();
        if last.replace((root, who)) != Some((root, who)) {
            groups.installs += 1;
        }
        let group = match names.entry(class) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => {
                let name = db
                    .prepare_cached("SELECT text FROM word WHERE id = ?")?
                    .query_row([class], |row| row.get(0))?;
                unknown.insert(dimension.group(name))
            }
        };
        match groups.by.get_mut(group) {
            Some(installs) => *installs += 1,
            None => {
                groups.by.insert(group.clone(), 1);
            }
        }
    }
    Ok(spreads)
}

/// Installations by class of connection window, in the weeks from the first to the one before the second.
fn cells(db: &Transaction<'_>, app: i64, weeks: (i64, i64)) -> rusqlite::Result<Groups> {
    let values = (app, weeks.0, weeks.1);
    let mut groups = Groups {
        installs: db
            .prepare_cached(
                "SELECT count(DISTINCT pseudonym) FROM connection_install WHERE app = ? AND week >= ? AND week < ?",
            )?
            .query_row(values, |row| row.get(0))?,
        ..Groups::default()
    };
    let mut query = db.prepare_cached(
        "SELECT release.text, os.text, region.text, name.text, endpoint.text, transport, network, count(DISTINCT pseudonym)
         FROM connection_install AS c
         JOIN word AS release ON release.id = c.release
         JOIN word AS os ON os.id = c.os
         JOIN word AS region ON region.id = c.region
         JOIN word AS name ON name.id = c.name
         JOIN word AS endpoint ON endpoint.id = c.endpoint
         WHERE app = ? AND week >= ? AND week < ?
         GROUP BY c.release, c.os, c.region, c.name, c.endpoint, transport, network",
    )?;
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
