//! `/issues/{id}`: one issue, and one of its reports in full.

use super::chart::{Icicle, OverTime, Series, Shape, ShareBar, Unit};
use super::entry::{Entry, Trouble};
use super::issue_row::{IssueLine, kind_of};
use super::report_view::{self, CrashView, FreezeView};
use super::shell::Shell;
use super::words::{Words, fill};
use super::{format, window};
use crate::access::Need;
use crate::grouping::{Explanation, group};
use crate::naming::name_stack;
use crate::privacy::groups::{self, Merged, SafeIssue};
use crate::state::State;
use crate::store::{Breakdown, IssueId, IssuePage, Store};
use askama::Template;
use axum::extract::{Path, State as Given};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use candor_protocol::deidentify::ReportId;
use candor_protocol::report::{Report, What};

/// Reports in the list, and reports whose samples are merged.
const REPORTS: u32 = 50;

/// `GET /issues/{id}`.
pub(crate) async fn page<S: Store>(
    Given(state): Given<State<S>>,
    Path(id): Path<String>,
    mut entry: Entry,
) -> Response {
    let found = find(&state, &entry, &id).await;
    let found = found.and_then(|found| written_down(&state, &entry, found));
    if let Ok(found) = &found {
        entry.shell.title = found.page.row.title.clone();
    }
    entry.answer(found.map(|found| show(&state, &entry, found)))
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
    let SafeIssue {
        page,
        by_release,
        by_os,
        by_device,
    } = groups::issue(state, &entry.app, id, entry.span)
        .await?
        .ok_or(Trouble::NoIssue)?;
    let spread = [by_release, by_os, by_device];
    // Whoever may see aggregates alone is not even looked up a report for.
    if !entry.visitor.may(Need::Reports) {
        return Ok(Found {
            id,
            page,
            spread,
            reports: Vec::new(),
            report: None,
        });
    }
    let before = match entry.visit.get("before") {
        Some(before) => Some(before.parse::<ReportId>().map_err(|_| Trouble::NoReport)?),
        None => None,
    };
    let reports = state
        .store
        .issue_reports(&entry.app, id, REPORTS, before)
        .await?;
    let Some(wanted) = entry.visit.get("report") else {
        return Ok(Found {
            id,
            page,
            spread,
            report: reports.first().cloned(),
            reports,
        });
    };
    let wanted: ReportId = wanted.parse().map_err(|_| Trouble::NoReport)?;
    if let Some(report) = reports.iter().find(|report| report.id == wanted) {
        let report = Some(report.clone());
        return Ok(Found {
            id,
            page,
            spread,
            reports,
            report,
        });
    }
    // An address that was shared stays good after newer reports have pushed its report out of the list.
    let report = state
        .store
        .report(&entry.app, wanted)
        .await?
        .ok_or(Trouble::NoReport)?;
    let belongs = group(&report, |stack, modules| {
        name_stack(&state.symbols, stack, modules)
    });
    if belongs.is_none_or(|grouped| grouped.id != id) {
        return Err(Trouble::NoReport);
    }
    let reports = state
        .store
        .issue_reports(&entry.app, id, REPORTS, Some(wanted))
        .await?;
    Ok(Found {
        id,
        page,
        spread,
        reports,
        report: Some(report),
    })
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

fn show<'a, S: Store>(state: &State<S>, entry: &'a Entry, found: Found) -> Issue<'a> {
    let w = entry.words();
    let lang = entry.visit.lang;
    let Found {
        id,
        page,
        spread: [by_release, by_os, by_device],
        reports,
        report,
    } = found;
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
    let (crash, freeze) = match report.as_ref().map(|report| (report, &report.what)) {
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
    let (tree, merged) = report_view::merged(&state.symbols, &reports);
    let spread = |name, merged: &Merged<Breakdown>| Spread {
        name,
        rows: merged
            .shown
            .iter()
            .map(|row| (row, row.label.as_str()))
            .chain(merged.other.iter().map(|row| (row, w.small_groups)))
            .map(|(row, label)| SpreadLine {
                label: label.to_owned(),
                reports: format::count(row.reports),
                bar: ShareBar::new(tone, row.reports, page.row.reports),
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
            vec![Series::counts(w.reports, tone, spark)],
        )
        .narrowing(entry.closer()),
        breakdowns: vec![
            spread(w.releases, &by_release),
            spread(w.systems, &by_os),
            spread(w.devices, &by_device),
        ],
        more: (reports.len() == REPORTS as usize)
            .then(|| reports.last())
            .flatten()
            .map(|last| entry.visit.page(&path, &[("before", last.id.as_str())])),
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
                    || report_view::device(&report.device),
                ),
                detail: report_view::detail(&report.what, lang),
                current: current == Some(index),
            })
            .collect(),
        single: entry.visitor.may(Need::Reports),
        why: page.why,
        line,
        list: entry.visit.page("/issues", &[]),
    }
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
    set
}
