//! Connection windows, summed.

use super::{Text, bounds, versions};
use crate::store::sqlite::delta::from_json;
use crate::store::{ConnectionAnswer, ConnectionFilter, ConnectionSum, Span};
use candor_protocol::deidentify::{Name, Release};
use candor_protocol::report::Network;
use rusqlite::Transaction;
use std::collections::BTreeMap;

pub(in super::super) fn connections(
    db: &Transaction<'_>,
    app: Option<i64>,
    filter: &ConnectionFilter,
    span: Span,
) -> rusqlite::Result<ConnectionAnswer> {
    let mut series: Vec<(u64, ConnectionSum)> = (0..span.steps())
        .map(|index| (span.start(index), ConnectionSum::default()))
        .collect();
    let mut total = ConnectionSum::default();
    let mut by_network: BTreeMap<Network, ConnectionSum> = BTreeMap::new();
    let mut by_name: BTreeMap<Name, ConnectionSum> = BTreeMap::new();
    let mut by_endpoint: BTreeMap<Name, ConnectionSum> = BTreeMap::new();
    let mut by_release: BTreeMap<Release, ConnectionSum> = BTreeMap::new();

    let (from, to) = bounds(span);
    let mut query = db.prepare_cached(
        "SELECT at, network, name.text, endpoint.text, release.text, sum FROM connection_sum AS c
         JOIN word AS name ON name.id = c.name
         JOIN word AS endpoint ON endpoint.id = c.endpoint
         JOIN word AS release ON release.id = c.release
         WHERE app = ?1 AND at >= ?2 AND at < ?3
           AND (?4 IS NULL OR name.text = ?4) AND (?5 IS NULL OR endpoint.text = ?5)
           AND (?6 IS NULL OR network = ?6) AND (?7 IS NULL OR release.text = ?7)",
    )?;
    let mut rows = query.query((
        app,
        from,
        to,
        filter.name.as_ref().map(Name::as_str),
        filter.endpoint.as_ref().map(Name::as_str),
        filter.network.map(Network::as_str),
        filter.release.as_ref().map(Release::as_str),
    ))?;
    while let Some(row) = rows.next()? {
        let at: u64 = row.get(0)?;
        let (Text(network), Text(release)): (Text<Network>, Text<Release>) =
            (row.get(1)?, row.get(4)?);
        let (name, endpoint) = (
            name(row.get_ref(2)?.as_str()?)?,
            name(row.get_ref(3)?.as_str()?)?,
        );
        let sum: ConnectionSum = from_json(row.get_ref(5)?.as_str()?)?;
        if let Some((_, step)) = span.index(at).and_then(|index| series.get_mut(index)) {
            step.merge(&sum);
        }
        by_network.entry(network).or_default().merge(&sum);
        by_name.entry(name).or_default().merge(&sum);
        by_endpoint.entry(endpoint).or_default().merge(&sum);
        by_release.entry(release).or_default().merge(&sum);
        total.merge(&sum);
    }
    let mut by_release: Vec<_> = by_release.into_iter().collect();
    by_release.sort_by(|(a, _), (b, _)| versions::compare(b.as_str(), a.as_str()));
    Ok(ConnectionAnswer {
        total,
        by_network: by_network.into_iter().collect(),
        by_name: by_name.into_iter().collect(),
        by_endpoint: by_endpoint.into_iter().collect(),
        by_release,
        series,
    })
}

/// A declared name as it was stored. It has no other constructor for text that is only known now.
fn name(text: &str) -> rusqlite::Result<Name> {
    from_json(&format!("\"{text}\""))
}
