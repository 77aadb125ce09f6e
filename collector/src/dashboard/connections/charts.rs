//! Charts of connections over time.

use super::measure::Measure;
use crate::dashboard::chart::{Heat, Mark, OverTime, Series, Shape, Tone, Unit};
use crate::dashboard::entry::Entry;
use crate::dashboard::labels::Label;
use crate::dashboard::shell::Choice;
use crate::dashboard::words::{Lang, fill};
use crate::dashboard::{format, window};
use crate::store::storm::Storm;
use crate::store::{ConnectionAnswer, ConnectionSum};
use std::collections::BTreeMap;

/// Kinds of failure and reasons that get a colour of their own; the others share one.
const COLOURS: usize = 5;

/// The storms as marks on the charts.
pub(super) fn marks(entry: &Entry, answer: &ConnectionAnswer) -> Vec<Mark> {
    answer
        .storms
        .iter()
        .filter_map(|storm| Mark::new(entry.span, storm.at, told(entry, storm)))
        .collect()
}

/// A storm in words.
pub(super) fn told(entry: &Entry, storm: &Storm) -> String {
    fill(
        entry.words().storm,
        &[
            &window::exact(storm.at),
            &storm.minutes,
            &format::count(storm.installs),
            &format::count(storm.usual),
            &format::count(storm.reconnects),
        ],
    )
}

/// The percentiles of a latency over time.
pub(super) fn percentiles(
    entry: &Entry,
    measure: Measure,
    answer: &ConnectionAnswer,
    marks: &[Mark],
) -> OverTime {
    let line = |name: &str, tone, q: f64| {
        let values = answer
            .series
            .iter()
            .map(|(_, sum)| measure.of(sum)?.quantile(q));
        Series::measured(name, tone, values)
    };
    let series = vec![
        line("p50", Tone::P50, 0.5),
        line("p95", Tone::P95, 0.95),
        line("p99", Tone::P99, 0.99),
    ];
    over_time(
        entry,
        measure.name(entry.visit.lang),
        Unit::Micros,
        Shape::Lines,
        series,
        marks,
    )
}

/// The share of time without service, in hundredths of a percent, over time.
pub(super) fn without_service(
    entry: &Entry,
    answer: &ConnectionAnswer,
    marks: &[Mark],
) -> OverTime {
    let w = entry.words();
    let share = |sum: &ConnectionSum| match sum.up_ms.saturating_add(sum.down_ms) {
        0 => None,
        known => Some((sum.down_ms as f64 / known as f64 * 10_000.0) as u64),
    };
    let shares = answer.series.iter().map(|(_, sum)| share(sum));
    let series = vec![Series::measured(w.without_service, Tone::Accent, shares)];
    over_time(
        entry,
        w.without_service,
        Unit::Share,
        Shape::Lines,
        series,
        marks,
    )
}

/// Attempts to get back a lost service, over time.
pub(super) fn reconnects(entry: &Entry, answer: &ConnectionAnswer, marks: &[Mark]) -> OverTime {
    let w = entry.words();
    let counts = answer.series.iter().map(|(_, sum)| sum.reconnects);
    let series = vec![Series::counts(w.reconnects, Tone::Accent, counts)];
    over_time(entry, w.reconnects, Unit::Count, Shape::Bars, series, marks)
}

/// Failed attempts by class, whatever the phase.
pub(super) fn by_class(sum: &ConnectionSum, lang: Lang) -> BTreeMap<String, u64> {
    let mut classes = BTreeMap::new();
    for ((_, failure), count) in &sum.failures {
        *classes.entry(failure.label(lang).to_owned()).or_default() += count;
    }
    classes
}

/// Ends of service by reason.
pub(super) fn by_reason(sum: &ConnectionSum, lang: Lang) -> BTreeMap<String, u64> {
    sum.disconnects
        .iter()
        .map(|(reason, &count)| (reason.label(lang).to_owned(), count))
        .collect()
}

/// Counts of several kinds on top of each other, over time.
pub(super) fn stacked(
    entry: &Entry,
    title: &str,
    answer: &ConnectionAnswer,
    counts: impl Fn(&ConnectionSum) -> BTreeMap<String, u64>,
    marks: &[Mark],
) -> OverTime {
    let points: Vec<BTreeMap<String, u64>> =
        answer.series.iter().map(|(_, sum)| counts(sum)).collect();
    let series = by_kind(entry.words().others, &counts(&answer.total), &points);
    over_time(entry, title, Unit::Count, Shape::Bars, series, marks)
}

fn over_time(
    entry: &Entry,
    title: &str,
    unit: Unit,
    shape: Shape,
    series: Vec<Series>,
    marks: &[Mark],
) -> OverTime {
    OverTime::new(entry.words(), title, unit, shape, entry.span, series)
        .narrowing(entry.closer())
        .marked(marks)
}

/// The heat map of the latency that the address names, and links to those of the others.
pub(super) fn heat(
    entry: &Entry,
    answer: &ConnectionAnswer,
    marks: Vec<Mark>,
) -> (Heat, Vec<Choice>) {
    let lang = entry.visit.lang;
    let known: Vec<Measure> = Measure::all()
        .filter(|measure| measure.of(&answer.total).is_some())
        .collect();
    let asked = entry.visit.get("heat");
    let shown = known
        .iter()
        .copied()
        .find(|measure| Some(measure.word()) == asked)
        .or_else(|| known.first().copied())
        .unwrap_or(Measure::Ready);
    let points = answer.series.iter().map(|(_, sum)| shown.of(sum));
    let heat = Heat::new(entry.words(), shown.name(lang), entry.span, points, marks)
        .narrowing(entry.closer());
    let choices = known.into_iter().map(|measure| Choice {
        href: format!("{}#heat", entry.visit.here(&[("heat", measure.word())])),
        label: measure.name(lang).to_owned(),
        current: measure == shown,
    });
    (heat, choices.collect())
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
