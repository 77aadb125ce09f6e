//! `/issues/{id}`: one issue, and one of its reports in full.

use super::chart::{Icicle, OverTime, Series, Shape, ShareBar, Tone, Unit};
use super::entry::{Entry, Trouble};
use super::history::{self, TurnLine};
use super::issue_row::{IssueLine, kind_of};
use super::report_view::{self, CrashView, FreezeView};
use super::shell::Shell;
use super::words::{Words, fill};
use super::{format, markdown, window};
use crate::access::Need;
use crate::grouping::Explanation;
use crate::privacy::groups::{self, Merged, SafeIssue, Whole, is_over};
use crate::state::State;
use crate::statistics::Share;
use crate::store::triage::StateKind;
use crate::store::{Breakdown, IssueFilter, IssueId, IssuePage, IssueRow, Member, Sort, Store};
use askama::Template;
use axum::extract::{Path, State as Given};
use axum::http::header;
use axum::response::{IntoResponse, Redirect, Response};
use candor_protocol::deidentify::{Release, ReportId};
use candor_protocol::report::{Report, What};
use futures_util::future::try_join_all;

/// Reports in the list, and reports whose samples are merged.
const REPORTS: u32 = 50;

/// `GET /issues/{id}`.
pub(crate) async fn page<S: Store>(
    Given(state): Given<State<S>>,
    Path(id): Path<String>,
    mut entry: Entry,
) -> Response {
    let found = find(&state, &entry, &id).await;
    if let Ok(Found { id: root, .. }) = &found
        && root.to_string() != id
    {
        // It was merged into another one.
        return Redirect::to(&entry.visit.below(&format!("/issues/{root}"))).into_response();
    }
    let found = found.and_then(|found| written_down(&state, &entry, found));
    if let Ok(found) = &found {
        entry.shell.title = found.page.row.title.clone();
    }
    let similar = match &found {
        Ok(found) => similar(&state, &entry, &found.page).await,
        Err(_) => Ok(Vec::new()),
    };
    let page = found.and_then(|found| Ok(show(&state, &entry, found, &similar?)));
    entry.answer(page)
}

/// Similar issues that are offered.
const SIMILAR: u32 = 5;

/// Issues of the range that blame the same function, or name the same frame first.
async fn similar<S: Store>(
    state: &State<S>,
    entry: &Entry,
    page: &IssuePage,
) -> Result<Vec<IssueRow>, Trouble> {
    let all = || IssueFilter {
        kind: Some(page.row.kind),
        sort: Sort::Reports,
        limit: SIMILAR + 1,
        ..IssueFilter::all(entry.span, entry.now)
    };
    let culprit = Some(&page.row.culprit).filter(|culprit| !culprit.is_empty());
    let culprit = culprit.map(|culprit| IssueFilter {
        culprit: Some(culprit.clone()),
        ..all()
    });
    let frame = page.why.frames.first().map(|frame| IssueFilter {
        text: frame.clone(),
        ..all()
    });
    let filters = [culprit, frame].into_iter().flatten();
    let lists = filters.map(|filter| state.store.issues(&entry.app, filter));
    let mut found: Vec<IssueRow> = Vec::new();
    for row in try_join_all(lists)
        .await?
        .into_iter()
        .flat_map(|list| list.rows)
    {
        if row.id != page.row.id && found.iter().all(|one| one.id != row.id) {
            found.push(row);
        }
    }
    found.truncate(SIMILAR as usize);
    Ok(found)
}

