//! `/`: how the app is.

use super::chart::{OverTime, Series, Shape, ShareBar, Tone, Unit};
use super::entry::{Entry, Trouble};
use super::figure::{Change, Counted, Figure, counted};
use super::issue_row::{IssueLine, lines};
use super::labels::Label;
use super::shell::Shell;
use super::words::{Words, fill};
use super::{format, window};
use crate::privacy::groups::{self, Merged};
use crate::state::State;
use crate::store::triage::StateKind;
use crate::store::{Health, IssueFilter, Ledger, Point, ReleaseRow, Store};
use askama::Template;
use axum::extract::State as Given;
use axum::response::Response;
use tokio::try_join;

/// Issues on this page; the others are on theirs.
const TOP: usize = 6;
/// Releases on this page.
const RELEASES: usize = 8;

/// `GET /`.
pub(crate) async fn page<S: Store>(Given(state): Given<State<S>>, entry: Entry) -> Response {
    entry.answer(show(&state, &entry).await)
}

async fn show<'a, S: Store>(state: &State<S>, entry: &'a Entry) -> Result<Overview<'a>, Trouble> {
    let (store, app, span) = (&state.store, &entry.app, entry.span);
    let all = |limit| IssueFilter {
        limit,
        ..IssueFilter::all(span, entry.now)
    };
    let back = IssueFilter {
        states: vec![StateKind::Regressed],
        ..all(NEWS)
    };
    let new = IssueFilter {
        states: vec![StateKind::Open],
        first_seen: Some((span.from, span.to)),
        ..all(NEWS)
    };
    let (health, before, trend, ledger, releases, issues, back, new) = try_join!(
        store.health(app, span),
        store.health(app, window::before(span)),
        store.trend(app, span),
        store.ledger(app),
        groups::releases(state, app, span),
        store.issues(app, all(TOP as u32)),
        store.issues(app, back),
        store.issues(app, new),
    )?;
    let releases = releases.rows;
    let mut news = back.rows;
    // Where all are new, that says nothing.
    if new.total < issues.total {
        news.extend(new.rows);
    }
    Ok(Overview {
        w: entry.words(),
        shell: &entry.shell,
        waiting: ledger
            .last_batch
            .is_none()
            .then(|| fill(entry.words().waiting_text, &[app])),
        figures: figures(entry, &health, &before),
        charts: charts(entry, &trend),
        news: news.iter().map(|row| IssueLine::new(entry, row)).collect(),
        top: lines(entry, &issues.rows, 0..issues.rows.len()),
        more: match issues.total.saturating_sub(TOP as u64) {
            0 => String::new(),
            more => fill(entry.words().more_issues, &[&more]),
        },
        all_issues: entry.visit.page("/issues", &[]),
        all_releases: entry.visit.page("/releases", &[]),
        releases: release_lines(entry, &releases),
        exits: exits(entry, &health),
        pipeline: Pipeline::new(entry, &ledger),
    })
}

/// Issues of each kind of news.
const NEWS: u32 = 3;

#[derive(Template)]
#[template(path = "overview.html")]
struct Overview<'a> {
    w: &'static Words,
    shell: &'a Shell,
    /// What to say when no batch has arrived yet.
    waiting: Option<String>,
    figures: Vec<Figure>,
    charts: Vec<OverTime>,
    /// Issues that were not there before, or that are back.
    news: Vec<IssueLine>,
    top: Vec<IssueLine>,
    more: String,
    all_issues: String,
    all_releases: String,
    releases: Vec<ReleaseLine>,
    exits: Vec<Counted>,
    pipeline: Pipeline,
}

fn figures(entry: &Entry, now: &Health, before: &Health) -> Vec<Figure> {
    let w = entry.words();
    let free = |bad: u64, all: u64| (all.saturating_sub(bad), all);
    let share = |(part, whole): (u64, u64)| format::share(part, whole);
    let of = |pattern: &str, part: u64, whole: u64| {
        fill(pattern, &[&format::count(part), &format::count(whole)])
    };
    let crash_free = free(now.crashed_runs, now.runs);
    let freeze_free = free(now.frozen_runs, now.runs);
    let connected = (now.ready, now.attempts);
    let p95 = |health: &Health| health.ready_us.quantile(0.95);
    vec![
        Figure {
            name: w.crash_free,
            value: share(crash_free),
            note: of(w.of_runs_crashed, now.crashed_runs, now.runs),
            change: Change::of_share(
                w,
                Tone::Crash,
                crash_free,
                free(before.crashed_runs, before.runs),
            ),
            href: Some(entry.visit.page("/issues", &[("kind", "crash")])),
        },
        Figure {
            name: w.freeze_free,
            value: share(freeze_free),
            note: of(w.of_runs_froze, now.frozen_runs, now.runs),
            change: Change::of_share(
                w,
                Tone::Freeze,
                freeze_free,
                free(before.frozen_runs, before.runs),
            ),
            href: Some(entry.visit.page("/freezes", &[])),
        },
        Figure {
            name: w.connection_success,
            value: share(connected),
            note: of(w.of_attempts, now.ready, now.attempts),
            change: Change::of_share(w, Tone::Accent, connected, (before.ready, before.attempts)),
            href: Some(entry.visit.page("/connections", &[])),
        },
        Figure {
            name: w.ready_p95,
            value: format::micros_or_nothing(p95(now)),
            note: fill(
                w.median_is,
                &[&format::micros_or_nothing(now.ready_us.quantile(0.5))],
            ),
            change: Change::of_number(w, p95(now).unwrap_or(0), p95(before).unwrap_or(0)),
            href: Some(entry.visit.page("/connections", &[])),
        },
        Figure {
            name: w.runs,
            value: format::count(now.runs),
            note: fill(w.on_installs, &[&format::count(now.installs)]),
            change: Change::of_number(w, now.runs, before.runs),
            href: None,
        },
    ]
}

