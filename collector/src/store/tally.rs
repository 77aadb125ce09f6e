//! Sums of connection windows, put together for an answer.

use super::columns::Columns;
use super::storm::Storm;
use super::{Cells, ConnectionAnswer, ConnectionCell, ConnectionSum, Rest, Span, versions};
use candor_protocol::deidentify::{Name, Release};
use candor_protocol::report::{Network, Transport};
use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde::de::value::{Error, StrDeserializer};
use std::collections::BTreeMap;

/// Sums by the classes of one dimension.
type By<K> = BTreeMap<K, Columns>;

/// An answer under way: what every class adds up to, and every step. There are far fewer classes than sums of theirs.
pub(super) struct Tally {
    span: Span,
    wanted: Cells,
    series: Vec<Columns>,
    cells: BTreeMap<ConnectionCell, Columns>,
    /// Of cells that nobody asked for; empty where there are none.
    rest: Vec<Columns>,
}

impl Tally {
    /// An answer about these cells.
    pub(super) fn new(span: Span, wanted: Cells) -> Self {
        Self {
            span,
            wanted,
            rest: Vec::new(),
            series: vec![Columns::default(); span.steps()],
            cells: BTreeMap::new(),
        }
    }

    /// Adds what one class of windows adds up to at one moment. A dimension that is empty was not known.
    pub(super) fn add(&mut self, at: u64, cell: ConnectionCell, sum: &Columns) {
        let wanted = self.wanted.take(&cell);
        let series = match wanted {
            true => &mut self.series,
            false => &mut self.rest,
        };
        if series.is_empty() {
            series.resize(self.span.steps(), Columns::default());
        }
        let step = self.span.index(at);
        if let Some(step) = step.and_then(|index| series.get_mut(index)) {
            step.merge(sum);
        }
        if !wanted {
            return;
        }
        self.cells.entry(cell).or_default().merge(sum);
    }

    pub(super) fn answer(self, storms: Vec<Storm>) -> ConnectionAnswer {
        let mut total = Columns::default();
        let (mut by_network, mut by_name, mut by_endpoint) = (By::new(), By::new(), By::new());
        let (mut by_release, mut by_region) = (By::new(), By::new());
        let (mut by_os, mut by_transport) = (By::new(), By::new());
        for (cell, sum) in &self.cells {
            merge::<Network>(&mut by_network, cell.network.parse().ok(), sum);
            merge(&mut by_name, name(&cell.name), sum);
            merge(&mut by_endpoint, name(&cell.endpoint), sum);
            merge::<Release>(&mut by_release, cell.release.parse().ok(), sum);
            merge(&mut by_region, name(&cell.region), sum);
            let os = Some(&cell.os).filter(|os| !os.is_empty()).cloned();
            merge(&mut by_os, os, sum);
            merge::<Transport>(&mut by_transport, cell.transport.parse().ok(), sum);
            total.merge(sum);
        }
        let mut by_release = sums(by_release);
        by_release.sort_by(|(a, _), (b, _)| versions::compare(b.as_str(), a.as_str()));
        let span = self.span;
        let steps = self.series.iter().enumerate();
        ConnectionAnswer {
            total: total.sum(),
            by_network: sums(by_network),
            by_name: sums(by_name),
            by_endpoint: sums(by_endpoint),
            by_release,
            by_region: sums(by_region),
            by_os: sums(by_os),
            by_transport: sums(by_transport),
            storms,
            series: steps
                .map(|(index, sum)| (span.start(index), sum.sum()))
                .collect(),
            rest: rest(&self.rest),
        }
    }
}

fn rest(series: &[Columns]) -> Rest {
    let mut total = Columns::default();
    series.iter().for_each(|step| total.merge(step));
    Rest {
        total: total.sum(),
        series: series.iter().map(Columns::sum).collect(),
    }
}

fn sums<K>(by: By<K>) -> Vec<(K, ConnectionSum)> {
    by.into_iter()
        .map(|(class, sum)| (class, sum.sum()))
        .collect()
}

fn merge<K: Ord>(by: &mut By<K>, class: Option<K>, sum: &Columns) {
    if let Some(class) = class {
        by.entry(class).or_default().merge(sum);
    }
}

/// A declared name as it was stored: it has no other constructor for text that is only known now.
fn name(text: &str) -> Option<Name> {
    let text: StrDeserializer<'_, Error> = text.into_deserializer();
    Name::deserialize(text).ok()
}
