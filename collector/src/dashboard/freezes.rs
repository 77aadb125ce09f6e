//! `/freezes`: what stands still.

use super::chart::{OverTime, Series, Shape, Tone, Unit};
use super::csv::{self, cell};
use super::entry::{Entry, Trouble};
use super::figure::{Change, Counted, Figure, counted_words};
use super::issue_row::{IssueLine, are_all_new};
use super::shell::{Choice, Shell};
use super::words::{Words, fill};
use super::{format, window};
use crate::privacy::groups;
use crate::state::State;
use crate::store::{FreezeRate, FreezeRow, Health, Point, Store};
use askama::Template;
use axum::extract::State as Given;
use axum::response::Response;
use candor_protocol::deidentify::Name;
use candor_protocol::report::{Activity, FreezeEnd, Level, Wait};
use candor_protocol::sketch::Sketch;
use std::collections::BTreeMap;
use tokio::try_join;

/// `GET /freezes`.
pub(crate) async fn page<S: Store>(Given(state): Given<State<S>>, entry: Entry) -> Response {
    entry.answer(show(&state, &entry).await)
}

/// `GET /freezes.csv`: the table.
pub(crate) async fn table<S: Store>(Given(state): Given<State<S>>, entry: Entry) -> Response {
    match state.store.freezes(&entry.app, entry.span).await {
        Ok(rows) => csv::download("freezes.csv", as_csv(&rows)),
        Err(error) => entry.explain(&Trouble::Store(error)),
    }
}

/// Issues of freezes as a table.
fn as_csv(rows: &[FreezeRow]) -> String {
    let mut table = "id,state,title,culprit,reports,runs,installs,main_thread,took_ms_p50,took_ms_p95,longest_ms,recovered,exited,killed,first_seen,first_release,last_seen,last_release\n"
        .to_owned();
    for one in rows {
        let row = &one.row;
        let took = |q| {
            one.took_ms
                .quantile(q)
                .map_or_else(String::new, |ms| ms.to_string())
        };
        let ended = |end| one.ends.get(&end).copied().unwrap_or_default().to_string();
        let cells = [
            row.id.to_string(),
            row.state.kind().as_str().to_owned(),
            cell(&row.title),
            cell(&row.culprit),
            row.reports.to_string(),
            row.runs.to_string(),
            row.installs.to_string(),
            one.main.to_string(),
            took(0.5),
            took(0.95),
            one.longest_ms.to_string(),
            ended(FreezeEnd::Recovered),
            ended(FreezeEnd::Exited),
            ended(FreezeEnd::Killed),
            row.first_seen.to_string(),
            cell(row.first_release.as_str()),
            row.last_seen.to_string(),
            cell(row.last_release.as_str()),
        ];
        table.push_str(&cells.join(","));
        table.push('\n');
    }
    table
}

async fn show<'a, S: Store>(state: &State<S>, entry: &'a Entry) -> Result<Freezes<'a>, Trouble> {
    let (store, app, span) = (&state.store, &entry.app, entry.span);
    let (rows, health, before, trend, rates) = try_join!(
        store.freezes(app, span),
        store.health(app, span),
        store.health(app, window::before(span)),
        store.trend(app, span),
        groups::freeze_rates(state, app, span),
    )?;
    let w = entry.words();
    let others = rates.by_release.other.map(|rate| FreezeRate {
        label: w.small_groups.to_owned(),
        ..rate
    });
    let by_release: Vec<FreezeRate> = rates.by_release.shown.into_iter().chain(others).collect();
    let lang = entry.visit.lang;
    let (mut activity, mut waits, mut ends) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
    let mut levels = BTreeMap::new();
    for row in &rows {
        add(&mut activity, &row.activity);
        add(&mut waits, &row.waits);
        add(&mut ends, &row.ends);
        add(&mut levels, &row.levels);
    }
    Ok(Freezes {
        w: entry.words(),
        shell: &entry.shell,
        figures: figures(entry, &rows, &health, &before, &ends),
        chart: chart(entry, &trend),
        lines: lines(entry, &rows, health.runs),
        activity: counted_words::<Activity>(&activity, lang, Tone::Freeze),
        waits: counted_words::<Wait>(&waits, lang, Tone::Freeze),
        levels: counted_words::<Level>(&levels, lang, Tone::Freeze),
        ends: counted_words::<FreezeEnd>(&ends, lang, Tone::Freeze),
        rates: [
            Rates::new(w.rate_by_release, &by_release),
            Rates::new(w.rate_by_device, &rates.by_device),
        ],
        csv: entry.visit.below("/freezes.csv"),
        longer: entry.longer(),
    })
}

