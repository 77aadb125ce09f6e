//! Tables of connections: by every dimension, failures by phase and class, addresses, and what TCP says.

use crate::dashboard::chart::{ShareBar, Tone};
use crate::dashboard::csv::cell;
use crate::dashboard::entry::Entry;
use crate::dashboard::format;
use crate::dashboard::labels::Label;
use crate::dashboard::words::{Lang, fill};
use crate::privacy::groups::SafeConnections;
use crate::store::{ConnectionAnswer, ConnectionSum, Distinct};
use candor_protocol::limits::TRIES;
use candor_protocol::report::{Failure, Phase};
use candor_protocol::sketch::Sketch;

/// A table of one dimension.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) name: &'static str,
    pub(super) rows: Vec<Row>,
}

/// One class of the dimension.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) label: String,
    /// Leads to the page for this class alone; what is merged has none.
    pub(super) href: Option<String>,
    pub(super) runs: String,
    pub(super) attempts: String,
    pub(super) success: String,
    pub(super) ready: [String; 3],
    pub(super) rtt: String,
    pub(super) reconnects: String,
    pub(super) disconnects: String,
    pub(super) without_service: String,
}

/// Every class of every dimension, and the total, as one table.
pub(super) fn as_csv(safe: &SafeConnections) -> String {
    let mut table = "by,class,windows,runs,attempts,ready,ready_us_p50,ready_us_p95,ready_us_p99,rtt_us_p50,reconnects,disconnects,up_ms,down_ms,sent,received\n"
        .to_owned();
    let mut push = |by: &str, class: &str, sum: &ConnectionSum| {
        let quantile = |sketch: &Sketch, q| {
            let value = sketch.quantile(q);
            value.map_or_else(String::new, |us| us.to_string())
        };
        let cells = [
            by.to_owned(),
            cell(class),
            sum.windows.to_string(),
            sum.runs.count().to_string(),
            sum.attempts.to_string(),
            sum.ready.to_string(),
            quantile(&sum.ready_us, 0.5),
            quantile(&sum.ready_us, 0.95),
            quantile(&sum.ready_us, 0.99),
            quantile(&sum.rtt_us, 0.5),
            sum.reconnects.to_string(),
            sum.disconnects.values().sum::<u64>().to_string(),
            sum.up_ms.to_string(),
            sum.down_ms.to_string(),
            sum.sent.to_string(),
            sum.received.to_string(),
        ];
        table.push_str(&cells.join(","));
        table.push('\n');
    };
    let answer = &safe.answer;
    push("total", "", &answer.total);
    if let Some(other) = &safe.other {
        push("others", "", other);
    }
    for (of, sum) in &answer.by_network {
        push("network", of.as_str(), sum);
    }
    for (of, sum) in &answer.by_release {
        push("release", of.as_str(), sum);
    }
    for (by, classes) in [
        ("name", &answer.by_name),
        ("endpoint", &answer.by_endpoint),
        ("region", &answer.by_region),
    ] {
        for (of, sum) in classes {
            push(by, of.as_str(), sum);
        }
    }
    for (of, sum) in &answer.by_os {
        push("os", of, sum);
    }
    for (of, sum) in &answer.by_transport {
        push("transport", of.as_str(), sum);
    }
    table
}

/// How many runs are behind a figure.
pub(super) fn runs(runs: &Distinct) -> String {
    let about = if runs.is_exact() { "" } else { "≈ " };
    format!("{about}{}", format::count(runs.count()))
}