/// `GET /issues/{id}/issue.md`: the issue and the stacks of one report as Markdown, for a ticket.
pub(crate) async fn markdown<S: Store>(
    Given(state): Given<State<S>>,
    Path(id): Path<String>,
    entry: Entry,
) -> Response {
    let found = find(&state, &entry, &id).await;
    match found.and_then(|found| written_down(&state, &entry, found)) {
        Ok(found) => {
            let text = markdown::markdown(
                &state.symbols,
                &found.page,
                &found.spread,
                found.report.as_ref(),
            );
            let kind = "text/markdown; charset=utf-8";
            ([(header::CONTENT_TYPE, kind)], text).into_response()
        }
        Err(trouble) => entry.answer(Err::<Issue<'_>, _>(trouble)),
    }
}

/// `GET /issues/{id}/stack.txt`: the stacks of one report as text.
pub(crate) async fn text<S: Store>(
    Given(state): Given<State<S>>,
    Path(id): Path<String>,
    entry: Entry,
) -> Response {
    let found = find(&state, &entry, &id).await;
    match found.and_then(|found| written_down(&state, &entry, found)) {
        Ok(Found {
            report: Some(report),
            page,
            ..
        }) => {
            let text = report_view::text(&state.symbols, &page.row, &report);
            ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response()
        }
        Ok(_) => entry.answer(Err::<Issue<'_>, _>(Trouble::NoReport)),
        Err(trouble) => entry.answer(Err::<Issue<'_>, _>(trouble)),
    }
}

/// An issue, some of its reports, and the one to show.
struct Found {
    id: IssueId,
    page: IssuePage,
    /// By release, system and machine.
    spread: [Merged<Breakdown>; 3],
    /// The release that all but the breakdown by release is of.
    within: Option<Release>,
    /// What the breakdown by release is compared with.
    whole: Whole,
    /// Newest first.
    reports: Vec<Report>,
    report: Option<Report>,
}

/// No report is shown that the audit trail does not know of.
fn written_down<S: Store>(state: &State<S>, entry: &Entry, found: Found) -> Result<Found, Trouble> {
    let (app, who) = (&entry.app, &entry.visitor.who());
    if let Some(report) = &found.report {
        let (now, id) = (state.clock.now(), report.id.as_str());
        state.office.note_read(now, who, app, id)?;
    }
    Ok(found)
}

async fn find<S: Store>(state: &State<S>, entry: &Entry, id: &str) -> Result<Found, Trouble> {
    let id: IssueId = id.parse().map_err(|()| Trouble::NoIssue)?;
    // A file that was added a moment ago names what is shown now.
    state.symbols.refresh();
    let wanted = entry.visit.get("release").map(Release::parse);
    let wanted = wanted.and_then(Result::ok);
    let SafeIssue {
        page,
        by_release,
        by_os,
        by_device,
        within,
        whole,
    } = groups::issue(state, &entry.app, id, wanted.as_ref(), entry.span)
        .await?
        .ok_or(Trouble::NoIssue)?;
    let id = page.row.id;
    let release = within.clone();
    let found = |reports, report| Found {
        id,
        page,
        spread: [by_release, by_os, by_device],
        within,
        whole,
        reports,
        report,
    };
    // Whoever may see aggregates alone is not even looked up a report for.
    if !entry.visitor.may(Need::Reports) {
        return Ok(found(Vec::new(), None));
    }
    let before = match entry.visit.get("before") {
        Some(before) => Some(before.parse::<ReportId>().map_err(|_| Trouble::NoReport)?),
        None => None,
    };
    let read = |before| {
        let (app, release) = (&entry.app, release.as_ref());
        state.store.issue_reports(app, id, release, REPORTS, before)
    };
    let reports = read(before).await?;
    let Some(wanted) = entry.visit.get("report") else {
        let first = reports.first().cloned();
        return Ok(found(reports, first));
    };
    let wanted: ReportId = wanted.parse().map_err(|_| Trouble::NoReport)?;
    if let Some(report) = reports.iter().find(|report| report.id == wanted).cloned() {
        return Ok(found(reports, Some(report)));
    }
    // An address that was shared stays good after newer reports have pushed its report out of the list.
    let report = state
        .store
        .report(&entry.app, wanted)
        .await?
        .ok_or(Trouble::NoReport)?;
    let belongs = state.store.issue_of(&entry.app, wanted).await?;
    if belongs != Some(id) {
        return Err(Trouble::NoReport);
    }
    let reports = read(Some(wanted)).await?;
    Ok(found(reports, Some(report)))
}

#[derive(Template)]
#[template(path = "issue.html")]
struct Issue<'a> {
    w: &'static Words,
    shell: &'a Shell,
    line: IssueLine,
    /// Reports, installs and runs, in a sentence.
    reach: String,
    seen: String,
    shown: Option<Shown>,
    crash: Option<CrashView>,
    freeze: Option<FreezeView>,
    icicle: Option<Icicle>,
    merged: String,
    trend: OverTime,
    breakdowns: Vec<Spread>,
    reports: Vec<ReportLine>,
    /// Whether the visitor may see single reports.
    single: bool,
    more: Option<String>,
    why: Explanation,
    members: Vec<Member>,
    similar: Vec<IssueLine>,
    turns: Vec<TurnLine>,
    state_class: &'static str,
    state_word: &'static str,
    state_text: String,
    /// Says that alerts tell nothing of it.
    muted: Option<String>,
    releases: Vec<String>,
    action: String,
    /// Says to which release the page is narrowed, or that it cannot be.
    narrowed: Option<String>,
    /// Leads to all releases.
    widened: String,
    markdown: String,
    search: String,
    list: String,
}

/// The report that is shown.
struct Shown {
    at: String,
    at_exact: String,
    newer: Option<String>,
    older: Option<String>,
    text: String,
}

/// How an issue spreads over releases, systems or machines.
struct Spread {
    name: &'static str,
    rows: Vec<SpreadLine>,
}

struct SpreadLine {
    label: String,
    reports: String,
    bar: ShareBar,
    /// Share of the runs of this class that met the issue.
    met: String,
    met_of: String,
    /// Whether far more of the runs of this class met it than of all runs.
    over: bool,
    /// Whether the page is narrowed to it.
    current: bool,
    /// Narrows the page to this release; of others, issues of this class.
    href: Option<String>,
}

/// A report in the list.
struct ReportLine {
    href: String,
    at: String,
    at_exact: String,
    release: String,
    device: String,
    detail: String,
    current: bool,
}

fn show<'a, S: Store>(
    state: &State<S>,
    entry: &'a Entry,
    found: Found,
    similar: &[IssueRow],
) -> Issue<'a> {
    let w = entry.words();
    let lang = entry.visit.lang;
    let Found {
        id,
        page,
        spread: [by_release, by_os, by_device],
        within,
        whole,
        reports,
        report,
    } = found;
    // Without what was said of alerts an issue is shown all the same.
    let muted = state.alerts.mute(&entry.app, &page.numbers(), entry.now);
    let muted = muted.unwrap_or_default();
    let path = format!("/issues/{id}");
    let (_, _, tone) = kind_of(entry, &page.row);
    let at = |report: &Report| entry.visit.page(&path, &link(entry, report));
    let current = report
        .as_ref()
        .and_then(|report| reports.iter().position(|one| one.id == report.id));
    let shown = report.as_ref().map(|report| Shown {
        at: format::ago(report.at.unix_seconds(), entry.now, lang),
        at_exact: window::exact(report.at.unix_seconds()),
        newer: current
            .and_then(|index| reports.get(index.checked_sub(1)?))
            .map(at),
        older: reports.get(current.map_or(0, |index| index + 1)).map(at),
        text: entry
            .visit
            .page(&format!("{path}/stack.txt"), &link(entry, report)),
    });
    let (mut crash, mut freeze) = match report.as_ref().map(|report| (report, &report.what)) {
        Some((report, What::Crash(crash))) => (
            Some(CrashView::new(
                &state.symbols,
                report,
                crash,
                &page.row.culprit,
                lang,
            )),
            None,
        ),
        Some((report, What::Freeze(freeze))) => (
            None,
            Some(FreezeView::new(&state.symbols, report, freeze, lang)),
        ),
        _ => (None, None),
    };
    // Without its settings a stack is shown all the same.
    let settings = state.office.settings().ok();
    let forge = settings.as_ref().and_then(|all| all.forge(&entry.app));
    if let (Some(forge), Some(report)) = (forge, &report) {
        let release = report.release.as_str();
        crash
            .iter_mut()
            .for_each(|view| view.lead_to(forge, release));
        freeze
            .iter_mut()
            .for_each(|view| view.lead_to(forge, release));
    }
    let (tree, merged) = report_view::merged(&state.symbols, &reports);
    let part = Whole {
        reports: page.row.reports,
        runs: page.row.runs,
        runs_total: page.runs_total,
    };
    // A release narrows this page, other classes lead to their issues.
    let narrowed = |key: &str, label: &str| match key {
        "release" => entry.visit.page(&path, &[("release", label)]),
        _ => entry.visit.page("/issues", &[(key, label)]),
    };
    let spread = |name, key: &str, merged: &Merged<Breakdown>, base: Whole| Spread {
        name,
        rows: merged
            .shown
            .iter()
            .map(|row| (row, row.label.as_str(), true))
            .chain(merged.other.iter().map(|row| (row, w.small_groups, false)))
            .map(|(row, label, is_class)| SpreadLine {
                over: is_class && is_over(row, Share::new(base.runs, base.runs_total)),
                current: within
                    .as_ref()
                    .is_some_and(|of| key == "release" && of.as_str() == label),
                href: is_class.then(|| narrowed(key, label)),
                label: label.to_owned(),
                reports: format::count(row.reports),
                bar: ShareBar::new(tone, row.reports, base.reports),
                met: format::share(row.runs.min(row.of), row.of),
                met_of: fill(
                    w.of_runs,
                    &[&format::count(row.runs), &format::count(row.of)],
                ),
            })
            .collect(),
    };
    let spark = page.row.spark.iter().map(|&count| u64::from(count));
    let line = IssueLine::new(entry, &page.row);
    Issue {
        w,
        shell: &entry.shell,
        reach: fill(
            w.issue_reach,
            &[
                &line.reports,
                &line.installs,
                &line.runs,
                &format::share(page.row.runs.min(page.runs_total), page.runs_total),
            ],
        ),
        seen: fill(
            w.issue_seen,
            &[
                &window::exact(page.row.first_seen),
                &page.row.first_release,
                &window::exact(page.row.last_seen),
                &page.row.last_release,
            ],
        ),
        shown,
        crash,
        freeze,
        icicle: Icicle::new(w, &tree),
        merged: fill(w.merged_from, &[&format::millis(tree.ms()), &merged]),
        trend: OverTime::new(
            w,
            w.reports,
            Unit::Count,
            Shape::Bars,
            entry.span,
            by_release_or(&page, vec![Series::counts(w.reports, tone, spark)], w),
        )
        .narrowing(entry.closer()),
        breakdowns: vec![
            spread(w.releases, "release", &by_release, whole),
            spread(w.systems, "os", &by_os, part),
            spread(w.devices, "device", &by_device, part),
        ],
        more: (reports.len() == REPORTS as usize)
            .then(|| reports.last())
            .flatten()
            .map(|last| {
                let mut set = vec![("before", last.id.as_str())];
                set.extend(narrowed_to(entry));
                entry.visit.page(&path, &set)
            }),
        reports: reports
            .iter()
            .enumerate()
            .map(|(index, report)| ReportLine {
                href: at(report),
                at: format::ago(report.at.unix_seconds(), entry.now, lang),
                at_exact: window::exact(report.at.unix_seconds()),
                release: named(is_shown(&by_release, report.release.as_str()), w, || {
                    report.release.to_string()
                }),
                device: named(
                    is_shown(&by_os, &os(report)) && is_shown(&by_device, &report.device.class()),
                    w,
                    || report_view::device(&report.device, lang),
                ),
                detail: report_view::detail(&report.what, lang),
                current: current == Some(index),
            })
            .collect(),
        single: entry.visitor.may(Need::Reports),
        state_class: page.row.state.kind().as_str(),
        state_word: history::state_word(w, page.row.state.kind()),
        state_text: match page.row.state.kind() {
            // The mark says it.
            StateKind::Open => String::new(),
            _ => history::state_text(w, &page.row.state),
        },
        muted: muted.map(|mute| history::mute_text(w, &mute)),
        turns: page
            .turns
            .iter()
            .map(|turn| TurnLine::new(entry, &line.id, turn))
            .collect(),
        similar: similar
            .iter()
            .map(|row| IssueLine::new(entry, row))
            .collect(),
        releases: by_release
            .shown
            .iter()
            .map(|row| row.label.clone())
            .collect(),
        action: entry
            .visit
            .page(&path, &narrowed_to(entry).into_iter().collect::<Vec<_>>()),
        narrowed: match (&within, entry.visit.get("release")) {
            (Some(release), _) => Some(fill(w.i_only_release, &[release])),
            (None, Some(release)) => Some(fill(w.i_release_not_shown, &[&release])),
            (None, None) => None,
        },
        widened: entry.visit.page(&path, &[]),
        markdown: match &report {
            Some(report) => {
                let set = link(entry, report);
                entry.visit.page(&format!("{path}/issue.md"), &set)
            }
            None => {
                let set: Vec<_> = narrowed_to(entry).into_iter().collect();
                entry.visit.page(&format!("{path}/issue.md"), &set)
            }
        },
        search: entry
            .visit
            .page("/issues", &[("q", &page.row.culprit), ("state", "all")]),
        members: page.members,
        why: page.why,
        line,
        list: entry.visit.page("/issues", &[]),
    }
}

