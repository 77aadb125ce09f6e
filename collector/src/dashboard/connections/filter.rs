//! What the address restricts.

use crate::dashboard::labels::Label;
use crate::dashboard::shell::Choice;
use crate::dashboard::visit::Visit;
use crate::store::ConnectionFilter;
use candor_protocol::deidentify::{Name, Release};
use serde::Deserialize;
use serde::de::value::{Error, StrDeserializer};

/// What the address restricts; a word that is none restricts nothing and shows no chip.
pub(super) fn filter(visit: &Visit) -> ConnectionFilter {
    let name = |key| {
        visit
            .get(key)
            .and_then(|name| Name::deserialize(StrDeserializer::<Error>::new(name)).ok())
    };
    ConnectionFilter {
        name: name("name"),
        endpoint: name("endpoint"),
        network: visit.get("network").and_then(|word| word.parse().ok()),
        release: visit
            .get("release")
            .and_then(|release| Release::parse(release).ok()),
        region: name("region"),
        os: visit.get("os").map(str::to_owned),
        transport: visit.get("transport").and_then(|word| word.parse().ok()),
        ..ConnectionFilter::default()
    }
}

/// What is restricted, each leading to the page without it.
pub(super) fn chips(visit: &Visit, filter: &ConnectionFilter) -> Vec<Choice> {
    let w = visit.lang.words();
    let text = |name: &Option<Name>| name.as_ref().map(Name::to_string);
    let restricted = [
        ("name", w.connection, text(&filter.name)),
        ("endpoint", w.endpoint, text(&filter.endpoint)),
        (
            "network",
            w.network,
            filter.network.map(|one| one.label(visit.lang).to_owned()),
        ),
        (
            "release",
            w.release,
            filter.release.as_ref().map(Release::to_string),
        ),
        ("region", w.region, text(&filter.region)),
        ("os", w.system, filter.os.clone()),
        (
            "transport",
            w.transport,
            filter.transport.map(|one| one.label(visit.lang).to_owned()),
        ),
    ];
    restricted
        .into_iter()
        .filter_map(|(key, name, value)| {
            Some(Choice {
                href: visit.here(&[(key, "")]),
                label: format!("{name}: {}", value?),
                current: true,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderMap;
    use candor_protocol::report::{Network, Transport};

    #[test]
    fn a_filter_is_read_from_the_address_and_each_part_can_be_taken_away() {
        let visit = Visit::read(
            "/connections",
            "app=im&network=wifi&release=1.2%2B3&endpoint=NOT%20A%20NAME&os=linux+12.4&transport=quic",
            &HeaderMap::new(),
        );
        let filter = filter(&visit);
        assert_eq!(filter.network, Some(Network::Wifi));
        assert_eq!(filter.transport, Some(Transport::Quic));
        assert_eq!(filter.endpoint, None);
        let chips = chips(&visit, &filter);
        let read: Vec<&str> = chips.iter().map(|chip| chip.label.as_str()).collect();
        assert_eq!(
            read,
            [
                "Network: Wi-Fi",
                "Release: 1.2+3",
                "System: linux 12.4",
                "Transport: QUIC"
            ]
        );
        assert_eq!(
            chips[1].href,
            "/connections?app=im&network=wifi&endpoint=NOT+A+NAME&os=linux+12.4&transport=quic"
        );
    }
}