/// All tables that have rows.
pub(super) fn tables(
    entry: &Entry,
    answer: &ConnectionAnswer,
    other: Option<&ConnectionSum>,
) -> Vec<Table> {
    let w = entry.words();
    let lang = entry.visit.lang;
    let row = |key: &str, word: &str, label: &str, sum: &ConnectionSum| {
        let ready = [0.5, 0.95, 0.99].map(|q| format::micros_or_nothing(sum.ready_us.quantile(q)));
        Row {
            label: label.to_owned(),
            href: (!key.is_empty()).then(|| entry.visit.here(&[(key, word)])),
            runs: runs(&sum.runs),
            attempts: format::count(sum.attempts),
            success: format::share(sum.ready, sum.attempts),
            ready,
            rtt: format::micros_or_nothing(sum.rtt_us.quantile(0.5)),
            reconnects: format::count(sum.reconnects),
            disconnects: format::count(sum.disconnects.values().sum()),
            without_service: format::share(sum.down_ms, sum.up_ms.saturating_add(sum.down_ms)),
        }
    };
    fn rows<K>(by: &[(K, ConnectionSum)], row: impl Fn(&K, &ConnectionSum) -> Row) -> Vec<Row> {
        by.iter().map(|(key, sum)| row(key, sum)).collect()
    }
    let tables = [
        (
            w.by_network,
            rows(&answer.by_network, |one, sum| {
                row("network", one.as_str(), one.label(lang), sum)
            }),
        ),
        (
            w.by_release,
            rows(&answer.by_release, |one, sum| {
                row("release", one.as_str(), one.as_str(), sum)
            }),
        ),
        (
            w.by_region,
            rows(&answer.by_region, |one, sum| {
                row("region", one.as_str(), one.as_str(), sum)
            }),
        ),
        (
            w.by_endpoint,
            rows(&answer.by_endpoint, |one, sum| {
                row("endpoint", one.as_str(), one.as_str(), sum)
            }),
        ),
        (
            w.by_system,
            rows(&answer.by_os, |one, sum| row("os", one, one, sum)),
        ),
        (
            w.by_connection,
            rows(&answer.by_name, |one, sum| {
                row("name", one.as_str(), one.as_str(), sum)
            }),
        ),
        (
            w.by_transport,
            rows(&answer.by_transport, |one, sum| {
                row("transport", one.as_str(), one.label(lang), sum)
            }),
        ),
    ];
    tables
        .into_iter()
        .map(|(name, mut rows)| {
            rows.extend(other.map(|sum| row("", "", w.small_groups, sum)));
            Table { name, rows }
        })
        .filter(|table| !table.rows.is_empty())
        .collect()
}

/// Failures by phase and class: a column for each phase that failed, a row for each class.
#[derive(Debug)]
pub(super) struct Failed {
    pub(super) phases: Vec<&'static str>,
    pub(super) rows: Vec<FailedRow>,
}

/// Failures of one class.
#[derive(Debug)]
pub(super) struct FailedRow {
    pub(super) class: &'static str,
    /// By phase; empty where there are none.
    pub(super) counts: Vec<String>,
    pub(super) all: String,
    pub(super) share: String,
    pub(super) bar: ShareBar,
}

/// Failures by phase and class, most frequent class first.
pub(super) fn failed(sum: &ConnectionSum, lang: Lang) -> Failed {
    let count =
        |phase: Phase, failure: Failure| sum.failures.get(&(phase, failure)).copied().unwrap_or(0);
    let phases: Vec<Phase> = Phase::ALL
        .iter()
        .copied()
        .filter(|&phase| {
            Failure::ALL
                .iter()
                .any(|&failure| count(phase, failure) > 0)
        })
        .collect();
    let whole: u64 = sum.failures.values().sum();
    let mut classes: Vec<(Failure, u64)> = Failure::ALL
        .iter()
        .map(|&failure| {
            let all = Phase::ALL.iter().map(|&phase| count(phase, failure));
            (failure, all.sum())
        })
        .filter(|&(_, all)| all > 0)
        .collect();
    classes.sort_by_key(|&(failure, all)| (std::cmp::Reverse(all), failure));
    let rows = classes.into_iter().map(|(failure, all)| FailedRow {
        class: failure.label(lang),
        counts: phases
            .iter()
            .map(|&phase| match count(phase, failure) {
                0 => String::new(),
                count => format::count(count),
            })
            .collect(),
        all: format::count(all),
        share: format::share(all, whole),
        bar: ShareBar::new(Tone::Accent, all, whole),
    });
    Failed {
        rows: rows.collect(),
        phases: phases.iter().map(|phase| phase.label(lang)).collect(),
    }
}