/// Releases that a trend tells apart.
const TRENDS: usize = 4;

/// Reports by release, where there are several; what is not told apart is the rest.
fn by_release_or(page: &IssuePage, all: Vec<Series>, w: &'static Words) -> Vec<Series> {
    if page.trends.len() < 2 {
        return all;
    }
    let apart = page.trends.iter().take(TRENDS);
    let mut rest: Vec<u64> = page.row.spark.iter().map(|&n| u64::from(n)).collect();
    let mut series = Vec::new();
    for (rank, (release, steps)) in apart.enumerate() {
        for (rest, step) in rest.iter_mut().zip(steps) {
            *rest = rest.saturating_sub(u64::from(*step));
        }
        let steps = steps.iter().map(|&step| u64::from(step));
        series.push(Series::counts(release, Tone::Kind(rank), steps));
    }
    if rest.iter().any(|&n| n > 0) {
        series.push(Series::counts(w.t_other_releases, Tone::Quiet, rest));
    }
    series
}

/// Whether a class is large enough to be named.
fn is_shown(merged: &Merged<Breakdown>, label: &str) -> bool {
    merged.other.is_none() || merged.shown.iter().any(|row| row.label == label)
}

/// The class of a report in a list, if it may be named.
fn named(shown: bool, w: &'static Words, label: impl FnOnce() -> String) -> String {
    if shown {
        label()
    } else {
        w.small_groups.to_owned()
    }
}

/// Operating system and its version, as the store names it.
fn os(report: &Report) -> String {
    let device = &report.device;
    match &device.os_version {
        Some(version) => format!("{} {}", device.os, version.as_str()),
        None => device.os.to_string(),
    }
}

/// What an address needs to show `report` again.
fn link<'a>(entry: &'a Entry, report: &'a Report) -> Vec<(&'static str, &'a str)> {
    let mut set = vec![("report", report.id.as_str())];
    set.extend(entry.visit.get("before").map(|before| ("before", before)));
    set.extend(narrowed_to(entry));
    set
}

/// What of an address narrows the page to a release.
fn narrowed_to(entry: &Entry) -> Option<(&'static str, &str)> {
    Some(("release", entry.visit.get("release")?))
}
