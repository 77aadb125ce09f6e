//! Connection windows, summed.

use super::health::grains;
use super::{Ask, whole, within};
use crate::store::clickhouse::cell::{What, read_sum};
use crate::store::clickhouse::sql;
use crate::store::columns::Columns;
use crate::store::storm::{self, Minute, Storm};
use crate::store::subtract::Sum;
use crate::store::tally::Tally;
use crate::store::{
    ConnectionAnswer, ConnectionCell, ConnectionFilter, ConnectionSum, Span, StoreError,
};
use candor_protocol::deidentify::{Name, Release};
use candor_protocol::report::{Network, Transport};
use clickhouse::Row;
use serde::Deserialize;
use std::collections::{BTreeMap, HashMap};

#[derive(Row, Deserialize)]
struct SumRow {
    at: u64,
    network: String,
    name: String,
    endpoint: String,
    release: String,
    region: String,
    os: String,
    transport: String,
    added: String,
    taken: String,
}

#[derive(Row, Deserialize)]
struct ChangeRow {
    added: String,
    taken: String,
}

pub(in super::super) async fn connections(
    ask: Ask<'_>,
    filter: &ConnectionFilter,
    span: Span,
) -> Result<ConnectionAnswer, StoreError> {
    let mut tally = Tally::new(span, filter.cells.clone());
    if ask.history.is_empty() {
        return Ok(tally.answer(Vec::new()));
    }
    let question = format!(
        "SELECT at, network, name, endpoint, release, region, os, transport, added, taken {} {} {} {}",
        ask.history.of_summary(What::Connections),
        within(span),
        grains(span),
        restrict(filter)
    );
    // What is taken in one segment was added in another.
    let mut cells: HashMap<(u64, ConnectionCell), Vec<(String, String)>> = HashMap::new();
    let asking = ask.server.each(&question, |row: SumRow| {
        let cell = ConnectionCell {
            release: row.release,
            os: row.os,
            region: row.region,
            name: row.name,
            endpoint: row.endpoint,
            transport: row.transport,
            network: row.network,
        };
        let sums = cells.entry((row.at, cell)).or_default();
        sums.push((row.added, row.taken));
    });
    let ((), storms) = tokio::try_join!(asking, storms(ask, filter, span))?;
    for ((at, cell), sums) in cells {
        let sum = put_together(&sums)?;
        if sum.windows() > 0 {
            tally.add(at, cell, &sum);
        }
    }
    Ok(tally.answer(storms))
}

/// What rows add up to: what each adds and what each takes. Little is ever taken, so most is adding up columns.
fn put_together(sums: &[(String, String)]) -> Result<Columns, StoreError> {
    let (mut added, mut taken) = (Columns::default(), ConnectionSum::default());
    for (more, less) in sums {
        added.merge(&Columns::of(&read_sum(more)?));
        taken.merge(&read_sum(less)?);
    }
    if taken.is_empty() {
        return Ok(added);
    }
    let mut left = added.sum();
    left.subtract(&taken);
    Ok(Columns::of(&left))
}

/// What all windows of a range add up to.
pub(super) async fn sums(ask: Ask<'_>, span: Span) -> Result<ConnectionSum, StoreError> {
    let question = format!(
        "SELECT added, taken {} {} {} AND (added <> '' OR taken <> '')",
        ask.history.of_summary(What::Connections),
        within(span),
        grains(span)
    );
    let mut all: Vec<(String, String)> = Vec::new();
    ask.server
        .each(&question, |row: ChangeRow| all.push((row.added, row.taken)))
        .await?;
    Ok(put_together(&all)?.sum())
}

fn restrict(filter: &ConnectionFilter) -> String {
    let restrictions = [
        ("name", filter.name.as_ref().map(Name::as_str)),
        ("endpoint", filter.endpoint.as_ref().map(Name::as_str)),
        ("network", filter.network.map(Network::as_str)),
        ("release", filter.release.as_ref().map(Release::as_str)),
        ("region", filter.region.as_ref().map(Name::as_str)),
        ("os", filter.os.as_deref()),
        ("transport", filter.transport.map(Transport::as_str)),
    ];
    restrictions
        .into_iter()
        .filter_map(|(column, value)| Some(format!("AND {column} = {} ", sql::text(value?))))
        .collect()
}

#[derive(Row, Deserialize)]
struct MinuteRow {
    at: u64,
    installs: i64,
    attempts: i64,
}

async fn storms(
    ask: Ask<'_>,
    filter: &ConnectionFilter,
    span: Span,
) -> Result<Vec<Storm>, StoreError> {
    // The empty names stand for all connections together.
    let all = filter.name.is_none() && filter.endpoint.is_none();
    let of = ConnectionFilter {
        name: filter.name.clone(),
        endpoint: filter.endpoint.clone(),
        ..ConnectionFilter::default()
    };
    let which = format!(
        "{} AND name {} '' {}",
        within(Span {
            from: span.from.saturating_sub(storm::BEFORE),
            ..span
        }),
        if all { "=" } else { "<>" },
        restrict(&of)
    );
    let decided = format!(
        "SELECT at, sum(n), sum(m) {} {which} GROUP BY at",
        ask.history.of_summary(What::Minute)
    );
    let crowds = format!(
        "SELECT at, toInt64(count()), sum(attempts) FROM
             (SELECT at, name, endpoint, pseudonym, sum(n) AS attempts {} {which}
              GROUP BY at, name, endpoint, pseudonym HAVING attempts > 0)
         GROUP BY at",
        ask.history.of_summary(What::Crowd)
    );
    let (decided, crowds): (Vec<MinuteRow>, Vec<MinuteRow>) =
        tokio::try_join!(ask.server.rows(&decided), ask.server.rows(&crowds))?;
    let mut minutes: BTreeMap<u64, Minute> = BTreeMap::new();
    for row in decided.into_iter().chain(crowds) {
        let minute = minutes.entry(row.at).or_default();
        minute.installs += whole(row.installs);
        minute.reconnects += whole(row.attempts);
    }
    minutes.retain(|_, minute| minute.installs > 0);
    Ok(storm::storms(&minutes, span.from))
}