/// Addresses of one family at one place in the order.
#[derive(Debug)]
pub(super) struct Tried {
    pub(super) family: &'static str,
    pub(super) order: String,
    pub(super) tried: String,
    pub(super) answered: String,
    pub(super) took: [String; 2],
}

/// Addresses that were tried, first ones first.
pub(super) fn tried(entry: &Entry, sum: &ConnectionSum) -> Vec<Tried> {
    let w = entry.words();
    let mut tries: Vec<_> = sum.tries.iter().collect();
    tries.sort_by_key(|((family, order), _)| (*order, *family));
    let rows = tries.into_iter().map(|((family, order), tries)| Tried {
        family: family.label(entry.visit.lang),
        order: if *order < TRIES {
            fill(w.nth, &[order])
        } else {
            fill(w.nth_or_later, &[order])
        },
        tried: format::count(tries.tried),
        answered: format::share(tries.connected, tries.tried),
        took: [0.5, 0.95].map(|q| format::micros_or_nothing(tries.took_us.quantile(q))),
    });
    rows.collect()
}

/// A fact in words.
#[derive(Debug)]
pub(super) struct Fact {
    pub(super) name: &'static str,
    pub(super) value: String,
}

/// What the systems' TCP says; empty where nobody asked it.
pub(super) fn tcp(entry: &Entry, sum: &ConnectionSum) -> Vec<Fact> {
    let w = entry.words();
    let tcp = &sum.tcp;
    if tcp.samples == 0 {
        return Vec::new();
    }
    let half_and_most = |sketch: &candor_protocol::sketch::Sketch| {
        let quantile = |q| format::micros_or_nothing(sketch.quantile(q));
        format!("{}, p95 {}", quantile(0.5), quantile(0.95))
    };
    let rate = tcp
        .delivery_rate
        .quantile(0.5)
        .map_or(format::NOTHING.to_owned(), |rate| {
            fill(w.per_second, &[&format::bytes(rate)])
        });
    let fact = |name, value| Fact { name, value };
    vec![
        fact(w.tcp_rtt, half_and_most(&tcp.rtt_us)),
        fact(w.tcp_rtt_var, half_and_most(&tcp.rtt_var_us)),
        fact(w.tcp_min_rtt, half_and_most(&tcp.min_rtt_us)),
        fact(
            w.retransmits,
            fill(
                w.of_segments,
                &[
                    &format::share(tcp.retransmits, tcp.segments),
                    &format::count(tcp.retransmits),
                    &format::count(tcp.segments),
                ],
            ),
        ),
        fact(
            w.lost_segments,
            format!("{:.2}", tcp.lost as f64 / tcp.samples as f64),
        ),
        fact(w.delivery_rate, rate),
        fact(w.samples, format::count(tcp.samples)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_stand_once_each_in_their_phase_and_class() {
        let mut sum = ConnectionSum::default();
        for (phase, failure, count) in [
            (Phase::Connect, Failure::Timeout, 3),
            (Phase::Login, Failure::Timeout, 1),
            (Phase::Login, Failure::AuthRefused, 9),
        ] {
            sum.failures.insert((phase, failure), count);
        }
        let failed = failed(&sum, Lang::En);
        assert_eq!(failed.phases, ["Connect", "Login"]);
        let rows: Vec<_> = failed
            .rows
            .iter()
            .map(|row| (row.class, row.counts.join("|"), row.all.as_str()))
            .collect();
        assert_eq!(
            rows,
            [
                ("credentials refused", "|9".to_owned(), "9"),
                ("timeout", "3|1".to_owned(), "4")
            ]
        );
    }
}