/// Runs by how they ended, and those that have not.
fn exits(entry: &Entry, health: &Health) -> Vec<Counted> {
    let lang = entry.visit.lang;
    let ended: u64 = health.exits.values().sum();
    let running = entry.words().still_running.to_owned();
    let known = health.exits.iter();
    counted(
        known
            .map(|(exit, &count)| (exit.label(lang).to_owned(), count))
            .chain([(running, health.runs.saturating_sub(ended))]),
        Tone::Accent,
    )
}

fn charts(entry: &Entry, trend: &[Point]) -> Vec<OverTime> {
    let w = entry.words();
    let closer = entry.closer();
    let draw = |title: &str, series: Vec<Series>| {
        OverTime::new(w, title, Unit::Count, Shape::Bars, entry.span, series)
            .narrowing(closer.clone())
    };
    vec![
        draw(
            w.crashes_and_freezes,
            vec![
                Series::counts(
                    w.crashes,
                    Tone::Crash,
                    trend.iter().map(|point| point.crashes),
                ),
                Series::counts(
                    w.freezes,
                    Tone::Freeze,
                    trend.iter().map(|point| point.freezes),
                ),
            ],
        ),
        draw(
            w.runs,
            vec![Series::counts(
                w.runs,
                Tone::Accent,
                trend.iter().map(|point| point.runs),
            )],
        ),
        draw(
            w.attempts,
            vec![
                Series::counts(
                    w.in_service,
                    Tone::Accent,
                    trend.iter().map(|point| point.ready),
                ),
                Series::counts(
                    w.failed,
                    Tone::Quiet,
                    trend
                        .iter()
                        .map(|point| point.attempts.saturating_sub(point.ready)),
                ),
            ],
        ),
    ]
}

/// A release in the table.
struct ReleaseLine {
    release: String,
    runs: String,
    adoption: String,
    bar: ShareBar,
    installs: String,
    crash_free: String,
    freezes: String,
    connected: String,
    /// Leads to what only this release did; a group of releases has no address.
    href: Option<String>,
}

fn release_lines(entry: &Entry, releases: &Merged<ReleaseRow>) -> Vec<ReleaseLine> {
    let Merged { shown, other } = releases;
    let all: u64 = shown.iter().chain(other).map(|row| row.runs).sum();
    let named = shown.iter().take(RELEASES).map(|row| (row, true));
    named
        .chain(other.iter().map(|row| (row, false)))
        .map(|(row, named)| ReleaseLine {
            release: match named {
                true => row.release.to_string(),
                false => entry.words().small_groups.to_owned(),
            },
            runs: format::count(row.runs),
            adoption: format::share(row.runs, all),
            bar: ShareBar::new(Tone::Accent, row.runs, all),
            // Who is in several of them would count several times.
            installs: match named {
                true => format::count(row.installs),
                false => "–".to_owned(),
            },
            crash_free: format::share_without(row.crashed_runs, row.runs),
            freezes: format::count(row.freezes),
            connected: format::share(row.ready, row.attempts),
            href: named.then(|| {
                entry
                    .visit
                    .page("/connections", &[("release", row.release.as_str())])
            }),
        })
        .collect()
}

/// What arrived and what became of it, in words.
struct Pipeline {
    last: String,
    last_exact: String,
    stored: String,
    stored_kinds: String,
    duplicates: String,
    refused: String,
    refused_reasons: String,
    limited: String,
    limited_reasons: String,
    lost: String,
    lost_reasons: String,
    erased: String,
}

impl Pipeline {
    fn new(entry: &Entry, ledger: &Ledger) -> Self {
        let lang = entry.visit.lang;
        let list = |parts: Vec<(String, u64)>| {
            let mut parts: Vec<(String, u64)> =
                parts.into_iter().filter(|&(_, count)| count > 0).collect();
            parts.sort_by_key(|part| std::cmp::Reverse(part.1));
            parts
                .iter()
                .map(|(name, count)| format!("{name} {}", format::count(*count)))
                .collect::<Vec<_>>()
                .join(" · ")
        };
        let lost: Vec<(String, u64)> = ledger
            .lost
            .iter()
            .flat_map(|(kind, reasons)| {
                reasons.iter().map(|(reason, &count)| {
                    (
                        format!("{}: {}", kind.label(lang), reason.label(lang)),
                        count,
                    )
                })
            })
            .collect();
        let sum = |counts: &mut dyn Iterator<Item = u64>| format::count(counts.sum());
        Self {
            last: ledger.last_batch.map_or_else(
                || entry.words().never.to_owned(),
                |at| format::ago(at.max(1), entry.now, lang),
            ),
            last_exact: ledger.last_batch.map(window::exact).unwrap_or_default(),
            stored: sum(&mut ledger.stored.values().copied()),
            stored_kinds: list(
                ledger
                    .stored
                    .iter()
                    .map(|(kind, &count)| (kind.label(lang).to_owned(), count))
                    .collect(),
            ),
            duplicates: format::count(ledger.duplicates),
            refused: sum(&mut ledger.refused.values().copied()),
            refused_reasons: list(
                ledger
                    .refused
                    .iter()
                    .map(|(reason, &count)| (reason.replace('_', " "), count))
                    .collect(),
            ),
            limited: sum(&mut ledger.limited.values().copied()),
            limited_reasons: list(
                ledger
                    .limited
                    .iter()
                    .map(|(reason, &count)| (reason.replace('_', " "), count))
                    .collect(),
            ),
            lost: sum(&mut lost.iter().map(|&(_, count)| count)),
            lost_reasons: list(lost),
            erased: format::count(ledger.erased),
        }
    }
}
