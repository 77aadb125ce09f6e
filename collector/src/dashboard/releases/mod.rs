//! `/releases`: every release of a range, and two of them side by side.

pub(crate) mod asked;
mod compare;

use super::chart::{ShareBar, Tone};
use super::csv::{self, cell};
use super::entry::{Entry, Trouble};
use super::format;
use super::shell::{Choice, Shell};
use super::words::{Words, fill};
use crate::privacy::calendar;
use crate::state::State;
use crate::statistics::{Share, wilson};
use crate::store::{ReleaseRow, Store};
use askama::Template;
use asked::{Released, Releases, crash_free, freeze_free, per_thousand, releases, risen};
use axum::extract::State as Given;
use axum::response::Response;
use compare::{Compared, ISSUES};

/// `GET /releases`.
pub(crate) async fn page<S: Store>(Given(state): Given<State<S>>, entry: Entry) -> Response {
    entry.answer(show(&state, &entry).await)
}

/// `GET /releases.csv`: the table.
pub(crate) async fn table<S: Store>(Given(state): Given<State<S>>, entry: Entry) -> Response {
    match releases(&state, &entry.app, entry.span).await {
        Ok(found) => csv::download("releases.csv", as_csv(&found)),
        Err(error) => entry.answer(Err::<Page<'_>, _>(Trouble::Store(error))),
    }
}

async fn show<'a, S: Store>(state: &State<S>, entry: &'a Entry) -> Result<Page<'a>, Trouble> {
    let w = entry.words();
    let found = releases(state, &entry.app, entry.span).await?;
    let named = ["a", "b"].map(|key| entry.visit.get(key));
    let pair = found.pair(named[0], named[1]);
    let compared = match pair {
        Some(pair) => {
            let risen = risen(state, &entry.app, entry.span, pair, ISSUES).await?;
            Some(Compared::new(entry, pair, &risen))
        }
        None => None,
    };
    let hidden = named.into_iter().flatten().find(|name| {
        let mut shown = found.shown.iter();
        !shown.any(|one| one.row.release.as_str() == *name)
    });
    let options = |chosen: Option<&Released>| {
        let shown = found.shown.iter().map(|one| &one.row.release);
        shown
            .map(|release| Choice {
                href: String::new(),
                label: release.to_string(),
                current: chosen.is_some_and(|one| one.row.release == *release),
            })
            .collect()
    };
    let lines = found
        .shown
        .iter()
        .map(|one| Line::new(entry, one, found.installs));
    Ok(Page {
        w,
        shell: &entry.shell,
        kept: ["range", "to"]
            .into_iter()
            .filter_map(|key| Some((key, entry.visit.get(key)?.to_owned())))
            .collect(),
        left: options(pair.map(|(a, _)| a)),
        right: options(pair.map(|(_, b)| b)),
        lines: lines
            .chain(
                found
                    .others
                    .iter()
                    .map(|row| Line::of_others(w, row, found.others_frozen)),
            )
            .collect(),
        not_compared: match hidden {
            Some(name) => fill(w.r_not_shown, &[&name]),
            None => w.r_needs_two.to_owned(),
        },
        compared,
        csv: entry.visit.below("/releases.csv"),
        longer: entry.longer(),
    })
}

#[derive(Template)]
#[template(path = "releases.html")]
struct Page<'a> {
    w: &'static Words,
    shell: &'a Shell,
    /// What the form of the comparison carries on.
    kept: Vec<(&'static str, String)>,
    left: Vec<Choice>,
    right: Vec<Choice>,
    lines: Vec<Line>,
    compared: Option<Compared>,
    /// What to say where nothing is compared.
    not_compared: String,
    csv: String,
    longer: Option<Choice>,
}

/// A share and where it lies at 95 %.
struct Sure {
    value: String,
    interval: String,
}

impl Sure {
    fn new(share: Share) -> Self {
        Self {
            value: format::share(share.part, share.whole),
            interval: wilson(share).map_or_else(String::new, |interval| {
                let percent = |value: f64| format!("{:.2}", value * 100.0);
                format!("{} – {}%", percent(interval.low), percent(interval.high))
            }),
        }
    }
}

