//! `/runs`: how runs end.

use super::chart::{OverTime, Series, Shape, Tone, Unit};
use super::csv::{self, cell};
use super::entry::{Entry, Trouble};
use super::figure::{Counted, counted};
use super::format;
use super::labels::Label;
use super::shell::{Choice, Shell};
use super::words::{Lang, Words};
use crate::privacy::groups::{self, SafeExits};
use crate::state::State;
use crate::store::{ExitSum, Store, compare_versions};
use askama::Template;
use axum::extract::State as Given;
use axum::response::Response;
use candor_protocol::report::Exit;

/// `GET /runs`.
pub(crate) async fn page<S: Store>(Given(state): Given<State<S>>, entry: Entry) -> Response {
    entry.answer(show(&state, &entry).await)
}

/// `GET /runs.csv`: the table.
pub(crate) async fn table<S: Store>(Given(state): Given<State<S>>, entry: Entry) -> Response {
    match groups::exits(&state, &entry.app, entry.span).await {
        Ok(told) => csv::download("runs.csv", as_csv(&told)),
        Err(error) => entry.explain(&Trouble::Store(error)),
    }
}

/// Runs of releases by how they ended; all releases that too few installations have are one without a name.
fn as_csv(told: &SafeExits) -> String {
    let exits: Vec<&str> = Exit::ALL.iter().map(|exit| exit.as_str()).collect();
    let mut table = format!("release,runs,frozen,still_running,{}\n", exits.join(","));
    let mut shown: Vec<_> = told.by_release.shown.iter().collect();
    shown.sort_by(|(a, _), (b, _)| compare_versions(b.as_str(), a.as_str()));
    let shown = shown.into_iter().map(|(of, sum)| (of.as_str(), sum));
    let others = told.by_release.other.iter().map(|(_, sum)| ("", sum));
    for (release, sum) in shown.chain(others) {
        let mut cells = vec![
            cell(release),
            sum.runs.to_string(),
            sum.frozen.to_string(),
            runs(sum, None).to_string(),
        ];
        cells.extend(
            Exit::ALL
                .iter()
                .map(|&exit| runs(sum, Some(exit)).to_string()),
        );
        table.push_str(&cells.join(","));
        table.push('\n');
    }
    table
}

async fn show<'a, S: Store>(state: &State<S>, entry: &'a Entry) -> Result<Runs<'a>, Trouble> {
    let (w, lang) = (entry.words(), entry.visit.lang);
    let told = groups::exits(state, &entry.app, entry.span).await?;
    let mut all = ExitSum::default();
    told.steps.iter().for_each(|(_, sum)| all.add(sum));
    let ends = ends(&all);
    let series = ends.iter().enumerate().map(|(rank, &end)| {
        let runs = told.steps.iter().map(|(_, sum)| runs(sum, end));
        Series::counts(name(w, lang, end), tone(end, rank), runs)
    });
    let chart = OverTime::new(
        w,
        w.exits,
        Unit::Count,
        Shape::Bars,
        entry.span,
        series.collect(),
    );
    let mut by_release = told.by_release.shown;
    by_release.sort_by(|(a, _), (b, _)| compare_versions(b.as_str(), a.as_str()));
    let line = |name: String, href, sum: &ExitSum| Line {
        name,
        href,
        runs: format::count(sum.runs),
        shares: ends
            .iter()
            .map(|&end| format::share(runs(sum, end), sum.runs))
            .collect(),
    };
    let mut lines: Vec<Line> = by_release
        .iter()
        .map(|(release, sum)| {
            let set = [("release", release.as_str()), ("state", "all")];
            let href = entry.visit.page("/issues", &set);
            line(release.to_string(), Some(href), sum)
        })
        .collect();
    if let Some((_, sum)) = &told.by_release.other {
        lines.push(line(w.small_groups.to_owned(), None, sum));
    }
    Ok(Runs {
        w,
        shell: &entry.shell,
        chart: chart.narrowing(entry.closer()),
        totals: counted(
            ends.iter()
                .map(|&end| (name(w, lang, end).to_owned(), runs(&all, end))),
            Tone::Accent,
        ),
        ends: ends.iter().map(|&end| name(w, lang, end)).collect(),
        lines,
        csv: entry.visit.below("/runs.csv"),
        longer: entry.longer(),
    })
}

#[derive(Template)]
#[template(path = "runs.html")]
struct Runs<'a> {
    w: &'static Words,
    shell: &'a Shell,
    chart: OverTime,
    totals: Vec<Counted>,
    /// How runs ended, as the columns of the table.
    ends: Vec<&'static str>,
    lines: Vec<Line>,
    csv: String,
    longer: Option<Choice>,
}

/// A release.
struct Line {
    name: String,
    /// Leads to its issues; releases together have no address.
    href: Option<String>,
    runs: String,
    /// Of its runs, how many ended in each way.
    shares: Vec<String>,
}

/// How a run ended; nothing when it has not.
type End = Option<Exit>;

/// Every way in which one of these runs ended, most runs first.
fn ends(all: &ExitSum) -> Vec<End> {
    let known = all.exits.keys().map(|exit| Some(*exit));
    let mut ends: Vec<End> = known.chain([None]).collect();
    ends.retain(|&end| runs(all, end) > 0);
    ends.sort_by_key(|&end| std::cmp::Reverse(runs(all, end)));
    ends
}

/// How many of these runs ended in this way.
fn runs(sum: &ExitSum, end: End) -> u64 {
    match end {
        Some(exit) => sum.exits.get(&exit).copied().unwrap_or_default(),
        None => sum.runs.saturating_sub(sum.exits.values().sum()),
    }
}

fn name(w: &'static Words, lang: Lang, end: End) -> &'static str {
    end.map_or(w.still_running, |exit| exit.label(lang))
}

/// Crashes and freezes in the colours that mean them everywhere.
fn tone(end: End, rank: usize) -> Tone {
    match end {
        Some(Exit::Crash) => Tone::Crash,
        Some(Exit::FreezeKill) => Tone::Freeze,
        None => Tone::Quiet,
        Some(Exit::Clean) => Tone::Accent,
        Some(_) => Tone::Kind(rank),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ways_to_end_come_most_first_and_a_run_that_has_not_is_one_of_them() {
        let all = ExitSum {
            runs: 10,
            frozen: 0,
            exits: [(Exit::Clean, 2), (Exit::Crash, 5), (Exit::Killed, 0)].into(),
        };
        let expected = [Some(Exit::Crash), None, Some(Exit::Clean)];
        assert_eq!(ends(&all), expected);
        assert_eq!(expected.map(|end| runs(&all, end)), [5, 3, 2]);
        assert_eq!(ends(&ExitSum::default()), []);
    }
}
