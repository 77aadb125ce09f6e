//! Installations by class, and what was not kept.

use super::health::installs_by_release;
use super::{Ask, issues, triage, typed, whole, within};
use crate::store::clickhouse::cell::{FROZEN, What};
use crate::store::clickhouse::told::WEEK;
use crate::store::{
    ConnectionCell, Dimension, Group, Groups, IssueId, Of, Population, QuarantineRow, Span,
    Spreads, StoreError,
};
use candor_protocol::report::Exit;
use clickhouse::Row;
use serde::Deserialize;

#[derive(Row, Deserialize)]
struct ClassRow {
    class: String,
    installs: i64,
}

pub(in super::super) async fn groups(
    ask: Ask<'_>,
    of: Of,
    span: Span,
) -> Result<Groups, StoreError> {
    if ask.history.is_empty() {
        return Ok(Groups::default());
    }
    match of {
        Of::Runs => runs(ask, span).await,
        Of::Issue(id) => issue(ask, id, span, &Dimension::ALL).await,
        Of::IssueWithin(id) => issue_within(ask, id, span).await,
        Of::Connections => cells(ask, span).await,
    }
}

/// How many installations rows of a summary tell of.
fn installs(ask: Ask<'_>, what: What, which: &str) -> String {
    format!(
        "SELECT count() AS count FROM (SELECT pseudonym {} {which} GROUP BY pseudonym HAVING sum(n) > 0)",
        ask.history.of_summary(what)
    )
}

async fn runs(ask: Ask<'_>, span: Span) -> Result<Groups, StoreError> {
    let all = installs(ask, What::Install, &within(span));
    let by = installs_by_release(ask, span);
    let (installs, by): (_, Vec<ClassRow>) =
        tokio::try_join!(ask.server.count(&all), ask.server.rows(&by))?;
    let by = by
        .into_iter()
        .map(|row| (Group::Release(row.class), whole(row.installs)));
    Ok(Groups {
        installs,
        by: by.collect(),
    })
}

async fn issue(
    ask: Ask<'_>,
    id: IssueId,
    span: Span,
    by: &[Dimension],
) -> Result<Groups, StoreError> {
    let marks = triage::marks(ask).await?;
    let which = format!(
        "AND key IN {} {}",
        triage::keys(&marks.family(marks.root(id.0))),
        within(span)
    );
    let all = installs(ask, What::Sighting, &which);
    let mut groups = Groups {
        installs: ask.server.count(&all).await?,
        ..Groups::default()
    };
    for dimension in by {
        let column = dimension.as_str();
        let rows: Vec<ClassRow> = ask
            .server
            .rows(&format!(
                "SELECT {column}, toInt64(count()) FROM
                     (SELECT {column}, pseudonym {} {which} GROUP BY {column}, pseudonym HAVING sum(n) > 0)
                 GROUP BY {column}",
                ask.history.of_summary(What::Sighting)
            ))
            .await?;
        let rows = rows.into_iter();
        groups
            .by
            .extend(rows.map(|row| (dimension.group(row.class), whole(row.installs))));
    }
    Ok(groups)
}

#[derive(Row, Deserialize)]
struct WithinRow {
    release: String,
    class: String,
    installs: i64,
}

async fn issue_within(ask: Ask<'_>, id: IssueId, span: Span) -> Result<Groups, StoreError> {
    let marks = triage::marks(ask).await?;
    let which = format!(
        "AND key IN {} {}",
        triage::keys(&marks.family(marks.root(id.0))),
        within(span)
    );
    let mut groups = issue(ask, id, span, &[Dimension::Release]).await?;
    for dimension in [Dimension::Os, Dimension::Device] {
        let column = dimension.as_str();
        let rows: Vec<WithinRow> = ask
            .server
            .rows(&format!(
                "SELECT release, {column}, toInt64(count()) FROM
                     (SELECT release, {column}, pseudonym {} {which} GROUP BY release, {column}, pseudonym HAVING sum(n) > 0)
                 GROUP BY release, {column}",
                ask.history.of_summary(What::Sighting)
            ))
            .await?;
        groups.by.extend(rows.into_iter().map(|row| {
            let class = Group::Within(row.release, Box::new(dimension.group(row.class)));
            (class, whole(row.installs))
        }));
    }
    Ok(groups)
}

#[derive(Row, Deserialize)]
struct SpreadRow {
    issue: u64,
    class: String,
    installs: i64,
}

