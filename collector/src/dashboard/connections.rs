//! `/connections`: how the app is connected.

use super::chart::{OverTime, Series, Shape, Tone, Unit};
use super::connection_table::{Table, tables};
use super::entry::{Entry, Trouble};
use super::figure::{Change, Counted, Figure, counted, counted_words};
use super::labels::Label;
use super::shell::{Choice, Shell};
use super::visit::Visit;
use super::words::{Lang, Words, fill};
use super::{format, window};
use crate::state::State;
use crate::store::{ConnectionAnswer, ConnectionFilter, ConnectionSum, Store};
use askama::Template;
use axum::extract::State as Given;
use axum::response::Response;
use candor_protocol::deidentify::{Name, Release};
use candor_protocol::report::Phase;
use candor_protocol::sketch::Sketch;
use serde::Deserialize;
use serde::de::value::{Error, StrDeserializer};
use std::collections::BTreeMap;

/// Kinds of failure and reasons that get a colour of their own; the others share one.
const COLOURS: usize = 5;

/// `GET /connections`.
pub(crate) async fn page<S: Store>(Given(state): Given<State<S>>, entry: Entry) -> Response {
    entry.answer(show(&state, &entry).await)
}

async fn show<'a, S: Store>(
    state: &State<S>,
    entry: &'a Entry,
) -> Result<Connections<'a>, Trouble> {
    let filter = filter(&entry.visit);
    let answer = state
        .store
        .connections(&entry.app, filter.clone(), entry.span)
        .await?;
    let before = state
        .store
        .connections(&entry.app, filter.clone(), window::before(entry.span))
        .await?
        .total;
    let lang = entry.visit.lang;
    let total = &answer.total;
    Ok(Connections {
        w: entry.words(),
        shell: &entry.shell,
        chips: chips(&entry.visit, &filter),
        nothing: total.windows == 0,
        figures: figures(entry, total, &before),
        ready: percentiles(entry, entry.words().time_to_ready, &answer, |sum| {
            Some(&sum.ready_us)
        }),
        phases: Phase::ALL
            .iter()
            .filter(|phase| {
                total
                    .phases
                    .get(phase)
                    .is_some_and(|sketch| !sketch.is_empty())
            })
            .map(|phase| {
                percentiles(entry, phase.label(lang), &answer, |sum| {
                    sum.phases.get(phase)
                })
            })
            .collect(),
        failures_over_time: stacked(entry, entry.words().failed_attempts, &answer, |sum| {
            failures(sum, lang)
        }),
        disconnects_over_time: stacked(entry, entry.words().disconnects, &answer, |sum| {
            disconnects(sum, lang)
        }),
        rtt: percentiles(entry, entry.words().rtt, &answer, |sum| Some(&sum.rtt_us)),
        ack: percentiles(entry, entry.words().ack, &answer, |sum| Some(&sum.ack_us)),
        without_service: without_service(entry, &answer),
        tables: tables(entry, &answer),
        failures: counted(failures(total, lang), Tone::Accent),
        disconnects: counted_words(&total.disconnects, lang, Tone::Accent),
        longer: entry.longer(),
    })
}

#[derive(Template)]
#[template(path = "connections.html")]
struct Connections<'a> {
    w: &'static Words,
    shell: &'a Shell,
    chips: Vec<Choice>,
    nothing: bool,
    figures: Vec<Figure>,
    ready: OverTime,
    phases: Vec<OverTime>,
    failures_over_time: OverTime,
    disconnects_over_time: OverTime,
    rtt: OverTime,
    ack: OverTime,
    without_service: OverTime,
    tables: Vec<Table>,
    failures: Vec<Counted>,
    disconnects: Vec<Counted>,
    longer: Option<Choice>,
}

/// What the address restricts; a word that is none restricts nothing and shows no chip.
fn filter(visit: &Visit) -> ConnectionFilter {
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
    }
}

