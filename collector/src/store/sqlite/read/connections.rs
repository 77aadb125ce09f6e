//! Connection windows, summed.

use super::bounds;
use crate::store::sqlite::delta::{columns, head};
use crate::store::sqlite::past::{Folded, stretches};
use crate::store::storm::{self, Minute, Storm};
use crate::store::tally::Tally;
use crate::store::{ConnectionAnswer, ConnectionCell, ConnectionFilter, Span};
use candor_protocol::deidentify::{Name, Release};
use candor_protocol::report::{Network, Transport};
use rusqlite::{Transaction, named_params};
use std::collections::BTreeMap;

pub(in super::super) fn connections(
    db: &Transaction<'_>,
    app: Option<i64>,
    filter: &ConnectionFilter,
    span: Span,
) -> rusqlite::Result<ConnectionAnswer> {
    let mut tally = Tally::new(span, filter.cells.clone());
    let folded = match app {
        Some(app) => Folded::of(db, app)?,
        None => None,
    };
    let read = if filter.brief { head } else { columns };
    for stretch in stretches(folded, span) {
        let (from, to) = stretch.bounds();
        let mut query = db.prepare_cached(&format!(
            "SELECT at, network, name.text, endpoint.text, release.text, sum, region.text, os.text, transport, packed
             FROM (SELECT * {}) AS c
             JOIN word AS name ON name.id = c.name
             JOIN word AS endpoint ON endpoint.id = c.endpoint
             JOIN word AS release ON release.id = c.release
             JOIN word AS region ON region.id = c.region
             JOIN word AS os ON os.id = c.os
             WHERE (:name IS NULL OR name.text = :name) AND (:endpoint IS NULL OR endpoint.text = :endpoint)
               AND (:network IS NULL OR network = :network) AND (:release IS NULL OR release.text = :release)
               AND (:region IS NULL OR region.text = :region) AND (:os IS NULL OR os.text = :os)
               AND (:transport IS NULL OR transport = :transport)",
            stretch.rows(!span.is_coarse())
        ))?;
        let mut rows = query.query(named_params! {
            ":app": app,
            ":from": from,
            ":to": to,
            ":name": filter.name.as_ref().map(Name::as_str),
            ":endpoint": filter.endpoint.as_ref().map(Name::as_str),
            ":network": filter.network.map(Network::as_str),
            ":release": filter.release.as_ref().map(Release::as_str),
            ":region": filter.region.as_ref().map(Name::as_str),
            ":os": filter.os,
            ":transport": filter.transport.map(Transport::as_str),
        })?;
        while let Some(row) = rows.next()? {
            let cell = ConnectionCell {
                release: row.get(4)?,
                os: row.get(7)?,
                region: row.get(6)?,
                name: row.get(2)?,
                endpoint: row.get(3)?,
                transport: row.get(8)?,
                network: row.get(1)?,
            };
            let sum = read(row.get_ref(5)?, row.get_ref(9)?)?;
            tally.add(row.get(0)?, cell, &sum);
        }
    }
    Ok(tally.answer(storms(db, app, filter, span)?))
}

fn storms(
    db: &Transaction<'_>,
    app: Option<i64>,
    filter: &ConnectionFilter,
    span: Span,
) -> rusqlite::Result<Vec<Storm>> {
    let (from, to) = bounds(span);
    // The empty names stand for all connections together.
    let all = filter.name.is_none() && filter.endpoint.is_none();
    let mut query = db.prepare_cached(
        "SELECT minute, sum(installs), sum(reconnects) FROM reconnect_minute AS c
         JOIN word AS name ON name.id = c.name
         JOIN word AS endpoint ON endpoint.id = c.endpoint
         WHERE app = :app AND minute >= :from AND minute < :to AND (name.text = '') = :all
           AND (:name IS NULL OR name.text = :name) AND (:endpoint IS NULL OR endpoint.text = :endpoint)
         GROUP BY minute",
    )?;
    let mut rows = query.query(named_params! {
        ":app": app,
        ":from": from.saturating_sub(storm::BEFORE as i64),
        ":to": to,
        ":all": all,
        ":name": filter.name.as_ref().map(Name::as_str),
        ":endpoint": filter.endpoint.as_ref().map(Name::as_str),
    })?;
    let mut minutes = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let (installs, reconnects) = (row.get(1)?, row.get(2)?);
        minutes.insert(
            row.get(0)?,
            Minute {
                installs,
                reconnects,
            },
        );
    }
    Ok(storm::storms(&minutes, span.from))
}