/// Installations by class of one dimension, for every issue that `class` met.
pub(in super::super) async fn spreads(
    ask: Ask<'_>,
    dimension: Dimension,
    span: Span,
) -> Result<Spreads, StoreError> {
    if ask.history.is_empty() {
        return Ok(Spreads::default());
    }
    let marks = triage::marks(ask).await?;
    let root = issues::root_of(&marks);
    let (column, range) = (dimension.as_str(), within(span));
    // Machines and systems do not stand with what is in the order of time.
    let of = match dimension {
        Dimension::Release => What::Met,
        Dimension::Os | Dimension::Device => What::Sighting,
    };
    let by = format!(
        "SELECT root, {column}, toInt64(count()) FROM
             (SELECT {root} AS root, {column}, pseudonym {} {range} GROUP BY root, {column}, pseudonym HAVING sum(n) > 0)
         GROUP BY root, {column}",
        ask.history.of_summary(of)
    );
    let (all, by): (_, Vec<SpreadRow>) = tokio::try_join!(
        issues::installs(ask, of, &marks, &range),
        ask.server.rows(&by)
    )?;
    let count = |installs: u64| u32::try_from(installs).unwrap_or(u32::MAX);
    let all = all
        .into_iter()
        .map(|(issue, installs)| (IssueId(issue), None, count(installs)));
    let by = by.into_iter().map(|row| {
        (
            IssueId(row.issue),
            Some(row.class),
            count(whole(row.installs)),
        )
    });
    Ok(Spreads::of(all.chain(by), |name| name))
}

#[derive(Row, Deserialize)]
struct CellRow {
    release: String,
    os: String,
    region: String,
    name: String,
    endpoint: String,
    transport: String,
    network: String,
    installs: i64,
}

/// Installations by class of connection window, in the weeks that a range touches.
async fn cells(ask: Ask<'_>, span: Span) -> Result<Groups, StoreError> {
    let weeks = Span {
        from: span.from - span.from % WEEK,
        to: span.to.div_ceil(WEEK).saturating_mul(WEEK),
        step: WEEK,
    };
    let all = installs(ask, What::Link, &within(weeks));
    let cell = "release, os, region, name, endpoint, transport, network";
    let by = format!(
        "SELECT {cell}, toInt64(count()) FROM
             (SELECT {cell}, pseudonym {} {} GROUP BY {cell}, pseudonym HAVING sum(n) > 0)
         GROUP BY {cell}",
        ask.history.of_summary(What::Link),
        within(weeks)
    );
    let (installs, rows): (_, Vec<CellRow>) =
        tokio::try_join!(ask.server.count(&all), ask.server.rows(&by))?;
    let by = rows.into_iter().map(|row| {
        let cell = ConnectionCell {
            release: row.release,
            os: row.os,
            region: row.region,
            name: row.name,
            endpoint: row.endpoint,
            transport: row.transport,
            network: row.network,
        };
        (Group::Connection(cell), whole(row.installs))
    });
    Ok(Groups {
        installs,
        by: by.collect(),
    })
}

#[derive(Row, Deserialize)]
struct PopulationRow {
    release: String,
    os: String,
    installs: u64,
    crashed: u64,
    frozen: u64,
}

pub(in super::super) async fn population(
    ask: Ask<'_>,
    span: Span,
) -> Result<Vec<Population>, StoreError> {
    if ask.history.is_empty() {
        return Ok(Vec::new());
    }
    let runs = format!(
        "SELECT key, pseudonym, at, release, os, word, flag {} {}
         GROUP BY key, pseudonym, at, release, os, device, word, flag HAVING sum(n) > 0",
        ask.history.of_summary(What::Run),
        within(span)
    );
    // The latest run says where an installation belongs; of several, that with the least id.
    let rows: Vec<PopulationRow> = ask
        .server
        .rows(&format!(
            "SELECT latest, its_os, count(), sum(any_crash), sum(any_freeze) FROM
                 (SELECT pseudonym, argMin(release, place) AS latest, argMin(os, place) AS its_os,
                      toUInt64(max(crashed)) AS any_crash, toUInt64(max(frozen)) AS any_freeze FROM
                      (SELECT pseudonym, release, os, ({} - at, key) AS place, word = '{}' AS crashed,
                           bitAnd(flag, {FROZEN}) > 0 AS frozen FROM ({runs}))
                  GROUP BY pseudonym)
             GROUP BY latest, its_os ORDER BY latest, its_os",
            u64::MAX,
            Exit::Crash.as_str()
        ))
        .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Population {
                release: typed(&row.release)?,
                os: row.os,
                installs: row.installs,
                crashed: row.crashed,
                frozen: row.frozen,
            })
        })
        .collect()
}

#[derive(Row, Deserialize)]
struct LeakRow {
    release: String,
    field: String,
    reason: String,
    reports: i64,
    first: u64,
    last: u64,
}

pub(in super::super) async fn quarantined(ask: Ask<'_>) -> Result<Vec<QuarantineRow>, StoreError> {
    if ask.history.is_empty() {
        return Ok(Vec::new());
    }
    let rows: Vec<LeakRow> = ask
        .server
        .rows(&format!(
            "SELECT release, word, reason, sum(total) AS reports, min(at) AS first, max(at) AS last FROM
                 (SELECT release, word, reason, at, sum(n) AS total {} GROUP BY release, word, reason, at HAVING total > 0)
             GROUP BY release, word, reason ORDER BY last DESC, reports DESC, release, word",
            ask.history.of_summary(What::Leak)
        ))
        .await?;
    Ok(rows
        .into_iter()
        .map(|row| QuarantineRow {
            release: row.release.parse().ok(),
            field: row.field,
            reason: row.reason,
            reports: whole(row.reports),
            first: row.first,
            last: row.last,
        })
        .collect())
}