#[derive(Template)]
#[template(path = "freezes.html")]
struct Freezes<'a> {
    w: &'static Words,
    shell: &'a Shell,
    figures: Vec<Figure>,
    chart: OverTime,
    lines: Vec<FreezeLine>,
    activity: Vec<Counted>,
    waits: Vec<Counted>,
    levels: Vec<Counted>,
    ends: Vec<Counted>,
    rates: [Rates; 2],
    csv: String,
    longer: Option<Choice>,
}

fn add<K: Ord + Copy>(sum: &mut BTreeMap<K, u64>, counts: &BTreeMap<K, u64>) {
    for (&word, &count) in counts {
        *sum.entry(word).or_default() += count;
    }
}

/// How often freezes happen, by some class.
struct Rates {
    name: &'static str,
    rows: Vec<RateLine>,
}

struct RateLine {
    label: String,
    freezes: String,
    hours: String,
    per_hour: String,
}

/// Classes that are listed; those that ran longest come first.
const CLASSES: usize = 8;

impl Rates {
    fn new(name: &'static str, rates: &[FreezeRate]) -> Self {
        Self {
            name,
            rows: rates.iter().take(CLASSES).map(RateLine::new).collect(),
        }
    }
}

impl RateLine {
    fn new(rate: &FreezeRate) -> Self {
        let hours = rate.run_ms as f64 / 3_600_000.0;
        Self {
            label: rate.label.clone(),
            freezes: format::count(rate.freezes),
            hours: if hours < 10.0 {
                format!("{hours:.1}")
            } else {
                format::count(hours.round() as u64)
            },
            per_hour: per_hour(rate.freezes, rate.run_ms)
                .map_or_else(|| format::NOTHING.to_owned(), |rate| format!("{rate:.3}")),
        }
    }
}

/// `count` per hour that the app ran; empty where that is not known.
fn per_hour(count: u64, run_ms: u64) -> Option<f64> {
    (run_ms > 0).then(|| count as f64 / (run_ms as f64 / 3_600_000.0))
}

fn figures(
    entry: &Entry,
    rows: &[FreezeRow],
    now: &Health,
    before: &Health,
    ends: &BTreeMap<FreezeEnd, u64>,
) -> Vec<Figure> {
    let w = entry.words();
    let free = |health: &Health| (health.runs.saturating_sub(health.frozen_runs), health.runs);
    let mut took = Sketch::default();
    rows.iter().for_each(|row| took.merge(&row.took_ms));
    let longest = rows.iter().map(|row| row.longest_ms).max();
    let killed = ends.get(&FreezeEnd::Killed).copied().unwrap_or(0)
        + ends.get(&FreezeEnd::Exited).copied().unwrap_or(0);
    vec![
        Figure {
            name: w.freeze_free,
            value: format::share(free(now).0, free(now).1),
            note: fill(
                w.of_runs_froze,
                &[&format::count(now.frozen_runs), &format::count(now.runs)],
            ),
            change: Change::of_share(w, Tone::Freeze, free(now), free(before)),
            href: None,
        },
        Figure {
            name: w.freezes,
            value: format::count(now.freezes),
            note: per_hour(now.freezes, now.run_ms)
                .map(|rate| fill(w.per_hour_run, &[&format!("{rate:.2}")]))
                .unwrap_or_default(),
            change: Change::of_number(w, now.freezes, before.freezes),
            href: None,
        },
        Figure {
            name: w.frozen_for,
            value: took
                .quantile(0.5)
                .map_or_else(|| format::NOTHING.to_owned(), format::millis),
            note: longest
                .map(|longest| fill(w.longest_is, &[&format::millis(longest)]))
                .unwrap_or_default(),
            change: Change::default(),
            href: None,
        },
        Figure {
            name: w.not_recovered,
            value: format::count(killed),
            note: w.not_recovered_note.to_owned(),
            change: Change::default(),
            href: None,
        },
    ]
}