/// What is restricted, each leading to the page without it.
fn chips(visit: &Visit, filter: &ConnectionFilter) -> Vec<Choice> {
    let w = visit.lang.words();
    let chip = |key: &str, name: &str, value: Option<String>| {
        value.map(|value| Choice {
            href: visit.here(&[(key, "")]),
            label: format!("{name}: {value}"),
            current: true,
        })
    };
    [
        chip(
            "name",
            w.connection,
            filter.name.as_ref().map(Name::to_string),
        ),
        chip(
            "endpoint",
            w.endpoint,
            filter.endpoint.as_ref().map(Name::to_string),
        ),
        chip(
            "network",
            w.network,
            filter
                .network
                .map(|network| network.label(visit.lang).to_owned()),
        ),
        chip(
            "release",
            w.release,
            filter.release.as_ref().map(Release::to_string),
        ),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn figures(entry: &Entry, now: &ConnectionSum, before: &ConnectionSum) -> Vec<Figure> {
    let w = entry.words();
    let quantile = |q| format::micros_or_nothing(now.ready_us.quantile(q));
    let dropped: u64 = now.disconnects.values().sum();
    let known = |sum: &ConnectionSum| sum.up_ms.saturating_add(sum.down_ms);
    vec![
        Figure {
            name: w.connection_success,
            value: format::share(now.ready, now.attempts),
            note: fill(
                w.of_attempts,
                &[&format::count(now.ready), &format::count(now.attempts)],
            ),
            change: Change::of_share(
                w,
                Tone::Accent,
                (now.ready, now.attempts),
                (before.ready, before.attempts),
            ),
            href: None,
        },
        Figure {
            name: w.ready_p95,
            value: quantile(0.95),
            note: fill(w.p50_p99_are, &[&quantile(0.5), &quantile(0.99)]),
            change: Change::of_number(
                w,
                now.ready_us.quantile(0.95).unwrap_or(0),
                before.ready_us.quantile(0.95).unwrap_or(0),
            ),
            href: None,
        },
        Figure {
            name: w.rtt_p50,
            value: format::micros_or_nothing(now.rtt_us.quantile(0.5)),
            note: fill(
                w.p95_is,
                &[&format::micros_or_nothing(now.rtt_us.quantile(0.95))],
            ),
            change: Change::default(),
            href: None,
        },
        Figure {
            name: w.disconnects,
            value: format::count(dropped),
            note: match now.up_ms {
                0 => String::new(),
                up => fill(
                    w.per_hour_service,
                    &[&format!(
                        "{:.2}",
                        dropped as f64 / (up as f64 / 3_600_000.0)
                    )],
                ),
            },
            change: Change::of_number(w, dropped, before.disconnects.values().sum()),
            href: None,
        },
        Figure {
            name: w.without_service,
            value: format::share(now.down_ms, known(now)),
            note: fill(w.windows_behind, &[&format::count(now.windows)]),
            change: Change::default(),
            href: None,
        },
    ]
}

fn percentiles(
    entry: &Entry,
    title: &str,
    answer: &ConnectionAnswer,
    sketch: impl Fn(&ConnectionSum) -> Option<&Sketch>,
) -> OverTime {
    let line = |name: &str, tone, q: f64| {
        Series::measured(
            name,
            tone,
            answer
                .series
                .iter()
                .map(|(_, sum)| sketch(sum)?.quantile(q)),
        )
    };
    let series = vec![
        line("p50", Tone::P50, 0.5),
        line("p95", Tone::P95, 0.95),
        line("p99", Tone::P99, 0.99),
    ];
    OverTime::new(
        entry.words(),
        title,
        Unit::Micros,
        Shape::Lines,
        entry.span,
        series,
    )
    .narrowing(entry.closer())
}

/// The share of time without service, in hundredths of a percent, over time.
fn without_service(entry: &Entry, answer: &ConnectionAnswer) -> OverTime {
    let w = entry.words();
    let share = |sum: &ConnectionSum| match sum.up_ms.saturating_add(sum.down_ms) {
        0 => None,
        known => Some((sum.down_ms as f64 / known as f64 * 10_000.0) as u64),
    };
    let series = vec![Series::measured(
        w.without_service,
        Tone::Accent,
        answer.series.iter().map(|(_, sum)| share(sum)),
    )];
    OverTime::new(
        w,
        w.without_service,
        Unit::Share,
        Shape::Lines,
        entry.span,
        series,
    )
    .narrowing(entry.closer())
}

fn failures(sum: &ConnectionSum, lang: Lang) -> BTreeMap<String, u64> {
    sum.failures
        .iter()
        .map(|((phase, failure), &count)| {
            (
                format!("{}: {}", phase.label(lang), failure.label(lang)),
                count,
            )
        })
        .collect()
}

fn disconnects(sum: &ConnectionSum, lang: Lang) -> BTreeMap<String, u64> {
    sum.disconnects
        .iter()
        .map(|(reason, &count)| (reason.label(lang).to_owned(), count))
        .collect()
}

fn stacked(
    entry: &Entry,
    title: &str,
    answer: &ConnectionAnswer,
    counts: impl Fn(&ConnectionSum) -> BTreeMap<String, u64>,
) -> OverTime {
    let w = entry.words();
    let points: Vec<BTreeMap<String, u64>> =
        answer.series.iter().map(|(_, sum)| counts(sum)).collect();
    let series = by_kind(w.others, &counts(&answer.total), &points);
    OverTime::new(w, title, Unit::Count, Shape::Bars, entry.span, series).narrowing(entry.closer())
}

/// One series for each of the most frequent kinds, and one for all others.
fn by_kind(
    others: &str,
    total: &BTreeMap<String, u64>,
    points: &[BTreeMap<String, u64>],
) -> Vec<Series> {
    let mut kinds: Vec<(&String, u64)> = total.iter().map(|(kind, &count)| (kind, count)).collect();
    kinds.sort_by_key(|&(kind, count)| (std::cmp::Reverse(count), kind));
    let (first, rest) = kinds.split_at(kinds.len().min(COLOURS));
    let of = |point: &BTreeMap<String, u64>, kind: &String| point.get(kind).copied().unwrap_or(0);
    let mut series: Vec<Series> = first
        .iter()
        .enumerate()
        .map(|(rank, (kind, _))| {
            Series::counts(
                kind,
                Tone::Kind(rank),
                points.iter().map(|point| of(point, kind)),
            )
        })
        .collect();
    if !rest.is_empty() {
        let sums = points
            .iter()
            .map(|point| rest.iter().map(|(kind, _)| of(point, kind)).sum());
        series.push(Series::counts(others, Tone::Kind(COLOURS), sums));
    }
    series
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderMap;
    use candor_protocol::report::Network;

    #[test]
    fn a_filter_is_read_from_the_address_and_each_part_can_be_taken_away() {
        let visit = Visit::read(
            "/connections",
            "app=im&network=wifi&release=1.2%2B3&endpoint=NOT%20A%20NAME",
            &HeaderMap::new(),
        );
        let filter = filter(&visit);
        assert_eq!(filter.network, Some(Network::Wifi));
        assert_eq!(filter.endpoint, None);
        let chips = chips(&visit, &filter);
        let read: Vec<&str> = chips.iter().map(|chip| chip.label.as_str()).collect();
        assert_eq!(read, ["Network: Wi-Fi", "Release: 1.2+3"]);
        assert_eq!(
            chips[1].href,
            "/connections?app=im&network=wifi&endpoint=NOT+A+NAME"
        );
    }

    #[test]
    fn rare_kinds_share_a_colour_and_nothing_is_left_out() {
        let point: BTreeMap<String, u64> = (1..=8).map(|n| (format!("kind {n}"), n)).collect();
        let series = by_kind("others", &point, std::slice::from_ref(&point));
        let names: Vec<&str> = series.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(
            names,
            ["kind 8", "kind 7", "kind 6", "kind 5", "kind 4", "others"]
        );
        let sum: f64 = series.iter().flat_map(|one| &one.values).flatten().sum();
        assert_eq!(sum, 36.0);
    }
}