/// A release in the table.
struct Line {
    release: String,
    /// Leads to its issues; releases together have no address.
    href: Option<String>,
    bar: ShareBar,
    adoption: String,
    installs: String,
    runs: String,
    crash_free: Sure,
    freeze_free: Sure,
    connected: Sure,
    ready_p95: String,
    new_issues: String,
    /// The days on which it was seen first and last.
    first_seen: String,
    last_seen: String,
}

/// How often something happened for every thousand runs.
fn rate(count: u64, runs: u64) -> String {
    per_thousand(count, runs)
        .map_or_else(|| format::NOTHING.to_owned(), |rate| format!("{rate:.2}"))
}

/// `2026-03-14`; a day is told by when it begins.
fn day(begins: Option<u64>) -> String {
    begins.map_or_else(|| format::NOTHING.to_owned(), calendar::date)
}

impl Line {
    fn new(entry: &Entry, release: &Released, installs: u64) -> Self {
        let row = &release.row;
        let name = row.release.as_str();
        Self {
            release: name.to_owned(),
            href: Some(
                entry
                    .visit
                    .page("/issues", &[("release", name), ("state", "all")]),
            ),
            bar: ShareBar::new(Tone::Accent, row.installs, installs),
            adoption: format::share(row.installs, installs),
            installs: format::count(row.installs),
            runs: format::count(row.runs),
            crash_free: Sure::new(release.crash_free()),
            freeze_free: Sure::new(release.freeze_free()),
            connected: Sure::new(release.connected()),
            ready_p95: format::micros_or_nothing(release.ready_us.quantile(0.95)),
            new_issues: format::count(release.new_issues),
            first_seen: day(row.first_seen),
            last_seen: day(row.last_seen),
        }
    }

    /// All others together: who is in several of them would count several times.
    fn of_others(w: &Words, row: &ReleaseRow, frozen_runs: u64) -> Self {
        let nothing = || format::NOTHING.to_owned();
        Self {
            release: w.small_groups.to_owned(),
            href: None,
            bar: ShareBar::new(Tone::Accent, 0, 0),
            adoption: nothing(),
            installs: nothing(),
            runs: format::count(row.runs),
            crash_free: Sure::new(crash_free(row)),
            freeze_free: Sure::new(freeze_free(frozen_runs, row)),
            connected: Sure::new(Share::new(row.ready, row.attempts)),
            ready_p95: nothing(),
            new_issues: nothing(),
            first_seen: nothing(),
            last_seen: String::new(),
        }
    }
}

/// Releases as a table.
fn as_csv(found: &Releases) -> String {
    let mut table =
        "release,installs,runs,crashed_runs,crash_free_low,crash_free_high,frozen_runs,freeze_free_low,freeze_free_high,freezes,attempts,ready,\
                     ready_low,ready_high,ready_us_p95,new_issues,first_seen,last_seen\n"
            .to_owned();
    for one in &found.shown {
        let ends = |share: Share| match wilson(share) {
            Some(interval) => [interval.low, interval.high].map(|end| format!("{end:.6}")),
            None => Default::default(),
        };
        let [free_low, free_high] = ends(one.crash_free());
        let [unfrozen_low, unfrozen_high] = ends(one.freeze_free());
        let [ready_low, ready_high] = ends(one.connected());
        let p95 = one.ready_us.quantile(0.95);
        let cells = [
            cell(one.row.release.as_str()),
            one.row.installs.to_string(),
            one.row.runs.to_string(),
            one.row.crashed_runs.to_string(),
            free_low,
            free_high,
            one.frozen_runs.to_string(),
            unfrozen_low,
            unfrozen_high,
            one.row.freezes.to_string(),
            one.row.attempts.to_string(),
            one.row.ready.to_string(),
            ready_low,
            ready_high,
            p95.map_or_else(String::new, |p95| p95.to_string()),
            one.new_issues.to_string(),
            one.row.first_seen.map(calendar::date).unwrap_or_default(),
            one.row.last_seen.map(calendar::date).unwrap_or_default(),
        ];
        table.push_str(&cells.join(","));
        table.push('\n');
    }
    table
}
