//! `/connections`: how the app is connected.

mod charts;
pub(super) mod compare;
mod filter;
mod measure;
mod tables;

use super::chart::{Heat, OverTime, Tone};
use super::entry::{Entry, Trouble};
use super::figure::{Change, Counted, Figure, counted_words};
use super::shell::{Choice, Shell};
use super::words::{Words, fill};
use super::{csv, format, window};
use crate::privacy::groups::{self, SafeConnections};
use crate::state::State;
use crate::store::{ConnectionSum, Store};
use askama::Template;
use axum::extract::State as Given;
use axum::response::Response;
use candor_protocol::report::Phase;
use charts::{by_class, by_reason, percentiles, reconnects, stacked, without_service};
use filter::{chips, filter};
use measure::Measure;
use tables::{Fact, Failed, Table, Tried, failed, tables, tcp, tried};
use tokio::try_join;

/// `GET /connections`.
pub(crate) async fn page<S: Store>(Given(state): Given<State<S>>, entry: Entry) -> Response {
    entry.answer(show(&state, &entry).await)
}

/// `GET /connections.csv`: the tables by every dimension as one.
pub(crate) async fn table<S: Store>(Given(state): Given<State<S>>, entry: Entry) -> Response {
    let filter = filter(&entry.visit);
    match groups::connections(&state, &entry.app, filter, entry.span).await {
        Ok(safe) => csv::download("connections.csv", tables::as_csv(&safe)),
        Err(error) => entry.explain(&Trouble::Store(error)),
    }
}

async fn show<'a, S: Store>(
    state: &State<S>,
    entry: &'a Entry,
) -> Result<Connections<'a>, Trouble> {
    let filter = filter(&entry.visit);
    let earlier = window::before(entry.span).as_one_step();
    let (safe, before) = try_join!(
        groups::connections(state, &entry.app, filter.clone(), entry.span),
        groups::connections(state, &entry.app, filter.clone(), earlier),
    )?;
    let SafeConnections {
        answer,
        other,
        left_out,
    } = safe;
    let before = before.answer.total;
    let (w, lang) = (entry.words(), entry.visit.lang);
    let total = &answer.total;
    let marks = charts::marks(entry, &answer);
    let over_time = |measure| percentiles(entry, measure, &answer, &marks);
    let phases = Phase::ALL
        .iter()
        .map(|&phase| Measure::Phase(phase))
        .filter(|measure| measure.of(total).is_some());
    let (heat, heats) = charts::heat(entry, &answer, marks.clone());
    Ok(Connections {
        w,
        shell: &entry.shell,
        chips: chips(&entry.visit, &filter),
        nothing: total.windows == 0,
        figures: figures(entry, total, &before),
        storms: answer
            .storms
            .iter()
            .map(|storm| charts::told(entry, storm))
            .collect(),
        ready: over_time(Measure::Ready),
        phases: phases.map(over_time).collect(),
        failures_over_time: stacked(
            entry,
            w.failed_attempts,
            &answer,
            |sum| by_class(sum, lang),
            &marks,
        ),
        disconnects_over_time: stacked(
            entry,
            w.disconnects,
            &answer,
            |sum| by_reason(sum, lang),
            &marks,
        ),
        reconnects: reconnects(entry, &answer, &marks),
        rtt: over_time(Measure::Rtt),
        ack: over_time(Measure::Ack),
        without_service: without_service(entry, &answer, &marks),
        outages: over_time(Measure::Outage),
        heat,
        heats,
        tables: tables(entry, &answer, other.as_ref()),
        left_out: left_out.then_some(w.left_out),
        failed: failed(total, lang),
        disconnects: counted_words(&total.disconnects, lang, Tone::Accent),
        tried: tried(entry, total),
        tcp: tcp(entry, total),
        compare: entry.visit.below("/connections/compare"),
        csv: entry.visit.below("/connections.csv"),
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
    storms: Vec<String>,
    ready: OverTime,
    phases: Vec<OverTime>,
    failures_over_time: OverTime,
    disconnects_over_time: OverTime,
    reconnects: OverTime,
    rtt: OverTime,
    ack: OverTime,
    without_service: OverTime,
    outages: OverTime,
    heat: Heat,
    heats: Vec<Choice>,
    tables: Vec<Table>,
    /// Said where a filter leaves out groups that are too small.
    left_out: Option<&'static str>,
    failed: Failed,
    disconnects: Vec<Counted>,
    tried: Vec<Tried>,
    tcp: Vec<Fact>,
    compare: String,
    csv: String,
    longer: Option<Choice>,
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
            note: fill(
                w.outages_are,
                &[
                    &format::count(now.outage_us.count()),
                    &format::micros_or_nothing(now.outage_us.quantile(0.5)),
                ],
            ),
            change: Change::default(),
            href: None,
        },
        Figure {
            name: w.runs,
            value: tables::runs(&now.runs),
            note: fill(w.windows_behind, &[&format::count(now.windows)]),
            change: Change::of_number(w, now.runs.count(), before.runs.count()),
            href: None,
        },
    ]
}