fn chart(entry: &Entry, trend: &[Point]) -> OverTime {
    let w = entry.words();
    let series = vec![Series::counts(
        w.freezes,
        Tone::Freeze,
        trend.iter().map(|point| point.freezes),
    )];
    OverTime::new(w, w.freezes, Unit::Count, Shape::Bars, entry.span, series)
        .narrowing(entry.closer())
}

/// A kind of freeze in the list.
struct FreezeLine {
    issue: IssueLine,
    watch: String,
    turn: String,
    median: String,
    longest: String,
    not_responding: String,
    recovered: String,
    /// Share of all runs that met it.
    met: String,
}

impl FreezeLine {
    fn new(entry: &Entry, row: &FreezeRow, runs: u64) -> Self {
        let all: u64 = row.ends.values().sum();
        let not_responding = row.levels.get(&Level::NotResponding).copied().unwrap_or(0);
        let recovered = row.ends.get(&FreezeEnd::Recovered).copied().unwrap_or(0);
        Self {
            issue: IssueLine::new(entry, &row.row),
            watch: first_and_more(&row.watches),
            turn: first_and_more(&row.turns),
            median: row
                .took_ms
                .quantile(0.5)
                .map_or_else(|| format::NOTHING.to_owned(), format::millis),
            longest: format::millis(row.longest_ms),
            not_responding: format::share(not_responding, all),
            recovered: format::share(recovered, all),
            met: format::share(row.row.runs.min(runs), runs),
        }
    }
}

/// The rows of the list.
fn lines(entry: &Entry, rows: &[FreezeRow], runs: u64) -> Vec<FreezeLine> {
    let all_new = are_all_new(entry, rows.iter().map(|row| &row.row));
    let mut lines: Vec<FreezeLine> = rows
        .iter()
        .map(|row| FreezeLine::new(entry, row, runs))
        .collect();
    for line in &mut lines {
        line.issue.new &= !all_new;
    }
    lines
}

/// The most frequent name, and how many others there are.
fn first_and_more(names: &[(Name, u64)]) -> String {
    match names {
        [] => format::NOTHING.to_owned(),
        [(only, _)] => only.to_string(),
        [(first, _), others @ ..] => format!("{first} +{}", others.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candor_protocol::name;

    #[test]
    fn a_rate_needs_hours() {
        assert_eq!(per_hour(3, 0), None);
        assert_eq!(per_hour(3, 7_200_000), Some(1.5));
    }

    #[test]
    fn a_rate_stands_beside_the_hours_behind_it() {
        let line = |freezes, run_ms| {
            let label = "1.0".to_owned();
            let line = RateLine::new(&FreezeRate {
                label,
                freezes,
                runs: 1,
                run_ms,
            });
            (line.freezes, line.hours, line.per_hour)
        };
        let words = |a: &str, b: &str, c: &str| (a.to_owned(), b.to_owned(), c.to_owned());
        assert_eq!(line(3, 9_000_000), words("3", "2.5", "1.200"));
        assert_eq!(line(3, 3_600_000_000), words("3", "1,000", "0.003"));
        assert_eq!(line(3, 0), words("3", "0.0", "–"));
    }

    #[test]
    fn several_names_are_told_as_one_and_more() {
        assert_eq!(first_and_more(&[]), "–");
        assert_eq!(first_and_more(&[(name!("ui"), 4)]), "ui");
        assert_eq!(
            first_and_more(&[(name!("ui"), 4), (name!("db"), 2), (name!("io"), 1)]),
            "ui +2"
        );
    }
}
