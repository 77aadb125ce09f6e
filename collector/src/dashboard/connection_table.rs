//! Tables of connections by network, endpoint, name and release.

use super::entry::Entry;
use super::format;
use super::labels::Label;
use crate::store::{ConnectionAnswer, ConnectionSum};

/// A table of one dimension.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) name: &'static str,
    pub(crate) rows: Vec<Row>,
}

/// One class of the dimension.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) label: String,
    /// Leads to the page for this class alone.
    pub(crate) href: String,
    pub(crate) windows: String,
    pub(crate) attempts: String,
    pub(crate) success: String,
    pub(crate) ready: [String; 3],
    pub(crate) rtt: String,
    pub(crate) disconnects: String,
    pub(crate) without_service: String,
}

/// All tables that have rows.
pub(crate) fn tables(entry: &Entry, answer: &ConnectionAnswer) -> Vec<Table> {
    let w = entry.words();
    let lang = entry.visit.lang;
    let row = |key: &str, word: &str, label: &str, sum: &ConnectionSum| {
        let ready = [0.5, 0.95, 0.99].map(|q| format::micros_or_nothing(sum.ready_us.quantile(q)));
        Row {
            label: label.to_owned(),
            href: entry.visit.here(&[(key, word)]),
            windows: format::count(sum.windows),
            attempts: format::count(sum.attempts),
            success: format::share(sum.ready, sum.attempts),
            ready,
            rtt: format::micros_or_nothing(sum.rtt_us.quantile(0.5)),
            disconnects: format::count(sum.disconnects.values().sum()),
            without_service: format::share(sum.down_ms, sum.up_ms.saturating_add(sum.down_ms)),
        }
    };
    let tables = [
        Table {
            name: w.by_network,
            rows: answer
                .by_network
                .iter()
                .map(|(network, sum)| row("network", network.as_str(), network.label(lang), sum))
                .collect(),
        },
        Table {
            name: w.by_endpoint,
            rows: answer
                .by_endpoint
                .iter()
                .map(|(name, sum)| row("endpoint", name.as_str(), name.as_str(), sum))
                .collect(),
        },
        Table {
            name: w.by_connection,
            rows: answer
                .by_name
                .iter()
                .map(|(name, sum)| row("name", name.as_str(), name.as_str(), sum))
                .collect(),
        },
        Table {
            name: w.by_release,
            rows: answer
                .by_release
                .iter()
                .map(|(release, sum)| row("release", release.as_str(), release.as_str(), sum))
                .collect(),
        },
    ];
    tables
        .into_iter()
        .filter(|table| !table.rows.is_empty())
        .collect()
}
