//! Sums of connection windows, put together for an answer.

use super::storm::Storm;
use super::{ConnectionAnswer, ConnectionCell, ConnectionSum, Span, versions};
use candor_protocol::deidentify::{Name, Release};
use candor_protocol::report::{Network, Transport};
use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde::de::value::{Error, StrDeserializer};
use std::collections::BTreeMap;

/// Sums by the classes of one dimension.
type By<K> = BTreeMap<K, ConnectionSum>;

/// An answer under way.
pub(super) struct Tally {
    span: Span,
    series: Vec<(u64, ConnectionSum)>,
    total: ConnectionSum,
    by_network: By<Network>,
    by_name: By<Name>,
    by_endpoint: By<Name>,
    by_release: By<Release>,
    by_region: By<Name>,
    by_os: By<String>,
    by_transport: By<Transport>,
}

impl Tally {
    pub(super) fn new(span: Span) -> Self {
        let series = (0..span.steps()).map(|index| (span.start(index), ConnectionSum::default()));
        Self {
            span,
            series: series.collect(),
            total: ConnectionSum::default(),
            by_network: By::new(),
            by_name: By::new(),
            by_endpoint: By::new(),
            by_release: By::new(),
            by_region: By::new(),
            by_os: By::new(),
            by_transport: By::new(),
        }
    }

    /// Adds what one class of windows adds up to at one moment. A dimension that is empty was not known.
    pub(super) fn add(&mut self, at: u64, cell: &ConnectionCell, sum: &ConnectionSum) {
        let step = self.span.index(at);
        if let Some((_, step)) = step.and_then(|index| self.series.get_mut(index)) {
            step.merge(sum);
        }
        merge(&mut self.by_network, cell.network.parse().ok(), sum);
        merge(&mut self.by_name, name(&cell.name), sum);
        merge(&mut self.by_endpoint, name(&cell.endpoint), sum);
        merge(&mut self.by_release, cell.release.parse().ok(), sum);
        merge(&mut self.by_region, name(&cell.region), sum);
        let os = Some(&cell.os).filter(|os| !os.is_empty()).cloned();
        merge(&mut self.by_os, os, sum);
        merge(&mut self.by_transport, cell.transport.parse().ok(), sum);
        self.total.merge(sum);
    }

    pub(super) fn answer(self, storms: Vec<Storm>) -> ConnectionAnswer {
        let mut by_release: Vec<_> = self.by_release.into_iter().collect();
        by_release.sort_by(|(a, _), (b, _)| versions::compare(b.as_str(), a.as_str()));
        ConnectionAnswer {
            total: self.total,
            by_network: self.by_network.into_iter().collect(),
            by_name: self.by_name.into_iter().collect(),
            by_endpoint: self.by_endpoint.into_iter().collect(),
            by_release,
            by_region: self.by_region.into_iter().collect(),
            by_os: self.by_os.into_iter().collect(),
            by_transport: self.by_transport.into_iter().collect(),
            storms,
            series: self.series,
        }
    }
}

fn merge<K: Ord>(by: &mut By<K>, class: Option<K>, sum: &ConnectionSum) {
    if let Some(class) = class {
        by.entry(class).or_default().merge(sum);
    }
}

/// A declared name as it was stored: it has no other constructor for text that is only known now.
fn name(text: &str) -> Option<Name> {
    let text: StrDeserializer<'_, Error> = text.into_deserializer();
    Name::deserialize(text).ok()
}
